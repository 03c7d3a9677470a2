"""A developer's workbook as the beginning: what stays, what is refused."""

from __future__ import annotations

import io
from zipfile import ZipFile

import openpyxl
import pytest
from openpyxl.comments import Comment
from openpyxl.drawing.image import Image as Picture
from openpyxl.formatting.rule import ColorScaleRule
from openpyxl.styles import Font, NamedStyle, PatternFill
from openpyxl.worksheet.table import Table
from PIL import Image

from exportapp.xlsx import (
    SheetPlan,
    StringsPlan,
    XlsxError,
    build_skeleton,
    style_indexes,
    template,
)
from tests.xlsx.books import COLUMNS
from tests.xlsx.packing import book_of, filled

TWO = (SheetPlan("Orders", 5), SheetPlan("Orders 2", 5))


def saved(change=None):
    """A template with a cover and a data sheet called Orders, as bytes."""
    book = openpyxl.Workbook()
    cover = book.active
    cover.title = "Cover"
    cover["A1"] = "ACME"
    cover["A1"].font = Font(size=30, color="FF0000")
    cover["A2"] = "=COUNTA(Orders!A:A)-1"
    cover["A3"] = 0.5
    cover["A3"].number_format = "0.0%"
    book.add_named_style(NamedStyle("House", font=Font(italic=True)))
    cover["A4"].style = "House"
    orders = book.create_sheet("Orders")
    for column in range(1, 10):
        cell = orders.cell(1, column, f"Heading {column}")
        cell.fill = PatternFill("solid", fgColor="00FF00")
    orders.column_dimensions["A"].width = 44
    orders.print_title_rows = "1:1"
    orders.freeze_panes = "B2"
    scale = ColorScaleRule(
        start_type="min", start_color="FFFFFF", end_type="max", end_color="AA0000"
    )
    orders.conditional_formatting.add("D2:D1048576", scale)
    if change:
        change(book)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def with_part(name, data=b"<x/>"):
    out = io.BytesIO(saved())
    with ZipFile(out, "a") as archive:
        archive.writestr(name, data)
    return out.getvalue()


def test_the_sheets_and_styles_of_a_template_stay():
    book = book_of(template=saved())
    cover = book["Cover"]
    assert book.sheetnames == ["Cover", "Orders"]
    assert cover["A1"].value == "ACME"
    assert (cover["A1"].font.size, cover["A1"].font.color.rgb) == (30, "00FF0000")
    assert cover["A2"].value == "=COUNTA(Orders!A:A)-1"
    assert cover["A3"].number_format == "0.0%"
    assert cover["A4"].style == "House"
    assert cover["A4"].font.italic


def test_its_data_sheet_takes_the_rows_below_its_own_header():
    sheet = book_of(template=saved())["Orders"]
    assert [cell.value for cell in sheet[1]] == [column.title for column in COLUMNS]
    assert {cell.fill.fgColor.rgb for cell in sheet[1]} == {"0000FF00"}
    assert sheet.column_dimensions["A"].width == 44
    assert sheet.column_dimensions["B"].width == 30
    assert (sheet.freeze_panes, sheet.print_title_rows) == ("B2", "$1:$1")
    assert sheet.auto_filter.ref == "A1:G6"
    assert [row[0].value for row in sheet.iter_rows(min_row=2)] == [1, 2, 3, 4, 5]
    assert len(list(sheet.conditional_formatting)) == 1


def test_the_rows_have_the_styles_of_their_columns_whatever_the_template_has():
    sheet = book_of(template=saved())["Orders"]
    formats = [(cell.number_format, cell.alignment.horizontal) for cell in sheet[2]]
    assert formats == [column.style for column in COLUMNS]
    assert style_indexes(COLUMNS) == [0, 0, 2, 0, 3, 4, 5]


def test_the_next_data_sheets_are_copies_beside_it():
    book = book_of(*TWO, template=saved(lambda book: book.create_sheet("Legend")))
    assert book.sheetnames == ["Cover", "Orders", "Orders 2", "Legend"]
    copy = book["Orders 2"]
    assert [cell.value for cell in copy[1]] == [column.title for column in COLUMNS]
    assert {cell.fill.fgColor.rgb for cell in copy[1]} == {"0000FF00"}
    assert (copy.freeze_panes, copy.print_title_rows) == ("B2", "$1:$1")
    assert copy.column_dimensions["A"].width == 44
    assert len(list(copy.conditional_formatting)) == 1


def test_without_a_data_sheet_of_its_own_sheets_are_added_behind():
    book = book_of(*TWO, template=saved(lambda book: book.remove(book["Orders"])))
    assert book.sheetnames == ["Cover", "Orders", "Orders 2"]
    assert book["Orders"].freeze_panes == "A2"
    assert book["Orders"]["A1"].font.bold


def test_a_template_can_be_a_file_and_gives_the_same_bytes(tmp_path):
    path = tmp_path / "house.xlsx"
    path.write_bytes(saved())
    one, two = (filled(template=each).getvalue() for each in (path, path.read_bytes()))
    assert one == two


