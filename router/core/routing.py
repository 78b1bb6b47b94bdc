"""From a winning quote to the one order that goes out: its limit, its time in force, its claim.

An indicative price goes out as a limit, never as a naked market order: the quote plus the slippage that the
caller allows, rounded to the tick toward the caller's safety. What the order can take at that limit is what
a Spot balance must cover (`Claim`); where the balance covers the quote but not the whole slippage, the limit
is narrowed to what it covers, so that an account is never asked for more than it has.

An order that works over time goes out with the caller's own limit or with none: a limit of ours would end it
when the market moves on. What it claims without one is explained in ADR 0008.
"""

from decimal import Decimal
from typing import Final

import msgspec

from router.core.model import (
    Claim,
    Connection,
    OrderRequest,
    OrderType,
    PricedQuote,
    Product,
    Reason,
    Route,
    Side,
    TimeInForce,
)
from router.core.money import BPS, ONE, ZERO, add, divide_down, divide_up, mul, round_down, round_up, sub
from router.core.once import Once

# Looked up once: the name of an enumeration's member costs as much as an addition.
_BUY: Final = Side.BUY
_MARKET: Final = OrderType.MARKET
_FOK: Final = TimeInForce.FOK


class Terms(msgspec.Struct, frozen=True, dict=True):
    """What the caller allows. `protected`: an accepted RFQ, fill-or-kill at the quoted price."""

    slippage_bps_max: Decimal
    protected: bool = False

    @Once
    def worst_buy(self) -> Decimal:
        """What a price of one may become in a buy: 1.005 for 50 basis points."""
        return add(ONE, mul(self.slippage_bps_max, BPS))

    @Once
    def worst_sale(self) -> Decimal:
        """What a price of one may become in a sale: 0.995 for 50 basis points."""
        return sub(ONE, mul(self.slippage_bps_max, BPS))


def limit_for(request: OrderRequest, terms: Terms, priced: PricedQuote, product: Product) -> Decimal:
    """The worst price that the order may trade at, in quote per base, on the product's tick.

    The caller's own limit; the quoted price where it is protected or firm; else the quote plus slippage.
    """
    price = request.limit_price
    if price is not None:
        return (round_down if request.side is _BUY else round_up)(price, product.price_increment)
    quote = priced.quote
    if quote.firm:
        # It is accepted by its id, at its price: no tick is asked of it.
        return quote.price
    return slipped_limit(quote.price, terms, request.side, product)


def slipped_limit(price: Decimal, terms: Terms, side: Side, product: Product) -> Decimal:
    """The limit of a market order on an indicative price: its slippage beyond it, or itself if protected."""
    if not terms.protected:
        price = _slipped(price, terms, side)
    return (round_down if side is _BUY else round_up)(price, product.price_increment)


def given_up(request: OrderRequest, product: Product) -> str:
    """The currency that the order gives up: the quote currency in a buy, the base currency in a sale."""
    return product.quote if request.side is _BUY else product.base


def claim_at(request: OrderRequest, connection: Connection, product: Product, limit: Decimal) -> Claim:
    """What the order takes of the currency given up if all of it trades at `limit`, fees included.

    Fees are charged in the quote currency: they add to what a buy gives up and come off a sale's proceeds.
    """
    if request.side is _BUY:
        notional = mul(request.quantity, limit) if request.in_base else request.quantity
        return Claim(product.quote, mul(notional, connection.with_fee))
    if request.in_base:
        return Claim(product.base, request.quantity)
    return Claim(product.base, round_up(divide_up(request.quantity, limit), product.base_increment))


def market_bound(limit: Decimal, worst: Decimal, side: Side) -> Decimal | Reason:
    """The limit of a market order whose size reaches a price as deep as `worst`, or why there is none.

    It must be able to fill whole: depth past its limit is no depth.
    """
    if limit <= ZERO:
        return Reason.INVALID_QUOTE
    return Reason.INSUFFICIENT_DEPTH if _beyond(worst, limit, side) else limit


def bound_of(
    request: OrderRequest, terms: Terms, priced: PricedQuote, product: Product
) -> Decimal | Reason | None:
    """The limit that an order on this quote goes out with, or why there is none; None: it works without."""
    if request.instruction is not None and request.limit_price is None:
        return None
    limit, quote = limit_for(request, terms, priced, product), priced.quote
    if request.type is _MARKET and quote.complete:
        return market_bound(limit, quote.price_worst, request.side)
    if limit <= ZERO:
        return Reason.INVALID_QUOTE
    return Reason.INSUFFICIENT_DEPTH if request.type is _MARKET else limit


