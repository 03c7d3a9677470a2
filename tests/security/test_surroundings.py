"""The sample project as it is deployed, and what stands around the exports."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from types import SimpleNamespace

import django_rq
import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from rq.serializers import JSONSerializer

from exportapp.jobs import wakeups
from project.policy import POLICY, ContentSecurityPolicyMiddleware
from tests.house import ROOT
from tests.security.conftest import API, JOBS, asked_by


def test_the_check_for_deployment_has_nothing_to_say(tmp_path):
    example = (ROOT / "docker" / ".env.example").read_text()
    names = set(re.findall(r"^#?(\w+)=", example, re.M))
    env = {name: value for name, value in os.environ.items() if name not in names}
    env |= dict(re.findall(r"^(\w+)=(.*)$", example, re.M))
    env |= {"SECRET_KEY": "k3y-" + "0123456789abcdefghij" * 3, "HTTPS": "1", "DEBUG": "0"}
    env |= {"DATABASE_URL": f"sqlite:///{tmp_path / 'x'}", "EXPORTAPP_DIR": str(tmp_path / "e")}
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "INFO"],
        cwd=ROOT,
        env=env | {"DJANGO_SETTINGS_MODULE": "project.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout + done.stderr


def test_behind_tls_everything_but_the_checks_from_inside_is_led_there(client, settings, db):
    settings.SECURE_SSL_REDIRECT = True
    assert client.get(JOBS)["Location"].startswith("https://")
    assert client.get(API)["Location"].startswith("https://")
    assert client.get("/healthz").status_code == 200
    assert client.get("/metrics").status_code == 200


@pytest.mark.parametrize("sign", ["unsafe", "*", "http:", "https:", "blob:"])
def test_the_policy_lets_nothing_in(sign):
    assert sign not in POLICY
    assert "script-src 'self'" in POLICY and "style-src 'self'" in POLICY


def test_every_page_of_ours_has_the_policy_and_says_what_it_is(desk, clerk):
    job = asked_by(clerk)
    for page in (JOBS, f"{JOBS}{job.pk}/change/", f"{JOBS}{job.pk}/part/job/", f"{JOBS}new/", API):
        response = desk.get(page)
        assert response["Content-Security-Policy"] == POLICY
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["X-Frame-Options"] == "DENY"
        assert response["Referrer-Policy"] == "same-origin"


def test_a_view_may_have_a_policy_of_its_own():
    own = HttpResponse(headers={"Content-Security-Policy": "default-src 'none'"})
    answer = ContentSecurityPolicyMiddleware(lambda request: own)(RequestFactory().get("/"))
    assert answer["Content-Security-Policy"] == "default-src 'none'"


def test_what_goes_through_the_queue_is_text_and_needs_no_pickle(clerk, settings):
    serializer = {"SERIALIZER": "rq.serializers.JSONSerializer"}
    settings.RQ_QUEUES = {"exports": settings.RQ_QUEUES["exports"] | serializer}
    queue = django_rq.get_queue("exports", serializer=JSONSerializer, commit_mode="auto")
    job = asked_by(clerk)
    queue.enqueue(wakeups.WORK, str(job.pk))
    data = queue.jobs[0].data
    assert json.loads(data if isinstance(data, str) else data.decode())[2] == [str(job.pk)]


def test_nothing_of_ours_unpickles_evaluates_or_calls_a_shell():
    calls = re.compile(
        r"\b(?:pickle|marshal|shelve|dill|yaml\.load|eval|exec|os\.system|os\.popen)\b\s*[.(]"
        # A statement that stands in the code as a whole has its values beside it.
        r"|shell=True|mark_safe\(|\.extra\(|\.raw\((?![A-Z]+, )"
    )
    found = SimpleNamespace(places=[])
    for path in [*(ROOT / "exportapp").rglob("*.py"), *(ROOT / "project").rglob("*.py")]:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if calls.search(line):
                found.places.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
    assert found.places == []
