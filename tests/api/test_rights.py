"""Who gets which answer: every person at every endpoint."""

from __future__ import annotations

from base64 import b64encode

import pytest
from django.contrib.auth.models import Permission
from rest_framework.authentication import BasicAuthentication, TokenAuthentication
from rest_framework.authtoken.models import Token
from rest_framework.settings import api_settings
from rest_framework.test import APIClient

from exportapp.api.views import ExportViewSet
from exportapp.jobs import lifecycle
from exportapp.models import ExportJob
from tests.api.conftest import URL, ask, finished, job_of

# The export was made by "the owner". Who lost the right to the rows may still stop what they
# began, but sees no value of a row any more.
ANSWERS = {
    #               anonymous, owner, right lost, somebody else, superuser
    "create": (403, 201, 403, 201, 201),
    "list": (403, 200, 200, 200, 200),
    "detail": (403, 200, 200, 404, 200),
    "pause": (403, 200, 200, 404, 200),
    "resume": (403, 200, 200, 404, 200),
    "cancel": (403, 200, 200, 404, 200),
    "download": (403, 200, 403, 404, 200),
    "issues": (403, 200, 403, 404, 200),
}
PEOPLE = ("anonymous", "owner", "right lost", "somebody else", "superuser")
CALLS = {"list": "", "detail": "{id}/"} | {
    name: f"{{id}}/{name}/" for name in ("pause", "resume", "cancel", "download", "issues")
}


def client_of(who, owner, person, sign_in):
    if who == "anonymous":
        return APIClient()
    if who == "right lost":
        owner.user_permissions.remove(Permission.objects.get(codename="export_order"))
    if who == "somebody else":
        return sign_in(person("ben"))
    if who == "superuser":
        return sign_in(person("root", may_export=False, is_superuser=True))
    return sign_in(owner)


def call(client, name, export):
    if name == "create":
        return client.post(URL, {"source": "shop.Order", "search": "other"}, format="json")
    verb = client.post if name in {"pause", "resume", "cancel"} else client.get
    return verb(URL + CALLS[name].format(id=export["id"]))


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("name", ANSWERS)
def test_everybody_gets_what_is_theirs(name, person, sign_in, subtests):
    for who, expected in zip(PEOPLE, ANSWERS[name], strict=True):
        with subtests.test(who):
            ExportJob.objects.all().delete()
            owner = person(f"owner for {who}")
            export = (finished if name == "download" else ask)(sign_in(owner))
            if name == "resume":
                lifecycle.pause(job_of(export))
            response = call(client_of(who, owner, person, sign_in), name, export)
            response.close()
            assert response.status_code == expected
            if expected >= 400:
                assert response["Content-Type"] == "application/problem+json"


def test_the_list_holds_ones_own_exports_and_a_superusers_list_all(api, person, sign_in):
    mine, theirs = ask(api)["id"], ask(sign_in(person("ben")))["id"]
    root = sign_in(person("root", is_superuser=True))

    assert [export["id"] for export in api.get(URL).json()["results"]] == [mine]
    assert {export["id"] for export in root.get(URL).json()["results"]} == {mine, theirs}


def test_a_refusal_names_the_permission_that_is_missing(person, sign_in):
    api = sign_in(person("eve", may_export=False))
    response = api.post(URL, {"source": "shop.Order"}, format="json")

    assert response.json()["code"] == "not_allowed"
    assert "shop.export_order" in response.json()["detail"]


def test_a_model_that_is_not_offered_is_not_exported_for_anybody(person, sign_in):
    root = sign_in(person("root", is_superuser=True))
    response = root.post(URL, {"source": "auth.User"}, format="json")
    assert (response.status_code, response.json()["code"]) == (400, "unknown_name")
    assert not any(label.startswith("auth.") for label in response.json()["valid"])


def test_a_session_needs_the_csrf_token_to_change_anything(person):
    api = APIClient(enforce_csrf_checks=True)
    api.force_login(person("ann"))
    response = api.post(URL, {"source": "shop.Order"}, format="json")

    assert (response.status_code, response.json()["code"]) == (403, "permission_denied")
    assert "CSRF" in response.json()["detail"]


def test_who_signs_in_how_is_the_projects_to_say(person, monkeypatch):
    assert ExportViewSet.authentication_classes == api_settings.DEFAULT_AUTHENTICATION_CLASSES
    monkeypatch.setattr(ExportViewSet, "authentication_classes", [TokenAuthentication])
    token = Token.objects.create(user=person("ann"))
    api = APIClient(enforce_csrf_checks=True)
    answers = [
        api.post(URL, {"source": "shop.Order"}, format="json", headers={"Authorization": told})
        for told in (f"Token {token.key}", "Token wrong", "")
    ]

    assert [answer.status_code for answer in answers] == [201, 401, 401]
    codes = [answer.json().get("code") for answer in answers[1:]]
    assert codes == ["authentication_failed", "not_authenticated"]


def test_a_wrong_password_is_answered_401_with_how_to_sign_in(db, monkeypatch):
    monkeypatch.setattr(ExportViewSet, "authentication_classes", [BasicAuthentication])
    wrong = b64encode(b"ann:wrong").decode()
    response = APIClient().get(URL, headers={"Authorization": f"Basic {wrong}"})

    assert (response.status_code, response.json()["code"]) == (401, "authentication_failed")
    assert response["WWW-Authenticate"].startswith("Basic")
    assert response["Content-Type"] == "application/problem+json"
