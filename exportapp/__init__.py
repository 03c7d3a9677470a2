"""Excel exports for Django admins that cannot lose a row.

admin, api, management, checks   faces: what people and machines use; no rule lives there
jobs                             what happens to an export, from the click to the file
tables                           rows as columns: the ORM's side
models                           what the database knows
states, conf, exceptions, signals
                                 every state, setting, error and signal, once each
flat, xlsx                       bytes: no Django, no Redis, no database
"""

from __future__ import annotations

from exportapp.tables.columns import Column
from exportapp.tables.exports import Export, Sheet, register
from exportapp.xlsx import Kind

__all__ = ["Column", "Export", "Kind", "Sheet", "register"]
