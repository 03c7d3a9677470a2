from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.db.models import Avg, Count, F, Q, Sum, Window
from django.db.models.functions import RowNumber
from django.test.utils import CaptureQueriesContext

from exportapp.exceptions import RequestRefused, UnknownName
from exportapp.tables.columns import Column
from exportapp.tables.keyset import Keyset
from exportapp.tables.readers import read, sample_weight
from tests.gallery.models import Artist, Hanging, Loan, Painting, Print, Tag
from tests.tables.reading import cells, specs_of, table

pytestmark = pytest.mark.django_db


@pytest.fixture
def tagged(paintings):
    """Painting n has the first n % 4 of three tags, given in the wrong order."""
    tags = [Tag.objects.create(name=name) for name in ("c", "a", "b")]
    for number, painting in enumerate(paintings):
        painting.tags.set(tags[: number % 4])
    return paintings


@pytest.mark.parametrize("more", [(), ("doubled",)], ids=["tuples", "instances"])
def test_the_texts_of_many_objects_stand_in_one_cell(viewer, tagged, more):
    named = Column("tags__name", join=", ", order=("name",))
    texts = Column("tags", join=" | ", order=("-name",))
    by_key = Column("tags", join=" ", title="Again")
    found = cells(viewer, named, texts, by_key, *more)
    assert found[0][:5] == [None, "c", "a, c", "a, b, c", None]
    assert found[1][:4] == [None, "c", "c | a", "c | b | a"]
    assert found[2][:4] == [None, "c", "c a", "c a b"]


def test_paths_may_lead_on_before_and_behind_the_many(viewer, tagged):
    colleagues = Column("artist__works__title", join=", ", order=("-copies",), limit=2)
    found, issues = table(viewer, colleagues)
    assert found[0].to_pylist()[:3] == [None, "No. 21, No. 11, …", "No. 22, No. 17, …"]
    assert {issue.code for issue in issues} == {"list_cut"}
    artists = Column("works__artist__country", join="/")
    assert cells(viewer, artists, model=Artist)[0][:2] == ["NL/NL/NL", "ES/ES/ES/ES"]


def test_an_object_that_is_reached_twice_is_named_once(viewer, tagged):
    through = Painting.tags.through
    found = cells(viewer, Column("works__tags__name", join="", order=("name",)), model=Artist)
    assert set(filter(None, found[0])) == {"abc"}
    assert through.objects.count() > 5 * 3


def test_the_related_models_own_order_is_taken(viewer, artists):
    order = Column("artist__passport__number", join=",", title="x")
    with pytest.raises(RequestRefused, match="leads to one value"):
        specs_of(viewer, order)
    assert cells(viewer, Column("artist__name", join=", "), model=type(artists[0].country)) == [
        ["Artist 1", "Artist 0, Artist 4"]
    ]


def test_choices_moments_and_codes_are_texts_for_the_viewer(german, artists):
    seen = datetime(2024, 7, 1, 22, 30, tzinfo=UTC)
    Painting.objects.create(artist=artists[0], seen_at=seen, state="done")
    columns = [
        Column("works__state", join=","),
        Column("works__state", join=",", label=False),
        Column("works__seen_at", join=","),
        Column("works__serial", join=","),
    ]
    rows = Artist.objects.filter(pk=artists[0].pk)
    found = cells(german, *columns, rows=rows, model=Artist)
    assert found == [["Ja"], ["done"], ["2024-07-02 00:30:00"], [None]]


def test_a_cell_that_cannot_show_all_says_so_under_every_policy(viewer, tagged):
    column = Column("tags__name", join=", ", limit=2, order=("name",))
    for policy in ("blank", "skip", "fail"):
        found, issues = table(viewer, column, policy=policy)
        assert found[0].to_pylist()[2:4] == ["a, c", "a, b, …"]
        assert len(issues) == 5
    assert (issues[0].code, issues[0].column, issues[0].key) == (
        "list_cut",
        "tags__name",
        str(tagged[3].pk),
    )
    assert "more than the 2 items" in issues[0].message


def test_a_cell_ends_before_the_item_that_excel_could_not_hold(viewer, artists):
    Painting.objects.bulk_create(
        Painting(artist=artists[0], title=letter * 50, notes=letter * 9_000) for letter in "abcde"
    )
    rows = Artist.objects.filter(pk=artists[0].pk)
    found, issues = table(viewer, Column("works__notes", join=", "), rows=rows, model=Artist)
    (text,) = found[0].to_pylist()
    assert (len(text), text[-3:]) == (3 * 9_002 + 3 * 2 + 1, ", …")
    assert [issue.code for issue in issues] == ["list_cut"]


def test_the_database_gives_no_more_items_than_the_limit_and_one(viewer, tagged):
    column = Column("artist__works__title", join=", ", limit=1)
    with CaptureQueriesContext(connection) as captured:
        table(viewer, column, rows=Painting.objects.filter(pk=tagged[1].pk))
    (items,) = [query["sql"] for query in captured if "DENSE_RANK" in query["sql"].upper()]
    with connection.cursor() as cursor:
        cursor.execute(items)
        assert len(cursor.fetchall()) == 2


@pytest.mark.parametrize("more", [(), ("doubled",)], ids=["tuples", "instances"])
def test_joined_texts_cost_two_queries_a_batch_at_most(viewer, tagged, more):
    columns = [Column("tags", join=","), Column("tags__name", join=","), *more]
    specs = specs_of(viewer, *columns)
    with CaptureQueriesContext(connection) as captured:
        chunks = list(
            read(Painting.objects.order_by("pk"), specs, viewer, batch_rows=6, policy="blank")
        )
    # Rows once; a batch asks for the items of both columns; the texts of the tags are kept.
    assert len(chunks) == 4
    assert len(captured) <= 1 + 2 * len(chunks) + 1


