from __future__ import annotations

import os

from django.apps import AppConfig

AWAY = "AWAY_SECONDS"
"""In the environment: how long a process leaves a Redis alone that did not answer."""


class FaultsConfig(AppConfig):
    """In INSTALLED_APPS of the processes of a plant only: there it puts the faults in."""

    name = "tests.faults"

    def ready(self) -> None:
        from exportapp.jobs import progress
        from tests.faults import points

        points.install()
        progress.AWAY_SECONDS = float(os.environ.get(AWAY, progress.AWAY_SECONDS))
