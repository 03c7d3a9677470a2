from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exportapp.exceptions import RequestRefused
from exportapp.tables.keys import dumps, loads

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(st.characters(codec="utf-8")),
    st.floats(allow_nan=False),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.datetimes(),
    st.datetimes(timezones=st.just(UTC)),
    st.dates(),
    st.times(),
    st.timedeltas(),
    st.uuids(),
    st.binary(),
)


@given(st.lists(VALUES).map(tuple))
def test_a_bound_comes_back_from_json_exactly(bound):
    back = loads(dumps(bound))
    assert back == bound
    assert [type(value) for value in back] == [type(value) for value in bound]
    assert [str(value) for value in back] == [str(value) for value in bound]


def test_a_zone_comes_back_with_its_offset_and_microseconds():
    moment = datetime(2024, 2, 29, 23, 59, 59, 999999, tzinfo=UTC)
    assert loads(dumps((moment,)))[0].isoformat() == "2024-02-29T23:59:59.999999+00:00"


def test_large_integers_survive_readers_that_round():
    assert json.loads(dumps((2**63,))) == [["int", str(2**63)]]


def test_a_memoryview_becomes_bytes():
    assert loads(dumps((memoryview(b"\x00a"),))) == (b"\x00a",)


def test_a_value_without_an_exact_form_is_refused():
    with pytest.raises(RequestRefused, match="complex"):
        dumps((1j,))