def route(
    request: OrderRequest,
    terms: Terms,
    priced: PricedQuote,
    connection: Connection,
    product: Product,
    free: Decimal | None,
) -> Route | Reason:
    """The order that would go out on this quote, or why none can; `free` as `route_within` takes it."""
    bound = bound_of(request, terms, priced, product)
    if isinstance(bound, Reason):
        return bound
    return route_within(bound, request, terms, priced, connection, product, free)


def route_within(
    limit: Decimal | None,
    request: OrderRequest,
    terms: Terms,
    priced: PricedQuote,
    connection: Connection,
    product: Product,
    free: Decimal | None,
) -> Route | Reason:
    """The order that would go out on this quote within its bound, or why none can.

    `free`: what is free of the currency given up on a Spot connection, None where it is not known; it is
    not looked at for a PTS connection, which trades on credit.
    """
    # An accepted RFQ trades at its price, whole or not at all.
    time_in_force = _FOK if terms.protected else request.time_in_force_meant
    if connection.pts:
        return Route(connection.id, priced, limit, time_in_force, None)
    if free is None:
        return Reason.BALANCE_UNKNOWN
    if limit is None:
        whole = _claim_without_limit(request, terms, priced, connection, product, free)
        if isinstance(whole, Reason):
            return whole
        return Route(connection.id, priced, None, time_in_force, whole)
    quote, side = priced.quote, request.side
    claim = claim_at(request, connection, product, limit)
    if quote.firm and quote.all_in_price is not None and side is _BUY:
        # What it costs is known to the digit, fees and all.
        claim = Claim(claim.asset, add(quote.quantity_quote, priced.fee))
    if claim.amount <= free:
        return Route(connection.id, priced, limit, time_in_force, claim)
    if request.type is _MARKET and not quote.firm and not terms.protected:
        narrowed = _narrowed(request, connection, product, free)
        if narrowed is not None and not _beyond(quote.price_worst, narrowed, side):
            claim = claim_at(request, connection, product, narrowed)
            if claim.amount <= free:
                return Route(connection.id, priced, narrowed, time_in_force, claim)
    return Reason.INSUFFICIENT_BALANCE


def _slipped(price: Decimal, terms: Terms, side: Side) -> Decimal:
    """A price made worse by the slippage that the caller allows."""
    return mul(price, terms.worst_buy if side is _BUY else terms.worst_sale)


def _claim_without_limit(
    request: OrderRequest,
    terms: Terms,
    priced: PricedQuote,
    connection: Connection,
    product: Product,
    free: Decimal,
) -> Claim | Reason:
    """What a working order without a limit claims of a Spot balance, or why it cannot.

    A stop: its size at the trigger. Another: its size at the deepest price that its quote reaches must be
    free; the slippage on top is claimed too, as far as the balance has it.
    """
    trigger = request.price_bound
    worst = priced.quote.price_worst if trigger is None else trigger
    claim = claim_at(request, connection, product, worst)
    if claim.amount > free:
        return Reason.INSUFFICIENT_BALANCE
    slipped = _slipped(worst, terms, request.side)
    if trigger is not None or slipped <= ZERO:
        return claim
    return Claim(claim.asset, min(free, claim_at(request, connection, product, slipped).amount))


def _beyond(price: Decimal, limit: Decimal, side: Side) -> bool:
    return price > limit if side is _BUY else price < limit


def _narrowed(
    request: OrderRequest, connection: Connection, product: Product, free: Decimal
) -> Decimal | None:
    """The limit at which the claim just fits `free`; None where the claim does not depend on the limit."""
    if free <= ZERO:
        return None
    if request.side is Side.BUY and request.in_base:
        return round_down(
            divide_down(free, mul(request.quantity, connection.with_fee)), product.price_increment
        )
    if request.side is Side.SELL and not request.in_base:
        # The claim is in whole increments, so no more than that of what is free can be given up.
        usable = round_down(free, product.base_increment)
        if usable > ZERO:
            return round_up(divide_up(request.quantity, usable), product.price_increment)
    return None
