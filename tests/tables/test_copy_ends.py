"""What ends a COPY before its last row, and the connection that lives on."""

from __future__ import annotations

import pytest
from django.db import DataError, OperationalError
from django.db.models.functions import Repeat

from exportapp.exceptions import WorkInterrupted
from exportapp.tables.columns import Column
from exportapp.tables.copying import copy
from tests.gallery.models import Painting
from tests.house import wait_for
from tests.tables.reading import specs_of
from tests.tables.test_copying import copied

# COPY has a connection of its own, which sees only what is committed.
pytestmark = pytest.mark.django_db(transaction=True)

COPYING = "FROM pg_stat_activity WHERE query LIKE 'COPY (%' AND state = 'active'"

LONG = Column(Repeat("title", 400), title="Long")
"""More than any buffer between server and reader holds, in a thousand rows."""


@pytest.mark.usefixtures("way")
def test_an_error_in_the_middle_is_django_s_and_the_connection_lives_on(paintings, viewer):
    rows = Painting.objects.extra(select={}, where=["1 / (copies - 20) < 5"]).order_by("copies")
    with pytest.raises(DataError, match="division by zero"):
        copied(viewer, "title", rows=rows, batch_rows=2)
    assert Painting.objects.count() == 23


@pytest.mark.usefixtures("way")
def test_stopping_in_the_middle_leaves_the_connection_usable(viewer):
    Painting.objects.bulk_create(Painting(title="x" * 50) for _ in range(1_000))
    specs = specs_of(viewer, LONG)
    batches = copy(Painting.objects.order_by("pk"), specs, viewer, batch_rows=10)
    assert next(batches).rows_read == 10
    batches.close()
    assert Painting.objects.count() == 1_000


def test_whoever_gives_up_waiting_stops_the_query_too(paintings, viewer, servers):
    """A server that has no row to send yet would not notice that nobody listens."""

    def give_up():
        raise WorkInterrupted("enough")

    rows = Painting.objects.extra(where=["pg_sleep(600) IS NOT NULL"]).order_by("pk")
    specs = specs_of(viewer, "title")
    with pytest.raises(WorkInterrupted):
        list(copy(rows, specs, viewer, batch_rows=9, waiting=give_up))
    with servers.postgres.connect("postgres") as other:
        wait_for(lambda: other.execute(f"SELECT count(*) = 0 {COPYING}").fetchone()[0])


@pytest.mark.usefixtures("way")
def test_a_server_that_goes_away_in_the_middle_is_an_operational_error(viewer, servers):
    Painting.objects.bulk_create(Painting(title="x" * 50) for _ in range(1_000))
    specs = specs_of(viewer, LONG)
    batches = copy(Painting.objects.order_by("pk"), specs, viewer, batch_rows=10)
    next(batches)
    with servers.postgres.connect("postgres") as other:
        other.execute(f"SELECT pg_terminate_backend(pid) {COPYING}")
    with pytest.raises(OperationalError):
        list(batches)
    assert Painting.objects.count() == 1_000
