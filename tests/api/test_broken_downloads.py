"""A large download that breaks again and again, gone on with by curl, is the same file."""

from __future__ import annotations

import hashlib
import shutil
import socket
import struct
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from exportapp.jobs.files import local_path
from exportapp.models import ExportFile
from tests.api.conftest import finished
from tests.api.servers import client_of, gunicorn_server
from tests.faults.extent import FULL
from tests.services import ON_SQLITE

SIZE = 2**30 if FULL else 2**26
"""Bytes; a gibibyte by `make faults-full`."""

MARKS = 64
"""Places of the file that are no holes; what is between them takes no disk."""

BREAKS = (SIZE // 7, SIZE // 5, SIZE // 3)
"""Bytes of an answer behind which its connection is reset, one after the other."""

BROKEN = {18, 52, 55, 56}
"""What curl ends with: a part of a file, an empty answer, an error of the connection."""


def write_large(path: Path) -> str:
    """Make it this large; returns its SHA-256."""
    with path.open("r+b") as file:
        file.truncate(SIZE)
        for number in range(MARKS):
            file.seek(number * SIZE // MARKS + 7919 * number)
            file.write(hashlib.sha256(bytes([number])).digest())
    return digest(path)


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def breaking(port: int) -> Iterator[int]:
    """The port of a proxy that resets one connection behind each of BREAKS, and no other."""
    left = list(BREAKS)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    pass_on(client, left.pop(0) if left else None)

        def pass_on(client: socket.socket, most: int | None) -> None:
            with client, socket.create_connection(("127.0.0.1", port)) as server:
                server.sendall(client.recv(2**16))
                passed = 0
                while data := server.recv(2**20):
                    client.sendall(data)
                    passed += len(data)
                    if most is not None and passed > most:
                        reset = struct.pack("ii", 1, 0)
                        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
                        return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    assert not left, "it broke each time"


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
@pytest.mark.skipif(ON_SQLITE, reason="the server is another process: one database is enough")
def test_curl_goes_on_where_a_large_download_broke(shop, person, sign_in, tmp_path):
    ann = person("ann")
    export = finished(sign_in(ann))
    file = ExportFile.objects.get()
    sha256 = write_large(local_path(file.path))
    ExportFile.objects.update(size=SIZE, sha256=sha256)
    with gunicorn_server("project.wsgi") as url, client_of(ann, url) as client:
        cookie = f"sessionid={client.cookies['sessionid']}"
        with breaking(urlsplit(url).port or 0) as port:
            address = f"http://127.0.0.1:{port}/api/exports/{export['id']}/download/"
            came = tmp_path / "orders.xlsx"
            words = ["curl", "--silent", "--fail", "--noproxy", "*", "--cookie", cookie]
            words += ["--continue-at", "-", "--output", str(came), address]
            ends = [subprocess.run(words).returncode for _ in range(len(BREAKS) + 1)]

    assert ends[-1] == 0 and set(ends[:-1]) <= BROKEN, ends
    assert digest(came) == sha256
    came.unlink()
