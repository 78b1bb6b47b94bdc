"""Whose a trade is, where it is not of the order's last attempt, or where the order is in doubt."""

from decimal import Decimal

import pytest

from router.core.account import VenueTrade
from router.core.errors import Code, OrderError
from router.core.order import Order, Phase
from router.reports.owners import fills_at, owners
from router.reports.rows import Trade, TradeSource
from router.reports.scroll import page_of
from router.reports.trades import TradeQuery
from tests.unit import build
from tests.unit.build import T0, D
from tests.unit.reports.fakes import SECOND, FakeJournal, FakeTrading, reports, spot, venue_trade
from tests.unit.reports.test_reconciliation import run

NO = OrderError(Code.VENUE_REJECTED, "no", connection_id="bitgo-spot")
FIRST = build.attempt(
    error=NO, executed_base=D("0.5"), executed_quote=D(50), executed_fills=(build.fill("denied"),)
)
SECOND_TRY = build.attempt(
    number=2,
    connection=build.connection("bitgo-pts", pts=True),
    outbound=build.outbound(connection_id="bitgo-pts", venue_client_order_id="order-1-2-bitgo-pts"),
)
WENT_ON = build.order(
    attempts=(FIRST, SECOND_TRY),
    venue_order_id="venue-2",
    fills=(build.fill("kept"),),
    updated_at=T0 + SECOND,
)
"""It was refused at bitgo-spot and filled on bitgo-pts; bitgo-spot executed it after all."""
IN_DOUBT = build.order(attempts=(build.attempt(),), phase=Phase.IN_DOUBT, updated_at=T0 + SECOND)
DENIED = venue_trade("denied", venue_order_id="venue-1")
STATED = venue_trade("stated", venue_client_order_id="order-1-1-bitgo-spot")


def journal_of(order: Order) -> FakeJournal:
    journal = FakeJournal(order)
    if order is WENT_ON:
        journal.shown["bitgo-spot", "venue-1"] = order
    return journal


@pytest.mark.parametrize(("order", "trade"), [(WENT_ON, DENIED), (IN_DOUBT, STATED)])
async def test_the_trade_report_knows_it_as_ours(order: Order, trade: VenueTrade) -> None:
    served = reports(spot(FakeTrading([trade])), journal=journal_of(order))
    rows, _ = await page_of(await served.trades(None, TradeQuery(), None, None), 50, 10)
    (row,) = rows
    assert isinstance(row, Trade)
    assert (row.source, row.order_id, row.client_order_id) == (
        TradeSource.ROUTER,
        "order-1",
        "desk-7-000123",
    )


async def test_reconciliation_finds_what_an_earlier_attempt_traded_on_both_sides() -> None:
    served = reports(spot(FakeTrading([DENIED])), journal=journal_of(WENT_ON))
    read = served.reconciliation("bitgo-spot", None, None)
    assert await run(read) == []
    (total,) = read.totals()
    assert total.here.quantity == total.venue.quantity == Decimal("0.5")


@pytest.mark.parametrize(
    "own_id",
    [
        "order-1-1-bitgo-pts",  # sent, but not to this connection
        "order-1-2-bitgo-spot",  # an attempt that there never was
        "order-9-1-bitgo-spot",
        "-1-bitgo-spot",
        "bitgo-spot",
        "somebody's own",
        "",
    ],
)
async def test_an_id_that_was_not_sent_there_makes_nothing_ours(own_id: str) -> None:
    trade = venue_trade("stated", venue_client_order_id=own_id)
    assert await owners(FakeJournal(IN_DOUBT), "bitgo-spot", [trade]) == {}


def test_fills_are_those_of_the_connection_that_is_asked_about() -> None:
    assert [fill.id for fill in fills_at(WENT_ON, "bitgo-spot")] == ["denied"]
    assert [fill.id for fill in fills_at(WENT_ON, "bitgo-pts")] == ["kept"]
    assert fills_at(WENT_ON, "another") == ()
