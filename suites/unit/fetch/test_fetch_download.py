"""Downloads from a server that cuts connections, lies about length, sends other bytes or ignores ranges."""

import hashlib
import random

import pytest
import requests

from bertbench.errors import InputError
from bertbench.fetch.download import CHUNK_BYTES, Retries, TransferError, _check_response, download

pytestmark = pytest.mark.unit

BODY = random.Random(7).randbytes(10 * CHUNK_BYTES + 123)
QUICK = Retries(count=3, backoff_seconds=0.001)


def fetch(address, target, size=None):
    present = []
    download(
        address, target, size=size, retries=QUICK, progress=lambda now, total: present.append((now, total))
    )
    return present


def test_whole_file_is_downloaded_in_one_response(publisher, tmp_path):
    progress = fetch(publisher.publish("f", BODY), tmp_path / "f", size=len(BODY))
    assert (tmp_path / "f").read_bytes() == BODY
    assert progress[-1] == (len(BODY), len(BODY))
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


def test_broken_connection_is_resumed_at_the_next_byte(publisher, tmp_path):
    address = publisher.publish("f", BODY, cut_after=4 * CHUNK_BYTES)
    fetch(address, tmp_path / "f", size=len(BODY))
    assert (tmp_path / "f").read_bytes() == BODY
    assert publisher.requests == [
        ("/f", None, 200),
        ("/f", f"bytes={4 * CHUNK_BYTES}-", 206),
        ("/f", f"bytes={8 * CHUNK_BYTES}-", 206),
    ]


