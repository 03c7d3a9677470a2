"""The sample project behind a web server of its own, and a person who is signed in."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx

from benchmarks.arena import Arena
from benchmarks.meter import ROOT
from project.demo.valkey import free_port
from tests.house import wait_for

CSRF: Final = "t" * 32

KEPT_SECONDS: Final = 0.5
"""How long a client keeps a connection that nobody uses. gunicorn closes it after two seconds, and
a request that meets the close on its way is lost: far from that, also where both are late."""

TIMEOUT_SECONDS: Final = 60.0

SIGN_IN: Final = """
from django.contrib.auth.models import Permission, User
from django.test import Client
person, _ = User.objects.get_or_create(username="bench", is_staff=True)
rights = Permission.objects.filter(codename__in=("view_sale", "export_sale"))
person.user_permissions.add(*rights)
client = Client()
client.force_login(person)
print("session", client.cookies["sessionid"].value)
"""


@dataclass(frozen=True, slots=True)
class Site:
    url: str
    pid: int
    """The process id of the web server; its own workers are children of it."""
    session: str

    def options(self) -> dict[str, Any]:
        """Of an httpx client of the person who is signed in."""
        limits = httpx.Limits(max_connections=None, keepalive_expiry=KEPT_SECONDS)
        return {
            "base_url": self.url,
            "cookies": {"sessionid": self.session, "csrftoken": CSRF},
            "headers": {"X-CSRFToken": CSRF},
            "timeout": TIMEOUT_SECONDS,
            "trust_env": False,
            "limits": limits,
        }


def sign_in(arena: Arena) -> str:
    """Make a person who may export the rows; returns the key of a session of theirs."""
    done = arena.house.manage("shell", "-c", SIGN_IN)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout.rpartition("session ")[2].strip()


def as_in_the_image() -> list[str]:
    """The command that the container starts, but for the address, which becomes `{port}`."""
    dockerfile = (ROOT / "docker" / "Dockerfile").read_text()
    (command,) = re.findall(r"^CMD (\[.+\])$", dockerfile, re.MULTILINE)
    words: list[str] = json.loads(command)
    return ["--bind=127.0.0.1:{port}" if "--bind" in word else word for word in words]


@contextmanager
def served(
    arena: Arena, words: Sequence[str], session: str, env: Mapping[str, str] | None = None
) -> Iterator[Site]:
    """`python -m` these words, with `{port}` filled in, until the block is left."""
    port = free_port()
    command = [sys.executable, "-m", *(word.format(port=port) for word in words)]
    log = arena.house.folder / f"{words[0]}.log"
    with (
        log.open("ab") as output,
        subprocess.Popen(
            command, cwd=ROOT, env=arena.house.env | dict(env or {}), stdout=output, stderr=output
        ) as process,
    ):
        try:
            site = Site(f"http://127.0.0.1:{port}", process.pid, session)
            wait_for(lambda: _answers(site.url), what=f"the web server answers; its log is {log}")
            yield site
        finally:
            process.terminate()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", trust_env=False).is_success
    except httpx.TransportError:
        return False
