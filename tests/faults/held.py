"""Who holds what, as the tables have it."""

from __future__ import annotations

from typing import Final

from tests.faults.plant import Plant

TABLES: Final = ("exportapp_exportjob", "exportapp_exportshard")


def holders(plant: Plant) -> set[int]:
    """Process ids of those who hold a lease."""
    sql = "SELECT worker FROM {} WHERE lease_until IS NOT NULL"
    names = [row[0] for table in TABLES for row in plant.house.rows(sql.format(table))]
    return {int(name.split("/")[-2]) for name in names}


def lease_of(plant: Plant, pid: int) -> object:
    """Until when the process holds its piece."""
    for table in TABLES:
        sql = f"SELECT lease_until FROM {table} WHERE worker LIKE %s AND lease_until IS NOT NULL"
        for (until,) in plant.house.rows(sql, [f"%/{pid}/%"]):
            return until
    raise AssertionError(f"{pid} holds nothing")


def let_run_out(plant: Plant, pid: int) -> None:
    """Have the leases of a process run out now: so nobody else's need be short.

    A lease that is short for one is short for all, also on a machine that is busy with others.
    """
    for table in TABLES:
        sql = f"UPDATE {table} SET lease_until = now() WHERE worker LIKE %s"
        plant.house.rows(f"{sql} AND lease_until IS NOT NULL", [f"%/{pid}/%"])
