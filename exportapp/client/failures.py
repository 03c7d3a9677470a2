"""What can go wrong for a client; errors of the connection stay httpx's own.

* ClientError
  x Refused           the server answered with an error; it has the problem details (RFC 9457)
  x ExportNotReady    the export ended without a file
  x WaitedTooLong     it has not ended in time
  x DamagedDownload   the file that came is not the one that was made
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import httpx


class ClientError(Exception):
    """An export could not be had."""


class Refused(ClientError):
    """The server answered with an error."""

    def __init__(self, status: int, problem: Mapping[str, Any], headers: httpx.Headers) -> None:
        self.status, self.problem, self.headers = status, dict(problem), headers
        super().__init__(f"{status} {self.title}: {self.detail}".removesuffix(": "))

    @classmethod
    def of(cls, response: httpx.Response) -> Self:
        try:
            problem = response.json()
        except ValueError:
            problem = {}
        known = problem if isinstance(problem, dict) else {}
        return cls(
            response.status_code, {"title": response.reason_phrase} | known, response.headers
        )

    @property
    def title(self) -> str:
        return str(self.problem.get("title", ""))

    @property
    def detail(self) -> str:
        return str(self.problem.get("detail", ""))

    @property
    def code(self) -> str:
        """The error's name for machines; empty where the answer is none of exportapp's."""
        return str(self.problem.get("code", ""))

    @property
    def valid(self) -> list[str]:
        """Names that would have been right."""
        return list(self.problem.get("valid", ()))

    @property
    def errors(self) -> dict[str, Any]:
        """Messages by member of the request."""
        return dict(self.problem.get("errors", {}))


class ExportNotReady(ClientError):
    """The export ended without a file."""

    def __init__(self, export: Mapping[str, Any]) -> None:
        self.export = dict(export)
        """As the server shows it."""
        error = export.get("error") or {}
        said = error.get("message") or export.get("state_label") or "not ready"
        super().__init__(f"Export {export.get('id')}: {said}")


class WaitedTooLong(ClientError):
    """The export has not ended in time; it goes on without whoever waited."""

    def __init__(self, export: Mapping[str, Any], seconds: float) -> None:
        self.export = dict(export)
        super().__init__(f"Export {export.get('id')} did not end within {seconds:g} s.")


class DamagedDownload(ClientError):
    """The file that came is not the one that was made."""
