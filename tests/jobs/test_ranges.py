"""How pieces of a walk through the keys become shards."""

from __future__ import annotations

from itertools import pairwise

import pytest

from exportapp.jobs.plan import FIRST_PIECES, LAST_PIECES, PIECES, Piece, _joined
from exportapp.tables.keys import Bound


def walk(count: int) -> list[Piece]:
    """Pieces of ten rows; the last has three."""
    keys: list[Bound | None] = [None, *((10 * number,) for number in range(1, count + 1))]
    return [
        (before, upto, 10 if number < count else 3)
        for number, (before, upto) in enumerate(pairwise(keys), 1)
        if upto is not None
    ]


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("count", range(25))
def test_no_row_is_between_two_shards_or_in_both(count: int, first: bool) -> None:
    pieces = walk(count)
    shards = list(_joined(iter(pieces), first=first))
    assert sum(rows for *_, rows in shards) == sum(rows for *_, rows in pieces)
    assert [before for before, *_ in shards[1:]] == [upto for _, upto, _ in shards[:-1]]
    if pieces:
        assert (shards[0][0], shards[-1][1]) == (None, pieces[-1][1])


def test_shards_are_small_at_both_ends_and_large_between() -> None:
    sizes = [rows for *_, rows in _joined(iter(walk(30)), first=True)]
    large = [10 * PIECES] * 8
    assert sizes == [10] * FIRST_PIECES + large + [10] * (LAST_PIECES - 1) + [3]
    # Whoever goes on with a plan has workers that are busy.
    assert next(_joined(iter(walk(30)), first=False))[2] == 10 * PIECES


def test_the_first_shards_are_there_before_the_walk_goes_on() -> None:
    pieces = iter(walk(30))
    shards = _joined(pieces, first=True)
    assert [next(shards) for _ in range(FIRST_PIECES)] == walk(30)[:FIRST_PIECES]
    assert next(pieces) == walk(30)[FIRST_PIECES]
