"""Where the time of an export goes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from benchmarks.arena import Arena
from benchmarks.contenders import BY_KEY, LIMIT
from benchmarks.meter import ROOT, cpu_seconds
from benchmarks.report import table
from benchmarks.rotation import Say

ROUNDS: Final = 5
"""Of each step; the least counts."""

MILLION: Final = 1_000_000

_IN_DJANGO: Final = "import django; django.setup(); from benchmarks import stages; stages.main({})"


def profile(arena: Arena, rows: int, say: Say) -> str:
    """CPU seconds of each step of an export of `rows` rows, as a table."""
    say(f"Making {rows:,} rows")
    arena.grow(rows)
    say(f"{ROUNDS} rounds of each step")
    told = _of_steps(arena, rows)
    whole, beside = told["whole"], told["beside"]
    spent: dict[str, float] = told["steps"]
    rest = whole - sum(spent.values())
    spent["the rest: statements, leases, events, files and their digests, merge"] = rest
    spent |= {f"of it, {part}": seconds for part, seconds in beside.items()}
    spent[f"of it, these three, for {told['shards']} shards"] = sum(beside.values())
    spent["**the whole export in one process**"] = whole
    spent["PostgreSQL for `\\copy` of the same rows"] = _of_server(arena)
    lines = [
        [step, f"{seconds * MILLION / rows:.3f}", f"{100 * seconds / whole:.1f}"]
        for step, seconds in spent.items()
    ]
    return table(["", "CPU s for a million rows", "% of the whole"], lines)


def _of_steps(arena: Arena, rows: int) -> dict[str, Any]:
    command = [sys.executable, "-c", _IN_DJANGO.format(f"{rows}, {ROUNDS}")]
    env = {**arena.house.env, **BY_KEY["ours-copy"].env}
    ran = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(ran.stderr)
    told: dict[str, Any] = json.loads(ran.stdout)
    return told


def _of_server(arena: Arena) -> float:
    """CPU seconds of PostgreSQL for the limit of the peers."""
    begun = cpu_seconds(arena.postmaster)
    for _ in range(ROUNDS):
        with TemporaryDirectory() as folder:
            command = arena.command(LIMIT, Path(folder) / "rows.csv")
            subprocess.run(command, check=True, capture_output=True)
    # All at once: what a server process used is known a moment after its client is gone.
    return (cpu_seconds(arena.postmaster) - begun) / ROUNDS
