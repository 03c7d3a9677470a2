"""The peers as bars, in a picture whose bytes depend on the figures alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib

from benchmarks.contenders import LIMIT
from benchmarks.report import is_rate
from benchmarks.rotation import Result

# Before pyplot: there may be no screen. Text stays text, and ids do not depend on chance.
matplotlib.use("svg")
matplotlib.rcParams.update({"svg.hashsalt": "exportapp", "svg.fonttype": "none"})

OURS, PEER, BOUND = "#1f6f8b", "#a7b0b8", "#3a3f44"


def save(results: Sequence[Result], path: Path) -> bool:
    """Write rows a second of all that ran as an SVG file, on a logarithmic axis.

    Returns whether there was anything to draw.
    """
    from matplotlib import pyplot

    shown = [result for result in results if result.runs and is_rate(result)]
    if not shown:
        return False
    shown.sort(key=_rate)
    figure, axes = pyplot.subplots(figsize=(8, 0.6 + 0.34 * len(shown)), layout="constrained")
    titles = [result.contender.title.replace("`", "") for result in shown]
    bars = axes.barh(titles, [_rate(each) for each in shown], color=[_color(r) for r in shown])
    axes.bar_label(bars, [f"{_rate(result):,.0f}" for result in shown], padding=3)
    axes.set_xscale("log")
    axes.margins(x=0.15)
    axes.set_xlabel("rows a second")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, format="svg", metadata={"Date": None})
    pyplot.close(figure)
    return True


def _rate(result: Result) -> float:
    return result.rows / result.median("seconds")


def _color(result: Result) -> str:
    if result.contender == LIMIT:
        return BOUND
    return OURS if result.contender.is_ours else PEER