def test_next_run_resumes_interrupted_download(publisher, tmp_path):
    address = publisher.publish("f", BODY)

    def interrupt(now, total):
        if now > 5 * CHUNK_BYTES:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(address, tmp_path / "f", size=None, retries=QUICK, progress=interrupt)
    assert not (tmp_path / "f").exists()
    fetch(address, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == BODY
    assert publisher.requests[1] == ("/f", f"bytes={6 * CHUNK_BYTES}-", 206)


def test_file_changed_on_server_is_downloaded_from_start(publisher, tmp_path):
    address = publisher.publish("f", BODY, cut_after=4 * CHUNK_BYTES)
    with pytest.raises(KeyboardInterrupt):
        download(address, tmp_path / "f", size=None, retries=QUICK, progress=_interrupt_at(3 * CHUNK_BYTES))
    changed = BODY[::-1]
    publisher.publish("f", changed)
    fetch(address, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == changed


@pytest.mark.parametrize("same_size", [True, False])
def test_changed_file_is_detected_if_server_ignores_if_range(publisher, tmp_path, same_size):
    address = publisher.publish("f", BODY)
    with pytest.raises(KeyboardInterrupt):
        download(address, tmp_path / "f", size=None, retries=QUICK, progress=_interrupt_at(3 * CHUNK_BYTES))
    changed = BODY[::-1] if same_size else BODY[::-1] + b"more"
    publisher.publish("f", changed, ignores_if_range=True)
    fetch(address, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == changed


def test_download_restarts_if_server_ignores_range(publisher, tmp_path):
    address = publisher.publish("f", BODY)
    with pytest.raises(KeyboardInterrupt):
        download(address, tmp_path / "f", size=None, retries=QUICK, progress=_interrupt_at(3 * CHUNK_BYTES))
    publisher.publish("f", BODY, ranges=False)
    fetch(address, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == BODY
    assert publisher.requests[1][1:] == (f"bytes={3 * CHUNK_BYTES}-", 200)


def test_download_without_validator_is_not_resumed(publisher, tmp_path):
    address = publisher.publish("f", BODY, validator=False)
    with pytest.raises(KeyboardInterrupt):
        download(address, tmp_path / "f", size=None, retries=QUICK, progress=_interrupt_at(3 * CHUNK_BYTES))
    fetch(address, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == BODY
    assert publisher.requests[1] == ("/f", None, 200)


def test_response_with_wrong_range_is_discarded(publisher, tmp_path):
    address = publisher.publish("f", BODY)
    with pytest.raises(KeyboardInterrupt):
        download(address, tmp_path / "f", size=None, retries=QUICK, progress=_interrupt_at(3 * CHUNK_BYTES))
    publisher.publish("f", BODY, range_shift=10)
    fetch(address, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == BODY


def test_download_restarts_after_status_416(publisher, tmp_path):
    address = publisher.publish("f", BODY)
    with pytest.raises(KeyboardInterrupt):
        download(address, tmp_path / "f", size=None, retries=QUICK, progress=_interrupt_at(3 * CHUNK_BYTES))
    with (tmp_path / "f.part").open("ab") as part:
        part.write(b"x" * len(BODY))
    fetch(address, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == BODY
    assert [status for _, _, status in publisher.requests] == [200, 416, 200]


def test_complete_partial_file_is_not_requested_again(publisher, tmp_path):
    address = publisher.publish("f", BODY)

    def interrupt_at_the_end(now, total):
        if now == total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(address, tmp_path / "f", size=None, retries=QUICK, progress=interrupt_at_the_end)
    fetch(address, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == BODY
    assert len(publisher.requests) == 1


def test_too_large_content_length_is_reported_after_retries(publisher, tmp_path):
    address = publisher.publish("f", BODY, length_lie=1000)
    with pytest.raises(TransferError, match=r"the connection broke 4 times at byte .*try again later"):
        fetch(address, tmp_path / "f")
    assert not (tmp_path / "f").exists()


@pytest.mark.parametrize("lie", [-1000, 1000])
def test_unexpected_size_is_rejected_before_reading_the_body(publisher, tmp_path, lie):
    address = publisher.publish("f", BODY, length_lie=lie)
    with pytest.raises(TransferError, match=f"file has {len(BODY) + lie} bytes; {len(BODY)} are expected"):
        fetch(address, tmp_path / "f", size=len(BODY))
    assert not (tmp_path / "f.part").exists()


def test_response_without_content_length_is_read_completely(publisher, tmp_path):
    progress = fetch(publisher.publish("f", BODY, with_length=False), tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == BODY
    assert progress[-1] == (len(BODY), None)


def test_temporary_server_errors_are_retried(publisher, tmp_path):
    fetch(publisher.publish("f", BODY, statuses=[503, 429, 500]), tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == BODY
    assert [status for _, _, status in publisher.requests] == [503, 429, 500, 200]


def test_permanent_server_errors_are_reported(publisher, tmp_path):
    with pytest.raises(TransferError, match="the server answered 503"):
        fetch(publisher.publish("f", BODY, statuses=[503] * 100), tmp_path / "f")


def test_status_404_is_not_retried(publisher, tmp_path):
    with pytest.raises(TransferError, match="/none: the server answered 404"):
        fetch(f"{publisher.address}/none", tmp_path / "f")
    assert len(publisher.requests) == 1


def test_compressed_response_is_rejected(publisher, tmp_path):
    with pytest.raises(TransferError, match="compressed the file although the request forbids it"):
        fetch(publisher.publish("f", BODY, encoding="gzip"), tmp_path / "f")


def test_redirect_from_https_to_http_is_rejected():
    answer = requests.Response()
    answer.status_code, answer.url = 200, "http://127.0.0.1/f"
    with pytest.raises(TransferError, match="redirects to an unencrypted address"):
        _check_response(answer, "https://127.0.0.1/f", 0, None)


def test_refused_connection_is_reported_after_retries(tmp_path):
    with pytest.raises(TransferError, match="the connection broke 4 times at byte 0"):
        fetch("http://127.0.0.1:9/f", tmp_path / "f")


def test_full_disk_is_reported_and_partial_file_is_kept(publisher, tmp_path):
    address = publisher.publish("f", BODY)
    with pytest.raises(InputError, match="free some space"):
        download(address, tmp_path / "f", size=None, retries=QUICK, progress=_no_space_at(3 * CHUNK_BYTES))
    assert (tmp_path / "f.part").stat().st_size == 3 * CHUNK_BYTES
    fetch(address, tmp_path / "f")
    assert hashlib.sha256((tmp_path / "f").read_bytes()).digest() == hashlib.sha256(BODY).digest()


def _interrupt_at(byte):
    def progress(now, total):
        if now >= byte:
            raise KeyboardInterrupt

    return progress


def _no_space_at(byte):
    def progress(now, total):
        if now >= byte:
            raise OSError(28, "No space left on device")

    return progress
