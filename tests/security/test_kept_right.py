"""What is in the database or in a body gives nobody a right: it is asked again, of the code."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth.models import Permission, User
from openpyxl import load_workbook

from exportapp.jobs import presets
from exportapp.jobs.files import local_path
from exportapp.jobs.work import work
from exportapp.models import ExportJob, ExportPreset
from exportapp.tables.selection import Selection
from project.shop.admin import OrderAdmin
from project.shop.loading import seed_shop
from project.shop.models import Order
from tests.security.conftest import API, asked_by, browser_of, make_clerk, make_person, seen_by

FOREIGN = {
    "requested_by": 1,
    "by_operator": True,
    "status": "succeeded",
    "filename": "../x",
    "selection": {"source": "auth.User"},
    "site": "other",
    "owner": 1,
    "id": "00000000-0000-0000-0000-000000000000",
    "parallelism": 99,
    "is_superuser": True,
    "query": {"id": ["1"]},
    "__class__": "x",
}


@pytest.mark.parametrize("address", [API, f"{API}presets/"])
def test_members_that_nobody_offered_are_refused(address, desk):
    for member, value in FOREIGN.items():
        body = (
            {"source": "shop.Order", "name": "x"}
            if "presets" in address
            else {"source": "shop.Order"}
        )
        answer = desk.post(
            address, json.dumps(body | {member: value}), content_type="application/json"
        )
        assert answer.status_code == 400, member
        assert member in answer.json()["errors"]
    assert not ExportJob.objects.exists() and not ExportPreset.objects.exists()


def test_fields_that_no_form_has_change_nothing(desk, clerk):
    form = {"by_operator": "1", "requested_by": "1", "status": "succeeded", "shared": "on"}
    desk.post("/admin/exportapp/exportjob/new/shop.Order/", form)
    job = ExportJob.objects.get()
    assert (job.by_operator, job.requested_by, job.status) == (False, clerk, "queued")
    desk.post(
        "/admin/exportapp/exportjob/new/shop.Order/", form | {"save": "1", "preset_name": "mine"}
    )
    preset = ExportPreset.objects.get()
    assert (preset.owner, preset.shared) == (clerk, False)


def test_a_preset_that_is_shared_gives_no_right(clerk):
    clerk.user_permissions.add(Permission.objects.get(codename="share_preset"))
    clerk = User.objects.get(pk=clerk.pk)
    shared = presets.save(
        seen_by(clerk), "all of it", Selection(source="shop.Order", columns=("note",)), shared=True
    )
    without, other = browser_of(make_person("eve")), browser_of(make_clerk("ben"))

    def post(client, body):
        return client.post(API, json.dumps(body), content_type="application/json")

    assert post(without, {"preset": shared.pk}).status_code == 400
    assert post(without, {"source": "shop.Order", "preset": shared.pk}).status_code in {400, 403}
    assert post(other, {"preset": shared.pk}).status_code == 201
    assert ExportJob.objects.get().requested_by.username == "ben"
    # It stays whose it is.
    body = json.dumps({"source": "shop.Order", "name": "stolen"})
    taken = other.put(f"{API}presets/{shared.pk}/", body, content_type="application/json")
    assert taken.status_code == 403
    assert other.delete(f"{API}presets/{shared.pk}/").status_code == 403
    shared.refresh_from_db()
    assert (shared.name, shared.owner) == ("all of it", clerk)


def done(job, **changed):
    """The job after a worker met it with what somebody wrote into its row."""
    for name, value in changed.items():
        setattr(job, name, value)
    job.save(update_fields=changed)
    work(job.pk)
    job.refresh_from_db()
    return job


CHANGED = {
    "another model": {"source": "shop.Customer"},
    "a model that nobody offers": {"source": "auth.User"},
    "no model": {"source": "os.system"},
    "another site": {"site": "elsewhere"},
    "a member of another kind": {"queryset": "pickle"},
    "a filter that is not allowed": {"query": {"customer__user__password__startswith": ["a"]}},
    "other columns": {"columns": ["id", "note"]},
    "an attribute": {"columns": ["delete"]},
    "a key that is none": {"keys": ["1 OR 1=1"]},
    "an order that is none": {"order": ["pg_sleep(10)"]},
}


def test_a_request_that_was_changed_in_the_database_is_refused(committing, clerk, subtests):
    for what, members in CHANGED.items():
        with subtests.test(what):
            job = asked_by(clerk)
            job = done(job, selection=job.selection | members)
            assert job.status == "failed"
            assert job.error
            assert not job.files.exists()


def test_keys_of_hidden_rows_that_were_written_into_a_job_export_nothing(clerk, monkeypatch):
    seed_shop(6, seed=1)
    hidden = Order.objects.order_by("pk").first()
    shown = OrderAdmin.get_queryset
    monkeypatch.setattr(
        OrderAdmin, "get_queryset", lambda self, request: shown(self, request).exclude(pk=hidden.pk)
    )
    job = asked_by(clerk)
    keys = [str(pk) for pk in Order.objects.values_list("pk", flat=True)]
    job = done(job, selection=job.selection | {"keys": keys})

    assert job.status == "succeeded", job.error
    rows = list(load_workbook(local_path(job.files.get().path)).worksheets[0].values)
    assert len(rows) == 6
    assert hidden.number not in {row[0] for row in rows}


def test_a_job_is_done_as_whoever_its_row_says_with_the_rights_of_today(committing, clerk):
    eve = make_person("eve")
    assert done(asked_by(clerk), requested_by=eve).status == "failed"
    gone = make_clerk("gone")
    job = asked_by(gone)
    gone.delete()
    job.refresh_from_db()
    assert done(job).status == "failed"
    left = make_clerk("left")
    job = asked_by(left)
    User.objects.filter(pk=left.pk).update(is_active=False)
    assert done(job).status == "failed"
