from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.contrib import admin
from django.core.checks import Error, Warning, run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from exportapp import checks
from exportapp.admin import ExportAdminMixin
from exportapp.conf import Settings
from project.shop.admin import OrderAdmin
from project.shop.models import Order

DOCS = Path(__file__).resolve().parents[1] / "docs" / "checks.md"


def found() -> dict[str, str]:
    """What exportapp's checks say now: message and hint by id."""
    ours = [message for message in run_checks() if str(message.id).startswith("exportapp.")]
    assert all(message.hint for message in ours)
    for message in ours:
        assert isinstance(message, Error if ".E" in str(message.id) else Warning)
    return {
        str(message.id).removeprefix("exportapp."): f"{message.msg} {message.hint}"
        for message in ours
    }


def test_the_sample_project_is_in_order():
    assert found() == {}


@pytest.mark.parametrize("app", ["django_rq", "django.contrib.admin"])
def test_a_needed_app_that_is_not_installed_is_named(settings, app):
    settings.INSTALLED_APPS = [name for name in settings.INSTALLED_APPS if name != app]
    assert [message.msg for message in checks.apps_missing()] == [
        f"'{app}' is not in INSTALLED_APPS."
    ]


def test_a_missing_cache_is_named(settings):
    settings.EXPORTAPP_CACHE = "anchors"
    assert found().keys() == {"E006"}
    assert "CACHES['anchors']" in found()["E006"]


def test_a_cache_that_is_no_redis_is_refused(settings):
    local = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    settings.CACHES = settings.CACHES | {"local": local}
    settings.EXPORTAPP_CACHE = "local"
    assert found().keys() == {"E007"}


def test_a_missing_queue_is_named_beside_those_there_are(settings):
    settings.EXPORTAPP_QUEUE = "slow"
    assert found().keys() == {"E008"}
    assert "'slow'" in found()["E008"]
    assert "exports" in found()["E008"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEFLATE_LEVEL", -1),
        ("DEFLATE_LEVEL", 10),
        ("SHEET_ROWS", 0),
        ("SHEET_ROWS", 1_048_576),
        ("BAD_VALUES", "ignore"),
        ("SPOOL_COMPRESSION", "gzip"),
        ("OPTIONS", ["csv"]),
        ("OPTIONS", {"format": "docx"}),
        ("OPTIONS", {"fromat": "csv"}),
        ("API_RATES", "60/min"),
        ("API_RATES", {"create": "often"}),
        ("API_RATES", {"delete": "1/s"}),
        ("RUNNING_PER_PERSON", 0),
        ("SHARD_BYTES", 0),
        ("SHARD_BYTES", "32 MiB"),
        ("SHARD_ROWS", 0),
        ("PARALLELISM", 0),
        ("PARALLELISM", True),
        ("BATCH_ROWS", None),
        ("RETENTION_DAYS", -7),
    ],
)
def test_a_value_out_of_range_is_refused_with_what_is_valid(settings, name, value):
    setattr(settings, f"EXPORTAPP_{name}", value)
    assert found().keys() == {"E009"}
    assert f"EXPORTAPP_{name} is {value!r}. Valid: " in found()["E009"]


@pytest.mark.parametrize("name", ["QUEUE", "CACHE", "STORAGE"])
def test_a_name_cannot_be_empty(settings, name):
    setattr(settings, f"EXPORTAPP_{name}", "")
    assert "a name" in found()["E009"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEFLATE_LEVEL", 0),
        ("DEFLATE_LEVEL", 3),
        ("SHEET_ROWS", 1),
        ("SHEET_ROWS", 1_048_575),
        ("BAD_VALUES", "skip"),
        ("OPTIONS", {"format": "csv", "delimiter": ";", "bom": False}),
        ("API_RATES", {"create": None, "download": "5/hour"}),
        ("RUNNING_PER_PERSON", None),
        ("SHARD_ROWS", None),
        ("SHARD_ROWS", 1),
        ("BEAT_SECONDS", 0.1),
    ],
)
def test_a_value_at_the_edge_is_fine(settings, name, value):
    setattr(settings, f"EXPORTAPP_{name}", value)
    assert found() == {}


