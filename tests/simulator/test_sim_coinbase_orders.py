"""Orders of every type that is played, their money, and what is refused of them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from test_sim_coinbase_kit import CB_PTS, message, order_body, prime, spot

GTD = "GOOD_UNTIL_DATE_TIME"
IOC, FOK, GTC = "IMMEDIATE_OR_CANCEL", "FILL_OR_KILL", "GOOD_UNTIL_CANCELLED"


def later(ms: float) -> str:
    return (datetime.now(UTC) + timedelta(milliseconds=ms)).isoformat()


HOUR = 3_600_000


async def test_a_market_order_walks_the_book_and_pays_its_fee() -> None:
    async with prime(spot(fee_bps="10")) as api:
        order = await api.placed(base_quantity="7")
        fills = (await api.get(f"orders/{order['id']}/fills?sort_direction=ASC"))["fills"]
        usd, btc = await api.balance("USD"), await api.balance("BTC")
    assert [(one["price"], one["filled_quantity"]) for one in fills] == [("100.1", "5"), ("100.2", "2")]
    assert (order["status"], order["filled_value"], order["commission"]) == ("FILLED", "700.9", "0.7009")
    assert order["average_filled_price"] == "100.128571428571428571"
    assert order["net_average_filled_price"] == "100.2287"
    assert (usd, btc) == (("99298.3991", "0"), ("17", "0"))
    assert sum(Decimal(one["commission"]) for one in fills) == Decimal(order["commission"])


async def test_what_an_order_took_is_gone_for_the_next_and_not_for_quotes() -> None:
    async with prime() as api:
        await api.placed(base_quantity="5")
        assert (await api.placed(base_quantity="1"))["average_filled_price"] == "100.2"
        assert (await api.quote())["best_price"] == "100.1"
        assert (await api.of(CB_PTS).placed(base_quantity="1"))["average_filled_price"] == "100.1"


async def test_a_market_order_that_the_book_does_not_hold_is_cancelled_with_its_fills() -> None:
    async with prime(spot(balances={"BTC": "100"})) as api:
        order = await api.placed(side="SELL", base_quantity="12")
        whole = await api.place(side="SELL", base_quantity="12", time_in_force=FOK)
        killed = await api.order(whole.json["order_id"])
    assert (order["status"], order["filled_quantity"], order["time_in_force"]) == ("CANCELLED", "10", IOC)
    assert (killed["status"], killed["filled_quantity"]) == ("CANCELLED", "0")
    assert killed["average_filled_price"] == killed["commission"] == "0"


@pytest.mark.parametrize(
    ("side", "filled", "value"), [("BUY", "0.99890109", "99.989999109"), ("SELL", "1.001001", "99.9999999")]
)
async def test_the_fee_of_a_buy_by_value_is_within_the_value(side: str, filled: str, value: str) -> None:
    async with prime(spot(fee_bps="1")) as api:
        order = await api.placed(side=side, base_quantity=None, quote_value="100")
    assert (order["status"], order["quote_value"], order["base_quantity"]) == ("FILLED", "100", "")
    assert order["filled_quantity"] == filled
    assert order["filled_value"] == value
    if side == "BUY":
        assert Decimal(order["filled_value"]) + Decimal(order["commission"]) <= 100


async def test_all_of_the_balance_can_be_spent_by_value() -> None:
    async with prime(spot(balances={"USD": "100"}, fee_bps="33")) as api:
        order = await api.placed(base_quantity=None, quote_value="100")
        assert order["status"] == "FILLED"
        assert 0 <= Decimal((await api.balance("USD"))[0]) < Decimal("0.02")


@pytest.mark.parametrize(
    ("policy", "limit", "status", "filled"),
    [
        (GTC, "100.1", "OPEN", "5"),
        (GTC, "100.2", "FILLED", "6"),
        (GTC, "100", "OPEN", "0"),
        (None, "100", "OPEN", "0"),
        (IOC, "100.1", "CANCELLED", "5"),
        (IOC, "100.2", "FILLED", "6"),
        (IOC, "100", "CANCELLED", "0"),
        (FOK, "100.1", "CANCELLED", "0"),
        (FOK, "100.2", "FILLED", "6"),
        (GTD, "100.1", "OPEN", "5"),
    ],
)
async def test_a_limit_order_goes_by_its_time_in_force(
    policy: str | None, limit: str, status: str, filled: str
) -> None:
    expiry = later(HOUR) if policy == GTD else None
    async with prime() as api:
        order = await api.placed(
            type="LIMIT", base_quantity="6", limit_price=limit, time_in_force=policy, expiry_time=expiry
        )
        assert (order["status"], order["filled_quantity"]) == (status, filled)
        assert order["time_in_force"] == policy or GTC
        listed = [one["id"] for one in (await api.get("open_orders"))["orders"]]
    assert listed == ([order["id"]] if status == "OPEN" else [])


async def test_a_resting_order_holds_its_money_and_fills_when_the_market_comes() -> None:
    async with prime(spot(fee_bps="10")) as api:
        buy = await api.placed(type="LIMIT", limit_price="95", base_quantity="2")
        assert await api.balance("USD") == ("100000", "190.19")
        sell = await api.placed(type="LIMIT", side="SELL", limit_price="105", base_quantity="3")
        assert await api.balance("BTC") == ("10", "3")
        await api.control("PUT", "prices", {"BTC-USD": "90"})
        filled = await api.order(buy["id"])
        assert (filled["status"], filled["filled_value"]) == ("FILLED", "180.1")
        assert await api.balance("USD") == ("99819.7199", "0")
        await api.control("PUT", "prices", {"BTC-USD": "110"})
        part = await api.order(sell["id"])
        assert (part["status"], part["filled_quantity"]) == ("FILLED", "3")
        assert await api.balance("BTC") == ("9", "0")


async def test_an_order_is_cancelled_once_and_gives_back_what_it_held() -> None:
    async with prime() as api:
        order = await api.placed(type="LIMIT", limit_price="95")
        reply = await api.call("POST", f"orders/{order['id']}/cancel")
        assert (reply.status, reply.json) == (200, {"id": order["id"]})
        assert (await api.order(order["id"]))["status"] == "CANCELLED"
        assert await api.balance("USD") == ("100000", "0")
        again = await api.call("POST", f"orders/{order['id']}/cancel")
        assert (again.status, "CANCELLED" in message(again)) == (400, True)
        unknown = await api.call("POST", f"orders/{uuid4()}/cancel")
        assert (unknown.status, message(unknown)) == (404, "There is no such order.")
        assert (await api.call("POST", f"orders/{order['id']}/cancel", {"x": 1})).status == 400
        assert (await api.call("GET", f"orders/{uuid4()}")).status == 404
        assert (await api.call("GET", f"orders/{uuid4()}/fills")).status == 404


async def test_an_order_expires_when_it_said() -> None:
    async with prime() as api:
        reply = await api.place(type="LIMIT", limit_price="95", time_in_force=GTD, expiry_time=later(150))
        order = await api.until(reply.json["order_id"], "EXPIRED")
        assert (order["filled_quantity"], await api.balance("USD")) == ("0", ("100000", "0"))
        past = await api.place(type="LIMIT", limit_price="95", time_in_force=GTD, expiry_time=later(-1))
        assert (past.status, message(past)) == (400, "expiry_time must be in the future.")


@pytest.mark.parametrize(
    ("side", "stop", "limit", "moved"), [("BUY", "105", "106", "105"), ("SELL", "95", "94", "95")]
)
async def test_a_stop_waits_for_its_price(side: str, stop: str, limit: str, moved: str) -> None:
    async with prime() as api:
        order = await api.placed(type="STOP_LIMIT", side=side, stop_price=stop, limit_price=limit)
        assert (order["status"], order["filled_quantity"], order["stop_price"]) == ("OPEN", "0", stop)
        await api.control("PUT", "prices", {"BTC-USD": moved})
        assert (await api.order(order["id"]))["status"] == "FILLED"


async def test_a_stop_that_is_reached_still_keeps_its_limit() -> None:
    async with prime() as api:
        order = await api.placed(type="STOP_LIMIT", stop_price="105", limit_price="105")
        await api.control("PUT", "prices", {"BTC-USD": "108"})
        assert (await api.order(order["id"]))["status"] == "OPEN"
        await api.control("PUT", "prices", {"BTC-USD": "104"})
        assert (await api.order(order["id"]))["status"] == "FILLED"


@pytest.mark.parametrize("kind", ["TWAP", "VWAP"])
async def test_an_order_in_slices_goes_out_bit_by_bit(kind: str) -> None:
    async with prime() as api:
        reply = await api.place(
            type=kind, base_quantity="0.3", limit_price="101", expiry_time=later(130), time_in_force=GTD
        )
        order = await api.until(reply.json["order_id"], "FILLED", "EXPIRED")
        fills = (await api.get(f"orders/{order['id']}/fills"))["fills"]
    assert (order["status"], order["filled_quantity"]) == ("FILLED", "0.3")
    assert len(fills) >= 2


async def test_slices_beyond_the_limit_do_not_trade_and_the_order_expires() -> None:
    async with prime() as api:
        reply = await api.place(type="TWAP", limit_price="99", expiry_time=later(100))
        assert (await api.until(reply.json["order_id"], "EXPIRED"))["filled_quantity"] == "0"


async def test_an_order_that_starts_later_is_pending_until_then() -> None:
    async with prime() as api:
        order = await api.placed(
            type="TWAP", limit_price="101", start_time=later(HOUR), expiry_time=later(2 * HOUR)
        )
        assert (order["status"], order["filled_quantity"]) == ("PENDING", "0")
        await api.call("POST", f"orders/{order['id']}/cancel")
        assert (await api.order(order["id"]))["status"] == "CANCELLED"


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "BLOCK"},
        {"type": "RFQ"},
        {"type": "PEG"},
        {"type": "limit"},
        {"type": None},
        {"base_quantity": None},
        {"quote_value": "5"},
        {"base_quantity": 1},
        {"base_quantity": "0.00001"},
        {"base_quantity": "1001"},
        {"base_quantity": "1.000000001"},
        {"limit_price": "100"},
        {"type": "LIMIT"},
        {"type": "LIMIT", "limit_price": "100.001"},
        {"type": "LIMIT", "limit_price": "100", "time_in_force": "GTC"},
        {"type": "LIMIT", "limit_price": "100", "time_in_force": GTD},
        {"type": "LIMIT", "limit_price": "100", "expiry_time": "2999-01-01T00:00:00Z"},
        {"type": "LIMIT", "limit_price": "100", "time_in_force": GTD, "expiry_time": "tomorrow"},
        {"type": "LIMIT", "limit_price": "100", "stop_price": "100"},
        {"type": "LIMIT", "limit_price": "100", "post_only": True},
        {"type": "STOP_LIMIT", "limit_price": "100"},
        {"type": "STOP_LIMIT", "limit_price": "100", "stop_price": "100", "time_in_force": IOC},
        {"type": "TWAP", "limit_price": "100"},
        {"type": "TWAP", "limit_price": "100", "historical_pov": "0.1"},
        {"time_in_force": GTC},
        {"client_order_id": None},
        {"client_order_id": ""},
        {"client_order_id": "x" * 129},
        {"client_order_id": 7},
        {"side": "HOLD"},
        {"product_id": "NO-SUCH"},
        {"clientOrderId": "mine"},
        {"portfolio_id": "other"},
    ],
)
async def test_an_order_that_is_not_described_is_refused(fields: dict[str, Any]) -> None:
    async with prime() as api:
        reply = await api.call("POST", "order", order_body(**fields))
        assert (reply.status, bool(message(reply))) == (400, True)
        assert (await api.control("GET", "orders"))["data"] == []


async def test_an_order_beyond_the_balance_is_refused() -> None:
    async with prime(spot(balances={"USD": "100.1", "BTC": "1"}, fee_bps="1")) as api:
        for fields in ({}, {"side": "SELL", "base_quantity": "1.1"}, {"type": "LIMIT", "limit_price": "101"}):
            reply = await api.place(**fields)
            assert (reply.status, "Insufficient" in message(reply)) == (400, True)
        await api.placed(side="SELL", type="LIMIT", limit_price="200")
        # What an order holds is gone for the next one.
        assert (await api.place(side="SELL", base_quantity="0.1")).status == 400


async def test_an_order_whose_money_went_elsewhere_is_cancelled() -> None:
    async with prime() as api:
        order = await api.placed(type="LIMIT", limit_price="95")
        await api.control("PUT", "balances", {"USD": "1"})
        await api.control("PUT", "prices", {"BTC-USD": "90"})
        found = await api.order(order["id"])
    assert (found["status"], found["user_context"]) == ("CANCELLED", "The balance was no longer sufficient.")
