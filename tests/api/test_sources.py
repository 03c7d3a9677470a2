"""Discovery: what a person may export, and what can be said about it."""

from __future__ import annotations

from django.contrib.auth.models import Permission
from rest_framework.test import APIClient

from tests.api.conftest import URL, ask

SOURCES = f"{URL}sources/"


def test_the_list_has_what_this_person_may_export_and_nothing_else(api, person, sign_in):
    mine = {source["name"]: source for source in api.get(SOURCES).json()["results"]}
    root = sign_in(person("root", is_superuser=True))
    all_names = {source["name"] for source in root.get(SOURCES).json()["results"]}

    # Ann has the permission for orders, and one export is for whoever is called so.
    assert mine.keys() == {"shop.Order", "paid-orders", "orders-of-customer", "price-list"}
    assert mine["paid-orders"] == {
        "name": "paid-orders",
        "kind": "export",
        "title": "Paid orders",
        "description": "Orders of some states since a day.",
        "url": f"http://testserver{SOURCES}paid-orders/",
    }
    assert (mine["shop.Order"]["kind"], mine["shop.Order"]["title"]) == ("model", "orders")
    assert {"shop.Customer", "shop.Product", "order-book"} <= all_names
    assert sign_in(person("eve", may_export=False)).get(SOURCES).json()["results"] == []
    assert APIClient().get(SOURCES).status_code == 403


def test_a_model_is_described_by_what_its_list_takes(api):
    order = api.get(f"{SOURCES}shop.Order/").json()
    columns = {column["name"]: column for column in order["columns"]}

    assert columns["number"] == {
        "name": "number",
        "title": "Number",
        "kind": "text",
        "default": True,
    }
    assert (columns["amount"]["kind"], columns["created_at"]["kind"]) == ("decimal", "datetime")
    assert columns["id"]["default"] is False
    assert {"status", "gift", "currency", "created_at", "number"} <= set(order["filters"])
    assert "created_at" in order["order"]
    assert order["search"] is True
    assert order["parameters"]["properties"] == {}
    formats = {one["name"]: one["options"] for one in order["formats"]}
    assert formats["csv"]["delimiter"] == {"default": ",", "enum": [",", ";", "\t", "|"]}
    assert formats["xlsx"]["compact"] == {"default": False, "type": "boolean"}
    assert order["policies"] == ["fail", "blank", "skip"]


def test_what_is_described_is_what_is_taken(api):
    for source in api.get(SOURCES).json()["results"]:
        said = api.get(source["url"]).json()
        body = {"source" if said["kind"] == "model" else "export": said["name"]}
        values = {"since": "2026-01-31", "customer": "1"}
        wanted = said["parameters"]["required"]
        body |= {"parameters": {name: values[name] for name in wanted}} if wanted else {}
        body |= {
            "columns": [column["name"] for column in said["columns"]],
            "order": said["order"][:20],
        }
        answer = api.post(URL, body, format="json")
        is_there = "customer" not in wanted  # nobody has ordered anything yet
        assert answer.status_code == (201 if is_there else 400), answer.content


def test_parameters_are_json_schema(api):
    parameters = api.get(f"{SOURCES}paid-orders/").json()["parameters"]

    assert parameters == {
        "type": "object",
        "required": ["since"],
        "additionalProperties": False,
        "properties": {
            "since": {
                "title": "Since",
                "description": "The first day.",
                "type": "string",
                "format": "date",
            },
            "status": {
                "title": "States",
                "description": "",
                "type": ["array", "null"],
                "items": {
                    "type": "string",
                    "enum": parameters["properties"]["status"]["items"]["enum"],
                },
                "default": ["paid"],
            },
            "gift": {"title": "Gifts only", "description": "", "type": ["boolean", "null"]},
            "least": {"title": "Least amount", "description": "", "type": ["string", "null"]},
        },
    }
    assert "paid" in parameters["properties"]["status"]["items"]["enum"]


def test_a_column_that_asks_for_a_permission_is_there_for_who_has_it(person, sign_in):
    root = sign_in(person("root", is_superuser=True))

    def columns(client):
        said = client.get(f"{SOURCES}paid-orders/").json()
        return {column["name"]: column["kind"] for column in said["columns"]}

    ann = columns(sign_in(person("ann")))
    assert "note" not in ann
    assert columns(root).keys() - ann.keys() == {"note"}
    # The annotation is the queryset's, which needs the parameters.
    assert (ann["label"], ann["shout"], ann["customer__name"]) == (None, "text", "text")


def test_what_may_not_be_exported_is_not_described(api, person, sign_in):
    answers = {name: api.get(f"{SOURCES}{name}/") for name in ("shop.Customer", "auth.User", "x")}
    found = {name: (a.status_code, a.json()["code"]) for name, a in answers.items()}

    assert found == {
        "shop.Customer": (403, "not_allowed"),
        "auth.User": (404, "not_found"),
        "x": (404, "not_found"),
    }


def test_a_related_field_is_taken_from_whoever_may_view_the_relation(person, sign_in):
    ann = person("ann")
    asked = {"source": "shop.Order", "columns": ["customer__email"]}
    assert sign_in(ann).post(URL, asked, format="json").json()["code"] == "unknown_name"
    ann.user_permissions.add(Permission.objects.get(codename="view_customer"))
    assert ask(sign_in(type(ann).objects.get()), **asked)["state"] == "queued"
