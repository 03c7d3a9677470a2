"""Results as Markdown, and the place in a page that they go to."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from benchmarks.contenders import CONTENDERS, LIMIT
from benchmarks.rotation import Result

SECTIONS = ("peers", "scale", "skew", "metadata", "modes", "huge", "load", "profile")
"""The tables that there are, as the page names their places."""

BASES = ("Django", "psycopg", "pyarrow", "isal", "rq", "gunicorn")
"""Packages whose version matters to our own figures."""


class NoPlace(LookupError):
    """The page has no lines that mark where a table goes."""


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table: the first column to the left, figures to the right."""
    marks = ["---", *["---:"] * (len(headers) - 1)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (headers, marks, *rows))


def peers(results: Sequence[Result]) -> str:
    """The contenders side by side: medians, and the time for a row against the limit's."""
    limit = next((_per_row(r) for r in results if r.contender == LIMIT and r.runs), None)
    headers = ["", "rows", "seconds", "rows/s", "× limit", "CPU s", "server CPU s"]
    headers += ["peak MiB", "file MiB", "runs"]
    return table(headers, (_line(result, limit) for result in results))


def against(results: Sequence[Result]) -> str:
    """Our best against each peer, as a Markdown list: how many times its rows a second."""
    measured = [result for result in results if result.runs and is_rate(result)]
    ours = [result for result in measured if result.contender.is_ours]
    if not ours:
        return ""
    best = min(ours, key=_per_row)
    return "".join(
        f"- {best.contender.title}: {_per_row(peer) / _per_row(best):.2f} × the rows/s of "
        f"{peer.contender.title}\n"
        for peer in measured
        if not peer.contender.is_ours and peer.contender != LIMIT
    )


def is_rate(result: Result) -> bool:
    """Whether rows a second say something: a hundred rows are all overhead."""
    return result.contender.rows(10**9) > 1000


def machine(postgresql: str | None = None) -> str:
    """What the figures depend on: processor, memory and versions, the server's if it took part."""
    packages = dict.fromkeys([*BASES, *(contender.package for contender in CONTENDERS)])
    installed = (f"{name} {found}" for name in packages if (found := _version(name)))
    server = f", PostgreSQL {postgresql}" if postgresql else ""
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{os.cpu_count()} cores ({_processor()}), {memory:.0f} GiB; "
        f"Python {platform.python_version()}{server}; {', '.join(installed)}."
    )


def write_section(page: Path, name: str, text: str) -> None:
    """Put `text` between the lines `<!-- name -->` and `<!-- /name -->`. Raises NoPlace."""
    pattern = rf"(?<=<!-- {name} -->\n).*?(?=<!-- /{name} -->)"
    old = page.read_text()
    new, found = re.subn(pattern, lambda _: f"\n{text.strip()}\n\n", old, count=1, flags=re.DOTALL)
    if not found:
        raise NoPlace(f"{page} has no lines <!-- {name} --> and <!-- /{name} -->.")
    page.write_text(new)


def _line(result: Result, limit: float | None) -> list[str]:
    title, rows = result.contender.title, f"{result.rows:,}"
    if not result.runs:
        return [title, rows, f"failed: {result.failed}" if result.failed else "no run", *[""] * 7]
    many = is_rate(result)
    ratio = f"{_per_row(result) / limit:.2f}" if many and limit else ""
    return [
        title,
        rows,
        f"{result.median('seconds'):.2f}",
        f"{1 / _per_row(result):,.0f}" if many else "",
        ratio,
        f"{result.median('cpu'):.2f}",
        f"{result.median('server_cpu'):.2f}",
        f"{result.median('peak') / 2**20:,.0f}",
        f"{result.median('size') / 2**20:,.1f}",
        str(len(result.runs)),
    ]


def _per_row(result: Result) -> float:
    return result.median("seconds") / result.rows


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()
