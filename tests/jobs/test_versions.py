"""What another version of the package wrote is refused, not guessed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from exportapp.exceptions import SourceChanged
from exportapp.jobs.layout import Layout
from exportapp.jobs.work import step, work
from exportapp.models import ExportJob
from exportapp.states import JobState, ShardState


@pytest.mark.parametrize("change", [{"v": 2}, {"v": None}])
def test_a_layout_of_another_version_is_refused(change: dict[str, Any]) -> None:
    data = Layout([3], [8.0], [False]).to_json()
    assert Layout.from_json(data) == Layout([3], [8.0], [False])
    with pytest.raises(SourceChanged, match="another version"):
        Layout.from_json(data | change)


def test_facts_of_another_version_end_the_export_before_a_row_has_its_place(
    orders: Callable[[int], None], ask: Callable[..., ExportJob]
) -> None:
    orders(10)
    job = ask()
    while not job.shards.filter(status=ShardState.EXTRACTED).exists():
        assert step(job), job.error
    job.shards.update(facts={"v": 2, "columns": []})

    work(job.pk)

    job.refresh_from_db()
    assert job.state == JobState.FAILED
    assert "another version" in job.error
    assert job.layout is None


def test_spans_of_another_version_end_the_export_before_a_file_is_made(
    orders: Callable[[int], None], ask: Callable[..., ExportJob]
) -> None:
    orders(10)
    job = ask()
    while job.state != JobState.MERGING:
        assert step(job), job.error
        job.refresh_from_db()
    shard = job.shards.get()
    shard.spans["v"] = 2
    shard.save(update_fields=["spans"])

    work(job.pk)

    job.refresh_from_db()
    assert job.state == JobState.FAILED
    assert "another version" in job.error
    assert not job.files.exists()
