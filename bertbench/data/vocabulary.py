"""The wordpieces of a model, in the order of their ids: Google's `vocab.txt`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bertbench.console import notice
from bertbench.errors import InputError
from bertbench.files import read_content

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


@dataclass(frozen=True)
class Vocabulary:
    """Wordpieces and their file.

    Attributes:
      file: the file.
      tokens: the wordpieces in the order of their ids; "" for an id without a wordpiece.
    """

    file: Path
    tokens: tuple[str, ...]

    def __post_init__(self) -> None:
        missing = [token for token in SPECIAL_TOKENS if token not in self.tokens]
        if missing:
            raise InputError(f"{self.file}: {', '.join(missing)} missing; give the model's vocabulary.")

    def to_text(self) -> str:
        """The text of `vocab.txt`, for `read_vocabulary`."""
        return "".join(f"{token}\n" for token in self.tokens)


def read_vocabulary(path: Path | str) -> Vocabulary:
    """Read a `vocab.txt`: one wordpiece per line, its id is the line number, counted from 0.

    Empty lines at the end are ignored. If a wordpiece appears twice, the last id is used, as in the
    original, and a notice says so.

    Raises:
      InputError: the file is unreadable, not UTF-8, or lacks a special token.
    """
    content = read_content(path)
    text = content.text()
    tokens = tuple(line.strip() for line in text.rstrip("\r\n\t ").split("\n"))
    _note_repeated(content.path, tokens)
    return Vocabulary(content.path, tokens)


def _note_repeated(path: Path, tokens: Sequence[str]) -> None:
    lines: dict[str, int] = {}
    repeated = []
    for number, token in enumerate(tokens, start=1):
        if token and lines.setdefault(token, number) != number:
            repeated.append(f"{token!r} (lines {lines[token]} and {number})")
    if repeated:
        more = f" and {len(repeated) - 1} others" if len(repeated) > 1 else ""
        notice(f"{path}: contains {repeated[0]}{more} more than once; the last id is used.")
