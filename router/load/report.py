"""What is left of a run: the report as data, which the JSON file has as it is, and table and page show.

Latencies are microseconds. `from_intended` runs from the time at which a request was due, `from_sent` from
the time at which it was sent; where they differ, requests had to wait for those before them.
"""

from typing import Final

import msgspec

from router.load.histogram import Histogram
from router.load.outcomes import Verdict
from router.load.recording import Window

VERSION: Final = 1
"""Of the report's form; a field that is added does not change it."""


class Percentiles(msgspec.Struct, frozen=True):
    """Of one histogram. `beyond`: how many took more than a minute and are counted as one."""

    count: int
    mean: int
    p50: int
    p90: int
    p99: int
    p999: int
    max: int
    beyond: int

    @classmethod
    def of(cls, histogram: Histogram) -> "Percentiles":
        """The figures of a histogram."""
        p50, p90, p99, p999 = histogram.percentiles(("50", "90", "99", "99.9"))
        return cls(
            histogram.count, histogram.mean_us, p50, p90, p99, p999, histogram.max_us, histogram.beyond
        )


class LatencyRow(msgspec.Struct, frozen=True):
    """The latencies of an operation with a verdict; `all` in either place: of every one."""

    operation: str
    verdict: str
    from_intended: Percentiles
    from_sent: Percentiles


class CurvePoint(msgspec.Struct, frozen=True):
    """A point of the distribution of all latencies."""

    percent: str
    from_intended: int
    from_sent: int


class OutcomeRow(msgspec.Struct, frozen=True):
    """How many requests had an outcome; `result`: an order's status, or whether an RFQ was priced."""

    operation: str
    verdict: str
    http_status: int | None
    code: str | None
    result: str | None
    count: int


class StageRow(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a stage; latencies of what was taken, from the intended time."""

    name: str
    rate: float
    ramp_to: float
    duration_s: float
    measured: bool
    due: int
    held: int
    sent: int
    followed: int
    verdicts: dict[str, int]
    taken: Percentiles


class Check(msgspec.Struct, frozen=True):
    """An expectation of the plan, and what was."""

    name: str
    expected: str
    was: str
    met: bool


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A run and what came of it. Outcomes and latencies are of the measured stages.

    `orders_unanswered`: sent, without an answer that says what became of them; the first of their ids.
    """

    version: int = VERSION
    run_id: str
    plan: str
    target: str
    started_at: str
    duration_s: float
    interrupted: bool
    arrivals: str
    seed: int
    client_order_ids: str
    in_flight_max: int
    in_flight_peak: int
    due: int
    due_planned: int
    verdicts: dict[str, int]
    held: int
    orders_unanswered: int
    orders_unanswered_ids: list[str]
    lag: Percentiles
    stages: list[StageRow]
    latencies: list[LatencyRow]
    curve: list[CurvePoint]
    outcomes: list[OutcomeRow]
    windows: list[Window]
    checks: list[Check]
    notes: list[str]

    @property
    def as_planned(self) -> bool:
        """Whether every request that was due was sent, and what was expected was so."""
        return (
            not self.interrupted
            and not self.verdicts.get(Verdict.NEVER_SENT.value)
            and all(check.met for check in self.checks)
        )

    @property
    def answered(self) -> bool:
        """Whether a single answer came."""
        silent = (Verdict.UNANSWERED.value, Verdict.NEVER_SENT.value)
        return any(count for verdict, count in self.verdicts.items() if verdict not in silent)
