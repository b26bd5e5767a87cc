"""`python -m tools.kills`: kills commands at random moments and classifies what remains.

The results are in docs/reliability.md.
"""

import functools
import random
import signal
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from bertbench.console import notice, say
from suites.tables import markdown
from tools.kills.killed_commands import COMMANDS
from tools.kills.trial import Ending, kill, make_reference

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
COLUMNS = (
    "command", "signal", "kills", "old", "new", "resumable", "partial", "mixed or torn", "left behind",
    "orphans", "tracebacks", "finished when run again",
)  # fmt: skip


@click.command()
@click.option(
    "--moments", type=click.IntRange(min=1), default=50, show_default=True, help="Kills of each kind."
)
@click.option("--command", "names", type=click.Choice(tuple(COMMANDS)), multiple=True, help="[all]")
@click.option("--signal", "numbers", type=click.Choice([number.name for number in SIGNALS]), multiple=True)
@click.option("--seed", type=int, default=0, show_default=True)
def main(moments: int, names: Sequence[str], numbers: Sequence[str], seed: int) -> None:
    """Kill each command with each signal at random moments."""
    chosen = [number for number in SIGNALS if not numbers or number.name in numbers]
    rows = []
    for name in names or COMMANDS:
        killed = COMMANDS[name]
        with tempfile.TemporaryDirectory() as work:
            reference = make_reference(killed, Path(work))
            notice(f"{name}: {reference.seconds:.1f} s undisturbed")
            for number in chosen:
                draw = random.Random(f"{seed} {name} {number.name}")
                endings = [
                    kill(killed, reference, number, draw.random(), Path(work) / "trial", again=True)
                    for _ in range(moments)
                ]
                for ending in filter(functools.partial(is_bad, number), endings):
                    notice(f"{name} {number.name}: {ending}")
                rows.append((name, number.name, *count(endings)))
                notice(" ".join(rows[-1]))
    for line in markdown(COLUMNS, rows).splitlines():
        say(line)


def is_bad(number: signal.Signals, ending: Ending) -> bool:
    """Whether something is lost, or left that only SIGKILL may leave."""
    left = ending.left if number != signal.SIGKILL else ()
    lost = ending.state in ("mixed", "torn") or ending.finished is False
    return bool(left or lost or ending.orphans or ending.traceback)


def count(endings: Sequence[Ending]) -> tuple[str, ...]:
    """The cells of a row after the command and the signal."""
    states = Counter(ending.state for ending in endings)
    figures = (
        len(endings),
        *(states[state] for state in ("old", "new", "resumable", "partial")),
        states["mixed"] + states["torn"],
        sum(bool(ending.left) for ending in endings),
        sum(bool(ending.orphans) for ending in endings),
        sum(ending.traceback for ending in endings),
    )
    again = [ending.finished for ending in endings if ending.finished is not None]
    return (*map(str, figures), f"{sum(again)} of {len(again)}")


if __name__ == "__main__":
    main()
