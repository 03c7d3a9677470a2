"""The oracle of the faults: what an export must be, whatever happened while it was made."""

from __future__ import annotations

from pathlib import Path

from exportapp.states import ACTIVE, JOB_EDGES, JobState
from tests.faults.held import holders
from tests.faults.ledger import illegal, read_ledger
from tests.faults.plant import ORDERED, Plant
from tests.house import wait_for
from tests.oracle import Row, compare, data_rows, sheet_parts


class WrongExport(AssertionError):
    """A promise is broken: whatever the machine was busy with, this test is not run again."""


_known: dict[tuple[bool, int], tuple[dict[str, bytes], list[Row]]] = {}


def require_right(plant: Plant, job: str) -> Path:
    """The export is there, equal to an undisturbed one, and nothing else is left of it."""
    assert plant.state(job) == JobState.SUCCEEDED, (plant.state(job), plant.error(job))
    file = plant.file(job)
    parts, rows = undisturbed(plant)
    found = data_rows(file)
    lost, doubled = compare(found, rows)
    if lost or doubled or found != rows or sheet_parts(file) != parts:
        raise WrongExport(f"{file}: lost {lost}, doubled {doubled}, {len(found)} rows")
    # A worker that is stale but alive takes its file away itself.
    left = sorted(path.name for path in file.parent.iterdir())
    wait_for(lambda: [path.name for path in file.parent.iterdir()] == [file.name], what=f"{left}")
    assert holders(plant) == set()
    # Whoever made the last move may have died right after it.
    told = JOB_EDGES[JobState.MERGING][JobState.SUCCEEDED]
    assert plant.events(job, "moved")[-1][2] == told
    if edges := illegal(read_ledger(plant.house.rows)):
        raise WrongExport(f"illegal moves: {edges}")
    active = ", ".join(f"'{state}'" for state in ACTIVE)
    sql = f"SELECT id FROM exportapp_exportjob WHERE status IN ({active})"
    assert plant.house.rows(sql) == []
    return file


def require_tidy(plant: Plant, job: str) -> None:
    """Nobody holds a piece, and there are no files but those that are committed."""
    assert holders(plant) == set()
    sql = "SELECT {} FROM exportapp_export{} WHERE job_id = %s"
    sources = [("arrow_path", "shard"), ("xlsx_path", "shard"), ("path", "file")]
    found = [row for source in sources for row in plant.house.rows(sql.format(*source), [job])]
    kept = {plant.house.exports / path for (path,) in found if path}
    assert set(plant.folder(job).iterdir()) == kept


def undisturbed(plant: Plant) -> tuple[dict[str, bytes], list[Row]]:
    """Sheet parts and rows of an export that one process made in one piece.

    Made once for all plants with as many orders: they are copies of one another.
    """
    key = plant.on_sqlite, plant.orders
    if key not in _known:
        target = plant.house.folder / "undisturbed.xlsx"
        done = plant.house.manage("export_excel", "shop.Order", "-o", str(target))
        assert done.returncode == 0, done.stderr
        _known[key] = sheet_parts(target), data_rows(target)
    parts, rows = _known[key]
    assert [(row[0],) for row in rows] == plant.house.rows(ORDERED)
    return parts, rows
