"""Faults to order: what each does to a call, a quote, an order."""

import asyncio
import json
from datetime import datetime
from typing import Any

import aiohttp
import pytest
from test_sim_coinbase_kit import CB_SPOT, Prime, message, prime, spot

NEVER = 3_000_000


async def _ledger(api: Prime) -> list[dict[str, Any]]:
    return (await api.control("GET", "orders"))["data"]


async def test_an_answer_is_lost_before_or_after_the_order_was_taken() -> None:
    async with prime() as api:
        await api.faults(rest=[{"operation": "accept_quote", "kind": "lost_before", "count": 1}])
        quote = await api.quote()
        with pytest.raises(aiohttp.ClientError):
            await api.accept(quote["quote_id"])
        assert await _ledger(api) == []
        await api.faults(rest=[{"operation": "accept_quote", "kind": "lost_after", "count": 1}])
        with pytest.raises(aiohttp.ClientError):
            await api.accept(quote["quote_id"], client_order_id="mine")
        [taken] = await _ledger(api)
        assert (taken["client_order_id"], taken["status"]) == ("mine", "FILLED")
        # It is found by listing.
        [listed] = (await api.get("orders"))["orders"]
        assert (listed["client_order_id"], listed["id"]) == ("mine", taken["id"])
        assert [call["status"] for call in (await api.control("GET", "requests"))["data"]][1:3] == [0, 0]


async def test_an_order_is_taken_after_its_sender_has_gone() -> None:
    async with prime() as api:
        await api.faults(rest=[{"operation": "accept_quote", "kind": "late_before", "ms": 50, "count": 1}])
        quote = await api.quote()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await api.accept(quote["quote_id"], client_order_id="mine")
        listed = await api.listed()
        calls = (await api.control("GET", "requests"))["data"]
    assert [row["client_order_id"] for row in listed] == ["mine"]
    [sent] = [call["time"] for call in calls if call["client_order_id"] == "mine"]
    waited = datetime.fromisoformat(listed[0]["created_at"]) - datetime.fromisoformat(sent)
    assert waited.total_seconds() >= 0.05


@pytest.mark.parametrize(
    ("fault", "status", "taken"),
    [
        ({"kind": "status", "status": 500, "processed": True}, 500, 1),
        ({"kind": "status", "status": 503, "body": "html"}, 503, 0),
        ({"kind": "status", "status": 429}, 429, 0),
        ({"kind": "status", "status": 502, "body": "empty", "processed": True}, 502, 1),
        ({"kind": "html", "processed": True}, 200, 1),
        ({"kind": "truncated"}, 200, 1),
        ({"kind": "garbage"}, 200, 1),
        ({"kind": "refuse", "error_name": "Insufficient credit."}, 400, 0),
        ({"kind": "refuse", "error_name": "Not permitted.", "http_status": 403}, 403, 0),
    ],
)
async def test_an_acceptance_gets_a_bad_answer(fault: dict[str, Any], status: int, taken: int) -> None:
    async with prime() as api:
        await api.faults(rest=[{"operation": "accept_quote", "count": 1, **fault}])
        quote = await api.quote()
        reply = await api.accept(quote["quote_id"])
        assert (reply.status, len(await _ledger(api))) == (status, taken)
        assert '"order_id":"' not in reply.text or fault["kind"] == "truncated"
        if fault["kind"] == "refuse":
            assert message(reply) == fault["error_name"]
        applied = (await api.control("GET", ""))["faults_applied"]
    assert applied == {f"rest:{fault['kind']}": 1}


async def test_a_truncated_answer_is_no_json() -> None:
    async with prime() as api:
        await api.faults(rest=[{"operation": "rfq", "kind": "truncated", "count": 1}])
        reply = await api.rfq()
    with pytest.raises(json.JSONDecodeError):
        _ = reply.json


@pytest.mark.parametrize(
    ("operation", "method", "path"),
    [
        ("rfq", "POST", "rfq"),
        ("accept_quote", "POST", "accept_quote"),
        ("order", "POST", "order"),
        ("order_lookup", "GET", "orders/x"),
        ("cancel", "POST", "orders/x/cancel"),
        ("fills", "GET", "orders/x/fills"),
        ("fills", "GET", "fills"),
        ("open_orders", "GET", "open_orders"),
        ("orders", "GET", "orders"),
        ("balances", "GET", "balances"),
        ("products", "GET", "products"),
        ("credit", "GET", "credit"),
    ],
)
async def test_every_operation_has_faults_of_its_own(operation: str, method: str, path: str) -> None:
    fault = {"operation": operation, "kind": "status", "status": 503, "count": 1}
    async with prime() as api:
        await api.faults(rest=[fault])
        for other in ("balances", "products"):
            if operation != other:
                assert (await api.call("GET", other)).status == 200
        assert (await api.call(method, path)).status == 503
        assert (await api.call(method, path)).status != 503


