"""`bertbench gate`: a verdict for each case and an exit status."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from bertbench.commands.typed_options import TypedCommand
from bertbench.errors import InputError
from bertbench.gate.limits import EFFICIENCY_THRESHOLD, MINIMUM_PAIRS, PAIRS
from bertbench.options import Option, Settings

if TYPE_CHECKING:
    from bertbench.gate.result import GateResult


@dataclass(frozen=True)
class GateOptions(Settings):
    """What `bertbench gate` takes."""

    arguments: Annotated[
        tuple[str, ...], Option(positional=True, metavar="[BASE HEAD] | [-- BENCHMARK ARGUMENTS]")
    ] = ()
    against: Annotated[
        str | None,
        Option(
            "Build this revision and HEAD, run them interleaved here, and judge HEAD.",
            metavar="REV",
        ),
    ] = None
    threshold: Annotated[
        float,
        Option(
            "A fall of efficiency up to this many percent is no regression.",
            minimum=0,
            maximum=100,
            exclusive=True,
        ),
    ] = 100 * EFFICIENCY_THRESHOLD
    pairs: Annotated[
        int, Option("With --against: how many runs of each revision.", minimum=MINIMUM_PAIRS)
    ] = PAIRS
    output_dir: Annotated[Path | None, Option("Folder for gate.json, for the report.", group="output")] = None

    @property
    def command_line(self) -> str:
        """A command that judges the same."""
        against = ["--against", self.against, "--pairs", str(self.pairs)] if self.against else []
        threshold = ["--threshold", f"{self.threshold:g}"]
        return shlex.join(["bertbench", "gate", *against, *threshold, *self.arguments])


def judge_results(options: GateOptions) -> None:
    """Judge stored results, or two revisions run interleaved."""
    from bertbench.console import print_table, say
    from bertbench.gate.judging import raise_for_status
    from bertbench.gate.result import GATE_FILE
    from bertbench.report.wording import gate_remarks, gate_table
    from bertbench.results.schema import write_result

    result = _judge_interleaved(options, options.against) if options.against else _judge_stored(options)
    print_table(gate_table(result))
    for remark in gate_remarks(result):
        say(remark)
    if options.output_dir:
        write_result(options.output_dir / GATE_FILE, result)
    raise_for_status(result)


command = TypedCommand(
    "gate",
    judge_results,
    GateOptions,
    help="""Judge a new result (HEAD) against an old one (BASE).

    BASE and HEAD are results folders, pytest-benchmark files, or git revisions with results stored under
    baselines/throughput. With --against, what follows `--` goes to `bertbench benchmark`.

    \b
    Exit status: 0 fine, 1 a regression, 2 bad input, 3 could not judge.
    """,
)


def _judge_stored(options: GateOptions) -> "GateResult":
    from bertbench.gate.judging import judge
    from bertbench.gate.sides import load_sides
    from bertbench.results.baselines import STORAGE

    if len(options.arguments) != 2:
        raise InputError(f"gate needs BASE and HEAD, {len(options.arguments)} given; or use --against REV.")
    base, head = options.arguments
    sides = load_sides(base, head, STORAGE)
    return judge(*sides, command=options.command_line, threshold=options.threshold / 100)


def _judge_interleaved(options: GateOptions, base: str) -> "GateResult":
    from bertbench.gate.interleaved import DEFAULT_CASES, gate_against
    from bertbench.results.repository import find_root

    return gate_against(
        find_root(Path.cwd()),
        base,
        "HEAD",
        cases=(options.arguments,) if options.arguments else DEFAULT_CASES,
        pairs=options.pairs,
        command=options.command_line,
        threshold=options.threshold / 100,
    )
