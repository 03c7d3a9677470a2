from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import partial

import pytest
from django.contrib import admin
from django.db.models import Count, F, Max, Value
from django.db.models.functions import Concat, Upper
from django.utils.translation import gettext_lazy as _

from exportapp.exceptions import RequestRefused, UnknownName
from exportapp.tables.columns import Column, ColumnSpec, fingerprint
from exportapp.tables.kinds import field_kind, function_kind
from exportapp.tables.sources import Source, find_source
from exportapp.xlsx import Kind
from tests.gallery.models import Artist, Country, Painting


def source_of(*columns, model=Painting, **attributes):
    model_admin = type("Declared", (admin.ModelAdmin,), {"export_columns": columns, **attributes})
    return Source(model_admin(model, admin.site))


def spec_of(column, viewer, **attributes):
    (spec,) = source_of(column, **attributes).columns(None, viewer)
    return spec


def test_the_list_is_what_is_exported_by_default(viewer):
    specs = find_source("gallery.Painting").columns(None, viewer)
    assert [spec.key for spec in specs] == [
        "title",
        "artist",
        "state",
        "copies",
        "works_of_artist",
        "shout",
        "is_dear",
    ]


def test_a_list_that_shows_objects_only_exports_every_field(viewer):
    specs = find_source("gallery.Country").columns(None, viewer)
    assert [spec.key for spec in specs] == [field.name for field in Country._meta.concrete_fields]


def test_export_columns_come_before_the_list(viewer):
    source = source_of("price", Column("artist__name", title="By"), list_display=("title",))
    assert [spec.title for spec in source.columns(None, viewer)] == ["Price", "By"]
    assert source.available_columns(viewer)[:3] == ("price", "artist__name", "title")
    assert [spec.title for spec in source.columns(["title", "artist__name"], viewer)] == [
        "User",
        "By",
    ]


@pytest.mark.parametrize(
    ("name", "kind", "number_format"),
    [
        ("title", Kind.TEXT, "General"),
        ("artist", Kind.TEXT, "General"),
        ("artist_id", Kind.INTEGER, "0"),
        ("artist__country_id", Kind.TEXT, "General"),
        ("state", Kind.TEXT, "General"),
        ("stars", Kind.TEXT, "General"),
        ("copies", Kind.INTEGER, "0"),
        ("id", Kind.INTEGER, "0"),
        ("pk", Kind.INTEGER, "0"),
        ("price", Kind.DECIMAL, "#,##0.00"),
        ("rate", Kind.DECIMAL, "#,##0.00000000"),
        ("weight", Kind.FLOAT, "General"),
        ("sold", Kind.BOOLEAN, "General"),
        ("made_on", Kind.DATE, "yyyy-mm-dd"),
        ("seen_at", Kind.DATETIME, "yyyy-mm-dd hh:mm:ss"),
        ("seen_at__date", Kind.DATE, "yyyy-mm-dd"),
        ("seen_at__year", Kind.INTEGER, "0"),
        ("opens_at", Kind.TIME, "hh:mm:ss"),
        ("dried_in", Kind.DURATION, "[h]:mm:ss"),
        ("serial", Kind.TEXT, "General"),
        ("notes", Kind.TEXT, "General"),
        ("notes__size", Kind.TEXT, "General"),
        ("thumbnail", Kind.TEXT, "General"),
        ("scan", Kind.TEXT, "General"),
        ("address", Kind.TEXT, "General"),
        ("artist__born", Kind.DATE, "yyyy-mm-dd"),
        ("artist__passport", Kind.TEXT, "General"),
        ("artist__passport__number", Kind.TEXT, "General"),
        ("doubled", Kind.INTEGER, "0"),
        ("gross", Kind.DECIMAL, "#,##0.00####"),
        ("quota", Kind.FLOAT, "General"),
        ("fragile", Kind.TEXT, "General"),
        ("artist__initials", Kind.TEXT, "General"),
        ("__str__", Kind.TEXT, "General"),
    ],
)
def test_the_kind_follows_the_field_or_the_annotation(name, kind, number_format, viewer):
    spec = spec_of(name, viewer)
    assert (spec.kind, spec.number_format) == (kind, number_format)


def returns(hint):
    def function(row): ...

    function.__annotations__["return"] = hint
    return function


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        (returns(int), Kind.INTEGER),
        (returns(Decimal | None), Kind.DECIMAL),
        (returns("float"), Kind.FLOAT),
        (returns(bool), Kind.BOOLEAN),
        (returns(date), Kind.DATE),
        (returns(datetime), Kind.DATETIME),
        (returns(time), Kind.TIME),
        (returns(timedelta), Kind.DURATION),
        (returns(str), Kind.TEXT),
        (returns(int | str), Kind.TEXT),
        (returns("NotImported"), Kind.TEXT),
        (partial(returns(int)), Kind.INTEGER),
        (admin.display(boolean=True)(returns(str)), Kind.BOOLEAN),
        (property(returns(int)), Kind.INTEGER),
        (len, Kind.TEXT),
    ],
)
def test_a_function_says_its_kind(function, kind):
    assert function_kind(function) is kind


