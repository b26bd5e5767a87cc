"""JSON files of other programs' formats, in which a key may be repeated."""

from pathlib import Path
from typing import Any

from bertbench.console import notice
from bertbench.files import Content, read_content


def read_foreign_json(source: Path | str | Content) -> Any:
    """Parse a file as those programs do: the last value of a repeated key is used, with a notice.

    Raises:
      InputError: as for `bertbench.files.read_json`.
    """
    content = read_content(source)
    values, repeated = content.parsed_json
    if repeated:
        more = f" and {len(repeated) - 1} others" if len(repeated) > 1 else ""
        notice(
            f"{content.path}: key {repeated[0]!r}{more} more than once in an object; the last value is used."
        )
    return values
