"""Everything that a person reads is in their language: pages, refusals, errors, mails, files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client
from django.utils import translation

from exportapp.admin.happened import WORDS
from exportapp.exceptions import UnknownName
from exportapp.jobs import lifecycle
from exportapp.jobs.journal import Happened, alarm
from exportapp.jobs.notices import sending
from exportapp.jobs.roster import Listener, Roster
from exportapp.jobs.words import issue_words, notes
from exportapp.jobs.work import work
from exportapp.models import ExportJob
from exportapp.states import JobState
from exportapp.tables.selection import Selection, Viewer
from project.shop.models import Order
from tests.admin.conftest import ASK, JOBS, ORDERS, make_person, page_of
from tests.jobs.test_work import step_until

Finish = Callable[[ExportJob], ExportJob]

SEEN: dict[str, dict[str, list[str]]] = {
    "de": {
        ORDERS: ["Alle 30 nach Excel exportieren", "Nach Excel exportieren</option>"],
        ASK: ["Alle auswählen", "Die ersten 20 Zeilen", "Als Vorlage sichern"],
        JOBS: ["Neuer Export", "Anhalten", "Abbrechen", "50 % von 30 Zeilen"],
    },
    "zh-hans": {
        ORDERS: ["将全部 30 行导出到 Excel", "导出到 Excel</option>"],
        ASK: ["全部勾选", "前 20 行", "保存为预设"],
        JOBS: ["新建导出", "暂停", "取消", "30 行的 50 %"],
    },
}


def ask_in(language: str, person: User, *notify: str) -> ExportJob:
    viewer = Viewer(user=person, language=language, time_zone="Europe/Berlin")
    job, _ = lifecycle.create(Selection(source="shop.Order"), viewer, notify=notify or None)
    return job


def page(desk: Client, url: str, language: str) -> str:
    answer = desk.get(url, headers={"Accept-Language": language})
    assert answer.headers["Content-Language"] == language
    return " ".join(answer.content.decode().split())


@pytest.mark.parametrize("language", SEEN)
def test_pages_are_in_the_language_of_the_browser(
    desk: Client, clerk: User, orders: list[Order], language: str
) -> None:
    job = ask_in(language, clerk)
    step_until(job, "rendering")
    with translation.override(language):
        state, asked = JobState.RENDERING.label, str(WORDS[Happened.ASKED])

    for url, wanted in SEEN[language].items():
        shown = page(desk, url, language)
        assert not [text for text in wanted if text not in shown], url
    of_job = page(desk, page_of(job), language)
    assert f">{state}</h2>" in of_job
    assert f"<td>{asked}</td>" in of_job


def test_what_happened_is_told_in_the_language_of_who_looks(
    desk: Client, clerk: User, orders: list[Order], finish: Finish
) -> None:
    job = finish(ask_in("de", clerk))

    german, chinese = page(desk, page_of(job), "de"), page(desk, page_of(job), "zh-hans")

    assert "<td>alle Abschnitte sind geschrieben</td>" in german
    assert "<td>1 Abschnitt</td>" in german
    assert "<td>所有分片均已写入</td>" in chinese
    assert "<td>30 行</td>" in chinese


@pytest.mark.django_db(transaction=True)
def test_why_it_failed_is_kept_in_the_language_of_who_asked(
    clerk: User, orders: list[Order]
) -> None:
    job = ask_in("de", clerk)
    clerk.user_permissions.clear()

    with translation.override("en"):
        work(job.pk)
        assert translation.get_language() == "en"

    job.refresh_from_db()
    assert job.error == (
        "clerk darf shop.Order nicht exportieren: Die Berechtigung „shop.export_order“ fehlt."
    )


def test_the_sheet_of_notes_is_in_the_language_of_who_asked(
    clerk: User, orders: list[Order], finish: Finish
) -> None:
    job = finish(ask_in("de", clerk))
    job.issues_counted = {"text_cut": 1204}

    told = dict(notes(job))

    with translation.override("de"):
        assert told["1.204 Werte"] == issue_words("text_cut")
    assert told["Angefordert von"] == "clerk"
    assert told["Auswahl der Zeilen"] == "neueste zuerst"


def test_a_mail_is_in_the_language_of_who_asked(
    clerk: User, orders: list[Order], finish: Finish, settings: Any
) -> None:
    settings.EXPORTAPP_SITE_URL = "https://shop.example/"
    clerk.email = "clerk@shop.example"
    clerk.save()
    finish(ask_in("de", clerk, "email"))

    sending.tell()

    (message,) = mail.outbox
    assert message.subject == "Ihr Export „Orders“ ist fertig."
    assert "30 Zeilen, " in message.body
    assert "Laden Sie die Datei hier herunter:" in message.body


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "Unknown column 'pric'. Did you mean 'price'? Valid: id, price."),
        ("de", "Unbekannte Spalte „pric“. Meinten Sie „price“? Gültig: id, price."),
        ("zh-hans", "未知的列“pric”。 您是否指“price”？ 有效值：id, price。"),
    ],
)
def test_a_refusal_is_in_the_language_of_who_asks(language: str, said: str) -> None:
    with translation.override(language):
        assert str(UnknownName("column", "pric", ["id", "price"])) == said


def test_rest_says_the_detail_in_the_language_of_the_request(
    desk: Client, orders: list[Order]
) -> None:
    body = {"source": "shop.Order", "columns": ["zzz"]}
    answer = desk.post(
        "/api/exports/", body, "application/json", headers={"Accept-Language": "de"}
    ).json()

    assert answer["detail"].startswith("Unbekannte Spalte „zzz“. Gültig: ")
    assert answer["code"] == "unknown_name"


def test_alarms_and_what_workers_do_are_told_in_the_language_of_who_looks(
    client: Client, orders: list[Order], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_person("root", is_superuser=True)
    client.force_login(root)
    job = ask_in("en", root)
    alarm(job, "clean", "The shards could not be removed: [Errno 30]", error="[Errno 30]")
    at_work = Listener(
        name="w", host="h", pid="7", state="busy", export="", heard_at=job.created_at
    )
    known = Roster(listeners=[at_work], count=1, waiting=0, oldest=None)
    monkeypatch.setattr("exportapp.jobs.operations.roster", lambda: known)

    shown = page(client, f"{JOBS}operations/", "de")

    assert "Die Abschnitte konnten nicht entfernt werden: [Errno 30]" in shown
    assert "<td>beschäftigt</td>" in shown
    assert "Die Abschnitte konnten nicht entfernt werden" in page(client, page_of(job), "de")
