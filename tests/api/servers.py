"""The site served by real servers in this process, so that a test can reach into what they do."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import uvicorn
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
from django.db import connection

from project.asgi import application as asgi
from project.demo.valkey import free_port
from tests.house import ROOT, wait_for
from tests.services import services


class Handler(WSGIRequestHandler):
    """HTTP/1.1 without chunks, as runserver; its socket is handed out as gunicorn does it."""

    def get_environ(self) -> dict[str, Any]:
        return {**super().get_environ(), "gunicorn.socket": self.connection}

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def wsgi_server() -> Iterator[str]:
    with ThreadedWSGIServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.set_app(get_wsgi_application())
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def asgi_server() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(asgi, lifespan="off", log_config=None, timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        wait_for(lambda: server.started)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def gunicorn_server(application: str, **env: str) -> Iterator[str]:
    """`application` by gunicorn with threads, in a process of its own on the tests' database."""
    port = free_port()
    words = ["-m", "gunicorn", application, f"--bind=127.0.0.1:{port}", "--threads=4"]
    # It has a socket of its own to be controlled by, at home.
    env = os.environ | env | {"DATABASE_URL": database_url(), "HOME": str(services.folder)}
    with subprocess.Popen([sys.executable, *words], env=env, cwd=ROOT) as process:
        try:
            wait_for(lambda: _answers(port))
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def database_url() -> str:
    return services.postgres.url(connection.settings_dict["NAME"])


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


SERVERS = {"wsgi": wsgi_server, "asgi": asgi_server}


def client_of(user: Any, url: str) -> httpx.Client:
    """Signed in as `user`, with what a form would send."""
    from django.test import Client

    signed = Client()
    signed.force_login(user)
    token = "t" * 32
    cookies = {"sessionid": signed.cookies["sessionid"].value, "csrftoken": token}
    return httpx.Client(
        base_url=url, cookies=cookies, headers={"X-CSRFToken": token}, timeout=30, trust_env=False
    )
