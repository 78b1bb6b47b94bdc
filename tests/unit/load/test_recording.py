"""Counting: what has a latency, and how many different outcomes are told apart."""

from router.load.arrivals import SECOND_NS, Stage
from router.load.mix import Kind
from router.load.outcomes import Outcome, Trouble, Verdict
from router.load.recording import IDS_MAX, OTHER, OUTCOMES_MAX, Recorder

TAKEN = Outcome(Kind.ORDER, Verdict.TAKEN, 200, None, "filled")


def recorder() -> Recorder:
    return Recorder([Stage(name="s", rate=1, ramp_to=1, duration_s=10)])


def unanswered(trouble: Trouble) -> Outcome:
    return Outcome(Kind.ORDER, Verdict.UNANSWERED, None, trouble.value, None)


def test_a_time_out_is_as_slow_as_it_was_when_it_was_given_up() -> None:
    counted = recorder()
    counted.ended(0, unanswered(Trouble.TIMEOUT), 0, SECOND_NS, 3 * SECOND_NS)
    both = counted.latencies[Kind.ORDER, Verdict.UNANSWERED]
    assert (both.intended.max_us, both.sent.max_us) == (3_000_000, 2_000_000)


def test_a_refused_connection_is_counted_and_is_no_fast_answer() -> None:
    counted = recorder()
    for trouble in (Trouble.NOT_CONNECTED, Trouble.CUT_OFF, Trouble.NOT_HTTP):
        counted.ended(0, unanswered(trouble), 0, 0, 1000)
    assert counted.latencies == {}
    assert counted.verdicts() == {Verdict.UNANSWERED: 3}
    assert len(counted.outcomes) == 3


def test_more_outcomes_than_can_be_read_are_counted_together() -> None:
    counted = recorder()
    for number in range(OUTCOMES_MAX + 50):
        counted.ended(0, TAKEN._replace(code=f"code-{number}"), 0, 0, 1000)
    counted.ended(0, TAKEN._replace(code="code-3"), 0, 0, 1000)
    assert counted.outcomes[TAKEN._replace(code=OTHER, result=None)] == 50
    assert counted.outcomes[TAKEN._replace(code="code-3")] == 2
    assert sum(counted.outcomes.values()) == OUTCOMES_MAX + 51


def test_not_every_order_without_an_answer_is_kept_by_its_id() -> None:
    counted = recorder()
    for number in range(IDS_MAX + 5):
        counted.order_unanswered(f"load-{number}")
    assert counted.unanswered == IDS_MAX + 5
    assert counted.unanswered_ids == [f"load-{number}" for number in range(IDS_MAX)]


def test_how_late_this_process_was_itself_leaves_out_who_had_to_wait() -> None:
    counted = recorder()
    counted.request_sent(0, 5_000_000)
    counted.request_sent(0, None)
    assert (counted.lag.count, counted.lag.max_us) == (1, 5000)
    assert counted.stages[0].sent == 2


def test_a_second_without_an_answer_has_no_latency_and_keeps_what_is_under_way() -> None:
    counted = recorder()
    counted.under_way(1)
    counted.in_line(3)
    counted.close_second(SECOND_NS)
    told = counted.close_second(2 * SECOND_NS)
    assert (told.in_flight, told.waiting, told.p99_us, told.max_us) == (1, 3, 0, 0)
    assert (told.from_s, told.to_s) == (1, 2)
