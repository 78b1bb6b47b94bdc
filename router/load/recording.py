"""Counts and histograms of a run while it runs: by stage, by outcome, and second by second."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec

from router.load.arrivals import SECOND_NS, Stage
from router.load.histogram import Histogram
from router.load.mix import Kind
from router.load.outcomes import Outcome, Trouble, Verdict

OUTCOMES_MAX: Final = 200
"""Different outcomes that are told apart; a router has some dozens. Further ones are counted as `other`."""
WINDOWS_MAX: Final = 600
"""Windows of a run's course: a longer run has longer windows, and no longer report."""
IDS_MAX: Final = 100
"""Client order ids of orders without an answer that are kept; how many there are is counted in any case."""
OTHER: Final = "other"

_TIMED: Final = frozenset({Trouble.TIMEOUT.value, Trouble.ABANDONED.value})
"""Without an answer, and as slow as it was at least when it was given up."""


class Latencies:
    """Of the same requests, the latency from the intended time and the one from the actual send."""

    __slots__ = ("intended", "sent")

    def __init__(self) -> None:
        self.intended = Histogram()
        self.sent = Histogram()


class StageCounts:
    """What became of one stage's requests."""

    def __init__(self) -> None:
        self.due = 0
        self.held = 0
        """Found as many under way as may be, and waited."""
        self.sent = 0
        """Of those due; an acceptance, which follows its RFQ, is in `followed`."""
        self.followed = 0
        self.verdicts: Counter[Verdict] = Counter()
        self.taken = Histogram()
        """From the intended time, of what was taken."""


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the run's course, in seconds since it began; latencies in µs, from the intended time.

    Requests are counted as due when they were, answers when they came; `followed`: acceptances, which follow
    their RFQ. `in_flight` and `waiting` are the most of them at once.
    """

    from_s: float
    to_s: float
    due: int
    followed: int
    sent: int
    verdicts: dict[str, int]
    in_flight: int
    waiting: int
    p50_us: int
    p99_us: int
    max_us: int


class _Course:
    """Counts since it was last closed."""

    def __init__(self, from_ns: int) -> None:
        self.from_ns = from_ns
        self.due = 0
        self.followed = 0
        self.sent = 0
        self.in_flight = 0
        self.waiting = 0
        self.verdicts: Counter[Verdict] = Counter()
        self.latency = Histogram()

    def add(self, other: "_Course") -> None:
        self.due += other.due
        self.followed += other.followed
        self.sent += other.sent
        self.in_flight = max(self.in_flight, other.in_flight)
        self.waiting = max(self.waiting, other.waiting)
        self.verdicts += other.verdicts
        self.latency.add(other.latency)

    def window(self, to_ns: int) -> Window:
        p50_us, p99_us = self.latency.percentiles(("50", "99"))
        return Window(
            from_s=self.from_ns / SECOND_NS,
            to_s=to_ns / SECOND_NS,
            due=self.due,
            followed=self.followed,
            sent=self.sent,
            verdicts={verdict.value: count for verdict, count in self.verdicts.items()},
            in_flight=self.in_flight,
            waiting=self.waiting,
            p50_us=p50_us,
            p99_us=p99_us,
            max_us=self.latency.max_us,
        )


class Recorder:
    """What a run tells; times in ns since the run began."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        self._measured = [stage.measured for stage in stages]
        self.stages = [StageCounts() for _ in stages]
        self.outcomes: Counter[Outcome] = Counter()
        """Of the measured stages; so are `latencies`."""
        self.latencies: dict[tuple[Kind, Verdict], Latencies] = {}
        self.lag = Histogram()
        """How late a request was sent that had not to wait: by this process itself."""
        self.unanswered = 0
        """Orders without an answer that says what became of them: they may have been taken."""
        self.unanswered_ids: list[str] = []
        """The first of them."""
        self.windows: list[Window] = []
        self.in_flight = 0
        self.in_flight_peak = 0
        self.waiting = 0
        seconds = sum(stage.duration_s for stage in stages)
        self._seconds_a_window = max(1, -int(-seconds // WINDOWS_MAX))
        self._second, self._window = _Course(0), _Course(0)
        self._seconds = 0

    @property
    def due(self) -> int:
        """Requests that were due so far."""
        return sum(stage.due for stage in self.stages)

    def verdicts(self) -> Counter[Verdict]:
        """How many of each, in all stages."""
        return sum((stage.verdicts for stage in self.stages), Counter())

    def request_due(self, stage: int) -> None:
        """A request's time has come."""
        self.stages[stage].due += 1
        self._second.due += 1

    def request_held(self, stage: int) -> None:
        """It has to wait: as many are under way as may be."""
        self.stages[stage].held += 1

    def request_sent(self, stage: int, lag_ns: int | None) -> None:
        """It goes out; `lag_ns`: how late, None where it had to wait."""
        self.stages[stage].sent += 1
        self._second.sent += 1
        if lag_ns is not None:
            self.lag.record(lag_ns // 1000)

    def follow_up_sent(self, stage: int) -> None:
        """The acceptance of an RFQ goes out."""
        self.stages[stage].followed += 1
        self._second.followed += 1

    def order_unanswered(self, client_order_id: str) -> None:
        """An order was sent, and whether it was taken is not known."""
        self.unanswered += 1
        if len(self.unanswered_ids) < IDS_MAX:
            self.unanswered_ids.append(client_order_id)

    def under_way(self, change: int) -> None:
        """One more request takes up a place, or one fewer."""
        self.in_flight += change
        self.in_flight_peak = max(self.in_flight_peak, self.in_flight)
        self._second.in_flight = max(self._second.in_flight, self.in_flight)

    def in_line(self, count: int) -> None:
        """So many requests wait for a place."""
        self.waiting = count
        self._second.waiting = max(self._second.waiting, count)

    def ended(self, stage: int, outcome: Outcome, intended_ns: int, sent_ns: int | None, now_ns: int) -> None:
        """A request has its outcome. `sent_ns` None: it was never sent."""
        counts, verdict = self.stages[stage], outcome.verdict
        counts.verdicts[verdict] += 1
        self._second.verdicts[verdict] += 1
        measured = self._measured[stage]
        if measured:
            known = outcome in self.outcomes or len(self.outcomes) < OUTCOMES_MAX
            self.outcomes[outcome if known else _other(outcome)] += 1
        if verdict is Verdict.UNANSWERED and outcome.code not in _TIMED:
            # A refused connection is no fast answer.
            return
        latency_us = (now_ns - intended_ns) // 1000
        self._second.latency.record(latency_us)
        if verdict is Verdict.TAKEN:
            counts.taken.record(latency_us)
        if measured:
            key = outcome.operation, verdict
            both = self.latencies.get(key)
            if both is None:
                both = self.latencies[key] = Latencies()
            both.intended.record(latency_us)
            if sent_ns is not None:
                both.sent.record((now_ns - sent_ns) // 1000)

    def close_second(self, now_ns: int) -> Window:
        """A second is over: its figures, for whoever watches; they go into the course of the run."""
        second = self._second
        told = second.window(now_ns)
        self._window.add(second)
        self._second = self._course(now_ns)
        self._seconds += 1
        if self._seconds % self._seconds_a_window == 0:
            self._close_window(now_ns)
        return told

    def close(self, now_ns: int) -> None:
        """The run is over: what is left is its last window, where there was anything in it."""
        self._window.add(self._second)
        self._second = _Course(now_ns)
        if self._window.due or self._window.verdicts:
            self._close_window(now_ns)

    def _close_window(self, now_ns: int) -> None:
        self.windows.append(self._window.window(now_ns))
        self._window = _Course(now_ns)

    def _course(self, from_ns: int) -> _Course:
        """The next second, which begins with what is under way."""
        course = _Course(from_ns)
        course.in_flight, course.waiting = self.in_flight, self.waiting
        return course


def _other(outcome: Outcome) -> Outcome:
    return outcome._replace(code=OTHER, result=None)
