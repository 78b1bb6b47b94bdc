"""A plan and a report on paper."""

from rich.console import Console
from rich.text import Text

from router.cli import paper
from router.load.outcomes import Verdict
from router.load.plan import Plan
from router.load.report import Percentiles, Report
from router.load.wording import latency

_FIGURES = ("mean", "p50", "p90", "p99", "p99.9", "max")


def show_plan(console: Console, plan: Plan) -> None:
    """What a plan would do."""
    lines = paper.facts()
    lines.add_row(
        "target", paper.plain(plan.target.url) + ("" if plan.target.key is None else ", with a key")
    )
    lines.add_row(
        "requests", f"about {plan.requests:,} in {plan.duration_s:g} s, {plan.run.arrivals} arrivals"
    )
    lines.add_row("under way", f"at most {plan.run.in_flight_max}")
    console.print(lines)
    console.print()
    stages = paper.table("stage", "rate", "seconds", "requests", numbers=("seconds", "requests"))
    for stage in plan.stages:
        stages.add_row(
            _stage_name(stage.name, measured=stage.measured),
            _rate(stage.rate, stage.ramp_to),
            f"{stage.duration_s:g}",
            f"{round(stage.requests):,}",
        )
    console.print(stages)
    console.print()
    total = sum(entry.weight for entry in plan.mix)
    mix = paper.table("mix", "share", "kind", "product", "sides", "type", numbers=("share",))
    for entry in plan.mix:
        share = f"{100 * entry.weight / total:.3g} %"
        sides = ", ".join(entry.sides)
        mix.add_row(
            paper.plain(entry.name), share, entry.kind, entry.product, sides, paper.plain(entry.type or "-")
        )
    console.print(mix)


def show_report(console: Console, report: Report) -> None:
    """A report, but for its course over time, which the page draws."""
    micro = paper.marks_of(console).micro
    console.print(_heading(console, report))
    lines = paper.facts()
    lines.add_row("router", paper.plain(report.target))
    lines.add_row("requests", _requests(report))
    lines.add_row("under way", f"at most {report.in_flight_peak}, of {report.in_flight_max} allowed")
    lines.add_row("order ids", paper.plain(f"{report.client_order_ids}1 and on"))
    console.print(lines)
    if report.latencies:
        console.print()
        _show_latencies(console, report, micro)
    if report.outcomes:
        console.print()
        outcomes = paper.table("operation", "outcome", "http", "code", "status", "n", numbers=("n",))
        for outcome in report.outcomes:
            outcomes.add_row(
                outcome.operation,
                paper.words(outcome.verdict),
                paper.NONE if outcome.http_status is None else str(outcome.http_status),
                paper.plain(outcome.code or paper.NONE),
                paper.plain(outcome.result or paper.NONE),
                str(outcome.count),
            )
        console.print(outcomes)
    if len(report.stages) > 1:
        console.print()
        _show_stages(console, report, micro)
    _show_checks(console, report)
    for note in report.notes:
        console.print(Text(f"note: {paper.plain(note)}"))


def _heading(console: Console, report: Report) -> Text:
    marks = paper.marks_of(console)
    if report.interrupted:
        return Text(f"{marks.bad} load run {report.run_id}: ended before its time", style="bold yellow")
    if report.as_planned:
        return Text(f"{marks.good} load run {report.run_id}: ran as planned", style="bold green")
    return Text(f"{marks.bad} load run {report.run_id}: not as planned", style="bold red")


def _requests(report: Report) -> str:
    counts = [f"{count} {paper.words(verdict)}" for verdict, count in report.verdicts.items()]
    return f"{report.due} of about {report.due_planned} due in {report.duration_s:g} s: " + ", ".join(counts)


def _show_latencies(console: Console, report: Report, micro: str) -> None:
    figures = _FIGURES if console.width >= paper.WIDE else _FIGURES[1:]
    drawn = paper.table("latency of", "from", "n", *figures, numbers=("from", "n", *figures))
    for row in report.latencies:
        what = "all" if row.operation == row.verdict else f"{row.operation} {paper.words(row.verdict)}"
        for name, told in (("intended", row.from_intended), ("send", row.from_sent)):
            if told.count:
                drawn.add_row(what, name, f"{told.count}", *_percentiles(told, micro)[-len(figures) :])
                what = ""
    console.print(drawn)


def _percentiles(told: Percentiles, micro: str) -> list[str]:
    figures = (told.mean, told.p50, told.p90, told.p99, told.p999, told.max)
    return [latency(value_us, micro) for value_us in figures]


def _show_stages(console: Console, report: Report, micro: str) -> None:
    heads = ("due", "held", "taken", "refused", "shed", "other", "p50", "p99")
    stages = paper.table("stage", "rate", *heads, numbers=heads)
    main = (Verdict.TAKEN, Verdict.REFUSED, Verdict.SHED)
    for stage in report.stages:
        counts = [stage.verdicts.get(verdict.value, 0) for verdict in main]
        other = sum(stage.verdicts.values()) - sum(counts)
        stages.add_row(
            _stage_name(stage.name, measured=stage.measured),
            _rate(stage.rate, stage.ramp_to),
            *(str(count) for count in (stage.due, stage.held, *counts, other)),
            latency(stage.taken.p50, micro) if stage.taken.count else paper.NONE,
            latency(stage.taken.p99, micro) if stage.taken.count else paper.NONE,
        )
    console.print(stages)


def _show_checks(console: Console, report: Report) -> None:
    marks = paper.marks_of(console)
    for check in report.checks:
        sign, style = (marks.good, "green") if check.met else (marks.bad, "red")
        console.print(Text(f"{sign} {check.name}: expected {check.expected}, was {check.was}", style=style))


def _stage_name(name: str, *, measured: bool) -> str:
    return paper.plain(name) if measured else f"{paper.plain(name)} (not measured)"


def _rate(rate: float, ramp_to: float) -> str:
    return f"{rate:g}/s" if rate == ramp_to else f"{rate:g} to {ramp_to:g}/s"
