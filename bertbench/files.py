"""Reads and writes files so that a reader never sees a partly written one."""

import contextlib
import fcntl
import functools
import hashlib
import json
import os
import shutil
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertbench.errors import InputError
from bertbench.file_identity import DataFile
from bertbench.temporary import is_temporary, temporary_file

# https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
_LFS_POINTER = b"version https://git-lfs.github.com/spec/v1"
_COMPRESSED = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip", b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "zstd"}


@contextlib.contextmanager
def atomic_path(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path next to `path`; on success it is synced and renamed over `path`.

    On any exception the temporary file is removed and `path` is unchanged.

    Raises:
      InputError: `path` is a device, a pipe or a socket, which a file must not replace; or it cannot be
        written (for example because the disk is full).
    """
    path = Path(path)
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise InputError(f"{path}: is not a regular file; choose another output.")
    make_directory(path.parent)
    with reported_as(path), temporary_file(path) as temporary:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)


@contextlib.contextmanager
def reported_as(path: Path) -> Iterator[None]:
    """Report errors of writing as those of `path`, which may be written under a temporary name.

    Raises:
      InputError: an operating system's error of this path, of a temporary one of it, or without a path.
    """
    try:
        yield
    except OSError as error:
        if error.filename is not None and not _is_part_of(path, Path(os.fsdecode(error.filename))):
            raise
        raise InputError(
            f"{path}: cannot be written ({error.strerror}); free some space or choose another folder."
        ) from None


def _is_part_of(target: Path, path: Path) -> bool:
    """Whether a path is the target, or a temporary one of it."""
    return any(place == target or is_temporary(place, target) for place in (path, *path.parents))


def write_text(path: Path | str, text: str) -> None:
    """Write UTF-8 text atomically; see `write_bytes`."""
    write_bytes(path, text.encode())


def write_bytes(path: Path | str, data: bytes) -> None:
    """Write bytes atomically; raises as `atomic_path`."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: Path | str, value: Any, *, indent: int | None = 2) -> None:
    """Write JSON atomically, with the keys in the given order."""
    text = json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False) + "\n"
    write_bytes(path, text.encode(errors="backslashreplace"))  # a lone surrogate, as a JSON escape


@dataclass(frozen=True)
class Content:
    """The bytes of a file, read once, so that contents and checksum belong together."""

    path: Path
    data: bytes

    @property
    def file(self) -> DataFile:
        """The file with the checksum of these bytes."""
        return DataFile(self.path, hashlib.sha256(self.data).hexdigest())

    def text(self) -> str:
        """The bytes as UTF-8, without a byte order mark.

        Raises:
          InputError: they are not UTF-8; the message names the position.
        """
        try:
            return self.data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise InputError(
                f"{self.path}: byte {error.start} is not UTF-8; save the file as UTF-8."
            ) from None

    def json(self) -> Any:
        """The bytes as JSON.

        Raises:
          InputError: as `parsed_json`, or an object repeats a key.
        """
        values, repeated = self.parsed_json
        for key in repeated:
            raise InputError(f"{self.path}: an object has the key {key!r} more than once; remove one.")
        return values

    @functools.cached_property
    def parsed_json(self) -> tuple[Any, list[str]]:
        """The bytes as JSON, parsed once, and the keys that an object repeats, whose last value is used.

        Raises:
          InputError: they are empty, not UTF-8, malformed (with line and column), or beyond the limits of
            Python's JSON reader.
        """
        text = self.text()
        if not text.strip():
            raise InputError(f"{self.path}: is empty; give the file (a pipe can be read only once).")
        repeated: list[str] = []

        def make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
            values = dict(pairs)
            if len(values) < len(pairs):
                counts = Counter(key for key, _ in pairs)
                repeated.extend(key for key, times in counts.items() if times > 1)
            return values

        try:
            return json.loads(text, object_pairs_hook=make_object), repeated
        except json.JSONDecodeError as error:
            raise InputError(
                f"{self.path}: line {error.lineno}, column {error.colno}: not valid JSON ({error.msg}); "
                "fix the file or fetch it again."
            ) from None
        except (ValueError, RecursionError) as error:  # numbers or nesting beyond Python's limits
            raise InputError(
                f"{self.path}: cannot be read as JSON ({error}); fix the file or fetch it again."
            ) from None


def read_content(source: Path | str | Content) -> Content:
    """Read a file, which may be a pipe; a `Content` is returned unchanged.

    Raises:
      InputError: it is missing or unreadable, compressed, or a Git LFS pointer to the file.
    """
    if isinstance(source, Content):
        return source
    path = Path(source)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path.") from None
    _require_content(path, data)
    _require_uncompressed(path, data)
    return Content(path, data)


def read_json(source: Path | str | Content) -> Any:
    """Parse a JSON file.

    Raises:
      InputError: as `read_content` and `Content.json`.
    """
    return read_content(source).json()


def require_plain_file(path: Path) -> None:
    """Check a file that a library will open by its path.

    Raises:
      InputError: it is missing, unreadable, not a regular file, or a Git LFS pointer to the file.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError(f"{path}: is not a regular file; give a regular file.")
        with path.open("rb") as stream:
            _require_content(path, stream.read(len(_LFS_POINTER)))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path.") from None


def _require_content(path: Path, start: bytes) -> None:
    if start.startswith(_LFS_POINTER):
        raise InputError(
            f"{path}: is a Git LFS pointer, not the file itself; run `git lfs pull` in its repository."
        )


def _require_uncompressed(path: Path, start: bytes) -> None:
    for signature, name in _COMPRESSED.items():
        if start.startswith(signature):
            raise InputError(f"{path}: is compressed with {name}; decompress it.")


def copy_file(source: Path, target: Path) -> None:
    """Copy the bytes of a file.

    Raises:
      InputError: it cannot be read, or the copy cannot be written.
    """
    try:
        shutil.copyfile(source, target)
    except OSError as error:
        raise InputError(f"{error.filename or target}: cannot be copied ({error.strerror}).") from None


def make_directory(path: Path | str) -> Path:
    """Create a directory with its parents.

    Raises:
      InputError: a file of this name exists, or the folder cannot be written.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be created as a folder ({error.strerror}); choose another output folder."
        ) from None
    return path


@contextlib.contextmanager
def locked_directory(path: Path) -> Iterator[None]:
    """Hold a directory for a change of several steps: others wait. The lock ends with its process."""
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
