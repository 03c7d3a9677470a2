from __future__ import annotations

from django.apps import AppConfig


class FaultsConfig(AppConfig):
    """In INSTALLED_APPS of the processes of a plant only: there it puts the faults in."""

    name = "tests.faults"

    def ready(self) -> None:
        from tests.faults import points

        points.install()
