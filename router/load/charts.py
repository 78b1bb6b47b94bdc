"""Charts as SVG, for a page without scripts: lines over an axis of each kind, and bars.

Colours are the page's (`series-1` and on), lines also differ by their dashes. Every point can be pointed at
where there are few, and the figures stand in tables beside.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from router.load.wording import latency

WIDTH: Final = 760
HEIGHT: Final = 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 14, 10, 32
_DASHES: Final = ("", "6 3", "2 3", "10 3 2 3", "12 4", "1 2", "8 2 2 2 2 2")
_POINTS_SHOWN: Final = 90
"""Up to so many points each has a mark that tells its figures."""


@dataclass(frozen=True)
class Tick:
    """A line of the grid, and what stands beside it."""

    at: float
    label: str


@dataclass(frozen=True)
class Axis:
    """How values become places from 0 to 1, and where its ticks are. `name` has the unit."""

    name: str
    place: Callable[[float], float]
    ticks: tuple[Tick, ...]
    shown: Callable[[float], str]


@dataclass(frozen=True)
class Series:
    """A line. A point with None is a gap. `style`: the class of its colour, where it is not by its place."""

    name: str
    points: tuple[tuple[float, float | None], ...]
    style: str = ""


def linear(name: str, highest: float, shown: Callable[[float], str] = lambda value: f"{value:g}") -> Axis:
    """From zero to a round number from `highest` up; what is counted has no ticks between whole numbers."""
    step = max(1.0, _round_step(max(highest, 1.0) / 4))
    top = step * math.ceil(max(highest, 1.0) / step)
    count = round(top / step)
    ticks = tuple(Tick(step * index, f"{step * index:g}") for index in range(count + 1))
    return Axis(name, lambda value: value / top, ticks, shown)


def time_axis(last_s: float) -> Axis:
    """Seconds since the run began, to its end."""
    last = max(last_s, 1e-9)
    step = _round_step(last / 8)
    ticks = tuple(Tick(step * index, f"{step * index:g}") for index in range(int(last / step) + 1))
    return Axis("seconds", lambda value: value / last, ticks, lambda value: f"{value:g} s")


def latency_axis(values_us: Sequence[float]) -> Axis:
    """Latencies in µs on a logarithmic axis of whole decades."""
    known = [max(1.0, value) for value in values_us] or [1.0]
    low = math.floor(math.log10(min(known)))
    high = max(low + 1, math.ceil(math.log10(max(known))))
    ticks = tuple(Tick(10.0**power, latency(10.0**power)) for power in range(low, high + 1))
    return Axis("latency", lambda value: (math.log10(max(1.0, value)) - low) / (high - low), ticks, latency)


def percent_axis(highest: float) -> Axis:
    """Percentages so that each further nine is as wide as the one before; 100 stands past the last."""
    nines = math.log10(100 / (100 - min(highest, 99.999)))
    ticks = tuple(
        Tick(percent, f"{percent:g} %")
        for percent in (0.0, 50.0, 90.0, 99.0, 99.9, 99.99)
        if percent <= highest
    )

    def place(percent: float) -> float:
        return math.log10(100 / (100 - percent)) / nines if percent < 100 else 1.0

    return Axis("percentile", place, ticks, lambda value: f"{value:g} %")


def line_chart(title: str, x: Axis, y: Axis, series: Sequence[Series]) -> str:
    """A figure with its legend; `title` says what is shown."""
    parts = [
        _legend(series),
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img"><title>{escape(title)}</title>',
    ]
    parts += [_grid(x, y)]
    for index, each in enumerate(series):
        drawn = _path(each, x, y)
        dashes = _DASHES[index % len(_DASHES)]
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        parts.append(f'<path class="line {_style(each, index)}" d="{drawn}"{dashed}/>')
        if len(each.points) <= _POINTS_SHOWN:
            parts.extend(_marks(each, index, x, y))
    parts.append("</svg>")
    return f"<figure><figcaption>{escape(title)}</figcaption>{''.join(parts)}</figure>"


def bar_chart(title: str, bars: Sequence[tuple[str, int, str]]) -> str:
    """A bar each: label, count, and the class of its colour."""
    row, label_width, count_width = 24, 330, 130
    most = max((count for _, count, _ in bars), default=0) or 1
    total = sum(count for _, count, _ in bars) or 1
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {row * max(1, len(bars))}" role="img"><title>{escape(title)}</title>'
    ]
    for index, (label, count, kind) in enumerate(bars):
        top = row * index
        # A bar that stands for something is seen.
        width = max(2.0, (WIDTH - label_width - count_width) * count / most)
        parts.append(
            f'<text class="label" x="{label_width - 10}" y="{top + 16}" text-anchor="end">'
            f"{escape(label)}</text>"
            f'<rect class="bar {escape(kind)}" x="{label_width}" y="{top + 4}" width="{width:.1f}"'
            f' height="{row - 8}" rx="2"/>'
            f'<text class="label" x="{label_width + width + 8:.1f}" y="{top + 16}">'
            f"{count:,} ({100 * count / total:.3g} %)</text>"
        )
    parts.append("</svg>")
    return f"<figure><figcaption>{escape(title)}</figcaption>{''.join(parts)}</figure>"


def _round_step(least: float) -> float:
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least * (1 - 1e-9))


def _x(axis: Axis, value: float) -> float:
    return _LEFT + (WIDTH - _LEFT - _RIGHT) * min(1.0, max(0.0, axis.place(value)))


def _y(axis: Axis, value: float) -> float:
    return HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * min(1.0, max(0.0, axis.place(value)))


def _legend(series: Sequence[Series]) -> str:
    if len(series) < 2:
        return ""
    keys = "".join(
        f'<span><svg class="key" viewBox="0 0 28 8"><path class="line {_style(each, index)}" d="M0 4H28"'
        + (f' stroke-dasharray="{dashes}"' if (dashes := _DASHES[index % len(_DASHES)]) else "")
        + f"/></svg>{escape(each.name)}</span>"
        for index, each in enumerate(series)
    )
    return f'<div class="legend">{keys}</div>'


def _style(series: Series, index: int) -> str:
    return escape(series.style) or f"series-{index + 1}"


def _grid(x: Axis, y: Axis) -> str:
    parts = []
    for tick in y.ticks:
        at = _y(y, tick.at)
        parts.append(
            f'<path class="grid" d="M{_LEFT} {at:.1f}H{WIDTH - _RIGHT}"/>'
            f'<text class="label" x="{_LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">'
            f"{escape(tick.label)}</text>"
        )
    for tick in x.ticks:
        at = _x(x, tick.at)
        # The last label stays within the picture.
        anchor = "end" if at > WIDTH - _RIGHT - 20 else "middle"
        parts.append(
            f'<path class="grid" d="M{at:.1f} {_TOP}V{HEIGHT - _BOTTOM}"/>'
            f'<text class="label" x="{at:.1f}" y="{HEIGHT - _BOTTOM + 16}" text-anchor="{anchor}">'
            f"{escape(tick.label)}</text>"
        )
    middle = (_LEFT + WIDTH - _RIGHT) / 2
    parts.append(
        f'<text class="label" x="{middle:.0f}" y="{HEIGHT - 2}" text-anchor="middle">{escape(x.name)}</text>'
    )
    return "".join(parts)


def _path(series: Series, x: Axis, y: Axis) -> str:
    parts: list[str] = []
    pen = "M"
    for at, value in series.points:
        if value is None:
            pen = "M"
            continue
        parts.append(f"{pen}{_x(x, at):.1f} {_y(y, value):.1f}")
        pen = "L"
    return "".join(parts)


def _marks(series: Series, index: int, x: Axis, y: Axis) -> list[str]:
    return [
        f'<circle class="mark {_style(series, index)}" cx="{_x(x, at):.1f}" cy="{_y(y, value):.1f}" r="2.5">'
        f"<title>{escape(f'{series.name}: {y.shown(value)} at {x.shown(at)}')}</title></circle>"
        for at, value in series.points
        if value is not None
    ]
