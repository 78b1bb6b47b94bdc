"""Requests, as bytes and as paths. Every amount goes out as a string."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, urlencode

import msgspec
from yarl import URL

from router.core.model import Connection, OutboundOrder
from router.core.money import format_amount

_ACCOUNTS: Final = "/api/prime/trading/v1/accounts"
SOCKET_PATH: Final = "/api/prime/trading/v1/ws"
FUNDED: Final = "funded"
MARGIN: Final = "margin"


def funding_of(connection: Connection) -> str:
    """What an order is paid from: margin on a PTS account; said always, though `funded` is the default."""
    return MARGIN if connection.pts else FUNDED


def encode_order(order: OutboundOrder, connection: Connection) -> bytes:
    """The body of POST orders (`NewMarketOrderRequest`, `NewLimitOrderRequest`).

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
        "timeInForce": order.time_in_force.value,
    }
    if order.limit_price is not None:
        body["limitPrice"] = format_amount(order.limit_price)
    if order.duration_minutes is not None:
        body["duration"] = order.duration_minutes
    return msgspec.json.encode(body)


def account_url(base_url: str, account_id: str, *steps: str, query: Mapping[str, str] | None = None) -> URL:
    """An address below the account; every step is percent-encoded whole (`TBTC-TUSD*` has a star)."""
    path = "/".join((_ACCOUNTS, quote(account_id, safe=""), *(quote(step, safe="") for step in steps)))
    text = f"{base_url}{path}"
    if query:
        text += "?" + urlencode(query, quote_via=quote, safe="")
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
