"""What made up an unsettled position, and what it was at a moment."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio
from sim_harness import PTS, Client, running
from sim_margin_kit import move, put, read, wealthy

FUTURE = "2999-01-01T00:00:00Z"
KINDS = ["fill-base-leg", "fill-quote-leg", "position-transfer"]


@pytest_asyncio.fixture
async def sim() -> AsyncIterator[Client]:
    async with running(wealthy()) as client:
        yield client


async def activity(sim: Client, query: str = "") -> list[dict[str, Any]]:
    return list((await read(sim, f"positions/activity?{query}"))["positionsActivity"])


async def snapshot(sim: Client, query: str) -> dict[str, Any]:
    rows = (await read(sim, f"netopenpositions/snapshot?{query}"))["netOpenPositions"]
    return {row["currency"]: row for row in rows}


async def test_a_fill_has_two_legs_and_a_transfer_one(sim: Client) -> None:
    order = (await sim.place(PTS, side="sell", quantity="2")).json
    moved = (await move(sim, "positions/transfer", {"currency": "BTC", "quantity": "0.5"})).json
    (trade,) = (await sim.get(f"trades?orderId={order['id']}", PTS)).json["data"]
    rows = await activity(sim)
    assert [(row["type"], row["currency"], row["quantity"], row["id"]) for row in rows] == [
        ("position-transfer", "BTC", "0.5", moved["balances"][0]["transferId"]),
        ("fill-quote-leg", "USD", "199.8", trade["id"]),
        ("fill-base-leg", "BTC", "-2", trade["id"]),
    ]
    assert {row["accountId"] for row in rows} == {PTS}
    assert rows[1]["transactionDate"] == trade["time"]


async def test_activity_is_filtered_and_paged(sim: Client) -> None:
    await sim.place(PTS, quantity="1")
    await sim.place(PTS, product="ETH-USD", quantityCurrency="ETH", quantity="1")
    await put(sim, "positions", {"BTC": "0"})
    rows = await activity(sim)
    assert len(rows) == 5
    assert await activity(sim, "limit=2&offset=1") == rows[1:3]
    assert await activity(sim, "currency=ETH&currency=BTC") == [r for r in rows if r["currency"] != "USD"]
    assert await activity(sim, "type=fill-quote-leg&type=position-transfer") == [
        row for row in rows if row["type"] != "fill-base-leg"
    ]
    middle = quote(rows[2]["transactionDate"])
    assert await activity(sim, f"transactionDateGte={middle}") == rows[:3]
    assert await activity(sim, f"transactionDateLt={middle}") == rows[3:]


async def test_the_legs_add_up_to_the_positions(sim: Client) -> None:
    await sim.place(PTS, quantity="7")
    await sim.place(PTS, side="sell", quantity="9.5")
    await move(sim, "positions/cover", {"all": True})
    await sim.place(PTS, side="sell", quantity="0.25")
    legs = sum((Decimal(row["quantity"]) for row in await activity(sim, "currency=BTC")), Decimal(0))
    (row,) = (await read(sim, "netopenpositions?currency=BTC"))["netOpenPositions"]
    assert legs == Decimal(row["netOpenPosition"]) == Decimal("-0.25")
    assert (await snapshot(sim, f"transactionDateLt={FUTURE}"))["BTC"]["netOpenPosition"] == "-0.25"


async def test_a_snapshot_is_of_its_moment(sim: Client) -> None:
    await sim.place(PTS, side="sell", quantity="2")
    first = (await activity(sim))[0]["transactionDate"]
    await sim.place(PTS, side="sell", quantity="1")
    second = (await activity(sim))[0]["transactionDate"]
    assert await snapshot(sim, f"transactionDateLt={first}") == {}
    then = (await snapshot(sim, f"transactionDateLt={second}&currency=BTC"))["BTC"]
    assert (then["netOpenPosition"], then["appliedFutureTransfers"]) == ("-2", "0")
    assert then["earliestTransactionDate"] == then["latestTransactionDate"] == first
    assert then["latestFutureTransferDate"] is None
    now = (await snapshot(sim, f"transactionDateLt={FUTURE}"))["BTC"]
    assert (now["netOpenPosition"], now["latestTransactionDate"]) == ("-3", second)


async def test_what_came_to_nothing_is_not_in_a_snapshot(sim: Client) -> None:
    await put(sim, "positions", {"BTC": "1"})
    await put(sim, "positions", {"BTC": "0"})
    assert await snapshot(sim, f"transactionDateLt={FUTURE}") == {}


@pytest.mark.parametrize(("sent", "applied"), [("0.5", "0.5"), ("3", "2")])
async def test_later_transfers_cover_a_short_snapshot_if_asked_for(
    sim: Client, sent: str, applied: str
) -> None:
    await sim.place(PTS, side="sell", quantity="2")
    await move(sim, "positions/transfer", {"currency": "BTC", "quantity": sent})
    moment = (await activity(sim))[0]["transactionDate"]
    query = f"transactionDateLt={moment}&currency=BTC"
    with_them = (await snapshot(sim, f"{query}&useFutureTransfers=true"))["BTC"]
    assert (with_them["netOpenPosition"], with_them["appliedFutureTransfers"]) == ("-2", applied)
    assert with_them["latestFutureTransferDate"] == moment
    for plain in (query, f"{query}&useFutureTransfers=false"):
        assert (await snapshot(sim, plain))["BTC"]["appliedFutureTransfers"] == "0"


async def test_later_transfers_apply_to_no_long_position(sim: Client) -> None:
    await sim.place(PTS, quantity="1")
    await move(sim, "positions/transfer", {"currency": "BTC", "quantity": "1"})
    moment = (await activity(sim))[0]["transactionDate"]
    row = (await snapshot(sim, f"transactionDateLt={moment}&useFutureTransfers=true&currency=BTC"))["BTC"]
    assert (row["netOpenPosition"], row["appliedFutureTransfers"]) == ("1", "0")


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("netopenpositions/snapshot", "transactionDateLt"),
        ("netopenpositions/snapshot?transactionDateLt=today", "transactionDateLt"),
        (f"netopenpositions/snapshot?transactionDateLt={FUTURE}&useFutureTransfers=1", "useFutureTransfers"),
        (f"netopenpositions/snapshot?transactionDateLt={FUTURE}&limit=1", "limit"),
        ("positions/activity?type=fill", "type"),
        ("positions/activity?transactionDateGte=x", "transactionDateGte"),
        ("positions/activity?limit=x", "limit"),
    ],
)
async def test_a_query_that_is_not_as_described_is_refused(sim: Client, path: str, key: str) -> None:
    reply = await sim.get(f"margin/{path}", PTS)
    assert (reply.status, reply.json["error"]) == (400, f"backend:common:invalidArgument key={key}")


@pytest.mark.parametrize("kind", KINDS)
async def test_an_account_without_margin_trades_has_no_activity(sim: Client, kind: str) -> None:
    assert await activity(sim, f"type={kind}") == []
