"""`bertbench history`: stored throughput over time."""

import shlex
from pathlib import Path

import click


@click.command()
@click.option("--case", "pattern", default="*", metavar="PATTERN", help="Only cases of this name or glob.")
@click.option("--last", type=click.IntRange(min=1), metavar="N", help="Only the last N stored runs.")
@click.option("--html", "page", type=click.Path(path_type=Path, dir_okay=False), help="Write a page as well.")
def command(pattern: str, last: int | None, page: Path | None) -> None:
    """Show stored results over time, and the commits that changed their level."""
    from bertbench.console import make_table, print_table, say
    from bertbench.formatting import figure, percent
    from bertbench.report.history import read_history, sparkline
    from bertbench.results.baselines import STORAGE

    history = read_history(STORAGE, pattern=pattern, last=last)
    rows = [
        (
            series.case,
            series.machine_id,
            len(series.runs),
            sparkline(series.efficiencies),
            percent(series.efficiencies[-1]),
            figure(series.runs[-1].examples_per_second, 3),
        )
        for series in history
    ]
    columns = ("case", "machine", "runs", "efficiency", "last", "examples/s")
    print_table(make_table("Stored throughput, oldest to newest", columns, rows))
    for series in history:
        for point in series.change_points:
            say(f"{series.case}: {series.describe_change(point)}")
    if page is not None:
        from bertbench.report.page import write_history

        options = ["--case", pattern] if pattern != "*" else []
        options += ["--last", str(last)] if last else []
        write_history(history, page, shlex.join(["bertbench", "history", *options, "--html", str(page)]))
        say(str(page))
