"""A file on its way: kept as `.part`, resumed by Range, checked, then put in its place at once.

Source: RFC 9110, 13.1.5 (If-Range), 14.2 (Range), 15.3.7 (206), 15.5.17 (416).
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from exportapp.client.failures import DamagedDownload, Refused

BLOCK: Final = 1 << 20


@dataclass
class Fetch:
    http: httpx.Client
    url: str
    path: Path
    files: Sequence[Mapping[str, Any]]
    """Name, size and SHA-256 of what is to come; several come as one zip."""
    moved: Callable[[], None] = lambda: None
    """Called when bytes came."""

    def __post_init__(self) -> None:
        self.part = self.path.with_name(f"{self.path.name}.part")
        # The validator of one file is its SHA-256; that of a zip is known from its first answer,
        # and what another process left of one is of no use.
        self._etag = f'"{self.files[0]["sha256"]}"' if len(self.files) == 1 else ""
        if not self._etag:
            self.part.unlink(missing_ok=True)

    def go_on(self) -> None:
        """Get what is missing. Raises Refused, DamagedDownload, and errors of httpx."""
        have = self.part.stat().st_size if self.part.exists() else 0
        headers = {"Accept-Encoding": "identity"}
        if have:
            headers |= {"Range": f"bytes={have}-", "If-Range": self._etag}
        with self.http.stream("GET", self.url, headers=headers, follow_redirects=True) as answer:
            if answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE and have:
                if answer.headers.get("Content-Range") == f"bytes */{have}":
                    return
                # What is there is of another file.
                self.part.unlink()
                raise httpx.ReadError("The part that was there is longer than the file.")
            if not answer.is_success:
                answer.read()
                raise Refused.of(answer)
            self._etag = self._etag or answer.headers.get("ETag", "")
            self._take(answer, goes_on=_starts_at(answer, have))

    def finish(self) -> None:
        """Check the file and give it its name. Raises DamagedDownload; it is gone then."""
        try:
            if len(self.files) == 1:
                with self.part.open("rb") as file:
                    _require(self.files[0], _sha256(file))
            else:
                self._check_members()
        except (DamagedDownload, zipfile.BadZipFile) as error:
            self.part.unlink()
            raise DamagedDownload(str(error)) from error
        os.replace(self.part, self.path)
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _take(self, answer: httpx.Response, *, goes_on: bool) -> None:
        with self.part.open("ab" if goes_on else "wb") as file:
            try:
                for block in answer.iter_raw():
                    file.write(block)
                    self.moved()
            finally:
                file.flush()
                os.fsync(file.fileno())

    def _check_members(self) -> None:
        with zipfile.ZipFile(self.part) as archive:
            for known in self.files:
                try:
                    with archive.open(known["filename"]) as member:
                        _require(known, _sha256(member))
                except KeyError as error:
                    raise DamagedDownload(f"{known['filename']} is missing.") from error


def _starts_at(answer: httpx.Response, have: int) -> bool:
    told = answer.headers.get("Content-Range", "")
    return answer.status_code == httpx.codes.PARTIAL_CONTENT and told.startswith(f"bytes {have}-")


def _sha256(file: Any) -> str:
    digest = hashlib.sha256()
    while block := file.read(BLOCK):
        digest.update(block)
    return digest.hexdigest()


def _require(known: Mapping[str, Any], found: str) -> None:
    if known["sha256"] != found:
        raise DamagedDownload(
            f"{known['filename']} has the SHA-256 {found}; it was made with {known['sha256']}."
        )
