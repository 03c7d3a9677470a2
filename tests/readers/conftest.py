from __future__ import annotations

from functools import cache

import pytest

from tests.readers.files import make_files
from tests.readers.readers import LIBREOFFICE, MISSING, READERS, VALIDATOR
from tests.services import ON_SQLITE

collect_ignore = [] if LIBREOFFICE else ["test_printing.py"]
collect_ignore += [] if VALIDATOR else ["test_schema.py"]
# The files are the same whatever the database: one run of the readers is enough.
collect_ignore_glob = ["test_*.py"] if ON_SQLITE else []


@pytest.fixture(scope="session")
def files(django_db_setup, django_db_blocker, tmp_path_factory):
    """Made once: nothing of it stays in the database for other tests to see."""
    with django_db_blocker.unblock():
        return make_files(tmp_path_factory.mktemp("readers"))


@pytest.fixture(scope="session")
def read(files, tmp_path_factory):
    """`read("calamine")`: the books in `files` as that reader sees them, read once."""

    @cache
    def books(name):
        return READERS[name].read(list(files), tmp_path_factory.mktemp("made"))

    return books


def pytest_terminal_summary(terminalreporter):
    if MISSING and not ON_SQLITE:
        terminalreporter.section("READERS LEFT OUT", red=True)
        terminalreporter.line(", ".join(MISSING), red=True)
        terminalreporter.line("Not installed: run tests/readers/install.", red=True)
