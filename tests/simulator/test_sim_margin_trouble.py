"""A margin account in trouble: margin call, liquidation, limits that a fill breached."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio
from sim_harness import PTS, TOKENS, Client, limit, running
from sim_margin_kit import move, positions, post, put, read, view, wealthy

IN_LIQUIDATION = "backend:trade:willTriggerLiquidation"
# A requirement of the whole position: the utilisation is the position over the balance.
RISK = {"margin_requirement": "1", "minimum_transferred_collateral": "0"}


def pressed(**account: Any) -> dict[str, Any]:
    return wealthy(**{"collateral": {"USD": "1000"}, "risk": RISK, **account})


@pytest_asyncio.fixture
async def sim() -> AsyncIterator[Client]:
    async with running(pressed()) as client:
        yield client


async def price(sim: Client, middle: str | None) -> dict[str, Any]:
    return await put(sim, "prices", {"BTC-USD": middle})


async def refused(sim: Client, name: str, **fields: Any) -> None:
    reply = await sim.place(PTS, **fields)
    assert (reply.status, reply.error_name) == (400, name)


async def test_prices_put_an_account_in_margin_call_and_take_it_out(sim: Client) -> None:
    await put(sim, "positions", {"BTC": "-7"})
    assert (await view(sim))["margin_state"] == "healthy"
    # Short 7 at 106: 742 required, 1000 less 42 lost: 0.7745; at 107: 749 of 951: 0.7876; at 108: 0.8008.
    assert (await price(sim, "107"))["margin_state"] == "healthy"
    assert (await price(sim, "108"))["margin_state"] == "margin_call"
    assert (await price(sim, "107"))["margin_state"] == "healthy"
    seen = await price(sim, "108")
    assert (seen["margin_calls"], seen["liquidations"]) == (2, 0)


async def test_a_margin_call_that_prices_brought_leaves_trading_open(sim: Client) -> None:
    await put(sim, "positions", {"BTC": "-7"})
    await price(sim, "108")
    assert (await sim.place(PTS, quantity="0.1")).status == 200


async def test_a_fill_that_reaches_the_margin_call_blocks_what_adds_to_positions(sim: Client) -> None:
    assert (await sim.place(PTS, quantity="8")).status == 200
    assert (await view(sim))["blocked_by"] == "backend:trade:marginInsufficientCollateral"
    await refused(sim, "backend:trade:marginInsufficientCollateral", quantity="0.1")
    eth = {"product": "ETH-USD", "quantityCurrency": "ETH", "quantity": "1"}
    await refused(sim, "backend:trade:marginInsufficientCollateral", **eth)
    # What brings the account back is let through, and then everything else is again.
    assert (await sim.place(PTS, side="sell", quantity="1")).status == 200
    assert (await view(sim))["blocked_by"] is None
    assert (await sim.place(PTS, **eth)).status == 200


async def test_more_than_the_position_does_not_bring_it_back(sim: Client) -> None:
    await sim.place(PTS, quantity="8")
    await refused(sim, "backend:trade:marginInsufficientCollateral", side="sell", quantity="8.1")


async def test_a_fill_blocks_the_next_trade_by_the_limit_that_it_breached(sim: Client) -> None:
    await put(sim, "limits", {"BTC": {"long": "250", "short": "250"}})
    assert (await sim.place(PTS, **limit("95", quantity="2"))).status == 200
    # The order rests; by the time that it fills, the limit is a lower one.
    await put(sim, "limits", {"BTC": {"long": "150", "short": "150"}})
    await price(sim, "94")
    assert await positions(sim) == {"BTC": "2"}
    eth = {"product": "ETH-USD", "quantityCurrency": "ETH", "quantity": "1"}
    await refused(sim, "backend:trade:marginLongNOP", **eth)
    await put(sim, "limits", {"BTC": {"long": "1000", "short": "1000"}})
    assert (await sim.place(PTS, **eth)).status == 200


async def test_the_next_trade_is_blocked_by_shorts_that_a_fill_left() -> None:
    async with running(pressed(risk={**RISK, "total_short_position_limit": "300"})) as sim:
        await sim.place(PTS, side="sell", **limit("105", quantity="2"))
        await put(sim, "positions", {"ETH": "-9"})
        await put(sim, "risk", {"total_short_position_limit": "200"})
        await price(sim, "106")
        assert (await view(sim))["blocked_by"] == "backend:trade:marginTotalShortNOP"
        await refused(
            sim, "backend:trade:marginTotalShortNOP", product="BTC-USD", side="sell", quantity="0.1"
        )
        await move(sim, "positions/cover", {"all": True})
        assert (await view(sim))["blocked_by"] is None


async def fall_into_liquidation(sim: Client) -> None:
    await put(sim, "positions", {"BTC": "-9", "ETH": "2"})
    await put(sim, "prices", {"ETH-USD": "10", "BTC-USD": "104"})
    assert (await view(sim))["margin_state"] == "liquidation"


async def test_trading_is_refused_while_an_account_is_in_liquidation(sim: Client) -> None:
    await fall_into_liquidation(sim)
    await refused(sim, IN_LIQUIDATION, quantity="0.1")
    await refused(sim, IN_LIQUIDATION, side="sell", quantity="0.1")
    assert float((await read(sim, "riskprofile"))["riskProfile"]["marginUtilizationPercentage"]) >= 0.95


async def test_a_liquidation_closes_all_positions_by_orders_that_the_caller_never_sent(sim: Client) -> None:
    own = (await sim.place(PTS, **limit("50", quantity="1", clientOrderId="mine"))).json
    async with sim.feed(TOKENS[PTS]) as feed:
        await feed.ask("subscribe", "orders", PTS)
        await fall_into_liquidation(sim)
        seen = await post(sim, "liquidation", {"active": True, "close": True})
        assert (seen["margin_state"], seen["positions"]["BTC"], seen["positions"]["ETH"]) == (
            "healthy",
            "0",
            "0",
        )
        events = await feed.until(status="completed", product="ETH-USD")
    assert {event["clientOrderId"] for event in events} == {"mine", ""}
    assert [event["status"] for event in events if event["clientOrderId"] == "mine"] == ["canceled"]
    rows = (await sim.get("orders", PTS)).json["data"]
    forced = [row for row in rows if row["clientOrderId"] == ""]
    assert [
        (row["product"], row["side"], row["type"], row["fundingType"], row["status"]) for row in forced
    ] == [
        ("ETH-USD", "sell", "market", "margin", "completed"),
        ("BTC-USD", "buy", "market", "margin", "completed"),
    ]
    assert {row["initiatedByUserId"] for row in forced}.isdisjoint({own["initiatedByUserId"]})
    assert (await sim.order(own["id"], PTS))["canceledByUserId"] == forced[0]["initiatedByUserId"]
    trades = (await sim.get("trades?fundingType=margin", PTS)).json["data"]
    assert {trade["orderId"] for trade in trades} == {row["id"] for row in forced}
    assert {event["tradeId"] for event in events if event["execType"] == "F"} == {t["id"] for t in trades}
    assert (await sim.place(PTS, quantity="0.1")).status == 200


async def test_a_liquidation_goes_through_by_itself() -> None:
    raw = pressed(liquidation_step_ms=1)
    async with running(raw) as sim, sim.feed(TOKENS[PTS]) as feed:
        await sim.place(PTS, side="sell", quantity="9")
        await feed.ask("subscribe", "orders", PTS)
        await price(sim, "104")
        await feed.until(status="completed", side="buy")
        seen = await view(sim)
        assert (seen["margin_state"], seen["positions"]["BTC"], seen["liquidations"]) == ("healthy", "0", 1)


async def test_a_liquidation_does_not_wait_as_orders_of_the_account_do() -> None:
    async with running(pressed(order_answer="pending")) as sim:
        await fall_into_liquidation(sim)
        seen = await post(sim, "liquidation", {"active": True, "close": True})
        assert (seen["margin_state"], seen["working"]) == ("healthy", 0)


async def test_a_tick_is_enough_to_be_liquidated() -> None:
    raw = pressed(liquidation_step_ms=1)
    raw["products"][0] |= {"tick_ms": 5, "step_bps": "0", "bids": None, "asks": None}
    async with running(raw) as sim, sim.feed(TOKENS[PTS]) as feed:
        await feed.ask("subscribe", "orders", PTS)
        await put(sim, "positions", {"BTC": "-9"})
        # Changed behind the simulator's back: nothing but a tick can see it.
        sim.simulator.world.accounts[PTS].margin.collateral["USD"] = Decimal(900)
        await feed.until(status="completed", side="buy")
        assert (await view(sim))["positions"]["BTC"] == "0"


async def test_a_liquidation_takes_what_a_thin_book_has_until_nothing_is_open() -> None:
    async with running(pressed(liquidation_step_ms=5)) as sim, sim.feed(TOKENS[PTS]) as feed:
        await put(sim, "positions", {"BTC": "-9"})
        await feed.ask("subscribe", "orders", PTS)
        # The offers are far from the middle, and not enough: a protective limit would take none of them.
        thin = {"bids": [["90", "5"]], "asks": [["118", "1"], ["140", "2"]]}
        await put(sim, "books/BTC-USD", thin)
        await feed.until(status="canceled")
        seen = await view(sim)
        assert (seen["margin_state"], seen["positions"]) == ("liquidation", {"BTC": "-6"})
        await refused(sim, IN_LIQUIDATION, quantity="0.1")
        deep = {"bids": [["99", "50"]], "asks": [["101", "50"]]}
        await put(sim, "books/BTC-USD", deep)
        await feed.until(status="completed")
        assert (await view(sim))["margin_state"] == "healthy"
        # While there was nothing to take, no order was made.
        filled = [(one["status"], one["filled_quantity"]) for one in await sim.ledger(PTS)]
        assert filled == [("canceled", "3"), ("completed", "6")]


async def test_collateral_in_time_calls_a_liquidation_off(sim: Client) -> None:
    await fall_into_liquidation(sim)
    await move(sim, "collateral/transfer", {"currency": "USD", "quantity": "2000"})
    assert (await view(sim))["margin_state"] == "healthy"
    assert (await sim.place(PTS, side="sell", quantity="0.1")).status == 200
    assert await positions(sim) == {"BTC": "-9.1", "ETH": "2"}


async def test_an_account_is_put_in_liquidation_and_out_of_it_from_outside(sim: Client) -> None:
    await put(sim, "positions", {"BTC": "1"})
    assert (await post(sim, "liquidation", {"active": True}))["margin_state"] == "liquidation"
    await price(sim, "90")
    await refused(sim, IN_LIQUIDATION, side="sell", quantity="0.1")
    assert (await post(sim, "liquidation", {"active": False}))["margin_state"] == "healthy"
    assert (await sim.place(PTS, side="sell", quantity="0.1")).status == 200


async def test_an_account_put_out_of_liquidation_returns_if_its_ratio_says_so(sim: Client) -> None:
    await fall_into_liquidation(sim)
    seen = await post(sim, "liquidation", {"active": False})
    assert (seen["margin_state"], seen["liquidations"]) == ("liquidation", 2)


async def test_a_price_of_its_own_is_seen_by_one_account_until_it_is_given_back(sim: Client) -> None:
    async def best(account: str) -> str:
        return str((await sim.get("products/BTC-USD/level1", account)).json["bidPrice"])

    before = await best(PTS)
    async with sim.feed(TOKENS[PTS]) as feed:
        await feed.ask("subscribe", "level2", PTS, productId="BTC-USD")
        await feed.next()
        await price(sim, "110")
        assert (await feed.next())["bids"][0][0] == "109.94"
    assert (await best(PTS), await best("60e740e7898f7d00064d43769a73dc48")) == ("109.94", before)
    await price(sim, None)
    assert await best(PTS) == before
    # The newer of a price and a pinned book holds.
    await put(sim, "books/BTC-USD", {"bids": [["50", "1"]], "asks": [["51", "1"]]})
    assert await best(PTS) == "50"
    await price(sim, "110")
    assert await best(PTS) == "109.94"


async def test_risk_is_changed_by_its_settings_names(sim: Client) -> None:
    await put(sim, "risk", {"margin_call": "0.5", "liquidation": "0.6"})
    found = await read(sim, "risksettings")
    assert (found["marginCallPercentage"], found["liquidationThresholdPercentage"]) == ("0.5", "0.6")
    await put(sim, "positions", {"BTC": "5.5"})
    assert (await view(sim))["margin_state"] == "margin_call"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PUT", "positions", {"BTC": 1}, 400),
        ("PUT", "prices", {"BTC-EUR": "1"}, 404),
        ("PUT", "prices", {"BTC-USD": "0"}, 400),
        ("PUT", "risk", {"margin": "1"}, 400),
        ("PUT", "margin", {"margin_dialect": "other"}, 400),
        ("POST", "liquidation", {}, 400),
        ("POST", "closes/x/advance", None, 404),
        ("POST", "withdrawals/x", {"status": "approved"}, 404),
        ("POST", "withdrawals/x", {"status": "pending"}, 404),
    ],
)
async def test_a_control_call_that_cannot_be_is_refused(
    sim: Client, method: str, path: str, body: Any, status: int
) -> None:
    assert (await sim.account(method, path, body, account=PTS, expect=status))["error"]


async def test_requests_are_shown_to_the_test_with_their_orders(sim: Client) -> None:
    await put(sim, "positions", {"BTC": "1"})
    request = (await move(sim, "positions/close", {"all": True})).json["closePositionsRequestId"]
    await post(sim, f"closes/{request}/advance")
    (row,) = (await sim.account("GET", "closes", account=PTS))["data"]
    assert (row["status"], [one["currency"] for one in row["orders"]]) == ("in_progress", ["BTC"])
    await move(sim, "collateral/withdrawalrequests", {"currency": "USD", "quantity": "1"})
    (row,) = (await sim.account("GET", "withdrawals", account=PTS))["data"]
    assert (row["currency"], row["status"]) == ("USD", "pending")
