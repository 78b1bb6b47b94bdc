"""Working orders from the request to their end: the claim that shrinks, the journal that replays alike."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec.structs import replace

from router.core.errors import ConflictError, InvalidRequestError
from router.core.instruction import SteadyPace, Stop, Twap
from router.core.model import OrderRequest, OrderStatus, OrderType, TimeInForce, VenueState
from router.core.order import Order, Phase, step
from router.journal.codec import decode_event, decode_order, encode
from router.ports import Taken
from router.service.asking import SCHEDULED_AHEAD_DAYS_MAX
from tests.fakes.venue import FakeVenue
from tests.fakes.world import World, pts, spot, world
from tests.unit.build import D, fill, request
from tests.virtual_loop import in_virtual_time, pass_time

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
TYPES = {
    "limit": {"type": OrderType.LIMIT, "limit_price": D("100.00")},
    "twap": {"type": OrderType.TWAP, "instruction": Twap(60)},
    "steady_pace": {"type": OrderType.STEADY_PACE, "instruction": SteadyPace(D("0.1"), 5)},
    "stop": {"type": OrderType.STOP, "instruction": Stop(D("100.00"))},
}
EVERY_TYPE = pytest.mark.parametrize("kind", TYPES)
EITHER = pytest.mark.parametrize("account", ["spot", "pts"])


def wanted(kind: str, **changed: Any) -> OrderRequest:
    return request(**TYPES[kind] | changed)


@asynccontextmanager
async def working(kind: str, account: str = "spot") -> AsyncIterator[tuple[World, FakeVenue, Order]]:
    """An order of 0.5 BTC that the counterparty has taken and works on."""
    venue = spot(USD="100", BTC="0") if account == "spot" else pts()
    async with world(venue) as w:
        venue.streams("99.00", "100.00", size="0.01")
        venue.before_submit = lambda order: venue.answers.append(
            Taken(venue.report(order, VenueState.WORKING))
        )
        order = (await w.desk.submit(wanted(kind))).order
        yield w, venue, order


def tell(w: World, venue: FakeVenue, order: Order, state: VenueState, *parts: str) -> None:
    """The feed tells an order's executions so far, one a part, each at 99.00."""
    fills = [fill(f"t-{number}", part, "99.00") for number, part in enumerate(parts)]
    sent = order.attempts[-1].outbound
    for number in range(1, len(fills) + 1):
        w.desk.listener.order_reported(
            venue.connection.id, venue.report(sent, VenueState.WORKING, *fills[:number])
        )
    w.desk.listener.order_reported(venue.connection.id, venue.report(sent, state, *fills))


@EVERY_TYPE
@EITHER
def test_it_is_sent_as_it_was_asked_for_and_answered_as_working(kind: str, account: str) -> None:
    @in_virtual_time
    async def scenario() -> None:
        async with working(kind, account) as (w, venue, order):
            assert (order.phase, order.status, order.is_settled) == (Phase.WORKING, OrderStatus.NEW, True)
            [sent] = venue.submitted
            asked = wanted(kind)
            assert (sent.type, sent.instruction, sent.limit_price) == (
                asked.type,
                asked.instruction,
                asked.limit_price,
            )
            assert sent.time_in_force is (TimeInForce.GTD if kind == "twap" else TimeInForce.GTC)
            record = await w.desk.competition(order.competition_id or "")
            assert record.indicative
            assert (record.winner, record.entries[0].complete) == (account, kind == "twap")

    scenario()


@EVERY_TYPE
def test_its_claim_shrinks_as_it_fills_and_what_it_paid_is_gone(kind: str) -> None:
    @in_virtual_time
    async def scenario() -> None:
        async with working(kind) as (w, venue, order):
            claim = order.attempts[-1].claim
            assert claim is not None
            assert w.reserved("spot") == claim.amount
            tell(w, venue, order, VenueState.WORKING, "0.1", "0.2")
            assert w.reserved("spot") == claim.amount * 2 / 5
            assert w.ledger.free("spot", "USD") == 100 - D("29.70") - claim.amount * 2 / 5
            tell(w, venue, order, VenueState.DONE, "0.1", "0.2", "0.2")
            assert w.reserved("spot") == 0
            assert w.ledger.free("spot", "USD") == 100 - D("49.50")

    scenario()


@EVERY_TYPE
def test_what_the_counterparty_holds_of_a_claim_is_not_subtracted_again_as_it_fills(kind: str) -> None:
    @in_virtual_time
    async def scenario() -> None:
        async with working(kind) as (w, venue, order):
            await pass_time(1)
            venue.balances = {"USD": D(50)}
            await venue.read_balances()
            assert w.ledger.free("spot", "USD") == 50
            tell(w, venue, order, VenueState.WORKING, "0.1", "0.2")
            assert w.ledger.free("spot", "USD") == 50

    scenario()


