"""After a restart: what may be live is looked up, what was not sent is ended, nothing is sent."""

import asyncio

import msgspec
import pytest

from router.core.errors import Code, OrderError
from router.core.model import Claim, Fill, OnCreditFailure, OrderStatus, OrderType, VenueState
from router.core.order import Event, NotRouted, Order, Phase, Refused, Reported, Routed, WentInDoubt, step
from tests.fakes.journal import MemoryJournal
from tests.fakes.world import pts, spot, world
from tests.unit import build
from tests.unit.build import D
from tests.virtual_loop import EPOCH_NS, in_virtual_time, pass_time

BEFORE = EPOCH_NS - 60_000_000_000
NO_CREDIT = OrderError(Code.CREDIT_FROZEN, "frozen")


def order_id(number: int) -> str:
    return f"01977420-0000-7000-8000-{number:012d}"


def routed(number: int, name: str = "spot", claim: Claim | None = None) -> Routed:
    """The intent of an order's first attempt: 50.25 USD of a Spot balance, unless another claim is given."""
    outbound = build.outbound(connection_id=name, venue_client_order_id=f"{order_id(number)}-1-{name}")
    connection = build.connection(name, pts=name == "pts")
    claim = None if name == "pts" else claim or Claim("USD", D("50.25"))
    return Routed(
        build.attempt(outbound=outbound, connection=connection, claim=claim), f"competition-{number}", None
    )


def report(number: int, state: VenueState, *fills: Fill) -> Reported:
    own_id = f"{order_id(number)}-1-spot"
    return Reported(build.report(state, *fills, venue_client_order_id=own_id, at=BEFORE))


async def left_behind(journal: MemoryJournal, number: int, *events: Event, **changed: object) -> Order:
    """An order as a router left it when it stopped in the middle of something."""
    order = build.order(
        id=order_id(number),
        request=build.request(client_order_id=f"o-{number}", **changed),
        created_at=BEFORE,
        updated_at=BEFORE,
    )
    await journal.accept(order)
    for event in events:
        order = step(order, event, BEFORE)
        await journal.append(order, event, BEFORE)
    return order


@in_virtual_time
async def test_an_accepted_order_was_never_sent_and_is_interrupted() -> None:
    journal = MemoryJournal()
    order = await left_behind(journal, 1)
    async with world(spot(), journal=journal) as w:
        w["spot"].streams("99.00", "100.00")
        again = await w.desk.submit(order.request)
        assert again.replayed
        assert again.order.error is not None
        assert (again.order.status, again.order.error.code) == (OrderStatus.REJECTED, Code.INTERRUPTED)
        assert again.order.error.retryable
        await pass_time(1)
        assert w["spot"].submitted == []
        assert journal.kept(order.id).phase is Phase.FINAL
        assert w.seen.lines("recovered") == [
            {"event": "recovered", "level": "info", "looked_up": 0, "interrupted": 1}
        ]


@in_virtual_time
async def test_the_end_of_an_interrupted_order_is_told_even_while_the_store_is_behind() -> None:
    journal = MemoryJournal()
    order = await left_behind(journal, 1)
    journal.failing = {"append"}
    async with world(spot(), journal=journal) as w:
        await pass_time(1)
        assert (await w.desk.order(order.id)).order.status is OrderStatus.REJECTED
        assert (await w.desk.submit(order.request)).order.status is OrderStatus.REJECTED
        journal.failing = set()
        await pass_time(3)
        assert journal.kept(order.id).phase is Phase.FINAL


@in_virtual_time
async def test_one_that_was_refused_for_credit_before_its_next_attempt_ends_with_that_refusal() -> None:
    journal = MemoryJournal()
    order = await left_behind(journal, 1, routed(1, "pts"), Refused(NO_CREDIT, final=False))
    async with world(pts(), spot(), journal=journal) as w:
        ended = (await w.desk.order(order.id)).order
        assert (ended.status, ended.error) == (OrderStatus.REJECTED, NO_CREDIT)


