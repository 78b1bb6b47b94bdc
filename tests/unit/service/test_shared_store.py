"""Several routers on one store: another's reservation, another's order, the orders of one that is gone."""

import pytest

from router.core.errors import Code, ConflictError
from router.core.model import OnCreditFailure, OrderStatus, VenueState
from router.ports import Refused
from tests.fakes.world import World, pts, spot, world
from tests.unit import build
from tests.unit.build import D, request
from tests.unit.service.test_recovery import NO_CREDIT, left_behind, routed
from tests.virtual_loop import in_virtual_time, pass_time


def unharmed(w: World, name: str) -> bool:
    """Whether nothing was sent to a connection, and all that was taken for it was given back."""
    return w[name].submitted == [] and w[name].unsent == 0 and w.reserved(name) == 0


@in_virtual_time
async def test_an_order_that_anothers_reservation_leaves_no_balance_for_is_rejected_and_not_sent() -> None:
    async with world(spot(USD="100", BTC="0")) as w:
        w["spot"].streams("99.00", "100.00")
        w.journal.others_reserved = D("49.76")  # 100 less 50.25, the claim, leave 49.75

        order = (await w.desk.submit(request())).order

        assert order.error is not None
        assert (order.status, order.error.code) == (OrderStatus.REJECTED, Code.NO_ELIGIBLE_COUNTERPARTY)
        assert "other routers" in order.error.detail
        assert order.error.retryable
        assert unharmed(w, "spot")
        assert w.journal.kept_events(order.id) == ["NotRouted"]

        w.journal.others_reserved = D("49.75")
        assert (await w.desk.submit(request(client_order_id="o-2"))).order.status is OrderStatus.FILLED


@in_virtual_time
async def test_nothing_of_others_stands_in_the_way_of_an_order_on_credit() -> None:
    async with world(pts()) as w:
        w["pts"].streams("99.00", "100.00")
        w.journal.others_reserved = D(10**9)

        assert (await w.desk.submit(request())).order.status is OrderStatus.FILLED


@in_virtual_time
async def test_after_a_refusal_for_credit_the_order_ends_with_that() -> None:
    async with world(pts(), spot(USD="100", BTC="0"), on_credit_failure=OnCreditFailure.NEXT_BEST) as w:
        w["pts"].streams("98.00", "99.00")
        w["spot"].streams("99.00", "100.00")
        w["pts"].answers.append(Refused(NO_CREDIT))
        w.journal.others_reserved = D(10**9)

        order = (await w.desk.submit(request())).order

        assert (order.status, order.error) == (OrderStatus.REJECTED, NO_CREDIT)
        assert unharmed(w, "spot")


@in_virtual_time
async def test_a_report_of_another_routers_order_is_passed_over() -> None:
    async with world(spot()) as w:
        order = await left_behind(w.journal, 1, routed(1))
        w.journal.of_others = {order.id}
        report = build.report(VenueState.DONE, build.fill(), venue_client_order_id=f"{order.id}-1-spot")

        w.desk.listener.order_reported("spot", report)
        await pass_time(1)

        assert order == w.journal.kept(order.id)
        assert w.desk.in_flight == 0
        assert [line["why"] for line in w.seen.lines("evidence_ignored")] == ["not ours"]


@in_virtual_time
async def test_the_orders_of_a_router_that_is_gone_are_taken_up_and_looked_up() -> None:
    async with world(spot(USD="100", BTC="0")) as w:
        accepted = await left_behind(w.journal, 1)
        sent = await left_behind(w.journal, 2, routed(2))
        reads = w["spot"].balance_reads

        await w.desk.take_over()

        assert w.reserved("spot") == D("50.25")
        assert w["spot"].balance_reads == reads + 1
        assert (await w.desk.order(sent.id)).order.in_doubt
        looked_up = await w["spot"].look_ups.get()
        w["spot"].known[looked_up.venue_client_order_id] = w["spot"].filled(looked_up, "100.00")
        await pass_time(3)
        assert w.journal.kept(sent.id).status is OrderStatus.FILLED
        assert w.journal.kept(accepted.id).status is OrderStatus.REJECTED
        assert w["spot"].submitted == []
        told = len(w.seen.lines("recovered"))

        await w.desk.take_over()

        assert len(w.seen.lines("recovered")) == told  # nothing came free, and nothing is said


@in_virtual_time
async def test_a_router_that_stops_takes_nothing_up() -> None:
    async with world(spot()) as w:
        await w.desk.stop(1)
        order = await left_behind(w.journal, 1)

        await w.desk.take_over()
        await pass_time(1)

        assert order == w.journal.kept(order.id)
        assert w.desk.in_flight == 0


@in_virtual_time
async def test_an_order_of_another_router_is_told_of_and_not_cancelled_here() -> None:
    async with world(spot()) as w:
        order = await left_behind(w.journal, 1, routed(1))

        assert order == (await w.desk.order(order.id)).order
        with pytest.raises(ConflictError, match="another router has it"):
            await w.desk.cancel(order.id)
