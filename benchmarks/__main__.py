"""The command line of the benchmark: servers up, one table out, servers down."""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks import plot, report
from benchmarks.arena import Arena, build
from benchmarks.contenders import CONTENDERS, Contender
from benchmarks.huge import huge
from benchmarks.load import CLIENTS, DOWNLOADS, SECONDS, load
from benchmarks.metadata import ROWS as METADATA_ROWS
from benchmarks.metadata import metadata
from benchmarks.modes import modes
from benchmarks.profile import profile
from benchmarks.rotation import Say, rotate
from benchmarks.scale import PARTS, scale
from benchmarks.skew import skew
from tests.services import Postgres

ROWS = {
    "peers": 1_000_000,
    "scale": 20_000_000,
    "skew": 2_000_000,
    "metadata": METADATA_ROWS,
    "modes": 200_000,
    "huge": 20_000_000,
    "load": 1_000_000,
    "profile": 1_000_000,
}
MINUTES = {"peers": 40, "scale": 30, "skew": 20, "modes": 20, "huge": 45}
"""No run starts after these; other tables have no end to be told."""


def main(argv: Sequence[str]) -> None:
    options = _parser().parse_args(argv)
    minutes = options.minutes or MINUTES.get(options.table, 10)
    deadline = time.monotonic() + minutes * 60
    rows = options.rows or ROWS[options.table]
    if options.table == "modes":
        figures, about = modes(rows, options.runs, _say), report.machine()
    else:
        figures, about = _with_servers(options, rows, deadline)
    command = f"python -m benchmarks {shlex.join(argv)}".strip()
    text = f"`{command}`, {time.strftime('%Y-%m-%d')}. {about}\n\n{figures}"
    print(text)
    if options.write:
        report.write_section(options.write, options.table, text)


def _with_servers(options: argparse.Namespace, rows: int, deadline: float) -> tuple[str, str]:
    """The table, and what its figures depend on."""
    with ExitStack() as stack:
        postgres = Postgres()
        stack.callback(postgres.end)
        arena = stack.enter_context(build(postgres))
        figures = _figures(arena, options, rows, deadline)
        return figures, report.machine(arena.house.rows("SHOW server_version")[0][0])


def _figures(arena: Arena, options: argparse.Namespace, rows: int, deadline: float) -> str:
    if options.table == "scale":
        sizes = options.sizes or [rows // part for part in PARTS]
        return scale(arena, sorted(sizes), deadline, _say)
    if options.table == "huge":
        return huge(arena, rows, _say)
    if options.table == "load":
        return load(arena, rows, options.clients, options.downloads, options.seconds, _say)
    if options.table == "skew":
        return skew(arena, rows, options.runs, deadline, _say)
    if options.table == "metadata":
        return metadata(arena, rows)
    if options.table == "profile":
        return profile(arena, rows, _say)
    return _peers(arena, options, rows, deadline)


def _peers(arena: Arena, options: argparse.Namespace, rows: int, deadline: float) -> str:
    chosen = [each for each in CONTENDERS if not options.only or each.key in options.only]
    taking_part = [contender for contender in chosen if is_there(contender, _say)]
    _say(f"Making {rows:,} rows")
    arena.grow(rows)
    results = rotate(arena, taking_part, options.runs, deadline, _say, options.keep)
    picture = ""
    if options.plot and plot.save(results, options.plot):
        picture = f"\n![Rows a second, on a logarithmic axis]({options.plot.name})\n"
    return f"{report.peers(results)}{picture}\n{report.against(results)}"


def is_there(contender: Contender, say: Say) -> bool:
    """Whether the contender can take part; loudly said if not."""
    if not contender.is_installed:
        say(f"*** {contender.title} is LEFT OUT: {contender.package} is not installed. ***")
    return contender.is_installed


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--table", choices=report.SECTIONS, default="peers")
    parser.add_argument("--rows", type=int, help="of the largest table")
    parser.add_argument("--runs", type=int, default=3, help="turns of every contender")
    parser.add_argument("--minutes", type=float, help="no run starts after these")
    parser.add_argument("--sizes", nargs="+", type=int, metavar="ROWS", help="tables of scale")
    parser.add_argument("--clients", type=int, default=CLIENTS, help="of load: who poll")
    parser.add_argument("--downloads", type=int, default=DOWNLOADS, help="of load: who download")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of load: each run takes")
    parser.add_argument("--only", nargs="+", default=[], choices=[c.key for c in CONTENDERS])
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave the peers' files here")
    parser.add_argument("--plot", type=Path, metavar="SVG", help="draw the peers into this file")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the table into this page")
    return parser


if __name__ == "__main__":
    # What was started is ended, as after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    main(sys.argv[1:])
