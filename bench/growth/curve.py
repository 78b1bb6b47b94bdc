"""A curve and its slope: one figure against what grows. Pure."""

import math
from collections.abc import Sequence

import msgspec

from bench.figures import slope
from bench.svg import Line, curve
from bench.tables import table


class Series(msgspec.Struct, frozen=True):
    """Points `(x, y)` in rising x, with what stands beside them."""

    label: str
    points: list[tuple[float, float]]


class Curve(msgspec.Struct, frozen=True):
    """One chart. `per`: what the slope is per, in words; `decades`: axis and slope are logarithmic."""

    name: str
    title: str
    x_title: str
    y_title: str
    per: str
    series: list[Series]
    decades: bool = False
    note: str = ""

    def slopes(self) -> str:
        """The slope of each series in words."""
        found = [
            f"{each.label}: {slope_of(each.points, decades=self.decades):+.3g} {self.per}"
            for each in self.series
        ]
        return "; ".join([*found, *([self.note] if self.note else [])])

    def svg(self) -> str:
        """The chart."""
        lines = [Line(each.label, each.points) for each in self.series]
        return curve(
            self.title, self.x_title, self.y_title, lines, f"slope {self.slopes()}", log_x=self.decades
        )

    def text(self) -> str:
        """The figures as a table."""
        places = sorted({x for each in self.series for x, _ in each.points})
        by_place = [dict(each.points) for each in self.series]
        rows = [(f"{x:g}", *(f"{found[x]:.4g}" if x in found else "-" for found in by_place)) for x in places]
        head = table((self.x_title, *(each.label for each in self.series)), rows)
        return f"{self.title} ({self.y_title})\n{head}\nslope {self.slopes()}"


def slope_of(points: Sequence[tuple[float, float]], *, decades: bool) -> float:
    """The slope by least squares, per unit of x or per decade of it (of x + 1, which has a zero too)."""
    return slope([(math.log10(x + 1), y) for x, y in points] if decades else points)
