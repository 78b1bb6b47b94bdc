"""The life of orders: fills, remainders, expiry, slices, look-ups."""

from typing import Any

import pytest
from sim_harness import PTS, Client, dec, limit, running

ASKS = [["100.10", "1"], ["100.20", "2"]]


async def pinned(sim: Client, asks: Any = ASKS, bids: Any = (("99.90", "5"),)) -> None:
    await sim.account("PUT", "books/BTC-USD", {"bids": [list(row) for row in bids], "asks": asks})


async def test_a_market_order_walks_the_book_and_answers_its_fills(sim: Client) -> None:
    await pinned(sim)
    order = (await sim.place(quantity="1.5", clientOrderId="a")).json
    assert order["status"] == "completed"
    assert order["timeInForce"] == "IOC"
    assert (order["filledQuantity"], order["filledQuoteQuantity"]) == ("1.5", "150.2")
    assert (order["leavesQuantity"], order["leavesQuoteQuantity"]) == ("0", None)
    assert order["averagePrice"] == "100.133333"
    trades = (await sim.get(f"trades?orderId={order['id']}")).json["data"]
    assert [(one["price"], one["quantity"]) for one in trades] == [("100.2", "0.5"), ("100.1", "1")]
    assert (await sim.get(f"trades/{trades[0]['id']}")).json == trades[0]


async def test_what_a_fill_takes_is_gone_from_the_book_until_the_next_tick(sim: Client) -> None:
    await pinned(sim)
    await sim.place(quantity="1.5")
    book = (await sim.get("products/BTC-USD/level2")).json
    assert book["asks"] == [["100.20", "1.5"]]


async def test_a_market_order_that_the_book_cannot_fill_is_canceled_with_its_fills(sim: Client) -> None:
    await pinned(sim)
    order = (await sim.place(quantity="5")).json
    assert (order["status"], order["reason"]) == ("canceled", None)
    assert (order["filledQuantity"], order["leavesQuantity"]) == ("3", "2")


async def test_a_market_order_stops_at_its_protective_limit(sim: Client) -> None:
    await pinned(sim, asks=[["100.10", "1"], ["120", "9"]])
    order = (await sim.place(quantity="5")).json
    assert (order["status"], order["filledQuantity"]) == ("canceled", "1")


@pytest.mark.parametrize(
    ("fields", "status", "filled"),
    [
        (limit("100.10", quantity="3", timeInForce="IOC"), "canceled", "1"),
        (limit("100.10", quantity="3", timeInForce="FOK"), "canceled", "0"),
        (limit("100.20", quantity="3", timeInForce="FOK"), "completed", "3"),
        (limit("100.10", quantity="3", timeInForce="GTC"), "open", "1"),
        (limit("100.10", quantity="3"), "open", "1"),
        (limit("100.10", quantity="3", duration=1000), "open", "1"),
        (limit("99.95", quantity="3"), "open", "0"),
        ({"timeInForce": "FOK", "quantity": "4"}, "canceled", "0"),
        ({"timeInForce": "FOK", "quantity": "3"}, "completed", "3"),
    ],
)
async def test_the_time_in_force_decides_what_becomes_of_the_remainder(
    sim: Client, fields: dict[str, Any], status: int, filled: str
) -> None:
    await pinned(sim)
    order = (await sim.place(**fields)).json
    assert (status, filled) == (order["status"], order["filledQuantity"])
    assert await sim.order(order["id"]) == order


async def test_a_duration_makes_a_limit_order_good_till_date_whatever_it_says(sim: Client) -> None:
    order = (await sim.place(**limit("90", duration=1000, timeInForce="IOC"))).json
    assert (order["timeInForce"], order["status"]) == ("GTD", "open")


async def test_a_resting_order_fills_when_the_book_crosses_it(sim: Client) -> None:
    order = (await sim.place(**limit("99.95", quantity="3"))).json
    async with sim.feed() as feed:
        await feed.ask("subscribe", "orders")
        await pinned(sim, asks=[["99.94", "2"]])
        await feed.until(status="open", execType="F")
        await pinned(sim, asks=[["99.95", "2"]])
        await feed.until(status="completed")
    assert (
        (await sim.order(order["id"]))["status"],
        (await sim.order(order["id"]))["filledQuoteQuantity"],
    ) == ("completed", "299.83")


