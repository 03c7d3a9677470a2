"""The endpoint that sends a file while rows are read: what may be asked for, and what comes."""

from __future__ import annotations

import csv
import gzip
import io
import logging
from typing import Any

import openpyxl
import pytest

from exportapp.tables import scan
from project.shop.models import Order
from tests.api.conftest import URL, finished, worked
from tests.api.workbooks import body_of

STREAM = "/api/exports/stream/"
ORDERS = {"source": "shop.Order"}


def cells(data: bytes) -> list[list[tuple[Any, ...]]]:
    book = openpyxl.load_workbook(io.BytesIO(data))
    return [list(sheet.iter_rows(values_only=True)) for sheet in book.worksheets]


def test_the_stream_has_the_cells_and_the_name_of_the_same_export(shop, api):
    body = {"filters": {"status": "paid"}, "order": ["-number"], "columns": ["number", "amount"]}
    query = {"filters[status]": "paid", "order": "-number", "columns": ["number", "amount"]}
    export = finished(api, **body)
    made = body_of(api.get(export["links"]["download"]))

    response = api.get(STREAM, ORDERS | query)

    assert response.status_code == 200
    assert cells(body_of(response)) == cells(made)
    assert response["Content-Disposition"] == 'attachment; filename="orders.xlsx"'
    assert response["Cache-Control"] == "private, no-store"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["X-Accel-Buffering"] == "no"
    assert "Content-Length" not in response and "ETag" not in response


def test_a_csv_is_the_same_lines_plain_and_compressed(shop, api):
    said = {"format": "csv", "delimiter": ";", "bom": False}
    export = finished(api, options=said)
    made = body_of(api.get(export["links"]["download"]))
    query = ORDERS | {f"options[{name}]": str(value).lower() for name, value in said.items()}

    plain, packed = (api.get(STREAM, query | more) for more in ({}, {"options[gzip]": "true"}))

    assert plain["Content-Type"] == "text/csv; charset=utf-8"
    assert packed["Content-Type"] == "application/gzip"
    assert body_of(plain) == made == gzip.decompress(body_of(packed))


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ({"options[format]": "parquet"}, "xlsx, csv"),
        ({"options[verify]": "true"}, "false"),
        ({"options[strings]": "shared"}, "inline"),
        ({"options[colour]": "red"}, "compact"),
        ({"columns": "nothing"}, "number"),
        ({"order": "nothing"}, "number"),
        ({"filters[nothing]": "1"}, "status"),
        ({"filters": "paid"}, "filters"),
        ({"consistency": "snapshot"}, "columns"),
        ({"colour": "red"}, "columns"),
        ({"preset": "7"}, "preset"),
        ({"source": ""}, "source"),
        ({"policy": "nothing"}, "policy"),
    ],
)
def test_a_wrong_request_is_refused_before_anything_is_sent(api, said, named):
    response = api.get(STREAM, ORDERS | said)

    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    assert named in response.content.decode()


def test_only_who_may_export_the_rows_gets_them(api, person, sign_in, client):
    stranger = sign_in(person("bob", may_export=False))

    assert stranger.get(STREAM, ORDERS).status_code == 403
    assert client.get(STREAM, ORDERS).status_code == 403
    assert api.get(STREAM, {"source": "auth.User"}).status_code in {400, 403}


def test_more_rows_than_a_stream_may_have_are_refused_at_the_door(shop, api, settings):
    settings.EXPORTAPP_STREAM_ROWS = 24
    refused = api.get(STREAM, ORDERS)
    settings.EXPORTAPP_STREAM_ROWS = 25

    assert refused.status_code == 400 and "at most 24 rows" in refused.json()["detail"]
    assert api.get(STREAM, ORDERS).status_code == 200


def test_rows_that_come_meanwhile_break_it_where_they_are_too_many(
    shop, api, settings, monkeypatch
):
    settings.EXPORTAPP_STREAM_ROWS = 25
    monkeypatch.setattr(scan, "RANGE_BYTES", 2_000)
    response = api.get(STREAM, ORDERS | {"order": "id", "options[format]": "csv"})
    sent, pieces = [], iter(response)
    sent.append(next(pieces))
    order = Order.objects.order_by("pk").last()
    order.pk, order.number = None, "one more"
    order.save()

    with pytest.raises(ValueError, match="at most 25 rows"):
        sent.extend(pieces)
    response.close()

    with pytest.raises(csv.Error, match="unexpected end of data"):
        list(csv.reader(io.StringIO(b"".join(sent).decode("utf-8-sig")), strict=True))


def test_the_head_of_a_stream_reads_no_row(shop, api, monkeypatch):
    monkeypatch.setattr(scan, "read", None)

    response = api.head(STREAM, ORDERS)

    assert response.status_code == 200 and body_of(response) == b""
    assert "filename" in response["Content-Disposition"]
    assert "Content-Length" not in response


def test_who_took_what_is_in_the_log(shop, api, caplog):
    caplog.set_level(logging.INFO, "exportapp")
    query = ORDERS | {"filters[status]": "paid"}
    trace = "0af7651916cd43dd8448eb211c80319c"
    response = api.get(STREAM, query, headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"})
    size = len(body_of(response))

    (line,) = [record.msg for record in caplog.records if record.msg.get("stream")]

    assert (line["event"], line["user"], line["source"]) == ("streamed", "ann", "shop.Order")
    assert line["rows"] == Order.objects.filter(status="paid").count()
    assert (line["bytes"], line["trace_id"]) == (size, trace)
    assert line["selection"]["query"] == {"status": ["paid"]}


def test_a_registered_export_takes_its_parameters_from_the_query(shop, api):
    body = {"since": "2000-01-01", "status": ["paid"], "least": "10"}
    query = {"parameters[since]": "2000-01-01", "parameters[status][]": "paid"}
    asked = api.post(URL, {"export": "paid-orders", "parameters": body}, format="json").json()
    export = worked(api, asked)
    made = body_of(api.get(export["links"]["download"]))

    response = api.get(STREAM, {"export": "paid-orders", "parameters[least]": "10"} | query)

    assert response.status_code == 200, response.content
    assert cells(body_of(response)) == cells(made)
    assert "paid-orders-2000-01-01.xlsx" in response["Content-Disposition"]
