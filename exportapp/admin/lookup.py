"""Which template shows something of a model: the rule is in `jobs.lookup`, mails follow it too."""

from __future__ import annotations

from exportapp.jobs.lookup import templates_for

__all__ = ["templates_for"]
