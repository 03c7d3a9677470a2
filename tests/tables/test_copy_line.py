"""One connection for range after range, and never one that is not as it was."""

from __future__ import annotations

from contextlib import closing

import pytest

from exportapp.tables.copying import copy
from exportapp.tables.copyout import Line
from tests.gallery.models import Painting
from tests.house import wait_for
from tests.services import ON_SQLITE
from tests.tables.reading import specs_of

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(ON_SQLITE, reason="COPY is of PostgreSQL"),
]


@pytest.fixture
def line():
    with closing(Line("default")) as line:
        yield line


def server_of(line):
    """The number of the process that serves the connection which waits here."""
    waiting = line.take()
    line.give_back(waiting)
    return waiting.connection.info.backend_pid


def titles(line, viewer, **options):
    rows = Painting.objects.order_by("pk")
    chunks = copy(rows, specs_of(viewer, "title"), viewer, batch_rows=2, line=line, **options)
    return [title for chunk in chunks for title in chunk.batch.column(0).to_pylist()]


@pytest.fixture
def paintings():
    Painting.objects.bulk_create(Painting(title=title) for title in "abc")


def test_ranges_share_a_connection_and_see_what_was_committed_between(paintings, viewer, line):
    assert titles(line, viewer) == ["a", "b", "c"]
    served = server_of(line)
    Painting.objects.create(title="d")
    assert titles(line, viewer) == ["a", "b", "c", "d"]
    assert server_of(line) == served


def test_one_that_the_server_ended_meanwhile_is_replaced(paintings, viewer, line, servers):
    titles(line, viewer)
    served = server_of(line)
    with servers.postgres.connect("postgres") as other:
        other.execute("SELECT pg_terminate_backend(%s)", [served])
        gone = "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = %s"
        wait_for(lambda: other.execute(gone, [served]).fetchone()[0])
    assert titles(line, viewer) == ["a", "b", "c"]
    assert server_of(line) != served


def test_one_that_was_left_in_the_middle_or_is_in_a_transaction_is_not_used_again(
    paintings, viewer, line
):
    titles(line, viewer)
    served = server_of(line)
    specs = specs_of(viewer, "title")
    left = copy(Painting.objects.order_by("pk"), specs, viewer, batch_rows=1, line=line)
    next(left)
    left.close()
    assert titles(line, viewer) == ["a", "b", "c"]
    second = server_of(line)
    titles(line, viewer, begin=lambda own: own.set_autocommit(False))
    assert len({served, second, server_of(line)}) == 3
