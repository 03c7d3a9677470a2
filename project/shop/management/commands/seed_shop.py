from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from project.shop.loading import seed_shop


class Command(BaseCommand):
    help = "Fill the sample shop with believable orders, the same ones every time."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--orders", type=int, default=200_000, help="how many there shall be")
        parser.add_argument("--seed", type=int, default=1, help="another number, another shop")

    def handle(self, *, orders: int, seed: int, verbosity: int, **options: Any) -> None:
        def report(done: int) -> None:
            if verbosity > 0 and self.stdout.isatty():
                self.stdout.write(f"\r  {done:,} of {orders:,} orders", ending="")
                self.stdout.flush()

        added = seed_shop(orders, seed, report)
        if verbosity > 0:
            self.stdout.write(f"\r{added:,} orders added, {orders:,} wanted.")
