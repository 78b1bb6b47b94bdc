"""A working order is followed to its end: over a kill, a lost feed, and a cancel that its fills overtake."""

import asyncio
import signal
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.e2e.system import ACCOUNTS, PTS, SPOT, Client, System, running

EITHER = pytest.mark.parametrize("name", ["spot", "pts"])


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A counterparty whose minutes last a tenth of a second."""
    yield from running(tmp_path_factory.mktemp("working"), minute_ms=100)


async def trades(client: Client, order: dict[str, Any]) -> dict[str, Decimal]:
    """What the counterparty executed of an order, by its trade ids."""
    account = ACCOUNTS[order["connection"]["id"]]
    [found] = [o for o in await client.ledger(account) if o["client_order_id"].startswith(order["id"])]
    return {fill["id"]: Decimal(fill["quantity"]) for fill in found["fills"]}


async def posts(client: Client, order: dict[str, Any]) -> int:
    """How often an order was sent."""
    requests = await client.requests(ACCOUNTS[order["connection"]["id"]])
    return sum(r["method"] == "POST" and r["client_order_id"].startswith(order["id"]) for r in requests)


def shown(order: dict[str, Any]) -> dict[str, Decimal]:
    """What the router says was executed of an order, by the counterparty's trade ids."""
    fills = {fill["id"]: Decimal(fill["quantity"]) for fill in order["fills"]}
    assert len(fills) == len(order["fills"])
    return fills


async def partly_filled(client: Client, order: dict[str, Any]) -> Any:
    async def looked() -> Any:
        _, found = await client.call("GET", f"/v1/orders/{order['id']}")
        assert found["status"] in ("new", "partially_filled"), found
        return found if found["status"] == "partially_filled" else None

    return await client.eventually(looked)


async def test_working_orders_go_on_over_a_kill_of_the_router(tmp_path: Path) -> None:
    system = await asyncio.to_thread(System, tmp_path, minute_ms=150)
    try:
        async with aiohttp.ClientSession() as session:
            client = Client(system, session)
            twaps = {}
            for name in ("spot", "pts"):
                fields = {"type": "twap", "quantity": "4", "duration_minutes": 40, "connections": [name]}
                status, twaps[name] = await client.order(f"kill-twap-{name}", **fields)
                assert status == 200
            # Half done and partly told when it ends, ended while nobody was there to hear it.
            brief = {"type": "steady_pace", "sub_order_size": "0.1", "interval": 1, "connections": ["pts"]}
            _, pace = await client.order("kill-pace", quantity="0.3", **brief)
            fields = {"type": "stop", "side": "sell", "trigger_price": "95.00", "connections": ["pts"]}
            _, stop = await client.order("kill-stop", quantity="0.5", **fields)
            await partly_filled(client, twaps["pts"])
            assert await asyncio.to_thread(system.router.stop, signal.SIGKILL) == -signal.SIGKILL
            await client.eventually(lambda: _has(client, pace, "0.3"))
            await asyncio.to_thread(system.start_router)
            orders = [*twaps.values(), pace]
            _, waiting = await client.call("GET", f"/v1/orders/{stop['id']}")
            assert (waiting["status"], waiting["terms"]) == ("new", {"trigger_price": "95.00"})
            for order in orders:
                ended = await client.eventually_final(order["id"])
                assert (ended["status"], ended["filled_quantity"]) == ("filled", ended["quantity"])
                await client.eventually(lambda order=order: _all_told(client, order))
            book = {"bids": [["94.00", "5"]], "asks": [["94.10", "5"]]}
            await client.control("PUT", f"/accounts/{PTS}/books/BTC-USD", book)
            ended = await client.eventually_final(stop["id"])
            assert (ended["status"], ended["average_price"]) == ("filled", "94.00")
            for order in [*orders, stop]:
                assert await posts(client, order) == 1
    finally:
        assert await asyncio.to_thread(system.stop) == (0, 0)


async def _has(client: Client, order: dict[str, Any], quantity: str) -> bool:
    return sum((await trades(client, order)).values()) == Decimal(quantity)


async def _all_told(client: Client, order: dict[str, Any]) -> bool:
    _, found = await client.call("GET", f"/v1/orders/{order['id']}")
    return shown(found) == await trades(client, order)