def test_titles_are_the_admins_in_the_viewers_language(viewer, german):
    names = ["title", "signature", "artist__name", "gross", "__str__"]
    titles = [[spec_of(name, eyes).title for name in names] for eyes in (viewer, german)]
    assert titles[0] == ["User", "Users", "Artist name", "Gross", "Painting"]
    assert titles[1][:2] == ["Benutzer", "Benutzer"]


def test_choices_are_labels_in_the_viewers_language_or_codes(german):
    label = spec_of("state", german)
    code = spec_of(Column("stars", label=False), german)
    assert label.getter.labels == {"sketch": "Nein", "done": "Ja"}
    assert (code.kind, code.digits) == (Kind.INTEGER, False)


def test_a_declared_column_has_the_last_word(viewer):
    spec = spec_of(
        Column("title", title=_("Group"), kind=Kind.INTEGER, width=9, align="right"), viewer
    )
    assert spec == ColumnSpec(
        key="title",
        title="Group",
        kind=Kind.INTEGER,
        number_format="0",
        width=9,
        align="right",
        digits=True,
    )
    assert spec_of(Column("price", number_format="0.0"), viewer).number_format == "0.0"


def test_expressions_take_their_kind_from_the_database(viewer):
    assert spec_of(Column(Count("tags"), title="Tags"), viewer).kind is Kind.INTEGER
    assert spec_of(Column(Max("seen_at"), title="Last"), viewer).kind is Kind.DATETIME
    total = spec_of(Column(F("price") * 2, title=_("Groups")), viewer)
    assert (total.key, total.kind) == ("groups", Kind.DECIMAL)
    joined = Concat(Upper("title"), Value("!"))
    assert spec_of(Column(joined, title="Loud"), viewer).kind is Kind.TEXT


def test_annotations_of_the_lists_queryset_are_columns(viewer):
    def get_queryset(self, request):
        return Painting.objects.annotate(half=F("copies") / 2.0)

    spec = spec_of("half", viewer, get_queryset=get_queryset)
    assert (spec.title, spec.kind) == ("Half", Kind.FLOAT)


def test_functions_and_lambdas_are_columns(viewer):
    def loudly(painting) -> int:
        return 1

    assert spec_of(loudly, viewer).title == "Loudly"
    assert spec_of(Column(lambda row: 1, title="One two"), viewer).key == "one_two"


def test_the_names_of_expressions_are_the_same_in_every_language(german, viewer):
    column = Column(Count("tags"), title=_("Users"))
    assert spec_of(column, german).key == spec_of(column, viewer).key == "users"


@pytest.mark.parametrize("key", [Count("tags"), lambda row: 1])
def test_what_has_no_name_needs_a_title(key, viewer):
    with pytest.raises(RequestRefused, match="needs a title"):
        spec_of(key, viewer)


def test_a_thing_that_is_no_column_is_refused(viewer):
    with pytest.raises(RequestRefused, match="cannot be made of 7"):
        spec_of(7, viewer)


@pytest.mark.parametrize("name", ["tags", "tags__name", "artist__works__title", "hanging"])
def test_a_path_to_many_rows_is_refused(name, viewer):
    with pytest.raises(RequestRefused, match="many rows"):
        spec_of(name, viewer)


@pytest.mark.parametrize("name", ["works", "hanging_set", "nothing", "artist__nothing", "title__x"])
def test_an_unknown_column_is_named(name, viewer):
    with pytest.raises(UnknownName, match=f"Unknown column '{name}'.*Valid: id, title, artist"):
        spec_of(name, viewer)


def test_many_rows_are_refused_by_their_accessor_too(viewer):
    with pytest.raises(RequestRefused, match="works"):
        spec_of("works", viewer, model=Artist)


def test_the_same_column_twice_has_two_keys(viewer):
    source = source_of("title", "title", Column("title", title="Again"))
    assert [s.key for s in source.columns(None, viewer)] == ["title", "title_2", "title_3"]


def test_a_spec_comes_back_from_json_but_for_its_getter(viewer):
    for spec in find_source("gallery.Painting").columns(None, viewer):
        back = ColumnSpec.from_json(json.loads(json.dumps(spec.to_json())))
        assert back == spec
        assert back.getter is None


@pytest.mark.parametrize(
    "change", [{"key": "x"}, {"title": "x"}, {"kind": Kind.FLOAT}, {"number_format": "0.0"}]
)
def test_the_fingerprint_tells_exports_apart(change, viewer):
    specs = find_source("gallery.Painting").columns(None, viewer)
    assert fingerprint(specs) == fingerprint([replace(spec, width=3) for spec in specs])
    assert fingerprint(specs) != fingerprint(specs[::-1])
    assert fingerprint(specs) != fingerprint([replace(specs[0], **change), *specs[1:]])


def test_a_relation_is_of_its_keys_kind():
    assert field_kind(Painting._meta.get_field("artist")) is Kind.INTEGER
    assert field_kind(Artist._meta.get_field("country")) is Kind.TEXT
