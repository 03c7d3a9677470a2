"""Exports of a server, for a program that is not on it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from exportapp.client.failures import ExportNotReady, Refused
from exportapp.client.fetching import Fetch
from exportapp.client.trying import Patience, begin_anew
from exportapp.client.watching import Export, Watch


class ExportClient:
    """One server's exports, as one person. Use it as a context manager, or close it.

    `base_url` is where the addresses are included: "https://shop.example.com/api/". `token` goes
    into `Authorization: Token …`; `headers` and `auth` (any of httpx) are for other ways.
    Whatever breaks on the way is tried again within the deadline of `patience`: lost connections,
    429, 502, 503 and 504, waiting as long as Retry-After says.

    Each method raises Refused with the server's own words, and httpx.TransportError when the
    deadline is over without an answer.
    """

    def __init__(
        self,
        base_url: str,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
        auth: httpx.Auth | tuple[str, str] | None = None,
        timeout: float = 30.0,
        patience: Patience | None = None,
        **options: Any,
    ) -> None:
        told = dict(headers or {})
        if token is not None:
            told["Authorization"] = f"Token {token}"
        self.patience = patience or Patience()
        self._http = httpx.Client(
            base_url=base_url, headers=told, auth=auth, timeout=timeout, **options
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def create(self, source: str | None = None, *, key: str | None = None, **asked: Any) -> Export:
        """Ask for an export; `asked` are the other members of the body, such as `filters`.

        Whatever is tried again carries the same Idempotency-Key, so that it makes one export.
        Give a `key` of your own to find the same export also from another process.
        """
        body = asked if source is None else {"source": source, **asked}
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        return self._export("POST", "exports/", json=body, headers=headers)

    def get(self, export_id: str) -> Export:
        return self._export("GET", f"exports/{export_id}/")

    def pause(self, export_id: str) -> Export:
        return self._deed(export_id, "pause")

    def resume(self, export_id: str) -> Export:
        return self._deed(export_id, "resume")

    def cancel(self, export_id: str) -> Export:
        return self._deed(export_id, "cancel")

    def wait(
        self,
        export_id: str,
        *,
        timeout: float = 3600.0,
        on_progress: Callable[[Export], object] | None = None,
    ) -> Export:
        """The export when it has its files; `on_progress` is called when it has changed.

        Raises ExportNotReady where it ends otherwise, and WaitedTooLong after `timeout` seconds;
        a paused one may be resumed, and is waited for.
        """
        found = Export()
        for found in self.watch(export_id, timeout=timeout):
            if on_progress:
                on_progress(found)
        if not found["links"]["download"]:
            raise ExportNotReady(found)
        return found

    def watch(self, export_id: str, *, timeout: float = 3600.0) -> Iterator[Export]:
        """The export as it is and whenever it has changed, until it is over.

        By server-sent events, gone on with where they broke; by polls where the server has none, or
        no place for one more client. Raises WaitedTooLong.
        """
        address = f"exports/{export_id}/"
        return Watch(
            http=self._http,
            address=address,
            look=lambda headers: self._send("GET", address, headers=headers),
            patience=self.patience,
            until=time.monotonic() + timeout,
            seconds=timeout,
        ).changes()

    def download(self, export_id: str, path: str | Path, *, file: int | None = None) -> Path:
        """Write the file to `path`: file number `file`, or all of several as one zip.

        A broken download goes on where it broke, also in another process while `path` with
        ".part" behind it is there. The file has its name when its SHA-256 is right. Raises
        DamagedDownload where it is not, and ExportNotReady where there is none.
        """
        export = self.get(export_id)
        if not export["links"]["download"]:
            raise ExportNotReady(export)
        files = [each for each in export["files"] if file in (None, each["number"])]
        query = "" if file is None else f"?file={file}"
        url, target = f"exports/{export_id}/download/{query}", Path(path)
        fetch = Fetch(self._http, url, target, files or export["files"])
        for attempt in self.patience.attempts():
            with attempt:
                fetch.moved = partial(begin_anew, attempt)
                fetch.go_on()
        fetch.finish()
        return target

    def export(
        self,
        source: str | None,
        path: str | Path,
        *,
        timeout: float = 3600.0,
        on_progress: Callable[[Export], object] | None = None,
        **asked: Any,
    ) -> Path:
        """Ask, wait and download."""
        made = self.create(source, **asked)
        self.wait(made["id"], timeout=timeout, on_progress=on_progress)
        return self.download(made["id"], path)

    def _deed(self, export_id: str, name: str) -> Export:
        address, tried = f"exports/{export_id}/{name}/", 0
        for attempt in self.patience.attempts():
            with attempt:
                tried += 1
                try:
                    return self._once("POST", address).json()  # type: ignore[no-any-return]
                except Refused as error:
                    # The answer to the first one may have been lost behind the deed.
                    if error.status != httpx.codes.CONFLICT or tried == 1:
                        raise
        return self.get(export_id)

    def _export(self, method: str, address: str, **told: Any) -> Export:
        return self._send(method, address, **told).json()  # type: ignore[no-any-return]

    def _send(self, method: str, address: str, **told: Any) -> httpx.Response:
        for attempt in self.patience.attempts():
            with attempt:
                return self._once(method, address, **told)
        raise AssertionError("the last error was raised")

    def _once(self, method: str, address: str, **told: Any) -> httpx.Response:
        answer = self._http.request(method, address, **told)
        if answer.is_error:
            raise Refused.of(answer)
        return answer
