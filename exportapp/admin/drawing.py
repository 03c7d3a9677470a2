"""A curve of figures as SVG, by attributes alone: no Content-Security-Policy minds it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 600
HEIGHT: Final = 80
"""Of the drawing, in its own units."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    points: str
    """Of a polyline, from the left at the bottom to the right."""
    area: str
    """The same as a closed shape."""
    most: float
    box: str = f"0 0 {WIDTH} {HEIGHT}"

    @classmethod
    def of(cls, values: Sequence[float]) -> Curve | None:
        """None for what is no curve: less than two figures, or all of them nothing."""
        most = max(values, default=0)
        if len(values) < 2 or most <= 0:
            return None
        step = WIDTH / (len(values) - 1)
        heights = (HEIGHT - value / most * (HEIGHT - 2) for value in values)
        points = " ".join(
            f"{number * step:.1f},{height:.1f}" for number, height in enumerate(heights)
        )
        area = f"0,{HEIGHT} {points} {WIDTH},{HEIGHT}"
        return cls(points=points, area=area, most=most)
