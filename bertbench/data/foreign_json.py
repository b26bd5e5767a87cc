"""JSON files in the forms of other programs, in which a key may stand twice."""

from pathlib import Path
from typing import Any

from bertbench.console import notice
from bertbench.files import Content, read_content


def read_foreign_json(source: Path | str | Content) -> Any:
    """Parse a file as those programs do: of a repeated key the last value holds, which a notice tells.

    Raises:
      InputError: as `bertbench.files.read_json`.
    """
    content = read_content(source)
    repeated: list[str] = []
    values = content.json(on_repeated_key=repeated.append)
    if repeated:
        more = f" and {len(repeated) - 1} others" if len(repeated) > 1 else ""
        notice(f"{content.path}: key {repeated[0]!r}{more} more than once in an object; the last one holds.")
    return values
