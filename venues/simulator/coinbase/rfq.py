"""Quotes: asked for, held for a while, accepted once.

Source: Coinbase Prime, "RFQ" and "Create Quote Request": firm for the full size, a limit price that is
marketable against the mid, held from when the market maker answers.
"""

from datetime import timedelta
from decimal import Decimal

from venues.simulator import clock
from venues.simulator.coinbase import funds
from venues.simulator.coinbase.desk import PrimeDesk
from venues.simulator.coinbase.errors import PrimeError
from venues.simulator.coinbase.market import (
    check_price,
    check_size,
    marks,
    mid,
    product_of,
    rfq_sizes,
    tradable_by_rfq,
)
from venues.simulator.coinbase.model import NewPrimeOrder, PrimeOrder, Quote, with_fee
from venues.simulator.coinbase.portfolio import Portfolio
from venues.simulator.coinbase.requests import AcceptRequest, QuoteRequest
from venues.simulator.market import Product
from venues.simulator.money import BPS, ONE, ZERO, floor_to
from venues.simulator.world import World


class QuoteDesk:
    """Gives quotes and takes their acceptance."""

    def __init__(self, world: World, desk: PrimeDesk) -> None:
        self._world = world
        self._desk = desk

    def quote(self, portfolio: Portfolio, asked: QuoteRequest) -> Quote:
        """Give a price that is held for the whole size, or refuse."""
        if asked.client_quote_id in portfolio.client_quote_ids:
            raise PrimeError("client_quote_id was used before.")
        product = product_of(self._world, portfolio, asked.product, asked.side)
        own = portfolio.products[product.name]
        if not tradable_by_rfq(product, own):
            raise PrimeError(f"{product.name} is not tradable by request for quote.")
        if asked.quote_value is not None and not portfolio.quote_value_allowed:
            raise PrimeError("A quote is given for base_quantity only.")
        check_price(product, "limit_price", asked.limit_price)
        sizes = rfq_sizes(product, own)
        check_size(product, sizes, asked.base_quantity, asked.quote_value)
        self._check_marketable(portfolio, product, asked)
        fault = portfolio.faults.quote()
        price = self._price(portfolio, product, asked, fault.off_bps)
        base = asked.base_quantity
        if base is None:
            base = _base_for(portfolio, product, asked.side, price, asked.quote_value or ZERO)
            check_size(product, sizes, base, None)
        moment = clock.now()
        held_ms = 0 if fault.expire_at_once else asked.duration_ms or portfolio.quote_duration_ms
        quote = Quote(
            id=portfolio.draw("quote"),
            client_quote_id=asked.client_quote_id,
            product=product,
            side=asked.side,
            base_quantity=base,
            price=price,
            fee_bps=portfolio.fee_bps,
            created=moment,
            expires=moment + timedelta(milliseconds=held_ms),
            duration_ms_asked=asked.duration_ms,
        )
        if portfolio.funds_checked_at_quote:
            given_up = (product.quote, quote.total) if asked.side == "BUY" else (product.base, base)
            funds.check(portfolio, *given_up, marks(self._world, portfolio))
        portfolio.keep_quote(quote)
        return quote

    def accept(self, portfolio: Portfolio, asked: AcceptRequest) -> PrimeOrder:
        """Trade at a quote, once and in time; a refusal for funds or credit leaves it to be accepted."""
        quote = portfolio.quotes.get(asked.quote_id)
        if quote is None:
            raise PrimeError("There is no such quote.", 404)
        if (asked.product, asked.side) != (quote.product.name, quote.side):
            raise PrimeError("product_id and side must be those of the quote.")
        if quote.order_id is not None:
            raise PrimeError("The quote was accepted already.")
        if clock.now() >= quote.expires:
            raise PrimeError("The quote has expired.")
        product = product_of(self._world, portfolio, asked.product, asked.side)
        new = NewPrimeOrder(
            product=product.name,
            side=quote.side,
            type="RFQ",
            client_order_id=asked.client_order_id,
            base_quantity=quote.base_quantity,
            limit_price=quote.price,
            time_in_force="FILL_OR_KILL",
        )
        order = self._desk.take(portfolio, new, product, quote)
        quote.order_id = order.id
        return order

    def _check_marketable(self, portfolio: Portfolio, product: Product, asked: QuoteRequest) -> None:
        middle = mid(portfolio, product)
        if asked.side == "BUY" and asked.limit_price <= middle:
            raise PrimeError("limit_price must be above the mid price for a BUY.")
        if asked.side == "SELL" and asked.limit_price >= middle:
            raise PrimeError("limit_price must be below the mid price for a SELL.")

    def _price(
        self, portfolio: Portfolio, product: Product, asked: QuoteRequest, off_bps: str | None
    ) -> Decimal:
        """Give the price of the best maker: the top of the portfolio's book, whatever stands there."""
        book = portfolio.maker.book(product)
        side = book.asks if asked.side == "BUY" else book.bids
        if not side:
            raise PrimeError("No market maker has answered.")
        if off_bps is not None:
            # A wrong price is wrong in the maker's answer: nobody holds it against the limit.
            off = side[0].price * (ONE + Decimal(off_bps) / BPS)
            return max(floor_to(off, product.tick), product.tick)
        price = side[0].price
        if price > asked.limit_price if asked.side == "BUY" else price < asked.limit_price:
            raise PrimeError("No market maker has quoted within limit_price.")
        return price


def _base_for(portfolio: Portfolio, product: Product, side: str, price: Decimal, value: Decimal) -> Decimal:
    """Give the base quantity for a value: the fee of a buy is within it."""
    unit = with_fee(price, side, portfolio.fee_bps) if side == "BUY" else price
    return floor_to(value / unit, product.base_increment)
