"""Many callers at the same moment, over real HTTP: one key is one order, one balance is spent once."""

import asyncio
import resource
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from router.open_files import allow_many
from tests.e2e.system import entries, order_body
from tests.kill.files import ACCOUNTS, SPOT
from tests.kill.stage import Stage

ONE_KEY = 10_000
ONE_BALANCE = 1000
COVERED = 100
BOTH_OR_SPOT = pytest.mark.parametrize("connections", [None, ["spot"]], ids=["spot and pts", "spot alone"])


@pytest.fixture(scope="module", autouse=True)
def many_files() -> Iterator[None]:
    """Room for a socket to a caller, here and, inherited, in the simulator."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    allow_many()
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.fixture
async def crowd(tmp_path: Path) -> AsyncIterator[Stage]:
    """A stage without fees, so that what is claimed is what is spent."""
    stage = Stage(tmp_path, taker_fee_bps="0", answer_deadline_ms=60_000)
    await stage.start()
    yield stage
    await stage.stop()


async def together(stage: Stage, bodies: Iterable[Mapping[str, object]]) -> list[tuple[int, bool, Any]]:
    """Send orders all at once; status, whether it was a replay, and body of each.

    What the router has no room for at that moment is asked for again when it says, as callers do.
    """
    connector = aiohttp.TCPConnector(limit=ONE_BALANCE)
    timeout = aiohttp.ClientTimeout(60)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:

        async def one(body: Mapping[str, object]) -> tuple[int, bool, Any]:
            while True:
                async with session.post(f"{stage.url}/v1/orders", json=body) as response:
                    told = await response.json(content_type=None)
                    if told.get("code") != "overloaded":
                        replayed = response.headers.get("Idempotent-Replayed") == "true"
                        return response.status, replayed, told
                await asyncio.sleep(float(response.headers["Retry-After"]))

        return await asyncio.gather(*(one(body) for body in bodies))


async def posts(stage: Stage) -> list[str]:
    """The client order ids of every order that was sent."""
    found = [entry for name in ACCOUNTS for entry in await stage.new_requests(name)]
    return [entry["client_order_id"] for entry in found if entry["method"] == "POST"]


async def test_ten_thousand_requests_with_one_key_are_one_order(crowd: Stage) -> None:
    await crowd.serving()
    slow = {"operation": "order", "distribution": "fixed", "ms": 500}
    for connection in ACCOUNTS:
        await crowd.faults(connection, {"latency": slow})
    answers = await together(crowd, (order_body("one") for _ in range(ONE_KEY)))
    assert Counter(replayed for _, replayed, _ in answers) == {False: 1, True: ONE_KEY - 1}
    assert {status for status, _, _ in answers} == {200}
    assert len({body["id"] for _, _, body in answers}) == 1
    assert {body["status"] for _, _, body in answers} == {"filled"}
    assert len(await posts(crowd)) == 1
    ledger = [row for connection in ACCOUNTS for row in await crowd.ledger(connection)]
    assert [row["filled_quantity"] for row in ledger] == ["1"]


async def only_covered(stage: Stage, asset: str, bodies: list[dict[str, object]]) -> None:
    """Of so many orders at once, exactly those that the Spot balance covers go there."""
    answers = await together(stage, bodies)
    won = Counter(body["connection"]["id"] if status == 200 else None for status, _, body in answers)
    assert {status for status, _, _ in answers} <= {200, 422}
    alone = bodies[0].get("connections") is not None
    assert won == {"spot": COVERED, None if alone else "pts": ONE_BALANCE - COVERED}
    reasons: Counter[str] = Counter()
    for status, _, body in answers:
        if status == 422:
            assert body["code"] == "no_eligible_counterparty"
        if status == 422 or body["connection"]["id"] != "spot":
            reasons[entries(body)["spot"]["reason"]] += 1
    assert reasons == {"insufficient_balance": ONE_BALANCE - COVERED}
    # Nothing was refused there: every order that was sent was covered.
    (spot,) = [each for each in (await stage.control("GET", "/state"))["accounts"] if each["id"] == SPOT]
    assert Decimal(spot["balances"][asset]) == 0
    assert spot["held"] == {}
    ledger = await stage.ledger("spot")
    assert Counter(row["status"] for row in ledger) == {"completed": COVERED}
    sent = await posts(stage)
    assert len(sent) == len(set(sent)) == COVERED + (0 if alone else ONE_BALANCE - COVERED)
    assert (await stage.control("GET", "/state"))["counters"]["rate_limited"] == 0


async def begin(stage: Stage, balance: Mapping[str, str], **books: Mapping[str, list[list[str]]]) -> None:
    """Start a router over a Spot account that has this, and accounts whose books do not move."""
    await stage.control("PUT", f"/accounts/{SPOT}/balances", balance)
    for connection, book in books.items():
        await stage.control("PUT", f"/accounts/{ACCOUNTS[connection]}/books/BTC-USD", book)
    await stage.serving()


@BOTH_OR_SPOT
async def test_sales_never_take_more_than_the_balance(crowd: Stage, connections: list[str] | None) -> None:
    await begin(
        crowd,
        {"BTC": "12.345678"},
        spot={"bids": [["100.10", "1000"]], "asks": [["101.00", "1"]]},
        pts={"bids": [["100.00", "1000"]], "asks": [["101.00", "1"]]},
    )
    sale = {"side": "sell", "quantity": "0.12345678", "connections": connections}
    await only_covered(crowd, "BTC", [order_body(f"sale-{n}", **sale) for n in range(ONE_BALANCE)])


@BOTH_OR_SPOT
async def test_buys_never_spend_more_than_the_balance(crowd: Stage, connections: list[str] | None) -> None:
    await begin(
        crowd,
        {"USD": "1000"},
        spot={"bids": [["99.00", "1"]], "asks": [["100.00", "1000"]]},
        pts={"bids": [["99.00", "1"]], "asks": [["100.10", "1000"]]},
    )
    buy = {"quantity": "0.1", "slippage_bps_max": "0", "connections": connections}
    await only_covered(crowd, "USD", [order_body(f"buy-{n}", **buy) for n in range(ONE_BALANCE)])
