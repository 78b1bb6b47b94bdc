"""Trading on margin: beyond the balance, against collateral, short and long, covered and closed.

`margin` and `go` are connections to one account: what is bought on credit, and the Go Account beside it.
"""

from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from typing import Any

import pytest

from tests.e2e.statements.kit import Desk, amount
from tests.e2e.statements.world import ACCOUNTS
from tests.e2e.system import entries

ACCOUNT = f"/accounts/{ACCOUNTS['margin'].id}"
BALANCES = {"USD": "300000", "BTC": "10", "ETH": "100", "TUSD*": "300000", "TBTC": "50"}
COLLATERAL = {"USD": "5000000", "USDT": "0", "USDC": "0", "BTC": "0"}
TEST = {"product": "TBTC-TUSD*"}
EITHER = pytest.mark.parametrize("connection", ["go", "margin"])


@pytest.fixture
async def margin(desk: Desk) -> AsyncIterator[Desk]:
    """No position is open, the Go Account has its balances, and the collateral is five million dollars."""
    await desk.flat("margin")
    await desk.control("PUT", f"{ACCOUNT}/balances", BALANCES)
    await desk.control("PUT", f"{ACCOUNT}/collateral", COLLATERAL)
    yield desk
    await desk.flat("margin")


async def go_account(desk: Desk) -> dict[str, Any]:
    """What the Go Account has in every asset."""
    [row] = (await desk.read("/v1/portfolio?connection=go"))["data"]
    return {held["asset"]: amount(held["total"]) for held in row["balances"]}


async def collateral(desk: Desk) -> dict[str, Any]:
    """What was handed over, in every asset that there is any of."""
    rows = (await desk.margin("margin", "collateral"))["data"]
    return {row["asset"]: amount(row["quantity"]) for row in rows if amount(row["quantity"])}


async def closed(desk: Desk, asked: Mapping[str, Any]) -> list[Any]:
    """Follow a request to close to its end; its orders."""

    async def over() -> Any:
        request = await desk.margin("margin", f"close-requests/{asked['id']}")
        return request if request["status"] in ("completed", "failed") else None

    assert (await desk.eventually(over))["status"] == "completed"
    return list((await desk.margin("margin", f"close-requests/{asked['id']}/orders"))["data"])


async def test_margin_trades_go_beyond_the_balance(margin: Desk) -> None:
    """Allows CaaS end users to execute trades beyond the balance of their Go Account."""
    order = await margin.filled("go", "margin", **TEST, quantity="40", quantity_currency="TBTC")
    assert (await go_account(margin))["TUSD*"] == 300_000 < amount(order["average_price"]) * 40
    assert order["connection"] == {"id": "margin", "name": "BitGo margin", "pts": True}
    assert entries(order)["go"]["reason"] == "insufficient_balance"
    assert await margin.positions("margin") == {"TBTC": 40}


async def test_collateral_is_usd_usdt_usdc_or_btc(margin: Desk) -> None:
    """Accepted collateral assets: USD, USDT, USDC, BTC."""
    taken = (await margin.margin("margin", "collateral-currencies"))["data"]
    assert {row["asset"] for row in taken} == {"USD", "USDT", "USDC", "BTC"}
    await margin.control("PUT", f"{ACCOUNT}/balances", {"USDT": "10", "USDC": "10"})
    for asset in ("USD", "USDT", "USDC", "BTC"):
        body = {"currency": asset, "quantity": "1"}
        status, moved = await margin.move("margin", "collateral-transfers", body)
        assert (status, moved["status"]) == (200, "done"), moved
    body = {"currency": "ETH", "quantity": "1"}
    status, problem = await margin.move("margin", "collateral-transfers", body)
    assert (status, [error["field"] for error in problem["errors"]]) == (400, ["currency"])
    assert set(await collateral(margin)) == {"USD", "USDT", "USDC", "BTC"}


