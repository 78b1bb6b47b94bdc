"""REST calls and orders that do not go as they should, and what the ledger says of them."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest
from sim_harness import PTS, SPOT, Client, limit, raw_settings

from venues.simulator.fault_model import FaultSet, Latency
from venues.simulator.faults import Faults
from venues.simulator.settings import build
from venues.simulator.world import World

GONE = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)


async def statuses(sim: Client) -> Any:
    return [(order["client_order_id"], order["status"]) for order in await sim.ledger()]


async def test_an_order_lost_after_is_found_by_its_client_id(sim: Client) -> None:
    await sim.faults(rest=[{"kind": "lost_after", "operation": "order", "count": 1}])
    with pytest.raises(GONE):
        await sim.place(clientOrderId="a")
    found = (await sim.get("orders?clientOrderId=a")).json["data"]
    assert [(order["clientOrderId"], order["status"]) for order in found] == [("a", "completed")]
    assert (await sim.place(clientOrderId="a")).status == 409


@pytest.mark.parametrize("kind", ["lost_before", "reset"])
async def test_an_order_lost_before_was_never_taken(sim: Client, kind: str) -> None:
    await sim.faults(rest=[{"kind": kind, "operation": "order", "count": 1}])
    with pytest.raises(GONE):
        await sim.place(clientOrderId="a")
    assert (await sim.get("orders?clientOrderId=a")).json["data"] == []
    assert (await sim.place(clientOrderId="a")).status == 200


async def test_a_reset_is_a_reset_and_no_orderly_end(sim: Client) -> None:
    await sim.faults(rest=[{"kind": "reset", "operation": "order", "count": 1}])
    with pytest.raises(aiohttp.ClientOSError, match="reset"):
        await sim.place()


@pytest.mark.parametrize(("kind", "taken"), [("hang_before", []), ("hang_after", [("a", "completed")])])
async def test_a_hung_call_ends_without_an_answer(
    sim: Client, kind: str, taken: list[tuple[str, str]]
) -> None:
    await sim.faults(rest=[{"kind": kind, "operation": "order", "ms": 60, "count": 1}])
    with pytest.raises(GONE):
        await sim.place(clientOrderId="a")
    assert taken == await statuses(sim)


async def test_a_client_that_gives_up_does_not_undo_a_late_order(sim: Client) -> None:
    await sim.faults(rest=[{"kind": "late_before", "operation": "order", "ms": 500, "count": 1}])
    async with sim.feed() as feed:
        await feed.ask("subscribe", "orders")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(sim.place(clientOrderId="a"), 0.25)
        assert await sim.ledger() == []
        await feed.until(status="completed", clientOrderId="a")
    assert await statuses(sim) == [("a", "completed")]


async def test_an_answer_that_is_late_follows_an_order_that_is_not(sim: Client) -> None:
    await sim.faults(rest=[{"kind": "late_after", "operation": "order", "ms": 300, "count": 1}])
    async with sim.feed() as feed:
        await feed.ask("subscribe", "orders")
        call = asyncio.create_task(sim.place(clientOrderId="a"))
        await feed.until(status="completed")
        assert not call.done()
        assert (await call).status == 200


@pytest.mark.parametrize("status", [500, 502, 503, 429])
async def test_a_status_is_answered_and_nothing_is_processed(sim: Client, status: int) -> None:
    await sim.faults(rest=[{"kind": "status", "status": status, "operation": "order", "count": 1}])
    reply = await sim.place(clientOrderId="a")
    assert status == reply.status
    assert (status == 429) == ("Retry-After" in reply.headers)
    assert reply.json["reqId"]
    assert await sim.ledger() == []


async def test_a_status_can_come_from_an_order_that_was_processed(sim: Client) -> None:
    fault = {"kind": "status", "status": 502, "body": "html", "processed": True, "operation": "order"}
    await sim.faults(rest=[fault])
    reply = await sim.place(clientOrderId="a")
    assert (reply.status, reply.headers["Content-Type"].partition(";")[0]) == (502, "text/html")
    assert await statuses(sim) == [("a", "completed")]


async def test_a_bare_status_has_no_body(sim: Client) -> None:
    await sim.faults(rest=[{"kind": "status", "status": 503, "body": "empty"}])
    assert ((await sim.place()).status, (await sim.place()).text) == (503, "")


async def test_html_comes_with_200(sim: Client) -> None:
    await sim.faults(rest=[{"kind": "html", "operation": "order"}])
    reply = await sim.place()
    assert reply.status == 200
    assert reply.text.startswith("<html>")
    assert await sim.ledger() == []


@pytest.mark.parametrize("kind", ["truncated", "garbage"])
async def test_an_answer_that_cannot_be_read_is_of_an_order_that_was_taken(sim: Client, kind: str) -> None:
    await sim.faults(rest=[{"kind": kind, "operation": "order", "count": 1}])
    reply = await sim.place(clientOrderId="a")
    assert reply.status == 200
    if kind == "truncated":
        assert reply.text.startswith('{"id":"')
        with pytest.raises(json.JSONDecodeError):
            json.loads(reply.text)
    else:
        assert "id" not in reply.json
    assert await statuses(sim) == [("a", "completed")]


async def test_a_fault_hits_its_operation_only_and_as_often_as_it_says(sim: Client) -> None:
    await sim.faults(rest=[{"kind": "status", "status": 500, "operation": "balances", "count": 2}])
    assert (await sim.place()).status == 200
    assert (await sim.get("products")).status == 200
    assert [(await sim.get("balances")).status for _ in range(3)] == [500, 500, 200]
    applied = (await sim.control("GET", "state"))["counters"]["faults_applied"]
    assert applied == {"rest:status": 2}


async def test_a_fault_without_a_count_lasts_until_it_is_cleared(sim: Client) -> None:
    await sim.faults(rest=[{"kind": "status", "status": 500}])
    assert [(await sim.get("balances")).status for _ in range(3)] == [500] * 3
    await sim.account("DELETE", "faults")
    assert (await sim.get("balances")).status == 200


async def test_faults_are_one_accounts(sim: Client) -> None:
    await sim.faults(rest=[{"kind": "status", "status": 500}])
    assert (await sim.get("balances", account=PTS)).status == 200


async def test_latency_delays_the_answer(sim: Client) -> None:
    await sim.faults(latency={"distribution": "fixed", "ms": 300, "operation": "balances"})
    loop = asyncio.get_running_loop()
    began = loop.time()
    await sim.get("products")
    assert loop.time() - began < 0.3
    began = loop.time()
    await sim.get("balances")
    assert loop.time() - began >= 0.3


@pytest.mark.parametrize(
    ("latency", "low", "high"),
    [
        ({"distribution": "fixed", "ms": 5}, 0.005, 0.005),
        ({"distribution": "uniform", "min_ms": 5, "max_ms": 9}, 0.005, 0.009),
        ({"distribution": "lognormal", "median_ms": 5, "sigma": 1, "cap_ms": 20}, 0, 0.02),
        ({"distribution": "pareto", "scale_ms": 5, "alpha": 1.5, "cap_ms": 50}, 0.005, 0.05),
    ],
)
def test_latencies_are_drawn_from_the_seed_within_their_bounds(
    latency: dict[str, Any], low: float, high: float
) -> None:
    def drawn() -> list[float]:
        faults = Faults(FaultSet(latency=Latency(**latency)), World(build(raw_settings())).draws)
        return [faults.latency_s("order") for _ in range(200)]

    assert drawn() == drawn()
    assert all(low <= one <= high for one in drawn())
    if low != high:
        assert len(set(drawn())) > 20


async def test_a_partial_fill_cancels_the_rest(sim: Client) -> None:
    await sim.faults(orders={"partial_fill": "0.5", "count": 1})
    order = (await sim.place(quantity="3")).json
    assert (order["status"], order["filledQuantity"], order["leavesQuantity"]) == ("canceled", "1.5", "1.5")
    assert (await sim.place(quantity="3")).json["status"] == "completed"


@pytest.mark.parametrize(
    ("fault", "status", "reason", "filled"),
    [
        ({"late_failure": "error"}, "error", "internalError", "0"),
        ({"late_failure": "canceled_internalError"}, "canceled", "internalError", "0"),
        ({"late_failure": "canceled_insufficientFunds"}, "canceled", "insufficientFunds", "0"),
        ({"late_failure_after_fill": "0.3"}, "canceled", "internalError", "0.6"),
        ({"late_failure_after_fill": "0.3", "late_failure": "error"}, "error", "internalError", "0.6"),
    ],
)
async def test_an_order_is_taken_and_then_fails(
    sim: Client, fault: dict[str, Any], status: int, reason: str, filled: str
) -> None:
    await sim.faults(orders=fault)
    async with sim.feed() as feed:
        await feed.ask("subscribe", "orders")
        taken = await sim.place(quantity="2", clientOrderId="a")
        assert (taken.status, taken.json["status"]) == (200, "pending_open")
        seen = await feed.until(status=status)
    assert seen[-1]["execType"] == {"error": "8", "canceled": "4"}[status]
    order = await sim.order(taken.json["id"])
    assert (status, reason, filled) == (order["status"], order["reason"], order["filledQuantity"])
    assert (await sim.balances())["USD"]["heldBalance"] == "0"


async def test_a_refused_order_uses_up_no_order_fault(sim: Client) -> None:
    await sim.faults(orders={"partial_fill": "0.5", "count": 1})
    assert (await sim.place(quantity="0")).status == 400
    assert (await sim.place(quantity="2")).json["filledQuantity"] == "1"


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"duplicate_messages": True}, ["A", "A", "0", "0", "F", "F", "I", "I"]),
        ({"reorder_messages": True}, ["0", "A", "I", "F"]),
        ({"drop_messages": True}, []),
    ],
)
async def test_order_messages_are_doubled_swapped_or_lost(
    sim: Client, fault: dict[str, Any], expected: list[str]
) -> None:
    async with sim.feed() as feed:
        await feed.ask("subscribe", "orders")
        await sim.faults(orders={**fault, "count": 1})
        await sim.place(clientOrderId="a")
        # A second, healthy order marks the end of the first one's messages.
        await sim.place(clientOrderId="b")
        seen = await feed.until(clientOrderId="b", status="completed")
    assert expected == [one["execType"] for one in seen if one["clientOrderId"] == "a"]


async def test_a_resting_order_is_partially_filled_by_a_fault_once_it_is_crossed(sim: Client) -> None:
    await sim.faults(orders={"partial_fill": "0.5"})
    order = (await sim.place(**limit("99.95", quantity="2"))).json
    assert order["status"] == "open"
    await sim.account("PUT", "books/BTC-USD", {"bids": [["99", "1"]], "asks": [["99.95", "5"]]})
    after = await sim.order(order["id"])
    assert (after["status"], after["filledQuantity"]) == ("canceled", "1")


@pytest.mark.parametrize(
    "body",
    [
        {"colour": "red"},
        {"rest": [{"kind": "explode"}]},
        {"rest": [{"kind": "status"}]},
        {"rest": [{"kind": "refuse"}]},
        {"rest": [{"kind": "late_before"}]},
        {"rest": [{"kind": "lost_after", "count": 0}]},
        {"latency": {"distribution": "uniform", "ms": 5}},
        {"orders": {"partial_fill": 0.5}},
        {"feed": {"kind": "silent", "channel": "trades"}},
    ],
)
async def test_a_fault_that_does_not_exist_is_refused(sim: Client, body: Any) -> None:
    await sim.account("PUT", "faults", body, expect=400)
    assert (await sim.place()).status == 200


def test_faults_can_be_set_from_the_start() -> None:
    raw = raw_settings()
    raw["accounts"][0]["faults"] = {"rest": [{"kind": "status", "status": 500, "count": 1}]}
    (fault,) = build(raw).accounts[0].faults.rest
    assert (fault.kind, fault.status, fault.count) == ("status", 500, 1)
    assert build(raw).accounts[0].id == SPOT
