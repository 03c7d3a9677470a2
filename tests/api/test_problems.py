"""Every error is problem details by RFC 9457."""

from __future__ import annotations

from http import HTTPStatus

import pytest
from django.http import Http404
from rest_framework.settings import api_settings
from rest_framework.views import exception_handler

from exportapp import exceptions
from exportapp.api.problems import problem_handler
from exportapp.api.views import ExportViewSet
from tests.api.conftest import URL

MISSING = "00000000-0000-0000-0000-000000000000"
ONLY_IN_WORKERS = {
    "ExportError",
    "LeaseLost",
    "NoticeRefused",
    "RowRefused",
    "SnapshotLost",
    "SnapshotTooOld",
    "VerificationFailed",
    "WorkInterrupted",
}


def every_error():
    kinds, waiting = [], [exceptions.ExportError]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind.__module__ == exceptions.__name__:
            kinds.append(kind)
    return kinds


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("get", f"{MISSING}/", None, 404, "not_found"),
        ("get", "no-uuid/", None, 404, "not_found"),
        ("post", f"{MISSING}/pause/", None, 404, "not_found"),
        ("get", "nowhere/else/", None, 404, "not_found"),
        ("delete", "nowhere", None, 404, "not_found"),
        ("get", "?page=9", None, 400, "invalid"),
        ("get", "?cursor=x", None, 400, "invalid"),
        ("get", "?cursor=cD1ub3RoaW5n", None, 400, "invalid"),
        ("get", "?page_size=201", None, 400, "invalid"),
        ("get", "?created_after=yesterday", None, 400, "invalid"),
        ("get", "sources/shop.Nothing/", None, 404, "not_found"),
        ("get", "?state=lost", None, 400, "invalid"),
        ("put", "", {}, 405, "method_not_allowed"),
        ("get", f"{MISSING}/pause/", None, 405, "method_not_allowed"),
        ("post", "", {"source": "shop.Nothing"}, 400, "unknown_name"),
        ("post", "", {"source": "shop.Order", "order": ["?"]}, 400, "unknown_name"),
        ("post", "", {"source": "shop.Order", "filters": {"id": "x"}}, 400, "request_refused"),
    ],
)
def test_an_error_says_what_it_is(api, method, path, body, status, code):
    response = getattr(api, method)(URL + path, body, format="json")
    problem = response.json()

    assert response.status_code == problem["status"] == status
    assert problem["code"] == code
    assert response["Content-Type"] == "application/problem+json"
    assert problem["title"] and problem["detail"]
    assert "Job" not in problem["detail"], "a name of the code's"
    if problem["type"] == "about:blank":
        assert problem["title"] == HTTPStatus(status).phrase
    else:
        assert problem["type"] == f"urn:problem-type:exportapp:{code}"


def test_a_body_that_is_no_json_is_refused_by_its_type(api):
    response = api.post(URL, {"source": "shop.Order"}, format="multipart")
    assert (response.status_code, response.json()["code"]) == (415, "unsupported_media_type")


def test_a_broken_body_is_refused(api):
    response = api.post(URL, '{"source": ', content_type="application/json")
    assert (response.status_code, response.json()["code"]) == (400, "parse_error")


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.__name__)
def test_every_error_that_a_request_can_meet_has_a_status(kind):
    error = kind("column", "numbr", ["number"]) if kind is exceptions.UnknownName else kind()
    response = problem_handler(error, {})

    if kind.__name__ in ONLY_IN_WORKERS:
        assert (response.status_code, response.data["code"]) == (500, "internal_error")
    else:
        assert 400 <= response.status_code < 500
        assert response.data["detail"] == str(error)


def test_a_fault_is_logged_and_tells_nothing(api, monkeypatch, caplog):
    def broken(self):
        raise ZeroDivisionError("the secret of the house")

    monkeypatch.setattr(ExportViewSet, "get_queryset", broken)
    with pytest.raises(ZeroDivisionError):
        api.get(URL)
    api.raise_request_exception = False
    response = api.get(URL)

    assert (response.status_code, response.json()["code"]) == (500, "internal_error")
    assert response["Content-Type"] == "application/problem+json"
    assert "secret" not in response.content.decode()
    assert "the secret of the house" in caplog.text
    assert problem_handler(Http404(), {}).status_code == 404


def test_other_views_of_the_project_keep_their_own_handler():
    assert api_settings.EXCEPTION_HANDLER is exception_handler
