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
from rich.table import Column

_LEAST_WIDTH = 4  # characters of the bar; it takes what the other columns leave


@contextlib.contextmanager
def show_bar(description: str, total: int, unit: str, done: int) -> Iterator[Callable[[int, str], None]]:
    """Show a bar on standard error; lines that are printed meanwhile appear above it.

    Yields `advance(count, figures)`; the figures are shown next to the bar.
    """
    columns = (
        _text("{task.description}"),
        BarColumn(None, table_column=Column(ratio=1, min_width=_LEAST_WIDTH)),
        MofNCompleteColumn(table_column=Column(no_wrap=True)),
        _text("{task.fields[unit]}"),
        TimeElapsedColumn(table_column=Column(no_wrap=True)),
        TimeRemainingColumn(table_column=Column(no_wrap=True)),
        _text("{task.fields[figures]}"),
    )
    console = Console(stderr=True, markup=False, emoji=False, highlight=False)
    with Progress(*columns, console=console, expand=True) as bar:
        task = bar.add_task(description, total=total, completed=done, unit=unit, figures="")
        yield lambda count, figures: bar.update(task, advance=count, figures=figures)


def _text(form: str) -> TextColumn:
    return TextColumn(form, markup=False, table_column=Column(no_wrap=True))
