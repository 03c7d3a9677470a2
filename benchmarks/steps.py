"""When each shard was taken up and done, written down by the database as it happens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from exportapp.states import ShardState
from tests.house import House

# A trigger, because events have no beginning and a look from outside would miss most steps.
WATCH: Final = (
    "CREATE TABLE IF NOT EXISTS bench_step (job uuid, shard int, status text, at timestamptz)",
    """
    CREATE OR REPLACE FUNCTION bench_step() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO bench_step VALUES (NEW.job_id, NEW.number, NEW.status, clock_timestamp());
        RETURN NULL;
    END $$
    """,
    """
    CREATE OR REPLACE TRIGGER bench_step AFTER UPDATE OF status ON exportapp_exportshard
    FOR EACH ROW EXECUTE FUNCTION bench_step()
    """,
)
NEWEST: Final = "(SELECT id FROM exportapp_exportjob ORDER BY created_at DESC LIMIT 1)"
CLAIMED: Final = f"""
SELECT extract(epoch FROM min(step.at) - min(job.created_at))::float8
FROM bench_step step JOIN exportapp_exportjob job ON job.id = step.job
WHERE step.status = %s AND job.id = {NEWEST}
"""
SECONDS: Final = f"""
SELECT extract(epoch FROM
    max(at) FILTER (WHERE status = %s) - min(at) FILTER (WHERE status = %s)
    + (max(at) FILTER (WHERE status = %s) - min(at) FILTER (WHERE status = %s))
)::float8
FROM bench_step WHERE job = {NEWEST} GROUP BY shard ORDER BY shard
"""
SHARDS: Final = f"""
SELECT rows_extracted, xml_estimate FROM exportapp_exportshard WHERE job_id = {NEWEST}
ORDER BY number
"""


@dataclass(frozen=True, slots=True)
class Shard:
    seconds: float
    """Extracting and rendering; the wait between them is not the shard's."""
    rows: int
    xml: int
    """Bytes of sheet XML, at most."""


def watch(house: House) -> None:
    """From now on write down every step of every shard."""
    for statement in WATCH:
        house.rows(statement)


def until_first_claim(house: House) -> float:
    """Seconds from the click to the first claim of a shard, of the newest export."""
    ((seconds,),) = house.rows(CLAIMED, [ShardState.EXTRACTING.value])
    return float(seconds)


def shards(house: House) -> list[Shard]:
    """The shards of the newest export."""
    states = [
        ShardState.EXTRACTED.value,
        ShardState.EXTRACTING.value,
        ShardState.RENDERED.value,
        ShardState.RENDERING.value,
    ]
    took = house.rows(SECONDS, states)
    sizes = house.rows(SHARDS)
    return [
        Shard(float(seconds), rows, xml)
        for (seconds,), (rows, xml) in zip(took, sizes, strict=True)
    ]
