from __future__ import annotations

from functools import cache, partial

import pytest

from tests.readers.files import make_files
from tests.readers.readers import LIBREOFFICE, MISSING, READERS, VALIDATOR
from tests.services import ON_SQLITE

collect_ignore = [] if LIBREOFFICE else ["test_printing.py"]
collect_ignore += [] if VALIDATOR else ["test_schema.py"]
# The files are the same whatever the database: one run of the readers is enough.
collect_ignore_glob = ["test_*.py"] if ON_SQLITE else []


@pytest.fixture(scope="session")
def files_in(django_db_setup, django_db_blocker, tmp_path_factory):
    """`files_in("compact")`: made once; nothing of it stays in the database for other tests."""

    @cache
    def made(mode):
        with django_db_blocker.unblock():
            return make_files(tmp_path_factory.mktemp(mode), mode)

    return made


@pytest.fixture(scope="session")
def all_read_in(files_in, tmp_path_factory):
    """`all_read_in("compact", "calamine")`: the files of a mode as that reader sees them."""

    @cache
    def books(mode, name):
        return READERS[name].read(list(files_in(mode)), tmp_path_factory.mktemp("made"))

    return books


@pytest.fixture(scope="session")
def read_in(all_read_in):
    """The same without the notes on issues."""

    def books(mode, name):
        found = all_read_in(mode, name)
        return [{title: book[title] for title in book if title != "Notes"} for book in found]

    return books


@pytest.fixture(scope="session")
def files(files_in):
    return files_in("inline")


@pytest.fixture(scope="session")
def read(read_in):
    """`read("calamine")`: the files with inline texts as that reader sees them."""
    return partial(read_in, "inline")


def pytest_terminal_summary(terminalreporter):
    if MISSING and not ON_SQLITE:
        terminalreporter.section("READERS LEFT OUT", red=True)
        terminalreporter.line(", ".join(MISSING), red=True)
        terminalreporter.line("Not installed: run tests/readers/install.", red=True)
