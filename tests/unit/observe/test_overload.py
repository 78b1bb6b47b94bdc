"""What there was no room for is counted, and the series is there before anything happens."""

from router.observe.metrics import Metrics
from tests.fakes.world import Seen


def test_a_refusal_is_counted() -> None:
    seen = Seen()
    seen.observer.overloaded()
    seen.observer.overloaded()
    assert seen.value("overload_refusals_total") == 2


def test_the_series_is_there_from_the_start() -> None:
    assert b"caas_router_overload_refusals_total 0.0" in Metrics().text()
