"""`bertbench gate`: a verdict for each case and an exit status."""

import math
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bertbench.errors import InputError
from bertbench.gate.limits import EFFICIENCY_THRESHOLD, MINIMUM_PAIRS, PAIRS

if TYPE_CHECKING:
    from bertbench.gate.result import GateResult


@click.command()
@click.argument("arguments", nargs=-1, metavar="[BASE HEAD] | [-- BENCHMARK ARGUMENTS]")
@click.option(
    "--against",
    metavar="REV",
    help="Build this revision and HEAD, run them interleaved on this machine, and judge HEAD.",
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 100, min_open=True, max_open=True),
    default=100 * EFFICIENCY_THRESHOLD,
    show_default=True,
    help="A fall of efficiency up to this many per cent is no regression.",
)
@click.option(
    "--pairs",
    type=click.IntRange(min=MINIMUM_PAIRS),
    default=PAIRS,
    show_default=True,
    help="With --against: how many runs of each revision.",
)
@click.option("--output-dir", type=click.Path(path_type=Path), help="Write gate.json here, for the report.")
def command(
    arguments: tuple[str, ...], against: str | None, threshold: float, pairs: int, output_dir: Path | None
) -> None:
    """Judge a new result (HEAD) against an old one (BASE).

    BASE and HEAD are results folders, pytest-benchmark files, or git revisions with results stored under
    baselines/throughput. With --against, what follows `--` goes to `bertbench benchmark`.

    \b
    Exit status: 0 fine, 1 a regression, 2 bad input, 3 could not judge.
    """
    from bertbench.console import print_table, say
    from bertbench.gate.judging import raise_for_status
    from bertbench.gate.result import GATE_FILE
    from bertbench.report.wording import gate_remarks, gate_table
    from bertbench.results.schema import write_result

    if math.isnan(threshold):
        raise InputError("--threshold nan: must be a number of per cent.")
    shown = shlex.join(["bertbench", "gate", *_options(against, threshold, pairs), *arguments])
    if against:
        result = _judge_interleaved(against, arguments, threshold / 100, pairs, shown)
    else:
        result = _judge_stored(arguments, threshold / 100, shown)
    print_table(gate_table(result))
    for remark in gate_remarks(result):
        say(remark)
    if output_dir:
        write_result(output_dir / GATE_FILE, result)
    raise_for_status(result)


def _options(against: str | None, threshold: float, pairs: int) -> list[str]:
    options = ["--against", against, "--pairs", str(pairs)] if against else []
    return [*options, "--threshold", f"{threshold:g}"]


def _judge_stored(arguments: Sequence[str], threshold: float, shown: str) -> "GateResult":
    from bertbench.gate.judging import judge
    from bertbench.gate.sides import load_sides
    from bertbench.results.baselines import STORAGE

    if len(arguments) != 2:
        raise InputError(f"gate needs BASE and HEAD, {len(arguments)} given; or use --against REV.")
    base, head = arguments
    return judge(*load_sides(base, head, STORAGE), command=shown, threshold=threshold)


def _judge_interleaved(
    base: str, arguments: Sequence[str], threshold: float, pairs: int, shown: str
) -> "GateResult":
    from bertbench.gate.interleaved import DEFAULT_CASES, gate_against
    from bertbench.results.repository import find_root

    cases = (arguments,) if arguments else DEFAULT_CASES
    root = find_root(Path.cwd())
    return gate_against(root, base, "HEAD", cases=cases, pairs=pairs, command=shown, threshold=threshold)
