"""Collateral and positions moved out of the wallet: whole, exact, refused as documented, lost like orders."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from sim_harness import PTS, SPOT, Client, limit, running
from sim_margin_kit import collateral, move, positions, post, put, read, refusal, wallet, wealthy

from venues.simulator.settings import SettingsError, build

GONE = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)
INVALID = "backend:common:invalidArgument"
SHORT_OF_FUNDS = (400, "backend:trade:insufficientFunds", "backend:trade:insufficientFunds")
AMOUNTS = ("collateral/transfer", "positions/transfer", "collateral/withdrawalrequests")
SELECTIONS = ("positions/cover", "positions/close")


@pytest_asyncio.fixture
async def sim() -> AsyncIterator[Client]:
    async with running(wealthy()) as client:
        yield client


async def test_collateral_leaves_the_wallet_and_is_answered_as_a_balance(sim: Client) -> None:
    await move(sim, "collateral/transfer", {"currency": "BTC", "quantity": "0.5"})
    reply = await move(sim, "collateral/transfer", {"currency": "BTC", "quantity": "1.5"})
    answer = reply.json
    assert reply.status == 200
    assert len(answer.pop("transferId")) == 36
    assert answer == {
        "currency": "BTC",
        "quantity": "2",
        "balanceValue": {"quantity": "200", "currency": "USD"},
    }
    assert (await wallet(sim))["BTC"] == "1"
    assert await collateral(sim) == {"BTC": "2", "USD": "500000"}


async def test_what_an_order_holds_is_no_collateral() -> None:
    async with running(wealthy(funded=True)) as sim:
        await sim.place(PTS, fundingType="funded", **limit("90", quantity="20"))
        body = {"currency": "USD", "quantity": "200.01"}
        assert refusal(await move(sim, "collateral/transfer", body)) == SHORT_OF_FUNDS
        body["quantity"] = "200"
        assert (await move(sim, "collateral/transfer", body)).status == 200


@pytest.mark.parametrize("path", ["collateral/transfer", "positions/transfer"])
async def test_more_than_the_wallet_has_is_refused_and_nothing_moves(sim: Client, path: str) -> None:
    before = await wallet(sim), await collateral(sim)
    assert refusal(await move(sim, path, {"currency": "BTC", "quantity": "3.00000001"})) == SHORT_OF_FUNDS
    assert before == (await wallet(sim), await collateral(sim))
    assert await positions(sim) == {}


@pytest.mark.parametrize(
    ("path", "currency"),
    [("collateral/transfer", "ETH"), ("positions/transfer", "XYZ"), ("collateral/withdrawalrequests", "ETH")],
)
async def test_a_currency_that_is_not_listed_is_refused(sim: Client, path: str, currency: str) -> None:
    reply = await move(sim, path, {"currency": currency, "quantity": "1"})
    assert refusal(reply) == (400, INVALID, "currency not supported")


async def test_the_accepted_collateral_is_listed(sim: Client) -> None:
    rows = (await read(sim, "collateral/currencies"))["availableCurrencies"]
    assert [row["symbol"] for row in rows] == ["USD", "USDT", "USDC", "BTC"]


async def test_the_accepted_collateral_is_a_setting() -> None:
    async with running(wealthy(collateral_currencies=["ETH"])) as sim:
        rows = (await read(sim, "collateral/currencies"))["availableCurrencies"]
        assert [row["symbol"] for row in rows] == ["ETH", "USD"]
        assert (await move(sim, "collateral/transfer", {"currency": "ETH", "quantity": "1"})).status == 200


@pytest.mark.parametrize("path", AMOUNTS)
@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"currency": "BTC", "quantity": 1}, f"{INVALID} key=quantity"),
        ({"currency": "BTC", "quantity": None}, f"{INVALID} key=quantity"),
        ({"currency": 7, "quantity": "1"}, f"{INVALID} key=currency"),
        ({"currency": "BTC", "quantity": "1", "note": "x"}, f"{INVALID} key=note"),
        ({"currency": "BTC", "quantity": "0"}, "invalid quantity"),
        ({"currency": "BTC", "quantity": "-1"}, "invalid quantity"),
        ({"currency": "BTC", "quantity": "1e2"}, "invalid quantity"),
        ({"currency": "BTC"}, "backend:common:required key=quantity"),
        ({"quantity": "1"}, "backend:common:required key=currency"),
        ([], "backend:common:invalidRequest"),
    ],
)
async def test_a_body_that_is_not_as_described_is_refused(
    sim: Client, path: str, body: Any, error: str
) -> None:
    reply = await move(sim, path, body)
    assert (reply.status, reply.json["error"]) == (400, error)


@pytest.mark.parametrize("path", SELECTIONS)
@pytest.mark.parametrize(
    ("body", "key"),
    [
        ({}, "currencies"),
        ({"all": False}, "currencies"),
        ({"currencies": []}, "currencies"),
        ({"all": True, "currencies": ["BTC"]}, "currencies"),
        ({"currencies": "BTC"}, "currencies"),
        ({"currencies": [1]}, "currencies"),
        ({"currencies": ["BTC", "BTC"]}, "currencies"),
        ({"all": "true"}, "all"),
        ({"all": True, "note": 1}, "note"),
    ],
)
async def test_a_selection_is_all_or_names(sim: Client, path: str, body: Any, key: str) -> None:
    assert refusal(await move(sim, path, body)) == (400, INVALID, f"{INVALID} key={key}")


@pytest.mark.parametrize("path", [*AMOUNTS, *SELECTIONS])
async def test_a_body_that_is_no_json_is_malformed(sim: Client, path: str) -> None:
    reply = await sim.call("POST", f"margin/{path}", PTS, data=b"{")
    assert (reply.status, reply.error_name) == (422, "backend:common:malformedJSON")


async def test_a_position_is_transferred_towards_zero(sim: Client) -> None:
    await sim.place(PTS, side="sell", quantity="2")
    reply = await move(sim, "positions/transfer", {"currency": "BTC", "quantity": "0.5"})
    (row,) = reply.json["balances"]
    assert len(row.pop("transferId")) == 36
    assert row == {
        "currency": "BTC",
        "quantity": "-1.5",
        "balanceValue": {"quantity": "-150", "currency": "USD"},
    }
    assert (await positions(sim), (await wallet(sim))["BTC"]) == ({"BTC": "-1.5"}, "2.5")


async def test_dollars_that_fills_owe_are_covered_by_name_and_not_by_all(sim: Client) -> None:
    await sim.place(PTS, quantity="2")
    assert (await move(sim, "positions/cover", {"all": True})).json == {"balances": []}
    reply = await move(sim, "positions/cover", {"currencies": ["USD"]})
    (row,) = reply.json["balances"]
    assert (row["currency"], row["quantity"]) == ("USD", "0")
    assert (await wallet(sim))["USD"] == "1799.8"


async def test_cover_moves_the_exact_shorts(sim: Client) -> None:
    await sim.place(PTS, side="sell", quantity="1.23456789")
    await sim.place(PTS, side="sell", product="ETH-USD", quantityCurrency="ETH", quantity="30")
    reply = await move(sim, "positions/cover", {"all": True})
    zero = {"quantity": "0", "balanceValue": {"quantity": "0", "currency": "USD"}}
    assert reply.status == 200
    assert reply.json == {"balances": [{"currency": "BTC", **zero}, {"currency": "ETH", **zero}]}
    held = await wallet(sim)
    assert (held["BTC"], held["ETH"], await positions(sim)) == ("1.76543211", "10", {})


async def test_cover_moves_the_named_shorts_and_leaves_longs(sim: Client) -> None:
    await sim.place(PTS, side="sell", quantity="1")
    await sim.place(PTS, product="ETH-USD", quantityCurrency="ETH", quantity="5")
    reply = await move(sim, "positions/cover", {"currencies": ["ETH", "BTC"]})
    assert [row["currency"] for row in reply.json["balances"]] == ["BTC"]
    assert await positions(sim) == {"ETH": "5"}
    reply = await move(sim, "positions/cover", {"currencies": ["BTC", "XYZ"]})
    assert refusal(reply) == (400, INVALID, "currency not supported")


async def test_a_cover_that_one_asset_cannot_pay_covers_none(sim: Client) -> None:
    await sim.place(PTS, side="sell", quantity="1")
    await put(sim, "positions", {"ETH": "-41"})
    before = await wallet(sim)
    assert refusal(await move(sim, "positions/cover", {"all": True})) == SHORT_OF_FUNDS
    assert (await positions(sim), await wallet(sim)) == ({"BTC": "-1", "ETH": "-41"}, before)


@pytest.mark.parametrize("path", [*AMOUNTS, *SELECTIONS])
async def test_an_account_without_margin_is_forbidden(sim: Client, path: str) -> None:
    reply = await sim.call("POST", f"margin/{path}", SPOT, json={})
    assert (reply.status, reply.error_name) == (403, "backend:common:forbidden")


async def test_reading_margin_is_forbidden_without_margin_and_moving_without_the_scope() -> None:
    async with running(wealthy(scopes=["trade_view"])) as sim:
        assert (await sim.get("margin/riskprofile", SPOT)).status == 403
        assert (await sim.get("margin/riskprofile", PTS)).status == 200
        assert (await move(sim, "positions/cover", {"all": True})).status == 403


LOST = {"kind": "lost_after", "count": 1}
NAMES = ["any", "margin", "margin_move"]


@pytest.mark.parametrize("operation", [*NAMES, "collateral_transfer"])
async def test_an_answer_lost_after_leaves_the_transfer_done(sim: Client, operation: str) -> None:
    await sim.faults(PTS, rest=[{**LOST, "operation": operation}])
    with pytest.raises(GONE):
        await move(sim, "collateral/transfer", {"currency": "BTC", "quantity": "1"})
    assert (await wallet(sim))["BTC"] == "2"


@pytest.mark.parametrize("kind", ["lost_before", "reset"])
async def test_a_call_lost_before_moves_nothing(sim: Client, kind: str) -> None:
    await sim.place(PTS, side="sell", quantity="1")
    await sim.faults(PTS, rest=[{"kind": kind, "operation": "cover", "count": 1}])
    with pytest.raises(GONE):
        await move(sim, "positions/cover", {"all": True})
    assert await positions(sim) == {"BTC": "-1"}


@pytest.mark.parametrize(("processed", "left"), [(True, {}), (False, {"BTC": "-1"})])
async def test_a_500_may_come_from_what_was_done(sim: Client, processed: bool, left: Any) -> None:
    await sim.place(PTS, side="sell", quantity="1")
    fault = {"kind": "status", "status": 500, "operation": "position_transfer", "processed": processed}
    await sim.faults(PTS, rest=[fault])
    reply = await move(sim, "positions/transfer", {"currency": "BTC", "quantity": "1"})
    assert (reply.status, await positions(sim)) == (500, left)


@pytest.mark.parametrize(
    ("path", "operation", "body", "status"),
    [
        ("collateral/transfer", "collateral_transfer", {"currency": "BTC", "quantity": "1"}, 200),
        ("collateral/withdrawalrequests", "withdrawal", {"currency": "USD", "quantity": "1"}, 202),
        ("positions/close", "close", {"all": True}, 202),
    ],
)
async def test_an_answer_that_cannot_be_read_is_of_what_was_done(
    sim: Client, path: str, operation: str, body: Any, status: int
) -> None:
    await put(sim, "positions", {"BTC": "1"})
    await sim.faults(PTS, rest=[{"kind": "garbage", "operation": operation, "count": 1}])
    reply = await move(sim, path, body)
    assert (reply.status, "unexpected" in reply.json) == (status, True)
    found = (await wallet(sim))["BTC"] == "2"
    found |= bool((await read(sim, "collateral/withdrawalrequests"))["data"])
    found |= bool((await read(sim, "positions/close/requests"))["data"])
    assert found


async def test_a_429_and_a_refusal_by_name_move_nothing(sim: Client) -> None:
    named = "backend:trade:insufficientFunds"
    await sim.faults(
        PTS,
        rest=[
            {"kind": "status", "status": 429, "operation": "collateral_transfer", "count": 1},
            {"kind": "refuse", "error_name": named, "operation": "collateral_transfer", "count": 1},
        ],
    )
    body = {"currency": "BTC", "quantity": "1"}
    busy = await move(sim, "collateral/transfer", body)
    assert (busy.status, busy.headers["Retry-After"]) == (429, "1")
    assert refusal(await move(sim, "collateral/transfer", body)) == SHORT_OF_FUNDS
    assert (await wallet(sim))["BTC"] == "3"
    assert (await move(sim, "collateral/transfer", body)).status == 200


async def test_a_fault_of_moves_does_not_touch_reads(sim: Client) -> None:
    await sim.faults(PTS, rest=[{"kind": "status", "status": 500, "operation": "margin_move"}])
    assert (await sim.get("margin/riskprofile", PTS)).status == 200
    await sim.faults(PTS, rest=[{"kind": "status", "status": 500, "operation": "margin_read"}])
    assert (await sim.get("margin/riskprofile", PTS)).status == 500
    assert (await move(sim, "positions/cover", {"all": True})).status == 200


async def test_a_late_answer_takes_the_time_it_was_given(sim: Client) -> None:
    await sim.faults(PTS, rest=[{"kind": "hang_after", "ms": 30, "operation": "cover", "count": 1}])
    await put(sim, "positions", {"BTC": "-1"})
    with pytest.raises(GONE):
        await move(sim, "positions/cover", {"all": True})
    assert await positions(sim) == {}


async def test_collateral_from_the_wallet_ends_a_margin_call() -> None:
    risk = {"margin_requirement": "1", "minimum_transferred_collateral": "0"}
    async with running(wealthy(collateral={"USD": "600"}, risk=risk)) as sim:
        await put(sim, "positions", {"BTC": "5"})
        assert (await put(sim, "risk", {}))["margin_state"] == "margin_call"
        await move(sim, "collateral/transfer", {"currency": "USD", "quantity": "1000"})
        assert (await post(sim, "liquidation", {"active": False}))["margin_state"] == "healthy"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("margin_dialect", "other"),
        ("utilization_as_number", 1),
        ("position_value_usd", "0"),
        ("close_step_ms", -1),
        ("collateral_currencies", ["btc"]),
    ],
)
def test_margin_settings_that_cannot_be_are_refused_by_key(key: str, value: Any) -> None:
    with pytest.raises(SettingsError, match=rf"accounts\[1\]\.{key}"):
        build(wealthy(**{key: value}))
