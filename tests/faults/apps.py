from __future__ import annotations

import os

from django.apps import AppConfig

AWAY = "AWAY_SECONDS"
"""In the environment: how long a process leaves a Redis alone that did not answer."""


class FaultsConfig(AppConfig):
    """In INSTALLED_APPS of the processes of a plant only: there it puts the faults in."""

    name = "tests.faults"

    def ready(self) -> None:
        from exportapp.jobs.away import OF_ANCHORS
        from tests.faults import points

        points.install()
        OF_ANCHORS.seconds = float(os.environ.get(AWAY, OF_ANCHORS.seconds))
