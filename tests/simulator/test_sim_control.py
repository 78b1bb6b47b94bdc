"""The control endpoint: what it shows, what it sets, what it refuses."""

from typing import Any

import aiohttp
import pytest
from sim_harness import PTS, SPOT, Client


async def test_the_state_shows_accounts_products_and_counters(sim: Client) -> None:
    await sim.place(clientOrderId="a")
    state = await sim.control("GET", "state")
    assert [one["name"] for one in state["products"]] == ["BTC-USD", "TBTC-TUSD*"]
    spot = state["accounts"][0]
    assert (spot["id"], spot["orders"], spot["trades"], spot["working"]) == (SPOT, 1, 1, 0)
    assert spot["balances"] == {"BTC": "11", "TUSD*": "1000", "USD": "999899.9"}
    counted = state["counters"]["requests"]
    assert counted == {"POST /api/prime/trading/v1/accounts/{account}/orders": 1}


async def test_the_log_has_every_call_until_it_is_cleared(sim: Client) -> None:
    await sim.place(clientOrderId="a")
    await sim.get("orders?clientOrderId=a")
    await sim.faults(rest=[{"kind": "lost_before", "operation": "order"}])
    # A POST: aiohttp sends an idempotent method anew when its connection drops.
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await sim.place(clientOrderId="b")
    log = (await sim.account("GET", "requests"))["data"]
    assert [(call["method"], call["status"], call["client_order_id"]) for call in log] == [
        ("POST", 200, "a"),
        ("GET", 200, None),
        ("POST", 0, "b"),
    ]
    assert log[0]["body"]["quantity"] == "1"
    assert log[1]["query"] == "clientOrderId=a"
    assert set(log[0]) == {"time", "method", "path", "query", "status", "client_order_id", "body"}
    await sim.account("POST", "requests/clear")
    assert (await sim.account("GET", "requests"))["data"] == []


async def test_the_log_keeps_a_body_that_is_no_json(sim: Client) -> None:
    await sim.call("POST", "orders", data=b"{nonsense")
    assert (await sim.account("GET", "requests"))["data"][0]["body"] == "{nonsense"


async def test_the_ledger_shows_orders_as_they_are(sim: Client) -> None:
    await sim.place(clientOrderId="a", quantity="6")
    (order,) = await sim.ledger()
    assert (order["client_order_id"], order["funding_type"], order["status"]) == ("a", "funded", "completed")
    assert [(one["price"], one["quantity"]) for one in order["fills"]] == [("100.1", "5"), ("100.2", "1")]


async def test_balances_limits_and_collateral_are_set(sim: Client) -> None:
    assert (await sim.account("PUT", "balances", {"USD": "5"}))["balances"]["USD"] == "5"
    assert (await sim.balances())["USD"]["balance"] == "5"
    await sim.account("PUT", "collateral", {"USD": "7"}, account=PTS)
    held = (await sim.get("margin/collateral/transferred", account=PTS)).json["balances"]
    assert held == [
        {"currency": "USD", "quantity": "7", "balanceValue": {"quantity": "7", "currency": "USD"}}
    ]
    await sim.account("PUT", "limits", {"ETH": {"long": "8", "short": "9"}}, account=PTS)
    limits = (await sim.get("margin/netopenpositionlimits", account=PTS)).json["netOpenPositionLimits"]
    assert [one["currency"] for one in limits] == ["BTC", "ETH"]


async def test_a_balance_below_what_is_held_leaves_nothing_to_trade(sim: Client) -> None:
    await sim.place(type="limit", limitPrice="99", quantity="3")
    await sim.account("PUT", "balances", {"USD": "100"})
    row = (await sim.balances())["USD"]
    assert (row["balance"], row["heldBalance"], row["tradableBalance"]) == ("100", "297", "0")


async def test_a_trade_outside_moves_the_same_money(sim: Client) -> None:
    body = {"product": "BTC-USD", "side": "sell", "quantity": "2", "funding_type": "funded"}
    made = await sim.account("POST", "trade", body)
    assert (made["order"]["clientOrderId"], made["order"]["status"]) == ("", "completed")
    assert (await sim.balances())["BTC"]["balance"] == "8"
    assert [made["trades"][0]] == (await sim.get("trades")).json["data"]
    refused = await sim.account("POST", "trade", {**body, "quantity": "99"}, expect=400)
    assert refused["error"] == "backend:trade:insufficientFunds"


async def test_a_middle_that_is_set_moves_the_walking_books(sim: Client) -> None:
    await sim.control("PUT", "products/TBTC-TUSD%2A", {"mid": "200"})
    book = (await sim.get("products/TBTC-TUSD%2A/level1")).json
    assert (book["bidPrice"], book["askPrice"]) == ("199.90", "200.10")


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PUT", f"accounts/{SPOT}/balances", {"USD": 5}, 400),
        ("PUT", f"accounts/{SPOT}/balances", {"USD": "-5"}, 400),
        ("PUT", f"accounts/{SPOT}/settings", {"colour": "red"}, 400),
        ("PUT", f"accounts/{SPOT}/books/BTC-USD", {"bids": []}, 400),
        ("PUT", f"accounts/{SPOT}/books/BTC-USD", {"bids": [["0.0", "1"]], "asks": []}, 400),
        ("PUT", "products/BTC-USD", {"mid": "0"}, 400),
        ("PUT", f"accounts/{SPOT}/books/XRP-USD", {"bids": [], "asks": []}, 404),
        ("PUT", "accounts/nobody/balances", {"USD": "5"}, 404),
        ("PUT", "products/XRP-USD", {"trade_disabled": True}, 404),
        ("PUT", "products/BTC-USD", {"colour": "red"}, 400),
        (
            "POST",
            f"accounts/{SPOT}/trade",
            {"product": "BTC-USD", "side": "buy", "quantity": "1", "x": 1},
            400,
        ),
    ],
)
async def test_a_wrong_control_request_is_refused_and_says_why(
    sim: Client, method: str, path: str, body: Any, status: int
) -> None:
    assert (await sim.control(method, path, body, expect=status))["error"]
