"""The tables of a report, independent of the output format."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from bertbench.formatting import NONE
from bertbench.report.wording import State


@dataclass(frozen=True)
class Row:
    """The cells of a table row; `share` of 0 to 1 draws a bar in the table's share column."""

    cells: Sequence[str]
    state: str = State.PASSED
    share: float = 0.0
    css: str = ""

    @property
    def share_percent(self) -> str:
        """The bar's width in percent."""
        return f"{min(max(self.share, 0), 1) * 100:.1f}"


@dataclass(frozen=True)
class Table:
    """A table with the command that produces its values."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Row]
    command: str
    text_columns: Sequence[str] = ()
    share_column: str | None = None
    folded: bool = False


def without_empty_columns(table: Table) -> Table:
    """The table without the columns in which no row has anything, but for the first."""
    filled = [
        index
        for index in range(len(table.columns))
        if index == 0 or any(row.cells[index] not in ("", NONE) for row in table.rows)
    ]
    rows = [dataclasses.replace(row, cells=[row.cells[index] for index in filled]) for row in table.rows]
    return dataclasses.replace(table, columns=[table.columns[index] for index in filled], rows=rows)
