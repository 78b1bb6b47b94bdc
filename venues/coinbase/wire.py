"""The wire as Coinbase Prime documents it. Lenient: a field that nobody reads is not looked at.

Amounts are decimal strings; where there is none, the documents show an empty text, null, or no field.
"""

import msgspec


class Pagination(msgspec.Struct):
    """Where a list goes on; `next_cursor` is an empty text after the last page."""

    next_cursor: str | None = None
    has_next: bool | None = None


class RfqDetails(msgspec.Struct):
    """`rfq_product_details`: sizes within which a product is quoted on request."""

    tradable: bool = False
    min_base_size: str | None = None
    max_base_size: str | None = None
    min_quote_size: str | None = None
    max_quote_size: str | None = None
    min_notional_size: str | None = None
    max_notional_size: str | None = None


class Product(msgspec.Struct):
    """One of `products[]`."""

    id: str
    base_increment: str
    quote_increment: str
    base_min_size: str
    base_max_size: str
    quote_min_size: str
    quote_max_size: str
    price_increment: str | None = None
    permissions: list[str] | str | None = None
    rfq_product_details: RfqDetails | None = None


class Products(msgspec.Struct):
    """`GET products`."""

    products: list[msgspec.Raw]
    pagination: Pagination | None = None


class Balance(msgspec.Struct):
    """One of `balances[]`; `amount` has what is held in it."""

    symbol: str
    amount: str
    holds: str | None = None
    withdrawable_amount: str | None = None


class Balances(msgspec.Struct):
    """`GET balances`."""

    balances: list[msgspec.Raw]


class Quote(msgspec.Struct):
    """The answer to `POST rfq`. The last four are read where they are said."""

    quote_id: str
    best_price: str
    expiration_time: str | None = None
    order_total: str | None = None
    price_inclusive_of_fees: str | None = None
    quote_duration_ms: int | str | None = None
    product_id: str | None = None
    side: str | None = None
    base_quantity: str | None = None
    quote_value: str | None = None


class OrderAccepted(msgspec.Struct):
    """The answer to `POST accept_quote` and to `POST order`."""

    order_id: str


class Order(msgspec.Struct):
    """`order`, and one of `orders[]`."""

    id: str
    product_id: str
    side: str
    status: str
    client_order_id: str | None = None
    portfolio_id: str | None = None
    type: str | None = None
    time_in_force: str | None = None
    created_at: str | None = None
    filled_quantity: str | None = None
    filled_value: str | None = None
    average_filled_price: str | None = None


class OrderAnswer(msgspec.Struct):
    """`GET orders/{order_id}`."""

    order: Order


class OrderHead(msgspec.Struct):
    """What an order in a list is known by: others' orders are not read any further."""

    client_order_id: str | None = None
    created_at: str | None = None


class Orders(msgspec.Struct):
    """`GET orders` and `GET open_orders`."""

    orders: list[msgspec.Raw]
    pagination: Pagination | None = None


class Fill(msgspec.Struct):
    """One of `fills[]`: `filled_quantity` is base, `filled_value` and `commission` are quote."""

    id: str
    order_id: str
    price: str
    filled_quantity: str
    time: str
    filled_value: str | None = None
    commission: str | None = None


class Fills(msgspec.Struct):
    """`GET orders/{order_id}/fills`."""

    fills: list[Fill]
    pagination: Pagination | None = None


class AmountDue(msgspec.Struct):
    """One of `amounts_due[]`."""

    currency: str
    amount: str
    due_date: str | None = None


class Credit(msgspec.Struct):
    """`post_trade_credit`."""

    currency: str
    limit: str
    utilized: str
    available: str
    frozen: bool = False
    frozen_reason: str | None = None
    enabled: bool = False
    amounts_due: list[AmountDue] | None = None


class CreditAnswer(msgspec.Struct):
    """`GET credit`; without a line on a portfolio that has none."""

    post_trade_credit: Credit | None = None


class ErrorBody(msgspec.Struct):
    """A refusal: a text for people, and no code that could be relied on."""

    message: str | None = None
