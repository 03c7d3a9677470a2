from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from exportapp.exceptions import IllegalTransition
from exportapp.models import ExportJob, ExportShard
from exportapp.states import (
    ACTIVE,
    CLAIMED,
    JOB_EDGES,
    RELEASED,
    RESUMABLE,
    SHARD_EDGES,
    STOPPED_AS,
    WORKING,
    JobState,
    ShardState,
)

pytestmark = pytest.mark.django_db


def make_job(**fields: Any) -> ExportJob:
    values = {"source": "shop.Order", "selection": {}, "columns": [], "request_key": "k"}
    job: ExportJob = ExportJob.objects.create(**values | fields)
    return job


def make_shard(**fields: Any) -> ExportShard:
    shard: ExportShard = ExportShard.objects.create(
        job=make_job(), number=1, upto="[]", rows_planned=1, **fields
    )
    return shard


@pytest.mark.parametrize(("before", "after"), [*product(JobState, JobState)])
def test_a_job_moves_along_the_edges_of_the_table_and_no_others(
    before: JobState, after: JobState
) -> None:
    job = make_job(status=before)
    if after in JOB_EDGES[before]:
        job.move_to(after)
        assert job.status == after
    else:
        with pytest.raises(IllegalTransition, match=str(before.label)):
            job.move_to(after)
        assert job.status == before


@pytest.mark.parametrize(("before", "after"), [*product(ShardState, ShardState)])
def test_a_shard_moves_along_the_edges_of_the_table_and_no_others(
    before: ShardState, after: ShardState
) -> None:
    shard = make_shard(status=before)
    if after in SHARD_EDGES[before]:
        shard.move_to(after)
        assert shard.status == after
    else:
        with pytest.raises(IllegalTransition, match=str(before.label)):
            shard.move_to(after)
        assert shard.status == before


def test_what_is_read_before_a_move_does_not_decide_it() -> None:
    job = make_job(status=JobState.EXTRACTING)
    ExportJob.objects.update(status=JobState.CANCELLED)
    assert job.state == JobState.EXTRACTING
    with pytest.raises(IllegalTransition):
        job.move_to(JobState.RENDERING)
    assert job.state == JobState.CANCELLED


def test_every_edge_says_its_reason() -> None:
    edges = [*JOB_EDGES.values(), *SHARD_EDGES.values()]
    assert all(reason for ends in edges for reason in ends.values())
    assert set(JOB_EDGES) == set(JobState)
    assert set(SHARD_EDGES) == set(ShardState)


def test_the_named_sets_follow_from_the_table() -> None:
    assert {JobState.PAUSED, JobState.CANCELLED, JobState.FAILED} == RESUMABLE
    assert all(JobState.PAUSING in state.can for state in WORKING)
    assert all(JobState.CANCELLING in state.can for state in WORKING)
    assert all(stopped in stopping.can for stopping, stopped in STOPPED_AS.items())
    assert all(claimed in free.can for free, claimed in CLAIMED.items())
    assert all(free in claimed.can for claimed, free in RELEASED.items())


@pytest.mark.parametrize("state", JobState)
def test_buttons_are_offered_by_the_table(state: JobState) -> None:
    job = ExportJob(status=state)
    assert job.is_active == (state in ACTIVE)
    assert job.can_pause == (JobState.PAUSING in JOB_EDGES[state])
    assert job.can_cancel == (JobState.CANCELLING in JOB_EDGES[state])
    assert job.can_resume == (JobState.QUEUED in JOB_EDGES[state])
    assert job.can_download == (state == JobState.SUCCEEDED)
