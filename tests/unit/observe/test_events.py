"""Events are published by what happens, kept for a while, and cost nothing where nobody follows."""

import pytest

from router.core.errors import Code, OrderError
from router.core.finding import Finding, Found
from router.core.model import Side, VenueState
from router.core.order import (
    FindingRecorded,
    NotRouted,
    Order,
    Refused,
    Reported,
    Routed,
    WentInDoubt,
    step,
)
from router.observe.events import EventBus, ForeignReport, Kind, Published, TooManyFollowersError
from router.ports import ForeignOrder
from tests.fakes.world import Seen
from tests.unit import build
from tests.unit.build import T0, D

ROUTED = Routed(build.attempt(), "competition-1", None)
DOUBTFUL = step(step(build.order(), ROUTED, T0), WentInDoubt("reset", T0), T0)
FINDING = Finding(Found.ABSENT, "J. Doe", "asked them", T0)


def numbers(events: list[Published] | None) -> list[int] | None:
    return None if events is None else [event.number for event in events]


async def test_who_follows_gets_what_comes_and_nothing_of_before() -> None:
    bus = EventBus()
    bus.publish(build.order())
    follower = bus.follow()
    bus.publish(build.order())
    bus.publish(build.order())

    assert (numbers(await follower.next()), follower.began_at, follower.reset) == ([2, 3], 1, False)
    follower.close()
    assert bus.followers == 0


async def test_what_is_not_wanted_takes_no_room() -> None:
    bus = EventBus(queue_length=1)
    follower = bus.follow(lambda event: event.kind is Kind.ORDER and event.order_id == "mine")
    for _ in range(5):
        bus.publish(build.order())
    bus.publish(build.order(id="mine"))

    assert numbers(await follower.next()) == [6]


async def test_one_who_does_not_keep_up_is_dropped_and_the_others_are_not() -> None:
    bus = EventBus(queue_length=2)
    slow, quick = bus.follow(), bus.follow()
    for number in range(1, 4):
        bus.publish(build.order())
        assert numbers(await quick.next()) == [number]

    assert (slow.overflowed, quick.overflowed, bus.followers) == (True, False, 1)
    assert await slow.next() is None
    assert await slow.next() is None


async def test_at_the_end_what_waits_is_still_read() -> None:
    bus = EventBus()
    follower = bus.follow()
    bus.publish(build.order())
    bus.close()

    assert numbers(await follower.next()) == [1]
    assert await follower.next() is None
    late = bus.follow()
    assert (await late.next(), bus.followers) == (None, 0)


async def test_there_is_room_for_so_many() -> None:
    bus = EventBus(followers_max=1)
    first = bus.follow()
    with pytest.raises(TooManyFollowersError):
        bus.follow()
    first.close()
    bus.follow()


async def test_the_ring_keeps_records_and_encodes_nothing() -> None:
    bus = EventBus("e", ring_length=2)
    for _ in range(3):
        bus.publish(build.order())
    follower = bus.follow(after="e-1")

    events = await follower.next()
    assert numbers(events) == [2, 3]
    assert [(event.subject, event.encoded) for event in events or []] == [(build.order(), None)] * 2
    assert bus.follow(after="e-0").reset


def followed(seen: Seen) -> list[Order]:
    """The orders that were published so far."""
    bus = seen.observer.events
    events = bus._since("0-0") or []
    return [event.subject for event in events if isinstance(event.subject, Order)]


def test_an_order_is_published_as_it_changes_and_a_refusal_once_it_is_kept() -> None:
    seen = Seen()
    routed = step(build.order(), ROUTED, T0)
    refused = step(routed, Refused(OrderError(Code.VENUE_REJECTED, "no")), T0)
    seen.observer.order_changed(None, build.order(), "accepted")
    seen.observer.order_changed(build.order(), routed, "Routed")
    seen.observer.order_changed(routed, refused, "Refused")
    assert followed(seen) == [build.order(), routed]

    seen.observer.refusal_kept(refused)
    assert followed(seen) == [build.order(), routed, refused]


def test_an_order_that_is_overdue_is_told_once_until_its_doubt_ends() -> None:
    seen = Seen()
    seen.observer.order_changed(step(build.order(), ROUTED, T0), DOUBTFUL, "WentInDoubt")
    for overdue_ns in (1_500_000, 9_000_000):
        seen.observer.order_overdue(DOUBTFUL, overdue_ns, "HTTP 503")

    assert seen.lines("order_in_doubt_overdue") == [
        {
            "event": "order_in_doubt_overdue",
            "level": "error",
            "order_id": "order-1",
            "client_order_id": "desk-7-000123",
            "connection": "bitgo-spot",
            "venue_client_order_id": "order-1-1-bitgo-spot",
            "overdue_ms": 1,
            "last_look_up": "HTTP 503",
        }
    ]
    assert seen.value("orders_in_doubt_overdue", connection="bitgo-spot") == 1
    ended = step(DOUBTFUL, Reported(build.report(VenueState.DONE, build.fill())), T0)
    seen.observer.order_changed(DOUBTFUL, ended, "Reported")
    assert seen.value("orders_in_doubt_overdue", connection="bitgo-spot") == 0


def test_a_doubt_that_ends_in_time_leaves_the_gauge_alone() -> None:
    seen = Seen()
    ended = step(DOUBTFUL, FindingRecorded(FINDING), T0)
    seen.observer.order_changed(DOUBTFUL, ended, "FindingRecorded")
    assert seen.value("orders_in_doubt_overdue", connection="bitgo-spot") == 0


def test_an_order_without_a_counterparty_cannot_be_overdue() -> None:
    seen = Seen()
    ended = step(build.order(), NotRouted(OrderError(Code.NO_QUOTES, "none")), T0)
    seen.observer.order_overdue(ended, 1, None)
    assert seen.lines() == []


def test_a_finding_is_a_line_with_the_name_and_the_reason() -> None:
    seen = Seen()
    seen.observer.finding_recorded(DOUBTFUL, FINDING)
    assert seen.lines() == [
        {
            "event": "finding_recorded",
            "level": "warning",
            "order_id": "order-1",
            "client_order_id": "desk-7-000123",
            "connection": "bitgo-spot",
            "found": "absent",
            "operator": "J. Doe",
            "reason": "asked them",
            "venue_order_id": None,
            "filled_quantity": "0",
            "average_price": None,
        }
    ]


async def test_orders_that_are_not_ours_are_published() -> None:
    seen = Seen()
    follower = seen.observer.events.follow()
    order = ForeignOrder("v-9", None, "BTC-USD", Side.SELL, VenueState.DONE, D("0.5"), T0)
    seen.observer.foreign_order("pts", order)
    (event,) = await follower.next() or ()
    assert (event.kind, event.subject) == (Kind.FOREIGN_ORDER, ForeignReport("pts", order))
    assert event.order_id is None
