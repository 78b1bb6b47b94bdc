"""Charts as SVG, by hand: a dot with its range on a logarithmic axis, and a line of points. Pure."""

import math
from collections.abc import Sequence
from html import escape
from typing import Final

import msgspec

from bench.figures import Spread

_FONT: Final = 'font-family="system-ui, sans-serif" font-size="12"'
_WIDTH: Final = 860
_LEFT: Final = 300
_RIGHT: Final = 110
_ROW: Final = 20
_APART: Final = 45.0
"""Labels of an axis that would stand closer than this are left out."""
_INK, _FAINT, _FLOOR, _OURS = "#1f2933", "#cbd2d9", "#7b8794", "#0b69a3"


class Dot(msgspec.Struct, frozen=True):
    """A row of a dot chart; `ours` stands out."""

    label: str
    spread: Spread
    ours: bool


class Group(msgspec.Struct, frozen=True):
    """Rows under one heading."""

    heading: str
    dots: list[Dot]


class Line(msgspec.Struct, frozen=True):
    """A curve: points `(x, y)` in rising x."""

    label: str
    points: list[tuple[float, float]]


def dots(title: str, groups: Sequence[Group]) -> str:
    """Ratios on a logarithmic axis, a row each, with the range of the rounds."""
    most = max((dot.spread.greatest for group in groups for dot in group.dots), default=1.0)
    least = min((dot.spread.least for group in groups for dot in group.dots), default=1.0)
    low, high = math.floor(math.log2(least)), math.ceil(math.log2(most)) or 1

    def at(value: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (math.log2(value) - low) / max(1, high - low)

    top, parts = 50, []
    for group in groups:
        parts.append(_text(12, top + 14, group.heading, weight="600"))
        top += _ROW + 4
        for dot in group.dots:
            middle, colour = top + _ROW / 2, _OURS if dot.ours else _FLOOR
            span = dot.spread
            parts.append(_text(24, middle + 4, dot.label))
            parts.append(_stroke(at(span.least), middle, at(span.greatest), middle, colour, 3, opacity=0.4))
            parts.append(f'<circle cx="{at(span.median):.1f}" cy="{middle:.1f}" r="4.5" fill="{colour}"/>')
            parts.append(_text(_WIDTH - _RIGHT + 14, middle + 4, f"{span.median:.2f} x", fill=colour))
            top += _ROW
        top += 10
    grid = [
        _stroke(at(2.0**power), 40, at(2.0**power), top, _FAINT, 1)
        + _text(at(2.0**power) + 3, 40, f"{2.0**power:g} x")
        for power in range(low, high + 1)
    ]
    return _document(top + 10, title, [*grid, *parts])


def curve(
    title: str, x_title: str, y_title: str, lines: Sequence[Line], note: str, *, log_x: bool = False
) -> str:
    """Lines over an axis from zero up; `note` stands below, such as the slope."""
    height, bottom, left = 380, 310, 80
    every = [point for line in lines for point in line.points]
    highest = max((y for _, y in every), default=1.0) * 1.1 or 1.0
    scale = (lambda x: math.log10(x + 1)) if log_x else float
    widest = max((scale(x) for x, _ in every), default=1.0) or 1.0

    def place(x: float, y: float) -> tuple[float, float]:
        return left + (_WIDTH - left - 160) * scale(x) / widest, bottom - (bottom - 60) * y / highest

    parts = []
    for step in range(5):
        value = highest * step / 4
        _, y = place(0, value)
        parts += [_stroke(left, y, _WIDTH - 160, y, _FAINT, 1), _text(12, y + 4, _figure(value))]
    last = -_APART
    for x in sorted({x for x, _ in every}):
        across, _ = place(x, 0)
        if across - last >= _APART:
            parts.append(_text(across - 10, bottom + 18, _figure(x)))
            last = across
    for number, line in enumerate(lines):
        colour = (_OURS, _FLOOR, "#b44d12", "#3f9142")[number % 4]
        placed = [place(x, y) for x, y in line.points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in placed]
        parts.append(_text(_WIDTH - 150, 70 + 18 * number, line.label, fill=colour))
    parts += [_text(left, bottom + 38, x_title), _text(12, 46, y_title), _text(left, bottom + 58, note)]
    return _document(height, title, parts)


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _document(height: float, title: str, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height:.0f}" '
        f'viewBox="0 0 {_WIDTH} {height:.0f}" {_FONT} role="img">'
        f"<title>{escape(title)}</title>"
        f'<rect width="100%" height="100%" fill="white"/>{_text(12, 22, title, weight="700")}'
        f"{''.join(parts)}</svg>\n"
    )


def _text(x: float, y: float, text: str, *, weight: str = "400", fill: str = _INK) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-weight="{weight}" fill="{fill}">{escape(text)}</text>'


def _stroke(
    x1: float, y1: float, x2: float, y2: float, colour: str, width: float, *, opacity: float = 1
) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
        f'stroke-width="{width:g}" opacity="{opacity:g}"/>'
    )
