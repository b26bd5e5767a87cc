"""Texts of a file, one or two per line, as `extract_features.py` of google-research/bert reads them."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from bertbench.data.features import Features
from bertbench.data.text_pairs import join_texts
from bertbench.data.tokenization import Tokenizer
from bertbench.errors import InputError

SEPARATOR = " ||| "


def read_features(
    path: Path, tokenizer: Tokenizer, max_seq_length: int, texts_at_once: int
) -> Iterator[Features]:
    """The texts of a file, or of a pipe, as rows of wordpieces, some texts at a time.

    A line `a ||| b` contains two texts, divided at the last separator; any other line, even an empty one, is
    one text. Whitespace around a line is ignored.

    Raises:
      InputError: the file cannot be read, has no line, or a line is not UTF-8; the message names the line.
    """
    lines = _read_lines(path)
    while texts := list(islice(lines, texts_at_once)):
        rows = [join_texts(*_divide(text), tokenizer, max_seq_length) for text in texts]
        yield Features.from_rows([ids for ids, _ in rows], [segments for _, segments in rows])


def _read_lines(path: Path) -> Iterator[str]:
    try:
        stream = path.open("rb")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path.") from None
    number = 0
    with stream:
        for number, line in enumerate(stream, start=1):
            try:
                yield line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
            except UnicodeDecodeError:
                raise InputError(f"{path}: line {number}: not UTF-8; save the file as UTF-8.") from None
    if not number:
        raise InputError(f"{path}: contains no line; give one text per line.")


def _divide(line: str) -> tuple[str, str | None]:
    first, separator, second = line.rpartition(SEPARATOR)
    return (first, second) if separator else (line, None)
