"""Requests, as bytes and as paths. Every amount goes out as a string."""

import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Final
from urllib.parse import quote, urlencode

import msgspec
from yarl import URL

from router.core.errors import Code, OrderError
from router.core.instruction import SteadyPace, Stop, Twap
from router.core.model import OrderRequest, OrderType, OutboundOrder, Side, TimeInForce
from router.core.money import (
    BPS,
    ONE,
    add,
    divide_down,
    divide_up,
    format_amount,
    mul,
    round_down,
    round_up,
    sub,
)
from router.ports.quotes import QuoteAsk
from venues.transport.times import MINUTE_NS, format_time

Query = Mapping[str, str]
QUOTE_IDS: Final = uuid.UUID("5d7e2f0a-6c1b-5f3e-9a52-0d1c7b8e4f66")
"""The name space of `client_quote_id`: that must be a UUID, and is a function of the ask's own id."""
SIDES: Final = {Side.BUY: "BUY", Side.SELL: "SELL"}
_TIMES: Final = {
    TimeInForce.GTC: "GOOD_UNTIL_CANCELLED",
    TimeInForce.GTD: "GOOD_UNTIL_DATE_TIME",
    TimeInForce.IOC: "IMMEDIATE_OR_CANCEL",
    TimeInForce.FOK: "FILL_OR_KILL",
}


