"""Shards as the planner cuts them: hop by hop, with bounds kept as JSON."""

from __future__ import annotations

from itertools import pairwise

from exportapp.tables.keys import dumps, loads


def walk(keyset, rows):
    """The bounds and counts of all hops, by way of JSON as a job keeps them."""
    after, hops = None, []
    while (hop := keyset.hop(after, rows)) is not None:
        after = loads(dumps(hop[0]))
        hops.append((after, hop[1]))
        assert len(hops) < 100
    return hops


def hop(keyset, after, rows):
    found = keyset.hop(after, rows)
    assert found is not None
    return found


def bounded(keyset, rows):
    """The querysets of all shards."""
    bounds = [None, *(bound for bound, _ in walk(keyset, rows))]
    return [keyset.between(*pair) for pair in pairwise(bounds)]


def ranges(keyset, rows):
    hops = walk(keyset, rows)
    shards = [[row.pk for row in queryset] for queryset in bounded(keyset, rows)]
    assert [len(shard) for shard in shards] == [count for _, count in hops]
    assert all(count == rows for _, count in hops[:-1])
    return [pk for shard in shards for pk in shard]


def keys(queryset):
    return [row.pk for row in queryset]
