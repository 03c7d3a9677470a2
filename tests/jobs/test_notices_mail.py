"""The e-mail: to whom, in whose words, and what a refusal by the server means."""

from __future__ import annotations

import smtplib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend

from exportapp.jobs import lifecycle, transitions
from exportapp.jobs.notices import sending
from exportapp.models import ExportJob, ExportNotice
from exportapp.states import JobState
from exportapp.tables.selection import Selection, Viewer
from tests.jobs.conftest import finish
from tests.jobs.notices import ask_as, back_off_is_over


class Refusing(EmailBackend):
    """A server that refuses what the test says, then takes the mail."""

    refusals: list[Exception] = []  # noqa: RUF012

    def send_messages(self, messages: Any) -> int:
        if self.refusals:
            raise self.refusals.pop(0)
        return super().send_messages(messages)


@pytest.fixture
def ann(orders: Callable[[int], None], settings: Any) -> User:
    orders(5)
    settings.EXPORTAPP_SITE_URL = "https://shop.example:8443/office"
    return User.objects.create_superuser("ann", "ann@shop.example")


def page_of(job: ExportJob) -> str:
    return f"https://shop.example:8443/office/admin/exportapp/exportjob/{job.pk}/change/"


def test_a_mail_with_a_link_comes_when_the_file_is_there(ann: User) -> None:
    job = ask_as(ann, "email")
    assert sending.tell() == 0
    file = finish(job)
    assert sending.tell() == 1

    (sent,) = mail.outbox
    html, kind = sent.alternatives[0]
    assert sent.to == ["ann@shop.example"] and kind == "text/html"
    assert sent.subject == "Your export of Orders is ready."
    assert sent.body.startswith("Your export of Orders is ready.\n")
    assert f"{job.files.get().filename}: 5 rows, " in sent.body
    assert f"\n{page_of(job)}\n" in sent.body
    assert f'<a href="{page_of(job)}">' in html
    head = sent.message()
    assert head["Auto-Submitted"] == "auto-generated"
    assert head["Message-ID"] == f"<{ExportNotice.objects.get().pk}@shop.example>"
    assert file.exists()


def test_it_is_in_the_language_and_the_time_zone_of_the_person(ann: User) -> None:
    viewer = Viewer(user=ann, language="de", time_zone="Pacific/Kiritimati")
    wanted = Selection(source="shop.Order")
    job, _ = lifecycle.create(wanted, viewer, notify=["email"], queue=False)
    finish(job)
    job.expires_at = job.expires_at.replace(month=3, day=9, hour=13, minute=7)
    job.save(update_fields=["expires_at"])
    sending.tell()

    # Fourteen hours ahead of UTC it is the tenth, and Germans write it like this.
    assert "10. März" in mail.outbox[0].body and "03:07" in mail.outbox[0].body
    assert "5 Zeile" in mail.outbox[0].body or "5 row" in mail.outbox[0].body
    assert '<html lang="de">' in mail.outbox[0].alternatives[0][0]


def test_a_failure_is_told_without_a_value_of_any_row(ann: User) -> None:
    job = ask_as(ann, "email")
    transitions.try_move(job, JobState.EXTRACTING)
    transitions.fail(job, "poison", "the salary 4711 cannot be read")
    sending.tell()

    (sent,) = mail.outbox
    assert sent.subject == "Your export of Orders failed."
    assert page_of(job) in sent.body
    assert "4711" not in sent.message().as_string()


def test_a_project_has_its_own_words_for_one_model(
    ann: User, settings: Any, tmp_path: Path
) -> None:
    own = tmp_path / "exportapp" / "shop" / "order" / "mail"
    own.mkdir(parents=True)
    (own / "subject.txt").write_text("Orders\nBcc: eve@example.com\r\n{{ person }} & co")
    (template,) = settings.TEMPLATES
    settings.TEMPLATES = [template | {"DIRS": [tmp_path, *template["DIRS"]]}]
    finish(ask_as(ann, "email"))
    sending.tell()

    assert mail.outbox[0].subject == "Orders Bcc: eve@example.com ann & co"
    assert mail.outbox[0].recipients() == ["ann@shop.example"]
    assert mail.outbox[0].body.startswith("Your export of Orders is ready.")


@pytest.mark.parametrize("gone", [{"is_active": False}, {"email": ""}])
def test_no_mail_to_who_left_or_has_no_address_any_more(ann: User, gone: dict[str, Any]) -> None:
    finish(ask_as(ann, "email"))
    User.objects.update(**gone)

    assert sending.tell() == 0
    assert not mail.outbox
    assert ExportNotice.objects.get().given_up_at


@pytest.mark.parametrize(
    ("refusal", "is_final"),
    [
        (smtplib.SMTPServerDisconnected("gone away"), False),
        (smtplib.SMTPAuthenticationError(535, b"who?"), False),
        (smtplib.SMTPRecipientsRefused({"ann@shop.example": (451, b"greylisted")}), False),
        (smtplib.SMTPRecipientsRefused({"ann@shop.example": (550, b"no such user")}), True),
        (smtplib.SMTPDataError(554, b"spam"), True),
        (TimeoutError("slow"), False),
    ],
    ids=repr,
)
def test_what_a_server_of_mails_says_is_believed(
    ann: User, settings: Any, refusal: Exception, is_final: bool
) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.Refusing"
    Refusing.refusals = [refusal]
    finish(ask_as(ann, "email"))
    assert sending.tell() == 0
    back_off_is_over()

    assert sending.tell() == (0 if is_final else 1)
    assert bool(ExportNotice.objects.get().given_up_at) == is_final
    assert len(mail.outbox) == (not is_final)
