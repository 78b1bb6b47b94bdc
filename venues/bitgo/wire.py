"""The shapes of the wire as BitGo describes them, read leniently: what is not named here is not looked at.

Source: the published OpenAPI description (schemas `Order`, `PrimeTrade`, `Product`, `AccountBalance`,
`Level2OrderBookSnapshot`, `Error1`, `ValidationError1`) and, for the feed, the WebSocket pages. Amounts and
times are texts here; `parse` and `book` read them.
"""

from typing import Any

import msgspec


class Order(msgspec.Struct, rename="camel"):
    """`Order`, as far as it decides anything. `cancelledByUserId` is the name before 2026-01-06."""

    id: str
    client_order_id: str | None
    status: str
    product: str
    side: str
    filled_quantity: str | None
    filled_quote_quantity: str | None = None
    average_price: str | None = None
    funding_type: str | None = None
    type: str | None = None
    time_in_force: str | None = None
    duration: int | None = None
    reason: str | None = None
    reason_description: str | None = None
    canceled_by_user_id: str | None = None
    cancelled_by_user_id: str | None = None


class Orders(msgspec.Struct):
    """A page of orders."""

    data: list[Order]


class Trade(msgspec.Struct, rename="camel"):
    """`PrimeTrade`."""

    id: str
    order_id: str
    time: str
    price: str
    quantity: str
    quote_quantity: str


class Trades(msgspec.Struct):
    """A page of trades."""

    data: list[Trade]


class Product(msgspec.Struct, rename="camel"):
    """`Product`."""

    name: str
    base_currency: str
    quote_currency: str
    base_min_size: str
    base_max_size: str
    base_increment: str
    quote_min_size: str
    quote_max_size: str
    quote_increment: str
    quote_display_precision: int
    is_trade_disabled: bool
    is_margin_trade_supported: bool = False


class Rows(msgspec.Struct):
    """A list whose rows are read one by one: one that cannot be read does not take the others along."""

    data: list[msgspec.Raw]


class Balance(msgspec.Struct, rename="camel"):
    """`AccountBalance`, as far as admission needs it."""

    currency: str
    tradable_balance: str


class Level2(msgspec.Struct):
    """`Level2OrderBookSnapshot`; the sides are left as they came until somebody asks for the book."""

    product: str
    time: str
    bids: msgspec.Raw
    asks: msgspec.Raw


class FeedMessage(msgspec.Struct, rename="camel"):
    """What every message on the feed is looked at for first."""

    channel: str | None = None
    type: str | None = None
    status: str | None = None
    account_id: str | None = None
    product: str | None = None
    product_id: str | None = None


class OrderMessage(FeedMessage, rename="camel", kw_only=True):
    """A message of the `orders` channel. Trade fields are empty texts unless the event is a fill.

    `reason` is not in the documented message; it is read where it comes.
    """

    order_id: str
    client_order_id: str | None = None
    funding_type: str | None = None
    exec_type: str | None = None
    side: str | None = None
    cumulative_quantity: str | None = None
    cumulative_quote_quantity: str | None = None
    average_price: str | None = None
    trade_id: str | None = None
    fill_quantity: str | None = None
    fill_price: str | None = None
    last_fill_date: str | None = None
    time: str | None = None
    reason: str | None = None
    reason_description: str | None = None


class ErrorBody(msgspec.Struct, rename="camel"):
    """`Error1`, `ValidationError1`, `OrderConflictError`; `error` is a text or an object."""

    error_name: str
    error: Any = None
    req_id: Any = None
    context: Any = None
