"""Requests that take their time: closing positions by orders, and asking for collateral back."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from sim_harness import NEVER_MS, PTS, Client, limit, running
from sim_margin_kit import collateral, move, positions, post, put, read, refusal, wallet, wealthy

UNKNOWN = "eee68637-6fb2-4ed5-ad8c-04afdb062b60"
CLOSES = "positions/close/requests"
WITHDRAWALS = "collateral/withdrawalrequests"


@pytest_asyncio.fixture
async def sim() -> AsyncIterator[Client]:
    async with running(wealthy()) as client:
        yield client


async def close(sim: Client, **body: Any) -> str:
    reply = await move(sim, "positions/close", body or {"all": True})
    assert reply.status == 202, reply.text
    assert reply.json["status"] == "pending"
    return str(reply.json["closePositionsRequestId"])


async def advance(sim: Client, request: str) -> str:
    return str((await post(sim, f"closes/{request}/advance"))["status"])


async def orders_of(sim: Client, request: str) -> Any:
    return (await read(sim, f"{CLOSES}/{request}/orders"))["orders"]


async def test_a_close_is_pending_in_progress_and_completed(sim: Client) -> None:
    await put(sim, "positions", {"BTC": "-2", "ETH": "3"})
    request = await close(sim)
    assert await orders_of(sim, request) == []
    assert await advance(sim, request) == "in_progress"
    waiting = await orders_of(sim, request)
    assert [(row["currency"], row["targetCurrency"], row["status"], "orderId" in row) for row in waiting] == [
        ("BTC", "USD", "pending", False),
        ("ETH", "USD", "pending", False),
    ]
    assert await positions(sim) == {"BTC": "-2", "ETH": "3"}
    assert await advance(sim, request) == "completed"
    done = await orders_of(sim, request)
    assert [row["status"] for row in done] == ["completed", "completed"]
    assert await positions(sim) == {}
    bought = await sim.order(done[0]["orderId"], PTS)
    assert (bought["side"], bought["type"], bought["fundingType"], bought["clientOrderId"]) == (
        "buy",
        "market",
        "margin",
        "",
    )
    assert (bought["quantity"], bought["filledQuantity"]) == ("2", "2")
    trades = (await sim.get(f"trades?orderId={done[0]['orderId']}&fundingType=margin", PTS)).json["data"]
    assert [trade["quantity"] for trade in trades] == ["2"]


async def test_a_close_goes_through_by_itself_and_its_orders_are_on_the_feed() -> None:
    async with running(wealthy(close_step_ms=1)) as sim, sim.feed("simulated-pts-token") as feed:
        await put(sim, "positions", {"BTC": "1"})
        await feed.ask("subscribe", "orders", PTS)
        request = await close(sim)
        seen = await feed.until(status="completed")
        assert {message["clientOrderId"] for message in seen} == {""}
        found = await read(sim, f"{CLOSES}/{request}")
        assert found["status"] == "completed"
        assert found["bitgoUserId"] == (await sim.order(seen[0]["orderId"], PTS))["initiatedByUserId"]


async def test_only_the_named_positions_are_closed(sim: Client) -> None:
    await put(sim, "positions", {"BTC": "1", "ETH": "1"})
    request = await close(sim, currencies=["ETH", "SOL"])
    await advance(sim, request)
    assert await advance(sim, request) == "completed"
    assert await positions(sim) == {"BTC": "1"}


async def test_without_positions_there_is_nothing_to_close(sim: Client) -> None:
    await put(sim, "positions", {"BTC": "1"})
    for body in ({"currencies": ["ETH"]}, {"currencies": ["XYZ"]}):
        reply = await move(sim, "positions/close", body)
        assert refusal(reply) == (400, "backend:common:invalidRequest", "no positions to close")


async def test_one_close_at_a_time(sim: Client) -> None:
    await put(sim, "positions", {"BTC": "1", "ETH": "1"})
    request = await close(sim, currencies=["BTC"])
    taken = (409, "backend:common:inUse", "pending close position order already exists")
    assert refusal(await move(sim, "positions/close", {"currencies": ["ETH"]})) == taken
    await advance(sim, request)
    assert refusal(await move(sim, "positions/close", {"all": True})) == taken
    await advance(sim, request)
    await close(sim)


async def test_a_close_that_the_book_does_not_bear_fails(sim: Client) -> None:
    await put(sim, "positions", {"BTC": "-11", "ETH": "1"})
    request = await close(sim)
    await advance(sim, request)
    assert await advance(sim, request) == "failed"
    assert [row["status"] for row in await orders_of(sim, request)] == ["failed", "completed"]
    assert await positions(sim) == {"BTC": "-1"}


@pytest.mark.parametrize("switch", ["account", "product", "side", "liquidation"])
async def test_a_close_that_may_not_trade_fails_without_an_order(sim: Client, switch: str) -> None:
    await put(sim, "positions", {"BTC": "1"})
    request = await close(sim)
    if switch == "account":
        await put(sim, "settings", {"trading_disabled": True})
    elif switch == "liquidation":
        await post(sim, "liquidation", {"active": True})
    else:
        change = {"trade_disabled": True} if switch == "product" else {"disabled_sides": ["sell"]}
        await sim.control("PUT", "products/BTC-USD", change)
    await advance(sim, request)
    assert await advance(sim, request) == "failed"
    (row,) = await orders_of(sim, request)
    assert "orderId" not in row
    assert await sim.ledger(PTS) == []


async def test_a_position_that_is_gone_by_then_is_closed_without_an_order(sim: Client) -> None:
    await put(sim, "positions", {"BTC": "-1"})
    request = await close(sim)
    await advance(sim, request)
    await move(sim, "positions/cover", {"all": True})
    assert await advance(sim, request) == "completed"
    assert "orderId" not in (await orders_of(sim, request))[0]


async def test_a_close_waits_for_an_order_that_is_slow(sim: Client) -> None:
    await put(sim, "positions", {"BTC": "1"})
    await sim.faults(PTS, orders={"delay_ms": 40, "count": 1})
    async with sim.feed("simulated-pts-token") as feed:
        await feed.ask("subscribe", "orders", PTS)
        request = await close(sim)
        await advance(sim, request)
        assert await advance(sim, request) == "in_progress"
        assert (await orders_of(sim, request))[0]["status"] == "in_progress"
        await feed.until(status="completed")
    assert (await read(sim, f"{CLOSES}/{request}"))["status"] == "completed"


async def test_an_order_of_a_close_can_fail_late(sim: Client) -> None:
    await put(sim, "positions", {"BTC": "1"})
    await sim.faults(PTS, orders={"late_failure": "canceled_internalError", "count": 1})
    async with sim.feed("simulated-pts-token") as feed:
        await feed.ask("subscribe", "orders", PTS)
        request = await close(sim)
        await advance(sim, request)
        await advance(sim, request)
        await feed.until(status="canceled")
    assert (await read(sim, f"{CLOSES}/{request}"))["status"] == "failed"


async def test_close_requests_are_listed_filtered_and_paged(sim: Client) -> None:
    ids = []
    for _ in range(3):
        await put(sim, "positions", {"BTC": "1"})
        ids.append(await close(sim))
        if len(ids) < 3:
            await advance(sim, ids[-1])
            await advance(sim, ids[-1])

    async def listed(query: str) -> list[str]:
        rows = (await read(sim, f"{CLOSES}?{query}"))["data"]
        return [row["closePositionsRequestId"] for row in rows]

    assert await listed("") == [ids[2], ids[1], ids[0]]
    assert await listed("status=completed") == [ids[1], ids[0]]
    assert await listed("status=pending,in_progress") == [ids[2]]
    assert await listed("limit=1&offset=1") == [ids[1]]
    second = (await read(sim, f"{CLOSES}/{ids[1]}"))["creationDate"]
    assert await listed(f"dateGte={second}") == [ids[2], ids[1]]
    assert await listed(f"dateLt={second}") == [ids[0]]


@pytest.mark.parametrize(
    ("query", "key"),
    [
        ("status=open", "status"),
        ("status=", "status"),
        ("dateGte=yesterday", "dateGte"),
        ("limit=-1", "limit"),
        ("limit=501", "limit"),
        ("page=1", "page"),
    ],
)
async def test_a_query_of_closes_that_is_not_as_described_is_refused(
    sim: Client, query: str, key: str
) -> None:
    reply = await sim.get(f"margin/{CLOSES}?{query}", PTS)
    assert (reply.status, reply.json["error"]) == (400, f"backend:common:invalidArgument key={key}")


async def test_a_close_request_is_found_by_its_id_alone(sim: Client) -> None:
    key = "key=closePositionRequestID"
    reply = await sim.get(f"margin/{CLOSES}/{UNKNOWN}", PTS)
    assert (reply.status, reply.json["error"]) == (404, f"backend:common:notFound {key}")
    # "this endpoint does not validate that the close-position request itself exists"
    assert await orders_of(sim, UNKNOWN) == []
    for path in (f"{CLOSES}/x", f"{CLOSES}/x/orders"):
        reply = await sim.get(f"margin/{path}", PTS)
        assert (reply.status, reply.json["error"]) == (400, f"backend:common:invalidArgument {key}")


async def test_a_stopped_simulator_leaves_no_close_behind() -> None:
    async with running(wealthy(close_step_ms=20)) as sim:
        await put(sim, "positions", {"BTC": "1"})
        await close(sim)
        world = sim.simulator.world
    await asyncio.sleep(0)
    assert [one.status for one in world.accounts[PTS].margin_file.closes.values()] == ["pending"]


async def ask(sim: Client, currency: str = "USD", quantity: str = "100") -> str:
    reply = await move(sim, WITHDRAWALS, {"currency": currency, "quantity": quantity})
    assert reply.status == 202, reply.text
    return str(reply.json["id"])


async def test_a_withdrawal_is_pending_until_it_is_decided(sim: Client) -> None:
    reply = await move(sim, WITHDRAWALS, {"currency": "USD", "quantity": "100.50"})
    row = reply.json
    assert (reply.status, row["status"], row["quantity"], row["canceledBy"]) == (
        202,
        "pending",
        "100.5",
        None,
    )
    assert (row["accountId"], len(row["enterpriseId"])) == (PTS, 36)
    assert await collateral(sim) == {"USD": "500000"}
    assert (await post(sim, f"withdrawals/{row['id']}", {"status": "approved"}))["status"] == "approved"
    assert await collateral(sim) == {"USD": "500000"}
    await post(sim, f"withdrawals/{row['id']}", {"status": "completed"})
    assert (await read(sim, f"{WITHDRAWALS}/{row['id']}"))["status"] == "completed"
    assert ((await collateral(sim))["USD"], (await wallet(sim))["USD"]) == ("499899.5", "2100.5")
    again = await post(sim, f"withdrawals/{row['id']}", {"status": "rejected"}, expect=400)
    assert "completed" in again["error"]


async def test_a_rejected_withdrawal_moves_nothing(sim: Client) -> None:
    request = await ask(sim)
    assert (await post(sim, f"withdrawals/{request}", {"status": "rejected"}))["status"] == "rejected"
    assert await collateral(sim) == {"USD": "500000"}
    await ask(sim)


async def test_one_withdrawal_is_pending_in_a_currency() -> None:
    async with running(wealthy(collateral={"USD": "1000", "BTC": "1"})) as sim:
        request = await ask(sim)
        taken = (409, "backend:common:inUse", "backend:common:inUse key=Currency")
        assert refusal(await move(sim, WITHDRAWALS, {"currency": "USD", "quantity": "1"})) == taken
        await ask(sim, "BTC", "1")
        await post(sim, f"withdrawals/{request}", {"status": "approved"})
        await ask(sim, "USD", "900")


async def test_more_than_the_collateral_less_what_is_promised_is_refused() -> None:
    short = (400, "backend:trade:insufficientFunds", "insufficient collateral balance")
    async with running(wealthy(collateral={"USD": "1000"})) as sim:
        assert refusal(await move(sim, WITHDRAWALS, {"currency": "USD", "quantity": "1000.01"})) == short
        assert refusal(await move(sim, WITHDRAWALS, {"currency": "BTC", "quantity": "1"})) == short
        request = await ask(sim, "USD", "600")
        await post(sim, f"withdrawals/{request}", {"status": "approved"})
        assert refusal(await move(sim, WITHDRAWALS, {"currency": "USD", "quantity": "401"})) == short
        await put(sim, "collateral", {"USD": "599"})
        await post(sim, f"withdrawals/{request}", {"status": "completed"}, expect=400)


async def test_a_pending_withdrawal_is_canceled_and_no_other(sim: Client) -> None:
    request = await ask(sim)
    path = f"margin/{WITHDRAWALS}/{request}/cancel"
    assert (await sim.call("PATCH", path, PTS, json={"reason": "none"})).status == 400
    assert (await read(sim, f"{WITHDRAWALS}/{request}"))["status"] == "pending"
    reply = await sim.call("PATCH", path, PTS)
    assert (reply.status, reply.json["status"]) == (200, "cancelled")
    assert reply.json["canceledBy"] == reply.json["createdBy"]
    reply = await sim.call("PATCH", path, PTS)
    assert (reply.status, reply.error_name) == (400, "backend:common:invalidRequest")
    await ask(sim)


async def test_a_canceled_withdrawal_can_lose_its_answer(sim: Client) -> None:
    request = await ask(sim)
    fault = {"kind": "status", "status": 502, "processed": True, "operation": "withdrawal_cancel"}
    await sim.faults(PTS, rest=[fault])
    assert (await sim.call("PATCH", f"margin/{WITHDRAWALS}/{request}/cancel", PTS)).status == 502
    assert (await read(sim, f"{WITHDRAWALS}/{request}"))["status"] == "cancelled"


@pytest.mark.parametrize("method", ["GET", "PATCH"])
async def test_a_withdrawal_is_found_by_its_id_alone(sim: Client, method: str) -> None:
    tail = "/cancel" if method == "PATCH" else ""
    reply = await sim.call(method, f"margin/{WITHDRAWALS}/{UNKNOWN}{tail}", PTS)
    assert (reply.status, reply.json["error"]) == (404, "backend:common:notFound key=requestID")
    reply = await sim.call(method, f"margin/{WITHDRAWALS}/0123456789{tail}", PTS)
    assert refusal(reply) == (400, "backend:externalAPI:invalidParameters", "invalid UUID length: 10")


async def test_withdrawals_are_listed_newest_first_and_paged() -> None:
    async with running(wealthy(collateral={"USD": "10", "BTC": "1", "USDC": "5"})) as sim:
        ids = [await ask(sim, currency, "1") for currency in ("USD", "BTC", "USDC")]

        async def listed(query: str) -> list[str]:
            return [row["id"] for row in (await read(sim, f"{WITHDRAWALS}?{query}"))["data"]]

        assert await listed("") == ids[::-1]
        assert await listed("offset=1&limit=1") == [ids[1]]
        for query in ("limit=101", "status=pending"):
            assert (await sim.get(f"margin/{WITHDRAWALS}?{query}", PTS)).status == 400


async def test_a_working_margin_order_does_not_stop_a_close() -> None:
    async with running(wealthy(close_step_ms=NEVER_MS)) as sim:
        await sim.place(PTS, quantity="1")
        await sim.place(PTS, **limit("90", quantity="1"))
        request = await close(sim)
        await advance(sim, request)
        assert await advance(sim, request) == "completed"
        assert (await sim.get("orders?status=open", PTS)).json["data"][0]["limitPrice"] == "90"
