from __future__ import annotations

import json

import pytest
from django.utils import timezone, translation

from exportapp.exceptions import RequestRefused
from exportapp.tables.selection import Operator, Selection, Viewer

FULL = Selection(
    source="gallery.Painting",
    site="admin",
    query={"state__exact": ["done"], "q": ["lamp"]},
    order=("-copies",),
    keys=("3", "1"),
    columns=("title", "artist__name"),
)


@pytest.mark.parametrize("selection", [FULL, Selection(source="gallery.Tag")])
def test_a_selection_comes_back_from_json(selection):
    assert Selection.from_json(json.loads(json.dumps(selection.to_json()))) == selection


def test_json_needs_to_name_no_more_than_the_source():
    assert Selection.from_json({"source": "gallery.Tag"}) == Selection(source="gallery.Tag")


@pytest.mark.parametrize("data", [{}, {"source": "gallery.Tag", "sql": "SELECT 1"}])
def test_what_is_not_a_selection_is_refused(data):
    with pytest.raises(RequestRefused, match=r"not a selection: (sql|no source)"):
        Selection.from_json(data)


@pytest.mark.parametrize(
    "same",
    [
        {"keys": ("1", "3", "3")},
        {"query": {"q": ["lamp"], "state__exact": ["done"]}},
        {"query": {"q": ["lamp"], "state__exact": ["done"], "p": ["2"], "all": [""], "e": ["1"]}},
        {"source": "gallery.painting"},
    ],
)
def test_equal_requests_have_equal_canonical_json(same):
    assert Selection.from_json({**FULL.to_json(), **same}).canonical == FULL.canonical


@pytest.mark.parametrize(
    "other",
    [
        {"order": ("copies",)},
        {"keys": None},
        {"keys": ()},
        {"columns": ("artist__name", "title")},
        {"query": {"q": ["Lamp"], "state__exact": ["done"]}},
        {"site": "other"},
    ],
)
def test_other_requests_have_other_canonical_json(other):
    assert Selection.from_json({**FULL.to_json(), **other}).canonical != FULL.canonical


def test_the_operator_may_do_everything_and_is_nobody():
    operator = Operator()
    assert all((operator.is_active, operator.is_staff, operator.is_superuser))
    assert operator.has_perm("gallery.view_painting")
    assert operator.has_perms(["a.b"]) and operator.has_module_perms("gallery")
    assert operator.pk is None


def test_a_viewer_lends_language_and_time_zone_for_a_while():
    viewer = Viewer(user=Operator(), language="de", time_zone="Asia/Tokyo")
    with viewer.active():
        inside = translation.get_language(), timezone.get_current_timezone_name()
    assert inside == ("de", "Asia/Tokyo")
    assert (translation.get_language(), timezone.get_current_timezone_name()) != inside