async def test_collateral_is_transferred_and_valued(margin: Desk) -> None:
    """'{"currency": "BTC", "quantity": "2", "balanceValue": {"quantity": "1000000", "currency": "USD"}}'."""
    await margin.rule("margin", "prices", {"BTC-USD": "500000"})
    body = {"currency": "BTC", "quantity": "2"}
    status, moved = await margin.move("margin", "collateral-transfers", body)
    assert (status, moved["status"], moved["currency"], moved["quantity"]) == (200, "done", "BTC", "2")
    [balance] = moved["balances"]
    assert (balance["asset"], amount(balance["quantity"])) == ("BTC", Decimal(2))
    assert balance["value"]["currency"] == "USD"
    assert amount(balance["value"]["quantity"]) == 1_000_000
    assert (await go_account(margin))["BTC"] == 8
    assert (await collateral(margin))["BTC"] == 2

    code, told = await margin.terminal("margin", "transfer", "margin", "USD", "250.00", "--yes")
    assert code == 0
    assert "BitGo margin PTS" in told
    assert "there is now 5000250 USD" in " ".join(told.split())
    assert (await go_account(margin))["USD"] == 299_750


async def test_collateral_comes_back_by_request_alone(margin: Desk) -> None:
    """Once transferred, assets are locked: withdrawal requires contacting BitGo."""
    body = {"currency": "BTC", "quantity": "2"}
    assert (await margin.move("margin", "collateral-transfers", body))[0] == 200
    # What is locked cannot be handed over again, nor taken back by a transfer of less than nothing.
    status, problem = await margin.move("margin", "collateral-transfers", {**body, "quantity": "8.5"})
    assert (status, problem["code"]) == (422, "insufficient_funds")
    status, problem = await margin.move("margin", "collateral-transfers", {**body, "quantity": "-2"})
    assert (status, problem["code"]) == (400, "invalid_request")

    status, asked = await margin.move("margin", "collateral-withdrawals", body)
    assert (status, asked["status"]) == (202, "pending")
    assert (await go_account(margin))["BTC"] == 8
    assert (await collateral(margin))["BTC"] == 2
    for decision in ("approved", "completed"):
        await margin.control("POST", f"{ACCOUNT}/withdrawals/{asked['id']}", {"status": decision})
        shown = await margin.margin("margin", f"collateral-withdrawals/{asked['id']}")
        assert (shown["status"], shown["currency"]) == (decision, "BTC")
        assert amount(shown["quantity"]) == 2
    assert (await go_account(margin))["BTC"] == 10
    assert "BTC" not in await collateral(margin)


@pytest.mark.parametrize(
    ("side", "code", "said"),
    [
        ("buy", "credit_long_limit", "backend:trade:marginLongNOP"),
        ("sell", "credit_short_limit", "backend:trade:marginShortNOP"),
    ],
)
async def test_the_nop_check_runs_before_execution(margin: Desk, side: str, code: str, said: str) -> None:
    """Trades are subject to Net Open Position limits; BitGo runs a NOP check before execution."""
    await margin.rule("margin", "limits", {"BTC": {"long": "1000", "short": "1000"}})
    await margin.filled("margin", side=side, quantity="9")
    before = await margin.positions("margin")
    status, problem = await margin.on("margin", side=side, quantity="2")
    assert (status, problem["code"], problem["venue_error"]["name"]) == (422, code, said)
    order = await margin.read(f"/v1/orders/{problem['order_id']}")
    assert (order["status"], order["filled_quantity"], order["fills"]) == ("rejected", "0", [])
    assert await margin.positions("margin") == before


async def test_trades_are_refused_until_the_account_is_healthy(desk: Desk) -> None:
    """A trade that violates margin limits blocks further trades until the account is healthy again."""
    try:
        # Utilisation of 0.75, 0.81 and 0.71; the margin call is at 0.80.
        await desk.filled("trouble", quantity="50")
        await desk.filled("trouble", quantity="25")
        await desk.filled("trouble", quantity="6")
        for _ in range(2):
            status, problem = await desk.on("trouble", quantity="0.1")
            assert (status, problem["code"]) == (422, "credit_insufficient_collateral")
        await desk.filled("trouble", side="sell", quantity="10")
        assert await desk.positions("trouble") == {"BTC": 71}
        await desk.filled("trouble", quantity="0.1")
    finally:
        await desk.flat("trouble")


