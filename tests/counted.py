"""Which tests have their lines counted: those that say something new about lines.

To count doubles the processor time of a test, since Python calls a function at each line of Django
as well. So it is done where a line is reached first: by the tests of what makes rows and bytes, and
by the first case of every other. More cases, searches for examples and what is asked of the whole
package (tests/security) go through the same lines again, and processes are not counted either.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Final

import pytest
from coverage import Coverage

EVERY_CASE: Final = ("flat/", "tables/", "xlsx/", "test_")
NONE: Final = ("security/", "api/test_schemathesis.py")


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
    path = item.nodeid.removeprefix("tests/")
    if path.startswith(NONE) or getattr(item.function, "is_hypothesis_test", False):  # type: ignore[attr-defined]
        return False
    case = getattr(item, "callspec", None)
    return path.startswith(EVERY_CASE) or case is None or not any(case.indices.values())
