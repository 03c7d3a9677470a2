"""The version in what jobs keep as JSON: no worker takes a newer meaning for the old one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import gettext as _

from exportapp.exceptions import SourceChanged

VERSION: Final = 1


def require_version(data: Mapping[str, Any], what: str) -> Mapping[str, Any]:
    """The data as it is. Raises SourceChanged where code of another version wrote it."""
    if data.get("v") != VERSION:
        raise SourceChanged(
            _(
                "{what} were written by another version of exportapp (v {there} instead of "
                "{wanted}). Start the export over."
            ).format(what=what, there=data.get("v"), wanted=VERSION)
        )
    return data
