from __future__ import annotations

ARCHIVE = "archive"


class ArchiveRouter:
    """Relics are in a database of their own."""

    def db_for_read(self, model, **hints):
        return ARCHIVE if model._meta.label_lower == "gallery.relic" else None

    db_for_write = db_for_read

    def allow_migrate(self, db, app_label, model_name=None, **hints):
        return (db == ARCHIVE) == ((app_label, model_name) == ("gallery", "relic"))