async def test_margin_orders_leave_the_go_account_alone(margin: Desk) -> None:
    """Margin orders withdraw from the Margin Trade Account instead of the Go Account."""
    before = await go_account(margin)
    await margin.filled("margin", quantity="3")
    await margin.filled("margin", product="ETH-USD", quantity="4", quantity_currency="ETH", side="sell")
    assert await go_account(margin) == before
    assert await margin.positions("margin") == {"BTC": 3, "ETH": -4}
    # An order on the Spot connection to the same account is what moves it.
    await margin.filled("go", quantity="3")
    assert (await go_account(margin))["BTC"] == before["BTC"] + 3
    assert await margin.positions("margin") == {"BTC": 3, "ETH": -4}


async def test_a_market_order_on_margin_in_quote_currency(margin: Desk) -> None:
    """'"type": "market", "product": "TBTC-TUSD*", "quantity": "10000", "quantityCurrency": "TUSD*"'."""
    order = await margin.filled("margin", **TEST, quantity="10000", quantity_currency="TUSD*")
    body = await margin.sent(order)
    assert (body["product"], body["fundingType"], body["side"]) == ("TBTC-TUSD*", "margin", "buy")
    assert (body["quantity"], body["quantityCurrency"]) == ("10000", "TUSD*")
    spent = amount(order["filled_quantity"]) * amount(order["average_price"])
    # What is left buys no hundred-millionth of a test bitcoin.
    assert 0 <= 10_000 - spent < amount("0.00000001") * amount(order["average_price"])
    assert (order["type"], order["quantity_currency"]) == ("market", "TUSD*")


async def test_a_limit_order_on_margin_with_a_duration(margin: Desk) -> None:
    """'"type": "limit", "quantity": "1", "limitPrice": "10005", "duration": 60'."""
    fields = {**TEST, "type": "limit", "quantity": "1", "quantity_currency": "TBTC"}
    terms = {"time_in_force": "GTD", "duration_minutes": 60}
    order = await margin.filled("margin", **fields, limit_price="10005", **terms)
    body = await margin.sent(order)
    told = ("type", "fundingType", "quantity", "quantityCurrency", "limitPrice", "duration")
    assert [body[name] for name in told] == ["limit", "margin", "1", "TBTC", "10005.00", 60]
    assert amount(order["average_price"]) <= 10_005

    status, resting = await margin.on("margin", **fields, limit_price="9000", **terms)
    assert (status, resting["status"]) == (200, "new")
    # The sixty minutes are over there after 1.2 seconds.
    ended = await margin.eventually_final(resting["id"])
    assert (ended["status"], ended["filled_quantity"]) == ("expired", "0")


async def test_a_twap_order_on_margin_with_duration_and_interval(margin: Desk) -> None:
    """'"type": "twap", "quantity": "100000", "quantityCurrency": "TUSD*", "duration": 60, "interval": 5'."""
    terms = {**TEST, "type": "twap", "duration_minutes": 60, "interval_minutes": 5}
    size = {"quantity": "100000", "quantity_currency": "TUSD*"}
    status, order = await margin.on("margin", **terms, **size)
    assert (status, order["status"] in ("new", "partially_filled")) == (200, True), order
    _, sliced = await margin.on("margin", **terms, **size, time_sliced=True)
    body = await margin.sent(order)
    told = ("type", "fundingType", "quantity", "quantityCurrency", "duration", "interval")
    assert [body[name] for name in told] == ["twap", "margin", "100000", "TUSD*", 60, 5]
    assert "parameters" not in body

    ended = await margin.eventually_final(order["id"])
    assert ended["status"] == "filled"
    spent = amount(ended["filled_quantity"]) * amount(ended["average_price"])
    assert round(spent, 2) == 100_000
    # Twelve slices, one every five minutes, each of which lasts a tenth of a second there.
    ended = await margin.recorded(await margin.eventually_final(sliced["id"]))
    assert [round(amount(fill["quote_quantity"])) for fill in ended["fills"]] == [8333] * 12


