"""Parts of a file as a response: which are asked for, and of which file."""

from __future__ import annotations

import pytest

from exportapp.exceptions import RangeNotSatisfiable
from exportapp.models import ExportJob
from tests.jobs.transfers import Get, body, taken, whole

PARTS = {
    "bytes=0-99": slice(0, 100),
    "bytes=100-": slice(100, None),
    "bytes=0-": slice(0, None),
    "bytes=-50": slice(-50, None),
    "bytes=7-7": slice(7, 8),
    "bytes=10-999999999": slice(10, None),
    "bytes=-999999999": slice(0, None),
    "BYTES=5-9": slice(5, 10),
}


def test_one_range_is_answered_with_that_part(job: ExportJob, get: Get) -> None:
    data = whole(job)
    for asked, part in PARTS.items():
        response = get(job, Range=asked)
        found = body(response)
        assert (response.status_code, found) == (206, data[part]), asked
        first = part.indices(len(data))[0]
        place = f"bytes {first}-{first + len(found) - 1}/{len(data)}"
        assert response["Content-Range"] == place
        assert response["Content-Length"] == str(len(found))
        assert response["Content-Disposition"] == 'attachment; filename="orders.xlsx"'


NO_SINGLE_RANGE = (
    *("bytes=0-1,5-6", "bytes=9-5", "bytes=-", "bytes=a-b", "rows=0-9", "0-9", "bytes="),
    "bytes=1_0-",
)


def test_what_is_no_single_range_is_answered_with_everything(job: ExportJob, get: Get) -> None:
    for asked in NO_SINGLE_RANGE:
        response = get(job, Range=asked)
        assert (response.status_code, body(response)) == (200, whole(job)), asked
        assert "Content-Range" not in response.headers, asked


def test_a_range_behind_the_end_is_refused_with_the_size(job: ExportJob, get: Get) -> None:
    size = len(whole(job))
    for asked in (f"bytes={size}-", "bytes=99999999-", "bytes=-0"):
        with pytest.raises(RangeNotSatisfiable, match=f"The file has {size} bytes") as refused:
            get(job, Range=asked)
        assert refused.value.headers == {"Content-Range": f"bytes */{size}"}, asked
    assert taken(job) == []


def test_a_range_counts_only_for_the_file_that_its_beginning_was_of(
    job: ExportJob, get: Get
) -> None:
    etag = f'"{job.files.get().sha256}"'
    rest = get(job, Range="bytes=5-", **{"If-Range": etag})
    assert (rest.status_code, body(rest)) == (206, whole(job)[5:])
    for other in ('"another"', f"W/{etag}", "Sat, 21 Nov 2026 15:40:00 GMT"):
        response = get(job, Range="bytes=5-", **{"If-Range": other})
        assert (response.status_code, body(response)) == (200, whole(job))
    # Also where the range lies behind the end of what is there now.
    answer = get(job, Range="bytes=99999999-", **{"If-Range": '"another"'})
    assert (answer.status_code, body(answer)) == (200, whole(job))
