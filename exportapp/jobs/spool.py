"""The Arrow file of a shard: its rows as they were read, and the key of each.

A stream of record batches (Arrow IPC) with one field a column in the order of the columns, as
compressed as SPOOL_COMPRESSION says: whoever reads it is told by the file.
Behind them lies the row's primary key where it is kept; it is part of no cell. Files of a version
before had none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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


class SpoolReader:
    """Reads an Arrow file, and knows the keys of the rows that segments begin and end with."""

    def __init__(self, file: BinaryIO, segments: Sequence[Segment] = ()) -> None:
        """Raises FileDamaged when it is none."""
        self._file = file
        self._segments = segments
        self._wanted = {place for segment in segments for place in _ends(segment)}
        self._found: dict[int, Any] = {}
        with self._opened() as stream:
            self._is_kept = KEY in stream.schema.names

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows from the first on, without their keys. Raises FileDamaged for no Arrow file."""
        start = 0
        with self._opened() as stream:
            for batch in stream:
                if self._is_kept:
                    *columns, keys = batch.columns
                    inside = range(start, start + len(keys))
                    here = [place for place in self._wanted if place in inside]
                    self._found |= {place: keys[place - start].as_py() for place in here}
                    batch = pa.record_batch(columns, schema=_without_key(batch.schema))
                yield batch
                start += batch.num_rows

    def end_keys(self) -> list[list[Any]] | None:
        """The keys of the first and the last row of each segment, in order, once all are read.

        None where none are kept. A segment without rows has none: `[]`.
        """
        if not self._is_kept:
            return None
        return [[self._found[place] for place in _ends(part)] for part in self._segments]

    @contextmanager
    def _opened(self) -> Iterator[pa.ipc.RecordBatchStreamReader]:
        try:
            self._file.seek(0)
            yield pa.ipc.open_stream(self._file)
        except pa.ArrowInvalid as error:
            raise FileDamaged(f"An Arrow file cannot be read: {error}") from error


def _ends(segment: Segment) -> list[int]:
    last = segment.offset + segment.rows - 1
    return [segment.offset, last] if segment.rows else []


def _without_key(schema: pa.Schema) -> pa.Schema:
    return schema.remove(len(schema) - 1)
