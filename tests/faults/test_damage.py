"""Files that are not what was committed any more: made again, and nothing else is."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tests.faults.harm import flip_a_bit, truncate
from tests.faults.plant import Plant
from tests.faults.processes import kill
from tests.faults.proof import require_right

SHARDS: Final = 6
HURT: Final = 4


@pytest.fixture(scope="module")
def plant(build_plant: Callable[..., Plant]) -> Plant:
    plant = build_plant(orders=SHARDS * 50)
    plant.watch()
    return plant


each_harm = pytest.mark.parametrize("harm", [truncate, flip_a_bit, Path.unlink])


def committed(plant: Plant, job: str, kind: str) -> Path:
    sql = f"SELECT {kind}_path FROM exportapp_exportshard WHERE job_id = %s AND number = %s"
    ((path,),) = plant.house.rows(sql, [job, HURT])
    return plant.house.exports / path


def fences(plant: Plant, job: str) -> dict[int, int]:
    sql = "SELECT number, fence FROM exportapp_exportshard WHERE job_id = %s"
    return dict(plant.house.rows(sql, [job]))


def once_each(but: int = 0) -> Counter[int]:
    """Every shard once, and this one once more."""
    return Counter(range(1, SHARDS + 1)) + Counter([but] * bool(but))


def go_on(plant: Plant, job: str, frozen: int) -> None:
    kill(frozen, signal.SIGCONT)
    assert plant.wait_until_ended(job) == "succeeded", plant.error(job)
    require_right(plant, job)


@each_harm
def test_a_rendered_shard_damaged_before_the_merge_is_rendered_again_and_no_other(
    plant: Plant, harm: Callable[[Path], None]
) -> None:
    plant.hire(1)
    job, frozen = plant.freeze("in_merge")
    before = fences(plant, job)
    harm(committed(plant, job, "xlsx"))

    go_on(plant, job, frozen)

    assert plant.made(job, "extracted") == once_each()
    assert plant.made(job, "rendered") == once_each(but=HURT)
    after = fences(plant, job)
    assert [number for number in after if after[number] != before[number]] == [HURT]
    plant.disarm()


@each_harm
def test_an_extracted_shard_damaged_before_it_is_rendered_is_read_again_and_no_other(
    plant: Plant, harm: Callable[[Path], None]
) -> None:
    plant.hire(1)
    job, frozen = plant.freeze("after_layout")
    harm(committed(plant, job, "arrow"))

    go_on(plant, job, frozen)

    assert plant.made(job, "extracted") == once_each(but=HURT)
    assert plant.made(job, "rendered") == once_each()
    plant.disarm()


def test_a_shard_of_which_both_files_are_damaged_is_read_and_rendered_again_and_no_other(
    plant: Plant,
) -> None:
    plant.hire(1)
    job, frozen = plant.freeze("in_merge")
    flip_a_bit(committed(plant, job, "arrow"))
    truncate(committed(plant, job, "xlsx"))

    go_on(plant, job, frozen)

    assert plant.made(job, "extracted") == once_each(but=HURT)
    assert plant.made(job, "rendered") == once_each(but=HURT)
    plant.disarm()
