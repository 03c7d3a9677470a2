"""Cells without references and texts that are shared: what they look like, and that they say
the same."""

from __future__ import annotations

import io
import re
from datetime import date
from zipfile import ZipFile

import openpyxl
import pyarrow as pa
import pytest
import python_calamine
from hypothesis import given, settings
from hypothesis import strategies as st

from exportapp.xlsx import (
    CellColumn,
    Kind,
    PackageWriter,
    StringPool,
    XlsxError,
    cells,
    render_rows,
    write_blanks,
)
from exportapp.xlsx.strings import SST_HEAD, STRINGS
from tests.xlsx.books import CELLS, KINDS, orders
from tests.xlsx.modes import MODES, Mode, write_in

FEW = st.sampled_from(["new", "paid", " x ", "a & b", "_x0041_", "漢字\r\n", "", "\x00"])
VALUES = {
    Kind.TEXT: (pa.string(), FEW | st.text(max_size=8)),
    Kind.INTEGER: (pa.int64(), st.integers(-(2**63), 2**63 - 1) | st.integers(-9, 9)),
    Kind.DECIMAL: (pa.string(), st.sampled_from(["1.50", "NaN", "1234567890123456.5", "-0.01"])),
    Kind.FLOAT: (pa.float64(), st.floats(width=16)),
    Kind.BOOLEAN: (pa.bool_(), st.booleans()),
    Kind.DATE: (pa.date32(), st.dates() | st.just(date(1900, 2, 28))),
}
RECORD = st.tuples(*(st.none() | values for _, values in VALUES.values()), st.none() | FEW)
KINDS_OF_RECORD = [*VALUES, Kind.TEXT]


def batch_of(records):
    storages = [*(storage for storage, _ in VALUES.values()), pa.string()]
    arrays = [
        pa.array([record[n] for record in records], storage) for n, storage in enumerate(storages)
    ]
    return pa.record_batch(arrays, names=[str(n) for n in range(len(arrays))])


def by_calamine(book):
    read = python_calamine.CalamineWorkbook.from_filelike(book)
    return repr(read.get_sheet_by_name("Sheet").to_python())


def by_openpyxl(book):
    rows = openpyxl.load_workbook(book, read_only=True)["Sheet"].iter_rows(values_only=True)
    # It takes x005F_ out of shared strings, and leaves it in inline ones.
    return repr(list(rows)).replace("x005F_", "")


@settings(max_examples=60, deadline=None)
@given(shards=st.lists(st.lists(RECORD, max_size=8), min_size=1, max_size=4))
def test_every_mode_says_the_same_whatever_the_values_and_the_cut_into_shards(shards):
    shards = [batch_of(records) for records in shards]
    whole = pa.Table.from_batches(shards).combine_chunks().to_batches() or shards[:1]
    inline = write_in(Mode(), KINDS_OF_RECORD, whole[:1])
    meant = by_calamine(inline), by_openpyxl(inline)
    for mode in MODES:
        book = write_in(mode, KINDS_OF_RECORD, shards)
        assert (by_calamine(book), by_openpyxl(book)) == meant, mode
        assert ZipFile(book).testzip() is None


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_the_same_rows_make_the_same_bytes_in_every_mode(mode):
    one, two = (write_in(mode, KINDS, [orders(1, 30), orders(31, 9)]) for _ in range(2))
    assert one.getvalue() == two.getvalue()


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_no_part_is_declared_that_is_not_there(mode):
    archive = ZipFile(write_in(mode, KINDS, [orders(1, 30)]))
    types = archive.read("[Content_Types].xml").decode()
    related = archive.read("xl/_rels/workbook.xml.rels").decode()
    names = set(archive.namelist())
    assert set(re.findall(r'PartName="/([^"]+)"', types)) <= names
    assert set(re.findall(r'Target="/([^"]+)"', related)) <= names
    assert (STRINGS in names) is ("sharedStrings" in types) is ("sharedStrings" in related)
    assert (STRINGS in names) is (mode.strings != "inline")


def test_without_references_a_null_keeps_the_place_of_its_column():
    batch = pa.record_batch(
        [pa.array([None, "x"]), pa.array([True, None]), pa.array([None, ""])], names=["a", "b", "c"]
    )
    columns = [
        CellColumn(kind=Kind.TEXT, style=3),
        CellColumn(kind=Kind.BOOLEAN),
        CellColumn(kind=Kind.TEXT, style=5),
    ]
    assert str(render_rows(batch, columns, 99, references=False), "utf-8") == (
        '<row r="99"><c/><c t="b"><v>1</v></c><c/></row>'
        '<row r="100"><c s="3" t="inlineStr"><is><t>x</t></is></c><c/><c/></row>'
    )


@pytest.mark.parametrize("references", [True, False])
def test_only_rows_carry_references_where_cells_do_not(references):
    xml = bytes(render_rows(orders(1, 5), CELLS, 2, references=references))
    assert re.findall(rb'<row r="(\d+)">', xml) == [b"2", b"3", b"4", b"5", b"6"]
    assert bool(re.search(rb"<c [^>]*r=", xml)) is references