async def test_a_slow_answer_keeps_no_other_waiting() -> None:
    async with prime() as api:
        await api.faults(latency={"operation": "rfq", "distribution": "fixed", "ms": NEVER})
        waiting = asyncio.create_task(api.rfq())
        assert (await api.call("GET", "balances")).status == 200
        assert not waiting.done()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting


async def test_a_quote_can_be_over_when_it_is_answered() -> None:
    async with prime() as api:
        await api.faults(quotes={"expire_at_once": True, "count": 1})
        quote = await api.quote(quote_duration_ms="30000")
        [known] = (await api.control("GET", "quotes"))["data"]
        assert datetime.fromisoformat(quote["expiration_time"]) == datetime.fromisoformat(known["created_at"])
        reply = await api.accept(quote["quote_id"])
        assert (reply.status, message(reply)) == (400, "The quote has expired.")
        assert (await api.accept((await api.quote())["quote_id"])).status == 200


@pytest.mark.parametrize(("off", "price"), [("100", "101.1"), ("-9000", "10.01"), ("40000", "500.5")])
async def test_a_quote_can_be_off_the_market(off: str, price: str) -> None:
    async with prime() as api:
        await api.faults(quotes={"off_bps": off})
        assert (await api.quote())["best_price"] == price
        await api.control("DELETE", "faults")
        assert (await api.quote())["best_price"] == "100.1"


async def test_an_order_is_in_no_list_and_under_no_id_until_it_is_taken() -> None:
    async with prime() as api:
        await api.faults(orders={"taken_late_ms": NEVER, "count": 1})
        order_id = await api.accepted((await api.quote())["quote_id"])
        assert (await api.call("GET", f"orders/{order_id}")).status == 404
        assert (await api.get("orders"))["orders"] == []
        assert (await api.get("open_orders"))["orders"] == []
        await api.control("POST", f"orders/{order_id}/advance")
        assert (await api.order(order_id))["status"] == "FILLED"
        assert [row["id"] for row in (await api.get("orders"))["orders"]] == [order_id]


async def test_an_order_that_was_taken_late_comes_by_itself() -> None:
    async with prime() as api:
        await api.faults(orders={"taken_late_ms": 20, "count": 1})
        order_id = await api.accepted((await api.quote())["quote_id"])
        listed = await api.listed()
        assert [row["id"] for row in listed] == [order_id]


async def test_an_order_fills_late_and_holds_its_money_until_then() -> None:
    async with prime(spot(fee_bps="10")) as api:
        await api.faults(orders={"fill_delay_ms": NEVER})
        quote = await api.quote()
        order_id = await api.accepted(quote["quote_id"])
        order = await api.order(order_id)
        assert (order["status"], order["filled_quantity"]) == ("OPEN", "0")
        assert await api.balance("USD") == ("100000", quote["order_total"])
        # The book has no part in it.
        await api.control("PUT", "prices", {"BTC-USD": "90"})
        assert (await api.order(order_id))["status"] == "OPEN"
        await api.control("POST", f"orders/{order_id}/advance")
        filled = await api.order(order_id)
        assert (filled["status"], filled["average_filled_price"]) == ("FILLED", "100.1")
        assert (await api.balance("USD"))[1] == "0"


async def test_an_order_whose_money_went_before_it_filled_has_failed() -> None:
    async with prime() as api:
        await api.faults(orders={"fill_delay_ms": NEVER})
        order_id = await api.accepted((await api.quote())["quote_id"])
        await api.control("PUT", "balances", {"USD": "50"})
        await api.control("POST", f"orders/{order_id}/advance")
        order = await api.order(order_id)
        assert (order["status"], order["filled_quantity"]) == ("FAILED", "0")
        assert await api.balance("USD") == ("50", "0")


async def test_an_order_that_fills_late_fills_by_itself() -> None:
    async with prime() as api:
        await api.faults(orders={"fill_delay_ms": 20})
        order_id = await api.accepted((await api.quote())["quote_id"])
        assert (await api.until(order_id, "FILLED"))["filled_quantity"] == "0.5"
        await api.control("POST", f"orders/{order_id}/advance")
        await api.control("POST", "orders/none/advance", expect=404)
        assert len((await api.get(f"orders/{order_id}/fills"))["fills"]) == 1


