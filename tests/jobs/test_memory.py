"""What a process that exports asks the system for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

LARGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")

TOUCHED = """
import resource, sys
import pyarrow
from exportapp.jobs.memory import keep_memory

pyarrow.array([""])  # imports what is there

if sys.argv[1] == "kept":
    keep_memory()

def touch():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    kept = [pyarrow.array(b"x" * 2**20 for _ in range(8)) for _ in range(4)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

print(touch(), touch())
"""


def faults(how: str) -> list[int]:
    """Page faults of filling 32 MiB for the first and for the second time."""
    command = [sys.executable, "-c", TOUCHED, how]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    return [int(number) for number in said.split()]


@pytest.mark.skipif(
    not LARGE_PAGES.exists() or "[never]" in LARGE_PAGES.read_text(),
    reason="this system has no large pages",
)
def test_buffers_are_given_out_in_large_pages_and_used_again() -> None:
    first, second = faults("kept")
    small_pages = 32 * 2**20 // 4096
    assert first < small_pages / 2 and second < small_pages / 4, (first, second)
    # The same without: the test would see it.
    assert faults("as it is")[0] > small_pages * 3 / 4
