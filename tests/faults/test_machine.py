"""Any order of clicks, lost leases, flushes and damaged files: an export can always be finished."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from django.db.models import Sum
from django.db.models.functions import Now
from django_redis import get_redis_connection
from hypothesis import HealthCheck, strategies
from hypothesis import settings as search
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from exportapp.exceptions import IllegalTransition, LeaseLost
from exportapp.jobs import files, leases, lifecycle, retention, work
from exportapp.jobs.heartbeat import stop_requested
from exportapp.jobs.journal import Happened
from exportapp.jobs.reconcile import reconcile
from exportapp.jobs.status import status_of
from exportapp.models import ExportJob, ExportShard
from exportapp.states import WORKING, JobState, ShardState
from exportapp.tables.selection import Operator, Selection, Viewer
from tests.faults.harm import flip_a_bit
from tests.faults.ledger import execute, illegal, read_ledger
from tests.oracle import Row, data_rows, order_rows

ENOUGH_STEPS = 200
KEPT = frozenset(state for state in JobState if JobState.EXPIRED in state.can)
ELSEWHERE = "elsewhere/1/2/3"
"""A worker of another machine: nobody can tell whether it is dead."""


@cache
def expected_rows() -> list[Row]:
    return order_rows()


class Export(RuleBasedStateMachine):
    @initialize()
    def ask(self) -> None:
        execute("TRUNCATE fault_ledger")
        self.gone: list[leases.Lease] = []
        self.damaged, self.most = False, (0, 0)
        self.job, made = self._create()
        assert made

    @rule()
    def ask_again(self) -> None:
        if self.job.is_active:
            assert self._create() == (self.job, False)

    @rule()
    def let_time_run_out(self) -> None:
        """What is kept of it goes; then somebody asks anew."""
        self.let_leases_run_out()
        ExportJob.objects.filter(status__in=KEPT).update(expires_at=Now() - timedelta(seconds=1))
        self.job.refresh_from_db()
        assert retention.expire() == (self.job.state in KEPT)
        self.job.refresh_from_db()
        if self.job.state == JobState.EXPIRED:
            assert not files.local_path(str(self.job.pk)).exists()
            self._press(lifecycle.resume, JobState.QUEUED)
            self._remove()
            self.ask()

    @rule(times=strategies.integers(1, 3))
    def step(self, times: int) -> None:
        for _ in range(times):
            work.step(self.job)

    @rule()
    def step_while_asked_to_go(self) -> None:
        stop_requested.set()
        work.step(self.job)
        stop_requested.clear()

    @rule()
    def pause(self) -> None:
        self._press(lifecycle.pause, JobState.PAUSING)

    @rule()
    def cancel(self) -> None:
        self._press(lifecycle.cancel, JobState.CANCELLING)

    @rule()
    def resume(self) -> None:
        self._press(lifecycle.resume, JobState.QUEUED)

    @rule()
    def claim_and_be_gone(self) -> None:
        """Another worker takes the next piece and gives no sign of life."""
        if self.job.state not in WORKING:
            return
        free = ShardState.PENDING if self.job.state == JobState.EXTRACTING else ShardState.EXTRACTED
        whole = self.job.state == JobState.MERGING or not self.job.planned_at
        copy = ExportJob.objects.get(pk=self.job.pk)
        lease = leases.claim_job(copy) if whole else leases.claim_shard(copy, free)
        if lease:
            type(lease.piece).objects.filter(pk=lease.piece.pk).update(worker=ELSEWHERE)
            self.gone.append(lease)

    @rule()
    def let_leases_run_out(self) -> None:
        for model in (ExportJob, ExportShard):
            held = model.objects.exclude(lease_until=None)
            held.update(lease_until=Now() - timedelta(seconds=1))

    @rule(steps=strategies.integers(0, 2), back=strategies.booleans())
    def lose_a_lease(self, steps: int, back: bool) -> None:
        self.claim_and_be_gone()
        self.let_leases_run_out()
        reconcile()
        self.step(steps)
        if back:
            self.come_back()

    @rule()
    def come_back(self) -> None:
        """Those who were gone try to write nonsense, where somebody else has the piece now."""
        for lease in self.gone:
            now = type(lease.piece).objects.get(pk=lease.piece.pk)
            if now.fence != lease.fence:
                target = JobState.SUCCEEDED if now == self.job else ShardState.EXTRACTED
                with pytest.raises(LeaseLost):
                    lease.update(error="nonsense")
                with pytest.raises(LeaseLost):
                    lease.commit(target, error="nonsense")
        self.gone.clear()

    @rule()
    def flush_redis(self) -> None:
        get_redis_connection().flushall()

    @rule()
    def reconcile(self) -> None:
        reconcile()

    @rule(field=strategies.sampled_from(["arrow_path", "xlsx_path"]), data=strategies.data())
    def damage(self, field: str, data: strategies.DataObject) -> None:
        shards = ExportShard.objects.filter(job=self.job).exclude(**{field: ""})
        paths = shards.order_by("number").values_list(field, flat=True)
        there = [path for path in map(files.local_path, paths) if path.exists()]
        if there:
            flip_a_bit(data.draw(strategies.sampled_from(there)))
            self.damaged = True

    @invariant()
    def what_is_shown_makes_sense(self) -> None:
        self.job.refresh_from_db()
        status = status_of(self.job)
        assert 0 <= status.percent <= 100
        assert 0 <= status.shards_done <= status.shards_total
        assert status.rows_total <= len(expected_rows())

    @invariant()
    def rows_that_are_committed_stay(self) -> None:
        shards = ExportShard.objects.filter(job=self.job)
        read = shards.exclude(arrow_path="").aggregate(n=Sum("rows_extracted", default=0))["n"]
        written = shards.counts()["rows_rendered"]
        if not self.damaged:
            assert (read, written) >= self.most and written >= self.most[1]
        self.most = (read, written)

    @invariant()
    def moves_are_legal_and_fences_go_up(self) -> None:
        assert illegal(read_ledger(execute)) == []

    @invariant()
    def every_move_has_its_event(self) -> None:
        entries = read_ledger(execute)
        jobs = [entry for entry in entries if entry.kind == ExportJob._meta.db_table]
        moves = [(entry.state_before, entry.state) for entry in jobs]
        events = self.job.events.filter(kind=Happened.MOVED).order_by("pk")
        told = [(event.data["before"], event.data["after"]) for event in events]
        assert told == [(before, after) for before, after in moves if before != after]

    def teardown(self) -> None:
        """From wherever it is: leases run out, a person presses resume, workers work."""
        try:
            self._finish()
        finally:
            self._remove()

    def _remove(self) -> None:
        files.remove_folder(self.job.pk)
        ExportJob.objects.all().delete()
        get_redis_connection().flushall()

    def _finish(self) -> None:
        for _ in range(ENOUGH_STEPS):
            self.job.refresh_from_db()
            if self.job.state == JobState.SUCCEEDED:
                break
            self.let_leases_run_out()
            reconcile()
            self.job.refresh_from_db()
            if self.job.can_resume:
                lifecycle.resume(self.job)
            work.step(self.job)
        assert self.job.status == "succeeded", list(self.job.events.all())
        reconcile()
        (file,) = self.job.files.all()
        assert data_rows(files.local_path(file.path)) == expected_rows()
        left = [f"{self.job.pk}/{found.name}" for found in files.folder(self.job).iterdir()]
        assert left == [file.path]
        assert not leases.is_held(self.job)
        self.moves_are_legal_and_fences_go_up()

    def _create(self) -> tuple[ExportJob, bool]:
        viewer = Viewer(user=Operator(), language="en", time_zone="UTC")
        return lifecycle.create(Selection(source="shop.Order"), viewer)

    def _press(self, button: Callable[[ExportJob], ExportJob], target: JobState) -> None:
        allowed = target in self.job.state.can
        try:
            button(self.job)
        except IllegalTransition:
            assert not allowed
        else:
            assert allowed


def test_an_export_can_be_finished_from_wherever_it_got(
    orders: Callable[[int], None], ledger: None, settings: Any
) -> None:
    orders(60)
    expected_rows.cache_clear()
    settings.EXPORTAPP_SHARD_ROWS = 15
    settings.EXPORTAPP_BATCH_ROWS = 5
    settings.EXPORTAPP_BEAT_SECONDS = 0
    bounds = search(
        max_examples=12,
        stateful_step_count=25,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Export, settings=bounds)
