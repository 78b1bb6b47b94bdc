"""A counterparty that has not the order's type is out before it is asked for anything."""

from router.core.errors import Code
from router.core.instruction import SteadyPace, Stop
from router.core.model import OrderStatus, OrderType, Outcome, Reason
from router.ports import Taken
from tests.fakes.firm import FirmFake
from tests.fakes.world import pts, spot, world
from tests.unit import build
from tests.unit.build import D, request
from tests.virtual_loop import in_virtual_time

PACE = {"type": OrderType.STEADY_PACE, "instruction": SteadyPace(D("0.1"), 5)}


@in_virtual_time
async def test_it_is_excluded_unasked_and_the_next_price_wins() -> None:
    cb = FirmFake(build.connection("cb"), "90")
    cb.balances = {"BTC": D(1000), "USD": D(1_000_000)}
    cb.lacking = {OrderType.STEADY_PACE}
    async with world(spot(), cb) as w:
        venue = w["spot"]
        venue.streams("99.00", "100.00")
        venue.answers.append(
            Taken(build.report(venue_client_order_id="as sent", filled_base=D(0), filled_quote=D(0)))
        )

        answer = await w.desk.submit(request(**PACE))

        assert answer.competition is not None
        assert {(e.connection.id, e.outcome, e.reason, e.asked_at) for e in answer.competition.entries} >= {
            ("cb", Outcome.EXCLUDED, Reason.PRODUCT_UNSUPPORTED, None)
        }
        assert answer.competition.winner == "spot"
        assert (cb.asks, cb.submitted) == ([], [])

        # Another type is its own matter.
        answer = await w.desk.submit(request(client_order_id="c-2"))
        assert answer.competition is not None
        assert answer.competition.winner == "cb"


@in_virtual_time
async def test_an_order_that_nobody_has_goes_to_nobody() -> None:
    async with world(spot(), pts()) as w:
        for name in ("spot", "pts"):
            w[name].streams("99.00", "100.00")
            w[name].lacking = {OrderType.STOP}
        answer = await w.desk.submit(request(type=OrderType.STOP, instruction=Stop(D(101))))
        assert (answer.order.status, answer.order.error and answer.order.error.code) == (
            OrderStatus.REJECTED,
            Code.NO_ELIGIBLE_COUNTERPARTY,
        )
        assert w["spot"].submitted == w["pts"].submitted == []
