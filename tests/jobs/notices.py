"""What tests of notices share: a person, an export of theirs, a server that takes webhooks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from django.contrib.auth.models import User
from django.db.models.functions import Now

from exportapp.jobs import lifecycle
from exportapp.models import ExportJob, ExportNotice
from exportapp.tables.selection import Selection, Viewer

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def ask_as(person: User, *notify: str, **selection: Any) -> ExportJob:
    viewer = Viewer(user=person, language="en", time_zone="UTC")
    wanted = Selection(**{"source": "shop.Order"} | selection)
    job, _ = lifecycle.create(wanted, viewer, notify=notify or None, queue=False)
    return job


def back_off_is_over() -> None:
    ExportNotice.objects.update(not_before=Now())


@dataclass
class Receiver:
    """A real server on loopback; answers from the list, then 204 for ever."""

    url: str = ""
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    taken: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.answers.append((status, headers, body))


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.taken.append(({k.lower(): v for k, v in self.headers.items()}, body))
            status, headers, said = receiver.answers.pop(0) if receiver.answers else (204, {}, b"")
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *args: Any) -> None:
            return None

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        receiver.url = f"http://127.0.0.1:{server.server_port}/hook?team=1"
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
