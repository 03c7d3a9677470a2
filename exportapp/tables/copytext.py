"""COPY's text format as Arrow arrays.

It costs the server less than CSV: nothing is looked through for quotes. Source: PostgreSQL
documentation, COPY, "Text Format" (tabs between values, \\N for NULL, a backslash before what
would be taken for something else).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv
from typing_extensions import Buffer

from exportapp.tables.copyout import NotPlain
from exportapp.xlsx.columns import value_bytes

NULL: Final = r"\N"

SEQUENCES: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
"""What COPY writes with a backslash and a letter."""


class TextParser:
    """Takes blocks of records, each behind a FRAME, apart."""

    def __init__(self, types: Sequence[pa.DataType]) -> None:
        """`types` are those of the fields, in order."""
        self._names = [f"c{index}" for index in range(len(types))]
        self._convert = csv.ConvertOptions(
            include_columns=self._names,
            column_types=dict(zip(self._names, types, strict=True)),
            null_values=[NULL],
            strings_can_be_null=True,
            true_values=["t"],
            false_values=["f"],
        )

    def arrays(self, block: Buffer) -> list[pa.Array]:
        """Each field of all records. Raises NotPlain for a text that no value of its type has."""
        # One block is one batch: threads and smaller blocks would only cut it up.
        reading = csv.ReadOptions(
            column_names=["frame", *self._names],
            use_threads=False,
            block_size=memoryview(block).nbytes + 1,
        )
        parsing = csv.ParseOptions(delimiter="\t", quote_char=False, newlines_in_values=False)
        try:
            table = csv.read_csv(pa.py_buffer(block), reading, parsing, self._convert)
        except pa.ArrowInvalid as error:
            raise NotPlain(str(error)) from error
        return [unescaped(column.combine_chunks()) for column in table.columns]


def unescaped(array: pa.Array) -> pa.Array:
    """Texts as they were before COPY put backslashes into them."""
    if not pa.types.is_string(array.type) or b"\\" not in value_bytes(array).to_pybytes():
        return array
    # No text of PostgreSQL has a NUL: it stands for the backslashes that are meant, in pairs from
    # the left, so that what is left of them begins a sequence.
    array = pc.replace_substring(array, r"\\", "\0")
    for letter, character in SEQUENCES.items():
        array = pc.replace_substring(array, f"\\{letter}", character)
    return pc.replace_substring(array, "\0", "\\")
