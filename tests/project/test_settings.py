from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.contrib.staticfiles import finders
from django.test import Client

from tests.house import ROOT


def settings_say(expression: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Print an expression of project.settings, read in a process with this environment."""
    servers = {"DATABASE_URL", "REDIS_URL", "EXPORTAPP_DIR", "DEBUG", "SECRET_KEY"}
    inherited = {key: value for key, value in os.environ.items() if key not in servers}
    return subprocess.run(
        [sys.executable, "-c", f"from project.settings import *; print({expression})"],
        cwd=ROOT,
        env=inherited | env,
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_an_environment_it_is_the_demos_own_servers() -> None:
    said = settings_say("DATABASES['default']['NAME'], REDIS.url, EXPORTS_DIR, DEBUG").stdout

    assert str(ROOT / "db.sqlite3") in said
    assert "redis://127.0.0.1:6399/0" in said
    assert str(ROOT / "var" / "exports") in said
    assert "True" in said


def test_production_without_a_secret_does_not_start() -> None:
    assert "SECRET_KEY must be set" in settings_say("DEBUG", DEBUG="0").stderr
    assert settings_say("DEBUG", DEBUG="0", SECRET_KEY="x").stdout == "False\n"


@pytest.mark.parametrize(("root", "used"), [("", False), ("static", True)])
def test_whitenoise_serves_only_what_was_collected(root: str, used: bool) -> None:
    said = settings_say("'whitenoise' in str(MIDDLEWARE) + str(STORAGES)", STATIC_ROOT=root)

    assert said.stdout == f"{used}\n"


@pytest.mark.parametrize(
    ("host", "backend"), [("", "console"), ("smtp.example", "smtp")], ids=["none", "one"]
)
def test_mails_are_printed_where_there_is_no_server_for_them(host: str, backend: str) -> None:
    said = settings_say(
        "EMAIL_BACKEND, EXPORTAPP_SITE_URL", EMAIL_HOST=host, SITE_URL="https://shop.example"
    )

    printed = f"django.core.mail.backends.{backend}.EmailBackend https://shop.example\n"
    assert said.stdout == printed


def test_a_browser_that_asks_for_a_picture_of_the_site_gets_one(client: Client) -> None:
    picture = client.get("/favicon.ico", follow=False).headers["Location"]

    assert finders.find(picture.removeprefix("/static/"))


def test_https_makes_cookies_secure() -> None:
    assert settings_say("SESSION_COOKIE_SECURE, CSRF_COOKIE_SECURE", HTTPS="1").stdout == (
        "True True\n"
    )
