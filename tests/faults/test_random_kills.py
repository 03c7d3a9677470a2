"""Random kills of work-horses, workers and both: `make faults KILLS=1000 SEED=7` for many."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from tests.faults.mayhem import Mayhem
from tests.faults.plant import Plant

KILLS = int(os.environ.get("KILLS", "30"))
SEED = int(os.environ.get("SEED", "1"))


@pytest.mark.timeout(60 + 10 * KILLS)
def test_no_row_is_lost_doubled_or_stuck_by_random_kills(
    build_plant: Callable[..., Plant], capsys: pytest.CaptureFixture[str]
) -> None:
    # Here one shard may well be hit three times in a row: that is our doing, not the shard's.
    plant = build_plant(orders=3000, EXPORTAPP_SHARD_ROWS=250, EXPORTAPP_MAX_LOST_LEASES=1000)
    plant.watch()
    plant.hire(3)
    mayhem = Mayhem(plant, SEED)
    try:
        tally = mayhem.run(KILLS)
    finally:
        with capsys.disabled():
            print("", mayhem.tally, "", *mayhem.tally.table(), sep="\n")
    assert (tally.lost, tally.doubled, tally.stuck) == (0, 0, 0)
    assert tally.kills.total() >= KILLS
