"""How much is done: `make test` has each kind of fault, `make faults-full` every variant."""

from __future__ import annotations

import os
from typing import Final

FULL: Final = os.environ.get("FAULTS") == "full"
"""Whether every variant is run, not one or two of each kind."""


def outage(seconds: float) -> float:
    """How long a server is away where `seconds` do as well; OUTAGE_SECONDS says another length."""
    return float(os.environ.get("OUTAGE_SECONDS") or seconds)
