"""Spot and PTS accounts at simulated BitGo Prime compete for an order, over real HTTP and WebSocket."""

from itertools import count
from typing import Any

from tests.e2e.system import ACCOUNTS, PTS, SPOT, Client, entries


async def test_an_order_that_spot_can_afford_goes_to_the_best_of_spot_and_pts(client: Client) -> None:
    status, order = await client.order("afford-1")
    assert (status, order["status"], order["connection"]["id"]) == (200, "filled", "spot")
    ranked = entries(order)
    assert ranked["spot"]["outcome"] == "won"
    assert ranked["pts"]["outcome"] == "lost"
    assert ranked["poor"] == {
        "connection": {"id": "poor", "name": "BitGo poor", "pts": False},
        "outcome": "excluded",
        "reason": "insufficient_balance",
        "price": None,
        "all_in_price": None,
        "quantity": None,
        "source": None,
        "latency_us": None,
    }
    assert order["cover_price"] == ranked["pts"]["all_in_price"]
    [taken] = [o for o in await client.ledger(SPOT) if o["client_order_id"].startswith(order["id"])]
    assert (taken["funding_type"], taken["type"], taken["filled_quantity"]) == ("funded", "limit", "1")


async def test_pts_wins_against_an_eligible_spot_account_where_it_is_cheaper(client: Client) -> None:
    book = {"bids": [["99.99", "50"]], "asks": [["100.01", "50"]]}
    await client.control("PUT", f"/accounts/{PTS}/books/BTC-USD", book)
    try:
        number = count()

        async def won_by_pts() -> Any:
            _, order = await client.order(f"cheaper-{next(number)}", quantity="0.01")
            return order if order["connection"]["id"] == "pts" else None

        order = await client.eventually(won_by_pts)
        assert order["connection"] == {"id": "pts", "name": "BitGo pts", "pts": True}
        assert entries(order)["spot"]["outcome"] == "lost"
        assert order["average_price"] == "100.01"
        [taken] = [o for o in await client.ledger(PTS) if o["client_order_id"].startswith(order["id"])]
        assert taken["funding_type"] == "margin"
    finally:
        await client.control("DELETE", f"/accounts/{PTS}/books/BTC-USD")


async def test_what_no_spot_balance_covers_goes_to_pts_and_says_why(client: Client) -> None:
    status, order = await client.order("too-much-1", quantity="20")
    assert (status, order["status"], order["connection"]["id"]) == (200, "filled", "pts")
    assert {
        name: (entry["outcome"], entry["reason"]) for name, entry in entries(order).items() if name != "pts"
    } == {"spot": ("excluded", "insufficient_balance"), "poor": ("excluded", "insufficient_balance")}


async def test_the_pts_account_is_never_asked_for_a_balance_limit_or_position(client: Client) -> None:
    await client.order("never-asked-1", quantity="20")
    paths = {request["path"].split(f"/{PTS}/")[-1].split("/")[0] for request in await client.requests(PTS)}
    assert paths <= {"products", "orders", "trades"}
    assert any("/balances" in request["path"] for request in await client.requests(SPOT))


async def test_test_products_with_a_star_survive_every_path(client: Client) -> None:
    body = {"product": "TBTC-TUSD*", "quantity": "1000", "quantity_currency": "TUSD*"}
    status, order = await client.order("star-1", **body)
    assert (status, order["status"], order["product"]) == (200, "filled", "TBTC-TUSD*")
    _, quoted = await client.call("POST", "/v1/rfqs", {"side": "sell", **body})
    assert quoted["best"]["outcome"] == "won"
    assert any(
        "TBTC-TUSD*" in request["body"]["product"]
        for request in await client.requests(SPOT)
        if request["body"]
    )


async def test_the_whole_record_of_a_competition_can_be_read(client: Client) -> None:
    _, order = await client.order("record-1")
    status, record = await client.call("GET", f"/v1/competitions/{order['competition_id']}")
    assert status == 200
    assert (record["order_id"], record["winner"]["id"]) == (order["id"], "spot")
    assert [entry["rank"] for entry in record["entries"]] == [1, 2, None]
    assert record["opened_at"] <= record["closed_at"] <= record["deadline_at"]


