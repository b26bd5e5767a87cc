"""The cache: each item's files in its own folder, verified, with a record of what they were.

DIR/<item's folder>/            the files, and `.fetched.json` with size and SHA-256 of each
DIR/.downloads/<item>/          what is on its way; kept when interrupted, gone when done
DIR/checksums.json              checksums recorded on first use, for addresses that publish none
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
    """A file came whole and is not the one that was asked for."""


def fetch(item: Item, cache: Path, retries: Retries = DEFAULT_RETRIES) -> Path:
    """Bring an item into the cache, or verify that it is there whole; return its folder.

    Files of other names in the folder are left alone.

    Raises:
      InputError: no address gave the right bytes, an archive is unsafe, or the disk is full.
    """
    folder = cache / item.folder
    with _lock(cache):
        if _is_whole(folder):
            console.notice(f"{item.name}: already in {folder}, verified.")
            return folder
        downloads = make_directory(cache / ".downloads" / item.name)
        first_used: dict[str, dict[str, object]] = {}
        for source in item.sources:
            first_used |= _bring(source, item, downloads, cache, retries)
        try:
            _install(item, downloads, folder)
        except ArchiveError:
            shutil.rmtree(downloads)
            raise
        _record_checksums(cache, first_used)
        shutil.rmtree(downloads)
    return folder


def _is_whole(folder: Path) -> bool:
    """Whether every file on record is there with the recorded bytes."""
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


def _bring(
    source: Source, item: Item, downloads: Path, cache: Path, retries: Retries
) -> dict[str, dict[str, object]]:
    """Download a source from the first address that has it; wrong bytes are fetched once again.

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
    """Compare with the published or the recorded size and checksum.

    Returns:
      The checksum to record, by address, where none was known.

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
                f" If its publisher changed it, delete its entry in {cache / CHECKSUMS}." if recorded else ""
            )
            raise WrongBytesError(f"{key}: {quantity} is {got[quantity]}, not {value}.{remedy}")
    return {} if known["sha256"] else {key: got}


def _read_checksums(cache: Path) -> dict[str, dict[str, object]]:
    path = cache / CHECKSUMS
    return read_json(path) if path.exists() else {}


def _record_checksums(cache: Path, first_used: dict[str, dict[str, object]]) -> None:
    for address, checksum in first_used.items():
        console.notice(f"{address}: publishes no checksum; recorded sha256 {checksum['sha256']}.")
    if first_used:
        write_json(cache / CHECKSUMS, _read_checksums(cache) | first_used)


def _install(item: Item, downloads: Path, folder: Path) -> None:
    """Unpack, then move file by file into place, and write the record last."""
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
    """Progress in megabytes, counted from what is there already."""
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
    """Keep other processes from fetching into the same cache at the same time."""
    with (make_directory(cache / ".downloads") / "lock").open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.notice(f"{cache}: another process is fetching into it; waiting.")
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield
