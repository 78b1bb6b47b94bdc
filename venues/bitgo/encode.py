"""Requests, as bytes and as paths. Every amount goes out as a string."""

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import quote, urlencode

import msgspec
from yarl import URL

from router.core.instruction import SteadyPace, Stop, Twap
from router.core.model import Connection, OrderType, OutboundOrder, Side, TimeInForce
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


class NewOrder(msgspec.Struct, rename="camel", omit_defaults=True):
    """`NewOrderRequest` of every type; what a type does not take is None, and not said."""

    client_order_id: str
    product: str
    type: OrderType
    funding_type: str
    side: Side
    quantity: str
    quantity_currency: str
    limit_price: str | None = None
    time_in_force: TimeInForce | None = None
    duration: int | None = None
    interval: int | None = None
    trigger_price: str | None = None
    parameters: dict[str, object] | None = None
    scheduled_date: str | None = None


_ENCODER: Final = msgspec.json.Encoder()


def encode_order(order: OutboundOrder, connection: Connection) -> bytes:
    """The body of POST orders (`NewOrderRequest`), each type with the fields that it takes and no other.

    Of a GTD order the duration alone is required; the time in force is said all the same.
    """
    limit = order.limit_price
    body = NewOrder(
        order.venue_client_order_id,
        order.product,
        order.type,
        funding_of(connection),
        order.side,
        format_amount(order.quantity),
        order.quantity_currency,
        None if limit is None else format_amount(limit),
    )
    match order.instruction:
        case None:
            body.time_in_force = order.time_in_force
            body.duration = order.duration_minutes
        case Twap():
            _put_twap(body, order.instruction)
        case SteadyPace():
            _put_steady_pace(body, order.instruction)
        case Stop(trigger_price=trigger):
            body.time_in_force = order.time_in_force
            body.trigger_price = format_amount(trigger)
    return _ENCODER.encode(body)


def _put_twap(body: NewOrder, twap: Twap) -> None:
    """`NewTWAPOrderRequest` takes no time in force: its duration is that."""
    body.duration = twap.duration_minutes
    body.interval = twap.interval_minutes
    parameters: dict[str, object] = {}
    if twap.time_sliced is not None:
        parameters["isTimeSliced"] = twap.time_sliced
    if twap.bounds is not None:
        parameters["boundsControl"] = twap.bounds
    body.parameters = parameters or None
    if twap.scheduled_at is not None:
        body.scheduled_date = format_time(twap.scheduled_at)


def _put_steady_pace(body: NewOrder, pace: SteadyPace) -> None:
    """`NewSteadyPaceOrderRequest`; the unit is said always, for the description requires and defaults it."""
    body.parameters = {
        "interval": pace.interval,
        "intervalUnit": pace.interval_unit,
        "subOrderSize": format_amount(pace.sub_order_size),
    }
    if pace.variance is not None:
        body.parameters["variance"] = format_amount(pace.variance)
    if pace.scheduled_at is not None:
        body.scheduled_date = format_time(pace.scheduled_at)


def account_target(account_id: str, *steps: str) -> str:
    """A path below the account; every step is percent-encoded whole (`TBTC-TUSD*` has a star)."""
    return "/".join((_ACCOUNTS, *(quote(step, safe="") for step in (account_id, *steps))))


def account_url(base_url: str, account_id: str, *steps: str, query: Query | None = None) -> URL:
    """An address below the account: see `account_target`.

    A field of the query with several values is repeated (`explode` in the description).
    """
    text = f"{base_url}{account_target(account_id, *steps)}"
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
