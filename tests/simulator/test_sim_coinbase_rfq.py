"""Quotes: what they cost, how long they hold, and what is refused of them."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from test_sim_coinbase_kit import Prime, message, prime, quote_body, spot

FEE = {"fee_bps": "2.5"}


async def _refused(api: Prime, status: int = 400, **fields: Any) -> str:
    reply = await api.rfq(**fields)
    assert reply.status == status, reply.text
    return message(reply)


@pytest.mark.parametrize(
    ("side", "price", "inclusive", "total"),
    [("BUY", "100.1", "100.125025", "50.0625125"), ("SELL", "99.9", "99.875025", "49.9375125")],
)
async def test_a_quote_is_filled_whole_at_its_price_and_fee(
    side: str, price: str, inclusive: str, total: str
) -> None:
    async with prime(spot(**FEE)) as api:
        quote = await api.quote(side=side)
        assert (quote["best_price"], quote["price_inclusive_of_fees"]) == (price, inclusive)
        assert (quote["order_total"], quote["quote_duration_ms"]) == (total, "0")
        order = await api.order(await api.accepted(quote["quote_id"], side=side, client_order_id="mine"))
        fills = (await api.get(f"orders/{order['id']}/fills"))["fills"]
        usd, btc = (await api.balance("USD"))[0], (await api.balance("BTC"))[0]
    assert (order["type"], order["status"], order["client_order_id"]) == ("RFQ", "FILLED", "mine")
    assert (order["filled_quantity"], order["average_filled_price"]) == ("0.5", price)
    assert order["net_average_filled_price"] == inclusive
    assert [(one["order_id"], one["price"], one["filled_quantity"]) for one in fills] == [
        (order["id"], price, "0.5")
    ]
    assert (fills[0]["filled_value"], fills[0]["commission"]) == (order["filled_value"], order["commission"])
    signed = Decimal(total) * (1 if side == "BUY" else -1)
    assert Decimal(usd) == 100_000 - signed
    assert btc == ("10.5" if side == "BUY" else "9.5")


async def test_what_an_order_came_to_adds_up() -> None:
    async with prime(spot(**FEE)) as api:
        quote = await api.quote(base_quantity="0.12345678")
        order = await api.order(await api.accepted(quote["quote_id"]))
    paid = Decimal(order["filled_value"]) + Decimal(order["commission"])
    assert paid == Decimal(quote["order_total"])
    assert paid == Decimal(quote["price_inclusive_of_fees"]) * Decimal("0.12345678")


@pytest.mark.parametrize(
    ("asked", "held_ms", "echo"),
    [(None, 1_500, "0"), ("0", 1_500, "0"), ("5000", 5_000, "5000"), (30_000, 30_000, "30000")],
)
async def test_a_quote_holds_as_long_as_asked_or_as_set(asked: Any, held_ms: int, echo: str) -> None:
    async with prime(spot(quote_duration_ms=1_500)) as api:
        quote = await api.quote(quote_duration_ms=asked)
        [known] = (await api.control("GET", "quotes"))["data"]
    held = datetime.fromisoformat(known["expires_at"]) - datetime.fromisoformat(known["created_at"])
    assert (held.total_seconds() * 1000, quote["quote_duration_ms"]) == (held_ms, echo)
    assert quote["expiration_time"] == known["expires_at"]


async def test_the_hold_begins_when_the_maker_answers() -> None:
    async with prime(spot(quote_delay_ms=40)) as api:
        quote = await api.quote(quote_duration_ms="1000")
        [call] = (await api.control("GET", "requests"))["data"]
    asked, over = (datetime.fromisoformat(text) for text in (call["time"], quote["expiration_time"]))
    assert (over - asked).total_seconds() >= 1.04


async def test_a_quote_that_is_over_is_not_accepted_and_nothing_trades() -> None:
    async with prime() as api:
        quote = await api.quote(quote_duration_ms="1")
        over = datetime.fromisoformat(quote["expiration_time"])
        await asyncio.sleep(max(0.0, (over - datetime.now(UTC)).total_seconds()))
        reply = await api.accept(quote["quote_id"])
        assert (reply.status, message(reply)) == (400, "The quote has expired.")
        [known] = (await api.control("GET", "quotes"))["data"]
        assert known["order_id"] is None


async def test_a_quote_is_accepted_once() -> None:
    async with prime() as api:
        quote = await api.quote()
        await api.accepted(quote["quote_id"], client_order_id="first")
        again = await api.accept(quote["quote_id"], client_order_id="second")
        assert (again.status, message(again)) == (400, "The quote was accepted already.")
        assert len((await api.control("GET", "orders"))["data"]) == 1


async def test_a_quote_is_accepted_as_it_was_asked_for() -> None:
    async with prime() as api:
        quote = await api.quote()
        unknown = await api.accept(str(uuid4()))
        assert (unknown.status, message(unknown)) == (404, "There is no such quote.")
        for wrong in ({"side": "SELL"}, {"product_id": "ETH-USD"}):
            reply = await api.accept(quote["quote_id"], **wrong)
            assert (reply.status, message(reply)) == (400, "product_id and side must be those of the quote.")
        for field in ("product_id", "side", "client_order_id"):
            reply = await api.accept(quote["quote_id"], **{field: None})
            assert (reply.status, field in message(reply)) == (400, True)
        assert (await api.accept(quote["quote_id"])).status == 200


async def test_a_quote_belongs_to_its_portfolio() -> None:
    async with prime() as api:
        quote = await api.quote()
        other = await api.of("85874114-c465-4df7-a1bd-e4b17b4d3ddf").accept(quote["quote_id"])
    assert other.status == 404


async def test_a_client_order_id_is_unique_among_active_orders_only() -> None:
    async with prime() as api:
        resting = await api.placed(type="LIMIT", limit_price="90", client_order_id="mine")
        quote = await api.quote()
        reply = await api.accept(quote["quote_id"], client_order_id="mine")
        assert (reply.status, message(reply)) == (400, "client_order_id is that of an active order.")
        assert (await api.place(client_order_id="mine")).status == 400
        await api.call("POST", f"orders/{resting['id']}/cancel")
        assert (await api.accept(quote["quote_id"], client_order_id="mine")).status == 200
        assert (await api.place(client_order_id="mine")).status == 200


async def test_a_client_quote_id_is_a_uuid_and_used_once() -> None:
    async with prime() as api:
        body = quote_body()
        await api.quote(**body)
        assert await _refused(api, **body) == "client_quote_id was used before."
        body["client_quote_id"] = body["client_quote_id"].upper()
        assert await _refused(api, **body) == "client_quote_id was used before."
        assert await _refused(api, client_quote_id="desk-1") == "client_quote_id must be a UUID."


@pytest.mark.parametrize(
    ("side", "limit", "says"),
    [
        ("BUY", "100", "above the mid"),
        ("BUY", "99", "above the mid"),
        ("BUY", "100.01", "within limit_price"),
        ("SELL", "100", "below the mid"),
        ("SELL", "99.99", "within limit_price"),
        ("BUY", "100.105", "multiple of 0.01"),
        ("BUY", "0", "above zero"),
    ],
)
async def test_a_limit_price_is_marketable_and_kept(side: str, limit: str, says: str) -> None:
    async with prime() as api:
        assert says in await _refused(api, side=side, limit_price=limit)


async def test_a_limit_price_at_the_quote_is_enough() -> None:
    async with prime() as api:
        assert (await api.quote(limit_price="100.1"))["best_price"] == "100.1"
        assert (await api.quote(side="SELL", limit_price="99.9"))["best_price"] == "99.9"


@pytest.mark.parametrize(
    "fields",
    [
        {"base_quantity": None},
        {"quote_value": "50"},
        {"base_quantity": 0.5},
        {"base_quantity": "0"},
        {"base_quantity": "-1"},
        {"base_quantity": "1e2"},
        {"base_quantity": "0.000000001"},
        {"limit_price": None},
        {"unknown": "x"},
        {"limit_price": 120},
        {"side": "buy"},
        {"side": "UNKNOWN_ORDER_SIDE"},
        {"product_id": "DOGE-USD"},
        {"product_id": "TBTC-TUSD*"},
        {"quote_duration_ms": "30001"},
        {"quote_duration_ms": "-1"},
        {"quote_duration_ms": "1.5"},
        {"quote_duration_ms": True},
        {"client_order_id": "mine"},
        {"time_in_force": "FILL_OR_KILL"},
        {"portfolio_id": "another"},
        {"settl_currency": "EUR"},
        {"client_quote_id": 5},
    ],
)
async def test_a_request_that_is_not_described_is_refused(fields: dict[str, Any]) -> None:
    body = quote_body(**fields)
    async with prime() as api:
        reply = await api.call("POST", "rfq", body)
        assert reply.status == 400, reply.text
        assert message(reply)
        assert (await api.control("GET", "quotes"))["data"] == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff"])
async def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    async with prime() as api:
        reply = await api.send("POST", f"/v1/portfolios/{api.identity}/rfq", body)
    assert (reply.status, bool(message(reply))) == (400, True)


async def test_the_optional_fields_are_taken() -> None:
    async with prime() as api:
        quote = await api.quote(portfolio_id=api.identity, settl_currency="USD")
        reply = await api.accept(quote["quote_id"], portfolio_id=api.identity, settl_currency="USD")
    assert reply.status == 200


async def test_sizes_go_by_the_products_details_for_quotes() -> None:
    sizes = {"rfq_min_base": "0.1", "rfq_max_base": "2", "rfq_min_quote": "10", "rfq_max_quote": "500"}
    products = [{"name": "BTC-USD", **sizes}, {"name": "ETH-USD", "rfq": False}]
    async with prime(spot(products=products, quote_value_allowed=True)) as api:
        shown = {one["id"]: one["rfq_product_details"] for one in (await api.get("products"))["products"]}
        assert shown["BTC-USD"] == {
            "tradable": True,
            "min_notional_size": "",
            "max_notional_size": "",
            "min_base_size": "0.1",
            "max_base_size": "2",
            "min_quote_size": "10",
            "max_quote_size": "500",
        }
        assert (shown["ETH-USD"]["tradable"], len(shown)) == (False, 2)
        assert "at least 0.1" in await _refused(api, base_quantity="0.09")
        assert "at most 2" in await _refused(api, base_quantity="2.1")
        assert "at least 10" in await _refused(api, base_quantity=None, quote_value="9")
        assert "not tradable" in await _refused(api, product_id="ETH-USD", limit_price="60")
        assert (await api.rfq(base_quantity="2")).status == 200
        # Orders have the product's own sizes.
        assert (await api.place(base_quantity="0.01")).status == 200


async def test_a_quote_by_value_is_refused_unless_it_is_allowed() -> None:
    async with prime(spot(**FEE)) as api:
        fields: dict[str, Any] = {"base_quantity": None, "quote_value": "200"}
        assert "base_quantity only" in await _refused(api, **fields)
        await api.control("PUT", "settings", {"quote_value_allowed": True})
        buy = await api.quote(**fields)
        bought = await api.order(await api.accepted(buy["quote_id"]))
        sell = await api.quote(side="SELL", **fields)
        sold = await api.order(await api.accepted(sell["quote_id"], side="SELL"))
    assert Decimal("199.99") < Decimal(buy["order_total"]) <= 200
    assert bought["base_quantity"] == bought["filled_quantity"] == "1.99750262"
    assert Decimal("199.99") < Decimal(sold["filled_value"]) <= 200


async def test_a_product_that_is_switched_off_is_not_quoted() -> None:
    async with prime() as api:
        quote = await api.quote()
        await api.client.control("PUT", "products/BTC-USD", {"disabled_sides": ["buy"]})
        assert "disabled" in await _refused(api)
        assert (await api.accept(quote["quote_id"])).status == 400
        assert (await api.rfq(side="SELL")).status == 200
        await api.client.control("PUT", "products/BTC-USD", {"trade_disabled": True})
        assert (await api.rfq(side="SELL")).status == 400
        [btc] = [one for one in (await api.get("products"))["products"] if one["id"] == "BTC-USD"]
        assert btc["rfq_product_details"]["tradable"] is False
        assert btc["permissions"] == ["PRODUCT_PERMISSION_READ"]


async def test_prices_stand_around_the_one_market_with_the_portfolios_offset_and_spread() -> None:
    terms = {"product_id": "ETH-USD", "limit_price": "99"}
    async with prime(spot(price_offset_bps="10", spread_bps="4")) as api:
        assert (await api.quote(**terms))["best_price"] == "50.07"
        assert (await api.quote(**{**terms, "side": "SELL", "limit_price": "1"}))["best_price"] == "50.03"
        await api.client.control("PUT", "products/ETH-USD", {"mid": "60"})
        assert (await api.quote(**terms))["best_price"] == "60.08"
        await api.control("PUT", "prices", {"ETH-USD": "70"})
        assert (await api.quote(**terms))["best_price"] == "70.02"
        await api.control("PUT", "prices", {"ETH-USD": None})
        assert (await api.quote(**terms))["best_price"] == "60.08"
        await api.control("PUT", "settings", {"price_offset_bps": "-10", "spread_bps": "0.1"})
        assert (await api.quote(**terms))["best_price"] == "59.95"


async def test_a_quote_keeps_its_price_and_fee_when_the_market_moves() -> None:
    async with prime(spot(fee_bps="10")) as api:
        quote = await api.quote()
        await api.control("PUT", "prices", {"BTC-USD": "110"})
        await api.control("PUT", "settings", {"fee_bps": "90"})
        order = await api.order(await api.accepted(quote["quote_id"]))
        assert (await api.quote())["best_price"] == "110.06"
    assert (order["average_filled_price"], order["status"]) == ("100.1", "FILLED")
    assert order["net_average_filled_price"] == quote["price_inclusive_of_fees"]


async def test_funds_are_looked_at_when_a_quote_is_accepted_unless_set_otherwise() -> None:
    async with prime(spot(balances={"USD": "50"})) as api:
        quote = await api.quote()
        reply = await api.accept(quote["quote_id"])
        assert (reply.status, message(reply)) == (400, "Insufficient USD balance.")
        await api.control("PUT", "settings", {"funds_checked_at_quote": True})
        assert await _refused(api) == "Insufficient USD balance."
        await api.control("PUT", "balances", {"USD": "51"})
        # What was refused for want of funds can still be accepted while it holds.
        assert (await api.accept(quote["quote_id"])).status == 200
        assert await _refused(api, side="SELL", base_quantity="5") == "Insufficient BTC balance."
