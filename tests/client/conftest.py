from __future__ import annotations

from asyncio import StreamReader, StreamWriter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import Permission

from exportapp.client import ExportClient
from exportapp.client.trying import Patience
from project.shop.loading import seed_shop
from tests.api.servers import client_of, wsgi_server
from tests.faults.proxy import Proxy


class Breaking(Proxy):
    """Resets every connection behind so many bytes of one direction, as long as `times` lasts."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.after, self.times, self.broken = 0, 0, 0
        self.http = self.url.replace("redis://", "http://").removesuffix("/0")

    def break_behind(self, after: int, times: int) -> None:
        self.after, self.times = after, times

    async def _pump(self, reader: StreamReader, writer: StreamWriter) -> None:
        passed, is_answer = 0, writer.get_extra_info("sockname")[1] == self._port_of_ours
        with suppress(OSError):
            while data := await reader.read(4096):
                passed += len(data)
                if is_answer and self.times and passed > self.after:
                    self.times -= 1
                    self.broken += 1
                    self._cut()
                    break
                writer.write(data)
                await writer.drain()
        writer.close()

    @property
    def _port_of_ours(self) -> int:
        return int(urlsplit(self.url).port or 0)


@pytest.fixture
def site(transactional_db, django_user_model):
    """The address of a server with a shop, a proxy before it, and a person of it."""
    seed_shop(400, seed=1)
    ann = django_user_model.objects.create_user("ann", is_staff=True)
    ann.user_permissions.add(Permission.objects.get(codename="export_order"))
    with wsgi_server() as url, Breaking(urlsplit(url).port) as proxy:
        proxy.user = ann
        yield proxy


@pytest.fixture
def reach(site) -> Callable[..., ExportClient]:
    """A client of it; of "ann" unless said."""
    with ExitStack() as stack:

        def made(user: Any = None, **patience: float) -> ExportClient:
            with client_of(user or site.user, site.http) as signed:
                told = {"X-CSRFToken": "t" * 32}
                cookies = dict(signed.cookies)
            quick = Patience(**({"deadline": 20.0, "first": 0.01} | patience))
            return stack.enter_context(
                ExportClient(
                    f"{site.http}/api/",
                    headers=told,
                    cookies=cookies,
                    patience=quick,
                    trust_env=False,
                )
            )

        yield made
