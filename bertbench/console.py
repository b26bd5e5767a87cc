"""Terminal output: tables, notices and progress, in color only on terminals.

Results go to standard output; notices and progress to standard error, so that output can be piped.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence

from rich.console import Console
from rich.measure import Measurement
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

PLAIN_PROGRESS_SECONDS = 10.0

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def notice(message: str) -> None:
    """Print a line to standard error that informs the user but needs no action."""
    err.print(message, markup=False)


def make_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    """A table whose first column is text (left-aligned) and whose other columns are numbers."""
    table = Table(title=title, title_justify="left")
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index == 0 else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    return table


def print_table(table: Table) -> None:
    """Print a table; on a narrow terminal its lines wrap, but no cell is shortened."""
    _wide_enough(Console(highlight=False, soft_wrap=True), table).print(table)


def render_text(table: Table) -> str:
    """A table as plain text, for logs and pytest's summary; no cell is shortened."""
    console = _wide_enough(Console(no_color=True, highlight=False), table)
    with console.capture() as capture:
        console.print(table)
    return capture.get().rstrip("\n")


def _wide_enough(console: Console, table: Table) -> Console:
    console.width = 10_000
    console.width = max(out.width, Measurement.get(console, console.options, table).maximum)
    return console


@contextlib.contextmanager
def progress(description: str, total: int, unit: str, *, done: int = 0) -> Iterator[Callable[..., None]]:
    """Show progress over `total` units: a bar on a terminal, otherwise a line from time to time.

    The remaining time is estimated from the units after those already `done` at the start.

    Yields `advance(count, **values)`; the values (loss, examples/s, ...) are shown next to the bar.
    """
    if err.is_terminal:
        with _bar(description, total, unit, done) as advance:
            yield advance
    else:
        yield _plain_lines(description, total, unit, done)


@contextlib.contextmanager
def _bar(description: str, total: int, unit: str, done: int) -> Iterator[Callable[..., None]]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[figures]}"),
    )
    with Progress(*columns, console=err) as bar:
        task = bar.add_task(description, total=total, completed=done, figures="")

        def advance(count: int = 1, **figures: object) -> None:
            bar.update(task, advance=count, figures=_format_figures(figures))

        yield advance


def _plain_lines(description: str, total: int, unit: str, done: int) -> Callable[..., None]:
    start = last_line = time.monotonic()
    before = done

    def advance(count: int = 1, **figures: object) -> None:
        nonlocal done, last_line
        done += count
        now = time.monotonic()
        if done < total and now - last_line < PLAIN_PROGRESS_SECONDS:
            return
        last_line = now
        elapsed = now - start
        remaining = elapsed / (done - before) * (total - done) if done > before else 0.0
        line = f"{description}: {done}/{total} {unit}, {elapsed:.0f} s, {remaining:.0f} s left"
        details = _format_figures(figures)
        notice(f"{line}, {details}" if details else line)

    return advance


def _format_figures(figures: dict[str, object]) -> str:
    return ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in figures.items()
    )
