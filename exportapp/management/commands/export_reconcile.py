from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from exportapp.jobs.notices.sending import tell
from exportapp.jobs.upkeep import take_turn


class Command(BaseCommand):
    help = (
        "Free lost leases, end stops that nobody is left to end, wake workers, remove what has "
        "expired and what nothing names, send notices that are due. Safe at any time, from any "
        "host."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        turn = take_turn(thorough=True)
        if turn is None:
            self.stdout.write("Another one is at it.")
        else:
            self.stdout.write(f"{turn.looked_after} exports looked after.")
            self.stdout.write(f"{turn.removed} expired and removed.")
        # Here as well: where the command is the clock there may be no worker at all.
        self.stdout.write(f"{tell()} notices sent.")
