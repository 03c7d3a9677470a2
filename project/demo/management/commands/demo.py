from __future__ import annotations

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from project.demo.show import perform
from project.environment import flag


class Command(BaseCommand):
    help = "Seed the shop, export it through two workers, then serve the admin."
    # Checks run again in the migrations and the workers; the database may not be there yet.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        rows = int(os.environ.get("ROWS", "200000"))
        parser.add_argument("--rows", type=int, default=rows, help="orders to export (ROWS)")
        parser.add_argument(
            "--no-serve",
            dest="serve",
            action="store_false",
            default=flag("SERVE", default=True),
            help="stop after the export (SERVE=0)",
        )

        parser.add_argument("--address", default="127.0.0.1:8000", help="where to serve")
        parser.add_argument("--folder", type=Path, default=Path("var"), help="for file and logs")

    def handle(self, *, rows: int, serve: bool, address: str, folder: Path, **options: Any) -> None:
        where = address if serve else None
        try:
            perform(rows=rows, address=where, folder=folder, say=self.stdout.write)
        except KeyboardInterrupt:
            self.stdout.write("\nEnded.")
