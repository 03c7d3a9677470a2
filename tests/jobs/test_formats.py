"""The same rows as other kinds of file, from the same Arrow files and by the same pieces."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from exportapp.exceptions import RequestRefused, UnknownName
from exportapp.jobs import files, lifecycle, work
from exportapp.jobs.formats import format_of
from exportapp.models import ExportJob, ExportShard
from exportapp.tables.selection import Selection, Viewer
from project.shop.models import Order
from tests.jobs.conftest import finish
from tests.oracle import TITLES

Ask = Callable[..., ExportJob]
Orders = Callable[[int], None]
COLUMNS = ("number", "customer__name", "amount", "created_at", "gift", "ledger_no", "note")


@pytest.fixture
def make(operator: Viewer) -> Callable[..., Path]:
    """The finished file of an export of the orders with these options."""

    def made(columns: tuple[str, ...] | None = COLUMNS, **options: Any) -> Path:
        asked = Selection(source="shop.Order", columns=columns)
        job, _ = lifecycle.create(asked, operator, options=options, queue=False)
        return finish(job)

    return made


def rows() -> list[list[str]]:
    return [
        [
            order.number,
            order.customer.name,
            str(order.amount),
            f"{order.created_at:%Y-%m-%d %H:%M:%S.%f}".replace(".000000", ""),
            str(order.gift).lower(),
            str(order.ledger_no),
            order.note or "",
        ]
        for order in Order.objects.select_related("customer").order_by("-created_at", "-id")
    ]


def read(text: str, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))


def test_a_csv_has_every_row_as_the_database_has_it(
    orders: Orders, make: Callable[..., Path], settings: Any
) -> None:
    orders(1200)
    settings.EXPORTAPP_SHARD_ROWS = 250
    settings.EXPORTAPP_BATCH_ROWS = 33
    path = make(format="csv", formulas="keep")
    data = path.read_bytes()
    assert path.name.startswith("orders.f") and path.suffix == ".csv"
    assert data.startswith(b"\xef\xbb\xbf")
    found = read(data.decode("utf-8-sig"))
    assert len(found[0]) == len(COLUMNS) and found[0][0] == TITLES[0]
    assert found[1:] == rows()


def test_shards_and_compression_change_nothing_in_a_csv(
    orders: Orders, make: Callable[..., Path], settings: Any
) -> None:
    orders(900)
    whole = make(format="csv").read_bytes()
    settings.EXPORTAPP_SHARD_ROWS = 100
    assert make(format="csv", bom=True).read_bytes() == whole
    zipped = make(format="csv", gzip=True)
    assert zipped.name.endswith(".csv.gz")
    assert gzip.decompress(zipped.read_bytes()) == whole
    bare = make(format="csv", bom=False, delimiter=";").read_bytes().decode()
    assert read(bare, ";") == read(whole.decode("utf-8-sig"))


def test_a_parquet_is_typed_and_whole(
    orders: Orders, make: Callable[..., Path], settings: Any
) -> None:
    orders(1200)
    settings.EXPORTAPP_SHARD_ROWS = 250
    path = make(format="parquet")
    table = pq.read_table(path)
    assert table.column_names == list(COLUMNS)
    assert pa.types.is_decimal(table.schema.field("amount").type)
    assert table.schema.field("created_at").type == pa.timestamp("us", tz="UTC")
    expected = list(
        Order.objects.order_by("-created_at", "-id").values_list(
            "number", "customer__name", "amount", "created_at", "gift", "ledger_no", "note"
        )
    )
    assert list(zip(*(column.to_pylist() for column in table.columns), strict=True)) == expected
    assert pq.ParquetFile(path).num_row_groups == 5


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_foreign_readers_count_the_same_and_sum_the_same(
    orders: Orders, make: Callable[..., Path], settings: Any, format: str
) -> None:
    orders(700)
    settings.EXPORTAPP_SHARD_ROWS = 150
    path = make(format=format)
    total = sum(order.amount for order in Order.objects.all())
    reader = "read_csv" if format == "csv" else "read_parquet"
    name = "Amount" if format == "csv" else "amount"
    said = duckdb.sql(f"SELECT count(*), sum({name})::DECIMAL(18, 2) FROM {reader}('{path}')")
    assert said.fetchone() == (700, total)
    frame = getattr(polars, reader)(path)
    assert frame.height == 700
    assert round(float(frame[name].sum()), 2) == float(total)


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_an_export_without_rows_has_its_columns_all_the_same(
    transactional_db: None, make: Callable[..., Path], format: str
) -> None:
    path = make(format=format)
    if format == "csv":
        (titles,) = read(path.read_text("utf-8-sig"))
        assert titles[0] == TITLES[0]
    else:
        table = pq.read_table(path)
        assert (table.num_rows, table.column_names) == (0, list(COLUMNS))


@pytest.mark.parametrize("options", [{"format": "csv", "gzip": True}, {"format": "parquet"}])
def test_a_damaged_shard_is_made_again(
    orders: Orders, operator: Viewer, settings: Any, options: dict[str, Any]
) -> None:
    orders(300)
    settings.EXPORTAPP_SHARD_ROWS = 100
    asked = Selection(source="shop.Order", columns=COLUMNS)
    job, _ = lifecycle.create(asked, operator, options=options, queue=False)
    while job.status != "merging":
        assert work.step(job)
        job.refresh_from_db()
    shard = ExportShard.objects.filter(job=job).first()
    assert shard is not None
    path = files.local_path(shard.xlsx_path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    made = finish(job)
    twin, _ = lifecycle.create(asked, operator, options=options, request_key="twin", queue=False)
    assert made.read_bytes() == finish(twin).read_bytes()


def test_what_a_workbook_cannot_hold_is_no_issue_of_a_csv(orders: Orders, operator: Viewer) -> None:
    orders(1)
    Order.objects.update(note="x" * 40_000 + "\x01")
    counted = {}
    for format in ("csv", "xlsx"):
        asked = Selection(source="shop.Order", columns=COLUMNS)
        job, _ = lifecycle.create(asked, operator, options={"format": format}, queue=False)
        finish(job)
        job.refresh_from_db()
        counted[format] = job.issues_counted
    assert counted["csv"] == {}
    assert counted["xlsx"]["text_cut"] == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"format": "ods"}, "Unknown format 'ods'. Valid: xlsx, csv, parquet."),
        ({"fromat": "csv"}, "Unknown option 'fromat'. Did you mean 'format'?"),
        ({"delimiter": ";"}, "'delimiter' is an option of csv; the format is xlsx."),
        ({"format": "csv", "delimiter": ""}, "Unknown delimiter ''."),
        ({"format": "csv", "gzip": "maybe"}, "Unknown gzip 'maybe'. Valid: true, false."),
    ],
)
def test_options_that_there_are_not_are_refused_at_the_door(
    transactional_db: None, operator: Viewer, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(RequestRefused) as refused:
        lifecycle.create(Selection(source="shop.Order"), operator, options=options, queue=False)
    assert str(refused.value).startswith(said)
    assert isinstance(refused.value, UnknownName) == said.startswith("Unknown")
    assert not ExportJob.objects.exists()


def test_the_setting_is_what_nobody_says_otherwise(
    transactional_db: None, operator: Viewer, settings: Any
) -> None:
    settings.EXPORTAPP_OPTIONS = {"format": "csv", "delimiter": ";"}
    asked = Selection(source="shop.Order")
    plain, _ = lifecycle.create(asked, operator, queue=False)
    assert plain.options == {"format": "csv", "delimiter": ";"}
    assert plain.filename == "orders.csv"
    other, new = lifecycle.create(asked, operator, options={"format": "xlsx"}, queue=False)
    assert new and other.options == {} and other.filename == "orders.xlsx"
    assert format_of(other).extension == ".xlsx"
    again, new = lifecycle.create(asked, operator, options={"bom": True}, queue=False)
    assert not new and again == plain
