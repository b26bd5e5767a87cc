"""The download cache: the verified files of each item in a folder, with a record of sizes and checksums.

DIR/<item's folder>/            the files, and `.fetched.json` with size and SHA-256 of each
DIR/.downloads/<item>/          unfinished downloads; kept if interrupted, removed at the end
DIR/checksums.json              checksums recorded at the first download, for addresses that publish none
"""

import contextlib
import fcntl
import shutil
from collections.abc import Iterator
from pathlib import Path

from bertbench import console
from bertbench.errors import InputError
from bertbench.fetch.catalog import Item, Source
from bertbench.fetch.download import Progress, Retries, TransferError, download
from bertbench.fetch.mrpc import split_mrpc
from bertbench.fetch.unpack import ArchiveError, unpack_zip
from bertbench.files import make_directory, read_json, sha256_of_file, write_json

RECORD = ".fetched.json"
CHECKSUMS = "checksums.json"
DEFAULT_RETRIES = Retries()


class WrongBytesError(TransferError):
    """A file was downloaded completely, but its size or checksum is wrong."""


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
        first_used: dict[str, dict[str, object]] = {}
        for source in item.sources:
            first_used |= _download(source, item, downloads, cache, retries)
        try:
            _install(item, downloads, folder)
        except ArchiveError:
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
    for name, known in read_json(record)["files"].items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != known["size"]:
            return False
        if sha256_of_file(path) != known["sha256"]:
            return False
    return True


def _download(
    source: Source, item: Item, downloads: Path, cache: Path, retries: Retries
) -> dict[str, dict[str, object]]:
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


def _verify(path: Path, source: Source, cache: Path) -> dict[str, dict[str, object]]:
    """Compare a file with the published or recorded size and checksum.

    Returns:
      The checksum to record, by address, if none was known.

    Raises:
      WrongBytesError: they differ; the file is deleted.
    """
    got = {"size": path.stat().st_size, "sha256": sha256_of_file(path)}
    key = source.addresses[0]
    recorded = _read_checksums(cache).get(key, {})
    known = {"size": source.size, "sha256": source.sha256 or recorded.get("sha256")}
    for quantity, value in known.items():
        if value is not None and got[quantity] != value:
            path.unlink()
            remedy = (
                f" If the publisher changed the file, delete its entry in {cache / CHECKSUMS}."
                if recorded
                else ""
            )
            raise WrongBytesError(f"{key}: {quantity} is {got[quantity]}, not {value}.{remedy}")
    return {} if known["sha256"] else {key: got}


def _read_checksums(cache: Path) -> dict[str, dict[str, object]]:
    path = cache / CHECKSUMS
    return read_json(path) if path.exists() else {}


def _record_checksums(cache: Path, first_used: dict[str, dict[str, object]]) -> None:
    for address, checksum in first_used.items():
        console.notice(f"{address}: has no published checksum; recorded sha256 {checksum['sha256']}.")
    if first_used:
        write_json(cache / CHECKSUMS, _read_checksums(cache) | first_used)


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
    files = {}
    for path in sorted(path for path in staged.rglob("*") if path.is_file()):
        name = path.relative_to(staged).as_posix()
        files[name] = {"size": path.stat().st_size, "sha256": sha256_of_file(path)}
        make_directory((folder / name).parent)
        path.replace(folder / name)
    addresses = [source.addresses[0] for source in item.sources]
    write_json(folder / RECORD, {"item": item.name, "addresses": addresses, "files": files})


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
