"""Temporary files and folders next to their target, which are always removed in the end.

Their names contain that of the target, and they are locked (`flock`) while their process uses them. Those
of a killed process are not locked: the next process with the same target removes them.
"""

import contextlib
import fcntl
import glob
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

SUFFIX = ".bertbench"


@contextlib.contextmanager
def temporary_file(target: Path) -> Iterator[Path]:
    """Yield a new, empty file next to `target`; it is removed at the end, unless it was renamed.

    Raises:
      OSError: the folder is missing or cannot be written.
    """

    def make() -> str:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=SUFFIX)
        os.fchmod(handle, 0o666 & ~umask())
        os.close(handle)
        return name

    with _held(target, make) as path:
        yield path


@contextlib.contextmanager
def temporary_folder(target: Path) -> Iterator[Path]:
    """Yield a new folder next to `target`; it is removed at the end with its contents.

    Raises:
      OSError: its parent folder is missing or cannot be written.
    """

    def make() -> str:
        return tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.", suffix=SUFFIX)

    with _held(target, make) as path:
        yield path


def remove_abandoned(folder: Path, name: str | None = None) -> None:
    """Remove temporary files of killed processes in a folder: of one target, or of all if `name` is None."""
    target = "*" if name is None else glob.escape(name)
    for path in folder.glob(f".{target}.*{SUFFIX}"):
        with contextlib.suppress(OSError):  # in use, or another process removes it
            handle = os.open(path, os.O_RDONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(path)
            finally:
                os.close(handle)


def finish(clean_up: Callable[[], None]) -> None:
    """Clean up, once more if a signal interrupts it: a run may be stopped while it ends as it should."""
    try:
        clean_up()
    except KeyboardInterrupt:
        clean_up()
        raise


def is_temporary(path: Path, target: Path) -> bool:
    """Whether a path is a temporary one of a target."""
    name = path.name
    return path.parent == target.parent and name.startswith(f".{target.name}.") and name.endswith(SUFFIX)


def is_at(handle: int, path: Path) -> bool:
    """Whether `path` is still the path of an open file."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(found, os.fstat(handle))


@contextlib.contextmanager
def _held(target: Path, make: Callable[[], str]) -> Iterator[Path]:
    """Make a path and lock it until it is removed."""
    remove_abandoned(target.parent, target.name)
    path = Path(make())
    while (handle := _lock(path)) is None:  # another process removed it before it was locked
        path = Path(make())
    try:
        yield path
    finally:
        try:
            finish(lambda: _remove(path))
        finally:
            os.close(handle)


def _lock(path: Path) -> int | None:
    """The handle of a new file or folder after locking it; None if it no longer exists."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    with contextlib.suppress(OSError):  # a file system without locks, where nothing is removed
        fcntl.flock(handle, fcntl.LOCK_EX)
    if is_at(handle, path):
        return handle
    os.close(handle)
    return None


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def umask() -> int:
    """The permissions that are removed from this process's new files."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
