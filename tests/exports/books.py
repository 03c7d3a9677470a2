"""Asking for workbooks of several sheets, and reading them."""

from __future__ import annotations

import openpyxl

from exportapp.jobs import lifecycle
from exportapp.jobs.files import local_path
from exportapp.jobs.work import work
from exportapp.tables.selection import Operator, Selection
from tests.exports.conftest import seen_by

OPERATOR = seen_by(Operator())


def book(since="2023-01-01", **more):
    return Selection(source="order-book", parameters={"since": str(since)}, **more)


BOOK = book()


def asked(selection, viewer=OPERATOR, **options):
    return lifecycle.create(selection, viewer, queue=False, **options)[0]


def done(job):
    work(job.pk)
    job.refresh_from_db()
    assert job.status == "succeeded", (job.error_code, job.error)
    return job


def failed(job):
    work(job.pk)
    job.refresh_from_db()
    assert job.status == "failed"
    return job


def worksheets(job):
    for file in job.files.order_by("number"):
        yield from openpyxl.load_workbook(local_path(file.path)).worksheets


def values(job):
    """The cells of each sheet by its title, headers included."""
    return {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in worksheets(job)}


def styled(job):
    """The cells with their number formats."""
    return {
        sheet.title: [[(cell.value, cell.number_format) for cell in row] for row in sheet.rows]
        for sheet in worksheets(job)
    }
