"""Spot with a balance and PTS on credit compete for an order; the best all-in price wins."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from tests.e2e.statements.kit import Desk, amount, unused
from tests.e2e.statements.world import ACCOUNTS
from tests.e2e.system import entries

PTS = ACCOUNTS["credit"].id
BOTH = ("treasury", "credit")
RIVALS = ("treasury", "credit", "dear")
LIMITED_PER_SECOND = 10


def outcomes(order: dict[str, object]) -> dict[str, tuple[str, str | None]]:
    """Who came to what, of those who were asked."""
    return {
        name: (entry["outcome"], entry["reason"])
        for name, entry in entries(order).items()
        if entry["reason"] != "not_selected"
    }


@pytest.fixture
async def credit(desk: Desk) -> AsyncIterator[str]:
    """A PTS account without positions and with limits of a million dollars."""
    limits = {"BTC": {"long": "1000000", "short": "1000000"}}
    await desk.rule("credit", "positions", {"BTC": "0"})
    yield "credit"
    await desk.rule("credit", "limits", limits)


async def test_spot_is_checked_for_liquidity_before_execution(desk: Desk) -> None:
    """Validates liquidity before execution."""
    before = len(await desk.ledger(ACCOUNTS["treasury"].id))
    status, problem = await desk.on("treasury", quantity="20")
    assert (status, problem["code"]) == (422, "no_eligible_counterparty")
    assert outcomes(problem) == {"treasury": ("excluded", "insufficient_balance")}
    # Nothing went out: it was this router that looked, before anything was sent.
    assert len(await desk.ledger(ACCOUNTS["treasury"].id)) == before
    assert any("/balances" in request["path"] for request in await desk.requests(ACCOUNTS["treasury"].id))


async def test_spot_joins_only_if_the_balance_of_the_pair_covers_the_trade(desk: Desk) -> None:
    """Counterparty will only join price competition if balance is available for the trade pair."""
    small = await desk.filled(*BOTH, quantity="0.5")
    assert outcomes(small) == {"treasury": ("won", None), "credit": ("lost", None)}
    # A sale gives BTC, of which there are ten and a half; a purchase gives dollars, fewer than a thousand.
    for side, covered, too_much in (("sell", "0.5", "11"), ("buy", "0.5", "10")):
        joined = await desk.filled(*BOTH, side=side, quantity=covered)
        left_out = await desk.filled(*BOTH, side=side, quantity=too_much)
        assert outcomes(joined)["treasury"] == ("won", None)
        assert outcomes(left_out) == {
            "treasury": ("excluded", "insufficient_balance"),
            "credit": ("won", None),
        }


async def test_spot_trades_with_what_is_available_to_trade(desk: Desk) -> None:
    """Uses available to trade balance: what a working order holds is in the balance, and not available."""
    quantity = {"quantity": "3"}
    _, free = await desk.on(*BOTH, type="limit", limit_price="100.50", time_in_force="IOC", **quantity)
    assert outcomes(free)["treasury"] == ("won", None)
    await desk.filled("treasury", side="sell", **quantity)
    # Eight at 90 dollars are 720 of some thousand.
    status, resting = await desk.on("treasury", type="limit", limit_price="90.00", quantity="8")
    assert (status, resting["status"]) == (200, "new")
    held = await desk.filled(*BOTH, **quantity)
    assert outcomes(held) == {"treasury": ("excluded", "insufficient_balance"), "credit": ("won", None)}
    balances = await desk.standing("treasury")
    assert amount(balances["balances"]["USD"]) > 301
    # Once it is given back it can be traded with.
    status, _ = await desk.call("POST", f"/v1/orders/{resting['id']}/cancel")
    assert status == 202
    assert (await desk.eventually_final(resting["id"]))["status"] == "canceled"
    again = await desk.filled(*BOTH, **quantity)
    assert outcomes(again)["treasury"] == ("won", None)
    await desk.filled("treasury", side="sell", **quantity)


async def test_pts_is_not_checked_for_liquidity(desk: Desk, credit: str) -> None:
    """No liquidity validation is performed."""
    await desk.control("POST", f"/accounts/{PTS}/requests/clear", {})
    order = await desk.filled(credit, quantity="20")
    assert (order["connection"]["pts"], order["filled_quantity"]) == (True, "20")
    asked = {request["path"].partition(f"{PTS}/")[2].split("/")[0] for request in await desk.requests(PTS)}
    assert "orders" in asked
    # Neither balances nor anything under margin/.
    assert asked <= {"orders", "trades", "products"}


async def test_pts_always_joins_the_competition(desk: Desk, credit: str) -> None:
    """The counterparty will always join the price competition."""
    for side in ("buy", "sell"):
        assert outcomes(await desk.filled(*BOTH, side=side, quantity="0.1"))[credit] == ("lost", None)
        assert outcomes(await desk.filled(*BOTH, side=side, quantity="20"))[credit] == ("won", None)
    # Also without any credit, as is known from the refusal before.
    await desk.faults(PTS, credit={"exhausted": True})
    for _ in range(3):
        status, problem = await desk.on(*BOTH, quantity="20")
        assert (status, problem["code"]) == (422, "credit_insufficient_collateral")
        order = await desk.read(f"/v1/orders/{problem['order_id']}")
        assert outcomes(order)[credit] == ("won", None)
        body = {"product": "BTC-USD", "side": "buy", "quantity": "20", "quantity_currency": "BTC"}
        status, rfq = await desk.call("POST", "/v1/rfqs", {**body, "connections": list(BOTH)})
        assert (status, rfq["best"]["connection"]["id"]) == (201, credit)


async def test_pts_trades_on_credit(desk: Desk, credit: str) -> None:
    """Uses credit provided by BitGo."""
    assert (await desk.standing(credit))["balances"] == {}
    order = await desk.filled(credit, quantity="5")
    assert (await desk.sent(order))["fundingType"] == "margin"
    [taken] = [row for row in await desk.ledger(PTS) if row["client_order_id"].startswith(order["id"])]
    assert (taken["funding_type"], taken["filled_quantity"]) == ("margin", "5")
    standing = await desk.standing(credit)
    assert (standing["balances"], standing["positions"]["BTC"]) == ({}, "5")


async def test_pts_without_credit_fails_with_a_typed_error(desk: Desk, credit: str) -> None:
    """If no credit is available at the moment of execution, the trade will fail and return an error."""
    await desk.rule(credit, "limits", {"BTC": {"long": "1500", "short": "1000000"}})
    status, problem = await desk.on(*BOTH, quantity="20")
    assert (status, problem["code"], problem["retryable"]) == (422, "credit_long_limit", False)
    assert problem["type"] == "urn:caas-router:problem:credit_long_limit"
    assert problem["connection"] == {"id": "credit", "name": "BitGo credit", "pts": True}
    assert problem["venue_error"]["name"] == "backend:trade:marginLongNOP"
    assert problem["venue_error"]["http_status"] == 400
    assert problem["venue_error"]["request_id"]
    order = await desk.read(f"/v1/orders/{problem['order_id']}")
    assert (order["status"], order["filled_quantity"], order["error"]) == ("rejected", "0", problem)

    code, told = await desk.terminal("order", "BTC-USD", "buy", "20", "--connection", credit)
    assert code == 1
    assert "credit_long_limit" in told
    assert "backend:trade:marginLongNOP" in told
    assert "BitGo credit PTS" in told
    # With credit the same goes through: exit code 0.
    assert (await desk.terminal("order", "BTC-USD", "buy", "10", "--connection", credit))[0] == 0


async def test_the_best_all_in_price_wins(desk: Desk) -> None:
    """Price competition: the lowest price with fees to buy, the highest to sell."""
    for side, better in (("buy", min), ("sell", max)):
        order = await desk.filled(*RIVALS, side=side, quantity="0.2")
        ranked = {name: entry for name, entry in entries(order).items() if name in RIVALS}
        prices = {name: amount(entry["price"]) for name, entry in ranked.items()}
        all_in = {name: amount(entry["all_in_price"]) for name, entry in ranked.items()}
        # The best price comes with a fee that makes it the dearest.
        assert better(prices, key=lambda name: prices[name]) == "dear"
        assert better(all_in, key=lambda name: all_in[name]) == "treasury"
        assert order["connection"]["id"] == "treasury"
        assert {name: entry["outcome"] for name, entry in ranked.items()} == {
            "treasury": "won",
            "credit": "lost",
            "dear": "lost",
        }
        assert amount(order["cover_price"]) == sorted(all_in.values(), reverse=side == "sell")[1]
    chosen = [part for name in RIVALS for part in ("--connection", name)]
    code, told = await desk.terminal("quote", "BTC-USD", "buy", "0.2", *chosen)
    assert code == 0
    rows = [line for line in told.splitlines() if "BitGo" in line]
    shown = [name for row in rows for name in RIVALS if f"BitGo {name}" in row]
    assert shown[0] == "treasury"
    assert "best" in rows[0]
    assert sorted(shown[: len(RIVALS)]) == sorted(RIVALS)


async def test_ten_requests_a_second_are_kept(desk: Desk) -> None:
    """Trading by API is rate-limited to 10 requests per second."""
    account = ACCOUNTS["limited"].id
    fields = {"quantity": "0.01", "connections": ["limited"]}

    async def rested() -> bool:
        health = (await desk.read("/v1/connections/limited"))["health"]
        return bool(health["budget_left"] >= LIMITED_PER_SECOND // 2)

    await desk.eventually(rested)
    answers = await asyncio.gather(*(desk.order(unused("limited"), **fields) for _ in range(40)))
    ended = Counter(answer.get("code") or answer["status"] for _, answer in answers)
    assert set(ended) == {"filled", "no_eligible_counterparty"}, ended
    refused = [answer for status, answer in answers if status == 422]
    assert {outcomes(answer)["limited"] for answer in refused} == {("excluded", "rate_limited")}
    requests = await desk.requests(account)
    assert not [request for request in requests if request["status"] == 429]
    # In the second that begins with any request there are ten at most.
    times = sorted(datetime.fromisoformat(request["time"]) for request in requests)
    second = timedelta(seconds=1)
    assert max(sum(first <= time < first + second for time in times) for first in times) <= LIMITED_PER_SECOND
    assert (await desk.read("/v1/connections/limited"))["settings"]["requests_per_second"] == 10
