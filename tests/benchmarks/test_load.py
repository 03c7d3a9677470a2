"""Who downloads must see through a server that sends something else."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks import downloading
from benchmarks.downloading import Wanted, download
from benchmarks.load import LINES, Line
from benchmarks.site import Site

CONTENT = b"rows" * 25


class Plain(BaseHTTPRequestHandler):
    """The whole file whatever is asked for, as a server does that knows no ranges."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[Site]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Plain) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield Site(f"http://127.0.0.1:{server.server_port}", 0, "")
        finally:
            server.shutdown()
            thread.join()


def wanted(content: bytes) -> Wanted:
    return Wanted("/", len(content), hashlib.sha256(content).hexdigest())


def test_other_bytes_and_no_range_are_errors(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloading, "PIECE_BYTES", 10)
    monkeypatch.setattr(downloading, "ERROR_SECONDS", 0)

    right = download(site, wanted(CONTENT), 1, seconds=0)
    wrong = download(site, wanted(CONTENT[::-1]), 1, seconds=0)
    both = download(site, wanted(CONTENT), 2, seconds=0)

    assert (right.bytes, right.files, right.errors) == (len(CONTENT), 1, [])
    assert (wrong.files, wrong.errors) == (0, ["download: the SHA-256 differs"])
    assert both.files == 1 and "RuntimeError('200" in both.errors[0]


def test_nobody_downloads_where_nobody_is_to(site: Site) -> None:
    assert download(site, wanted(CONTENT), 0, seconds=0) == downloading.Downloads()


def test_ratios_are_of_the_last_run_and_of_figures_only() -> None:
    line = Line("a figure", float, compared=True)

    assert line.figures([4, 0, 10]) == ["4", "0", "10"]
    assert line.ratios([4, 0, 10]) == ["2.50", ""]
    assert Line("a count", float).ratios([4, 0, 10]) == ["", ""]
    assert len({line.title for line in LINES}) == len(LINES)
