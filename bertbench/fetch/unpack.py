"""Unpacks untrusted zip archives.

Refused are names outside the folder, links and other special files, encrypted or duplicate members, and
archives whose unpacked size is unreasonable. Python's `zipfile` reads no more than the declared size of a
member and checks its CRC-32, so the declared sizes are reliable.
"""

import shutil
import stat
import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from bertbench.errors import InputError

MAX_MEMBERS = 10_000
MAX_GROWTH = 200  # unpacked bytes per byte of the archive; text compresses by 3 to 6, zeros by 1,000
MAX_BYTES = 50 * 2**30
_FINDER_FILES = {"__MACOSX", ".DS_Store", "Icon\r"}


class DamagedError(InputError):
    """What was downloaded is damaged, or contains something that must not be unpacked."""


def unpack_zip(archive: Path, folder: Path) -> None:
    """Unpack an archive into `folder`, without a top folder that all members share.

    Files that macOS Finder adds to archives are ignored. `folder` is created if necessary; existing files
    with the same names are overwritten.

    Raises:
      DamagedError: the archive is damaged or unsafe; nothing is written then, unless the damage is found
        only in a member's data.
      InputError: the disk is full or cannot be written.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = _checked_members(archive, opened)
            _check_size(archive, members.values(), folder)
            for path, member in members.items():
                _extract(opened, member, folder / path)
    except (InputError, OSError):
        raise
    except Exception as error:  # zipfile and its decompressors raise many kinds of errors for damage
        raise DamagedError(
            f"{archive}: is damaged or not a zip archive ({error!r}); fetch it again."
        ) from None


def _checked_members(archive: Path, opened: zipfile.ZipFile) -> dict[PurePosixPath, zipfile.ZipInfo]:
    """The files to unpack by their path under the folder."""
    files: dict[PurePosixPath, zipfile.ZipInfo] = {}
    if len(opened.infolist()) > MAX_MEMBERS:
        raise DamagedError(f"{archive}: has more than {MAX_MEMBERS} members; it is not unpacked.")
    for member in opened.infolist():
        path = _safe_path(archive, member)
        if member.is_dir() or _FINDER_FILES.intersection(path.parts):
            continue
        if path in files:
            raise DamagedError(f"{archive}: contains {member.filename!r} twice; it is not unpacked.")
        files[path] = member
    clash = next((path for path in files if not files.keys().isdisjoint(path.parents)), None)
    if clash:
        raise DamagedError(f"{archive}: {clash} is inside another file; it is not unpacked.")
    return _without_top_folder(files)


def _safe_path(archive: Path, member: zipfile.ZipInfo) -> PurePosixPath:
    # orig_filename is the name before zipfile cuts it at a NUL and converts separators.
    name = member.orig_filename
    path = PurePosixPath(name)
    if not path.parts or path.is_absolute() or ".." in path.parts or set(name) & set("\\:\0"):
        raise DamagedError(f"{archive}: member {name!r} is outside the folder; the archive is not unpacked.")
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise DamagedError(
            f"{archive}: member {name!r} is a link or special file; the archive is not unpacked."
        )
    if member.flag_bits & 0x1:
        raise DamagedError(f"{archive}: member {name!r} is encrypted; the archive is not unpacked.")
    return path


def _without_top_folder(files: dict[PurePosixPath, zipfile.ZipInfo]) -> dict[PurePosixPath, zipfile.ZipInfo]:
    tops = {path.parts[0] for path in files}
    if len(tops) == 1 and all(len(path.parts) > 1 for path in files):
        return {PurePosixPath(*path.parts[1:]): member for path, member in files.items()}
    return files


def _check_size(archive: Path, members: Iterable[zipfile.ZipInfo], folder: Path) -> None:
    total = sum(member.file_size for member in members)
    if total > min(MAX_BYTES, MAX_GROWTH * max(archive.stat().st_size, 2**20)):
        raise DamagedError(
            f"{archive}: would unpack to {total} bytes, which is unreasonable; it is not unpacked."
        )
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if total > free:
        raise InputError(f"{folder}: {total} bytes are needed but only {free} are free; free some space.")


def _extract(opened: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with opened.open(member) as packed, target.open("wb") as unpacked:
            shutil.copyfileobj(packed, unpacked, 2**20)
    except OSError as error:
        if error.errno is None:  # bz2 reports damage as OSError
            raise zipfile.BadZipFile(str(error)) from None
        raise InputError(f"{target}: cannot be written ({error.strerror}); free some space.") from None