class UnsupportedOrderError(Exception):
    """Coinbase Prime has no such order: it is refused here, and not a byte of it is sent."""

    def __init__(self, code: Code, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail

    def refusal(self, connection_id: str) -> OrderError:
        """The refusal as the caller gets it."""
        return OrderError(self.code, self.detail, connection_id=connection_id)


def portfolio_path(portfolio_id: str, *steps: str) -> str:
    """The path below a portfolio, every step percent-encoded whole: what is signed, and what is asked for."""
    return "/v1/portfolios/" + "/".join(quote(step, safe="") for step in (portfolio_id, *steps))


def address(base_url: str, path: str, query: Query | None = None) -> URL:
    """The address of a path; the query is no part of what is signed."""
    text = base_url + path
    if query:
        text += "?" + urlencode(query, quote_via=quote, safe="")
    return URL(text, encoded=True)


def client_quote_id(ask: QuoteAsk) -> str:
    """The same for the same ask, in the form of a UUID."""
    return str(uuid.uuid5(QUOTE_IDS, ask.id))


def quote_limit(ask: QuoteAsk) -> Decimal:
    """The marketable limit that a question for a price must have: above the mid to buy, below it to sell.

    As far from the reference price as a price may be and still count. Without a reference, as wide as the
    product's sizes allow: the price at which the order would be the largest, or the smallest, that is traded.
    """
    product = ask.product
    tick = product.price_increment
    buys = ask.side is Side.BUY
    if ask.reference_price is not None:
        off = mul(ask.collar_bps, BPS)
        limit = mul(ask.reference_price, add(ONE, off) if buys else sub(ONE, off))
        return round_up(limit, tick) if buys else max(tick, round_down(limit, tick))
    in_base = ask.quantity_currency == product.base
    if buys:
        notional, base = (
            (product.quote_size_max, ask.quantity) if in_base else (ask.quantity, product.base_size_min)
        )
        if base == 0:
            base = product.base_increment
        return max(tick, round_down(divide_down(notional, base), tick))
    notional, base = (
        (product.quote_size_min, ask.quantity) if in_base else (ask.quantity, product.base_size_max)
    )
    return max(tick, round_up(divide_up(notional, base), tick))


def encode_rfq(ask: QuoteAsk, portfolio_id: str) -> bytes:
    """The body of `POST rfq`. No duration is asked for: the default is theirs to know."""
    return msgspec.json.encode(
        {
            "portfolio_id": portfolio_id,
            "product_id": ask.product.name,
            "side": SIDES[ask.side],
            "client_quote_id": client_quote_id(ask),
            "limit_price": format_amount(quote_limit(ask)),
            **_size(ask.quantity, ask.quantity_currency, ask.product.name),
        }
    )


def encode_accept(order: OutboundOrder, quote_id: str, portfolio_id: str) -> bytes:
    """The body of `POST accept_quote`: size and price are the quote's."""
    return msgspec.json.encode(
        {
            "portfolio_id": portfolio_id,
            "product_id": order.product,
            "side": SIDES[order.side],
            "client_order_id": order.venue_client_order_id,
            "quote_id": quote_id,
        }
    )


def unsupported(order: OrderRequest | OutboundOrder) -> UnsupportedOrderError | None:
    """Why the wire has no words for an order of this type with these terms; None where it has."""
    match order.instruction:
        case SteadyPace():
            return UnsupportedOrderError(
                Code.VENUE_REJECTED, "type: expected an order type that Coinbase Prime has, was steady_pace"
            )
        case Stop() if order.limit_price is None:
            return UnsupportedOrderError(
                Code.INVALID_LIMIT_PRICE,
                "limit_price: expected a price, for no stop goes without one at Coinbase Prime, was none",
            )
        case Twap() as twap:
            return _unsupported_twap(order, twap)
    return None


def _unsupported_twap(order: OrderRequest | OutboundOrder, twap: Twap) -> UnsupportedOrderError | None:
    """A TWAP has a limit, a beginning and an end there, and no slices of the caller's choosing."""
    if order.limit_price is None:
        return UnsupportedOrderError(
            Code.INVALID_LIMIT_PRICE,
            "limit_price: expected a price, for Coinbase Prime has no TWAP without one, was none",
        )
    chosen = {
        "interval_minutes": twap.interval_minutes,
        "time_sliced": twap.time_sliced,
        "bounds": twap.bounds,
    }
    for field, value in chosen.items():
        if value:
            return UnsupportedOrderError(
                Code.VENUE_REJECTED, f"{field}: expected none in a TWAP at Coinbase Prime, was {value}"
            )
    return None


def encode_order(order: OutboundOrder, portfolio_id: str, now: int) -> bytes:
    """The body of `POST order`; what lasts for a time ends that long after `now`.

    Raises `UnsupportedOrderError` for what the wire has no words for.
    """
    lacking = unsupported(order)
    if lacking is not None:
        raise lacking
    body: dict[str, object] = {
        "portfolio_id": portfolio_id,
        "product_id": order.product,
        "side": SIDES[order.side],
        "client_order_id": order.venue_client_order_id,
        **_size(order.quantity, order.quantity_currency, order.product),
    }
    match order.instruction:
        case Twap():
            body |= _twap(order.instruction, now)
        case Stop(trigger_price=trigger):
            body |= {"type": "STOP_LIMIT", "stop_price": format_amount(trigger), **_lasting(order, now)}
        case _:
            body |= _plain(order, now)
    if order.limit_price is not None:
        body["limit_price"] = format_amount(order.limit_price)
    return msgspec.json.encode(body)


def _plain(order: OutboundOrder, now: int) -> dict[str, object]:
    if order.type is OrderType.LIMIT:
        if order.limit_price is None:
            raise UnsupportedOrderError(
                Code.INVALID_LIMIT_PRICE, "limit_price: expected a price in a limit order, was none"
            )
        return {"type": "LIMIT", **_lasting(order, now)}
    if order.time_in_force is not TimeInForce.IOC:
        raise UnsupportedOrderError(
            Code.VENUE_REJECTED,
            f"time_in_force: expected IOC in a market order at Coinbase Prime, was {order.time_in_force}",
        )
    return {"type": "MARKET", "time_in_force": _TIMES[order.time_in_force]}


def _lasting(order: OutboundOrder, now: int) -> dict[str, object]:
    """Its time in force, with the moment where it ends; GTD without a duration has none."""
    fields: dict[str, object] = {"time_in_force": _TIMES[order.time_in_force]}
    if order.time_in_force is TimeInForce.GTD:
        if order.duration_minutes is None:
            raise UnsupportedOrderError(
                Code.VENUE_REJECTED, "duration_minutes: expected a duration in a GTD order, was none"
            )
        fields["expiry_time"] = format_time(now + order.duration_minutes * MINUTE_NS)
    return fields


def _twap(twap: Twap, now: int) -> dict[str, object]:
    start = now if twap.scheduled_at is None else max(now, twap.scheduled_at)
    return {
        "type": "TWAP",
        "start_time": format_time(start),
        "expiry_time": format_time(start + twap.duration_minutes * MINUTE_NS),
        "time_in_force": _TIMES[TimeInForce.GTD],
    }


def _size(quantity: Decimal, currency: str, product: str) -> dict[str, str]:
    base = product.split("-", 1)[0]
    return {"base_quantity" if currency == base else "quote_value": format_amount(quantity)}


def notional_of(order: OutboundOrder) -> Decimal | None:
    """What an order is worth at its limit, in the quote currency; None where no price bounds it."""
    if order.quantity_currency != order.product.split("-", 1)[0]:
        return order.quantity
    return None if order.limit_price is None else mul(order.quantity, order.limit_price)
