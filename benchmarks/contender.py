"""One contender in a process of its own: `python -m benchmarks.contender KEY OUTPUT ROWS`.

The clock starts when Django is set up and the contender's package imported, and stops when the
file is closed: the same for all, and fair to those that write few rows. Prints JSON: `seconds`,
and `cpu`, user and system seconds in that time.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import django

from benchmarks.contenders import BY_KEY, Contender

Write = Callable[[Path, int], float | None]


def writer(contender: Contender) -> Write:
    """How the contender writes its file; a click knows its own seconds.

    Peers and we are not imported together: memory would be counted that the one at work has no
    use for.
    """
    if contender.is_ours:
        from benchmarks import ours

        return ours.WRITERS[contender.key]
    from benchmarks import peers

    return partial(peers.WRITERS[contender.key], importlib.import_module(contender.module))


def main(key: str, output: str, rows: str) -> None:
    django.setup()
    write = writer(BY_KEY[key])
    started, cpu = time.monotonic(), time.process_time()
    seconds = write(Path(output), int(rows))
    took = time.monotonic() - started if seconds is None else seconds
    print(json.dumps({"seconds": took, "cpu": time.process_time() - cpu}))


if __name__ == "__main__":
    main(*sys.argv[1:])
