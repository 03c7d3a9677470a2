"""A response that is read to its end, the file that it is of, and what was noted of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from exportapp.jobs.files import local_path
from exportapp.models import ExportJob

Get = Callable[..., Any]


def body(response: Any) -> bytes:
    data = b"".join(response) if response.streaming else response.content
    response.close()
    return bytes(data)


def whole(job: ExportJob) -> bytes:
    return local_path(job.files.get(number=1).path).read_bytes()


def taken(job: ExportJob) -> list[Any]:
    events = job.events.filter(kind="downloaded").order_by("pk")
    return [event.data["file"] for event in events]
