from __future__ import annotations

from io import BytesIO
from typing import Any

from openpyxl import load_workbook
from rest_framework.test import APIClient


def body_of(response: Any) -> bytes:
    """All bytes of a streamed answer; its file is closed then."""
    body = b"".join(response.streaming_content)
    response.close()
    return body


def rows_of(body: bytes) -> list[tuple[Any, ...]]:
    """Every row of the first sheet, the titles first."""
    book = load_workbook(BytesIO(body), read_only=True)
    try:
        return list(book.worksheets[0].iter_rows(values_only=True))
    finally:
        book.close()


def downloaded_rows(client: APIClient, export: Any) -> list[tuple[Any, ...]]:
    response = client.get(export["links"]["download"])
    assert response.status_code == 200, response.content
    return rows_of(body_of(response))
