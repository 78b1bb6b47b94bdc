"""A book priced for a request; its best level, which covers most of them, is reckoned once a book.

Where the best level (the touch) has the whole size, there is no average to be taken, and nothing but sums
depends on the size: the price with fees and the limit of an order on it are those of the level. A book does
not change, so what its touch comes to on a connection is kept with it for the orders that come after.
"""

from decimal import Decimal
from typing import Final

import msgspec

from router.core.book import Book
from router.core.model import Connection, OrderRequest, PricedQuote, Product, Quote, Side, Source
from router.core.money import ONE, mul, trim
from router.core.pricing import all_in, price_quote, quote_from_levels, quoted_quantity, unit_price
from router.core.routing import Terms, slipped_limit

_BUY: Final = Side.BUY
# By their place, and so that it can be read: a struct takes five times as long for names.
_INDICATIVE: Final = False
_COMPLETE: Final = True


class Touch(msgspec.Struct, frozen=True, gc=False):
    """The best level of a side, as a product is traded there over a connection on some terms.

    It is kept with its book and is that connection's, product's and terms' alone: the very objects.

    `level_price` and `size` are the level's, `price` is shown; `limit_price` is the limit of a market order.
    """

    product: Product
    connection: Connection
    terms: Terms
    level_price: Decimal
    size: Decimal
    price: Decimal
    all_in_price: Decimal
    limit_price: Decimal


def _touch_of(book: Book, side: Side, connection: Connection, product: Product, terms: Terms) -> Touch | None:
    """What the level comes to that a request of this side trades against first; None where there is none."""
    buys = side is _BUY
    levels = book.asks if buys else book.bids
    if not levels:
        return None
    best = levels[0]
    level_price = best.price
    # The price of one: the size takes no part in what it comes to.
    if terms.protected:
        price = trim(level_price, product.tick_decimals)
    else:
        price = unit_price(level_price, ONE, side, product)
    with_fee = all_in(level_price, mul(level_price, connection.fee_rate), ONE, side, product)
    limit = slipped_limit(price, terms, side, product)
    made = Touch(product, connection, terms, level_price, best.size, price, with_fee, limit)
    book.touches[buys] = made
    return made


def price_book(
    request: OrderRequest, terms: Terms, connection: Connection, product: Product, book: Book, source: Source
) -> tuple[PricedQuote, Decimal | None] | None:
    """The price of the request's size, or its slice's, from a book; None where the side has nothing for it.

    With it the limit of a market order on that price, where it is known with the price.
    """
    side, quantity = request.side, request.quantity
    if request.instruction is not None:
        quantity = quoted_quantity(request, product)
    if request.in_base:
        touch: Touch | None = book.touches[side is _BUY]
        if (
            touch is None
            or touch.connection is not connection
            or touch.product is not product
            or touch.terms is not terms
        ):
            touch = _touch_of(book, side, connection, product, terms)
        if touch is None:
            return None
        if touch.size >= quantity:
            level_price = touch.level_price
            cost = mul(quantity, level_price)
            fee = mul(cost, connection.fee_rate)
            quote = Quote(
                connection.id, source, _INDICATIVE, touch.price, level_price, quantity, cost, _COMPLETE
            )
            return PricedQuote(quote, fee, touch.all_in_price), touch.limit_price
    walked = quote_from_levels(
        connection.id,
        source,
        book.asks if side is _BUY else book.bids,
        product,
        side,
        quantity,
        in_base=request.in_base,
        protected=terms.protected,
    )
    if walked is None:
        return None
    return price_quote(walked, connection.taker_fee_bps, side, product), None
