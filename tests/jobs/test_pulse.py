"""A worker that only waits for its database is not a dead one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest
from django.utils import timezone

from exportapp.exceptions import WorkInterrupted
from exportapp.jobs.heartbeat import Heartbeat
from exportapp.jobs.leases import Lease, claim_shard
from exportapp.jobs.progress import Anchors
from exportapp.jobs.pulse import kept_alive
from exportapp.jobs.work import step
from exportapp.models import ExportJob, ExportShard
from exportapp.states import JobState, ShardState
from tests.house import wait_for

# The thread has a connection of its own.
Held: TypeAlias = "tuple[Lease, Heartbeat]"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def held(
    orders: Callable[[int], None], ask: Callable[..., ExportJob], settings: Any
) -> Iterator[tuple[Lease, Heartbeat]]:
    """A shard under a lease of a second, and its worker's heartbeat, which says nothing."""
    settings.EXPORTAPP_LEASE_SECONDS = 1
    orders(10)
    job = ask()
    while not job.shards.exists():
        assert step(job), job.error
        job.refresh_from_db()
    lease = claim_shard(job, ShardState.PENDING)
    assert lease is not None
    yield lease, Heartbeat(job, lease, Anchors(job.pk))


def shard_of(lease: Lease) -> Any:
    return ExportShard.objects.filter(pk=str(lease.piece.pk))


def lease_until(lease: Lease) -> Any:
    return shard_of(lease).values_list("lease_until", flat=True).get()


def test_a_lease_is_renewed_while_a_statement_keeps_the_worker_silent(held: Held) -> None:
    lease, beat = held
    first = lease_until(lease)
    with kept_alive(lease, beat):
        wait_for(lambda: (lease_until(lease) - first).total_seconds() > 2)
    assert lease_until(lease) > timezone.now()


def test_a_worker_that_is_silent_for_too_long_loses_its_lease(held: Held, settings: Any) -> None:
    settings.EXPORTAPP_STATEMENT_SECONDS = 1
    lease, beat = held
    with kept_alive(lease, beat):
        wait_for(lambda: not shard_of(lease).held().exists())
        assert shard_of(lease).lost().exists()


def test_a_lease_that_another_has_taken_is_let_alone(held: Held) -> None:
    lease, beat = held
    before = threading.active_count()
    shard_of(lease).update(fence=lease.fence + 1)
    until = lease_until(lease)
    with kept_alive(lease, beat):
        wait_for(lambda: threading.active_count() == before, what="the thread has given up")
        assert lease_until(lease) == until


def test_a_pause_that_redis_was_not_told_of_is_heard_at_the_next_beat(
    held: Held, settings: Any
) -> None:
    _, beat = held
    settings.EXPORTAPP_BEAT_SECONDS = 0
    beat(1)
    ExportJob.objects.filter(pk=beat.job.pk).move_to(JobState.PAUSING)
    with pytest.raises(WorkInterrupted, match="pause"):
        beat(2)
