from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from exportapp.exceptions import LeaseLost, WorkInterrupted
from exportapp.jobs import leases
from exportapp.models import ExportJob, ExportShard
from exportapp.states import JobState, ShardState
from tests.test_states import make_job, make_shard

pytestmark = pytest.mark.django_db


def expire(piece: Any) -> None:
    type(piece).objects.filter(pk=piece.pk).update(lease_until=Now() - timedelta(seconds=1))
    piece.refresh_from_db()


def test_a_claimed_shard_is_nobody_else_s() -> None:
    shard = make_shard()
    lease = leases.claim_shard(shard.job, ShardState.PENDING)
    assert lease is not None
    assert (lease.fence, lease.piece.status) == (1, ShardState.EXTRACTING)
    assert lease.piece.worker == leases.worker_name()
    assert leases.claim_shard(shard.job, ShardState.PENDING) is None
    assert leases.is_held(shard.job)


def test_shards_are_claimed_in_their_order() -> None:
    shard = make_shard()
    for number in (3, 2):
        ExportShard.objects.create(job=shard.job, number=number, upto="[]", rows_planned=1)
    claimed = [leases.claim_shard(shard.job, ShardState.PENDING) for _ in range(3)]
    assert [lease.piece.number for lease in claimed if lease] == [1, 2, 3]


def test_no_shard_is_claimed_for_what_was_known_of_a_job_that_moved_since() -> None:
    """Not even where it is in the same state again: its layout may be another one."""
    shard = make_shard()
    job = shard.job
    job.move_to(JobState.EXTRACTING)
    known = ExportJob.objects.get(pk=job.pk)
    for state in (JobState.PAUSING, JobState.PAUSED, JobState.QUEUED, JobState.EXTRACTING):
        job.move_to(state)
        assert leases.claim_shard(known, ShardState.PENDING) is None
    assert leases.claim_shard(job, ShardState.PENDING)


def test_a_claim_that_was_read_before_another_s_claim_is_refused() -> None:
    shard = make_shard()
    other = ExportShard.objects.get(pk=shard.pk)
    assert other.claim("other", 60, status=ShardState.EXTRACTING) == 1
    assert shard.claim("me", 60, status=ShardState.EXTRACTING) is None


def test_a_stale_worker_can_neither_commit_nor_renew_nor_release() -> None:
    shard = make_shard()
    stale = leases.claim_shard(shard.job, ShardState.PENDING)
    assert stale is not None
    expire(stale.piece)
    assert [freed.pk for freed in leases.free_lost_shards(shard.job)] == [shard.pk]
    fresh = leases.claim_shard(shard.job, ShardState.PENDING)
    assert fresh is not None
    assert fresh.fence > stale.fence
    for late in (
        stale.renew,
        stale.release,
        lambda: stale.commit(ShardState.EXTRACTED, rows_extracted=7),
    ):
        with pytest.raises(LeaseLost):
            late()
    shard.refresh_from_db()
    assert (shard.rows_extracted, shard.lost_leases) == (None, 1)
    fresh.commit(ShardState.EXTRACTED, rows_extracted=8)
    shard.refresh_from_db()
    assert (shard.rows_extracted, shard.lost_leases, shard.lease_until) == (8, 0, None)


def test_a_renewed_lease_lives_longer() -> None:
    shard = make_shard()
    lease = leases.claim_shard(shard.job, ShardState.PENDING)
    assert lease is not None
    expire(lease.piece)
    lease.renew()
    assert leases.free_lost_shards(shard.job) == []


def test_a_commit_that_the_job_s_state_forbids_is_an_interruption() -> None:
    job = make_job(status=JobState.MERGING)
    lease = leases.claim_job(job)
    assert lease is not None
    ExportJob.objects.update(status=JobState.PAUSING)
    with pytest.raises(WorkInterrupted, match="pausing"):
        lease.commit(JobState.SUCCEEDED)
    lease.release()
    assert not leases.is_held(job)


def test_a_released_shard_goes_back_one_step() -> None:
    shard = make_shard(status=ShardState.EXTRACTED)
    lease = leases.claim_shard(shard.job, ShardState.EXTRACTED)
    assert lease is not None
    lease.release()
    shard.refresh_from_db()
    assert (shard.status, shard.worker) == (ShardState.EXTRACTED, "")


def test_a_shard_waits_out_its_back_off() -> None:
    shard = make_shard()
    ExportShard.objects.update(not_before=Now() + timedelta(seconds=60))
    assert leases.claim_shard(shard.job, ShardState.PENDING) is None
    ExportShard.objects.update(not_before=Now() - timedelta(seconds=1))
    assert leases.claim_shard(shard.job, ShardState.PENDING)


def test_the_lease_of_a_dead_process_on_this_host_need_not_run_out() -> None:
    code = (
        "import django; django.setup()\n"
        "from exportapp.jobs.leases import worker_name\n"
        "print(worker_name())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    dead = done.stdout.strip()
    assert leases.is_dead_neighbour(dead)
    assert not leases.is_dead_neighbour(leases.worker_name())
    assert not leases.is_dead_neighbour("elsewhere/" + dead)
    reborn = leases.worker_name().rpartition("/")[0] + "/1"
    assert leases.is_dead_neighbour(reborn), "the process number was used again"
    shard = make_shard()
    assert shard.claim(dead, 60, status=ShardState.EXTRACTING)
    assert len(leases.free_lost_shards(shard.job)) == 1
    job = shard.job
    assert job.claim(dead, 60)
    assert leases.free_lost_job(job)
    assert not leases.free_lost_job(job)


def test_a_live_holder_keeps_its_lease() -> None:
    shard = make_shard()
    assert leases.claim_shard(shard.job, ShardState.PENDING)
    assert leases.claim_job(shard.job)
    assert leases.free_lost_shards(shard.job) == []
    assert not leases.free_lost_job(shard.job)
