"""Book → price for the size → all-in price. Every sum is exact; only the price per unit is rounded.

A price per unit is a division, so it is rounded, against the caller and eight decimals finer than the
product's tick: a ranking by it never takes a worse offer for a better one by as much as that, and never
shows a price that is better than the truth.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from router.core.book import Level
from router.core.instruction import SteadyPace, Twap
from router.core.model import OrderRequest, PricedQuote, Product, Quote, Side, Source
from router.core.money import (
    BPS,
    ZERO,
    add,
    divide_down,
    divide_up,
    halve,
    mul,
    mul_add,
    ratio_down,
    ratio_up,
    round_down,
    round_up,
    sub,
    trim,
)

BEYOND_TICK_DECIMALS: Final = 8
"""Decimals of a price per unit past the product's tick: a hundred-millionth of a tick decides nothing."""

# Looked up once: the name of an enumeration's member costs as much as an addition.
_BUY: Final = Side.BUY
_BPS_OF_ONE: Final = Decimal(10_000)
# By its place, and so that it can be read: a struct takes five times as long for names.
_INDICATIVE: Final = False


def quoted_quantity(request: OrderRequest, product: Product) -> Decimal:
    """The size that a price is wanted for, in the request's quantity currency.

    The whole size; of an order that goes out in slices, one of them: a TWAP's size over its slices (one a
    minute unless it names its interval), rounded up to an increment; a steady pace's sub-order.
    """
    instruction = request.instruction
    if instruction is None:
        return request.quantity
    match instruction:
        case SteadyPace(sub_order_size=size):
            return min(size, request.quantity)
        case Twap(duration_minutes=minutes, interval_minutes=interval, time_sliced=sliced):
            slices = max(1, minutes // interval) if sliced and interval is not None else minutes
            increment = product.base_increment if request.in_base else product.quote_increment
            return min(round_up(divide_up(request.quantity, Decimal(slices)), increment), request.quantity)
    return request.quantity


class Walk(msgspec.Struct, frozen=True, gc=False):
    """A book walked to a size: `quantity_base` costs, or brings, exactly `quantity_quote`."""

    quantity_base: Decimal
    quantity_quote: Decimal
    price_worst: Decimal
    complete: bool


def walk_base(levels: Iterable[Level], quantity_base: Decimal) -> Walk | None:
    """Walk one side of a book, best level first, to a size in base; None where the side is empty."""
    left, cost, worst = quantity_base, ZERO, None
    for level in levels:
        worst, size = level.price, level.size
        if size >= left:
            return Walk(quantity_base, mul_add(left, worst, cost), worst, complete=True)
        cost = mul_add(size, worst, cost)
        left = sub(left, size)
    if worst is None:
        return None
    return Walk(sub(quantity_base, left), cost, worst, complete=False)


def walk_quote(levels: Iterable[Level], quantity_quote: Decimal, side: Side, product: Product) -> Walk | None:
    """Walk one side of a book to an amount in quote; None where the side is empty or nothing fits.

    The last level's base is rounded to the product's increment: down when buying (the amount is a spend
    that must not be passed), up when selling (the amount is a target that must be reached).
    """
    left, cost, base, worst = quantity_quote, ZERO, ZERO, None
    rounded = round_down if side is _BUY else round_up
    divided = divide_down if side is _BUY else divide_up
    complete = False
    for level in levels:
        price, size = level.price, level.size
        value = mul(price, size)
        if value < left:
            left, cost, base, worst = sub(left, value), add(cost, value), add(base, size), price
            continue
        take = min(size, rounded(divided(left, price), product.base_increment))
        if take > ZERO:
            # A rest that buys no increment here does not reach this level's price.
            cost, base, worst = mul_add(take, price, cost), add(base, take), price
        complete = True
        break
    if worst is None or not base:
        return None
    return Walk(base, cost, worst, complete)


def unit_price(quantity_quote: Decimal, quantity_base: Decimal, side: Side, product: Product) -> Decimal:
    """Quote per base, rounded against the caller: a buy's up, a sale's down.

    Shown to the product's tick at least, and to `BEYOND_TICK_DECIMALS` past it at most.
    """
    tick = product.tick_decimals
    ratio = ratio_up if side is _BUY else ratio_down
    return ratio(quantity_quote, quantity_base, tick, tick + BEYOND_TICK_DECIMALS)


def quote_from_levels(
    connection_id: str,
    source: Source,
    levels: Sequence[Level],
    product: Product,
    side: Side,
    quantity: Decimal,
    *,
    in_base: bool,
    protected: bool = False,
) -> Quote | None:
    """An indicative quote for a size, from the side of a book that the caller would trade against.

    `quantity` is in base (`in_base`) or in quote. `protected`: the price is the deepest level that the size
    reaches and not the average over them, the one that can be promised with a fill-or-kill limit.
    None where the side is empty.
    """
    walk = walk_base(levels, quantity) if in_base else walk_quote(levels, quantity, side, product)
    if walk is None:
        return None
    base, worst, notional = walk.quantity_base, walk.price_worst, walk.quantity_quote
    if protected:
        price, notional = trim(worst, product.tick_decimals), mul(worst, base)
    else:
        price = unit_price(notional, base, side, product)
    return Quote(connection_id, source, _INDICATIVE, price, worst, base, notional, walk.complete)


def fee_on(quantity_quote: Decimal, fee_bps: Decimal) -> Decimal:
    """The fee on a quote notional, exact, in the quote currency; `fee_bps` in basis points."""
    return mul(mul(quantity_quote, fee_bps), BPS)


def all_in(
    quantity_quote: Decimal, fee: Decimal, quantity_base: Decimal, side: Side, product: Product
) -> Decimal:
    """Price with fees per unit of base: what a buy pays and what a sell is left with."""
    total = add(quantity_quote, fee) if side is _BUY else sub(quantity_quote, fee)
    return unit_price(total, quantity_base, side, product)


def price_quote(quote: Quote, fee_bps: Decimal, side: Side, product: Product) -> PricedQuote:
    """Score a quote: add the connection's fee, or take the price with fees that the counterparty states.

    A stated price can be better than the one without fees (a rebate): the fee is below zero then.
    """
    stated, base, notional = quote.all_in_price, quote.quantity_base, quote.quantity_quote
    if stated is not None:
        total = mul(stated, base)
        return PricedQuote(quote, sub(total, notional) if side is _BUY else sub(notional, total), stated)
    fee = fee_on(notional, fee_bps)
    return PricedQuote(quote, fee, all_in(notional, fee, base, side, product))


def mid_price(best_bid: Decimal | None, best_ask: Decimal | None) -> Decimal | None:
    """The middle between the best bid and the best ask; None where a side is empty.

    With the decimals of the finer of the two, or one more where the middle falls between.
    """
    if best_bid is None or best_ask is None:
        return None
    return halve(add(best_bid, best_ask))


def worse_by_bps(price: Decimal, reference: Decimal, side: Side) -> Decimal:
    """How much worse `price` is than `reference` for the caller, in basis points of the reference.

    Positive is worse; two decimals, rounded up, so that a cost is never shown smaller than it was.
    """
    difference = sub(price, reference) if side is _BUY else sub(reference, price)
    if not difference and reference:
        return ZERO
    return ratio_up(mul(difference, _BPS_OF_ONE), reference, 0, 2)


def better_by_bps(price: Decimal, reference: Decimal, side: Side) -> Decimal:
    """How much better `price` is than `reference`; two decimals, rounded down."""
    difference = sub(reference, price) if side is _BUY else sub(price, reference)
    if not difference and reference:
        return ZERO
    return ratio_down(mul(difference, _BPS_OF_ONE), reference, 0, 2)
