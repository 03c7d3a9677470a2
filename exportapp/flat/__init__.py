"""Files of rows that are no workbook: Arrow batches in, CSV or Parquet out. No Django, no Redis.

texts       every kind of value as text
delimited   texts as the lines of a CSV, in one join a batch
envelope    lines as a file: plain, or gzip made of spans
typed       values as Parquet keeps them
"""

from __future__ import annotations

from exportapp.flat.delimited import Dialect, header_line, render_lines
from exportapp.flat.envelope import BOM, Envelope, gzip_head, gzip_tail
from exportapp.flat.typed import Digits, FlatColumn, digits_of, typed_schema, typed_table

__all__ = [
    "BOM",
    "Dialect",
    "Digits",
    "Envelope",
    "FlatColumn",
    "digits_of",
    "gzip_head",
    "gzip_tail",
    "header_line",
    "render_lines",
    "typed_schema",
    "typed_table",
]
"""What the formats of the jobs are made of."""
