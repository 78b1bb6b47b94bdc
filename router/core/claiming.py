"""What an order still claims of a Spot balance, and what its fills have moved."""

from decimal import Decimal

import msgspec

from router.core.counting import all_listed, fees_stated
from router.core.model import Claim, Side
from router.core.money import ZERO, add, divide_up, mul, sub
from router.core.order import Order

_SELL = Side.SELL


def claim_left(order: Order) -> Claim | None:
    """The part of its claim that an order's unfilled rest may take; None where it claims nothing.

    A claim is in proportion to the size, so its rest is too. A fill past the order leaves nothing.
    """
    claim = order.attempts[-1].claim if order.attempts else None
    if claim is None:
        return None
    request = order.request
    filled = order.filled_base if request.in_base else order.filled_quote
    if filled == 0:
        return claim
    left = max(ZERO, sub(request.quantity, filled))
    return msgspec.structs.replace(claim, amount=divide_up(mul(claim.amount, left), request.quantity))


def moves_of(order: Order) -> dict[str, Decimal]:
    """What an order's fills have moved, signed, by asset: fees in the quote currency are taken off."""
    if not order.attempts or not order.filled_base:
        return {}
    attempt = order.attempts[-1]
    product = attempt.product
    charged = fees_stated(order.fills, order.filled_base)
    if order.request.side is _SELL:
        brought = sub(order.filled_quote, attempt.fee_paid(order.filled_quote, charged))
        return {product.base: order.filled_base.copy_negate(), product.quote: brought}
    quote, limit, claim = order.filled_quote, attempt.outbound.limit_price, attempt.claim
    bought = order.filled_base
    # The sum in quote may not have been said yet: then more than the limit was not paid, and without a limit
    # the claim's part is what had been set aside for it.
    unsaid = charged is None and not all_listed(order.fills, bought)
    if unsaid and limit is not None:
        quote = max(quote, mul(bought, limit))
    paid = add(quote, attempt.fee_paid(quote, charged))
    if unsaid and limit is None and claim is not None and order.request.in_base:
        paid = max(paid, divide_up(mul(claim.amount, bought), order.request.quantity))
    return {product.base: bought, product.quote: sub(ZERO, paid)}


def moved_between(before: Order, after: Order) -> dict[str, Decimal]:
    """What moved from one record of an order to a later one, signed, by asset."""
    earlier, later = moves_of(before), moves_of(after)
    if not earlier:
        return later
    return {asset: sub(amount, earlier.get(asset, ZERO)) for asset, amount in later.items()}
