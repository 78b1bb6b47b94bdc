"""A book priced for a request; its best level, which covers most of them, is reckoned once a book.

Where the best level (the touch) has the whole size, there is no average to be taken, and nothing but sums
depends on the size: the price with fees and the limit of an order on it are those of the level. A book does
not change, so what its touch comes to on a connection is kept with it for the orders that come after.
"""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Final

import msgspec

from router.core.book import Book
from router.core.competition import Contender
from router.core.model import (
    Connection,
    OrderRequest,
    OrderType,
    PricedQuote,
    Product,
    Quote,
    Reason,
    Side,
    Source,
)
from router.core.money import ONE, mul, trim
from router.core.pricing import all_in, price_quote, quote_from_levels, quoted_quantity, unit_price
from router.core.routing import Terms, market_bound, slipped_limit

_BUY: Final = Side.BUY
_MARKET: Final = OrderType.MARKET
# By their place, and so that it can be read: a struct takes five times as long for names.
_INDICATIVE: Final = False
_COMPLETE: Final = True

Known = tuple[PricedQuote, Decimal | Reason | None]
"""A price, and a market order's `bound_of` where that is known with it."""


class Touch(msgspec.Struct, frozen=True, gc=False):
    """The best level of a side, as a product is traded there over a connection on some terms.

    It is kept with its book and is that connection's, product's and terms' alone: the very objects.
    `level_price` and `size` are the level's, `price` is shown; `market_bound` as `routing` has it.
    """

    product: Product
    connection: Connection
    terms: Terms
    level_price: Decimal
    size: Decimal
    price: Decimal
    all_in_price: Decimal
    market_bound: Decimal | Reason


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
    bound = market_bound(slipped_limit(price, terms, side, product), level_price, side)
    made = Touch(product, connection, terms, level_price, best.size, price, with_fee, bound)
    book.touches[buys] = made
    return made


def price_books(
    request: OrderRequest,
    terms: Terms,
    contenders: Iterable[Contender],
    books: Mapping[str, Book],
    source: Source,
) -> Iterator[Known | Reason]:
    """The price of the request's size, or its slice's, from each contender's book; or why there is none.

    A book is looked at when its price is asked for. A contender that is not among the books has a stale one.
    """
    side, in_base, whole = request.side, request.in_base, request.quantity
    buys, works = side is _BUY, request.instruction is not None
    is_market = request.type is _MARKET and request.limit_price is None
    for contender in contenders:
        connection, product = contender.connection, contender.product
        name = connection.id
        book = books.get(name)
        if book is None or product is None:
            yield Reason.STALE_BOOK if book is None else Reason.PRODUCT_UNSUPPORTED
            continue
        quantity = quoted_quantity(request, product) if works else whole
        if in_base:
            touch: Touch | None = book.touches[buys]
            if (
                touch is None
                or touch.connection is not connection
                or touch.product is not product
                or touch.terms is not terms
            ):
                touch = _touch_of(book, side, connection, product, terms)
            if touch is not None and touch.size >= quantity:
                level_price = touch.level_price
                cost = mul(quantity, level_price)
                quote = Quote(name, source, _INDICATIVE, touch.price, level_price, quantity, cost, _COMPLETE)
                priced = PricedQuote(quote, mul(cost, connection.fee_rate), touch.all_in_price)
                yield priced, touch.market_bound if is_market else None
                continue
        levels = book.asks if buys else book.bids
        walked = quote_from_levels(
            name, source, levels, product, side, quantity, in_base=in_base, protected=terms.protected
        )
        if walked is None:
            yield Reason.INSUFFICIENT_DEPTH
        else:
            yield price_quote(walked, connection.taker_fee_bps, side, product), None


def price_book(
    request: OrderRequest, terms: Terms, contender: Contender, book: Book, source: Source
) -> Known | Reason:
    """The price of the request's size, or its slice's, from one book; or why there is none."""
    return next(price_books(request, terms, (contender,), {contender.connection.id: book}, source))
