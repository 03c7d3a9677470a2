"""The version in what jobs keep as JSON: no worker takes a newer meaning for the old one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from exportapp.exceptions import SourceChanged

VERSION: Final = 1


def require_version(data: Mapping[str, Any], what: str) -> Mapping[str, Any]:
    """The data as it is. Raises SourceChanged where code of another version wrote it."""
    if data.get("v") != VERSION:
        raise SourceChanged(
            f"{what} were written by another version of exportapp (v {data.get('v')} instead of "
            f"{VERSION}). Start the export over."
        )
    return data
