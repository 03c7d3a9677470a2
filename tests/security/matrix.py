"""Who may do what at every address: the tables, and the addresses as the project routes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.urls import get_resolver, reverse
from django.urls.resolvers import URLPattern

from exportapp.jobs.links import make_link

PEOPLE = ("anonymous", "visitor", "staff", "other", "owner", "lost", "root")
"""Nobody; signed in without staff; staff without rights; another clerk; who asked; the same after
the right was taken away; a superuser."""

JOB = "admin:exportapp_exportjob_"
REST = "exportapp_api:"
LOGIN = 302

ANSWERS: dict[str, tuple[str, tuple[int, ...]]] = {
    # The job is finished, and what the method asks is possible; the states are in STATES.
    #                              anonymous, visitor, staff, other, owner, lost, root
    f"{JOB}changelist": ("GET", (LOGIN, LOGIN, 200, 200, 200, 200, 200)),
    f"{JOB}add": ("GET", (LOGIN, LOGIN, 403, 403, 403, 403, 403)),
    f"{JOB}change": ("GET", (LOGIN, LOGIN, 404, 404, 200, 200, 200)),
    # Django's own answer for what it does not find leads to the admin's first page.
    f"{JOB}history": ("GET", (LOGIN, LOGIN, 302, 302, 200, 200, 200)),
    f"{JOB}delete": ("POST", (LOGIN, LOGIN, 403, 403, 403, 403, 403)),
    f"{JOB}part": ("GET", (401, 401, 404, 404, 200, 200, 200)),
    f"{JOB}do": ("POST", (LOGIN, LOGIN, 404, 404, 302, 302, 302)),
    f"{JOB}download_all": ("GET", (LOGIN, LOGIN, 404, 404, 200, 403, 200)),
    f"{JOB}download": ("GET", (LOGIN, LOGIN, 404, 404, 200, 403, 200)),
    f"{JOB}link": ("POST", (LOGIN, LOGIN, 404, 404, 200, 403, 200)),
    f"{JOB}link_all": ("POST", (LOGIN, LOGIN, 404, 404, 200, 403, 200)),
    f"{JOB}manifest": ("GET", (LOGIN, LOGIN, 404, 404, 200, 403, 200)),
    # Behind the end of an export its shards are gone.
    f"{JOB}shard": ("GET", (LOGIN, LOGIN, 404, 404, 410, 403, 410)),
    f"{JOB}operations": ("GET", (LOGIN, LOGIN, 403, 403, 403, 403, 200)),
    f"{JOB}new": ("GET", (LOGIN, LOGIN, 200, 200, 200, 200, 200)),
    f"{JOB}ask": ("GET", (LOGIN, LOGIN, 403, 200, 200, 403, 200)),
    # A preset of the owner's; whoever lost the right to its rows does not find it any more.
    f"{JOB}forget": ("POST", (LOGIN, LOGIN, 404, 404, 302, 404, 404)),
    "admin:shop_order_export_to_excel": ("POST", (LOGIN, LOGIN, 403, 302, 302, 403, 302)),
    "admin:shop_customer_export_to_excel": ("POST", (LOGIN, LOGIN, 403, 403, 403, 403, 302)),
    "admin:shop_product_export_to_excel": ("POST", (LOGIN, LOGIN, 403, 403, 403, 403, 302)),
    "admin:shop_orderline_export_to_excel": ("POST", (LOGIN, LOGIN, 403, 403, 403, 403, 302)),
    f"{REST}export-list": ("GET", (403, 200, 200, 200, 200, 200, 200)),
    f"{REST}export-detail": ("GET", (403, 404, 404, 404, 200, 200, 200)),
    f"{REST}export-pause": ("POST", (403, 404, 404, 404, 200, 200, 200)),
    f"{REST}export-resume": ("POST", (403, 404, 404, 404, 200, 200, 200)),
    f"{REST}export-cancel": ("POST", (403, 404, 404, 404, 200, 200, 200)),
    f"{REST}export-start-over": ("POST", (403, 404, 404, 404, 201, 403, 201)),
    f"{REST}export-events": ("GET", (403, 404, 404, 404, 200, 200, 200)),
    f"{REST}live": ("GET", (403, 404, 404, 404, 200, 200, 200)),
    f"{REST}export-stream": ("HEAD", (403, 403, 403, 200, 200, 403, 200)),
    # What leads nowhere leads nowhere for everybody.
    f"{REST}<^exports/>": ("GET", (404, 404, 404, 404, 404, 404, 404)),
    f"{REST}source-list": ("GET", (403, 200, 200, 200, 200, 200, 200)),
    f"{REST}source-detail": ("GET", (403, 403, 403, 200, 200, 403, 200)),
    f"{REST}export-download": ("GET", (403, 404, 404, 404, 200, 403, 200)),
    f"{REST}export-manifest": ("GET", (403, 404, 404, 404, 200, 403, 200)),
    f"{REST}export-link": ("POST", (403, 404, 404, 404, 201, 403, 201)),
    # The owner's word: whoever has the link has what the owner may have.
    f"{REST}link": ("GET", (200, 200, 200, 200, 200, 403, 200)),
    f"{REST}export-issues": ("GET", (403, 404, 404, 404, 200, 403, 200)),
    f"{REST}preset-list": ("GET", (403, 200, 200, 200, 200, 200, 200)),
    # A preset that is not shared is nobody else's.
    f"{REST}preset-detail": ("GET", (403, 404, 404, 404, 200, 404, 404)),
    # Last: files do not come back with the rows of the database.
    f"{REST}export-discard": ("POST", (403, 404, 404, 404, 200, 200, 200)),
}

CHANGES: dict[str, tuple[str, tuple[int, ...]]] = {
    # Other methods of the same addresses.
    f"{REST}export-list": ("POST", (403, 403, 403, 201, 201, 403, 201)),
    f"{REST}preset-list": ("POST", (403, 403, 403, 201, 201, 403, 201)),
    f"{REST}preset-detail": ("PUT", (403, 404, 404, 404, 200, 404, 404)),
}
REMOVALS = {f"{REST}preset-detail": ("DELETE", (403, 404, 404, 404, 204, 404, 404))}

RUNNING = {"queued", "extracting", "rendering", "merging", "uploading"}
STATES: dict[str, set[str]] = {
    "pause": RUNNING,
    "resume": {"paused", "cancelled", "failed"},
    "cancel": RUNNING | {"pausing", "paused", "failed"},
    "start_over": {"succeeded", "paused", "cancelled", "failed", "expired"},
    "discard": {"succeeded", "failed", "cancelled"},
    "download": {"succeeded"},
    "link": {"succeeded"},
    "manifest": {"succeeded", "expired"},
}
"""From which states; elsewhere it is 409, and 410 for the file of an export that is expired."""

BEFORE = {"pause": "queued", "resume": "paused", "cancel": "queued"}
"""The state in which ANSWERS are right, where that is not "succeeded"."""


def routes(patterns: Any = None, names: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """The name and path of every route of the project."""
    for found in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(found, URLPattern):
            yield ":".join([*names, found.name or f"<{found.pattern}>"]), str(found.pattern)
        else:
            inner = (*names, found.namespace) if found.namespace else names
            yield from routes(found.url_patterns, inner)


def ours() -> set[str]:
    """Those of the exports, on the admin and on the REST face."""
    return {
        name
        for name, _path in routes()
        if name.startswith((JOB, REST)) or name.endswith("_export_to_excel")
    }


def address(name: str, job: Any, preset: Any) -> str:
    """Where `name` is for this job or preset."""
    if name == f"{REST}<^exports/>":
        return "/api/exports/nowhere/at/all/"
    may_link = job.can_download and job.requested_by
    args: dict[str, list[Any]] = {
        f"{REST}link": [make_link(job, job.requested_by).token if may_link else "none"],
        f"{JOB}part": [job.pk, "job"],
        f"{JOB}do": [job.pk, "cancel"],
        f"{JOB}download": [job.pk, 1],
        f"{JOB}link": [job.pk, 1],
        f"{JOB}shard": [job.pk, 1],
        f"{JOB}ask": ["shop.Order"],
        f"{JOB}forget": [preset.pk],
        f"{REST}preset-detail": [preset.pk],
        f"{REST}source-detail": ["shop.Order"],
    }
    plain = ("changelist", "-list", "add", "new", "operations", "stream", "export_to_excel")
    found = reverse(name, args=args.get(name, [] if name.endswith(plain) else [job.pk]))
    return f"{found}?source=shop.Order" if name.endswith("-stream") else found
