"""Tables for a terminal, for logs, and for pytest's summary."""

import functools
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from bertbench.console import json_is_selected
from bertbench.formatting import brief, printable

_LONGEST_CELL = 300  # characters
_LEAST_TEXT = 12  # characters of a column that is broken to fit

_new_console = functools.partial(Console, markup=False, emoji=False, highlight=False, soft_wrap=True)


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
    _wide_enough(_results(), table).print(table)


def print_narrow(table: Table) -> None:
    """Print a table without a frame that fits the terminal as far as its numbers allow."""
    console = _results()
    console.print(Text(render_text(table, console.width)))


def print_fitted(table: Table) -> None:
    """Print a table as wide as the terminal; cells of columns that may wrap take several lines."""
    _results().print(table)


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


def _results() -> Console:
    """Standard output, which prints nothing if JSON is selected."""
    return _new_console(quiet=json_is_selected())


def _wide_enough(console: Console, table: Table) -> Console:
    console.width = max(console.width, _natural_width(console, table))
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
