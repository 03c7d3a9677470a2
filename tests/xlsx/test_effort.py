"""What the bytes cost, counted and not timed: a slow-down by design turns red, noise does not.

Bounds have about a quarter of room over what was measured; the message has what is spent now.
"""

from __future__ import annotations

import io
import os

import pyarrow as pa
import pytest

from exportapp.xlsx import ColumnFacts, measure, spans
from exportapp.xlsx.cells import render_rows
from tests.effort import kernels, python_calls
from tests.xlsx.books import CELLS, KINDS, merge, orders, rendered

CALLS_PER_BATCH = 720
KERNELS_PER_BATCH = 51
LOOKING_CALLS_PER_BATCH = 690
LOOKING_KERNELS_PER_BATCH = 51
COLUMNS = len(KINDS)


def look_at(batch: pa.RecordBatch) -> None:
    """What extracting asks of each batch for the layout."""
    measure(batch, CELLS)


def test_rendering_makes_calls_per_batch_and_none_per_row():
    few, many = orders(1, 1_000), orders(1, 10_000)
    render_rows(few, CELLS, 2)  # what is only done once

    with python_calls() as for_few:
        render_rows(few, CELLS, 2)
    with python_calls() as for_many:
        render_rows(many, CELLS, 2)

    assert for_many.count <= CALLS_PER_BATCH, f"{for_many.count} calls for 10,000 rows"
    assert for_many.count <= for_few.count + COLUMNS, (for_few.count, for_many.count)


def test_rendering_takes_few_passes_over_a_batch(monkeypatch):
    batch = orders(1, 10_000)
    with kernels(monkeypatch) as run:
        render_rows(batch, CELLS, 2)
    assert run.total() <= KERNELS_PER_BATCH, f"{run.total()} kernels for {COLUMNS} columns: {run}"


def test_what_the_layout_must_know_takes_few_passes_over_a_batch(monkeypatch):
    batch = orders(1, 10_000)
    look_at(batch)
    with python_calls() as called:
        look_at(batch)
    with kernels(monkeypatch) as run:
        look_at(batch)
    assert run.total() <= LOOKING_KERNELS_PER_BATCH, f"{run.total()} kernels: {run}"
    assert called.count <= LOOKING_CALLS_PER_BATCH, f"{called.count} calls for 10,000 rows"


def test_texts_that_are_many_are_not_looked_at_again(monkeypatch):
    batch = orders(1, 10_000)
    hopeful = [ColumnFacts() for _ in CELLS]
    ran = []
    for known in (None, hopeful, measure(batch, CELLS, hopeful)[0]):
        with kernels(monkeypatch) as run:
            measure(batch, CELLS, known)
        ran.append(run.total())
    never, first, later = ran
    assert first == never + 1, f"{first} kernels instead of {never}: {run}"
    assert later == never


@pytest.mark.parametrize("rows", [1, 10_000])
def test_rendered_bytes_are_not_copied_on_their_way_to_the_compressor(rows):
    """The text that Arrow joined is what is compressed: the view is on Arrow's own buffer."""
    xml = render_rows(orders(1, rows), CELLS, 2)
    assert isinstance(xml.obj, pa.Buffer)


def test_merging_moves_every_byte_of_rows_once_and_inside_the_kernel(shards, tmp_path, monkeypatch):
    moved, compressed = [], []
    copy_file_range, compressobj = os.copy_file_range, spans.compressobj

    def counted(*args):
        moved.append(copy_file_range(*args))
        return moved[-1]

    class Compressor:
        def __init__(self, level):
            self._inner = compressobj(level)

        def compress(self, data):
            compressed.append(memoryview(data).nbytes)
            return self._inner.compress(data)

        def flush(self, mode):
            return self._inner.flush(mode)

    monkeypatch.setattr(os, "copy_file_range", counted)
    monkeypatch.setattr(spans, "compressobj", Compressor)
    rows = sum(span.size for _, span in shards)
    with (tmp_path / "merged.xlsx").open("w+b") as target:
        merge(target, shards, 248)
        size = target.seek(0, io.SEEK_END)

    assert sum(moved) == rows, f"{sum(moved)} of {rows} bytes by copy_file_range"
    assert sum(compressed) <= 20_000, f"{sum(compressed)} bytes compressed that are no rows"
    assert size - rows <= 10_000, f"{size - rows} bytes written around the rows"


def test_deflate_is_called_once_a_batch():
    calls = []

    class Sink(io.BytesIO):
        def write(self, data):
            calls.append(len(data))
            return super().write(data)

    writer = spans.SpanWriter(Sink())
    for xml in rendered([orders(1, 5_000), orders(5_001, 5_000)], 2):
        writer.write(xml)
    writer.end(10_000)
    assert len(calls) == 3, f"{len(calls)} writes for 2 batches and their end"
