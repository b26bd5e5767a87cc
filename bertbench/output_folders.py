"""Output folders: locked by one run at a time, and sets of files that are replaced together."""

import contextlib
import fcntl
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from bertbench.errors import InputError
from bertbench.files import make_directory
from bertbench.temporary import finish, is_at, remove_abandoned, temporary_folder, umask

LOCK = ".bertbench.lock"
_LONGEST_COMMAND = 200  # characters


@contextlib.contextmanager
def claimed(folder: Path | str) -> Iterator[Path]:
    """Lock an output folder for one run, and remove the temporary files of killed runs.

    The operating system releases the lock when the process ends. The lock file contains the process id; it is
    removed at the end, and so is the folder if it did not exist before and is empty.

    Raises:
      InputError: another run has locked the folder, or it cannot be created or written.
    """
    folder = Path(folder)
    existed = folder.exists()
    make_directory(folder)
    try:
        handle = _lock(folder)
        try:
            remove_abandoned(folder)
            yield folder
        finally:
            finish(lambda: (folder / LOCK).unlink(missing_ok=True))
            os.close(handle)
    finally:
        if not existed:
            with contextlib.suppress(OSError):  # it contains the outputs
                folder.rmdir()


@contextlib.contextmanager
def staged_directory(path: Path | str, *, last: str | None = None) -> Iterator[Path]:
    """Lock `path` and yield a temporary folder in it; on success its files are moved to `path` together.

    On any exception `path` is unchanged; if it did not exist, it does not exist afterwards.

    Args:
      last: see `written_together`.

    Raises:
      InputError: see `claimed` and `written_together`; or as raised in the context.
    """
    with claimed(path) as folder, written_together(folder, last=last) as staging:
        yield staging


@contextlib.contextmanager
def written_together(folder: Path, *, last: str | None = None) -> Iterator[Path]:
    """Yield a temporary folder in `folder`; on success its files replace those of the same names, together.

    Args:
      last: the name of the file that marks the set as complete. A kill in between leaves the folder without
        this file, and never with both old and new files.

    Raises:
      InputError: `folder` cannot be written, or a folder has the name of one of the files; or as raised in
        the context, with the final paths of staged files.
    """
    with contextlib.ExitStack() as stack:
        try:
            temporary = stack.enter_context(temporary_folder(folder / "staging"))
        except OSError as error:
            raise _cannot_be_written(folder, error) from None
        staging, former = temporary / "new", temporary / "former"
        staging.mkdir()
        former.mkdir()
        try:
            yield staging
            for file in staging.iterdir():
                with file.open("rb") as written:
                    os.fsync(written.fileno())
            names = sorted((file.name for file in staging.iterdir()), key=lambda name: (name == last, name))
            _exchange(names, staging, folder, former)
        except InputError as error:  # users know the final path of a staged file
            raise InputError(str(error).replace(str(staging), str(folder))) from None


@contextlib.contextmanager
def new_directory(path: Path | str) -> Iterator[Path]:
    """Yield a temporary folder, which is renamed to `path` on success.

    On any exception the folder is removed.

    Raises:
      InputError: `path` cannot be created, or exists and is not an empty folder.
    """
    path = Path(path)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise InputError(f"{path}: is not an empty folder; choose a new one.")
    make_directory(path.parent)
    with contextlib.ExitStack() as stack:
        try:
            staging = stack.enter_context(temporary_folder(path))
        except OSError as error:
            raise _cannot_be_written(path, error) from None
        yield staging
        staging.chmod(0o777 & ~umask())
        try:
            staging.replace(path)
        except OSError as error:
            raise _cannot_be_written(path, error) from None


def _exchange(names: Sequence[str], staging: Path, folder: Path, former: Path) -> None:
    """Move files from `staging` to `folder`, and the earlier ones of the same names to `former`.

    On any exception everything is moved back.
    """
    for name in names:
        if (folder / name).is_dir():
            raise InputError(
                f"{folder / name}: a folder of this name exists; remove it or choose another output folder."
            )
    before = [name for name in names if (folder / name).exists()]
    try:
        for name in reversed(before):
            (folder / name).replace(former / name)
        for name in names:
            (staging / name).replace(folder / name)
    except BaseException as error:
        for name in names:
            if not (staging / name).exists():
                (folder / name).unlink(missing_ok=True)
            if (former / name).exists():
                (former / name).replace(folder / name)
        if isinstance(error, OSError):
            raise _cannot_be_written(folder, error) from None
        raise


def _lock(folder: Path) -> int:
    """Open and lock the lock file of a folder; returns its handle.

    Raises:
      InputError: another run has locked it, or it cannot be written.
    """
    path = folder / LOCK
    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise _cannot_be_written(folder, error) from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _read_holder(handle)
            os.close(handle)
            raise InputError(
                f"{folder}: {holder} is writing to it; wait until it has ended, stop it, or choose another "
                "output folder."
            ) from None
        except OSError:
            return handle  # a file system without locks
        if is_at(handle, path):
            _name_holder(handle)
            return handle
        os.close(handle)  # its former owner has removed it


def _name_holder(handle: int) -> None:
    command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
    with contextlib.suppress(OSError):  # a full disk; the lock works without it
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()} {command}".encode(errors="backslashreplace"), 0)


def _read_holder(handle: int) -> str:
    number, _, command = os.pread(handle, 10_000, 0).decode(errors="replace").partition(" ")
    if not number.isdigit():
        return "another process"
    shown = command if len(command) <= _LONGEST_COMMAND else f"{command[:_LONGEST_COMMAND]}..."
    return f"process {number} ({shown})"


def _cannot_be_written(folder: Path, error: OSError) -> InputError:
    return InputError(f"{folder}: cannot be written ({error.strerror}); choose another output folder.")
