"""Terminal output: tables, notices and progress, in color only on terminals.

Results go to standard output; notices and progress to standard error, so that output can be piped. Text is
shown as it is: nothing in it is markup, and what would steer a terminal is escaped (`formatting.printable`).
"""

import contextlib
import functools
import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rich import box
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
from rich.text import Text

from bertbench.formatting import brief, printable

PLAIN_PROGRESS_SECONDS = 10.0
_LONGEST_NOTICE, _LONGEST_CELL = 4000, 300  # characters
_LEAST_TEXT = 12  # characters of a column that is broken to fit

_new_console = functools.partial(Console, markup=False, emoji=False, highlight=False, soft_wrap=True)
_out = _new_console()
_err = _new_console(stderr=True)


@contextlib.contextmanager
def telling(*, quiet: bool, as_json: bool) -> Iterator[None]:
    """Print no notices and no progress if `quiet`, and only results of `print_json` if `as_json`."""
    before = _err.quiet, _out.quiet
    _err.quiet, _out.quiet = quiet, as_json
    try:
        yield
    finally:
        _err.quiet, _out.quiet = before


def print_json(result: Any, *, indent: int | None = 2) -> None:
    """Print a result as JSON, in ASCII, if JSON output is selected; otherwise print nothing.

    Args:
      indent: None for one line.
    """
    if _out.quiet:
        _new_console().print(Text(json.dumps(result, indent=indent, allow_nan=False, default=str)))


def say(message: str) -> None:
    """Print a line to standard output."""
    _out.print(_literal(message))


def notice(message: str) -> None:
    """Print a line to standard error that informs the user but needs no action."""
    _err.print(Text(brief(message, _LONGEST_NOTICE)))


def make_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    """A table whose first column is text (left-aligned) and whose other columns are numbers."""
    table = Table(title=Text(printable(title), "table.title") if title else None, title_justify="left")
    for index, column in enumerate(columns):
        table.add_column(_literal(column), justify="left" if index == 0 else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(brief(str(cell), _LONGEST_CELL)) for cell in row))
    return table


def print_table(table: Table) -> None:
    """Print a table; on a narrow terminal its lines wrap, but no cell is shortened."""
    _wide_enough(_new_console(quiet=_out.quiet), table).print(table)


def print_narrow(table: Table) -> None:
    """Print a table without a frame that fits the terminal as far as its numbers allow."""
    _out.print(Text(render_text(table, _out.width)))


def print_fitted(table: Table) -> None:
    """Print a table as wide as the terminal; cells of columns that may wrap take several lines."""
    _out.print(table)


def render_text(table: Table, width: int | None = None) -> str:
    """A table as plain text, for logs and pytest's summary; no cell is shortened.

    With a `width`, it is drawn without a frame, and the text of its first column is broken to keep to it as
    far as the numbers allow.
    """
    console = _new_console(no_color=True)
    if width is not None:
        table.box, table.show_edge, table.padding = box.SIMPLE_HEAD, False, (0, 1, 0, 0)
        _narrow(console, table, width)
    _wide_enough(console, table)
    with console.capture() as capture:
        console.print(table)
    return "\n".join(line.rstrip() for line in capture.get().rstrip("\n").splitlines())


def _wide_enough(console: Console, table: Table) -> Console:
    console.width = max(_out.width, _natural_width(console, table))
    return console


def _narrow(console: Console, table: Table, width: int) -> None:
    """Let the first column be as wide as `width` leaves it room."""
    first = table.columns[0]
    first.no_wrap, first.overflow = False, "fold"
    text = max(len(str(cell)) for cell in (first.header, *first.cells))
    room = text - (_natural_width(console, table) - width)
    first.max_width = min(text, max(_LEAST_TEXT, room))


def _natural_width(console: Console, table: Table) -> int:
    return Measurement.get(console, console.options.update(width=10_000), table).maximum


def _literal(text: str) -> Text:
    return Text(printable(text))


@contextlib.contextmanager
def progress(description: str, total: int, unit: str, *, done: int = 0) -> Iterator[Callable[..., None]]:
    """Show progress over `total` units: a bar on a terminal, otherwise a line from time to time.

    The remaining time is estimated from the units after those already `done` at the start.

    Yields `advance(count, **values)`; the values (loss, examples/s, ...) are shown next to the bar.
    """
    if _err.is_terminal:
        with _bar(description, total, unit, done) as advance:
            yield advance
    else:
        yield _plain_lines(description, total, unit, done)


@contextlib.contextmanager
def _bar(description: str, total: int, unit: str, done: int) -> Iterator[Callable[..., None]]:
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}", markup=False),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[figures]}", markup=False),
    )
    with Progress(*columns, console=_err) as bar:
        task = bar.add_task(printable(description), total=total, completed=done, unit=unit, figures="")

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