def test_texts_of_a_table_are_its_numbers_from_the_first_on():
    column = CellColumn(kind=Kind.TEXT, style=4, shared=True, table=("new", "paid"), first_string=7)
    array = pa.array(["paid", None, "", "new", "paid"])
    batch = pa.record_batch([array], names=["status"])
    assert re.findall(rb"<c .*?</c>", render_rows(batch, [column], 2)) == [
        b'<c r="A2" s="4" t="s"><v>8</v></c>',
        b'<c r="A5" s="4" t="s"><v>7</v></c>',
        b'<c r="A6" s="4" t="s"><v>8</v></c>',
    ]
    dictionary = pa.record_batch([array.dictionary_encode()], names=["status"])
    assert render_rows(dictionary, [column], 2) == render_rows(batch, [column], 2)


def test_a_text_that_its_table_lacks_is_refused_and_not_left_out():
    column = CellColumn(kind=Kind.TEXT, shared=True, table=("new",))
    batch = pa.record_batch([pa.array(["new", "lost"])], names=["status"])
    with pytest.raises(XlsxError, match="no 'lost'"):
        render_rows(batch, [column], 2)


def test_shared_texts_without_a_pool_are_refused():
    with pytest.raises(XlsxError, match="no pool"):
        render_rows(
            pa.record_batch([pa.array(["a"])], names=["a"]),
            [CellColumn(kind=Kind.TEXT, shared=True)],
            2,
        )


def pooled(pool):
    """The part that a pool's texts make alone."""
    out = io.BytesIO()
    with PackageWriter(out) as package, package.sheet(STRINGS) as part:
        part.write(SST_HEAD)
        span = pool.write_to(part)
    return ZipFile(out).read(STRINGS).removeprefix(SST_HEAD).decode(), span


def test_a_pool_numbers_texts_column_by_column_and_writes_each():
    batch = pa.record_batch(
        [pa.array(["a", None, " b"]), pa.array([1, 10**15, None]), pa.array(["<", "", "_x0041_"])],
        names=["a", "b", "c"],
    )
    columns = [
        CellColumn(kind=Kind.TEXT, shared=True),
        CellColumn(kind=Kind.INTEGER, shared=True, as_text=True),
        CellColumn(kind=Kind.TEXT, shared=True),
    ]
    pool = StringPool(10)
    xml = bytes(render_rows(batch, columns, 2, pool=pool))
    cells = re.findall(rb'r="(\w+)" t="s"><v>(\d+)<', xml)
    items, span = pooled(pool)
    assert cells == [
        (b"A2", b"10"),
        (b"B2", b"12"),
        (b"C2", b"14"),
        (b"B3", b"13"),
        (b"A4", b"11"),
        (b"C4", b"15"),
    ]
    assert items == (
        '<si><t>a</t></si><si><t xml:space="preserve"> b</t></si><si><t>1</t></si>'
        "<si><t>1000000000000000</t></si><si><t>&lt;</t></si><si><t>_x005F_x0041_</t></si>"
    )
    assert (span.rows, pool.count) == (6, 6)


def test_what_is_no_number_or_date_is_a_text_of_its_own_beside_shared_ones():
    batch = pa.record_batch([pa.array([float("nan")]), pa.array([date.min])], names=["a", "b"])
    columns = [
        CellColumn(kind=Kind.FLOAT, shared=True),
        CellColumn(kind=Kind.DATE, style=2, shared=True),
    ]
    pool = StringPool(0)
    assert bytes(render_rows(batch, columns, 2, pool=pool)) == (
        b'<row r="2"><c r="A2" t="str"><v>NaN</v></c>'
        b'<c r="B2" s="2" t="str"><v>0001-01-01</v></c></row>'
    )
    assert pool.count == 0


def test_a_batch_too_large_for_one_join_numbers_on(monkeypatch):
    columns = [CellColumn(kind=Kind.TEXT, shared=True)]
    batch = pa.record_batch([pa.array([str(n) for n in range(100)])], names=["a"])
    pools = [StringPool(0), StringPool(0)]
    whole = bytes(render_rows(batch, columns, 2, pool=pools[0]))
    monkeypatch.setattr(cells, "MAX_JOIN_BYTES", 2_000)
    assert bytes(render_rows(batch, columns, 2, pool=pools[1])) == whole
    assert pooled(pools[0])[0] == pooled(pools[1])[0]


def test_blanks_hold_any_number_of_places_in_few_bytes():
    out, count = io.BytesIO(), 3 * 2**16 + 7
    with PackageWriter(out) as package, package.sheet("a.xml") as part:
        write_blanks(part, count)
    assert ZipFile(out).read("a.xml") == b"<si><t/></si>" * count
    assert len(out.getvalue()) < 20_000
