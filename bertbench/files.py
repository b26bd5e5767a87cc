"""Reading and writing files so that a reader never sees half of one."""

import contextlib
import hashlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertbench.errors import InputError

# https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
_LFS_POINTER = b"version https://git-lfs.github.com/spec/v1"
_COMPRESSED = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip", b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "zstd"}


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


@dataclass(frozen=True)
class DataFile:
    """A file that was read: where, and the hexadecimal SHA-256 of the bytes that were read."""

    path: Path
    sha256: str


@dataclass(frozen=True)
class Content:
    """The bytes of a file, read once: what is made of them and their checksum belong together."""

    path: Path
    data: bytes

    @property
    def file(self) -> DataFile:
        """The file with the checksum of these bytes."""
        return DataFile(self.path, hashlib.sha256(self.data).hexdigest())

    def text(self) -> str:
        """The bytes as UTF-8, without a byte order mark.

        Raises:
          InputError: they are not UTF-8; the message says where.
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
          InputError: they are empty, not UTF-8, malformed (with line and column), or beyond what Python's
            JSON reader takes.
        """
        text = self.text()
        if not text.strip():
            raise InputError(f"{self.path}: is empty; give the file (a pipe can be read only once).")
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            raise InputError(
                f"{self.path}: line {error.lineno}, column {error.colno}: not valid JSON ({error.msg}); "
                "fix the file or fetch it again."
            ) from None
        except (ValueError, RecursionError) as error:  # numbers or nesting beyond what Python reads
            raise InputError(
                f"{self.path}: cannot be read as JSON ({error}); fix the file or fetch it again."
            ) from None


def read_content(source: Path | str | Content) -> Content:
    """Read a file, which may be a pipe; what was read already is returned as it is.

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
    """Check a file that a library is going to read by its name.

    Raises:
      InputError: it is missing or unreadable, no regular file, or a Git LFS pointer to the file.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError(f"{path}: is no regular file; give one.")
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
            raise InputError(f"{path}: is compressed with {name}; unpack it.")


@contextlib.contextmanager
def unchanged(paths: Sequence[Path]) -> Iterator[None]:
    """Watch files that are read by their names, and more than once, as to be hashed and to be used.

    Raises:
      InputError: at the end, one was replaced or written to meanwhile.
    """
    before = [_identity(path) for path in paths]
    yield
    for path, identity in zip(paths, before, strict=True):
        if _identity(path) != identity:
            raise InputError(f"{path}: changed while it was read; run this again when it is complete.")


def _identity(path: Path) -> tuple[int, ...] | None:
    """What changes with a file's content or place; None where it is not there."""
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns


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