async def test_a_good_till_date_order_expires(sim: Client) -> None:
    async with sim.feed() as feed:
        await feed.ask("subscribe", "orders")
        order = (await sim.place(**limit("99", duration=1))).json
        assert order["status"] == "open"
        seen = await feed.until(status="canceled")
    assert [one["execType"] for one in seen] == ["A", "0", "4"]
    assert (await sim.order(order["id"]))["completionDate"] is not None


async def test_a_cancel_is_taken_first_and_done_after(sim: Client) -> None:
    order = (await sim.place(**limit("99"))).json
    async with sim.feed() as feed:
        await feed.ask("subscribe", "orders")
        reply = await sim.cancel(order["id"])
        assert (reply.status, reply.text) == (200, "")
        seen = await feed.until(status="canceled")
    assert [(one["status"], one["execType"]) for one in seen] == [("pending_cancel", "6"), ("canceled", "4")]
    assert (await sim.order(order["id"]))["canceledByUserId"] == order["initiatedByUserId"]


async def test_a_second_cancel_is_taken_and_changes_nothing(sim: Client) -> None:
    await sim.faults(orders={"delay_ms": 300})
    async with sim.feed() as feed:
        await feed.ask("subscribe", "orders")
        order = (await sim.place(**limit("99"))).json
        await feed.until(execType="0")
        assert [(await sim.cancel(order["id"])).status for _ in range(2)] == [200, 200]
        seen = await feed.until(status="canceled")
    assert [one["execType"] for one in seen] == ["6", "4"]


async def test_a_fill_can_overtake_a_cancel(sim: Client) -> None:
    await sim.faults(orders={"delay_ms": 400})
    await sim.account("PUT", "settings", {"order_answer": "pending"})
    async with sim.feed() as feed:
        await feed.ask("subscribe", "orders")
        order = (await sim.place(**limit("99.95"))).json
        await feed.until(execType="0")
        await sim.cancel(order["id"])
        await pinned(sim, asks=[["99.95", "5"]])
        seen = await feed.until(status="completed")
    assert [one["execType"] for one in seen] == ["6", "F", "I"]
    assert (await sim.order(order["id"]))["filledQuantity"] == "1"


@pytest.mark.parametrize(
    ("side", "quantity", "filled", "quote"),
    [
        ("buy", "100", "0.99900099", None),
        ("buy", "100.10", "1", "100.1"),
        ("buy", "150.15", "1.49950099", None),
        ("sell", "99.90", "1", "99.9"),
    ],
)
async def test_an_order_in_quote_currency_fills_down_to_the_increment(
    sim: Client, side: str, quantity: str, filled: str, quote: str | None
) -> None:
    await pinned(sim)
    order = (await sim.place(side=side, quantity=quantity, quantityCurrency="USD")).json
    assert (order["status"], order["leavesQuoteQuantity"]) == ("completed", "0")
    assert order["leavesQuantity"] is None
    assert dec(order["filledQuoteQuantity"]) <= dec(quantity)
    assert dec(quantity) - dec(order["filledQuoteQuantity"]) < dec("100.20") * dec("0.00000001")
    assert order["filledQuantity"] == filled
    trades = (await sim.get(f"trades?orderId={order['id']}")).json["data"]
    assert dec(order["filledQuoteQuantity"]) == sum(
        dec(one["price"]) * dec(one["quantity"]) for one in trades
    )
    assert dec(order["filledQuantity"]) == sum(dec(one["quantity"]) for one in trades)
    if quote is not None:
        assert order["filledQuoteQuantity"] == quote


async def test_a_pending_answer_is_completed_on_the_feed(sim: Client) -> None:
    await sim.account("PUT", "settings", {"order_answer": "pending"})
    async with sim.feed() as feed:
        await feed.ask("subscribe", "orders")
        order = (await sim.place()).json
        assert (order["status"], order["filledQuantity"]) == ("pending_open", "0")
        seen = await feed.until(status="completed")
    assert [one["execType"] for one in seen] == ["A", "0", "F", "I"]
    assert (await sim.order(order["id"]))["status"] == "completed"


