"""A web server on this machine that misbehaves on request, for the tests of `bertbench fetch`."""

import contextlib
import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Page:
    """One file and how it is served.

    Attributes:
      cut_after: bytes of each answer's body after which the connection is closed.
      length_lie: added to the Content-Length announced.
      with_length: whether there is a Content-Length; without one the answer is chunked.
      ranges: whether Range is honored; `If-Range` is honored then too unless `ignores_if_range`.
      statuses: statuses to return, one per request, before the file itself.
    """

    body: bytes
    cut_after: int | None = None
    length_lie: int = 0
    with_length: bool = True
    ranges: bool = True
    ignores_if_range: bool = False
    range_shift: int = 0
    validator: bool = True
    encoding: str | None = None
    redirect: str | None = None
    statuses: list[int] = field(default_factory=list)

    @property
    def etag(self) -> str:
        return f'"{hashlib.md5(self.body).hexdigest()}"'


@dataclass
class Publisher:
    address: str
    pages: dict[str, Page] = field(default_factory=dict)
    requests: list[tuple[str, str | None, int]] = field(default_factory=list)  # path, Range, status

    def publish(self, name: str, body: bytes, **behavior: object) -> str:
        """Serve `body` and return its address."""
        self.pages[f"/{name}"] = Page(body, **behavior)
        return f"{self.address}/{name}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        page = self.server.publisher.pages.get(self.path)
        status, start = _plan_answer(page, self.headers)
        self.server.publisher.requests.append((self.path, self.headers.get("Range"), status))
        if page is None or status not in (200, 206):
            self._refuse(status, page)
        else:
            self._serve(page, status, start)

    def _refuse(self, status: int, page: Page | None) -> None:
        self.send_response(status)
        if status == 302:
            self.send_header("Location", page.redirect)
        self.send_header("Content-Length", "0")
        self.send_header("Retry-After", "0")
        self.end_headers()

    def _serve(self, page: Page, status: int, start: int) -> None:
        body = page.body[start:]
        self.send_response(status)
        if page.with_length:
            self.send_header("Content-Length", str(len(body) + page.length_lie))
        else:
            self.send_header("Transfer-Encoding", "chunked")
        if page.validator:
            self.send_header("ETag", page.etag)
        if page.encoding:
            self.send_header("Content-Encoding", page.encoding)
        if status == 206:
            shifted = start + page.range_shift
            last = len(page.body) - 1
            self.send_header("Content-Range", f"bytes {shifted}-{last}/{len(page.body)}")
        self.end_headers()
        if not page.with_length:
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        with contextlib.suppress(ConnectionError):  # the client may leave first
            self.wfile.write(body[: page.cut_after])
        if page.cut_after is not None or page.length_lie:
            self.close_connection = True

    def log_message(self, *args: object) -> None:
        pass


@contextlib.contextmanager
def run_publisher() -> Iterator[Publisher]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.publisher = publisher = Publisher(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield publisher
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _plan_answer(page: Page | None, headers: object) -> tuple[int, int]:
    """The status and the first byte of the answer."""
    if page is None:
        return 404, 0
    if page.statuses:
        return page.statuses.pop(0), 0
    asked = headers.get("Range")
    same = headers.get("If-Range") in (None, page.etag) or page.ignores_if_range
    if not asked or not page.ranges or not same:
        return 200, 0
    start = int(asked.removeprefix("bytes=").removesuffix("-"))
    return (206, start) if start < len(page.body) else (416, 0)
