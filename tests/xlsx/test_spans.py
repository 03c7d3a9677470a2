"""Pieces of DEFLATE that may follow one another, and their CRCs."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zlib
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from isal import isal_zlib

from exportapp.xlsx import Span, SpanWriter
from exportapp.xlsx.crc import crc32_combine
from exportapp.xlsx.deflate import END_OF_STREAM

PIECES = st.lists(st.lists(st.binary(max_size=300), max_size=4), min_size=1, max_size=6)
RAW = -zlib.MAX_WBITS


def write_spans(out, pieces, level=1):
    spans = []
    for batches in pieces:
        writer = SpanWriter(out, level)
        for batch in batches:
            writer.write(batch)
        spans.append(writer.end(len(batches)))
    return spans


def bytes_of(out, span):
    return out.getvalue()[span.offset : span.offset + span.size]


@given(PIECES, st.sampled_from([0, 1, 2, 3]))
def test_spans_in_any_order_are_one_stream_for_another_inflater(pieces, level):
    out = io.BytesIO()
    spans = write_spans(out, pieces, level)
    stream = b"".join(bytes_of(out, span) for span in reversed(spans)) + END_OF_STREAM
    inflater = zlib.decompressobj(RAW)
    assert inflater.decompress(stream) == b"".join(b"".join(b) for b in reversed(pieces))
    assert inflater.eof
    assert inflater.unused_data == b""


@given(PIECES)
def test_a_span_tells_where_it_lies_and_what_it_holds(pieces):
    out = io.BytesIO()
    out.write(b"before")
    spans = write_spans(out, pieces)
    assert spans[0].offset == 6
    assert all(one.offset + one.size == two.offset for one, two in pairwise(spans))
    for span, batches in zip(spans, pieces, strict=True):
        raw = b"".join(batches)
        assert zlib.decompressobj(RAW).decompress(bytes_of(out, span)) == raw
        assert (span.raw_size, span.crc, span.rows) == (
            len(raw),
            zlib.crc32(raw),
            len(batches),
        )


def test_equal_input_gives_equal_bytes():
    one, two = io.BytesIO(), io.BytesIO()
    batches = [bytes(range(256)) * 500, b"abc" * 9000]
    assert write_spans(one, [batches]) == write_spans(two, [batches])
    assert one.getvalue() == two.getvalue()


def test_a_span_survives_json():
    span = Span(offset=2**33, size=1, raw_size=2, crc=2**32 - 1, rows=7)
    assert Span.from_json(json.loads(json.dumps(span.to_json()))) == span


@given(st.binary(), st.binary())
def test_two_crcs_combine_into_that_of_both(first, second):
    combined = crc32_combine(zlib.crc32(first), zlib.crc32(second), len(second))
    assert combined == zlib.crc32(first + second)


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**33))
def test_crcs_combine_like_isals_whatever_the_length(first, second, length):
    assert crc32_combine(first, second, length) == isal_zlib.crc32_combine(first, second, length)


def test_zlib_serves_where_isal_is_not_installed():
    script = """
import io, sys, zlib
sys.modules["isal"] = None
from exportapp.xlsx import SpanWriter
from exportapp.xlsx.deflate import crc32_combine
out = io.BytesIO()
writer = SpanWriter(out, 9)
writer.write(b"abc" * 1000)
span = writer.end()
assert zlib.decompressobj(-15).decompress(out.getvalue()) == b"abc" * 1000
assert span.crc == zlib.crc32(b"abc" * 1000)
assert crc32_combine(zlib.crc32(b"a"), zlib.crc32(b"b"), 1) == zlib.crc32(b"ab")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
