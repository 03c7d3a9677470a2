"""Whatever the schema allows, and what it does not, is answered as the schema says."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from exportapp.jobs import lifecycle
from project.wsgi import application
from tests.api.conftest import URL, ask, finished, job_of

EXAMPLES = {"root": 6, "ann": 12, "eve": 5, "nobody": 2}
"""Of each operation and way to generate: a superuser, who may export orders, who may not, and who
has not signed in."""

WITHIN = {
    "root": {200, 201, 400, 404, 409},
    "ann": {200, 201, 204, 400, 404, 409},
    "eve": {200, 400, 403, 404},
    "nobody": {403},
}
"""What each of them is answered at least."""

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
REAL = {
    "source": "shop.Order",
    "columns": ["number", "customer"],
    "order": ["-created_at"],
    "filters": {"status__in": ["paid", "new"], "gift": False},
    "keys": ["1", "2"],
    "titles": {"number": "No."},
    "options": {"format": "csv", "gzip": True},
}
ENDS = ("get", "post", "put", "delete")
UNREAL = ("export", "parameters", "preset", "consistency")


def read_and_closed(environ, start_response):
    """As a server does; the client of the tests leaves files open."""
    body = application(environ, start_response)
    try:
        return [b"".join(body)]
    finally:
        body.close()


@pytest.fixture
def schema(db):
    return schemathesis.openapi.from_wsgi("/api/schema/?format=json", read_and_closed).exclude(
        # Bytes that come as they are made have tests of their own.
        path_regex=r"/stream/$|/schema/"
    )


@pytest.fixture
def known(api, settings):
    """Exports of every kind and a preset of Ann's, by the name of the path's parameter."""
    settings.EXPORTAPP_API_RATES = {"create": None, "stream": None, "download": None}
    done, queued, paused, gone = finished(api), *(ask(api, search=text) for text in "123")
    others = [finished(api, options={"format": name}) for name in ("csv", "parquet")]
    lifecycle.pause(job_of(paused))
    lifecycle.cancel(job_of(gone))
    body = {"name": "Paid", "source": "shop.Order", "filters": {"status": "paid"}}
    preset = api.post(f"{URL}presets/", body, format="json").json()
    return {
        "/api/exports/{id}/": [export["id"] for export in (done, queued, paused, gone, *others)],
        "/api/exports/presets/": [str(preset["id"])],
        "/api/exports/sources/": ["shop.Order", "paid-orders", "auth.User"],
    }


def credentials(who, person, sign_in, api):
    if who == "nobody":
        return {}
    client = api
    if who != "ann":
        client = sign_in(person(who, may_export=False, is_superuser=who == "root"))
    secret = "x" * 32
    session = client.cookies["sessionid"].value
    return {
        "headers": {"X-CSRFToken": secret},
        "cookies": {"sessionid": session, "csrftoken": secret},
    }


def some_of(known, path):
    """Keys that lead somewhere, for an operation on one thing."""
    found = [keys for prefix, keys in known.items() if path.startswith(prefix)]
    return found[0] if found and "{" in path else [None]


def lead_somewhere(case, key):
    """Random names are all refused alike: most of what is said stays, about something real."""
    if key is not None:
        case.path_parameters = dict.fromkeys(case.path_parameters, key)
    if isinstance(case.body, dict):
        kept = {name: value for name, value in case.body.items() if name not in UNREAL}
        real = {name: REAL[name] for name in REAL if name in case.body or name == "source"}
        case.body = kept | real


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("who", EXAMPLES)
def test_every_answer_is_one_that_the_schema_has(
    who, schema, known, person, sign_in, api, subtests
):
    signed, statuses = credentials(who, person, sign_in, api), set()

    def check(operation, mode):
        keys = some_of(known, operation.path)

        @seed(8)
        @settings(
            max_examples=EXAMPLES[who],
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode), key=st.sampled_from(keys))
        def one(case, key):
            if mode is GenerationMode.POSITIVE:
                lead_somewhere(case, key)
            answer = case.call_and_validate(**signed, checks=CHECKS)
            statuses.add(answer.status_code)

        one()

    operations = [found.ok() for found in schema.get_all_operations()]
    # What ends exports and removes files comes last.
    for operation in sorted(operations, key=lambda one: (ENDS.index(one.method), one.label)):
        for mode in GenerationMode:
            with subtests.test(f"{operation.label}, {mode.value}"):
                check(operation, mode)

    # Or all of this would say no more than that nobody may do anything.
    assert statuses >= WITHIN[who]
