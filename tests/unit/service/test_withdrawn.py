"""A venue that was withdrawn: no new order, and what is under way goes on."""

from router.ports import ConnectionState
from router.service.connecting.withdrawn import Withdrawn
from tests.fakes.world import spot
from tests.virtual_loop import in_virtual_time


@in_virtual_time
async def test_it_takes_part_in_nothing_whatever_the_venue_says() -> None:
    venue = spot()
    withdrawn = Withdrawn(venue, "it was removed")
    assert venue.trades
    assert not withdrawn.trades
    assert (withdrawn.health().state, withdrawn.health().detail) == (
        ConnectionState.STOPPED,
        "it was removed",
    )
    assert not withdrawn.take_order_budget()


@in_virtual_time
async def test_an_order_of_before_that_trades_has_the_balances_read() -> None:
    venue = spot()
    Withdrawn(venue, "it was removed").balances_spoiled()
    assert venue.balances_spoilt == 1
