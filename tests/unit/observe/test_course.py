"""The one line of an order: how it ended and what its stages took."""

import msgspec
import pytest

from router.core.errors import Code, OrderError
from router.core.model import Outcome, Reason, Source, VenueState
from router.core.order import Event, NotRouted, Order, Refused, Reported, WentInDoubt, step
from router.core.record import CompetitionRecord
from router.observe.observer import Observer
from tests.fakes.world import Seen
from tests.unit import build
from tests.unit.build import T0, D
from tests.unit.observe.test_observer import entry, record, routed

US = 1000


class ManualClock:
    """A clock that stands where it is put, in microseconds after the order came."""

    def __init__(self) -> None:
        self.us = 0

    def now(self) -> int:
        return T0 + self.us * US


class Told:
    """An observer as in production, an order, and a clock that moves with what happens."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.seen = Seen(clock=self.clock, debugging=False)
        self.order = build.order()

    @property
    def observer(self) -> Observer:
        return self.seen.observer

    def accept(self, us: int) -> None:
        self.clock.us = us
        self.observer.order_changed(None, self.order, "accepted")

    def happens(self, us: int, event: Event) -> Order:
        self.clock.us = us
        before, self.order = self.order, step(self.order, event, self.clock.now())
        self.observer.order_changed(before, self.order, type(event).__name__)
        return self.order


def decided(us: int, *, winner: str | None) -> CompetitionRecord:
    made = record(
        entry("bitgo-spot", Outcome.WON if winner else Outcome.FAILED, source=Source.BOOK, rank=1),
        entry("b", Outcome.LOST if winner else Outcome.FAILED, rank=2),
        entry("c", Outcome.EXCLUDED, Reason.RATE_LIMITED),
        entry("d", Outcome.FAILED, Reason.TIMEOUT),
        entry("e", Outcome.FAILED, Reason.TIMEOUT),
        winner=winner,
    )
    return msgspec.structs.replace(made, closed_at=T0 + us * US)


WHOLE = Reported(build.report(VenueState.DONE, build.fill()))


def test_an_order_that_was_filled_is_one_line() -> None:
    told = Told()
    told.accept(310)
    told.observer.competition_closed(decided(420, winner="bitgo-spot"))
    told.happens(900, routed())
    told.observer.order_sent("order-1", "bitgo-spot", T0 + 905 * US, T0 + 1500 * US)
    told.happens(1510, WHOLE)
    told.happens(1600, Reported(build.report(VenueState.DONE, build.fill(), build.fill("trade-2"))))
    assert told.seen.lines() == [
        {
            "event": "order",
            "level": "info",
            "order_id": "order-1",
            "client_order_id": "desk-7-000123",
            "product": "BTC-USD",
            "side": "buy",
            "type": "market",
            "status": "filled",
            "code": None,
            "connection": "bitgo-spot",
            "venue_order_id": "venue-1",
            "quantity": "0.5",
            "quantity_currency": "BTC",
            "filled_quantity": "0.5",
            "filled_quote": "50.000",
            "quoted_price": "100.00",
            "limit_price": "100.50",
            "attempts": 1,
            "competition_id": "c-1",
            "quotes": 2,
            "out": {"rate_limited": 1, "timeout": 2},
            "accepted_us": 310,
            "quoted_us": 420,
            "intended_us": 900,
            "sent_us": 905,
            "answered_us": 1500,
            "ended_us": 1510,
        }
    ]


def test_an_order_that_the_feed_ended_is_told_with_the_answer_that_comes_behind() -> None:
    told = Told()
    told.accept(310)
    told.happens(900, routed())
    told.happens(1200, WHOLE)
    assert told.seen.lines() == []
    told.observer.order_sent("order-1", "bitgo-spot", T0 + 905 * US, T0 + 1500 * US)
    (line,) = told.seen.lines()
    assert (line["sent_us"], line["answered_us"], line["ended_us"]) == (905, 1500, 1200)


def test_an_order_whose_answer_never_came_is_told_when_the_router_stops() -> None:
    told = Told()
    told.accept(310)
    told.happens(900, routed())
    told.happens(1200, WHOLE)
    told.observer.stopped(drained=True, in_flight=0)
    assert [line["event"] for line in told.seen.lines()] == ["order", "stopped"]
    assert told.seen.lines("order")[0]["answered_us"] is None


def test_an_order_that_was_given_up_as_in_doubt_waits_for_no_answer() -> None:
    told = Told()
    told.accept(310)
    told.happens(900, routed())
    told.happens(1000, WentInDoubt("the router failed while it was being sent", T0))
    told.happens(1100, Reported(build.report()))
    told.happens(1200, WHOLE)
    (line,) = told.seen.lines("order")
    assert (line["intended_us"], line["answered_us"], line["ended_us"]) == (900, None, 1200)


def test_an_order_that_is_withheld_waits_for_no_answer() -> None:
    told = Told()
    told.accept(310)
    told.happens(900, routed())
    told.happens(1000, Refused(OrderError(Code.PRICE_MOVED, "too late")))
    (line,) = told.seen.lines("order")
    assert (line["code"], line["sent_us"], line["attempts"]) == ("price_moved", None, 1)


def test_an_order_that_nobody_could_be_given_says_why_and_who_was_out() -> None:
    told = Told()
    told.accept(310)
    told.observer.competition_closed(decided(420, winner=None))
    told.happens(430, NotRouted(OrderError(Code.NO_QUOTES, "none"), "c-1"))
    warning, line = told.seen.lines()
    assert (warning["event"], warning["level"]) == ("order_changed", "warning")
    assert (line["event"], line["status"], line["code"]) == ("order", "rejected", "no_quotes")
    assert (line["connection"], line["quoted_price"], line["attempts"]) == (None, None, 0)
    assert (line["quotes"], line["out"]) == (0, {"rate_limited": 1, "timeout": 2})


def test_an_order_of_an_earlier_process_has_only_its_end() -> None:
    told = Told()
    told.order = step(told.order, routed(), T0)
    told.observer.order_taken_up(told.order)
    told.happens(2_000_000, WHOLE)
    line = told.seen.lines("order")[0]
    stages = ("accepted_us", "quoted_us", "intended_us", "sent_us", "answered_us")
    assert [line[stage] for stage in stages] == [None] * 5
    assert line["ended_us"] == 2_000_000


def test_the_times_are_those_of_the_last_attempt() -> None:
    told = Told()
    told.accept(310)
    told.happens(900, routed("pts"))
    told.observer.order_sent("order-1", "pts", T0 + 905 * US, T0 + 1500 * US)
    told.happens(1500, Refused(OrderError(Code.CREDIT_FROZEN, "no"), final=False))
    told.happens(2000, routed("bitgo-spot"))
    told.observer.order_sent("order-1", "bitgo-spot", T0 + 2010 * US, T0 + 2500 * US)
    own = told.order.attempts[-1].outbound.venue_client_order_id
    told.happens(2500, Reported(build.report(VenueState.DONE, build.fill(), venue_client_order_id=own)))
    (line,) = told.seen.lines("order")
    assert (line["connection"], line["attempts"]) == ("bitgo-spot", 2)
    assert (line["intended_us"], line["sent_us"], line["answered_us"]) == (2000, 2010, 2500)


def test_an_attempt_that_was_not_sent_has_no_times_of_the_one_before() -> None:
    told = Told()
    told.accept(310)
    told.happens(900, routed("pts"))
    told.observer.order_sent("order-1", "pts", T0 + 905 * US, T0 + 1500 * US)
    told.happens(1500, Refused(OrderError(Code.CREDIT_FROZEN, "no"), final=False))
    told.happens(2000, routed("bitgo-spot"))
    told.happens(2100, Refused(OrderError(Code.CREDIT_FROZEN, "no")))
    (line,) = told.seen.lines("order")
    assert (line["intended_us"], line["sent_us"], line["answered_us"]) == (2000, None, None)


@pytest.mark.parametrize("debugging", [True, False])
def test_nothing_is_kept_of_an_order_that_ended(*, debugging: bool) -> None:
    told = Told()
    told.seen = Seen(clock=told.clock, debugging=debugging)
    told.accept(310)
    told.happens(900, routed())
    told.observer.order_sent("order-1", "bitgo-spot", T0, T0)
    told.happens(1200, WHOLE)
    assert told.observer._courses == {}
    # What was sent is answered after all: that is no order under way.
    told.observer.order_sent("order-1", "bitgo-spot", T0, T0)
    assert told.observer._courses == {}


def test_amounts_are_written_as_they_are_recorded() -> None:
    told = Told()
    told.happens(900, routed())
    told.happens(
        1200, Reported(build.report(VenueState.DONE, filled_base=D("0.500"), filled_quote=D("50.1")))
    )
    (line,) = told.seen.lines()
    assert (line["filled_quantity"], line["filled_quote"]) == ("0.500", "50.1")
