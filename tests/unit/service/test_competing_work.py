"""A competition over streamed books is one call: no task, timer or future, and work that does not grow."""

from collections.abc import Coroutine
from typing import TypeVar

import pytest

from router.core.competition import Phase, Rules
from router.core.ledger import Ledger
from router.core.model import Side
from router.core.routing import Terms
from router.service.asking import check_request
from router.service.competing import Competing, Held
from router.service.venues import Member, Venues
from tests.fakes.venue import FakeVenue
from tests.fakes.world import Seen, StillClock
from tests.unit import build
from tests.unit.build import T0, D
from tests.unit.core.work import lines_run

T = TypeVar("T")
RULES = Rules(250_000_000, D(500), Terms(D(50)))


def at_once(work: Coroutine[object, object, T]) -> T:
    """What a coroutine returns that never waits; outside any loop, so that it cannot even ask for one."""
    try:
        work.send(None)
    except StopIteration as ended:
        return ended.value
    raise AssertionError("expected nothing to be waited for, something was")


class Stage:
    """So many connections, every other one on credit, each with so many products; all stream their books."""

    def __init__(self, connections: int, products: int = 1) -> None:
        clock, self.ledger = StillClock(), Ledger()
        names = [f"X{number}-USD" for number in range(products - 1)]
        members = []
        for number in range(connections):
            name = f"c{number:02d}"
            venue = FakeVenue(
                build.connection(name, pts=number % 2 == 1, fee_bps="10"),
                *(build.product(name=each, base=each.split("-")[0]) for each in names),
                build.product(),
                clock=clock,
            )
            for product in (*names, "BTC-USD"):
                venue.streams("99.00", f"100.{number:02d}", product=product)
            self.ledger.state(name, {"USD": D(10**6), "BTC": D(10**6)}, T0)
            members.append(Member(venue, "exchange", True, 10**9))
        self.venues = Venues(members, self.ledger, clock, book_age_ns=10**9, balance_age_ns=10**9)
        self.competing = Competing(self.venues, self.ledger, Seen().observer, clock)

    def compete(self, side: Side = Side.BUY) -> Held:
        """One competition, decided."""
        held = at_once(
            self.competing.hold(
                build.request(side=side),
                RULES,
                "competition-1",
                to_trade=True,
                ready=None,
                late=lambda _held, _name: None,
            )
        )
        held.competition.award(lambda _route: None, T0)
        return held


@pytest.mark.parametrize(
    ("side", "best_first"),
    [
        (Side.BUY, ["c00", "c01", "c02", "c03"]),
        # They all bid the same: own money goes before credit.
        (Side.SELL, ["c00", "c02", "c01", "c03"]),
    ],
)
def test_streamed_books_are_decided_on_without_a_loop(side: Side, best_first: list[str]) -> None:
    held = Stage(4).compete(side)

    assert held.competition.phase is Phase.CLOSED
    ranks = {entry.rank: name for name, entry in held.competition.entries.items()}
    assert ranks == dict(enumerate(best_first, start=1))


def test_its_work_does_not_grow_with_the_products_that_there_are() -> None:
    few, many = Stage(4), Stage(4, products=500)
    for each in (few, many):
        each.compete()  # what is worked out once is worked out

    assert lines_run(few.compete) == lines_run(many.compete)


def test_its_work_grows_by_the_same_with_each_connection() -> None:
    Stage(4).compete()
    two, four, eight, sixteen = (lines_run(Stage(count).compete) for count in (2, 4, 8, 16))

    # Two alone are not held against a collar.
    assert two < four
    assert 2 * (eight - four) >= sixteen - eight >= eight - four


def test_what_is_asked_of_a_request_does_not_grow_with_products() -> None:
    few, many = Stage(4), Stage(4, products=500)

    def check(stage: Stage) -> None:
        check_request(build.request(), stage.venues.products_named("BTC-USD"), T0)

    assert lines_run(lambda: check(few)) == lines_run(lambda: check(many))


def test_its_work_does_not_grow_with_the_orders_that_are_open() -> None:
    quiet, busy = Stage(4), Stage(4)
    quiet.compete()
    routed = busy.compete().competition.award(lambda _route: None, T0)
    assert routed is not None
    assert routed.claim is not None
    for number in range(2000):
        assert busy.ledger.reserve(f"open-{number}", "c00", routed.claim)
    quiet.ledger.reserve("open", "c00", routed.claim)

    assert lines_run(quiet.compete) == lines_run(busy.compete)
