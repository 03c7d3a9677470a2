"""Those who download the same file again and again, in one process, each in a thread."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import httpx

from benchmarks.site import Site

PIECE_BYTES: Final = 8 * 2**20
"""Of every other client, which takes the file by Range."""

ERROR_SECONDS: Final = 0.5
"""Behind an error, before the next try."""


@dataclass(frozen=True, slots=True)
class Wanted:
    address: str
    size: int
    """In bytes."""
    sha256: str


@dataclass(slots=True)
class Downloads:
    bytes: int = 0
    files: int = 0
    """Those that came whole, with the right SHA-256."""
    errors: list[str] = field(default_factory=list)


def download(site: Site, wanted: Wanted, clients: int, seconds: float) -> Downloads:
    """Have so many clients take the file, at full speed, for so long."""
    each = partial(_again_and_again, site, wanted, until=time.monotonic() + seconds)
    found = Downloads()
    with ThreadPoolExecutor(max(1, clients)) as pool:
        for one in pool.map(each, range(clients)):
            found.bytes += one.bytes
            found.files += one.files
            found.errors += one.errors
    return found


def _again_and_again(site: Site, wanted: Wanted, number: int, *, until: float) -> Downloads:
    """Even numbers take the file whole, odd ones by pieces; each begins, however late it is."""
    found, step = Downloads(), PIECE_BYTES if number % 2 else wanted.size
    with httpx.Client(**site.options()) as client:
        _take(client, wanted, step, found, until)
        while time.monotonic() < until:
            _take(client, wanted, step, found, until)
    return found


def _take(client: httpx.Client, wanted: Wanted, step: int, found: Downloads, until: float) -> None:
    """The file once, or what of it comes in time."""
    digest = hashlib.sha256()
    try:
        for block in _blocks(client, wanted, step):
            if found.bytes and time.monotonic() > until:
                return
            digest.update(block)
            found.bytes += len(block)
    except (httpx.HTTPError, RuntimeError) as error:
        found.errors.append(f"download: {error!r}")
        time.sleep(ERROR_SECONDS)
        return
    if digest.hexdigest() == wanted.sha256:
        found.files += 1
    else:
        found.errors.append("download: the SHA-256 differs")


def _blocks(client: httpx.Client, wanted: Wanted, step: int) -> Iterator[bytes]:
    """The bytes of the file, asked for in requests of `step` bytes. Raises RuntimeError."""
    for first in range(0, wanted.size, step):
        headers = {"Accept-Encoding": "identity"}
        if step < wanted.size:
            headers |= {"Range": f"bytes={first}-{first + step - 1}"}
            headers |= {"If-Range": f'"{wanted.sha256}"'}
        with client.stream("GET", wanted.address, headers=headers) as answer:
            if answer.status_code != (206 if "Range" in headers else 200):
                answer.read()
                raise RuntimeError(f"{answer.status_code} {answer.text[:200]}")
            yield from answer.iter_raw()
