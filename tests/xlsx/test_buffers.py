"""What is done to all bytes at once is what would be done to each text."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exportapp.xlsx import ColumnFacts, Kind
from exportapp.xlsx.buffers import at_an_edge, with_entities
from exportapp.xlsx.escape import ESCAPES
from exportapp.xlsx.estimate import measure
from exportapp.xlsx.facts import column_facts
from tests.xlsx.books import CellColumn

TEXTS = st.lists(st.none() | st.text(st.sampled_from("a& <>é漢\n"), max_size=6), max_size=8)
WIDE = st.lists(st.none() | st.text(st.sampled_from("aé漢😀"), max_size=9), min_size=1, max_size=6)


@pytest.mark.parametrize("storage", [pa.string(), pa.large_string()])
@given(texts=TEXTS, start=st.integers(0, 8), count=st.integers(0, 8))
def test_any_slice_of_any_array_is_looked_at_text_by_text(storage, texts, start, count):
    array, texts = pa.array(texts, storage)[start:][:count], texts[start:][:count]
    written = [
        text and text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        for text in texts
    ]
    assert with_entities(array, ESCAPES).to_pylist() == written
    edges = [bool(text) and (text[0] == " " or text[-1] == " ") for text in texts]
    assert at_an_edge(array, " ").tolist() == edges


@given(WIDE, WIDE)
def test_the_widest_of_all_batches_is_found_whatever_came_before(one, other):
    columns = [CellColumn(kind=Kind.TEXT)]
    known = [ColumnFacts(distinct=None)]
    for texts in (one, other):
        batch = pa.record_batch([pa.array(texts, pa.string())], ["text"])
        found, _ = measure(batch, columns, known)
        known = [before.merge(new) for before, new in zip(known, found, strict=True)]
    whole = column_facts(pa.array([*one, *other], pa.string()), Kind.TEXT)
    assert known[0].width == whole.width
    assert whole.width == max(
        sum(1 + (letter in "漢😀") for letter in text or "") for text in one + other
    )
