"""Requests, as bytes and as paths. Every amount goes out as a string."""

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import quote, urlencode

import msgspec
from yarl import URL

from router.core.instruction import SteadyPace, Stop, Twap
from router.core.model import Connection, OutboundOrder
from router.core.money import format_amount
from venues.transport.times import format_time

_ACCOUNTS: Final = "/api/prime/trading/v1/accounts"
SOCKET_PATH: Final = "/api/prime/trading/v1/ws"
Query = Mapping[str, str | Sequence[str]]
"""A query's fields; one with several values stands in the address once for each."""
FUNDED: Final = "funded"
MARGIN: Final = "margin"


def funding_of(connection: Connection) -> str:
    """What an order is paid from: margin on a PTS account; said always, though `funded` is the default."""
    return MARGIN if connection.pts else FUNDED


def encode_order(order: OutboundOrder, connection: Connection) -> bytes:
    """The body of POST orders (`NewOrderRequest`), each type with the fields that it takes and no other.

    Of a GTD order the duration alone is required; the time in force is said all the same.
    """
    body: dict[str, object] = {
        "clientOrderId": order.venue_client_order_id,
        "product": order.product,
        "type": order.type.value,
        "fundingType": funding_of(connection),
        "side": order.side.value,
        "quantity": format_amount(order.quantity),
        "quantityCurrency": order.quantity_currency,
    }
    if order.limit_price is not None:
        body["limitPrice"] = format_amount(order.limit_price)
    match order.instruction:
        case Twap():
            _put_twap(body, order.instruction)
        case SteadyPace():
            _put_steady_pace(body, order.instruction)
        case Stop(trigger_price=trigger):
            body |= {"timeInForce": order.time_in_force.value, "triggerPrice": format_amount(trigger)}
        case None:
            body["timeInForce"] = order.time_in_force.value
            if order.duration_minutes is not None:
                body["duration"] = order.duration_minutes
    return msgspec.json.encode(body)


def _put_twap(body: dict[str, object], twap: Twap) -> None:
    """`NewTWAPOrderRequest` takes no time in force: its duration is that."""
    body["duration"] = twap.duration_minutes
    if twap.interval_minutes is not None:
        body["interval"] = twap.interval_minutes
    parameters: dict[str, object] = {}
    if twap.time_sliced is not None:
        parameters["isTimeSliced"] = twap.time_sliced
    if twap.bounds is not None:
        parameters["boundsControl"] = twap.bounds.value
    if parameters:
        body["parameters"] = parameters
    if twap.scheduled_at is not None:
        body["scheduledDate"] = format_time(twap.scheduled_at)


def _put_steady_pace(body: dict[str, object], pace: SteadyPace) -> None:
    """`NewSteadyPaceOrderRequest`; the unit is said always, for the description requires and defaults it."""
    parameters: dict[str, object] = {
        "interval": pace.interval,
        "intervalUnit": pace.interval_unit.value,
        "subOrderSize": format_amount(pace.sub_order_size),
    }
    if pace.variance is not None:
        parameters["variance"] = format_amount(pace.variance)
    body["parameters"] = parameters
    if pace.scheduled_at is not None:
        body["scheduledDate"] = format_time(pace.scheduled_at)


def account_url(base_url: str, account_id: str, *steps: str, query: Query | None = None) -> URL:
    """An address below the account; every step is percent-encoded whole (`TBTC-TUSD*` has a star).

    A field of the query with several values is repeated (`explode` in the description).
    """
    path = "/".join((_ACCOUNTS, quote(account_id, safe=""), *(quote(step, safe="") for step in steps)))
    text = f"{base_url}{path}"
    if query:
        text += "?" + urlencode(query, doseq=True, quote_via=quote, safe="")
    return URL(text, encoded=True)


def socket_url(base_url: str) -> URL:
    """The feed's address: the same host, `ws` for `http`."""
    return URL("ws" + base_url.removeprefix("http") + SOCKET_PATH, encoded=True)


def subscription(account_id: str, channel: str, product: str | None = None, *, on: bool = True) -> str:
    """A message that subscribes a channel, or unsubscribes it."""
    message: dict[str, object] = {
        "type": "subscribe" if on else "unsubscribe",
        "accountId": account_id,
        "channel": channel,
    }
    if product is not None:
        message["productId"] = product
        if on:
            message["includeCumulative"] = False
    return msgspec.json.encode(message).decode()