def test_pictures_of_a_template_stay():
    def add(book):
        Image.new("RGB", (9, 9)).save(logo := io.BytesIO(), "PNG")
        book["Cover"].add_image(Picture(logo), "C3")
        book["Cover"]["A1"].comment = Comment("mind this", "Ada")

    cover = book_of(template=saved(add))["Cover"]
    assert len(cover._images) == 1
    assert cover["A1"].comment.text == "mind this"


def test_columns_that_excel_keeps_as_one_are_told_apart():
    def group(book):
        entries = book["Orders"].column_dimensions
        del entries["A"]
        entries["B"].min, entries["B"].max, entries["B"].width = 2, 16_384, 21

    sheet = book_of(template=saved(group))["Orders"]
    widths = {letter: sheet.column_dimensions[letter].width for letter in "ABCGH"}
    assert widths == {"A": 12, "B": 21, "C": 21, "G": 21, "H": 21}
    assert (sheet.column_dimensions["H"].min, sheet.column_dimensions["H"].max) == (8, 16_384)


def test_blank_cells_below_the_header_are_no_obstacle():
    def paint(book):
        book["Orders"]["A7"].fill = PatternFill("solid", fgColor="00FF00")
        book["Orders"].row_dimensions[9].height = 50

    sheet = book_of(template=saved(paint))["Orders"]
    assert [row[0].value for row in sheet.iter_rows(min_row=2)] == [1, 2, 3, 4, 5]


def test_texts_of_a_template_are_shared_where_those_of_rows_are():
    skeleton = build_skeleton(
        COLUMNS, [SheetPlan("Orders", 5)], properties={}, template=saved(), strings=StringsPlan()
    )
    assert all(b"inlineStr" not in part.data for part in skeleton.parts)
    book = book_of(template=saved(), strings=StringsPlan())
    assert book["Cover"]["A1"].value == "ACME"
    assert book["Orders"]["G1"].value == "Created"


def set_value(book):
    book["Orders"]["B3"] = "already here"


def add_table(book):
    book["Orders"].add_table(Table(displayName="Sales", ref="A1:I2"))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (set_value, "'Orders' has a value in row 3"),
        (add_table, "'Orders' has a table .Sales."),
        (lambda book: book["Orders"].merge_cells("A1:B1"), "merged cells .A1:B1."),
        (lambda book: book.create_sheet("orders 2"), "has a sheet 'Orders 2'"),
    ],
)
def test_a_data_sheet_without_place_for_rows_is_refused(change, reason):
    with pytest.raises(XlsxError, match=reason):
        build_skeleton(COLUMNS, TWO, properties={}, template=saved(change))


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("xl/vbaProject.bin", b"", "macros .'xl/vbaProject.bin'."),
        ("xl/ctrlProps/ctrlProp1.xml", b"", "form controls"),
        ("xl/slicers/slicer1.xml", b"", "slicers"),
        ("xl/connections.xml", b"", "data connections"),
        ("xl/threadedComments/threadedComment1.xml", b"", "threaded comments"),
        ("xl/embeddings/oleObject1.bin", b"", "embedded objects"),
        ("xl/diagrams/data1.xml", b"", "diagrams"),
        ("xl/drawings/drawing7.xml", b'<xdr:wsDr><xdr:sp macro="">', "shapes"),
    ],
)
def test_what_would_be_lost_is_refused_by_name(name, data, reason):
    with pytest.raises(XlsxError, match=reason):
        build_skeleton(COLUMNS, TWO, properties={}, template=with_part(name, data))


def test_what_openpyxl_warns_of_is_refused():
    out = io.BytesIO()
    with ZipFile(io.BytesIO(saved())) as good, ZipFile(out, "w") as newer:
        for name in good.namelist():
            data = good.read(name)
            if name == "xl/worksheets/sheet1.xml":
                extension = (
                    b'<extLst><ext xmlns:x14="http://schemas.microsoft.com/office/spreadsheetml/'
                    b'2009/9/main" uri="{CCE6A557-97BC-4B89-ADB6-D9C93CAAB3DF}"/></extLst>'
                )
                data = data.replace(b"</worksheet>", extension + b"</worksheet>")
            newer.writestr(name, data)
    with pytest.raises(XlsxError, match="Data Validation extension"):
        build_skeleton(COLUMNS, TWO, properties={}, template=out.getvalue())


def test_pictures_are_refused_where_pillow_is_missing(monkeypatch):
    monkeypatch.setattr(template, "PILImage", False)
    with pytest.raises(XlsxError, match="Pillow"):
        build_skeleton(COLUMNS, TWO, properties={}, template=with_part("xl/media/image1.png"))


@pytest.mark.parametrize("data", [b"", b"no zip", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_workbook_is_refused(data):
    with pytest.raises(XlsxError, match=r"no \.xlsx workbook"):
        template.open_template(data)
