from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from exportapp.jobs.reconcile import reconcile
from exportapp.jobs.retention import expire


class Command(BaseCommand):
    help = (
        "Free lost leases, end stops that nobody is left to end, wake workers, remove what has "
        "expired. Safe at any time."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{reconcile()} exports looked after.")
        self.stdout.write(f"{expire()} expired and removed.")
