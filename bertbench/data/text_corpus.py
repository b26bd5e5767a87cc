"""Plain text, one sentence per line and a blank line between documents, divided into parts of limited size.

A process works on one part at a time. The parts depend only on the files, not on the number of processes. A
document is always completely in one part; the end of a file ends its document.
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
    """Bytes of one file: the documents between the first blank lines after `start` and `end`."""

    path: Path
    start: int
    end: int


def plan_parts(paths: Sequence[Path], part_bytes: int = PART_BYTES) -> list[list[Span]]:
    """Divide files longer than `part_bytes` evenly, and combine shorter ones up to this size.

    Combining matters if each file is one document: random next sentences come from the same part.

    Raises:
      InputError: a file cannot be read, or is a Git LFS pointer.
    """
    parts: list[list[Span]] = []
    joined: list[Span] = []
    joined_bytes = 0
    for path in paths:
        require_plain_file(path)
        size = path.stat().st_size
        if size > part_bytes:
            count = -(-size // part_bytes)
            cuts = [size * cut // count for cut in range(count + 1)]
            parts.extend([Span(path, start, end)] for start, end in itertools.pairwise(cuts))
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
    try:
        stream = span.path.open("rb")
    except OSError as error:
        raise InputError(f"{span.path}: cannot be read ({error.strerror}); check the path.") from None
    with stream:
        offset = _blank_line_after(stream, span.start, span.path)
        end = _blank_line_after(stream, span.end, span.path)
        stream.seek(offset)
        sentences: list[str] = []
        while offset < end:
            line = stream.readline()
            sentence = _decode(line, span.path, offset).strip()
            offset += len(line)
            if sentence:
                sentences.append(sentence)
            elif sentences:
                yield sentences
                sentences = []
        if sentences:
            yield sentences


def _blank_line_after(stream: BinaryIO, offset: int, path: Path) -> int:
    """The position of the first blank line after the line at `offset`, or the end of the file; 0 for 0."""
    if offset == 0:
        return 0
    stream.seek(offset)
    stream.readline()
    while True:
        start = stream.tell()
        line = stream.readline()
        if not line or not _decode(line, path, start).strip():
            return start


def _decode(line: bytes, path: Path, offset: int) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        with path.open("rb") as stream:
            number = stream.read(offset).count(b"\n") + 1
        raise InputError(f"{path}: line {number}: not UTF-8; save the file as UTF-8.") from None
