"""A disk that is full, a disk that lies, a store that another router has."""

import asyncio
import os
import resource
import signal
from typing import Any

import aiohttp
import pytest

from tests.e2e.system import Client, order_body
from tests.kill.load import Answer, Caller, calling
from tests.kill.stage import Command, Stage

ORDER = "/v1/orders"


def fill_up(router: Command) -> None:
    """No file of the router grows, or is written, any more: what a full disk does, without a disk to fill."""
    _, most = resource.prlimit(router.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(router.pid, resource.RLIMIT_FSIZE, (0, most))


def make_room(router: Command) -> None:
    """Files can be written again."""
    _, most = resource.prlimit(router.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(router.pid, resource.RLIMIT_FSIZE, (most, most))


async def sends(stage: Stage) -> list[str]:
    """The orders that the counterparties were sent since this was asked last."""
    found = [entry for name in ("spot", "pts") for entry in await stage.new_requests(name)]
    return [entry["client_order_id"][:36] for entry in found if entry["method"] == "POST"]


async def test_a_full_disk_refuses_orders_and_nothing_else_until_there_is_room(stage: Stage) -> None:
    router = await stage.serving()
    async with calling(stage.url) as caller:
        await stage.faults(
            "pts",
            {
                "rest": [
                    {"kind": "lost_after", "operation": "order", "count": 1},
                    {"kind": "status", "status": 503, "operation": "order_lookup"},
                ],
                "orders": {"drop_messages": True},
            },
        )
        doubtful = await caller.call("POST", ORDER, order_body("doubt", connections=["pts"]))
        assert (doubtful.status, doubtful.body["in_doubt"]) == (202, True)
        assert await sends(stage) == [doubtful.body["id"]]

        fill_up(router)
        refused = await caller.call("POST", ORDER, order_body("full"))
        assert (refused.status, refused.body["code"]) == (503, "store_unavailable")
        assert refused.body["retryable"]
        assert refused.order_id is None
        assert (await caller.call("GET", "/readyz")).status == 503

        # Look-ups go on, and what they find is told, though it cannot be written yet.
        await stage.faults("pts", {})
        found = await Client.eventually(lambda: ended(caller, doubtful.body["id"]))
        assert (found["status"], found["filled_quantity"]) == ("filled", "1")
        assert len((await caller.call("GET", ORDER)).body["data"]) == 1
        assert await sends(stage) == []

        make_room(router)
        answer: Answer = await Client.eventually(lambda: taken(caller, order_body("full")))
        assert answer.body["status"] == "filled"
        assert await sends(stage) == [answer.body["id"]]
        await Client.eventually(lambda: is_ready(caller))
        assert router.count("recovered") == 1, "expected the same process all along"
    # What was found while nothing could be written is durable before the end.
    assert await router.end(signal.SIGTERM) == 0
    router = await stage.serving()
    async with calling(stage.url) as caller:
        kept = await caller.call("GET", f"{ORDER}/{doubtful.body['id']}")
        assert (kept.body["status"], kept.body["fills"]) == ("filled", found["fills"])
    assert router.count("order_taken_up") == 0
    assert await router.end(signal.SIGTERM) == 0


async def ended(caller: Caller, order_id: str) -> dict[str, Any] | None:
    order = (await caller.call("GET", f"{ORDER}/{order_id}")).body
    return order if order["status"] == "filled" and order["fills"] else None


async def taken(caller: Caller, body: object) -> Answer | None:
    answer = await caller.call("POST", ORDER, body)
    return answer if answer.status == 200 else None


async def is_ready(caller: Caller) -> bool:
    return (await caller.call("GET", "/readyz")).status == 200


async def test_a_failed_flush_ends_the_process_and_nothing_is_sent(stage: Stage) -> None:
    router = await stage.serving(module="tests.kill.failing_flush")
    async with calling(stage.url) as caller:
        first = await caller.call("POST", ORDER, order_body("first"))
        assert first.status == 200
        assert await sends(stage) == [first.body["id"]]
        os.kill(router.pid, signal.SIGUSR1)
        await router.until("flushes_fail")
        with pytest.raises(aiohttp.ClientError):
            await caller.call("POST", ORDER, order_body("second"))
        assert await router.ended() == 5
    said = router.events[-1]
    assert (said["event"], said["level"]) == ("store_broken", "error")
    assert said["error"] == "expected the journal to be flushed and whole, was: disk I/O error"
    assert await sends(stage) == []

    router = await stage.serving()
    async with calling(stage.url) as caller:
        again = await caller.call("POST", ORDER, order_body("second"))
        # It was accepted or it was not, and its intent with it, nobody can say: at most once it was sent,
        # which is now or never. What is there of an intent is looked up, and proved never taken.
        sent = [again.body["id"]] if again.status == 200 else []
        assert again.status == 200 or again.body["code"] in ("interrupted", "not_taken")
        assert await sends(stage) == sent
    assert await router.end(signal.SIGTERM) == 0


async def test_a_second_router_on_the_same_file_does_not_start(stage: Stage) -> None:
    router = await stage.serving()
    second = await stage.router()
    assert await second.ended() == 3
    (said,) = second.events
    assert said["text"] == (
        f"caas-router: store: expected {stage.directory}/router.db to be used by one router, "
        f"was in use by another (process {router.pid}), which holds {stage.directory}/router.db.lock\n"
    )
    async with calling(stage.url) as caller:
        assert (await caller.call("POST", ORDER, order_body("one"))).status == 200
    assert await router.end(signal.SIGTERM) == 0
    third = await stage.serving()
    assert await asyncio.wait_for(third.end(signal.SIGTERM), 10) == 0
