"""How the file is to be: asked for, kept in presets, told, refused."""

from __future__ import annotations

import pytest

from exportapp.models import ExportJob
from tests.api.conftest import URL, ask, job_of, worked

CSV = {"format": "csv", "delimiter": ";", "bom": False}
PRESETS = "/api/exports/presets/"


@pytest.mark.usefixtures("shop")
def test_an_export_becomes_the_file_that_was_asked_for(api):
    export = ask(api, options=CSV)
    assert export["options"] == {
        "format": "csv",
        "compact": False,
        "strings": "inline",
        "verify": False,
        "bom": False,
        "delimiter": ";",
        "formulas": "escape",
        "gzip": False,
        "filename": "",
    }
    done = worked(api, export)
    assert done["files"][0]["filename"] == "orders.csv"
    response = api.get(done["links"]["download"])
    lines = b"".join(response.streaming_content).decode().splitlines()
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert lines[0].startswith("Number;Customer;")
    assert len(lines) >= 26


@pytest.mark.parametrize(
    ("options", "member", "said"),
    [
        ({"format": "ods"}, "options", '"ods" is not a valid choice.'),
        ({"fromat": "csv"}, "options", "Unknown member 'fromat'. Did you mean 'format'?"),
        ({"delimiter": ";"}, None, "'delimiter' is an option of csv; the format is xlsx."),
        ({"gzip": "maybe"}, "options", "Must be a valid boolean."),
    ],
)
def test_what_there_is_not_is_refused_and_named(api, options, member, said):
    response = api.post(URL, {"source": "shop.Order", "options": options}, format="json")
    assert response.status_code == 400
    assert said in response.content.decode().replace('\\"', '"')
    assert member is None or member in response.content.decode()
    assert not ExportJob.objects.exists()


def test_other_options_are_another_request(api):
    first = ask(api)
    assert ask(api, options={"format": "csv"})["id"] != first["id"]
    assert ask(api, options={"format": "xlsx"})["id"] == first["id"]


def test_a_preset_keeps_them_and_a_request_says_otherwise(api):
    kept = {"source": "shop.Order", "name": "for the bank", "options": CSV}
    preset = api.post(PRESETS, kept, format="json").json()
    assert preset["options"] == CSV
    asked = {"preset": preset["id"]}
    job = job_of(api.post(URL, asked, format="json").json())
    assert job.options == {"format": "csv", "delimiter": ";", "bom": False}
    asked["options"] = {"bom": True}
    other = job_of(api.post(URL, asked, format="json").json())
    assert other.options == {"format": "csv", "delimiter": ";"}
