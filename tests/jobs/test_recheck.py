"""A finished file is read back again, as far as that can be by then."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from exportapp.exceptions import VerificationFailed
from exportapp.jobs import delivery, files
from exportapp.jobs.journal import Happened
from exportapp.jobs.recheck import Compared, recheck
from exportapp.models import ExportJob
from exportapp.tables.selection import Operator
from tests.jobs.conftest import finish
from tests.jobs.test_verify import event

Orders = Callable[[int], None]
Ask = Callable[..., ExportJob]


@pytest.mark.usefixtures("small")
def test_long_after_a_verified_export_its_columns_are_compared_with_their_checksums(
    orders: Orders, ask_verified: Ask
) -> None:
    orders(300)
    job = ask_verified()
    finish(job)
    told = json.loads(job.manifest)["files"]
    assert recheck(job, Operator()) is Compared.COLUMNS

    told[0]["sheets"][0]["checksums"]["number"] = "0" * 64
    manifest = json.loads(job.manifest) | {"files": told}
    ExportJob.objects.filter(pk=job.pk).update(manifest=json.dumps(manifest))
    job.refresh_from_db()
    with pytest.raises(VerificationFailed, match="the column 'number' is not what it was"):
        recheck(job, Operator())


def test_while_the_rows_are_kept_every_cell_is_compared(
    orders: Orders, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders(50)
    monkeypatch.setattr(files, "remove_except", lambda job, keep: 0)
    job = ask()
    finish(job)
    assert recheck(job, Operator()) is Compared.CELLS


def test_of_an_export_that_was_not_verified_rows_are_counted(orders: Orders, ask: Ask) -> None:
    orders(50)
    job = ask()
    finish(job)
    assert recheck(job, Operator()) is Compared.COUNTS
    assert event(job, Happened.VERIFIED).data == {
        "file": 1,
        "compared": "COUNTS",
        "by": "operator",
    }


def test_a_file_that_was_found_damaged_is_not_handed_out_until_it_is_sound(
    orders: Orders, ask: Ask
) -> None:
    orders(50)
    job = ask()
    path = finish(job)
    whole = path.read_bytes()
    half = len(whole) // 2
    path.write_bytes(whole[:half] + bytes([whole[half] ^ 1]) + whole[half + 1 :])
    delivery.deliver(job, Operator())

    with pytest.raises(VerificationFailed, match="digest differs"):
        recheck(job, Operator())
    with pytest.raises(delivery.FileDamaged, match="Make the export again"):
        delivery.deliver(job, Operator())
    assert event(job, Happened.ALARM).data["about"] == "verify"

    path.write_bytes(whole)
    recheck(job, Operator())
    assert delivery.deliver(job, Operator()).size == len(whole)