@pytest.mark.parametrize(
    ("shorter", "longer"), [("BEAT_SECONDS", "LEASE_SECONDS"), ("SLICE_SECONDS", "JOB_TIMEOUT")]
)
def test_two_values_at_odds_are_named_together(settings, shorter, longer):
    setattr(settings, f"EXPORTAPP_{shorter}", getattr(Settings(), longer))
    assert found().keys() == {"E010"}
    assert f"EXPORTAPP_{shorter}" in found()["E010"]
    assert f"EXPORTAPP_{longer}" in found()["E010"]


def test_a_wrong_column_is_named_with_its_admin(monkeypatch):
    monkeypatch.setattr(OrderAdmin, "export_columns", ("number", "custmer"))
    assert found().keys() == {"E011"}
    assert "project.shop.admin.OrderAdmin" in found()["E011"]
    assert "'custmer'. Did you mean 'customer'?" in found()["E011"]


def test_an_admin_of_another_site_is_checked_too():
    site = admin.AdminSite(name="backstage")

    class BackstageAdmin(ExportAdminMixin, admin.ModelAdmin):
        export_columns = ("lines__quantity",)

    site.register(Order, BackstageAdmin)
    try:
        assert "BackstageAdmin" in found()["E011"]
        assert "'backstage' offers an export" in found()["E022"]
    finally:
        site.unregister(Order)
    assert found() == {}


def test_an_admin_that_needs_a_real_person_is_left_alone(monkeypatch):
    def get_queryset(self, request):
        return Order.objects.filter(customer__email=request.user.email)

    monkeypatch.setattr(OrderAdmin, "get_queryset", get_queryset)
    assert found() == {}


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("THROTTLE", "tests.jobs.test_throttle.missing", "'tests.jobs.test_throttle.missing'"),
        ("THROTTLE", "tests.jobs.test_throttle.NO_FUNCTION", "cannot be called"),
        ("THROTTLE", 7, "no dotted path"),
        ("THROTTLE", "", "dotted path"),
        ("ERRORS", ["nowhere"], "'nowhere'"),
        ("ERRORS", ["tests.jobs.test_errors.NUMBER"], "not iterable"),
        ("ERRORS", ["tests.jobs.test_errors.MIXED"], "neither a Row nor a function"),
        ("ERRORS", "tests.jobs.test_errors.missing", "missing"),
        ("ERRORS", [7], "no dotted path"),
    ],
)
def test_a_path_that_leads_to_nothing_fit_is_named(settings, name, value, part):
    setattr(settings, f"EXPORTAPP_{name}", value)
    assert found().keys() == {"E012"}
    assert f"EXPORTAPP_{name} names" in found()["E012"] and part in found()["E012"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("THROTTLE", "tests.jobs.test_throttle.own"),
        ("ERRORS", ("tests.jobs.test_errors.ROWS", "tests.jobs.test_errors.by_text")),
        ("ERRORS", []),
    ],
)
def test_a_path_that_leads_to_what_it_must_is_fine(settings, name, value):
    setattr(settings, f"EXPORTAPP_{name}", value)
    assert found() == {}


def test_a_misspelt_setting_is_answered_with_the_right_one(settings):
    settings.EXPORTAPP_SHARD_ROW = 10
    assert found().keys() == {"W001"}
    assert "Did you mean EXPORTAPP_SHARD_ROWS?" in found()["W001"]


@pytest.mark.parametrize("rq", [{}, {"WORKER_CLASS": "rq.Worker"}, {"WORKER_CLASS": "no.Worker"}])
def test_a_plain_worker_is_warned_of(settings, rq):
    settings.RQ = rq
    assert found().keys() == {"W002"}


def test_a_worker_class_of_the_projects_own_may_extend_ours(settings):
    from exportapp.jobs.worker import ExportWorker

    settings.RQ = {"WORKER_CLASS": type("OwnWorker", (ExportWorker,), {})}
    assert found() == {}


def test_manage_py_check_stops_at_an_error(settings):
    settings.EXPORTAPP_SHEET_ROWS = 0
    with pytest.raises(SystemCheckError, match=r"exportapp\.E009"):
        call_command("check")


def test_every_id_is_explained_in_the_documentation():
    assert re.findall(r"^\| ([EW]\d{3}) \|", DOCS.read_text(), re.MULTILINE) == list(checks.WORDS)
