"""What ten thousand rows cost in queries: so many a batch, none a row."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from exportapp.tables.columns import Column
from exportapp.tables.readers import read
from tests.gallery.models import Painting, Tag
from tests.tables.reading import specs_of

pytestmark = pytest.mark.django_db

ROWS = 10_000


@pytest.fixture
def hall(artists):
    tags = [Tag.objects.create(name=name) for name in ("oil", "oak", "ink")]
    rows = [
        Painting(title=f"{n}", artist=artists[n % 5], state=Painting.State.DONE, stars=5)
        for n in range(ROWS)
    ]
    rows = Painting.objects.bulk_create(rows, batch_size=2_000)
    through = Painting.tags.through
    through.objects.bulk_create(
        (through(painting=row, tag=tags[n % 3]) for n, row in enumerate(rows)), batch_size=5_000
    )


def test_ten_thousand_rows_cost_a_few_queries_a_batch(hall, viewer):
    batch_rows = 2_500
    joined = Column("tags", join=","), Column("artist__works__tags__name", join=",", limit=2)
    plain = ("artist", "artist__country", "state", "doubled", "signature")
    specs = specs_of(viewer, *plain, *joined)
    rows = Painting.objects.order_by("pk")
    with CaptureQueriesContext(connection) as captured:
        chunks = list(read(rows, specs, viewer, batch_rows=batch_rows, policy="blank"))
    assert sum(chunk.rows_read for chunk in chunks) == ROWS
    batches = -(-ROWS // batch_rows)
    assert len(chunks) == batches
    # SQLite takes 500 keys a query; PostgreSQL all of a batch.
    pieces = batches if connection.vendor == "postgresql" else -(-ROWS // 500) + batches
    own, texts_of_relations, joined_columns = 1, 3, 2
    assert len(captured) <= own + texts_of_relations + joined_columns * pieces
