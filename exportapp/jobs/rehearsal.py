"""A small export in memory, before there is one: what is done once in a process is done then.

A worker forks a process for each of its turns. Modules that are imported late, expressions that
are compiled, tables that openpyxl and Arrow fill when they are first asked: what the parent has,
no work-horse makes again.
"""

from __future__ import annotations

import datetime
import io
from typing import Final

import numpy as np
import pyarrow as pa
from pyarrow import csv

from exportapp.jobs.manifest import versions
from exportapp.xlsx import (
    CellColumn,
    ColumnFacts,
    Kind,
    PackageWriter,
    SheetColumn,
    SheetPlan,
    build_skeleton,
    measure,
    render_rows,
    with_properties,
)

VALUES: Final = {
    Kind.TEXT: pa.array([" ä & <b>\n"]),
    Kind.INTEGER: pa.array([1]),
    Kind.DECIMAL: pa.array(["1.50"]),
    Kind.FLOAT: pa.array([0.5]),
    Kind.BOOLEAN: pa.array([True]),
    Kind.DATETIME: pa.array([datetime.datetime(2026, 1, 31, tzinfo=datetime.UTC)]),
}
TITLE: Final = "Rehearsal"


def rehearse() -> None:
    """Make a workbook of one row and forget it."""
    # pyarrow looks for masked arrays, and numpy imports those when they are first looked for.
    pa.array(np.zeros(1, np.bool_))
    csv.read_csv(io.BytesIO(b"1\n"), csv.ReadOptions(column_names=["a"], use_threads=False))
    versions()
    batch = pa.record_batch(list(VALUES.values()), names=list(VALUES))
    cells = [CellColumn(kind=kind) for kind in VALUES]
    measure(batch, cells, [ColumnFacts(distinct=()) for _ in cells])
    columns = [SheetColumn(title=kind, width=10) for kind in VALUES]
    skeleton = build_skeleton(columns, [SheetPlan(TITLE, 1)], properties={})
    with PackageWriter(io.BytesIO()) as package:
        for part in with_properties(skeleton, {"title": TITLE}).parts:
            package.add(part.name, part.data)
        with package.sheet(skeleton.sheets[0].name) as sheet:
            sheet.rows([render_rows(batch, cells, 2)], 1)
