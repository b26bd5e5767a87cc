"""Plain text, one sentence per line and a blank line between documents, divided into parts of limited size.

A process works on one part at a time. The parts depend only on the files, not on the number of processes. A
document is always completely in one part; the end of a file ends its document. Each file is read once to
divide it, and once for its documents.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from bertbench.errors import InputError
from bertbench.files import require_plain_file

PART_BYTES = 4 * 2**20


@dataclass(frozen=True)
class Span:
    """Bytes of one file, `start` to `end`: whole documents, or none."""

    path: Path
    start: int
    end: int


def plan_parts(paths: Sequence[Path], part_bytes: int = PART_BYTES) -> list[list[Span]]:
    """Divide files longer than `part_bytes` evenly, and combine shorter ones up to this size.

    A file is divided at the first blank lines after equal shares of its bytes. Combining matters if each
    file is one document: random next sentences come from the same part.

    Raises:
      InputError: a file cannot be read, is a Git LFS pointer, or is not UTF-8 where it is divided.
    """
    parts: list[list[Span]] = []
    joined: list[Span] = []
    joined_bytes = 0
    for path in paths:
        require_plain_file(path)
        size = path.stat().st_size
        if size > part_bytes:
            count = -(-size // part_bytes)
            cuts = _blank_lines_after(path, [size * cut // count for cut in range(1, count)])
            ends = [0, *cuts, size]
            parts.extend([Span(path, start, end)] for start, end in itertools.pairwise(ends))
            continue
        joined.append(Span(path, 0, size))
        joined_bytes += size
        if joined_bytes >= part_bytes:
            parts.append(joined)
            joined, joined_bytes = [], 0
    return [*parts, joined] if joined else parts


def read_documents(span: Span) -> Iterator[list[str]]:
    """Yield each document's sentences, stripped, none empty.

    Raises:
      InputError: the file cannot be read, or a line is not UTF-8 (with its number).
    """
    with _open(span.path) as stream:
        stream.seek(span.start)
        offset = span.start
        sentences: list[str] = []
        while offset < span.end and (line := stream.readline()):
            sentence = _decode(line, span.path, offset).strip()
            offset += len(line)
            if sentence:
                sentences.append(sentence)
            elif sentences:
                yield sentences
                sentences = []
        if sentences:
            yield sentences


def _blank_lines_after(path: Path, offsets: Sequence[int]) -> list[int]:
    """For each offset, the first blank line after the line it is in, or the end of the file.

    Args:
      offsets: ascending. A blank line that lies behind several of them is looked for once.
    """
    found: list[int] = []
    blank = 0
    with _open(path) as stream:
        for offset in offsets:
            if offset >= blank:
                stream.seek(offset)
                stream.readline()
                blank = _next_blank_line(stream, path)
            found.append(blank)
    return found


def _next_blank_line(stream: BinaryIO, path: Path) -> int:
    """The position of the first blank line from here on, or the end of the file."""
    start = stream.tell()
    while (line := stream.readline()) and _decode(line, path, start).strip():
        start += len(line)
    return start


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path.") from None


def _decode(line: bytes, path: Path, offset: int) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(
            f"{path}: line {_line_number(path, offset)}: not UTF-8; save the file as UTF-8."
        ) from None


def _line_number(path: Path, offset: int) -> int:
    """The number, from 1, of the line that begins at an offset."""
    with path.open("rb") as stream:
        ends = itertools.accumulate(map(len, stream))
        return 1 + sum(1 for _ in itertools.takewhile(lambda end: end <= offset, ends))
