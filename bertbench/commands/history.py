"""`bertbench history`: stored throughput over time."""

import dataclasses
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from bertbench.commands.typed_options import TypedCommand
from bertbench.options import Option, Settings, command_words


@dataclass(frozen=True)
class HistoryOptions(Settings):
    """The options of `bertbench history`."""

    option_group: ClassVar[str] = "data"

    case: Annotated[
        str, Option("Only cases whose name contains this text or matches this pattern.", metavar="PATTERN")
    ] = "*"
    last: Annotated[int | None, Option("Only the last N stored runs.", minimum=1, metavar="N")] = None
    html: Annotated[Path | None, Option("Also write an HTML page to this file.", group="output")] = None


def show_history(options: HistoryOptions) -> None:
    """Show stored results over time."""
    from bertbench.console import print_json, say
    from bertbench.formatting import format_number, percent
    from bertbench.report.history import read_history, sparkline
    from bertbench.results.baselines import STORAGE
    from bertbench.tables import make_table, print_table

    history = read_history(STORAGE, pattern=options.case, last=options.last)
    rows = [
        (
            series.case,
            series.machine_id,
            len(series.runs),
            sparkline(series.efficiencies),
            percent(series.efficiencies[-1]),
            format_number(series.runs[-1].examples_per_second, 3),
        )
        for series in history
    ]
    columns = ("case", "machine", "runs", "efficiency", "last", "examples/s")
    print_table(make_table("Stored throughput, oldest to newest", columns, rows))
    for series in history:
        for point in series.change_points:
            say(f"{series.case}: {series.describe_change(point)}")
    if options.html is not None:
        from bertbench.report.page import write_history

        shown = shlex.join(["bertbench", "history", *command_words(options)])
        write_history(history, options.html, shown)
        say(str(options.html))
    print_json(
        [
            {
                "case": series.case,
                "machine": series.machine_id,
                "runs": [dataclasses.asdict(run) for run in series.runs],
                "changes": [dataclasses.asdict(point) for point in series.change_points],
            }
            for series in history
        ]
    )


command = TypedCommand(
    "history",
    show_history,
    HistoryOptions,
    help="Show stored results over time, and the commits that changed their level.",
)
