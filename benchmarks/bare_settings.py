"""For the peers: Django with the benchmark's table and nothing else in memory."""

from __future__ import annotations

from benchmarks import alone
from benchmarks.settings import *  # noqa: F403

alone.hide("numpy")

INSTALLED_APPS = ["benchmarks"]
