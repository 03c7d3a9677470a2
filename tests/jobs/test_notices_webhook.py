"""Webhooks over real sockets: what is signed, what is tried again, what is never called."""

from __future__ import annotations

import base64
import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User

from exportapp.exceptions import NoticeRefused
from exportapp.jobs import transitions
from exportapp.jobs.notices import sending
from exportapp.jobs.notices.addresses import addresses
from exportapp.jobs.notices.webhook import Webhook
from exportapp.models import ExportJob, ExportNotice
from exportapp.states import JobState
from tests.house import ROOT
from tests.jobs.conftest import finish
from tests.jobs.notices import SECRET, Receiver, ask_as, back_off_is_over, receiving
from tests.test_docs import blocks

DOCS = ROOT / "docs" / "notifications.md"
LONG_AGO = datetime(2020, 2, 2, tzinfo=UTC)
OLD = "the secret of the year before this one"


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    with receiving() as receiver:
        settings.EXPORTAPP_WEBHOOKS = {"erp": {"url": receiver.url, "secret": [SECRET, OLD]}}
        settings.EXPORTAPP_WEBHOOK_HTTP = True
        settings.EXPORTAPP_WEBHOOK_HOSTS = ("127.0.0.0/8",)
        settings.EXPORTAPP_SITE_URL = "https://shop.example"
        yield receiver


@pytest.fixture
def done(orders: Callable[[int], None], receiver: Receiver) -> ExportJob:
    """An export whose webhook is due."""
    orders(5)
    job = ask_as(User.objects.create_superuser("ann"), "erp")
    finish(job)
    return job


def by_openssl(key: bytes, signed: bytes) -> str:
    """HMAC-SHA256 in base64, by a program that shares no code with us."""
    digest = ["openssl", "dgst", "-sha256", "-mac", "HMAC", "-macopt", f"hexkey:{key.hex()}"]
    made = subprocess.run([*digest, "-binary"], input=signed, capture_output=True, check=True)
    return base64.b64encode(made.stdout).decode()


def test_a_webhook_says_what_is_ready_and_is_signed_with_each_secret(
    done: ExportJob, receiver: Receiver
) -> None:
    assert sending.tell() == 1
    ((headers, body),) = receiver.taken
    said, file = json.loads(body), done.files.get()

    assert said["type"] == "export.succeeded"
    assert datetime.fromisoformat(said["timestamp"]) == done.finished_at
    assert said["data"]["id"] == str(done.pk)
    assert said["data"]["url"].startswith("https://shop.example/admin/exportapp/exportjob/")
    assert [each["sha256"] for each in said["data"]["files"]] == [file.sha256]
    assert headers["content-type"] == "application/json"
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    keys = base64.b64decode(SECRET.removeprefix("whsec_")), OLD.encode()
    expected = [f"v1,{by_openssl(key, signed)}" for key in keys]
    assert headers["webhook-signature"].split(" ") == expected
    (documented,) = [code for code in blocks(DOCS, "python") if "def is_genuine" in code]
    told: dict[str, Any] = {}
    exec(documented, told)
    assert told["is_genuine"](headers, body, keys[0]) and told["is_genuine"](headers, body, keys[1])
    assert not told["is_genuine"](headers, body + b" ", keys[0])
    assert not told["is_genuine"](headers, body, b"another")


def test_a_failure_is_told_by_its_code_alone(
    orders: Callable[[int], None], receiver: Receiver
) -> None:
    job = ask_as(User.objects.create_superuser("ann"), "erp")
    transitions.try_move(job, JobState.EXTRACTING)
    transitions.fail(job, "poison", "the salary 4711 cannot be read")
    assert sending.tell() == 1

    ((_, body),) = receiver.taken
    assert json.loads(body)["data"]["error"] == {"code": "poison"}
    assert b"4711" not in body


