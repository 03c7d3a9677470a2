"""The Arrow file of a shard: its rows as they were read, and the key of each.

A stream of record batches (Arrow IPC) with one field a column in the order of the columns, as
compressed as SPOOL_COMPRESSION says: whoever reads it is told by the file.
Behind them lies the row's primary key where it is kept; it is part of no cell, and whoever renders
rows does not read it. Files of a version before had none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, Final, Self

import pyarrow as pa
from django.db import models

from exportapp.conf import conf
from exportapp.exceptions import FileDamaged
from exportapp.jobs.layout import Segment
from exportapp.tables.arrays import arrow_schema
from exportapp.tables.columns import ColumnSpec
from exportapp.tables.readers import Chunk
from exportapp.tables.rowkeys import key_array, key_type

KEY: Final = "\0key"
"""No column can be called that."""


class SpoolWriter:
    """Writes the chunks of one shard; a context."""

    def __init__(
        self, file: BinaryIO, columns: Sequence[ColumnSpec], model: type[models.Model]
    ) -> None:
        self._schema = arrow_schema(columns)
        self._kept = key_type(model)
        if self._kept is not None:
            self._schema = self._schema.append(pa.field(KEY, self._kept))
        # The other cores have workers of their own.
        compression = None if conf.SPOOL_COMPRESSION == "none" else conf.SPOOL_COMPRESSION
        options = pa.ipc.IpcWriteOptions(compression=compression, use_threads=False)
        self._sink = pa.ipc.new_stream(file, self._schema, options=options)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._sink.close()

    def write(self, chunk: Chunk) -> None:
        arrays = chunk.batch.columns
        if self._kept is not None:
            arrays.append(key_array(chunk.keys, self._kept))
        self._sink.write_batch(pa.record_batch(arrays, schema=self._schema))


def batches(source: BinaryIO) -> Iterator[pa.RecordBatch]:
    """The rows of an Arrow file without their keys. Raises FileDamaged when it is none."""
    return _read(source, keys=False)


def end_keys(source: BinaryIO, segments: Sequence[Segment]) -> list[list[Any]] | None:
    """The keys of the first and the last row of each segment, in order; None where none are kept.

    A segment without rows has none: `[]`. Raises FileDamaged when it is no Arrow file.
    """
    wanted = [place for part in segments for place in _ends(part)]
    found: dict[int, Any] = {}
    start = 0
    for batch in _read(source, keys=True):
        if not batch.num_columns:
            return None
        inside = [place for place in wanted if start <= place < start + batch.num_rows]
        found |= {place: batch.column(0)[place - start].as_py() for place in inside}
        start += batch.num_rows
    return [[found[place] for place in _ends(part)] for part in segments]


def _ends(segment: Segment) -> list[int]:
    last = segment.offset + segment.rows - 1
    return [segment.offset, last] if segment.rows else []


def _read(source: BinaryIO, *, keys: bool) -> Iterator[pa.RecordBatch]:
    try:
        source.seek(0)
        names = pa.ipc.open_stream(source).schema.names
        chosen = [index for index, name in enumerate(names) if (name == KEY) is keys]
        source.seek(0)
        # Fields that are left out are not inflated.
        options = pa.ipc.IpcReadOptions(included_fields=chosen)
        if chosen:
            yield from pa.ipc.open_stream(source, options=options)
    except pa.ArrowInvalid as error:
        raise FileDamaged(f"An Arrow file cannot be read: {error}") from error
