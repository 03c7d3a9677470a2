"""What no package holds: four GiB, too many parts, two of one name, other pieces than were told."""

from __future__ import annotations

import io

import pytest

from exportapp.xlsx import (
    LimitExceeded,
    PackageWriter,
    Span,
    XlsxError,
    package,
    pressed,
)


def test_a_sheet_over_four_gib_is_refused_before_a_byte_of_it_is_copied(shards):
    file, span = shards[0]
    huge = Span(span.offset, span.size, 2**32, span.crc, span.rows)
    target = io.BytesIO()
    with (
        pytest.raises(LimitExceeded, match=r"'a\.xml' would pass 4 GiB"),
        PackageWriter(target) as book,
        book.sheet("a.xml") as sheet,
    ):
        before = target.tell()
        sheet.splice(file, huge)
    assert target.tell() == before


def test_a_package_over_four_gib_is_refused(tmp_path):
    with (tmp_path / "sparse").open("w+b") as target:
        target.seek(2**32 - 2**10)
        with (
            pytest.raises(LimitExceeded, match="4 GiB"),
            PackageWriter(target) as book,
            book.sheet("a.xml") as sheet,
        ):
            sheet.write(b"x")


def test_a_directory_over_four_gib_is_refused(monkeypatch):
    monkeypatch.setattr(package, "MAX_ZIP_OFFSET", 50)
    monkeypatch.setattr(package, "_MARGIN", 0)
    with (
        pytest.raises(LimitExceeded, match="4 GiB"),
        PackageWriter(io.BytesIO()) as book,
    ):
        book.add("a", b"x")


def test_too_many_parts_are_refused(monkeypatch):
    monkeypatch.setattr(package, "MAX_ZIP_MEMBERS", 1)
    with (
        pytest.raises(LimitExceeded, match="at most 1 parts"),
        PackageWriter(io.BytesIO()) as book,
    ):
        book.add("a", b"x")
        book.add("b", b"x")


def test_two_parts_of_one_name_are_refused():
    with (
        pytest.raises(XlsxError, match=r"'a\.xml'"),
        PackageWriter(io.BytesIO()) as book,
    ):
        book.add("a.xml", b"x")
        book.add("a.xml", b"y")


def test_a_part_that_gets_other_pieces_than_it_was_told_is_refused():
    (source, span), out = pressed(b"<a>"), io.BytesIO()
    with (
        pytest.raises(XlsxError, match=r"'x\.xml' has other pieces"),
        PackageWriter(out) as target,
        target.sheet("x.xml", [span, span]) as part,
    ):
        part.splice(source, span)


def test_pieces_over_four_gib_are_refused_before_a_header_is_written():
    out = io.BytesIO()
    half = Span(offset=0, size=10, raw_size=2**31, crc=0, rows=1)
    with (
        pytest.raises(LimitExceeded, match="would pass 4 GiB"),
        PackageWriter(out) as target,
        target.sheet("x.xml", [half, half]),
    ):
        pass
    assert not out.getvalue()
