"""Downloads one file over HTTP: retries with back-off, resumes, and never mixes two versions of a file.

Resuming follows RFC 9110: the rest is requested with Range (section 14.2) and If-Range (13.1.5), with the
validator (strong ETag, else Last-Modified) of the first response; a response of 200 restarts the file.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import requests
import urllib3
from requests.adapters import HTTPAdapter

from bertbench import __version__
from bertbench.errors import InputError
from bertbench.files import write_json
from bertbench.parsing import read_state

CHUNK_BYTES = 2**16  # lost at most when the connection breaks
TIMEOUT_SECONDS = (15, 60)  # for connecting; between two bytes
Progress = Callable[[int, int | None], None]


class TransferError(InputError):
    """A file could not be downloaded from one address."""


class _Interrupted(Exception):
    """The connection ended before the file was complete."""


@dataclass(frozen=True)
class Retries:
    """How many attempts without progress to allow, with waits of `backoff_seconds` · 2ⁿ in between."""

    count: int = 5
    backoff_seconds: float = 0.5


@dataclass(frozen=True)
class _Part:
    """A partly downloaded file; `validator` and `total` are from the first response."""

    address: str
    validator: str
    total: int | None


def make_session(retries: Retries) -> requests.Session:
    """A session that repeats requests after a 408, 429 or 5xx; it honors Retry-After and proxies."""
    policy = urllib3.Retry(
        total=retries.count,
        connect=0,
        read=0,
        backoff_factor=retries.backoff_seconds,
        status_forcelist=(408, 429, 500, 502, 503, 504),
        allowed_methods={"GET"},
        raise_on_status=False,
    )
    session = requests.Session()
    session.headers.update({"User-Agent": f"bertbench/{__version__}", "Accept-Encoding": "identity"})
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(max_retries=policy))
    return session


def download(address: str, target: Path, *, size: int | None, retries: Retries, progress: Progress) -> None:
    """Download `address` to `target`, resuming from `target`.part if an earlier attempt left one.

    Args:
      size: the file's size in bytes, if known.
      progress: called with the bytes present and the bytes expected (None if the server does not send it).

    Raises:
      TransferError: the server refuses, sends another size, or the connection breaks again and again.
    """
    part = target.with_name(target.name + ".part")
    failures, furthest = 0, _size_of(part)
    with make_session(retries) as session:
        while True:
            try:
                _transfer(session, address, part, size, progress)
                break
            except _Interrupted as error:
                failures = 1 if _size_of(part) > furthest else failures + 1
                furthest = max(furthest, _size_of(part))
                if failures > retries.count:
                    raise TransferError(
                        f"{address}: the connection broke {failures} times at byte {_size_of(part)} "
                        f"({error}); try again later, the part downloaded so far is kept."
                    ) from None
                time.sleep(retries.backoff_seconds * 2 ** (failures - 1))
    part.replace(target)
    _state_file(part).unlink(missing_ok=True)


def _transfer(
    session: requests.Session, address: str, part: Path, size: int | None, progress: Progress
) -> None:
    """Make one request and append the response to `part`."""
    known = _read_state(part, address)
    offset = _size_of(part) if known else 0
    if known and known.total is not None and offset == known.total:
        return
    headers = {"Range": f"bytes={offset}-", "If-Range": known.validator} if known and offset else {}
    try:
        with session.get(address, headers=headers, stream=True, timeout=TIMEOUT_SECONDS) as response:
            if not _continues(response, offset, known, part):
                offset = 0
            total = _check_response(response, address, offset, size)
            _write_state(part, _Part(address, _validator(response), total))
            _append(response, part, offset, total, progress)
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise _Interrupted(_innermost_name(error)) from None


def _continues(response: requests.Response, offset: int, known: _Part | None, part: Path) -> bool:
    """Whether the response continues at `offset` with the same version of the file.

    Raises:
      _Interrupted: the server cannot continue there; the part is deleted and the next request restarts.
    """
    if response.status_code == 206:
        span, _, total = response.headers.get("Content-Range", "").partition("/")
        same = known is not None and _validator(response) in ("", known.validator)
        whole = known is not None and total in ("*", str(known.total))
        if offset and same and whole and span.startswith(f"bytes {offset}-"):
            return True
        part.unlink(missing_ok=True)
        raise _Interrupted("a different range than requested")
    if response.status_code == 416:
        part.unlink(missing_ok=True)
        raise _Interrupted("range refused")
    return False


def _check_response(response: requests.Response, address: str, offset: int, size: int | None) -> int | None:
    """The size of the whole file, according to the server.

    Raises:
      TransferError: the response is an error or not the wanted file.
    """
    if not response.ok:
        raise TransferError(f"{address}: the server answered {response.status_code} {response.reason}.")
    if address.startswith("https:") and not response.url.startswith("https:"):
        raise TransferError(f"{address}: redirects to an unencrypted address, {response.url}.")
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise TransferError(f"{address}: the server compressed the file although the request forbids it.")
    length = response.headers.get("Content-Length")
    total = offset + int(length) if length is not None and length.isdigit() else None
    if size is not None and total is not None and total != size:
        raise TransferError(f"{address}: the server's file has {total} bytes; {size} are expected.")
    return total


def _append(
    response: requests.Response, part: Path, offset: int, total: int | None, progress: Progress
) -> None:
    try:
        with part.open("r+b" if offset else "wb") as stream:
            stream.seek(offset)
            stream.truncate()
            for chunk in response.raw.stream(CHUNK_BYTES, decode_content=False):
                stream.write(chunk)
                progress(stream.tell(), total)
    except OSError as error:  # urllib3 wraps those of the connection
        raise InputError(
            f"{part}: cannot be written ({error.strerror}); free some space and try again."
        ) from None


def _innermost_name(error: Exception) -> str:
    """The name of the original error, which requests and urllib3 wrap up to three times."""
    inner = getattr(error, "reason", None) or (error.args[0] if error.args else None)
    return _innermost_name(inner) if isinstance(inner, Exception) else type(error).__name__


def _validator(response: requests.Response) -> str:
    etag = response.headers.get("ETag", "")
    return etag if etag.startswith('"') else response.headers.get("Last-Modified", "")


def _state_file(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _write_state(part: Path, state: _Part) -> None:
    write_json(_state_file(part), asdict(state))


def _read_state(part: Path, address: str) -> _Part | None:
    """The state of an earlier attempt, if it can be resumed: same address, and a validator."""
    try:
        state = read_state(_Part, _state_file(part), "fetch it again")
    except InputError:
        return None
    return state if state.address == address and state.validator and part.exists() else None


def _size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
