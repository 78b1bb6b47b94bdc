"""Lists: pages, filters, and which orders are in which list."""

from typing import Any

import pytest
from test_sim_coinbase_kit import Prime, message, prime, spot

from venues.simulator.coinbase.control_model import PlantedOrder
from venues.simulator.coinbase.planting import plant


async def _plant(api: Prime, minute: int, **fields: Any) -> str:
    body = {
        "product_id": "BTC-USD",
        "side": "BUY",
        "base_quantity": "1",
        "price": "100",
        "client_order_id": f"at-{minute}",
        "created_at": f"2026-01-05T10:{minute:02}:00Z",
        **fields,
    }
    return (await api.control("POST", "orders", body))["id"]


async def _pages(api: Prime, path: str, rows: str, name: str) -> list[list[str]]:
    """Follow the cursor to the end; give one field of the rows, page by page."""
    found, cursor = [], ""
    while True:
        joint = "&" if "?" in path else "?"
        answer = await api.get(path + (f"{joint}cursor={cursor}" if cursor else ""))
        found.append([row[name] for row in answer[rows]])
        cursor = answer["pagination"]["next_cursor"]
        assert answer["pagination"]["has_next"] == bool(cursor)
        if not cursor:
            return found


async def test_orders_come_page_by_page_newest_first() -> None:
    async with prime() as api:
        for minute in (3, 1, 2, 5, 4):
            await _plant(api, minute)
        assert await _pages(api, "orders?limit=2", "orders", "client_order_id") == [
            ["at-5", "at-4"],
            ["at-3", "at-2"],
            ["at-1"],
        ]
        oldest_first = await _pages(api, "orders?limit=3&sort_direction=ASC", "orders", "client_order_id")
        assert oldest_first == [["at-1", "at-2", "at-3"], ["at-4", "at-5"]]
        assert (await api.get("orders?sort_direction=ASC"))["pagination"]["sort_direction"] == "ASC"


async def test_a_page_goes_on_where_it_ended_though_rows_have_come() -> None:
    async with prime() as api:
        for minute in (1, 2, 3):
            await _plant(api, minute)
        first = await api.get("orders?limit=2")
        await _plant(api, 9)
        await _plant(api, 0)
        second = await api.get("orders?limit=2&cursor=" + first["pagination"]["next_cursor"])
    assert [row["client_order_id"] for row in second["orders"]] == ["at-1", "at-0"]


async def test_a_page_has_a_hundred_rows_unless_set_or_asked() -> None:
    async with prime(spot(page_default=2), spot(portfolio_id="x", access_key="x")) as api:
        for minute in range(3):
            await _plant(api, minute)
            await _plant(api.of("x"), minute)
        assert len((await api.get("orders"))["orders"]) == 2
        assert len((await api.get("orders?limit=3"))["orders"]) == 3
        for limit in ("3001", "-1", "x"):
            assert (await api.call("GET", f"orders?limit={limit}")).status == 400
        page = await api.get("fills")
        assert (len(page["fills"]), page["pagination"]["has_next"]) == (2, True)


@pytest.mark.parametrize("cursor", ["x", "eA", "MTox.", "\u00e9"])
async def test_a_cursor_that_was_not_given_is_refused(cursor: str) -> None:
    async with prime() as api:
        reply = await api.call("GET", f"orders?cursor={cursor}")
    assert (reply.status, "next_cursor" in message(reply)) == (400, True)


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("order_statuses=CANCELLED", ["at-2"]),
        ("order_statuses=CANCELLED&order_statuses=FILLED", ["at-4", "at-2", "at-1"]),
        ("product_ids=ETH-USD", ["at-3"]),
        ("product_ids=ETH-USD&product_ids=BTC-USD", ["at-4", "at-3", "at-2", "at-1"]),
        ("order_side=SELL", ["at-4"]),
        ("order_type=RFQ", ["at-1"]),
        ("start_date=2026-01-05T10:02:00Z", ["at-4", "at-3", "at-2"]),
        ("start_date=2026-01-05T10:02:00Z&end_date=2026-01-05T10:04:00Z", ["at-3", "at-2"]),
        ("end_date=2026-01-05T10:01:00.000001Z", ["at-1"]),
    ],
)
async def test_orders_are_filtered(query: str, wanted: list[str]) -> None:
    async with prime() as api:
        await _plant(api, 1, type="RFQ")
        await _plant(api, 2, status="CANCELLED", filled_quantity="0.5")
        await _plant(api, 3, status="EXPIRED", product_id="ETH-USD")
        await _plant(api, 4, side="SELL")
        found = await api.get("orders?" + query)
    assert [row["client_order_id"] for row in found["orders"]] == wanted


@pytest.mark.parametrize(
    "query",
    [
        "order_statuses=OPEN",
        "order_statuses=PENDING",
        "order_statuses=DONE",
        "order_side=HOLD",
        "order_type=limit",
        "start_date=yesterday",
        "client_order_id=mine",
        "order_side=BUY&order_side=SELL",
        "sort_direction=UP",
    ],
)
async def test_a_filter_that_is_not_described_is_refused(query: str) -> None:
    async with prime() as api:
        reply = await api.call("GET", "orders?" + query)
        assert (reply.status, bool(message(reply))) == (400, True)