@in_virtual_time
async def test_a_routed_order_may_have_been_sent_and_is_looked_up_before_anything_else() -> None:
    journal = MemoryJournal()
    order = await left_behind(journal, 1, routed(1))
    async with world(spot(USD="100", BTC="0"), journal=journal) as w:
        looked_up = await w["spot"].look_ups.get()
        assert looked_up.venue_client_order_id == f"{order.id}-1-spot"
        assert (await w.desk.order(order.id)).order.in_doubt
        assert w.reserved("spot") == D("50.25")
        assert w.seen.value("orders_in_doubt", connection="spot") == 1

        w["spot"].known[looked_up.venue_client_order_id] = w["spot"].filled(looked_up, "100.00")
        await pass_time(2)
        found = (await w.desk.order(order.id)).order
        assert (found.status, found.in_doubt) == (OrderStatus.FILLED, False)
        assert w["spot"].submitted == []
        assert w.reserved("spot") == 0
        assert w.seen.value("orders_in_doubt", connection="spot") == 0


@in_virtual_time
async def test_the_settling_window_of_a_routed_order_begins_with_the_restart() -> None:
    """When it was sent is not known: at the latest, the router stopped just now."""
    journal = MemoryJournal()
    order = await left_behind(journal, 1, routed(1))
    async with world(spot(), journal=journal) as w:
        await pass_time(29)
        assert (await w.desk.order(order.id)).order.in_doubt
        await pass_time(6)
        ended = (await w.desk.order(order.id)).order
        assert ended.error is not None
        assert ended.error.code is Code.NOT_TAKEN


@in_virtual_time
async def test_an_order_in_doubt_stays_so_and_counts_so_until_it_is_found() -> None:
    journal = MemoryJournal()
    order = await left_behind(journal, 1, routed(1), WentInDoubt("reset", EPOCH_NS - 10_000_000_000))
    async with world(spot(), journal=journal) as w:
        assert w.seen.value("orders_in_doubt", connection="spot") == 1
        assert w.reserved("spot") == D("50.25")
        await pass_time(29)
        assert (await w.desk.order(order.id)).order.in_doubt
        await pass_time(7)
        assert (await w.desk.order(order.id)).order.status is OrderStatus.REJECTED
        assert w.seen.value("orders_in_doubt", connection="spot") == 0


@in_virtual_time
@pytest.mark.parametrize("step_s", [-7200, 7200])
async def test_a_wall_that_was_set_between_two_lives_bends_no_settling_window(step_s: int) -> None:
    """`sent_at` is of the clock of a process that is gone: the window is measured anew, on this one's."""
    journal = MemoryJournal()
    order = await left_behind(journal, 1, routed(1), WentInDoubt("reset", EPOCH_NS - step_s * 10**9))
    async with world(spot(), journal=journal) as w:
        await pass_time(29)
        assert (await w.desk.order(order.id)).order.in_doubt
        await pass_time(7)
        ended = (await w.desk.order(order.id)).order
        assert ended.error is not None
        assert ended.error.code is Code.NOT_TAKEN


@in_virtual_time
async def test_an_order_that_ended_without_its_single_fills_is_asked_for_them() -> None:
    journal = MemoryJournal()
    ended = report(1, VenueState.DONE)
    sums = msgspec.structs.replace(ended.report, filled_base=D("0.5"), filled_quote=D(50))
    order = await left_behind(journal, 1, routed(1), Reported(sums))
    detailed = await left_behind(journal, 2, routed(2), report(2, VenueState.DONE, build.fill()))
    venue = spot()
    sent = order.attempts[0].outbound
    venue.known[sent.venue_client_order_id] = build.report(
        VenueState.DONE, build.fill(), venue_client_order_id=sent.venue_client_order_id
    )
    async with world(venue, journal=journal) as w:
        await pass_time(5)
        assert [each.id for each in journal.kept(order.id).fills] == ["trade-1"]
        assert journal.kept(order.id).status is OrderStatus.FILLED
        assert journal.kept(detailed.id) == detailed
        assert [venue.look_ups.get_nowait() for _ in range(venue.look_ups.qsize())] == [sent]
        assert w.desk.in_flight == 0


