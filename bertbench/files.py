"""Reading and writing files so that a reader never sees half of one."""

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bertbench.errors import InputError


@contextlib.contextmanager
def atomic_path(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it is synced and renamed over `path`.

    On any exception the temporary file is removed and `path` is left as it was.
    """
    path = Path(path)
    make_directory(path.parent)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    os.fchmod(handle, 0o666 & ~_umask())
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def staged_directory(path: Path | str) -> Iterator[Path]:
    """Yield a temporary folder; on success its files go to `path`, over those of the same names.

    On any exception nothing in `path` has changed, and if it was not there it is not there afterwards.

    Raises:
      InputError: `path` cannot be made or written, or a folder has the name of one of the files; or as raised
        within, staged files named by their place.
    """
    path = Path(path)
    existed = path.exists()
    make_directory(path)
    try:
        staging = Path(tempfile.mkdtemp(dir=path, prefix=".", suffix=".tmp"))
    except OSError as error:
        if not existed:
            path.rmdir()
        raise InputError(
            f"{path}: cannot be written ({error.strerror}); choose another output place."
        ) from None
    try:
        yield staging
        _publish(staging, path)
    except InputError as error:  # a staged file is known by its place
        raise InputError(str(error).replace(str(staging), str(path))) from None
    finally:
        shutil.rmtree(staging)
        if not existed:
            with contextlib.suppress(OSError):  # it holds the outputs
                path.rmdir()


def _publish(staging: Path, path: Path) -> None:
    files = {file: path / file.name for file in staging.iterdir()}
    for target in files.values():
        if target.is_dir():
            raise InputError(f"{target}: a folder stands there; remove it or choose another output place.")
    for file, target in files.items():
        _move(file, target)


def write_text(path: Path | str, text: str) -> None:
    """Write UTF-8 text atomically; see `write_bytes`."""
    write_bytes(path, text.encode())


def write_bytes(path: Path | str, data: bytes) -> None:
    """Write bytes atomically.

    Raises:
      InputError: the file cannot be written (a full disk, for one); `path` is left as it was.
    """
    try:
        with atomic_path(path) as temporary:
            temporary.write_bytes(data)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({error.strerror}); free some space or choose another place."
        ) from None


def write_json(path: Path | str, value: Any, *, indent: int | None = 2) -> None:
    """Write JSON atomically, keys in the order given."""
    write_text(path, json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path | str) -> Any:
    """Parse a JSON file.

    Raises:
      InputError: the file is missing, unreadable, not UTF-8, malformed (with line and column), or beyond what
        Python's JSON reader takes.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8.") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path.") from None
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path}: line {error.lineno}, column {error.colno}: not valid JSON ({error.msg}); "
            "fix the file or fetch it again."
        ) from None
    except (ValueError, RecursionError) as error:  # numbers or nesting beyond what Python reads
        raise InputError(
            f"{path}: cannot be read as JSON ({error}); fix the file or fetch it again."
        ) from None


def make_directory(path: Path | str) -> Path:
    """Create a directory with its parents.

    Raises:
      InputError: a file stands in the way, or the place cannot be written.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be made a directory ({error.strerror}); choose another output place."
        ) from None
    return path


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


def _move(file: Path, target: Path) -> None:
    try:
        file.replace(target)
    except OSError as error:
        raise InputError(
            f"{target}: cannot be written ({error.strerror}); choose another output place."
        ) from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
