"""The bytes of an .xlsx: Arrow batches in, a zip out. No Django, no Redis, no database.

From values to a file, in the order in which it happens:

* `limits`     what Excel can hold, sheet titles, and the errors of this package
* `columns`    the kinds of value, and a column's cells on the way to XML
* `escape`     text as character data
* `numbers`    numbers and truth values, up to 15 digits
* `serials`    dates and times as serial numbers
* `cells`      `render_rows`: a record batch to `<row>` elements, one join
* `strings`    texts that stand once in the file, in tables or in spans as rows are
* `facts`      what the layout must know of a column: widths, long numbers
* `losses`     which values a sheet cannot hold as they are
* `estimate`   how much XML a batch will become
* `deflate`    compression and CRC, by ISA-L or zlib; `crc` combines CRCs without either
* `spans`      rows as compressed pieces that may follow one another in any file
* `styles`     the table of cell styles that all shards share
* `workbook`   everything but the rows, by openpyxl
* `template`   a developer's workbook to begin with
* `parts`      the workbook as parts, cut open where rows and their texts belong
* `zipformat`  the records of a zip
* `copying`    bytes from file to file inside the kernel
* `package`    the zip, written part by part, spans copied as they are
"""

from __future__ import annotations

from exportapp.xlsx.cells import render_rows
from exportapp.xlsx.columns import CellColumn, Kind
from exportapp.xlsx.estimate import estimate_xml_bytes, measure
from exportapp.xlsx.facts import ColumnFacts, column_facts, decide_width, needs_text, shared_table
from exportapp.xlsx.limits import (
    MAX_CELL_UNITS,
    MAX_COLUMNS,
    MAX_LINE_FEEDS,
    MAX_ROWS,
    SHEET_XML_BYTES,
    LimitExceeded,
    XlsxError,
    sheet_title,
)
from exportapp.xlsx.package import Outbox, PackageWriter, PartWriter
from exportapp.xlsx.parts import Part, SheetPart, Skeleton, StringsPart
from exportapp.xlsx.spans import Span, SpanWriter, pressed
from exportapp.xlsx.strings import StringPool, StringsPlan, first_strings, write_blanks
from exportapp.xlsx.styles import SheetColumn, style_indexes
from exportapp.xlsx.template import Template
from exportapp.xlsx.workbook import SheetPlan, build_skeleton, with_properties

__all__ = [
    "MAX_CELL_UNITS",
    "MAX_COLUMNS",
    "MAX_LINE_FEEDS",
    "MAX_ROWS",
    "SHEET_XML_BYTES",
    "CellColumn",
    "ColumnFacts",
    "Kind",
    "LimitExceeded",
    "Outbox",
    "PackageWriter",
    "Part",
    "PartWriter",
    "SheetColumn",
    "SheetPart",
    "SheetPlan",
    "Skeleton",
    "Span",
    "SpanWriter",
    "StringPool",
    "StringsPart",
    "StringsPlan",
    "Template",
    "XlsxError",
    "build_skeleton",
    "column_facts",
    "decide_width",
    "estimate_xml_bytes",
    "first_strings",
    "measure",
    "needs_text",
    "pressed",
    "render_rows",
    "shared_table",
    "sheet_title",
    "style_indexes",
    "with_properties",
    "write_blanks",
]
