"""Sheet titles and errors."""

from __future__ import annotations

import io
import warnings

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exportapp.xlsx import LimitExceeded, XlsxError, sheet_title


@pytest.mark.parametrize(
    ("wanted", "taken", "title"),
    [
        ("Orders", [], "Orders"),
        ("Orders", ["ORDERS"], "Orders (2)"),
        ("Orders", ["orders", "Orders (2)"], "Orders (3)"),
        ("History", [], "History (2)"),
        ("a/b:c?d", [], "a b c d"),
        ("'quoted'", [], "quoted"),
        ("it's", [], "it's"),
        ("", [], "Sheet"),
        (" []* ", ["Sheet"], "Sheet (2)"),
        ("x" * 40, [], "x" * 31),
        ("x" * 40, ["x" * 31], "x" * 27 + " (2)"),
        ("😀" * 16, [], "😀" * 15),
        ("a" * 30 + "'b", [], "a" * 30),
    ],
)
def test_a_title_is_made_fit_for_excel(wanted, taken, title):
    assert sheet_title(wanted, taken) == title


@given(st.text(), st.lists(st.text(), max_size=4))
def test_any_title_is_legal_and_new(wanted, others):
    taken: list[str] = []
    for text in [*others, wanted]:
        taken.append(sheet_title(text, taken))
    assert len({title.casefold() for title in taken}) == len(taken)
    for title in taken:
        assert 0 < len(title.encode("utf-16-le")) <= 62
        assert title.strip("'") == title
        assert not set(title) & set("[]:*?/\\")


def test_a_made_title_pleases_openpyxl():
    book = openpyxl.Workbook()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        book.worksheets[0].title = sheet_title("Orders: 2026/01 [all]? " * 3, [])
    book.save(io.BytesIO())


def test_a_limit_is_an_overflow_and_an_xlsx_error():
    assert issubclass(LimitExceeded, OverflowError)
    assert issubclass(LimitExceeded, XlsxError)


@pytest.mark.parametrize("error", [XlsxError, LimitExceeded])
def test_an_error_without_words_says_its_sentence(error):
    assert str(error()) == error.__doc__