@in_virtual_time
async def test_a_working_order_is_followed_with_its_reservation() -> None:
    journal = MemoryJournal()
    order = await left_behind(
        journal,
        1,
        routed(1),
        report(1, VenueState.WORKING, build.fill("t-1", "0.1")),
        type=OrderType.LIMIT,
        limit_price=D("100.50"),
    )
    async with world(spot(), journal=journal) as w:
        assert w.desk.in_flight == 1
        assert order.id in w.ledger.reservations()
        sent = order.attempts[0].outbound
        w["spot"].known[sent.venue_client_order_id] = w["spot"].report(
            sent, VenueState.DONE, build.fill("t-1", "0.1"), build.fill("t-2", "0.4")
        )
        await w.desk.listener.reconcile("spot")
        ended = (await w.desk.order(order.id)).order
        assert (ended.status, [each.id for each in ended.fills]) == (OrderStatus.FILLED, ["t-1", "t-2"])
        assert w.ledger.reservations() == {}


@in_virtual_time
async def test_reservations_are_taken_back_whatever_the_balance_is_then() -> None:
    journal = MemoryJournal()
    for number in range(3):
        await left_behind(journal, number, routed(number))
    async with world(spot(USD="60", BTC="0"), pts(), journal=journal) as w:
        assert w.reserved("spot") == D("150.75")
        w["spot"].streams("99.00", "1.00")
        w["pts"].streams("99.00", "100.00")
        answer = await w.desk.submit(build.request(client_order_id="new"))
        assert answer.order.attempts[0].connection_id == "pts"


@in_virtual_time
async def test_final_orders_are_left_alone() -> None:
    journal = MemoryJournal()
    await left_behind(journal, 1, routed(1), Refused(NO_CREDIT))
    await left_behind(journal, 2, NotRouted(NO_CREDIT))
    await left_behind(journal, 3, routed(3), report(3, VenueState.DONE, build.fill()))
    async with world(spot(), journal=journal) as w:
        await pass_time(60)
        assert w["spot"].look_ups.empty()
        assert (w.desk.in_flight, w.ledger.reservations()) == (0, {})


@in_virtual_time
async def test_an_order_at_a_connection_that_is_gone_stays_in_doubt() -> None:
    journal = MemoryJournal()
    order = await left_behind(journal, 1, routed(1))
    async with world(spot("another"), journal=journal) as w:
        await pass_time(600)
        assert (await w.desk.order(order.id)).order.in_doubt
        assert w.desk.in_flight == 1


@in_virtual_time
async def test_a_router_that_was_killed_between_send_and_answer_finds_its_order() -> None:
    journal = MemoryJournal()
    first = spot()
    async with world(first, journal=journal, stop_within_s=0.1) as w:
        first.streams("99.00", "100.00")
        first.answers.append(asyncio.get_running_loop().create_future())
        caller = asyncio.create_task(
            w.desk.submit(build.request(on_credit_failure=OnCreditFailure.NEXT_BEST))
        )
        sent = await first.submissions.get()
        await pass_time(0.1)
        caller.cancel()
    second = spot()
    second.known[sent.venue_client_order_id] = first.filled(sent)
    async with world(second, journal=journal, seed=2) as w:
        second.streams("99.00", "100.00")
        again = await w.desk.submit(build.request(on_credit_failure=OnCreditFailure.NEXT_BEST))
        assert again.replayed
        assert again.order.status is OrderStatus.FILLED
        assert second.submitted == []
        assert w.ledger.reservations() == {}
