"""Which tests have their lines counted: nearly all that run in one process.

To count doubles the processor time of a test, since Python calls a function at each line of Django
as well. Searches for examples and what is asked of the whole package go through lines again and
again that the tests of each part have reached, and what a test starts is not counted at all.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Final

import pytest
from coverage import Coverage

NOT_COUNTED: Final = (
    "tests/security/",
    "tests/api/test_schemathesis.py",
    "tests/exports/test_sheets_kept.py",
)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    coverage = Coverage.current()
    if coverage is None or is_counted(item):
        return (yield)
    coverage.stop()
    try:
        return (yield)
    finally:
        coverage.start()


def is_counted(item: pytest.Item) -> bool:
    searches = getattr(getattr(item, "function", None), "is_hypothesis_test", False)
    return not searches and not item.nodeid.startswith(NOT_COUNTED)