async def test_an_open_order_is_in_the_list_of_open_ones_alone() -> None:
    """List Portfolio Orders: "currently, you cannot query open orders with this endpoint"."""
    async with prime() as api:
        resting = await api.placed(type="LIMIT", limit_price="95")
        traded = await api.placed()
        open_ones = (await api.get("open_orders"))["orders"]
        assert [row["id"] for row in open_ones] == [resting["id"]]
        assert [row["id"] for row in (await api.get("orders"))["orders"]] == [traded["id"]]
        assert (await api.get("open_orders?order_side=SELL"))["orders"] == []
        assert (await api.get("open_orders?product_ids=ETH-USD"))["orders"] == []
        assert (await api.call("GET", "open_orders?order_statuses=OPEN")).status == 400
        await api.call("POST", f"orders/{resting['id']}/cancel")
        assert (await api.get("open_orders"))["orders"] == []
        assert [row["id"] for row in (await api.get("orders"))["orders"]] == [traded["id"], resting["id"]]


async def test_more_than_five_thousand_open_orders_are_not_listed() -> None:
    async with prime() as api:
        world = api.client.simulator.world
        resting = PlantedOrder("BTC-USD", "BUY", base_quantity="1", price="90", type="LIMIT", status="OPEN")
        for _ in range(5_001):
            plant(world.coinbase.by_id[api.identity], world.products["BTC-USD"], resting)
        reply = await api.call("GET", "open_orders")
        assert (reply.status, message(reply)) == (400, "There are more than 5000 open orders.")
        last = (await api.control("GET", "orders"))["data"][-1]["id"]
        await api.call("POST", f"orders/{last}/cancel")
        assert len((await api.get("open_orders"))["orders"]) == 5_000


async def test_a_planted_order_is_found_and_moves_no_money() -> None:
    async with prime(spot(fee_bps="10")) as api:
        filled = await _plant(api, 1)
        waiting = await _plant(api, 2, status="OPEN", type="LIMIT", filled_quantity="0.25")
        order = await api.order(filled)
        assert (order["status"], order["filled_quantity"], order["commission"]) == ("FILLED", "1", "0.1")
        assert order["created_at"] == "2026-01-05T10:01:00.000000Z"
        assert len((await api.get(f"orders/{filled}/fills"))["fills"]) == 1
        assert [row["id"] for row in (await api.get("open_orders"))["orders"]] == [waiting]
        # No book fills it, and it is cancelled like any other.
        await api.control("PUT", "prices", {"BTC-USD": "50"})
        assert (await api.order(waiting))["filled_quantity"] == "0.25"
        assert (await api.call("POST", f"orders/{waiting}/cancel")).status == 200
        assert await api.balance("USD") == ("100000", "0")


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"filled_quantity": "2"}, 400),
        ({"created_at": "2999-01-01T00:00:00Z"}, 400),
        ({"created_at": "today"}, 400),
        ({"product_id": "NO-SUCH"}, 404),
        ({"unknown": 1}, 400),
    ],
)
async def test_an_order_that_cannot_be_is_not_planted(fields: dict[str, Any], status: int) -> None:
    body = {"product_id": "BTC-USD", "side": "BUY", "base_quantity": "1", "price": "100", **fields}
    async with prime() as api:
        assert "error" in await api.control("POST", "orders", body, expect=status)
        assert (await api.control("GET", "orders"))["data"] == []


async def test_fills_of_the_portfolio_and_of_an_order_come_in_pages() -> None:
    async with prime() as api:
        order = await api.placed(base_quantity="6")
        await _plant(api, 1)
        both = await _pages(api, f"orders/{order['id']}/fills?limit=1", "fills", "price")
        assert both == [["100.2"], ["100.1"]]
        every = await _pages(api, "fills?limit=2", "fills", "price")
        assert every == [["100.2", "100.1"], ["100"]]
        assert len((await api.get("fills?end_date=2026-02-01T00:00:00Z"))["fills"]) == 1
        assert (await api.get("fills?start_date=2999-01-01T00:00:00Z"))["fills"] == []


async def test_balances_are_filtered_by_symbol() -> None:
    async with prime() as api:
        answer = await api.get("balances?symbols=BTC&symbols=ETH")
        [row] = answer["balances"]
        assert (row["symbol"], row["amount"], row["fiat_amount"]) == ("BTC", "10", "1000")
        assert (row["withdrawable_amount"], row["bonded_amount"]) == ("10", "0")
        assert answer["type"] == "TRADING_BALANCES"
        assert (await api.call("GET", "balances?balance_type=NONE")).status == 400


async def test_products_are_the_worlds_without_the_test_coins_and_come_in_pages() -> None:
    async with prime() as api:
        assert await _pages(api, "products?limit=1&sort_direction=ASC", "products", "id") == [
            ["BTC-USD"],
            ["ETH-USD"],
        ]
        first = (await api.get("products"))["products"][-1]
    assert {name: first[name] for name in first if name not in {"rfq_product_details", "permissions"}} == {
        "id": "BTC-USD",
        "base_increment": "0.00000001",
        "quote_increment": "0.01",
        "price_increment": "0.01",
        "base_min_size": "0.0001",
        "base_max_size": "1000",
        "quote_min_size": "1",
        "quote_max_size": "100000000",
        "product_type": "SPOT",
    }
