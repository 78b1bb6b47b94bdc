"""A price at the touch is the one that walking the book makes, digit by digit, and is kept with its book."""

from decimal import Decimal

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from router.core.book import Book, Level
from router.core.competition import Contender
from router.core.model import Connection, OrderRequest, OrderType, PricedQuote, Product, Reason, Side, Source
from router.core.pricing import price_quote, quote_from_levels
from router.core.routing import Terms, bound_of
from router.core.touch import Touch, price_book
from tests.unit import build
from tests.unit.core.plain import digits
from tests.unit.core.strategies import SIDES, SIZES, sides_of_book

D = Decimal
TERMS = Terms(D(50))
SPOT = build.connection(fee_bps="10")
PRODUCT = build.product()
FEES = st.sampled_from(["0", "0.5", "10", "12.345", "33.3333333333"])
PRODUCTS = st.sampled_from(
    [
        build.product(),
        build.product(price_increment=D("0.05")),
        build.product(price_increment=D(1), base_increment=D("0.001")),
        build.product(price_increment=D(10)),
        build.product(price_increment=D("0.000001")),
    ]
)


def one_side(side: Side, levels: tuple[Level, ...]) -> Book:
    """A book that a request of this side finds these levels in."""
    return build.book(() if side is Side.BUY else levels, levels if side is Side.BUY else ())


def walked(
    request: OrderRequest, terms: Terms, connection: Connection, product: Product, levels: tuple[Level, ...]
) -> PricedQuote | None:
    """The price as the levels make it, without regard to what was known before."""
    quote = quote_from_levels(
        connection.id,
        Source.BOOK,
        levels,
        product,
        request.side,
        request.quantity,
        in_base=request.in_base,
        protected=terms.protected,
    )
    return None if quote is None else price_quote(quote, connection.taker_fee_bps, request.side, product)


def every_digit(priced: PricedQuote | None) -> object:
    """All of a price: amounts by their digits, the rest as it is."""
    assert priced is not None
    values = (*msgspec.structs.astuple(priced.quote), priced.fee, priced.all_in_price)
    return [digits(value) if isinstance(value, Decimal) else value for value in values]


@given(
    SIDES.flatmap(lambda side: st.tuples(st.just(side), sides_of_book(side))),
    SIZES,
    FEES,
    PRODUCTS,
    st.booleans(),
    st.booleans(),
    st.sampled_from(["BTC", "USD"]),
)
# More decimals than a price is shown with.
@example((Side.BUY, (Level(D("100.12345678901"), D(5)),)), D(1), "10", build.product(), False, True, "BTC")
@example((Side.SELL, (Level(D("100.12345678901"), D(5)),)), D(1), "10", build.product(), True, True, "BTC")
def test_it_is_what_walking_the_levels_makes(
    drawn: tuple[Side, tuple[Level, ...]],
    size: Decimal,
    fee_bps: str,
    product: Product,
    protected: bool,
    whole: bool,
    currency: str,
) -> None:
    side, levels = drawn
    # Half of them are had at the best level, to the last digit of its size.
    quantity = min(size, levels[0].size) if whole else size
    request = build.request(side=side, quantity=quantity, quantity_currency=currency)
    connection, terms = build.connection(fee_bps=fee_bps), Terms(D(50), protected)
    book, expected = one_side(side, levels), walked(request, terms, connection, product, levels)

    for _ in ("reckoned", "kept"):
        found = price_book(request, terms, Contender(connection, product), book, Source.BOOK)

        assert isinstance(found, tuple) is (expected is not None)
        if not isinstance(found, tuple):
            continue
        assert every_digit(found[0]) == every_digit(expected)
        if found[1] is not None:
            bound = bound_of(request, terms, found[0], product)
            assert isinstance(found[1], Decimal) is isinstance(bound, Decimal)
            assert (digits(bound) if isinstance(bound, Decimal) else bound) == (
                digits(found[1]) if isinstance(found[1], Decimal) else found[1]
            )


def kept_for(
    book: Book,
    request: OrderRequest,
    connection: Connection = SPOT,
    product: Product = PRODUCT,
    terms: Terms = TERMS,
) -> Touch | None:
    """What a book keeps once it was priced."""
    assert isinstance(price_book(request, terms, Contender(connection, product), book, Source.BOOK), tuple)
    kept: Touch | None = book.touches[request.side is Side.BUY]
    return kept


def test_a_side_without_levels_has_no_price() -> None:
    book = build.book((), build.levels(("100.00", "1")))

    request = build.request(side=Side.SELL)

    found = price_book(request, TERMS, Contender(SPOT, PRODUCT), book, Source.BOOK)

    assert found is Reason.INSUFFICIENT_DEPTH
    assert book.touches == [None, None]
    assert (book.best_bid, book.best_ask) == (None, D("100.00"))


def test_it_is_reckoned_once_a_book_and_side() -> None:
    book = build.book(build.levels(("99.00", "1")), build.levels(("100.00", "1")))

    buy, sale = (kept_for(book, build.request(side=side)) for side in (Side.BUY, Side.SELL))

    assert kept_for(book, build.request()) is buy
    assert kept_for(book, build.request(side=Side.SELL)) is sale
    assert buy is not None
    assert sale is not None
    assert (buy.price, buy.all_in_price, buy.market_bound) == (D("100.00"), D("100.10"), D("100.50"))
    assert (sale.price, sale.all_in_price, sale.market_bound) == (D("99.00"), D("98.901"), D("98.51"))


def test_another_fee_tick_or_slippage_is_reckoned_anew() -> None:
    def after_the_usual(
        connection: Connection = SPOT, product: Product = PRODUCT, terms: Terms = TERMS
    ) -> Touch | None:
        book = build.book((), build.levels(("100.00", "1")))
        kept_for(book, build.request())
        return kept_for(book, build.request(), connection, product, terms)

    dearer = after_the_usual(connection=build.connection(fee_bps="20"))
    coarser = after_the_usual(product=build.product(price_increment=D("0.4")))
    narrower = after_the_usual(terms=Terms(D(10)))

    assert dearer is not None
    assert dearer.all_in_price == D("100.20")
    assert coarser is not None
    assert coarser.market_bound == D("100.4")
    assert narrower is not None
    assert narrower.market_bound == D("100.10")


def test_depth_past_a_market_orders_limit_is_no_depth_at_the_touch_either() -> None:
    book = build.book((), build.levels(("100.00", "1")))
    coarse = build.product(price_increment=D(3))

    found = price_book(build.request(), TERMS, Contender(SPOT, coarse), book, Source.BOOK)

    assert isinstance(found, tuple)
    assert found[1] is Reason.INSUFFICIENT_DEPTH


def test_a_limit_of_the_callers_own_is_not_the_touchs_to_know() -> None:
    book = build.book((), build.levels(("100.00", "1")))
    request = build.request(type=OrderType.LIMIT, limit_price=D(90))

    found = price_book(request, TERMS, Contender(SPOT, PRODUCT), book, Source.BOOK)

    assert isinstance(found, tuple)
    assert found[1] is None
