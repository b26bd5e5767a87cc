"""Tables in documents that are generated from the repository, so that a test can compare them.

A table is between `<!-- its name -->` and `<!-- end -->`.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

_END = "<!-- end -->"


def markdown(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown; a column's cells that are all numbers are right-aligned."""
    rows = list(rows)
    rules = [
        "---:" if all(_is_figure(row[index]) for row in rows) else "---" for index in range(len(columns))
    ]
    lines = [columns, rules, *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def with_tables(text: str, tables: Mapping[str, str]) -> str:
    """A document's text with its named tables as they are now."""
    for name, table in tables.items():
        begin = f"<!-- {name} -->\n"
        head, _, rest = text.partition(begin)
        text = f"{head}{begin}{table}{_END}{rest.partition(_END)[2]}"
    return text


def renew(document: Path, tables: Mapping[str, str]) -> None:
    """Write the tables into the document."""
    text = document.read_text(encoding="utf-8")
    document.write_text(with_tables(text, tables), encoding="utf-8")


def _is_figure(cell: str) -> bool:
    try:
        float(cell.replace(",", ""))
    except ValueError:
        return False
    return True
