"""Custody under stress: the limit of a minute, and the faults that reads have."""

import asyncio

import aiohttp
import pytest
from custody_harness import ETH, OTHER_TOKEN, custody, user

from venues.simulator.limiter import Window


async def test_a_user_has_so_many_requests_a_minute_of_its_own() -> None:
    async with custody(user(requests_per_minute=3)) as api:
        statuses = [(await api.get("wallets")).status for _ in range(3)]
        refused = await api.get(f"eth/wallet/{ETH}")
        assert (await api.get("wallets", OTHER_TOKEN)).status == 200
        await api.control("PUT", "settings", {"requests_per_minute": 10})
        assert (await api.get("wallets")).status == 200
    assert statuses == [200, 200, 200]
    assert (refused.status, refused.json["name"]) == (429, "TooManyRequests")
    assert 0 < int(refused.headers["Retry-After"]) <= 60


async def test_a_user_has_three_hundred_and_sixty_unless_set() -> None:
    plain = user()
    del plain["requests_per_minute"]
    async with custody(plain) as api:
        assert (await api.control("GET", ""))["requests_per_minute"] == 360


def test_a_place_in_the_minute_is_free_again_a_minute_later() -> None:
    window = Window(1, 60.0)
    assert window.take(100.0).allowed
    refused = window.take(130.0)
    assert (refused.allowed, dict(refused.headers())["Retry-After"]) == (False, "30")
    assert window.take(160.0).allowed


@pytest.mark.parametrize(
    ("fault", "status", "name"),
    [
        ({"kind": "status", "status": 500}, 500, "InternalServerError"),
        ({"kind": "status", "status": 429}, 429, "TooManyRequests"),
        ({"kind": "refuse", "error_name": "TransferLost", "http_status": 404}, 404, "TransferLost"),
    ],
)
async def test_a_fault_speaks_the_platforms_words(fault: dict[str, object], status: int, name: str) -> None:
    async with custody() as api:
        await api.control("PUT", "faults", {"rest": [{**fault, "operation": "transfers", "count": 1}]})
        assert (await api.get("wallets")).status == 200
        reply = await api.get(f"eth/wallet/{ETH}/transfer")
        assert (reply.status, reply.json["name"]) == (status, name)
        assert set(reply.json) == {"error", "name", "requestId", "context"}
        assert ("Retry-After" in reply.headers) == (status == 429)
        assert (await api.get(f"eth/wallet/{ETH}/transfer")).status == 200


async def test_answers_are_cut_garbled_and_turned_to_html() -> None:
    async with custody() as api:
        whole = (await api.get("wallets")).text
        kinds = [
            {"kind": kind, "operation": "wallets", "count": 1} for kind in ("truncated", "garbage", "html")
        ]
        await api.control("PUT", "faults", {"rest": kinds})
        cut, garbled, page = [await api.get("wallets") for _ in kinds]
        state = await api.control("GET", "")
    assert cut.text == whole[: len(whole) // 2]
    assert (garbled.status, "unexpected" in garbled.json) == (200, True)
    assert (page.status, page.headers["Content-Type"]) == (200, "text/html")
    assert state["faults_applied"] == {"rest:truncated": 1, "rest:garbage": 1, "rest:html": 1}


async def test_a_connection_is_dropped_and_the_call_is_in_the_log() -> None:
    async with custody() as api:
        await api.control("PUT", "faults", {"rest": [{"kind": "reset", "operation": "wallets"}]})
        with pytest.raises(aiohttp.ClientError):
            await api.get("wallets")
        await api.control("DELETE", "faults")
        assert (await api.get("wallets?limit=1")).status == 200
        log = (await api.control("GET", "requests"))["data"]
        assert {call["status"] for call in log[:-1]} == {0}
        assert (log[-1]["path"], log[-1]["query"], log[-1]["status"]) == ("/api/v2/wallets", "limit=1", 200)
        await api.control("POST", "requests/clear")
        assert (await api.control("GET", "requests"))["data"] == []


async def test_a_slow_answer_keeps_no_other_waiting() -> None:
    async with custody() as api:
        slow = {"distribution": "fixed", "ms": 3_000_000, "operation": "wallets"}
        await api.control("PUT", "faults", {"latency": slow})
        waiting = asyncio.create_task(api.get("wallets"))
        assert (await api.get(f"eth/wallet/{ETH}")).status == 200
        assert not waiting.done()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