@EITHER
async def test_all_order_types_are_for_spot_and_margin(margin: Desk, connection: str) -> None:
    """All order types are supported; the key difference from funded trades is the funding type."""
    types: dict[str, dict[str, object]] = {
        "market": {},
        "limit": {"limit_price": "101.00"},
        "twap": {"duration_minutes": 3},
        "steady_pace": {"sub_order_size": "0.1", "interval": 1},
        "stop": {"trigger_price": "95.00"},
    }
    placed = {}
    for kind, terms in types.items():
        side = "sell" if kind == "stop" else "buy"
        status, placed[kind] = await margin.on(connection, type=kind, side=side, quantity="0.3", **terms)
        assert (status, placed[kind]["connection"]["id"]) == (200, connection), placed[kind]
    funding = "margin" if connection == "margin" else "funded"
    for kind, order in placed.items():
        body = await margin.sent(order)
        # A market order goes out at its limit, so that it cannot trade beyond the slippage allowed.
        assert (body["type"], body["fundingType"]) == ("limit" if kind == "market" else kind, funding)
        if kind == "stop":
            assert (await margin.read(f"/v1/orders/{order['id']}"))["status"] == "new"
            await margin.rule("margin", "prices", {"BTC-USD": "94.00"})
        ended = await margin.eventually_final(order["id"])
        assert (ended["type"], ended["status"], ended["filled_quantity"]) == (kind, "filled", "0.3")
    paced = await margin.recorded(placed["steady_pace"])
    assert [fill["quantity"] for fill in paced["fills"]] == ["0.1", "0.1", "0.1"]


async def test_the_answer_tells_the_order(margin: Desk) -> None:
    """Ids, times, funding, type, status, product, side, quantities and average price, as in "Step Result"."""
    status, order = await margin.order(
        "myorder1", **TEST, connections=["margin"], quantity="1000", quantity_currency="TUSD*"
    )
    assert status == 200
    ledger = await margin.ledger(ACCOUNTS["margin"].id)
    [taken] = [row for row in ledger if row["id"] == order["venue_order_id"]]
    assert taken["client_order_id"].startswith(order["id"])
    told = ("client_order_id", "type", "status", "product", "side", "quantity", "quantity_currency")
    assert [order[field] for field in told] == [
        *("myorder1", "market", "filled", "TBTC-TUSD*", "buy", "1000", "TUSD*")
    ]
    assert order["connection"] == {"id": "margin", "name": "BitGo margin", "pts": True}
    assert amount(order["filled_quantity"]) == amount(taken["filled_quantity"]) > 0
    recorded = await margin.recorded(order)
    quote = sum(amount(fill["quote_quantity"]) for fill in recorded["fills"])
    assert amount(order["average_price"]) * amount(order["filled_quantity"]) == quote
    assert order["created_at"] <= recorded["fills"][0]["time"] <= recorded["updated_at"]
    # Fills are listed when they are known, which may be after the answer: in the order and in its attempt.
    for told in (order, recorded):
        told.pop("updated_at")
        told.pop("fills")
        [attempt] = told["attempts"]
        attempt.pop("fills")
    assert recorded == order


@EITHER
async def test_test_products_trade_as_others(margin: Desk, connection: str) -> None:
    """'"product": "TBTC-TUSD*"' in the examples of all orders."""
    assert "TBTC-TUSD*" in (await margin.read(f"/v1/connections/{connection}"))["products"]
    for side in ("buy", "sell"):
        order = await margin.filled(connection, **TEST, side=side, quantity="2", quantity_currency="TBTC")
        assert (order["filled_quantity"], order["fee_currency"]) == ("2", "TUSD*")
    code, told = await margin.terminal("quote", "TBTC-TUSD*", "buy", "2", "--connection", connection)
    assert code == 0
    assert "TBTC-TUSD*" in told


