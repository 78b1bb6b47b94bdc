"""Book → price for the size → all-in price. Every sum is exact; only the price per unit is rounded.

A price per unit is a division, so it is rounded, against the caller and eight decimals finer than the
product's tick: a ranking by it never takes a worse offer for a better one by as much as that, and never
shows a price that is better than the truth.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

import msgspec

from router.core.instruction import SteadyPace, Twap
from router.core.model import Level, OrderRequest, PricedQuote, Product, Quote, Side, Source
from router.core.money import (
    BPS,
    ZERO,
    add,
    decimals_of,
    divide_down,
    divide_up,
    mul,
    round_down,
    round_up,
    sub,
    trim,
)

BEYOND_TICK_DECIMALS: Final = 8
"""Decimals of a price per unit past the product's tick: a hundred-millionth of a tick decides nothing."""


def quoted_quantity(request: OrderRequest, product: Product) -> Decimal:
    """The size that a price is wanted for, in the request's quantity currency.

    The whole size; of an order that goes out in slices, one of them: a TWAP's size over its slices (one a
    minute unless it names its interval), rounded up to an increment; a steady pace's sub-order.
    """
    match request.instruction:
        case SteadyPace(sub_order_size=size):
            return min(size, request.quantity)
        case Twap(duration_minutes=minutes, interval_minutes=interval, time_sliced=sliced):
            slices = max(1, minutes // interval) if sliced and interval is not None else minutes
            increment = product.base_increment if request.in_base else product.quote_increment
            return min(round_up(divide_up(request.quantity, Decimal(slices)), increment), request.quantity)
    return request.quantity


class Walk(msgspec.Struct, frozen=True):
    """A book walked to a size: `quantity_base` costs, or brings, exactly `quantity_quote`."""

    quantity_base: Decimal
    quantity_quote: Decimal
    price_worst: Decimal
    complete: bool


def walk_base(levels: Iterable[Level], quantity_base: Decimal) -> Walk | None:
    """Walk one side of a book, best level first, to a size in base; None where the side is empty."""
    left, cost, worst = quantity_base, ZERO, None
    for level in levels:
        take = min(left, level.size)
        cost = add(cost, mul(take, level.price))
        left = sub(left, take)
        worst = level.price
        if left == 0:
            break
    if worst is None:
        return None
    return Walk(sub(quantity_base, left), cost, worst, left == 0)


def walk_quote(levels: Iterable[Level], quantity_quote: Decimal, side: Side, product: Product) -> Walk | None:
    """Walk one side of a book to an amount in quote; None where the side is empty or nothing fits.

    The last level's base is rounded to the product's increment: down when buying (the amount is a spend
    that must not be passed), up when selling (the amount is a target that must be reached).
    """
    left, cost, base, worst = quantity_quote, ZERO, ZERO, None
    rounded = round_down if side is Side.BUY else round_up
    divided = divide_down if side is Side.BUY else divide_up
    complete = False
    for level in levels:
        value = mul(level.price, level.size)
        if value < left:
            left, cost, base, worst = sub(left, value), add(cost, value), add(base, level.size), level.price
            continue
        take = min(level.size, rounded(divided(left, level.price), product.base_increment))
        if take > 0:
            # A rest that buys no increment here does not reach this level's price.
            cost, base, worst = add(cost, mul(take, level.price)), add(base, take), level.price
        complete = True
        break
    if worst is None or base == 0:
        return None
    return Walk(base, cost, worst, complete)


def unit_price(quantity_quote: Decimal, quantity_base: Decimal, side: Side, product: Product) -> Decimal:
    """Quote per base, rounded against the caller: a buy's up, a sale's down.

    Shown to the product's tick at least, and to `BEYOND_TICK_DECIMALS` past it at most.
    """
    divided = divide_up if side is Side.BUY else divide_down
    tick = decimals_of(product.price_increment)
    return trim(divided(quantity_quote, quantity_base, tick + BEYOND_TICK_DECIMALS), tick)


def quote_from_levels(
    connection_id: str,
    source: Source,
    levels: Iterable[Level],
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
    if protected:
        price, notional = walk.price_worst, mul(walk.price_worst, walk.quantity_base)
        price = trim(price, decimals_of(product.price_increment))
    else:
        price, notional = (
            unit_price(walk.quantity_quote, walk.quantity_base, side, product),
            walk.quantity_quote,
        )
    return Quote(
        connection_id=connection_id,
        source=source,
        firm=False,
        price=price,
        price_worst=walk.price_worst,
        quantity_base=walk.quantity_base,
        quantity_quote=notional,
        complete=walk.complete,
    )


def fee_on(quantity_quote: Decimal, fee_bps: Decimal) -> Decimal:
    """The fee on a quote notional, exact, in the quote currency; `fee_bps` in basis points."""
    return mul(mul(quantity_quote, fee_bps), BPS)


def all_in(
    quantity_quote: Decimal, fee: Decimal, quantity_base: Decimal, side: Side, product: Product
) -> Decimal:
    """Price with fees per unit of base: what a buy pays and what a sell is left with."""
    total = add(quantity_quote, fee) if side is Side.BUY else sub(quantity_quote, fee)
    return unit_price(total, quantity_base, side, product)


def price_quote(quote: Quote, fee_bps: Decimal, side: Side, product: Product) -> PricedQuote:
    """Score a quote: add the connection's fee, or take the price with fees that the counterparty states.

    A stated price can be better than the one without fees (a rebate): the fee is below zero then.
    """
    stated = quote.all_in_price
    if stated is not None:
        total = mul(stated, quote.quantity_base)
        paid = sub(total, quote.quantity_quote) if side is Side.BUY else sub(quote.quantity_quote, total)
        return PricedQuote(quote=quote, fee=paid, all_in_price=stated)
    fee = fee_on(quote.quantity_quote, fee_bps)
    return PricedQuote(
        quote=quote,
        fee=fee,
        all_in_price=all_in(quote.quantity_quote, fee, quote.quantity_base, side, product),
    )


def mid_price(best_bids: Iterable[Decimal], best_asks: Iterable[Decimal]) -> Decimal | None:
    """The middle between the best bid and the best ask over several books; None where a side is empty."""
    bid, ask = max(best_bids, default=None), min(best_asks, default=None)
    if bid is None or ask is None:
        return None
    return trim(mul(add(bid, ask), Decimal("0.5")), max(decimals_of(bid), decimals_of(ask)))


def worse_by_bps(price: Decimal, reference: Decimal, side: Side) -> Decimal:
    """How much worse `price` is than `reference` for the caller, in basis points of the reference.

    Positive is worse; two decimals, rounded up, so that a cost is never shown smaller than it was.
    """
    difference = sub(price, reference) if side is Side.BUY else sub(reference, price)
    return trim(divide_up(mul(difference, Decimal(10_000)), reference, 2))


def better_by_bps(price: Decimal, reference: Decimal, side: Side) -> Decimal:
    """How much better `price` is than `reference`; two decimals, rounded down."""
    difference = sub(reference, price) if side is Side.BUY else sub(price, reference)
    return trim(divide_down(mul(difference, Decimal(10_000)), reference, 2))
