"""The same rows give the same bytes, whoever makes them, however often they die over it."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Final
from zipfile import ZipFile

from tests.faults import points
from tests.faults.plant import Plant
from tests.oracle import sheet_parts

PROPERTIES: Final = "docProps/core.xml"
"""The one part that says when the export was asked for."""

KILLS: Final = (
    ("extracting_a_batch", 3),
    ("before_commit", 2),
    ("before_layout", 1),
    ("rendering_a_batch", 5),
    ("after_rename", 2),
    ("in_merge", 4),
    ("after_final_rename", 1),
)


def members(path: Path) -> dict[str, bytes]:
    """Each member as it lies in the file: its local header and its compressed data."""
    data = path.read_bytes()
    with ZipFile(path) as archive:
        infos = archive.infolist()
    found = {}
    for info in infos:
        name, extra = struct.unpack_from("<2H", data, info.header_offset + 26)
        end = info.header_offset + 30 + name + extra + info.compress_size
        found[info.filename] = data[info.header_offset : end]
    return found


def properties(path: Path) -> str:
    with ZipFile(path) as archive:
        return archive.read(PROPERTIES).decode()


def test_one_worker_and_four_with_kills_make_the_same_file(
    build_plant: Callable[..., Plant],
) -> None:
    plant = build_plant(orders=600, EXPORTAPP_SHEET_ROWS=230, EXPORTAPP_MAX_LOST_LEASES=100)
    plant.hire(1)
    plant.watch()
    calm = plant.ask()
    assert plant.wait_until_ended(calm) == "succeeded", plant.error(calm)
    plant.hire(4)
    for point, nth in KILLS:
        plant.arm(point, nth)
    stormy = plant.ask()
    assert plant.wait_until_ended(stormy, 120) == "succeeded", plant.error(stormy)

    assert points.armed(plant.faults) == [], "every kill struck"
    makers = {name for name, *_ in plant.events(stormy, "rendered")}
    assert len(makers) > 1, "not all was made by one"
    one, four = plant.file(calm), plant.file(stormy)
    assert len(sheet_parts(one)) == 3
    assert sheet_parts(one) == sheet_parts(four)
    made, made_again = members(one), members(four)
    assert list(made) == list(made_again), "parts are in the same order"
    assert [name for name in made if made[name] != made_again[name]] == [PROPERTIES]
    dateless = [re.sub(r"\d{4}-\d\d-\d\dT[\d:]+Z", "", properties(path)) for path in (one, four)]
    assert dateless[0] == dateless[1]
