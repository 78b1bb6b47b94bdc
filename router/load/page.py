"""The report as one page: HTML, styles and charts in one file, nothing fetched, no script."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from router.load.charts import (
    Axis,
    Series,
    bar_chart,
    latency_axis,
    line_chart,
    linear,
    percent_axis,
    time_axis,
)
from router.load.outcomes import Verdict
from router.load.page_style import STYLE
from router.load.recording import Window
from router.load.report import Report
from router.load.wording import latency

BARS_MAX: Final = 24

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"


def page(report: Report) -> str:
    """The report as an HTML document."""
    title = f"Load run {report.run_id}"
    body = "".join(
        (
            _head(report, title),
            _tiles(report),
            _notes(report),
            _checks(report),
            "<h2>Over time</h2>",
            _rates(report.windows),
            _latencies(report.windows),
            _under_way(report.windows),
            "<h2>Latency</h2>",
            _curve(report),
            _latency_table(report),
            "<h2>Outcomes</h2>",
            _outcomes(report),
            "<h2>Stages</h2>",
            _stages(report),
        )
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _head(report: Report, title: str) -> str:
    if report.interrupted:
        verdict = '<span class="bad">ended before its time</span>'
    elif report.as_planned:
        verdict = '<span class="good">ran as planned</span>'
    else:
        verdict = '<span class="bad">not as planned</span>'
    return (
        f"<h1>{escape(title)}: {verdict}</h1>"
        f'<p class="dim">{escape(report.target)}, plan {escape(report.plan)}, {escape(report.started_at)}, '
        f"{report.duration_s:g} s, {escape(report.arrivals)} arrivals, seed {report.seed}; client order ids "
        f"{escape(report.client_order_ids)}…</p>"
    )


def _tiles(report: Report) -> str:
    every = next((row for row in report.latencies if row.operation == "all"), None)
    counts = report.verdicts
    tiles = [
        ("requests due", f"{report.due:,}"),
        ("taken", f"{counts.get(Verdict.TAKEN.value, 0):,}"),
        ("refused", f"{counts.get(Verdict.REFUSED.value, 0):,}"),
        ("shed (429, 503)", f"{counts.get(Verdict.SHED.value, 0):,}"),
        ("failed or unanswered", f"{counts.get('failed', 0) + counts.get('unanswered', 0):,}"),
        ("never sent", f"{counts.get(Verdict.NEVER_SENT.value, 0):,}"),
        ("p50, all, from intended", "-" if every is None else latency(every.from_intended.p50)),
        ("p99, all, from intended", "-" if every is None else latency(every.from_intended.p99)),
    ]
    drawn = "".join(
        f'<div><b>{escape(value)}</b><span class="dim">{escape(name)}</span></div>' for name, value in tiles
    )
    return f'<div class="tiles">{drawn}</div>'


def _notes(report: Report) -> str:
    return "".join(f"<p>{escape(note)}.</p>" for note in report.notes)


def _checks(report: Report) -> str:
    rows = [
        (check.name, check.expected, check.was, "met" if check.met else "missed") for check in report.checks
    ]
    return "<h2>Expected</h2>" + _table(("", "expected", "was", ""), rows, 4) if rows else ""


def _rates(windows: Sequence[Window]) -> str:
    def rate(name: str, style: str, count: Iterable[int]) -> Series:
        points = (
            ((window.from_s + window.to_s) / 2, number / max(1e-9, window.to_s - window.from_s))
            for window, number in zip(windows, count, strict=True)
        )
        return Series(name, tuple(points), style)

    series = [rate("asked for", "of-all", (window.due + window.followed for window in windows))]
    for verdict in Verdict:
        counts = [window.verdicts.get(verdict.value, 0) for window in windows]
        if any(counts) or verdict is Verdict.TAKEN:
            series.append(rate(verdict.value.replace("_", " "), f"of-{verdict}", counts))
    highest = max((value or 0 for each in series for _, value in each.points), default=0)
    axis = linear("requests a second", highest, lambda value: f"{value:.4g}/s")
    return line_chart("Requests a second: asked for, and by what came of them", _time(windows), axis, series)


def _latencies(windows: Sequence[Window]) -> str:
    def line(name: str, field: str) -> Series:
        points = (
            ((window.from_s + window.to_s) / 2, getattr(window, field) if window.max_us else None)
            for window in windows
        )
        return Series(name, tuple(points))

    series = [line("p50", "p50_us"), line("p99", "p99_us"), line("maximum", "max_us")]
    known = [value for each in series for _, value in each.points if value is not None]
    title = "Latency from the intended time, by when the answer came"
    return line_chart(title, _time(windows), latency_axis(known), series)


def _under_way(windows: Sequence[Window]) -> str:
    series = [
        Series("under way", tuple((window.to_s, window.in_flight) for window in windows)),
        Series("waiting to be sent", tuple((window.to_s, window.waiting) for window in windows)),
    ]
    highest = max((value or 0 for each in series for _, value in each.points), default=0)
    return line_chart("Requests under way and waiting", _time(windows), linear("requests", highest), series)


def _time(windows: Sequence[Window]) -> Axis:
    return time_axis(windows[-1].to_s if windows else 1)


def _curve(report: Report) -> str:
    points = report.curve
    if not points:
        return ""
    series = [
        Series("from the intended time", tuple((float(p.percent), p.from_intended) for p in points)),
        Series("from the actual send", tuple((float(p.percent), p.from_sent) for p in points)),
    ]
    known = [value for each in series for _, value in each.points if value is not None]
    finest = max((float(p.percent) for p in points if p.percent != "100"), default=50.0)
    return line_chart(
        "Latency by percentile, all requests", percent_axis(finest), latency_axis(known), series
    )


def _latency_table(report: Report) -> str:
    rows = []
    for row in report.latencies:
        for name, told in (("intended", row.from_intended), ("send", row.from_sent)):
            if told.count:
                figures = (told.mean, told.p50, told.p90, told.p99, told.p999, told.max)
                what = row.verdict.replace("_", " ")
                rows.append((row.operation, what, name, f"{told.count:,}", *map(latency, figures)))
    heads = ("operation", "outcome", "from", "requests", "mean", "p50", "p90", "p99", "p99.9", "maximum")
    return _table(heads, rows, 3)


def _outcomes(report: Report) -> str:
    bars = []
    for row in report.outcomes:
        said = (
            row.operation,
            None if row.http_status is None else str(row.http_status),
            row.code,
            row.result,
        )
        words = [text for text in said if text is not None]
        if len(words) == 1:
            words.append(row.verdict.replace("_", " "))
        bars.append((" ".join(words), row.count, row.verdict))
    if len(bars) > BARS_MAX:
        rest = sum(count for _, count, _ in bars[BARS_MAX - 1 :])
        bars = [*bars[: BARS_MAX - 1], (f"{len(bars) - BARS_MAX + 1} others", rest, "other")]
    return bar_chart("Requests by operation, HTTP status, code and order status", bars)


def _stages(report: Report) -> str:
    rows = []
    for stage in report.stages:
        ramp = f"{stage.rate:g}" if stage.rate == stage.ramp_to else f"{stage.rate:g} to {stage.ramp_to:g}"
        name = stage.name if stage.measured else f"{stage.name} (not measured)"
        counts = [f"{stage.verdicts.get(verdict.value, 0):,}" for verdict in Verdict]
        figures = [
            latency(value) if stage.taken.count else "-" for value in (stage.taken.p50, stage.taken.p99)
        ]
        rows.append((name, ramp, f"{stage.duration_s:g}", f"{stage.due:,}", *counts, *figures))
    verdicts = [verdict.value.replace("_", " ") for verdict in Verdict]
    heads = ("stage", "rate", "seconds", "due", *verdicts, "p50 taken", "p99 taken")
    return _table(heads, rows, 1)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], texts: int) -> str:
    """A table; all but the first `texts` columns are numbers."""

    def cells(tag: str, row: Sequence[str]) -> str:
        kinds = ["" if index < texts else ' class="n"' for index in range(len(row))]
        return "".join(f"<{tag}{kind}>{escape(cell)}</{tag}>" for kind, cell in zip(kinds, row, strict=True))

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    head = f"<thead><tr>{cells('th', heads)}</tr></thead>"
    return f'<div class="wide"><table>{head}<tbody>{body}</tbody></table></div>'
