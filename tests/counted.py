"""Which tests have their lines counted: those that reach, together, nearly all there are.

To count doubles the processor time of a test, since Python calls a function at each line of Django
as well. Most tests go through the lines of others again, with other values or in another order:
those of the files here reach seven in a thousand that no counted one does, and take more than half
of the time. What a test starts is not counted at all.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Generator
from typing import Final

import pytest
from coverage import Coverage
from coverage.exceptions import CoverageWarning

NOT_COUNTED: Final = {
    "": "catalogues docker house packaging run states",
    "admin": "languages notices page_templates rights watching",
    "api": (
        "asking broken_downloads download exports options polling rights schema schemathesis "
        "stream_servers"
    ),
    "client": "snippet",
    "exports": "hidden_rows sheets sheets_asked sheets_kept workers",
    "flat": "envelope",
    "jobs": (
        "canonical costs errors_of_a_disk formats lifecycle look manifest modes progress proof "
        "reconcile requests stream stream_sent transfer transfer_ranges work work_bad_values "
        "work_damaged work_ended_early"
    ),
    "management": "export_excel size",
    "tables": "columns_fuzz effort gallery keyset_keys",
    "xlsx": "effort estimate facts merge modes values",
    "security": "",
}
"""Words of the names of files, by folder; none where the whole folder is meant."""

PATHS: Final = tuple(
    "/".join(filter(None, ("tests", folder, name and f"test_{name}.py")))
    for folder, names in NOT_COUNTED.items()
    for name in names.split(" ")
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
        _start(coverage)


def _start(coverage: Coverage) -> None:
    """Count again, without what each start does to the process besides.

    It would have all that is started from now on counted, and put another layer around the exit.
    """
    leave, name = os._exit, "COVERAGE_PROCESS_CONFIG"
    before = os.environ.get(name)
    with warnings.catch_warnings():
        # Where one process does all, it says that what it measures was imported before.
        warnings.simplefilter("ignore", CoverageWarning)
        coverage.start()
    os._exit = leave
    if before is None:
        os.environ.pop(name, None)


def is_counted(item: pytest.Item) -> bool:
    searches = getattr(getattr(item, "function", None), "is_hypothesis_test", False)
    return not searches and not item.nodeid.startswith(PATHS)