def test_rows_with_a_key_of_two_columns_have_their_objects_too(viewer, paintings):
    for room, place in [(1, 1), (1, 2), (2, 1)]:
        Hanging.objects.create(room=room, place=place, painting=paintings[room * 3])
    paintings[3].tags.add(Tag.objects.create(name="x"))
    column = Column("painting__tags__name", join=",")
    assert cells(viewer, column, model=Hanging) == [["x", "x", None]]


def test_text_that_raises_is_an_issue_of_its_row(viewer, tagged, monkeypatch):
    monkeypatch.setattr(Tag, "__str__", lambda tag: 1 / 0 if tag.name == "a" else tag.name)
    found, issues = table(viewer, Column("tags", join=","))
    assert found[0].to_pylist()[:4] == [None, "c", None, None]
    assert issues[0].code == "callable_raised"


def test_joined_texts_are_weighed_like_others(viewer, tagged):
    rows = Painting.objects.order_by("pk")
    light = sample_weight(rows, specs_of(viewer, Column("tags__name", join="")), viewer)
    heavy = sample_weight(rows, specs_of(viewer, Column("tags__name", join=" and ")), viewer)
    assert light is not None and heavy is not None
    assert heavy > light


@pytest.mark.parametrize(
    ("column", "error", "said"),
    [
        (Column("artist", join=","), RequestRefused, "'artist' leads to one value: leave out join"),
        (Column("tags__colour", join=","), UnknownName, "Unknown column 'colour'. Valid: id, name"),
        (Column("tags__name__x", join=","), UnknownName, "Unknown column 'name__x'"),
        (Column("tags", join=",", order=("rank",)), UnknownName, "Unknown order 'rank'. Valid: id"),
        (Column("tags", join=",", limit=0), RequestRefused, "at least 1 item, not 0"),
        (Column(Count("tags"), join=",", title="x"), RequestRefused, "Only a lookup path"),
        ("tags", RequestRefused, r"Column\('tags', join=', '\) or an aggregate"),
        (Column("hanging", join=","), RequestRefused, "composite key: name one of its fields"),
    ],
)
def test_what_cannot_be_joined_is_refused_with_what_can(viewer, column, error, said):
    with pytest.raises(error, match=said):
        specs_of(viewer, column)


AGGREGATES = (
    Column(Count("tags"), title="Tags"),
    Column(Count("hanging"), title="Hangings"),
    Column(Sum("artist__works__copies"), title="Copies"),
    Column(Count("tags", filter=Q(tags__name="a")), title="A"),
    Column(Avg("hanging__room"), title="Room"),
)


@pytest.mark.parametrize("more", [(), ("doubled",)], ids=["tuples", "instances"])
def test_aggregates_beside_each_other_count_their_own_rows(viewer, tagged, more):
    for place in range(5):
        Hanging.objects.create(room=place % 2, place=place, painting=tagged[3])
    rows = Painting.objects.filter(pk__in=[tagged[3].pk, tagged[4].pk]).order_by("pk")
    found = cells(viewer, *AGGREGATES, *more, rows=rows)
    works = sum(painting.copies for painting in tagged if painting.artist == tagged[3].artist)
    assert found[: len(AGGREGATES)] == [
        ["3", "0"],
        ["5", "0"],
        [str(works), None],
        ["1", "0"],
        [0.4, None],
    ]


def test_an_aggregate_counts_what_a_filter_of_the_list_leaves_out(viewer, tagged):
    rows = Painting.objects.filter(tags__name="c").order_by("pk")
    assert cells(viewer, Column(Count("tags"), title="n"), rows=rows)[0][:3] == ["1", "2", "3"]
    twice = Painting.objects.filter(tags__name__in="ca").distinct().order_by("pk")
    assert cells(viewer, Column(Count("tags"), title="n"), rows=twice)[0][:3] == ["1", "2", "3"]


def test_aggregates_find_the_row_by_any_key(viewer, paintings):
    Print.objects.create(series="a", number=1)
    Hanging.objects.create(room=1, place=2)
    theme = Tag.objects.create(name="t")
    theme.painting_set.set(paintings[:3])
    Loan.objects.create(theme=theme)
    for model, expression, count in [
        (Print, Count("number"), "1"),
        (Hanging, Count("place"), "1"),
        (Loan, Count("theme__painting"), "3"),
    ]:
        assert cells(viewer, Column(expression, title="n"), model=model) == [[count]]


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        (Count("tags") + Sum("artist__works__copies"), "at once.*make a column of each"),
        (Count("tags", filter=Q(hanging__room=1)), "aggregates over 'hanging', 'tags' at once"),
        (Count("colours"), "Column 'n': Cannot resolve keyword 'colours'.*Choices are: address"),
        (F("nothing"), "Cannot resolve keyword 'nothing'"),
        (Window(RowNumber()), "'n' is a window function"),
    ],
)
def test_an_expression_that_would_say_something_else_is_refused(viewer, expression, said):
    with pytest.raises(RequestRefused, match=said):
        specs_of(viewer, Column(expression, title="n"))


def test_a_list_with_a_window_function_is_refused():
    rows = Painting.objects.annotate(n=Window(RowNumber(), order_by="pk"))
    with pytest.raises(RequestRefused, match="window function"):
        Keyset.of(rows)
