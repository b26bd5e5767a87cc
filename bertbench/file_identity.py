"""Which file was read: its checksum, and whether it stayed the same while it was used."""

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bertbench.errors import InputError


@dataclass(frozen=True)
class DataFile:
    """A file that was read: its path, and the hexadecimal SHA-256 of its bytes."""

    path: Path
    sha256: str


def sha256_of_file(path: Path | str) -> str:
    """The hexadecimal SHA-256 of a file's bytes.

    Raises:
      InputError: the file cannot be read.
    """
    try:
        with Path(path).open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path.") from None


@contextlib.contextmanager
def unchanged(paths: Sequence[Path]) -> Iterator[None]:
    """Watch files that are opened by path more than once, for example to hash and to use them.

    Raises:
      InputError: at the end, if one was replaced or changed in the meantime.
    """
    before = [_identity(path) for path in paths]
    yield
    for path, identity in zip(paths, before, strict=True):
        if _identity(path) != identity:
            raise InputError(f"{path}: changed while it was read; run this again when it is complete.")


def _identity(path: Path) -> tuple[int, ...] | None:
    """Values that change with a file's contents or place; None if it does not exist."""
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns
