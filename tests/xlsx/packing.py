"""Skeletons as files, for readers."""

from __future__ import annotations

import io

import openpyxl

from exportapp.xlsx import PackageWriter, SheetPlan, build_skeleton, render_rows
from tests.xlsx.books import CELLS, COLUMNS, orders

PLANS = (SheetPlan("Orders", 5),)


def filled(*plans, **options):
    """A workbook of five orders on each sheet, as bytes in a file."""
    plans = plans or PLANS
    skeleton = build_skeleton(COLUMNS, plans, properties={}, **options)
    out = io.BytesIO()
    with PackageWriter(out) as package:
        for part in skeleton.parts:
            package.add(part.name, part.data)
        for page in skeleton.sheets:
            with package.sheet(page.name) as sheet:
                sheet.write(page.head)
                sheet.rows([render_rows(orders(1, 5), CELLS, 2)], 5)
                sheet.write(page.tail)
        if skeleton.strings:
            package.add(skeleton.strings.name, skeleton.strings.head + skeleton.strings.tail)
    out.seek(0)
    return out


def book_of(*plans, **options):
    return openpyxl.load_workbook(filled(*plans, **options))