async def test_a_stop_waits_for_its_trigger_and_becomes_a_market_order(sim: Client) -> None:
    order = (await sim.place(type="stop", side="sell", triggerPrice="95")).json
    assert order["status"] == "open"
    async with sim.feed() as feed:
        await feed.ask("subscribe", "orders")
        await pinned(sim, bids=[["96", "5"]], asks=[["96.1", "5"]])
        await pinned(sim, bids=[["94", "5"]], asks=[["94.1", "5"]])
        seen = await feed.until(status="completed")
    assert [(one["execType"], one["fillPrice"]) for one in seen] == [("F", "94"), ("I", "")]


async def test_a_stop_limit_rests_once_it_is_triggered(sim: Client) -> None:
    order = (await sim.place(type="stop", triggerPrice="101", limitPrice="101")).json
    await pinned(sim, bids=[["101.4", "1"]], asks=[["101.6", "1"]])
    assert (await sim.order(order["id"]))["filledQuantity"] == "0"
    await pinned(sim, bids=[["100.4", "1"]], asks=[["100.6", "1"]])
    assert (await sim.order(order["id"]))["status"] == "completed"


async def test_a_twap_fills_in_slices_over_its_duration(sim: Client) -> None:
    async with sim.feed() as feed:
        await feed.ask("subscribe", "orders")
        await sim.place(type="twap", duration=3, quantity="3")
        seen = await feed.until(status="completed")
    assert [one["fillQuantity"] for one in seen if one["execType"] == "F"] == ["1", "1", "1"]


async def test_a_steady_pace_fills_its_sub_orders_until_it_is_done(sim: Client) -> None:
    pace = {"interval": 1, "intervalUnit": "minute", "subOrderSize": "0.4"}
    async with sim.feed() as feed:
        await feed.ask("subscribe", "orders")
        await sim.place(type="steady_pace", quantity="1", parameters=pace)
        seen = await feed.until(status="completed")
    assert [one["fillQuantity"] for one in seen if one["execType"] == "F"] == ["0.4", "0.4", "0.2"]


async def test_a_scheduled_order_waits(sim: Client) -> None:
    reply = await sim.place(type="twap", duration=1, scheduledDate="2099-01-01T00:00:00Z")
    assert reply.json["status"] == "scheduled"
    assert (await sim.get("orders?status=scheduled")).json["data"] == [reply.json]


async def test_orders_are_listed_newest_first_and_filtered(sim: Client) -> None:
    first = (await sim.place(clientOrderId="a")).json
    second = (await sim.place(**limit("99", clientOrderId="b"))).json
    third = (await sim.place(clientOrderId="c")).json
    assert [third, second, first] == (await sim.get("orders")).json["data"]
    assert [second] == (await sim.get("orders?offset=1&limit=1")).json["data"]
    assert [second] == (await sim.get("orders?clientOrderId=b")).json["data"]
    assert [second] == (await sim.get("orders?status=open")).json["data"]
    assert (await sim.get("orders?clientOrderId=nobody")).json["data"] == []
    assert (await sim.get("orders?fundingType=margin")).json["data"] == []
    since = third["creationDate"]
    assert [third] == (await sim.get(f"orders?dateGte={since}")).json["data"]
    assert [second, first] == (await sim.get(f"orders?dateLt={since}")).json["data"]


async def test_an_account_sees_its_own_orders_only(sim: Client) -> None:
    mine = (await sim.place(clientOrderId="a")).json
    assert (await sim.place(account=PTS, clientOrderId="a")).status == 200
    assert [mine] == (await sim.get("orders")).json["data"]
    assert (await sim.get(f"orders/{mine['id']}", account=PTS)).status == 404


async def test_the_same_seed_gives_the_same_ids() -> None:
    async def run() -> Any:
        async with running() as sim:
            order, trades = (await sim.place()).json, (await sim.get("trades")).json["data"]
            refused = await sim.place(quantity="0")
            products = (await sim.get("products")).json
            return order["id"], [one["id"] for one in trades], refused.json["reqId"], products

    assert await run() == await run()
