"""Tables that suites fill while they run and pytest prints at its end."""

from collections.abc import Sequence

import pytest

from bertbench.console import make_table, render_text

TABLES = pytest.StashKey[dict[str, "SummaryTable"]]()


class SummaryTable:
    """One table of the closing summary, with notes below it."""

    def __init__(self, title: str, columns: Sequence[str]) -> None:
        self.title = title
        self.columns = columns
        self.rows: list[Sequence[object]] = []
        self.notes: list[str] = []

    def add(self, *cells: object) -> None:
        """Add one row; a cell a column."""
        if len(cells) != len(self.columns):
            raise ValueError(f"{self.title}: {len(cells)} cells for {len(self.columns)} columns")
        self.rows.append(cells)


def summary_table(config: pytest.Config, title: str, columns: Sequence[str]) -> SummaryTable:
    """The table of that title, made when first asked for."""
    tables = config.stash.setdefault(TABLES, {})
    return tables.setdefault(title, SummaryTable(title, columns))


def print_tables(config: pytest.Config, terminal: pytest.TerminalReporter) -> None:
    """Print every table that has rows or notes."""
    for table in config.stash.get(TABLES, {}).values():
        if not table.rows and not table.notes:
            continue
        terminal.section(table.title)
        if table.rows:
            terminal.write_line(render_text(make_table("", table.columns, table.rows)))
        for note in table.notes:
            terminal.write_line(note)