async def test_selling_on_margin_opens_a_short_position(margin: Desk) -> None:
    """When selling assets purchased with margin funds, you have an open short position."""
    assert await margin.positions("margin") == {}
    await margin.filled("margin", side="sell", quantity="2")
    [row] = [
        row for row in (await margin.margin("margin", "positions"))["data"] if amount(row["quantity"]) != 0
    ]
    assert (row["asset"], amount(row["quantity"])) == ("BTC", Decimal(-2))
    assert (amount(row["value"]["quantity"]), row["value"]["currency"]) == (Decimal(-200), "USD")


async def test_all_short_positions_are_covered(margin: Desk) -> None:
    """'{"all": true}': cover all positions."""
    await margin.rule("margin", "positions", {"BTC": "-1", "ETH": "-2", "TBTC": "3"})
    status, operation = await margin.move("margin", "positions/cover", {"all": True})
    assert (status, operation["status"]) == (200, "done"), operation
    assert {balance["asset"] for balance in operation["balances"]} == {"BTC", "ETH"}
    assert await margin.positions("margin") == {"TBTC": 3}
    held = await go_account(margin)
    assert (held["BTC"], held["ETH"]) == (9, 98)


async def test_short_positions_are_covered_by_asset(margin: Desk) -> None:
    """'{"currencies": ["<ASSET_ID>"]}': cover by specific asset."""
    await margin.rule("margin", "positions", {"BTC": "-1", "ETH": "-2"})
    status, operation = await margin.move("margin", "positions/cover", {"currencies": ["ETH"]})
    assert (status, operation["status"], operation["currencies"]) == (200, "done", ["ETH"])
    assert await margin.positions("margin") == {"BTC": -1}
    status, problem = await margin.move("margin", "positions/cover", {"currencies": ["BTC"], "all": True})
    assert (status, problem["code"]) == (400, "invalid_request")


async def test_all_positions_are_closed_in_their_time(margin: Desk) -> None:
    """BitGo starts an async process to buy and sell assets to net positions to zero."""
    await margin.rule("margin", "positions", {"BTC": "-1", "ETH": "2"})
    status, asked = await margin.move("margin", "positions/close", {"all": True})
    assert (status, asked["status"] in ("pending", "in_progress")) == (202, True), asked
    orders = await closed(margin, asked)
    assert {(row["currency"], row["status"]) for row in orders} == {
        ("BTC", "completed"),
        ("ETH", "completed"),
    }
    assert await margin.positions("margin") == {}
    rows = (await margin.read("/v1/reports/trades?connection=margin&limit=500"))["data"]
    there = {row["venue_order_id"]: row for row in rows}
    traded = [there[row["venue_order_id"]] for row in orders]
    assert sorted((row["product"], row["side"], amount(row["quantity"])) for row in traded) == [
        ("BTC-USD", "buy", Decimal(1)),
        ("ETH-USD", "sell", Decimal(2)),
    ]
    # They are no orders of this router, and of the margin account.
    assert {(row["source"], row["funding_type"]) for row in traded} == {("external", "margin")}


async def test_positions_are_closed_by_asset(margin: Desk) -> None:
    """Close open positions by asset: '{"currencies": ["<ASSET_ID>"]}'."""
    await margin.rule("margin", "positions", {"BTC": "-1", "ETH": "2"})
    status, asked = await margin.move("margin", "positions/close", {"currencies": ["BTC"]})
    assert status == 202, asked
    assert [row["currency"] for row in await closed(margin, asked)] == ["BTC"]
    assert await margin.positions("margin") == {"ETH": 2}
    listed = (await margin.margin("margin", "close-requests"))["data"]
    assert asked["id"] in {row["id"] for row in listed}
