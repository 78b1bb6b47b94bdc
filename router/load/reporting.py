"""From what was counted to the report: sums, the distribution's curve, what was expected, what to note."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from router.load.histogram import LATENCY_US_MAX
from router.load.outcomes import Verdict
from router.load.plan import Expectations, Plan
from router.load.recording import Latencies, Recorder
from router.load.report import Check, CurvePoint, LatencyRow, OutcomeRow, Percentiles, Report, StageRow

LAG_US_NOTED: Final = 5000
"""A process that sends a hundredth of its requests later than this does not keep its own schedule."""
CURVE: Final = (
    *(str(percent) for percent in range(0, 90, 5)),
    *(str(percent) for percent in range(90, 99)),
    *(f"99.{tenth}" for tenth in range(10)),
    *(f"99.9{digit}" for digit in range(1, 10)),
    *(f"99.99{digit}" for digit in range(1, 10)),
    "100",
)
"""The percentages of the distribution's curve."""


def make_report(
    plan: Plan, recorder: Recorder, *, run_id: str, started_at: str, duration_s: float, interrupted: bool
) -> Report:
    """What a recorder holds at the end of a run."""
    verdicts = recorder.verdicts()
    measured = Counter[Verdict]()
    for stage, counts in zip(plan.stages, recorder.stages, strict=True):
        if stage.measured:
            measured += counts.verdicts
    every = _sum(recorder.latencies.values())
    taken = _sum(both for (_, verdict), both in recorder.latencies.items() if verdict is Verdict.TAKEN)
    held = sum(counts.held for counts in recorder.stages)
    lag = Percentiles.of(recorder.lag)
    return Report(
        run_id=run_id,
        plan=plan.source,
        target=plan.target.url,
        started_at=started_at,
        duration_s=round(duration_s, 3),
        interrupted=interrupted,
        arrivals=plan.run.arrivals.value,
        seed=plan.run.seed,
        client_order_ids=f"{plan.run.client_order_id_prefix}-{run_id}-",
        in_flight_max=plan.run.in_flight_max,
        in_flight_peak=recorder.in_flight_peak,
        due=recorder.due,
        due_planned=plan.requests,
        verdicts=_named(verdicts),
        held=held,
        orders_unanswered=recorder.unanswered,
        orders_unanswered_ids=recorder.unanswered_ids,
        lag=lag,
        stages=_stages(plan, recorder),
        latencies=_latencies(recorder, every),
        curve=_curve(every),
        outcomes=[
            OutcomeRow(
                outcome.operation, outcome.verdict, outcome.http_status, outcome.code, outcome.result, count
            )
            for outcome, count in recorder.outcomes.most_common()
        ],
        windows=recorder.windows,
        checks=_checks(plan.expect, Percentiles.of(taken.intended), lag, measured),
        notes=_notes(plan, recorder, held, lag, every),
    )


def _sum(parts: Iterable[Latencies]) -> Latencies:
    total = Latencies()
    for both in parts:
        total.intended.add(both.intended)
        total.sent.add(both.sent)
    return total


def _named(verdicts: Counter[Verdict]) -> dict[str, int]:
    return {verdict.value: verdicts[verdict] for verdict in Verdict if verdicts[verdict]}


def _stages(plan: Plan, recorder: Recorder) -> list[StageRow]:
    return [
        StageRow(
            name=stage.name,
            rate=stage.rate,
            ramp_to=stage.ramp_to,
            duration_s=stage.duration_s,
            measured=stage.measured,
            due=counts.due,
            held=counts.held,
            sent=counts.sent,
            followed=counts.followed,
            verdicts=_named(counts.verdicts),
            taken=Percentiles.of(counts.taken),
        )
        for stage, counts in zip(plan.stages, recorder.stages, strict=True)
    ]


def _latencies(recorder: Recorder, every: Latencies) -> list[LatencyRow]:
    rows = [_row("all", "all", every)] if every.intended.count else []
    order = {verdict: place for place, verdict in enumerate(Verdict)}
    for operation, verdict in sorted(recorder.latencies, key=lambda key: (key[0].value, order[key[1]])):
        rows.append(_row(operation.value, verdict.value, recorder.latencies[operation, verdict]))
    return rows


def _row(operation: str, verdict: str, both: Latencies) -> LatencyRow:
    return LatencyRow(operation, verdict, Percentiles.of(both.intended), Percentiles.of(both.sent))


def _curve(every: Latencies) -> list[CurvePoint]:
    """As far as there are values to tell two percentages apart."""
    intended, sent = every.intended.percentiles(CURVE), every.sent.percentiles(CURVE)
    points = [CurvePoint(*point) for point in zip(CURVE, intended, sent, strict=True)]
    fine = [point for point in points[:-1] if _is_told_apart(point.percent, every.intended.count)]
    return [*fine, points[-1]] if fine else []


def _is_told_apart(percent: str, count: int) -> bool:
    decimals = len(percent.partition(".")[2])
    return count >= int(10 ** (decimals + 1))


def _checks(
    expect: Expectations, taken: Percentiles, lag: Percentiles, measured: Counter[Verdict]
) -> list[Check]:
    checks: list[Check] = []
    if expect.lag_p99_ms_max is not None:
        lag_ms = lag.p99 / 1000
        most_ms = expect.lag_p99_ms_max
        checks.append(Check("lag_p99_ms_max", f"at most {most_ms:g} ms", f"{lag_ms:g} ms", lag_ms <= most_ms))
    if expect.p99_ms_max is not None:
        was_ms = taken.p99 / 1000
        met = taken.count > 0 and was_ms <= expect.p99_ms_max
        was = f"{was_ms:g} ms" if taken.count else "none: nothing was taken"
        checks.append(Check("p99_ms_max", f"at most {expect.p99_ms_max:g} ms", was, met))
    for name, most, was_count in (
        ("shed_max", expect.shed_max, measured[Verdict.SHED]),
        ("unanswered_max", expect.unanswered_max, measured[Verdict.UNANSWERED]),
    ):
        if most is not None:
            checks.append(Check(name, f"at most {most}", str(was_count), was_count <= most))
    return checks


def _notes(plan: Plan, recorder: Recorder, held: int, lag: Percentiles, every: Latencies) -> list[str]:
    notes: list[str] = []
    never_sent = recorder.verdicts()[Verdict.NEVER_SENT]
    if held:
        notes.append(
            f"{held} requests found {plan.run.in_flight_max} under way (run.in_flight_max) and had to wait; "
            "that is in their latency from the intended time"
        )
    if never_sent:
        notes.append(
            f"{never_sent} of them were never sent: they would have waited longer than "
            f"{plan.run.wait_ms_max} ms (run.wait_ms_max), or the run was ended"
        )
    if recorder.unanswered:
        notes.append(
            f"{recorder.unanswered} orders have no answer that says what became of them and may have been "
            f"taken: look them up, from {recorder.unanswered_ids[0]} on (the JSON report has the ids)"
        )
    if lag.p99 > LAG_US_NOTED:
        notes.append(
            f"this process was late itself: a hundredth of its requests went out {lag.p99 / 1000:g} ms late "
            "or more; give it a core of its own, or share the rate among several"
        )
    if every.intended.beyond:
        notes.append(f"{every.intended.beyond} latencies were over {LATENCY_US_MAX // 1_000_000} s")
    if any(not stage.measured for stage in plan.stages):
        notes.append("outcomes and latencies are of the measured stages alone")
    return notes
