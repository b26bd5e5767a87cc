"""The download cache: the verified files of each item in a folder, with a record of sizes and checksums.

DIR/<item's folder>/            the files, and `.fetched.json` with size and SHA-256 of each
DIR/.downloads/<item>/          unfinished downloads; kept if interrupted, removed at the end
DIR/checksums.json              checksums recorded at the first download, for addresses that publish none
"""

import contextlib
import fcntl
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from bertbench import console
from bertbench.errors import InputError
from bertbench.fetch.download import Progress, Retries, TransferError, download
from bertbench.fetch.item import Item, Source
from bertbench.fetch.mrpc import split_mrpc
from bertbench.fetch.unpack import DamagedError, unpack_zip
from bertbench.file_identity import sha256_of_file
from bertbench.files import make_directory, write_json
from bertbench.parsing import Count, read_state

RECORD = ".fetched.json"
CHECKSUMS = "checksums.json"
DEFAULT_RETRIES = Retries()


class WrongBytesError(TransferError):
    """A file was downloaded completely, but its size or checksum is wrong."""


@dataclass(frozen=True)
class Checksum:
    """What a file must be: its size in bytes, and the hexadecimal SHA-256 of its bytes."""

    size: Count
    sha256: str


@dataclass(frozen=True)
class _Record:
    """The contents of `.fetched.json`: files by their path in the folder."""

    item: str
    addresses: tuple[str, ...]
    files: Mapping[str, Checksum]


Checksums = dict[str, Checksum]  # by address


def fetch(item: Item, cache: Path, retries: Retries = DEFAULT_RETRIES) -> Path:
    """Download an item into the cache, or verify that it is complete; return its folder.

    Files with other names in the folder are not touched.

    Raises:
      InputError: no address provides the right file, an archive is unsafe, or the disk is full.
    """
    folder = cache / item.folder
    with _lock(cache):
        if _is_complete(folder):
            console.notice(f"{item.name}: already in {folder}, verified.")
            return folder
        downloads = make_directory(cache / ".downloads" / item.name)
        first_used: Checksums = {}
        for source in item.sources:
            first_used |= _download(source, item, downloads, cache, retries)
        try:
            _install(item, downloads, folder)
        except DamagedError:
            shutil.rmtree(downloads)
            raise
        _record_checksums(cache, first_used)
        shutil.rmtree(downloads)
    return folder


def _is_complete(folder: Path) -> bool:
    """Whether every recorded file exists with the recorded size and checksum."""
    record = folder / RECORD
    if not record.exists():
        return False
    try:
        files = read_state(_Record, record, "fetch it again").files
    except InputError:
        return False
    return all(
        (folder / name).is_file() and _checksum_of(folder / name) == known for name, known in files.items()
    )


def _download(source: Source, item: Item, downloads: Path, cache: Path, retries: Retries) -> Checksums:
    """Download a source from the first address that works; a wrong file is downloaded once more.

    Returns what `_verify` returns.
    """
    target = downloads / source.name
    problems = []
    for address in source.addresses:
        try:
            for attempt in ("first", "last"):
                if not target.exists():
                    with _show_progress(source, item) as progress:
                        download(address, target, size=source.size, retries=retries, progress=progress)
                try:
                    return _verify(target, source, cache)
                except WrongBytesError:
                    if attempt == "last":
                        raise
        except TransferError as error:
            problems.append(str(error))
    raise InputError(" ".join(problems))


def _verify(path: Path, source: Source, cache: Path) -> Checksums:
    """Compare a file with the published or recorded size and checksum.

    Returns:
      The checksum to record, by address, if none was known.

    Raises:
      WrongBytesError: they differ; the file is deleted.
    """
    got = _checksum_of(path)
    key = source.addresses[0]
    recorded = _read_checksums(cache).get(key)
    sha256 = source.sha256 or (recorded.sha256 if recorded else None)
    for quantity, value, known in (("size", got.size, source.size), ("sha256", got.sha256, sha256)):
        if known is not None and value != known:
            path.unlink()
            remedy = (
                f" If the publisher changed the file, delete its entry in {cache / CHECKSUMS}."
                if recorded
                else ""
            )
            raise WrongBytesError(f"{key}: {quantity} is {value}, not {known}.{remedy}")
    return {} if sha256 else {key: got}


def _checksum_of(path: Path) -> Checksum:
    return Checksum(path.stat().st_size, sha256_of_file(path))


def _read_checksums(cache: Path) -> Checksums:
    """The recorded checksums.

    Raises:
      InputError: the file is damaged.
    """
    path = cache / CHECKSUMS
    remedy = "delete it to record the checksums of the next downloads"
    return read_state(Checksums, path, remedy) if path.exists() else {}


def _record_checksums(cache: Path, first_used: Checksums) -> None:
    for address, checksum in first_used.items():
        console.notice(f"{address}: has no published checksum; recorded sha256 {checksum.sha256}.")
    if first_used:
        known = _read_checksums(cache) | first_used
        write_json(cache / CHECKSUMS, {address: asdict(checksum) for address, checksum in known.items()})


def _install(item: Item, downloads: Path, folder: Path) -> None:
    """Unpack, move each file to its place, and write the record last."""
    staged = downloads / "staged"
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir()
    for source in item.sources:
        if source.name.endswith(".zip"):
            unpack_zip(downloads / source.name, staged)
        else:
            shutil.copyfile(downloads / source.name, staged / source.name)
    if item.split_mrpc:
        split_mrpc(staged)
    files: dict[str, Checksum] = {}
    for path in sorted(path for path in staged.rglob("*") if path.is_file()):
        name = path.relative_to(staged).as_posix()
        files[name] = _checksum_of(path)
        make_directory((folder / name).parent)
        path.replace(folder / name)
    addresses = tuple(source.addresses[0] for source in item.sources)
    write_json(folder / RECORD, asdict(_Record(item.name, addresses, files)))


@contextlib.contextmanager
def _show_progress(source: Source, item: Item) -> Iterator[Progress]:
    """Progress in megabytes, including what an earlier download left."""
    expected = source.size or item.about
    with console.progress(f"{item.name}: {source.name}", max(1, expected // 10**6), "MB") as advance:
        shown = 0

        def progress(present: int, _total: int | None) -> None:
            nonlocal shown
            megabytes = min(present, expected) // 10**6
            if megabytes > shown:
                advance(megabytes - shown)
                shown = megabytes

        yield progress


@contextlib.contextmanager
def _lock(cache: Path) -> Iterator[None]:
    """Prevent other processes from downloading into the same cache at the same time."""
    with (make_directory(cache / ".downloads") / "lock").open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.notice(f"{cache}: another process is downloading into it; waiting.")
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield
