"""What each adapter declares that it can, and that this is what it does: nothing is left out unsaid."""

import time
from decimal import Decimal
from typing import Any

import pytest

from router.core.model import OrderRequest, OrderType, Side, TimeInForce, VenueState
from router.ports import Refused, Taken, Unanswered, VenueUnreachableError
from router.ports.quotes import FirmQuoting
from tests.contract.venues.kits import HAS_CCXT, KITS
from tests.contract.venues.stage import PRODUCT, SECOND, Call, Can, Kit, Situation, Stage

D = Decimal

DECLARED = {
    "bitgo-spot": {Can.STREAM, Can.ASK, Can.FEED, Can.MARKET, Can.GTD},
    "bitgo-pts": {Can.STREAM, Can.ASK, Can.FEED, Can.MARKET, Can.GTD},
    "coinbase-spot": {Can.FIRM, Can.MARKET, Can.GTD},
    "coinbase-pts": {Can.FIRM, Can.MARKET, Can.GTD},
    "made-up": {Can.ASK},
    "ccxt-spot": {Can.STREAM, Can.ASK},
}


def test_the_table_of_abilities_is_that_of_the_kits() -> None:
    wanted = {name: can for name, can in DECLARED.items() if HAS_CCXT or name != "ccxt-spot"}
    assert {name: set(kit.can) for name, kit in KITS.items()} == wanted


def test_a_kit_says_all_that_the_suite_needs(kit: Kit) -> None:
    assert set(kit.calls) == set(Call)
    assert {Situation.FALLEN, Situation.CROSSED} <= set(kit.situations)
    assert (Situation.OVER in kit.situations) is (Can.FIRM in kit.can)
    assert bool(kit.credit) is kit.pts
    assert kit.can & {Can.STREAM, Can.ASK, Can.FIRM}
    assert kit.refusals
    assert kit.doubts
    assert kit.secrets


async def test_it_quotes_in_the_ways_that_it_declares_and_in_no_other(kit: Kit, stage: Stage) -> None:
    assert isinstance(stage.venue, FirmQuoting) is (Can.FIRM in kit.can)
    assert stage.venue.health().feed_up is (Can.FEED in kit.can)
    asked = stage.venue.request_book(PRODUCT, time.time_ns() + SECOND)
    if Can.ASK in kit.can:
        assert (await asked).bids
    else:
        with pytest.raises(VenueUnreachableError):
            await asked
    if Can.STREAM in kit.can:
        assert (await stage.book()).bids
    else:
        assert stage.venue.book(PRODUCT) is None


@pytest.mark.parametrize(
    ("ability", "changed"),
    [
        (Can.MARKET, {"type": OrderType.MARKET, "limit_price": None}),
        (Can.GTD, {"time_in_force": TimeInForce.GTD, "duration_minutes": 5, "limit_price": D("95.00")}),
    ],
    ids=["market", "gtd"],
)
async def test_an_order_that_it_has_no_words_for_is_refused_and_not_sent(
    kit: Kit, stage: Stage, ability: Can, changed: dict[str, Any]
) -> None:
    result = await stage.submit(stage.order(**changed))
    if ability in kit.can:
        assert isinstance(result, Taken)
        return
    assert isinstance(result, Refused)
    assert await stage.arrived(Call.ORDER) == 0
    assert stage.venue.has_order_budget()


async def test_it_says_before_a_competition_which_orders_it_takes(kit: Kit, stage: Stage) -> None:
    # A market order goes out as a limit order at the price that won, so that every venue takes one.
    assert stage.venue.takes(_asked(type=OrderType.MARKET, limit_price=None, time_in_force=None))
    for time_in_force in (TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK):
        assert stage.venue.takes(_asked(time_in_force=time_in_force))
    lasting = _asked(time_in_force=TimeInForce.GTD, duration_minutes=5)
    assert stage.venue.takes(lasting) is (Can.GTD in kit.can)


def _asked(**changed: Any) -> OrderRequest:
    fields: dict[str, Any] = {
        "client_order_id": "desk-1",
        "product": PRODUCT,
        "side": Side.BUY,
        "type": OrderType.LIMIT,
        "quantity": D(1),
        "quantity_currency": "BTC",
        "limit_price": D("100.20"),
        "time_in_force": TimeInForce.IOC,
    }
    return OrderRequest(**fields | changed)


async def test_an_id_that_is_in_use_is_never_a_refusal(stage: Stage) -> None:
    order = stage.order(limit_price=D("95.00"), time_in_force=TimeInForce.GTC)
    await stage.taken(order)
    again = await stage.submit(order)
    # The order under it is our own, sent before: a refusal would end what is live.
    assert isinstance(again, Unanswered)
    found = await stage.venue.look_up(order, None)
    assert found is not None
    assert found.state is VenueState.WORKING
