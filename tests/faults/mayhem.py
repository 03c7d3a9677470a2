"""Seeded kills at random moments, export after export, and the tally of what came of them."""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import dataclass, field

from exportapp.states import ACTIVE, JobState
from tests.faults.plant import Plant, compare, kill
from tests.house import Worker
from tests.oracle import data_rows

KINDS = ("horse", "horse", "parent", "both")
PAUSE_SECONDS = (0.0, 0.8)
"""The least and the most time between two kills; an export takes a few seconds."""
STUCK_SECONDS = 120.0
"""An export that takes this long without an end is stuck."""


@dataclass
class Tally:
    seed: int
    kills: Counter[str] = field(default_factory=Counter)
    exports: int = 0
    rows: int = 0
    lost: int = 0
    doubled: int = 0
    stuck: int = 0

    def __str__(self) -> str:
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(self.kills.items()))
        return (
            f"seed {self.seed}: {self.kills.total()} kills ({kinds}), "
            f"{self.exports} exports finished, {self.rows:,} rows checked, "
            f"{self.lost} lost, {self.doubled} doubled, {self.stuck} stuck"
        )


class Mayhem:
    def __init__(self, plant: Plant, seed: int) -> None:
        self.plant, self.tally = plant, Tally(seed)
        self._random = random.Random(seed)

    def run(self, kills: int) -> Tally:
        """Kill until `kills` have hit, and let the last export end in peace.

        Raises AssertionError at the first export that is wrong; the tally has it.
        """
        job, asked = self.plant.ask(), time.monotonic()
        while self.tally.kills.total() < kills and not self.tally.stuck:
            # Moments are what is drawn here; nothing is waited for.
            time.sleep(self._random.uniform(*PAUSE_SECONDS))
            self._strike()
            if self.plant.state(job) not in ACTIVE:
                self._check(job)
                job, asked = self.plant.ask(), time.monotonic()
            self.tally.stuck += time.monotonic() - asked > STUCK_SECONDS
        self._check(job)
        return self.tally

    def _strike(self) -> None:
        kind = self._random.choice(KINDS)
        worker = self._random.choice(self.plant.workers)
        horses = worker.horses
        if "Listening on" not in worker.log() or not (horses or kind == "parent"):
            return
        if kind != "parent" and not kill(horses[0]):
            return
        if kind != "horse":
            worker.kill()
            self._replace(worker)
        self.tally.kills[kind] += 1

    def _replace(self, worker: Worker) -> None:
        self.plant.workers.remove(worker)
        self.plant.begin_worker()

    def _check(self, job: str) -> None:
        state = self.plant.wait_until_ended(job, STUCK_SECONDS)
        assert state == JobState.SUCCEEDED, (self.tally.seed, self.plant.error(job))
        rows = data_rows(self.plant.file(job))
        lost, doubled = compare(rows, self.plant.undisturbed[1])
        self.tally.exports += 1
        self.tally.rows += len(rows)
        self.tally.lost += len(lost)
        self.tally.doubled += len(doubled)
        self.plant.require_right(job)
