"""What kinds of file an export can become: one class each, and nobody else asks which it is.

base        what a format does: make bytes of a shard, and a file of the shards' bytes
workbook    .xlsx: spans of rows spliced into sheets
delimited   .csv and .csv.gz: spans of lines one after the other
parquet     .parquet: typed, a row group for each shard
"""

from __future__ import annotations

from typing import Final

from exportapp.jobs.formats.base import Format, Sheet
from exportapp.jobs.formats.delimited import Delimited
from exportapp.jobs.formats.parquet import Parquet
from exportapp.jobs.formats.workbook import Workbook
from exportapp.jobs.options import CSV, PARQUET, XLSX, Options
from exportapp.models import ExportJob

__all__ = ["Format", "Sheet", "format_of", "format_with"]

_FORMATS: Final[dict[str, type[Format]]] = {XLSX: Workbook, CSV: Delimited, PARQUET: Parquet}


def format_with(options: Options) -> Format:
    """The format that the options name."""
    return _FORMATS[options.format](options)


def format_of(job: ExportJob) -> Format:
    """The format of what `job` makes."""
    return format_with(Options.from_json(job.options))
