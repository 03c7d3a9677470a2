"""Registered exports and presets over REST, and who gets which answer."""

from __future__ import annotations

import io

import pytest
import yaml
from django.contrib.auth.models import Permission
from django.core.management import call_command
from openpyxl import load_workbook
from rest_framework.test import APIClient

from exportapp.jobs import presets
from exportapp.jobs.work import work
from exportapp.models import ExportJob, ExportPreset
from tests.exports.conftest import paid, seen_by

URL = "/api/exports/"
PRESETS = f"{URL}presets/"
PAID = {"export": "paid-orders", "parameters": {"since": "2020-01-01"}}
KEPT = {"name": "mine", "source": "shop.Order", "columns": ["number", "amount"]}


def signed_in(user):
    client = APIClient()
    client.force_login(user)
    return client


@pytest.fixture
def api(person):
    return signed_in(person())


def post(client, body, url=URL):
    return client.post(url, body, format="json")


@pytest.mark.usefixtures("shop")
def test_an_export_is_made_by_its_name_and_downloaded(api):
    export = post(api, PAID | {"columns": ["number", "amount"]})
    work(export.json()["id"])
    file = b"".join(api.get(f"{URL}{export.json()['id']}/download/").streaming_content)
    rows = list(load_workbook(io.BytesIO(file)).active.iter_rows(values_only=True))

    assert (export.status_code, export.json()["source"]) == (201, "paid-orders")
    assert rows[0] == ("Number", "Amount")
    assert len(rows) > 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "member", "words"),
    [
        (PAID | {"source": "shop.Order"}, "export", "not both"),
        (PAID | {"parameters": []}, "parameters", "dictionary"),
        ({"parameters": {}}, "source", "required"),
        (PAID | {"parameters": {"since": "soon"}}, "parameters", "'soon'"),
        ({"export": "paid-orders"}, "parameters", "is missing"),
    ],
)
def test_a_wrong_body_is_refused_by_the_member_that_is_wrong(api, body, member, words):
    response = post(api, body)

    assert response.status_code == 400
    assert words in str(response.json()["errors"][member])
    assert not ExportJob.objects.exists()


def test_a_wrong_parameter_says_what_would_be_right(api):
    problem = post(api, PAID | {"parameters": {"since": "2020-01-01", "status": ["payd"]}}).json()

    assert problem["code"] == "parameter_refused"
    assert "Valid: new, paid" in problem["errors"]["parameters"]["status"][0]


def test_the_schema_has_each_exports_parameters(tmp_path):
    path = tmp_path / "schema.yaml"
    call_command("spectacular", file=str(path), validate=True, fail_on_warn=True)
    described = yaml.safe_load(path.read_text())["components"]["schemas"]
    since = described["PaidOrdersParameters"]["properties"]["since"]

    assert since == {
        "type": "string",
        "format": "date",
        "description": "The first day.",
    }
    assert described["PaidOrdersParameters"]["required"] == ["since"]
    assert "#/components/schemas/PaidOrdersParameters" in str(described["ExportParameters"])


ANSWERS = {
    #           anonymous, own, right lost, other's private, other's shared, superuser of shared
    "retrieve": (403, 200, 404, 404, 200, 200),
    "update": (403, 200, 404, 404, 403, 200),
    "destroy": (403, 204, 404, 404, 403, 204),
    "use": (403, 201, 400, 400, 201, 201),
}
PEOPLE = ("anonymous", "own", "right lost", "other's private", "other's shared", "superuser")


def preset_and_client(who, person):
    dee = person(f"dee {who}", "export_order", "share_preset")
    shared = who in {"other's shared", "superuser"}
    preset = presets.save(seen_by(dee), who, paid(), shared=shared)
    if who == "right lost":
        dee.user_permissions.remove(Permission.objects.get(codename="export_order"))
    if who == "anonymous":
        return preset, APIClient()
    if who == "superuser":
        return preset, signed_in(person("root", is_superuser=True))
    return preset, signed_in(person(f"bea {who}") if who.startswith("other") else dee)


def call(client, name, preset):
    one = f"{PRESETS}{preset.pk}/"
    if name == "use":
        return post(client, {"preset": preset.pk})
    if name == "update":
        return client.put(one, KEPT, format="json")
    return client.delete(one) if name == "destroy" else client.get(one)


@pytest.mark.parametrize("name", ANSWERS)
def test_everybody_gets_the_presets_that_are_theirs(name, person, subtests):
    for who, expected in zip(PEOPLE, ANSWERS[name], strict=True):
        with subtests.test(who):
            preset, client = preset_and_client(who, person)
            assert call(client, name, preset).status_code == expected


def test_presets_are_made_listed_changed_and_deleted(api):
    made = post(api, KEPT, PRESETS)
    one = f"{PRESETS}{made.json()['id']}/"
    assert made.status_code == 201
    assert made.json()["selection"]["columns"] == ["number", "amount"]

    changed = api.put(one, KEPT | {"name": "other", "policy": "skip"}, format="json").json()
    assert (changed["name"], changed["policy"], changed["mine"]) == ("other", "skip", True)
    assert [found["name"] for found in api.get(PRESETS).json()["results"]] == ["other"]
    assert api.delete(one).status_code == 204
    assert not ExportPreset.objects.exists()


def test_a_preset_is_refused_like_an_export(api):
    wrong = post(api, KEPT | {"columns": ["numbr"]}, PRESETS)
    unshared = post(api, KEPT | {"shared": True}, PRESETS)
    strange = post(api, KEPT | {"keys": ["1"]}, PRESETS)

    assert (wrong.status_code, wrong.json()["code"]) == (400, "unknown_name")
    assert "exportapp.share_preset" in unshared.json()["detail"]
    assert unshared.status_code == 403
    assert "Unknown member 'keys'" in str(strange.json()["errors"])


def test_an_export_by_a_preset_says_what_was_left_out(api, person):
    root = person("root", is_superuser=True)
    kept = presets.save(seen_by(root), "all", paid(columns=("number", "note")), shared=True)
    answer = post(api, {"preset": kept.pk, "parameters": {"since": "2024-01-01"}})

    assert answer.status_code == 201
    assert "“note”" in answer.json()["notes"][0]
    job = ExportJob.objects.get(pk=answer.json()["id"])
    assert job.selection["parameters"]["since"] == "2024-01-01"
    assert post(api, {"preset": kept.pk, "source": "shop.Order"}).status_code == 400
    assert post(api, PAID).json()["notes"] == []
