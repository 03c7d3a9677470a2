"""docs/api.md against the interface: its session is run, its table of codes is complete."""

from __future__ import annotations

import os
import subprocess
import time

import pytest
from rest_framework import exceptions as framework

from exportapp import exceptions
from exportapp.api import bodies, problems
from exportapp.exceptions import ExportError
from exportapp.jobs.work import work
from exportapp.models import ExportJob
from project.shop.models import Order
from tests.test_docs import ROOT, blocks, names

PAGE = ROOT / "docs" / "api.md"
HOST = "HOST=http://127.0.0.1:8000"


def documented():
    table = PAGE.read_text().partition("| status | code | when |")[2]
    return {code for row in table.splitlines()[2:] for code in names(row.split("|")[2])}


def test_the_table_has_every_code_that_an_answer_may_have():
    ours = {
        kind.code
        for kind in vars(exceptions).values()
        if isinstance(kind, type)
        and issubclass(kind, ExportError)
        and any(parent in problems.STATUSES for parent in kind.__mro__)
    }
    theirs = {
        kind.default_code
        for kind in (*vars(framework).values(), bodies.BodyTooLarge)
        if isinstance(kind, type)
        and issubclass(kind, framework.APIException)
        # The first is the base of all; what is accepted never matters here.
        and kind not in (framework.APIException, framework.NotAcceptable)
    }
    assert documented() == ours | theirs | {problems.FAULT}


@pytest.mark.usefixtures("shop")
def test_the_session_by_curl_goes_as_it_is_written(person, live_server, tmp_path):
    ann = person("ann")
    ann.set_password("secret")
    ann.save()
    script = "".join(blocks(PAGE, "sh"))
    assert script.count(HOST) == 1
    script = script.replace(HOST, f"HOST={live_server.url}")
    queued = ExportJob.objects.filter(status="queued")
    with (tmp_path / "log").open("wb") as log:
        shell = subprocess.Popen(
            ["bash", "-euxo", "pipefail", "-c", script], cwd=tmp_path, stdout=log, stderr=log,
            env={"PATH": os.environ["PATH"]},
        )  # fmt: skip
        while shell.poll() is None:
            # The one worker that there is.
            for job in queued.exclude(selection__query__has_key="q"):
                work(job.pk)
            time.sleep(0.05)

    assert shell.returncode == 0, (tmp_path / "log").read_text()
    done, given_up = ExportJob.objects.order_by("created_at")
    assert (done.status, given_up.status) == ("succeeded", "cancelled")
    assert (tmp_path / "orders.xlsx").stat().st_size == done.files.get().size
    assert done.files.get().rows == Order.objects.filter(status="paid").count()
