"""What an order was executed at, against what had been quoted: one reckoning for answers and for reports."""

from decimal import Decimal

import msgspec

from router.core.attempt import Attempt
from router.core.counting import fees_stated
from router.core.model import Fill, Side
from router.core.money import trim
from router.core.order import Order
from router.core.pricing import all_in, better_by_bps, unit_price, worse_by_bps


class Execution(msgspec.Struct, frozen=True, gc=False):
    """What was traded, per unit of base; the fee, in quote currency, is the fills' own where each has one.

    `slippage_bps`: the average against the price that was quoted, positive is worse; `improvement_bps`: the
    price with fees against the next best, positive is better; None: there is nothing to hold it against.
    """

    average: Decimal
    all_in: Decimal
    fee: Decimal
    slippage_bps: Decimal
    improvement_bps: Decimal | None


def execution_of(order: Order) -> Execution | None:
    """What the order's last counterparty executed; None where nothing was, or its value is not known yet."""
    if not order.attempts:
        return None
    return executed(
        order.attempts[-1], order.request.side, order.filled_base, order.filled_quote, order.fills
    )


def executed(
    attempt: Attempt, side: Side, base: Decimal, quote: Decimal, fills: tuple[Fill, ...] = ()
) -> Execution | None:
    """What quantities of base and quote on an attempt come to; None unless there is something of both.

    `fills`: the attempt's, as far as they were listed.
    """
    if base <= 0 or quote <= 0:
        return None
    product = attempt.product
    fee = attempt.fee_paid(quote, fees_stated(fills, base))
    average = unit_price(quote, base, side, product)
    paid = all_in(quote, fee, base, side, product)
    cover = attempt.cover_price
    # By their place: names take a struct several times as long, and every answer has one.
    return Execution(
        average,
        paid,
        trim(fee),
        worse_by_bps(average, attempt.quoted_price, side),
        None if cover is None else better_by_bps(paid, cover, side),
    )


def all_in_slippage_bps(order: Order, done: Execution) -> Decimal | None:
    """The price with fees against the one that was quoted, in basis points; positive is worse.

    `done`: what `execution_of` says of the order. None where no price was quoted to hold it against.
    """
    stated = order.attempts[-1].quoted_all_in_price
    return worse_by_bps(done.all_in, stated, order.request.side) if stated > 0 else None
