"""Workbooks of other forms than ours today: shared strings, no references, other names of parts."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from exportapp.exceptions import FileDamaged
from exportapp.jobs import slices
from exportapp.jobs.slices import read_sheet

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PART = "sharedStrings.xml"

ROWS = [["Number", "Text"], *([n, f"text <{n % 3}> & more"] for n in range(200))]


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """By openpyxl, with the sheet in the middle of three."""
    made = openpyxl.Workbook()
    made.worksheets[0].title = "Cover"
    sheet = made.create_sheet("Rows")
    for row in ROWS:
        sheet.append(row)
    made.create_sheet("Notes")
    path = tmp_path / "book.xlsx"
    made.save(path)
    return path


def rewritten(path: Path, change: Any) -> Path:
    """The same workbook with `change` done to the part of the rows."""
    target = path.with_name("rewritten.xlsx")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as copy:
        for name in source.namelist():
            data = source.read(name)
            copy.writestr(name, change(data) if name.endswith("sheet2.xml") else data)
    return target


def rows_of(path: Path) -> list[list[Any]]:
    return [row for rows in read_sheet(path, "Rows", 2) for row in rows]


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "SLICE", 500)


def with_shared_strings(path: Path) -> Path:
    """The same workbook with its texts in a part of their own."""
    strings: list[str] = []

    def share(found: re.Match[str]) -> str:
        strings.append(f"<si>{found[1]}</si>")
        return f't="s"><v>{len(strings) - 1}</v>'

    target = path.with_name("shared.xlsx")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as copy:
        for name in source.namelist():
            text = source.read(name).decode()
            text = re.sub(r't="inlineStr"><is>(.*?)</is>', share, text)
            relation = f'<Relationship Id="s" Type="{OFFICE}/sharedStrings" Target="{PART}"/>'
            copy.writestr(name, text.replace("</Relationships>", f"{relation}</Relationships>"))
        table = f'<sst xmlns="{MAIN}">{"".join(strings)}</sst>'
        copy.writestr(f"xl/{PART}", table)
    return target


def test_shared_strings_are_read(book: Path) -> None:
    shared = with_shared_strings(book)
    with zipfile.ZipFile(shared) as archive:
        assert b"inlineStr" not in archive.read("xl/worksheets/sheet2.xml")
    assert rows_of(shared) == ROWS


def test_rows_and_cells_without_references_are_read(book: Path) -> None:
    compact = rewritten(book, lambda data: re.sub(rb'\sr="[A-Z]*\d+"', b"", data))
    assert rows_of(compact) == ROWS


def test_a_sheet_that_is_not_there_is_named(book: Path) -> None:
    with pytest.raises(FileDamaged, match="There is no sheet 'Lines'"):
        list(read_sheet(book, "Lines", 2))


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.replace(b"</sheetData>", b""),
        lambda data: data[: len(data) // 2],
        lambda data: data.replace(b"<sheetData>", b"<rows>").replace(b"</sheetData>", b"</rows>"),
        lambda data: data + b"more",
    ],
    ids=["no end", "half", "no rows", "something behind"],
)
def test_a_part_that_is_broken_is_refused(book: Path, change: Any) -> None:
    with pytest.raises(FileDamaged, match="cannot be read back|has no rows"):
        rows_of(rewritten(book, change))


def test_a_bit_that_flipped_is_found(book: Path) -> None:
    stored = rewritten(book, bytes)
    data = bytearray(stored.read_bytes())
    # In a number of the stored sheet: well-formed XML all the same.
    place = data.index(b"<v>150</v>") + 4
    data[place] ^= 1
    stored.write_bytes(data)
    with pytest.raises(FileDamaged, match="Bad CRC-32"):
        rows_of(stored)


def test_what_is_no_zip_at_all_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "no.xlsx"
    path.write_bytes(b"not a zip")
    with pytest.raises(FileDamaged, match=r"no\.xlsx cannot be read back"):
        rows_of(path)
