"""The score, the breaker and the back-off."""

from decimal import Decimal

from tests.unit.venues.support import draws
from venues.transport.backoff import Backoff
from venues.transport.health import Score


def test_five_failures_in_a_row_open_the_breaker() -> None:
    score = Score()
    for _ in range(4):
        score.failed()
    assert not score.is_open
    score.failed()
    assert score.is_open


def test_a_success_breaks_the_row() -> None:
    score = Score()
    for _ in range(20):
        score.succeeded(1)
    for _ in range(4):
        score.failed()
    score.succeeded(1)
    for _ in range(4):
        score.failed()
    assert not score.is_open


def test_half_of_the_latest_failing_opens_it() -> None:
    score = Score()
    for _ in range(9):
        score.failed()
        score.succeeded(1)
    assert not score.is_open
    score.succeeded(1)
    score.failed()
    assert score.is_open
    assert score.error_rate == Decimal("0.50")


def test_closing_forgets_the_failures() -> None:
    score = Score()
    for _ in range(5):
        score.failed()
    score.close()
    assert not score.is_open
    assert score.error_rate == 0


def test_latency_is_a_moving_average() -> None:
    score = Score()
    score.succeeded(800)
    score.succeeded(1600)
    assert score.latency_ns == 900


def test_the_wait_grows_to_its_bound_and_is_drawn_from_zero_on() -> None:
    backoff = Backoff(100, 1000, draws())
    waits = [backoff.next_s() for _ in range(200)]
    assert all(0 <= wait <= min(1.0, 0.1 * 2**step) for step, wait in enumerate(waits))
    assert max(waits) > 0.9
    assert min(waits[10:]) < 0.1


def test_a_success_begins_at_the_shortest_wait_again() -> None:
    backoff = Backoff(100, 100_000, draws())
    for _ in range(20):
        backoff.next_s()
    backoff.reset()
    assert backoff.next_s() <= 0.1