async def test_rfq_ranks_without_trading_and_is_executed_at_its_price_or_better(client: Client) -> None:
    before = {name: len(await client.ledger(account)) for name, account in ACCOUNTS.items()}
    request = {"product": "BTC-USD", "side": "buy", "quantity": "0.5", "quantity_currency": "BTC"}
    status, rfq = await client.call("POST", "/v1/rfqs", request)
    assert status == 201
    assert {name: len(await client.ledger(account)) for name, account in ACCOUNTS.items()} == before
    assert rfq["best"]["connection"]["id"] == "spot"
    accept = f"/v1/rfqs/{rfq['id']}/accept"
    status, order = await client.call("POST", accept, {"client_order_id": "rfq-1"})
    assert (status, order["status"]) == (200, "filled")
    assert order["average_price"] == rfq["best"]["price"]
    [taken] = [o for o in await client.ledger(SPOT) if o["client_order_id"].startswith(order["id"])]
    assert (taken["time_in_force"], taken["limit_price"]) == ("FOK", rfq["best"]["price"])
    again, same = await client.call("POST", accept, {"client_order_id": "rfq-1"})
    assert (again, same["id"]) == (200, order["id"])
    other, problem = await client.call("POST", accept, {"client_order_id": "rfq-2"})
    assert (other, problem["code"]) == (410, "rfq_expired")


async def test_an_accepted_price_that_is_gone_trades_nothing(client: Client) -> None:
    request = {"product": "BTC-USD", "side": "buy", "quantity": "0.5", "quantity_currency": "BTC"}
    _, rfq = await client.call("POST", "/v1/rfqs", request)
    await client.control(
        "PUT", f"/accounts/{SPOT}/books/BTC-USD", {"bids": [["109.00", "50"]], "asks": [["110.00", "50"]]}
    )
    try:
        status, problem = await client.call(
            "POST", f"/v1/rfqs/{rfq['id']}/accept", {"client_order_id": "moved-1", "connection": "spot"}
        )
        assert (status, problem["code"]) == (422, "price_moved")
        _, order = await client.call("GET", f"/v1/orders/{problem['order_id']}")
        assert (order["status"], order["filled_quantity"], order["error"]["code"]) == (
            "rejected",
            "0",
            "price_moved",
        )
    finally:
        await client.control("DELETE", f"/accounts/{SPOT}/books/BTC-USD")


async def test_a_limit_order_rests_and_is_cancelled(client: Client) -> None:
    status, order = await client.order("rest-1", type="limit", limit_price="90.00")
    assert (status, order["status"], order["leaves_quantity"]) == (200, "new", "1")
    status, _ = await client.call("POST", f"/v1/orders/{order['id']}/cancel")
    assert status == 202
    ended = await client.eventually_final(order["id"])
    assert (ended["status"], ended["filled_quantity"]) == ("canceled", "0")
    status, problem = await client.call("POST", f"/v1/orders/{order['id']}/cancel")
    assert (status, problem["code"]) == (409, "order_not_cancelable")


async def test_the_same_client_order_id_is_one_order(client: Client) -> None:
    _, first = await client.order("same-1")
    async with client.session.post(
        client.system.url + "/v1/orders",
        json={
            "client_order_id": "same-1",
            "product": "BTC-USD",
            "side": "buy",
            "type": "market",
            "quantity": "1.00",
            "quantity_currency": "BTC",
        },
    ) as response:
        assert response.headers["Idempotent-Replayed"] == "true"
        assert (await response.json())["id"] == first["id"]
    status, problem = await client.order("same-1", quantity="2")
    assert (status, problem["code"]) == (409, "client_order_id_reused")
    assert "quantity" in problem["detail"]
    assert len([o for o in await client.ledger(SPOT) if o["client_order_id"].startswith(first["id"])]) == 1
