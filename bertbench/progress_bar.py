"""Progress as a bar on a terminal."""

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


@contextlib.contextmanager
def show_bar(description: str, total: int, unit: str, done: int) -> Iterator[Callable[[int, str], None]]:
    """Show a bar on standard error; lines that are printed meanwhile appear above it.

    Yields `advance(count, figures)`; the figures are shown next to the bar.
    """
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}", markup=False),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[figures]}", markup=False),
    )
    with Progress(*columns, console=Console(stderr=True, markup=False, emoji=False, highlight=False)) as bar:
        task = bar.add_task(description, total=total, completed=done, unit=unit, figures="")
        yield lambda count, figures: bar.update(task, advance=count, figures=figures)
