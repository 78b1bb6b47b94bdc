"""Every type of order at Spot and at PTS, as the counterparty gets it and as it ends; minutes last 40 ms."""

import asyncio
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.e2e.system import ACCOUNTS, PTS, SPOT, Client, System, entries, running

MINUTE_MS = 40
EITHER = pytest.mark.parametrize("name", ["spot", "pts"])


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A counterparty whose minutes are short."""
    yield from running(tmp_path_factory.mktemp("types"), minute_ms=MINUTE_MS)


async def taken(client: Client, order: dict[str, Any]) -> dict[str, Any]:
    """The order as the counterparty has it."""
    account = ACCOUNTS[order["connection"]["id"]]
    [found] = [o for o in await client.ledger(account) if o["client_order_id"].startswith(order["id"])]
    return found


async def sent(client: Client, order: dict[str, Any]) -> dict[str, Any]:
    """The body of the one request that the counterparty got for an order, without what every one has."""
    account = ACCOUNTS[order["connection"]["id"]]
    [body] = [
        request["body"]
        for request in await client.requests(account)
        if request["method"] == "POST" and request["client_order_id"].startswith(order["id"])
    ]
    assert body["fundingType"] == ("margin" if order["connection"]["pts"] else "funded")
    common = ("clientOrderId", "product", "fundingType", "side", "quantity", "quantityCurrency")
    return {name: value for name, value in body.items() if name not in common}


async def works(client: Client, client_order_id: str, name: str, **fields: object) -> dict[str, Any]:
    """Send an order that works on, to one connection; it is answered as working, its price as indicative."""
    status, order = await client.order(client_order_id, connections=[name], **fields)
    assert status == 200, order
    assert order["status"] in ("new", "partially_filled"), order
    assert (order["connection"]["id"], order["competition"]["indicative"]) == (name, True)
    return dict(order)


def executions(order: dict[str, Any]) -> list[str]:
    return [fill["quantity"] for fill in order["fills"]]


@EITHER
async def test_a_twap_goes_out_slice_by_slice(client: Client, name: str) -> None:
    order = await works(client, f"twap-{name}", name, type="twap", quantity="0.3", duration_minutes=3)
    assert order["terms"] == {"duration_minutes": 3}
    assert await sent(client, order) == {"type": "twap", "duration": 3}
    ended = await client.eventually_final(order["id"])
    assert (ended["status"], ended["filled_quantity"]) == ("filled", "0.3")
    assert executions(ended) == ["0.1", "0.1", "0.1"]


@EITHER
async def test_a_time_sliced_twap_has_its_interval(client: Client, name: str) -> None:
    fields = {"type": "twap", "quantity": "0.4", "duration_minutes": 4, "interval_minutes": 2}
    order = await works(client, f"sliced-{name}", name, **fields, time_sliced=True, limit_price="101.00")
    assert await sent(client, order) == {
        "type": "twap",
        "duration": 4,
        "interval": 2,
        "limitPrice": "101.00",
        "parameters": {"isTimeSliced": True},
    }
    ended = await client.eventually_final(order["id"])
    assert (ended["status"], executions(ended)) == ("filled", ["0.2", "0.2"])


async def test_a_bounded_twap_says_its_bounds(client: Client) -> None:
    fields = {"type": "twap", "quantity": "20", "quantity_currency": "USD", "duration_minutes": 2}
    order = await works(client, "bounded", "pts", **fields, bounds="narrow")
    assert await sent(client, order) == {
        "type": "twap",
        "duration": 2,
        "parameters": {"boundsControl": "narrow"},
    }
    assert (await client.eventually_final(order["id"]))["status"] == "filled"


@EITHER
async def test_a_steady_pace_goes_on_until_it_is_done(client: Client, name: str) -> None:
    fields = {"type": "steady_pace", "quantity": "0.5", "sub_order_size": "0.2", "interval": 1}
    order = await works(client, f"pace-{name}", name, side="sell", **fields, variance="0.00")
    assert await sent(client, order) == {
        "type": "steady_pace",
        "parameters": {"interval": 1, "intervalUnit": "minute", "subOrderSize": "0.2", "variance": "0.00"},
    }
    ended = await client.eventually_final(order["id"])
    assert (ended["status"], executions(ended)) == ("filled", ["0.2", "0.2", "0.1"])


@EITHER
async def test_a_stop_waits_for_its_trigger(client: Client, name: str) -> None:
    book = f"/accounts/{ACCOUNTS[name]}/books/BTC-USD"
    market = await works(client, f"stop-{name}", name, type="stop", side="sell", trigger_price="95.00")
    fields = {"type": "stop", "side": "sell", "trigger_price": "95.00", "limit_price": "94.50"}
    limit = await works(client, f"stop-limit-{name}", name, **fields)
    assert await sent(client, market) == {"type": "stop", "timeInForce": "GTC", "triggerPrice": "95.00"}
    assert (await sent(client, limit))["limitPrice"] == "94.50"
    try:
        await client.control("PUT", book, {"bids": [["94.00", "5"]], "asks": [["94.10", "5"]]})
        ended = await client.eventually_final(market["id"])
        assert (ended["status"], ended["average_price"]) == ("filled", "94.00")
        # Triggered as well, and resting: 94.00 is below its limit.
        assert (await client.call("GET", f"/v1/orders/{limit['id']}"))[1]["status"] == "new"
        await client.control("PUT", book, {"bids": [["94.60", "5"]], "asks": [["94.70", "5"]]})
        ended = await client.eventually_final(limit["id"])
        assert (ended["status"], ended["average_price"]) == ("filled", "94.60")
    finally:
        await client.control("DELETE", book)


@EITHER
async def test_an_order_whose_time_is_over_expires_with_its_fills(client: Client, name: str) -> None:
    book = f"/accounts/{ACCOUNTS[name]}/books/BTC-USD"
    fields = {"type": "limit", "limit_price": "95.00", "time_in_force": "GTD", "quantity": "9"}
    order = await works(client, f"gtd-{name}", name, **fields, duration_minutes=10)
    assert order["terms"] == {"limit_price": "95.00", "time_in_force": "GTD", "duration_minutes": 10}
    try:
        await client.control("PUT", book, {"bids": [["94.80", "1"]], "asks": [["94.90", "0.01"]]})
        ended = await client.eventually_final(order["id"])
    finally:
        await client.control("DELETE", book)
    truth = await taken(client, order)
    assert ended["status"] == "expired"
    assert 0 < Decimal(ended["filled_quantity"]) < 9
    assert ended["filled_quantity"] == truth["filled_quantity"]
    assert sum(map(Decimal, executions(ended))) == Decimal(truth["filled_quantity"])


async def test_a_twap_that_its_limit_keeps_back_expires(client: Client) -> None:
    fields = {"type": "twap", "duration_minutes": 3, "limit_price": "90.00"}
    order = await works(client, "twap-late", "spot", **fields)
    ended = await client.eventually_final(order["id"])
    assert (ended["status"], ended["filled_quantity"], ended["error"]) == ("expired", "0", None)


async def test_a_scheduled_order_is_new_until_it_begins_and_its_repeat_is_it_again(client: Client) -> None:
    begins = (datetime.now(UTC) + timedelta(seconds=2)).isoformat()
    fields = {"type": "twap", "duration_minutes": 1, "quantity": "0.1", "scheduled_at": begins}
    order = await works(client, "scheduled", "pts", **fields)
    assert (order["status"], (await taken(client, order))["status"]) == ("new", "scheduled")
    ended = await client.eventually_final(order["id"])
    assert (ended["status"], ended["filled_quantity"]) == ("filled", "0.1")
    assert ended["fills"][0]["time"] > begins[:23]
    # The time is past by now, and the answer the same.
    status, again = await client.order("scheduled", connections=["pts"], **fields)
    assert (status, again["id"]) == (200, order["id"])


async def test_a_scheduled_order_can_be_taken_back(client: Client) -> None:
    begins = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    fields = {"type": "steady_pace", "sub_order_size": "0.1", "interval": 1, "scheduled_at": begins}
    order = await works(client, "scheduled-back", "spot", **fields)
    status, asked = await client.call("POST", f"/v1/orders/{order['id']}/cancel")
    assert (status, asked["status"]) == (202, "pending_cancel")
    ended = await client.eventually_final(order["id"])
    assert (ended["status"], ended["filled_quantity"]) == ("canceled", "0")


PACE = {"type": "steady_pace", "sub_order_size": "0.1", "interval": 1}
TWAP = {"type": "twap", "duration_minutes": 5}
STOP = {"type": "stop", "trigger_price": "100"}


@pytest.mark.parametrize(
    ("fields", "field", "expected"),
    [
        ({"quantity": "0.000000001"}, "quantity", "a multiple of 0.00000001 BTC"),
        ({"type": "limit", "limit_price": "99.999"}, "limit_price", "a multiple of 0.01 USD"),
        (TWAP | {"limit_price": "99.999"}, "limit_price", "a multiple of 0.01 USD"),
        (PACE | {"sub_order_size": "0.000000001"}, "sub_order_size", "a multiple of 0.00000001 BTC"),
        (STOP | {"trigger_price": "99.999"}, "trigger_price", "a multiple of 0.01 USD"),
        (TWAP | {"scheduled_at": "2020-01-01T00:00:00Z"}, "scheduled_at", "a time within the next 365 days"),
        (PACE | {"scheduled_at": "2199-01-01T00:00:00Z"}, "scheduled_at", "a time within the next 365 days"),
    ],
)
async def test_what_no_counterparty_could_take_is_refused_by_field_before_the_competition(
    client: Client, fields: dict[str, object], field: str, expected: str
) -> None:
    before = [len(await client.ledger(account)) for account in ACCOUNTS.values()]
    status, problem = await client.order("never-accepted", **fields)
    assert (status, problem["code"]) == (400, "invalid_request")
    assert [(error["field"], error["expected"]) for error in problem["errors"]] == [(field, expected)]
    assert (await client.call("GET", "/v1/orders?client_order_id=never-accepted"))[1]["data"] == []
    assert [len(await client.ledger(account)) for account in ACCOUNTS.values()] == before


async def test_spot_joins_only_if_its_balance_covers_a_working_order_and_pts_always(client: Client) -> None:
    status, order = await client.order("too-much", type="twap", quantity="20", duration_minutes=2)
    assert (status, order["connection"]["id"]) == (200, "pts")
    told = {name: (entry["outcome"], entry["reason"]) for name, entry in entries(order).items()}
    assert told == {
        "pts": ("won", None),
        "spot": ("excluded", "insufficient_balance"),
        "poor": ("excluded", "insufficient_balance"),
    }
    # One of two slices was priced, and the record says that this was the price of the moment.
    assert entries(order)["pts"]["quantity"] == "10"
    _, record = await client.call("GET", f"/v1/competitions/{order['competition_id']}")
    assert record["indicative"] is True
    assert (await client.eventually_final(order["id"]))["status"] == "filled"


async def test_a_book_that_does_not_cover_the_size_takes_no_working_order_away(client: Client) -> None:
    thin = {"bids": [["99.00", "0.01"]], "asks": [["99.50", "0.01"]]}
    for account in (SPOT, PTS):
        await client.control("PUT", f"/accounts/{account}/books/BTC-USD", thin)
    try:
        await client.eventually(lambda: _quotes(client, "99.50"))
        for number, fields in enumerate((TWAP, PACE, {"type": "stop", "trigger_price": "150.00"})):
            order = await works(client, f"thin-{number}", "spot", quantity="0.5", **fields)
            status, _ = await client.call("POST", f"/v1/orders/{order['id']}/cancel")
            assert status == 202
            await client.eventually_final(order["id"])
    finally:
        for account in (SPOT, PTS):
            await client.control("DELETE", f"/accounts/{account}/books/BTC-USD")


async def _quotes(client: Client, price: str) -> bool:
    body = {"product": "BTC-USD", "side": "buy", "quantity": "0.01", "quantity_currency": "BTC"}
    _, rfq = await client.call("POST", "/v1/rfqs", body | {"connections": ["spot"]})
    return rfq["best"] is not None and rfq["best"]["price"] == price


async def test_a_counterparty_without_the_algorithm_refuses_and_the_order_says_so(client: Client) -> None:
    await client.control("PUT", "/products/BTC-USD", {"algo_disabled": True})
    try:
        status, problem = await client.order("no-algo", **TWAP)
        assert (status, problem["code"]) == (422, "trading_disabled")
        assert problem["venue_error"]["name"] == "backend:trade:productAlgoStrategyDisabled"
    finally:
        await client.control("PUT", "/products/BTC-USD", {"algo_disabled": False})


async def test_the_command_line_takes_a_working_order(client: Client) -> None:
    options = ("--type", "steady_pace", "--sub-order-size", "0.1", "--interval", "1", "--variance", "0.05")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "router", "order", "BTC-USD", "sell", "0.3", *options),
        *("--client-order-id", "by-hand", "--url", client.system.url),
        stdout=asyncio.subprocess.PIPE,
        env={"COLUMNS": "200", "PYTHONUTF8": "1"},
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0, printed
    assert "prices of the moment" in printed.decode()
    assert "sub order size 0.1" in printed.decode()
    _, page = await client.call("GET", "/v1/orders?client_order_id=by-hand")
    [order] = page["data"]
    assert (await client.eventually_final(order["id"]))["filled_quantity"] == "0.3"