async def test_an_order_that_was_to_fill_late_can_be_cancelled_before() -> None:
    async with prime() as api:
        await api.faults(orders={"fill_delay_ms": NEVER})
        order_id = await api.accepted((await api.quote())["quote_id"])
        assert [row["id"] for row in (await api.get("open_orders"))["orders"]] == [order_id]
        assert (await api.call("POST", f"orders/{order_id}/cancel")).status == 200
        assert (await api.order(order_id))["status"] == "CANCELLED"


async def test_fills_come_later_than_what_the_order_shows() -> None:
    async with prime() as api:
        await api.faults(orders={"fills_late_ms": NEVER})
        order_id = await api.accepted((await api.quote())["quote_id"])
        assert (await api.order(order_id))["filled_quantity"] == "0.5"
        assert (await api.get(f"orders/{order_id}/fills"))["fills"] == []
        assert (await api.get("fills"))["fills"] == []
        await api.control("POST", f"orders/{order_id}/advance")
        assert len((await api.get(f"orders/{order_id}/fills"))["fills"]) == 1


@pytest.mark.parametrize("status", ["FAILED", "CANCELLED", "EXPIRED"])
async def test_an_order_is_taken_and_comes_to_nothing(status: str) -> None:
    async with prime() as api:
        await api.faults(orders={"late_failure": status, "count": 1})
        order = await api.order(await api.accepted((await api.quote())["quote_id"]))
        assert (order["status"], order["filled_quantity"]) == (status, "0")
        assert order["user_context"]
        assert await api.balance("USD") == ("100000", "0")


async def test_an_order_is_pending_before_it_fails() -> None:
    async with prime() as api:
        await api.faults(orders={"late_failure": "FAILED", "fill_delay_ms": NEVER})
        order_id = await api.accepted((await api.quote())["quote_id"])
        assert (await api.order(order_id))["status"] == "PENDING"
        await api.control("POST", f"orders/{order_id}/advance")
        order = await api.order(order_id)
        assert (order["status"], order["filled_value"]) == ("FAILED", "0")


async def test_a_fill_overtakes_a_cancel() -> None:
    async with prime() as api:
        await api.faults(orders={"cancel_delay_ms": NEVER})
        order = await api.placed(type="LIMIT", limit_price="95")
        for _ in range(2):
            assert (await api.call("POST", f"orders/{order['id']}/cancel")).status == 200
        assert (await api.order(order["id"]))["status"] == "OPEN"
        await api.control("PUT", "prices", {"BTC-USD": "90"})
        assert (await api.order(order["id"]))["status"] == "FILLED"


async def test_a_part_is_filled_and_the_rest_cancelled() -> None:
    async with prime() as api:
        await api.faults(orders={"partial_fill": "0.25"})
        order = await api.placed(base_quantity="2")
        assert (order["status"], order["filled_quantity"]) == ("CANCELLED", "0.5")
        whole = await api.placed(base_quantity="2", time_in_force="FILL_OR_KILL")
        assert whole["status"] == "FILLED"


async def test_a_refused_order_uses_up_no_fault() -> None:
    async with prime(spot(balances={"USD": "100"})) as api:
        await api.faults(orders={"late_failure": "FAILED", "count": 1})
        assert (await api.place(base_quantity="5")).status == 400
        assert (await api.placed(base_quantity="0.5"))["status"] == "FAILED"
        assert (await api.placed(base_quantity="0.5"))["status"] == "FILLED"


@pytest.mark.parametrize(
    "faults",
    [
        {"rest": [{"kind": "status"}]},
        {"rest": [{"kind": "lost_after", "operation": "margin"}]},
        {"latency": {"distribution": "fixed"}},
        {"latency": [{"distribution": "fixed", "ms": 1, "operation": "wallets"}]},
        {"quotes": {"off_bps": "-10000"}},
        {"orders": {"late_failure": "error"}},
        {"credit": {"exhausted": True}},
        {"feed": {"kind": "silent"}},
    ],
)
async def test_a_fault_that_means_nothing_here_is_refused(faults: dict[str, Any]) -> None:
    async with prime() as api:
        answer = await api.control("PUT", "faults", faults, expect=400)
        assert "error" in answer


async def test_faults_can_stand_in_the_settings() -> None:
    faults = {"rest": [{"operation": "rfq", "kind": "status", "status": 500}]}
    async with prime(spot(faults=faults)) as api:
        assert (await api.rfq()).status == 500
        assert (await api.client.get("balances")).status == 200
        await api.control("DELETE", "faults")
        assert (await api.rfq()).status == 200
        assert api.identity == CB_SPOT