def test_a_receiver_that_fails_is_told_again_under_the_same_id_and_a_new_signature(
    done: ExportJob, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.answer(503, b"\x1b[31mcome back\r\nlater" + b"x" * 10_000)
    receiver.answer(404)
    receiver.answer(429)
    clock = time.time()
    for later in range(4):
        monkeypatch.setattr(time, "time", lambda later=later: clock + later * 100)
        assert sending.tell() == (later == 3)
        error = ExportNotice.objects.get().error
        assert len(error) < 700 and error.isprintable()
        assert later != 0 or "503" in error and "come back later" in error
        back_off_is_over()

    heads = [headers for headers, _ in receiver.taken]
    assert len({head["webhook-id"] for head in heads}) == 1
    assert len({head["webhook-timestamp"] for head in heads}) == 4
    assert len({head["webhook-signature"] for head in heads}) == 4


@pytest.mark.parametrize("status", [301, 307, 410])
def test_a_redirect_is_not_followed_and_gone_is_gone(
    done: ExportJob, receiver: Receiver, status: int
) -> None:
    receiver.answer(status, Location=receiver.url.replace("hook", "elsewhere"))

    assert sending.tell() == 0
    assert len(receiver.taken) == 1
    assert ExportNotice.objects.get().given_up_at


def test_a_receiver_that_is_not_there_is_tried_again(done: ExportJob, settings: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/"
    settings.EXPORTAPP_WEBHOOKS = {"erp": {"url": url, "secret": SECRET}}

    assert sending.tell() == 0
    notice = ExportNotice.objects.get()
    assert notice.given_up_at is None and "127.0.0.1" in notice.error


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "2130706433",  # the same in decimal
        "0x7f.0.0.1",
        "0177.1",
        "0",
        "localhost",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.0.1",
        "169.254.169.254",  # where clouds keep credentials
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:a9fe:a9fe]",
        "[fe80::1]",
        "[fd00::1]",
        "[ff02::1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
    ],
)
def test_no_notation_of_an_inner_host_is_called(settings: Any, host: str) -> None:
    settings.EXPORTAPP_WEBHOOK_HTTP = True
    hook = Webhook.from_settings("erp", {"url": f"http://{host}/", "secret": SECRET})

    with pytest.raises(NoticeRefused, match="no public one"):
        hook.send(ExportNotice(job=ExportJob(selection={"site": "admin"}, finished_at=LONG_AGO)))


def answering(*texts: str) -> Callable[..., list[Any]]:
    """A resolver that has these addresses for names of the example."""
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *given: Any, **how: Any) -> list[Any]:
        if host != "hooks.example":
            return real(host, port, *given, **how)
        return [(0, 0, 0, "", (text, port)) for text in texts]

    return getaddrinfo


def test_a_public_name_with_an_inner_address_is_not_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", answering("93.184.215.14", "10.0.0.7"))
    with pytest.raises(NoticeRefused, match=r"hooks.example has the address 10\.0\.0\.7"):
        addresses("hooks.example", 443, ())
    assert addresses("hooks.example", 443, ("10.0.0.0/24",)) == ["93.184.215.14", "10.0.0.7"]
    assert addresses("hooks.example", 443, ("HOOKS.example",)) == ["93.184.215.14", "10.0.0.7"]
    with pytest.raises(NoticeRefused):
        addresses("hooks.example", 443, ("10.0.1.0/24", "other.example"))
    monkeypatch.setattr(socket, "getaddrinfo", answering("93.184.215.14", "2606:2800:21f::1"))
    assert addresses("hooks.example", 443, ()) == ["93.184.215.14", "2606:2800:21f::1"]


def test_a_name_is_resolved_once_and_called_where_it_was_looked_at(
    done: ExportJob, receiver: Receiver, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    real = socket.getaddrinfo

    def rebinding(host: Any, port: Any, *given: Any, **how: Any) -> Any:
        if host != "hooks.example":
            return real(host, port, *given, **how)
        asked.append(host)
        return real("127.0.0.1" if len(asked) == 1 else "127.0.0.2", port, *given, **how)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.3:9")
    url = receiver.url.replace("127.0.0.1", "hooks.example")
    settings.EXPORTAPP_WEBHOOKS = {"erp": {"url": url, "secret": SECRET}}

    assert sending.tell() == 1
    assert asked == ["hooks.example"]
    assert receiver.taken[0][0]["host"] == url.split("/")[2]


@pytest.mark.parametrize(
    ("told", "wrong"),
    [
        ({"url": "http://hooks.example/", "secret": SECRET}, "must begin with https://"),
        ({"url": "https:///x", "secret": SECRET}, "and a host"),
        ({"url": "ftp://hooks.example/", "secret": SECRET}, "must begin with https://"),
        ({"url": "https://me:pw@hooks.example/", "secret": SECRET}, "a name or a password"),
        ({"url": "https://hooks.example/"}, "has no 'secret'"),
        ({"url": "https://hooks.example/", "secret": "short"}, "it has 5 bytes; give 24"),
        ({"url": "https://hooks.example/", "secret": "whsec_ä"}, "no base64"),
    ],
)
def test_a_webhook_that_was_set_up_badly_says_what_is_wrong(
    told: dict[str, Any], wrong: str
) -> None:
    with pytest.raises(NoticeRefused, match=wrong):
        Webhook.from_settings("erp", told)
