"""The books of a portfolio: balances with what is held, trades out of orders' fills, the credit line."""

from typing import Any

import pytest

from router.core.account import AssetBalance, FundingType, Position, TradeWindow
from router.ports import OffWireError, VenueUnreachableError
from router.ports.accounts import CreditAccount
from tests.unit.build import D
from tests.unit.venues.coinbase_kit import BELOW, VENUE_ORDER, Prime, fixture, listed, order_row, portfolio

WINDOW = TradeWindow(since=1_749_999_600_000_000_000, until=1_750_003_200_000_000_000)
"""An hour around the fixtures' trade: 15:00 to 16:00."""


def trading(*orders: dict[str, Any]) -> Prime:
    """Each order with one fill, at the order's own time."""
    prime = Prime()
    prime.says(f"{BELOW}/orders", listed(*orders))
    for order in orders:
        having_fill(prime, order)
    return prime


def having_fill(prime: Prime, order: dict[str, Any], at: str | None = None) -> None:
    fill = fixture("fills")["fills"][0] | {
        "id": f"fill-of-{order['id']}",
        "order_id": order["id"],
        "time": at or order["created_at"],
    }
    prime.says(f"{BELOW}/orders/{order['id']}/fills", listed(fill, name="fills"))


async def trades(prime: Prime, window: TradeWindow = WINDOW, *, pts: bool = False) -> list[Any]:
    async with portfolio(prime, pts=pts) as found:
        page = await found.venue.account.trades(window, 0, 250)
    assert page.next_offset is None
    return list(page.data)


async def test_balances_have_what_is_held_in_them() -> None:
    async with portfolio(Prime()) as found:
        assert await found.venue.account.balances() == [
            AssetBalance("USD", D("1000.50"), D("800.25"), D("200.25"), D("800.25")),
            AssetBalance("BTC", D(2), D(2), D(0), None),
        ]
        assert found.venue.account.margin is None
        assert await found.venue.account.positions() == [
            Position("USD", D("1000.50"), None),
            Position("BTC", D(2), None),
        ]


async def test_trades_are_the_fills_of_orders() -> None:
    (trade,) = await trades(trading(order_row()))
    assert (trade.id, trade.venue_order_id, trade.product) == (
        f"fill-of-{VENUE_ORDER}",
        VENUE_ORDER,
        "BTC-USD",
    )
    assert (trade.price, trade.quantity, trade.quote_quantity) == (D(100), D("0.5"), D(50))
    assert (trade.funding_type, trade.settled, trade.settled_at) == (FundingType.FUNDED, True, trade.at)


async def test_a_trade_on_credit_is_not_known_to_be_settled() -> None:
    (trade,) = await trades(trading(order_row()), pts=True)
    assert (trade.funding_type, trade.settled, trade.settled_at) == (FundingType.MARGIN, False, None)


async def test_only_orders_that_can_have_traded_in_the_window_are_read_for_fills() -> None:
    rests = {"type": "LIMIT", "time_in_force": "GOOD_UNTIL_CANCELLED"}
    rows = [
        order_row(id="after", created_at="2025-06-15T16:30:00Z"),
        order_row(id="in"),
        order_row(id="unfilled", filled_quantity="0"),
        order_row(id="before", created_at="2025-06-15T13:00:00Z"),
        order_row(id="rested", created_at="2025-06-14T13:00:00Z") | rests,
        order_row(id="ancient", created_at="2025-05-01T13:00:00Z") | rests,
    ]
    prime = trading(*rows)
    having_fill(prime, rows[4], at="2025-06-15T15:30:00Z")
    assert [trade.venue_order_id for trade in await trades(prime)] == ["rested", "in"]
    read = [row["id"] for row in rows if prime.count(f"GET orders/{row['id']}/fills")]
    assert read == ["in", "rested"]


async def test_open_orders_have_traded_too() -> None:
    prime = trading()
    opened = order_row(id="open", status="OPEN")
    prime.says(f"{BELOW}/open_orders", listed(opened))
    having_fill(prime, opened)
    assert [trade.venue_order_id for trade in await trades(prime)] == ["open"]


async def test_trades_of_one_order_are_its_fills() -> None:
    prime = trading(order_row())
    prime.says(f"{BELOW}/orders/{VENUE_ORDER}", fixture("order"))
    prime.says(f"{BELOW}/orders/other", {"message": "not found"}, 404)
    assert len(await trades(prime, TradeWindow(venue_order_id=VENUE_ORDER))) == 1
    assert await trades(prime, TradeWindow(venue_order_id="other")) == []
    assert prime.count("GET orders") == 0


async def test_pages_go_on_where_the_one_before_ended_also_after_the_place_was_forgotten() -> None:
    rows = [order_row(id=f"o-{number}") for number in range(3)]
    prime = trading(*rows)

    def answer(asked: Any) -> Any:
        index = int(asked.query.get("cursor", "0"))
        return 200, listed(rows[index], cursor=str(index + 1) if index < 2 else ""), {}

    prime.answers(f"{BELOW}/orders", answer)
    async with portfolio(prime) as found:
        account = found.venue.account
        seen, offset, offsets = [], 0, []
        while True:
            page = await account.trades(WINDOW, offset, 1)
            seen += [trade.venue_order_id for trade in page.data]
            if page.next_offset is None:
                break
            offset = page.next_offset
            offsets.append(offset)
        again = await account.trades(TradeWindow(), 2, 1)
        prime.says(f"{BELOW}/orders", listed())
        with pytest.raises(OffWireError, match="a shorter one"):
            await account.trades(TradeWindow(until=1), 2, 1)
    assert (seen, offsets) == (["o-0", "o-1", "o-2"], [1, 2])
    assert [trade.venue_order_id for trade in again.data] == ["o-2"]


async def test_a_list_past_the_window_is_not_gone_through_to_its_end() -> None:
    prime = trading(order_row(created_at="2025-05-01T13:00:00Z"))
    prime.says(f"{BELOW}/orders", listed(order_row(created_at="2025-05-01T13:00:00Z"), cursor="more"))
    assert await trades(prime) == []


async def test_an_order_that_cannot_be_read_is_left_out_and_told() -> None:
    prime = trading(order_row())
    prime.says(
        f"{BELOW}/orders", listed(order_row(), order_row(id="bad", filled_quantity="1e9"), {"id": "worse"})
    )
    async with portfolio(prime) as found:
        page = await found.venue.account.trades(WINDOW, 0, 250)
    assert [trade.venue_order_id for trade in page.data] == [VENUE_ORDER]
    assert found.listener.bad == [("", "trade"), ("", "trade")]


async def test_the_credit_line_is_read_for_reports_and_its_failure_harms_no_order() -> None:
    prime = Prime()
    async with portfolio(prime, pts=True) as found:
        account = found.venue.account
        assert isinstance(account, CreditAccount)
        assert (await account.credit_line()).available == D("379999.50")
        prime.says(f"{BELOW}/credit", b"<html>", 502)
        for _ in range(6):
            with pytest.raises(VenueUnreachableError):
                await account.credit_line()
        assert found.venue.health().trades
        prime.says(f"{BELOW}/credit", {})
        with pytest.raises(OffWireError, match="expected a credit line, was none"):
            await account.credit_line()
