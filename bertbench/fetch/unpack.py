"""Unpacking zip archives that nobody has to trust.

Refused: names that leave the folder, links and other special files, encrypted or doubled members, and
archives that claim to grow beyond reason. Python's `zipfile` reads no more than the declared size of a member
and checks its CRC-32, so the declared sizes bind.
"""

import shutil
import stat
import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from bertbench.errors import InputError

MAX_MEMBERS = 10_000
MAX_GROWTH = 200  # unpacked bytes for each byte of the archive; text shrinks by 3 to 6, zeros by 1,000
MAX_BYTES = 50 * 2**30
_FINDER_FILES = {"__MACOSX", ".DS_Store", "Icon\r"}


class ArchiveError(InputError):
    """An archive is damaged, or holds what must not be unpacked."""


def unpack_zip(archive: Path, folder: Path) -> None:
    """Unpack an archive into `folder`, without the single top folder that all members may share.

    Files that macOS's Finder leaves in archives are left out. `folder` is made if it is not there; files of
    the same names in it are overwritten.

    Raises:
      ArchiveError: the archive is damaged or unsafe; nothing is written then, except when the damage shows
        only in a member's bytes.
      InputError: the disk is full or cannot be written.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = _checked_members(archive, opened)
            _check_size(archive, members.values(), folder)
            for path, member in members.items():
                _extract(opened, member, folder / path)
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise ArchiveError(
            f"{archive}: is damaged or no zip archive ({error}); delete it and fetch it again."
        ) from None


def _checked_members(archive: Path, opened: zipfile.ZipFile) -> dict[PurePosixPath, zipfile.ZipInfo]:
    """The files to unpack by their path under the folder."""
    files: dict[PurePosixPath, zipfile.ZipInfo] = {}
    if len(opened.infolist()) > MAX_MEMBERS:
        raise ArchiveError(f"{archive}: has more than {MAX_MEMBERS} members; it is not unpacked.")
    for member in opened.infolist():
        path = _safe_path(archive, member)
        if member.is_dir() or _FINDER_FILES.intersection(path.parts):
            continue
        if path in files:
            raise ArchiveError(f"{archive}: holds {member.filename!r} twice; it is not unpacked.")
        files[path] = member
    clash = next((path for path in files if not files.keys().isdisjoint(path.parents)), None)
    if clash:
        raise ArchiveError(f"{archive}: {clash} lies inside another file; it is not unpacked.")
    return _without_top_folder(files)


def _safe_path(archive: Path, member: zipfile.ZipInfo) -> PurePosixPath:
    # orig_filename is the name before zipfile cut it at a NUL and turned the system's separators.
    name = member.orig_filename
    path = PurePosixPath(name)
    if not path.parts or path.is_absolute() or ".." in path.parts or set(name) & set("\\:\0"):
        raise ArchiveError(f"{archive}: member {name!r} would leave the folder; the archive is not unpacked.")
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise ArchiveError(
            f"{archive}: member {name!r} is a link or special file; the archive is not unpacked."
        )
    if member.flag_bits & 0x1:
        raise ArchiveError(f"{archive}: member {name!r} is encrypted; the archive is not unpacked.")
    return path


def _without_top_folder(files: dict[PurePosixPath, zipfile.ZipInfo]) -> dict[PurePosixPath, zipfile.ZipInfo]:
    tops = {path.parts[0] for path in files}
    if len(tops) == 1 and all(len(path.parts) > 1 for path in files):
        return {PurePosixPath(*path.parts[1:]): member for path, member in files.items()}
    return files


def _check_size(archive: Path, members: Iterable[zipfile.ZipInfo], folder: Path) -> None:
    total = sum(member.file_size for member in members)
    if total > min(MAX_BYTES, MAX_GROWTH * max(archive.stat().st_size, 2**20)):
        raise ArchiveError(f"{archive}: would unpack to {total} bytes, beyond reason; it is not unpacked.")
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if total > free:
        raise InputError(f"{folder}: {total} bytes are needed and {free} are free; make room.")


def _extract(opened: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with opened.open(member) as packed, target.open("wb") as unpacked:
            shutil.copyfileobj(packed, unpacked, 2**20)
    except OSError as error:
        raise InputError(f"{target}: cannot be written ({error.strerror}); make room.") from None
