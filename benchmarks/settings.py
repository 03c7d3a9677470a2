"""The sample project with the table of the benchmark, as it would run in production."""

from __future__ import annotations

import json
import os

from benchmarks import alone
from project.settings import *  # noqa: F403
from project.settings import INSTALLED_APPS

alone.hide("pandas")

INSTALLED_APPS = [*INSTALLED_APPS, "benchmarks"]
EXPORTAPP_READER = os.environ.get("BENCH_READER", "auto")
EXPORTAPP_OPTIONS = json.loads(os.environ.get("BENCH_OPTIONS", "{}"))
EXPORTAPP_SHARD_ROWS = int(os.environ.get("BENCH_SHARD_ROWS", 0)) or None
EXPORTAPP_API_RATES = json.loads(os.environ.get("BENCH_RATES", "{}"))
