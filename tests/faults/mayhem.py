"""Seeded kills, at random moments and at random points, and the tally of what came of them."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, get_args

from exportapp.states import JobState
from tests.faults import points
from tests.faults.plant import Plant
from tests.faults.points import Whom
from tests.faults.processes import kill
from tests.faults.proof import require_right, undisturbed
from tests.oracle import compare, data_rows

VICTIMS: Final[tuple[Whom, ...]] = get_args(Whom)
PAUSE_SECONDS: Final = (0.0, 0.8)
"""The least and the most time between two kills; an export takes a few seconds."""
AT_RANDOM: Final = 0.6
"""How likely one more kill comes after each pause."""
LYING_IN_WAIT: Final = 3
"""So many kills wait at a time for somebody who passes their points."""
STORM_SECONDS: Final = 60.0
"""After this long the kills stop until the export has ended."""
STUCK_SECONDS: Final = 120.0
"""An export that does not end this long after the last kill is stuck."""


@dataclass
class Tally:
    seed: int
    kills: Counter[tuple[str, Whom]] = field(default_factory=Counter)
    """By place, a named point or the state of the export at a random moment, and victim."""
    exports: int = 0
    rows: int = 0
    lost: int = 0
    doubled: int = 0
    stuck: int = 0

    def __str__(self) -> str:
        return (
            f"seed {self.seed}: {self.kills.total()} kills, "
            f"{self.exports} exports finished, {self.rows:,} rows checked, "
            f"{self.lost} lost, {self.doubled} doubled, {self.stuck} stuck"
        )

    def table(self) -> Iterator[str]:
        """Where whom was killed how often, as lines of text."""
        yield _line("", ["work-horse", "parent", "both"])
        for place in [*(f"while {state}" for state in JobState), *points.POINTS]:
            counts = [self.kills[place, victim] for victim in VICTIMS]
            if any(counts):
                yield _line(place, counts)
        totals = [sum(n for (_, whom), n in self.kills.items() if whom == v) for v in VICTIMS]
        yield _line("all", totals)


def _line(title: str, columns: Iterable[object]) -> str:
    return f"{title:22}" + "".join(f"{column!s:>12}" for column in columns)


class Mayhem:
    def __init__(self, plant: Plant, seed: int) -> None:
        self.plant, self.tally = plant, Tally(seed)
        self._random = random.Random(seed)

    def run(self, kills: int) -> Tally:
        """Kill until `kills` have hit, and let the last export end in peace.

        Raises AssertionError at the first export that is wrong; the tally has it.
        """
        job, asked = self.plant.ask(), time.monotonic()
        while self.tally.kills.total() < kills:
            self._replace_the_dead()
            self._lie_in_wait()
            # Moments are what is drawn here; nothing is waited for.
            time.sleep(self._random.uniform(*PAUSE_SECONDS))
            if self._random.random() < AT_RANDOM:
                self._strike(job)
            self.tally.kills.update(points.take_struck(self.plant.faults))
            if self.plant.is_over(job) or time.monotonic() - asked > STORM_SECONDS:
                self._check(job)
                job, asked = self.plant.ask(), time.monotonic()
        self._check(job)
        return self.tally

    def _strike(self, job: str) -> None:
        victim = self._random.choice(VICTIMS)
        worker = self._random.choice(self.plant.workers)
        horses = worker.horses
        state = self.plant.state(job)
        if "Listening on" not in worker.log() or not (horses or victim == "parent"):
            return
        if victim != "parent" and not kill(horses[0]):
            return
        if victim != "self":
            worker.kill()
        self.tally.kills[f"while {state}", victim] += 1

    def _lie_in_wait(self) -> None:
        while len(points.armed(self.plant.faults)) < LYING_IN_WAIT:
            point = self._random.choice(list(points.POINTS))
            nth = self._random.randint(1, 3)
            self.plant.arm(point, nth, whom=self._random.choice(VICTIMS))

    def _end_the_storm(self) -> None:
        self.tally.kills.update(points.take_struck(self.plant.faults))
        self.plant.disarm()
        self._replace_the_dead()

    def _replace_the_dead(self) -> None:
        for worker in [worker for worker in self.plant.workers if not worker.alive]:
            self.plant.workers.remove(worker)
            self.plant.begin_worker()

    def _check(self, job: str) -> None:
        self._end_the_storm()
        try:
            state = self.plant.wait_until_ended(job, STUCK_SECONDS)
        except AssertionError:
            self.tally.stuck += 1
            raise
        assert state == JobState.SUCCEEDED, (self.tally.seed, self.plant.error(job))
        rows = data_rows(self.plant.file(job))
        lost, doubled = compare(rows, undisturbed(self.plant)[1])
        self.tally.exports += 1
        self.tally.rows += len(rows)
        self.tally.lost += len(lost)
        self.tally.doubled += len(doubled)
        require_right(self.plant, job)