@EVERY_TYPE
@EITHER
def test_its_events_replay_to_the_same_order(kind: str, account: str) -> None:
    @in_virtual_time
    async def scenario() -> None:
        async with working(kind, account) as (w, venue, order):
            tell(w, venue, order, VenueState.EXPIRED, "0.1", "0.2")
            await pass_time(1)
            kept = await w.journal.order(order.id)
            assert kept is not None
            assert (kept.status, kept.filled_base) == (OrderStatus.EXPIRED, D("0.3"))
            # Through the journal's own text, as a store has it.
            first = Order(order.id, kept.request, kept.candidates, kept.created_at, kept.created_at)
            replayed = decode_order(encode(first))
            for at, event in await w.journal.events(order.id):
                replayed = step(replayed, decode_event(encode(event)), at)
            assert replayed == kept

    scenario()


@EVERY_TYPE
@EITHER
def test_a_restart_goes_on_with_it_and_claims_the_rest(kind: str, account: str) -> None:
    @in_virtual_time
    async def scenario() -> None:
        async with working(kind, account) as (w, venue, order):
            tell(w, venue, order, VenueState.WORKING, "0.1")
            await pass_time(1)
            journal, claimed = w.journal, w.reserved("spot")
        again = spot(USD="90", BTC="0") if account == "spot" else pts()
        async with world(again, journal=journal) as w:
            found = (await w.desk.order(order.id)).order
            assert (found.phase, found.filled_base) == (Phase.WORKING, D("0.1"))
            live = w.ledger.reservations().get(order.id)
            assert (None if live is None else live.claim.amount) == (claimed or None)
            # What happened meanwhile, and then the end.
            tell(w, again, order, VenueState.DONE, "0.1", "0.2", "0.2")
            ended = (await w.desk.order(order.id)).order
            assert (ended.status, ended.filled_base) == (OrderStatus.FILLED, D("0.5"))
            assert w.ledger.reservations() == {}
            assert again.submitted == []

    scenario()


@EITHER
def test_fills_that_overtake_a_cancel_are_told(account: str) -> None:
    @in_virtual_time
    async def scenario() -> None:
        async with working("twap", account) as (w, venue, order):
            tell(w, venue, order, VenueState.WORKING, "0.1")
            asked = (await w.desk.cancel(order.id)).order
            assert asked.status is OrderStatus.PENDING_CANCEL
            tell(w, venue, order, VenueState.PENDING_CANCEL, "0.1", "0.2")
            still = (await w.desk.order(order.id)).order
            assert (still.status, still.filled_base) == (OrderStatus.PENDING_CANCEL, D("0.3"))
            tell(w, venue, order, VenueState.CANCELED, "0.1", "0.2")
            ended = (await w.desk.order(order.id)).order
            assert (ended.status, ended.filled_base, ended.error) == (OrderStatus.CANCELED, D("0.3"), None)

    scenario()


@pytest.mark.parametrize(
    ("ahead_ns", "accepted"),
    [
        (1, True),
        (SCHEDULED_AHEAD_DAYS_MAX * DAY, True),
        (0, False),
        (-DAY, False),
        (SCHEDULED_AHEAD_DAYS_MAX * DAY + 1, False),
    ],
)
def test_a_schedule_is_in_the_future_and_not_too_far(ahead_ns: int, accepted: bool) -> None:
    @in_virtual_time
    async def scenario() -> None:
        async with world(pts()) as w:
            w["pts"].streams("99.00", "100.00")
            later = wanted("twap", instruction=Twap(60, scheduled_at=w.clock.now() + ahead_ns))
            if accepted:
                assert (await w.desk.submit(later)).order.request == later
            else:
                with pytest.raises(InvalidRequestError, match="scheduled_at: expected a time within"):
                    await w.desk.submit(later)
                assert w["pts"].submitted == []

    scenario()


@in_virtual_time
async def test_a_repeat_is_the_same_order_again_when_its_time_has_come() -> None:
    async with world(pts()) as w:
        w["pts"].streams("99.00", "100.00")
        later = wanted("twap", instruction=Twap(60, scheduled_at=w.clock.now() + SECOND))
        first = await w.desk.submit(later)
        await pass_time(400)
        w["pts"].streams("99.00", "100.00")
        again = await w.desk.submit(later)
        assert (again.replayed, again.order.id) == (True, first.order.id)
        assert len(w["pts"].submitted) == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (Twap(61), "duration_minutes"),
        (Twap(60, 5), "interval_minutes"),
        (Twap(60, time_sliced=False), "time_sliced"),
        (SteadyPace(D("0.1"), 5), "type"),
    ],
)
def test_another_body_is_told_by_the_field_that_differs(change: Twap | SteadyPace, field: str) -> None:
    @in_virtual_time
    async def scenario() -> None:
        async with world(pts()) as w:
            w["pts"].streams("99.00", "100.00")
            first = wanted("twap")
            await w.desk.submit(first)
            kind = OrderType.TWAP if isinstance(change, Twap) else OrderType.STEADY_PACE
            with pytest.raises(ConflictError, match=f"^{field}: expected"):
                await w.desk.submit(replace(first, type=kind, instruction=change))

    scenario()
