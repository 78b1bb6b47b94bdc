"""SIGTERM: nothing new is taken, what is under way ends or is handed over, and the exit code says so."""

import asyncio
import signal
from functools import partial

from tests.e2e.system import Client, order_body
from tests.kill.load import Caller, calling
from tests.kill.stage import Stage


async def begun(caller: Caller, key: str) -> bool:
    """Whether an order was routed: its intent is durable, and it may be on its way."""
    page = await caller.call("GET", f"/v1/orders?client_order_id={key}")
    return any(order["connection"] is not None for order in page.body["data"])


async def test_orders_in_flight_at_a_slow_counterparty_are_finished(stage: Stage) -> None:
    router = await stage.serving()
    for connection in ("spot", "pts"):
        slow = {"operation": "order", "distribution": "fixed", "ms": 500}
        await stage.faults(connection, {"latency": slow})
    keys = [f"slow-{number}" for number in range(5)]
    async with calling(stage.url) as caller:
        orders = [asyncio.create_task(caller.call("POST", "/v1/orders", order_body(key))) for key in keys]
        for key in keys:
            await Client.eventually(partial(begun, caller, key))
        ending = asyncio.create_task(router.end(signal.SIGTERM))
        await router.until("stopping", signal="SIGTERM")
        repeat = asyncio.create_task(caller.call("POST", "/v1/orders", order_body(keys[0])))
        late = await caller.call("POST", "/v1/orders", order_body("late"))
        assert (late.status, late.body["code"], late.retry_after) == (503, "shutting_down", "1")
        answers = [await order for order in orders]
        assert [(answer.status, answer.body["status"]) for answer in answers] == [(200, "filled")] * 5
        assert (await repeat).body["id"] == answers[0].body["id"]
        assert await ending == 0
    said = await router.until("stopped")
    assert (said["drained"], said["in_flight"]) == (True, 0)
    ledger = [row for connection in ("spot", "pts") for row in await stage.ledger(connection)]
    assert sorted(row["client_order_id"][:36] for row in ledger) == sorted(a.body["id"] for a in answers)


async def test_an_order_that_is_not_answered_in_time_is_handed_over(stage: Stage) -> None:
    router = await stage.serving()
    hangs = {"kind": "hang_after", "operation": "order"}
    await stage.faults("pts", {"rest": [hangs], "orders": {"drop_messages": True}})
    async with calling(stage.url) as caller:
        body = order_body("hung", connections=["pts"])
        order = asyncio.create_task(caller.call("POST", "/v1/orders", body))
        await Client.eventually(partial(begun, caller, "hung"))
        assert await router.end(signal.SIGTERM) == 0
        told = await order
    assert told.status == 202
    assert (told.body["status"], told.body["in_doubt"]) == ("pending_new", True)
    said = await router.until("stopped")
    assert (said["drained"], said["in_flight"]) == (True, 1)

    router = await stage.serving()
    async with calling(stage.url) as caller:
        found = await caller.call("GET", f"/v1/orders/{told.body['id']}")
    assert (found.body["status"], found.body["filled_quantity"]) == ("filled", "1")
    assert len(await stage.ledger("pts")) == 1
    assert await router.end(signal.SIGTERM) == 0
