"""What `make test` runs where: a choice that must follow the code."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.counted import PATHS

ROOT = Path(__file__).resolve().parents[1]
RUN = ROOT / "tests" / "run"

ASKS_OR_LOCKS = re.compile(
    r"\.vendor|\.features\.|sqlite|select_for_update|\.cursor\(|interrupt\(", re.IGNORECASE
)
"""What reads in the code of a module that is not the same on every database."""

TESTED_BY = {
    "jobs/consistency.py": "tests/jobs/test_consistency_refused.py",
    "jobs/errortable.py": "tests/jobs/test_errors.py",
    "jobs/exclusive.py": "tests/jobs/test_upkeep_turns.py",
    "jobs/journal.py": "tests/jobs/test_journal.py",
    "jobs/phases.py": "tests/jobs/test_work.py",
    "jobs/pulse.py": "tests/jobs/test_pulse.py",
    "jobs/room.py": "tests/api/test_limits.py",
    "jobs/snapshot.py": "tests/jobs/test_snapshot_of_error.py",
    "jobs/startover.py": "tests/jobs/test_consistency_startover.py",
    "jobs/stop.py": "tests/jobs/test_stream_sent.py",
    "jobs/verdicts.py": "tests/jobs/test_errors_of_a_database.py",
    "models/shard.py": "tests/jobs/test_leases.py",
    "tables/copyable.py": "tests/tables/test_copyable.py",
    "tables/counting.py": "tests/tables/test_wording.py",
    "tables/moments.py": "tests/tables/test_moments.py",
    "tables/ordering.py": "tests/tables/test_keyset_orders.py",
    "tables/scan.py": "tests/tables/test_readers.py",
    "tables/text.py": "tests/tables/test_convert.py",
}
ONLY_POSTGRESQL = {"tables/copyout.py", "tables/snapshots.py"}
"""COPY, and snapshots that one connection hands to another."""


def on_sqlite() -> set[str]:
    """The files and folders of the run on SQLite, as the shell reads them."""
    found = re.search(r"^on_sqlite=\(.*?^\)$", RUN.read_text(), re.MULTILINE | re.DOTALL)
    assert found
    script = f"{found[0]}; printf '%s\\n' \"${{on_sqlite[@]}}\""
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_what_is_run_on_sqlite_is_there() -> None:
    assert [path for path in on_sqlite() if not (ROOT / path).exists()] == []


def test_what_is_not_counted_is_there() -> None:
    assert [path for path in PATHS if not (ROOT / path).exists()] == []


def test_what_depends_on_the_database_is_run_on_sqlite_too() -> None:
    package = ROOT / "exportapp"
    depends = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if "migrations" not in path.parts and ASKS_OR_LOCKS.search(path.read_text())
    }
    assert depends - ONLY_POSTGRESQL == TESTED_BY.keys()
    assert set(TESTED_BY.values()) <= on_sqlite()
