from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest
import yaml
from django.contrib.staticfiles import finders
from django.core.management import call_command

from exportapp.states import JobState
from tests.api.conftest import finished

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def schema(tmp_path_factory):
    path = tmp_path_factory.mktemp("schema") / "schema.yaml"
    call_command("spectacular", file=str(path), validate=True, fail_on_warn=True)
    return yaml.safe_load(Path(path).read_text())


def test_the_schema_is_valid_and_names_every_endpoint(schema):
    calls = {(method, path) for path, item in schema["paths"].items() for method in item}
    one, presets, sources = (f"/api/exports/{name}/" for name in ("{id}", "presets", "sources"))
    assert {call for call in calls if call[0] in METHODS} == {
        ("get", "/api/exports/"),
        ("post", "/api/exports/"),
        ("get", one),
        ("post", f"{one}pause/"),
        ("post", f"{one}resume/"),
        ("post", f"{one}cancel/"),
        ("post", f"{one}start-over/"),
        ("post", f"{one}discard/"),
        ("get", f"{one}download/"),
        ("post", f"{one}link/"),
        ("get", "/api/exports/link/{token}/"),
        ("get", f"{one}issues/"),
        ("get", f"{one}events/"),
        ("get", sources),
        ("get", f"{sources}{{name}}/"),
        ("get", f"{one}manifest/"),
        ("get", f"{one}events/stream/"),
        ("get", "/api/exports/stream/"),
        ("get", presets),
        ("post", presets),
        ("get", f"{presets}{{id}}/"),
        ("put", f"{presets}{{id}}/"),
        ("delete", f"{presets}{{id}}/"),
    }


def test_every_error_in_the_schema_is_a_problem(schema):
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    for item in schema["paths"].values():
        for method in METHODS & item.keys():
            for status, response in item[method]["responses"].items():
                if status >= "4":
                    assert response["content"] == {"application/problem+json": problem}


@pytest.mark.usefixtures("shop")
def test_an_export_has_exactly_the_members_that_the_schema_promises(api, schema):
    described = schema["components"]["schemas"]
    export = finished(api)

    def same(value, name):
        assert value.keys() == described[name]["properties"].keys()

    same(export, "Export")
    same(export["progress"], "ExportProgress")
    same(export["links"], "ExportLinks")
    same(export["files"][0], "ExportFile")
    same(export["files"][0]["sheets"][0], "ExportSheet")
    assert described["StateEnum"]["enum"] == JobState.values


def test_the_project_serves_the_schema_and_a_page_for_a_strict_policy(client):
    assert b"/api/exports/{id}/download/" in client.get("/api/schema/").content
    page = client.get("/api/docs/").content.decode()
    sources = re.findall(r'<(?:script|link)[^>]* (?:src|href)="([^"]+)"', page)

    assert len(sources) >= 4
    assert "<script>" not in page
    for address in sources:
        if address.startswith("/static/"):
            assert finders.find(address.removeprefix("/static/")), address
        else:
            assert client.get(unescape(address))["Content-Type"] == "application/javascript"


def test_the_schema_is_openapi_3_1(schema):
    assert schema["openapi"] == "3.1.0"