@EITHER
async def test_every_partial_fill_is_shown_as_it_comes(client: Client, name: str) -> None:
    fields = {"type": "twap", "quantity": "1", "duration_minutes": 10, "connections": [name]}
    _, order = await client.order(f"parts-{name}", **fields)
    seen: set[str] = set()

    async def ended() -> Any:
        _, found = await client.call("GET", f"/v1/orders/{order['id']}")
        filled = Decimal(found["filled_quantity"])
        # A sum can be told before its single executions are: the feed brings those a moment later.
        assert filled >= sum(shown(found).values())
        if found["status"] != "filled":
            # What is left counts down as it fills.
            assert Decimal(found["leaves_quantity"]) == 1 - filled
        seen.add(found["filled_quantity"])
        return found if found["status"] == "filled" else None

    await client.eventually(ended)
    assert len(seen) > 2
    await client.eventually(lambda: _all_told(client, order))


@EITHER
async def test_what_was_missed_while_the_feed_was_away_is_read_again(client: Client, name: str) -> None:
    account = ACCOUNTS[name]
    fields = {"type": "twap", "quantity": "0.5", "duration_minutes": 5, "connections": [name]}
    _, order = await client.order(f"feed-{name}", **fields)
    await client.faults(account, feed={"kind": "refuse"})
    await client.control("POST", f"/accounts/{account}/disconnect")
    await client.eventually(lambda: _has(client, order, "0.5"))
    await client.control("DELETE", f"/accounts/{account}/faults")
    ended = await client.eventually_final(order["id"])
    assert (ended["status"], ended["filled_quantity"]) == ("filled", "0.5")
    await client.eventually(lambda: _all_told(client, order))


@EITHER
async def test_a_cancelled_order_keeps_what_was_filled(client: Client, name: str) -> None:
    fields = {"type": "twap", "quantity": "3", "duration_minutes": 300, "connections": [name]}
    _, order = await client.order(f"cancel-{name}", **fields)
    await partly_filled(client, order)
    status, asked = await client.call("POST", f"/v1/orders/{order['id']}/cancel")
    assert (status, asked["status"]) == (202, "pending_cancel")
    ended = await client.eventually_final(order["id"])
    assert ended["status"] == "canceled"
    assert 0 < Decimal(ended["filled_quantity"]) < 3
    assert ended["leaves_quantity"] == "0"
    await client.eventually(lambda: _all_told(client, order))
    status, problem = await client.call("POST", f"/v1/orders/{order['id']}/cancel")
    assert (status, problem["code"]) == (409, "order_not_cancelable")


@EITHER
@pytest.mark.parametrize(("size", "status"), [("50", "filled"), ("0.01", "canceled")])
async def test_fills_that_overtake_a_cancel_are_told(
    client: Client, name: str, size: str, status: str
) -> None:
    account = ACCOUNTS[name]
    await client.faults(account, orders={"delay_ms": 300})
    fields = {"type": "limit", "limit_price": "95.00", "quantity": "2", "connections": [name]}
    _, order = await client.order(f"overtaken-{name}-{status}", **fields)
    assert order["status"] == "new"
    try:
        await client.call("POST", f"/v1/orders/{order['id']}/cancel")
        book = {"bids": [["94.00", size]], "asks": [["94.10", size]]}
        await client.control("PUT", f"/accounts/{account}/books/BTC-USD", book)
        ended = await client.eventually_final(order["id"])
    finally:
        await client.control("DELETE", f"/accounts/{account}/books/BTC-USD")
    assert ended["status"] == status
    truth = sum((await trades(client, order)).values())
    assert 0 < Decimal(ended["filled_quantity"]) == truth
    await client.eventually(lambda: _all_told(client, order))


async def test_what_a_working_order_claims_is_free_again_as_it_ends(client: Client) -> None:
    await client.control("PUT", f"/accounts/{SPOT}/balances", {"USD": "1000"})

    async def known() -> bool:
        body = {"product": "BTC-USD", "side": "buy", "quantity": "9", "quantity_currency": "BTC"}
        _, rfq = await client.call("POST", "/v1/rfqs", body | {"connections": ["spot"]})
        return rfq["best"] is not None

    await client.eventually(known)
    # 9 at 95 are 855 of the 1,000: a second one has no room beside it.
    fields = {"type": "limit", "limit_price": "95.00", "quantity": "9", "connections": ["spot"]}
    _, first = await client.order("claims-1", **fields)
    assert first["status"] == "new"
    status, problem = await client.order("claims-2", **fields)
    assert (status, problem["code"]) == (422, "no_eligible_counterparty")
    await client.call("POST", f"/v1/orders/{first['id']}/cancel")
    await client.eventually_final(first["id"])

    async def joins() -> bool:
        # The counterparty's own statement brings the rest back: it is read after each end.
        status, order = await client.order(f"claims-{len(tried)}", **fields | {"time_in_force": "IOC"})
        tried.append(order)
        return status == 200

    tried: list[Any] = [first, problem, None]
    assert await client.eventually(joins)
