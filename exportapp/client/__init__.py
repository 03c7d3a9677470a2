"""A client of the REST interface: asks once, waits, goes on where a download broke.

It needs `pip install "exportapp[client]"`, and neither Django nor anything else of exportapp.

exports    ExportClient: create, wait, watch, pause, resume, cancel, download
watching   an export until it is over, by server-sent events or by polls
trying     what is tried again, when, and for how long
fetching   a file, resumed by Range, checked and put in its place
failures   what can go wrong
"""

from __future__ import annotations

from exportapp.client.exports import ExportClient
from exportapp.client.failures import (
    ClientError,
    DamagedDownload,
    ExportNotReady,
    Refused,
    WaitedTooLong,
)

__all__ = [
    "ClientError",
    "DamagedDownload",
    "ExportClient",
    "ExportNotReady",
    "Refused",
    "WaitedTooLong",
]
