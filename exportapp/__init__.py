"""Excel exports for Django admins that cannot lose a row.

admin, api, management, checks   faces: what people and machines use; no rule lives there
client                           for programs elsewhere: no Django, nothing of the rest
jobs                             what happens to an export, from the click to the file
tables                           rows as columns: the ORM's side
models                           what the database knows
states, conf, exceptions, signals
                                 every state, setting, error and signal, once each
unknown                          what is said of a name that does not exist
flat, xlsx                       bytes: no Django, no Redis, no database
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exportapp.tables.columns import Column
    from exportapp.tables.exports import Export, Sheet, register
    from exportapp.xlsx import Kind

__all__ = ["Column", "Export", "Kind", "Sheet", "register"]

_PLACES = {
    "Column": "exportapp.tables.columns",
    "Export": "exportapp.tables.exports",
    "Kind": "exportapp.xlsx",
    "Sheet": "exportapp.tables.exports",
    "register": "exportapp.tables.exports",
}


def __getattr__(name: str) -> Any:
    # When they are asked for: whoever imports the client has no Django to import.
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)
