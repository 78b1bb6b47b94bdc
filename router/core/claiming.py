"""What an order still claims of a Spot balance, and what its fills have moved."""

from decimal import Decimal

import msgspec

from router.core.counting import all_listed, fees_stated
from router.core.model import Claim, Side
from router.core.money import ZERO, add, divide_up, mul, sub
from router.core.order import Order


def claim_left(order: Order) -> Claim | None:
    """The part of its claim that an order's unfilled rest may take; None where it claims nothing.

    A claim is in proportion to the size, so its rest is too. A fill past the order leaves nothing.
    """
    claim = None if order.attempt is None else order.attempt.claim
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
    attempt = order.attempt
    if attempt is None or order.filled_base == 0:
        return {}
    product = attempt.product
    charged = fees_stated(order.fills, order.filled_base)
    if order.request.side is Side.SELL:
        brought = sub(order.filled_quote, attempt.fee_paid(order.filled_quote, charged))
        return {product.base: order.filled_base.copy_negate(), product.quote: brought}
    quote, limit, claim = order.filled_quote, attempt.outbound.limit_price, attempt.claim
    # The sum in quote may not have been said yet: then more than the limit was not paid, and without a limit
    # the claim's part is what had been set aside for it.
    stated = all_listed(order.fills, order.filled_base)
    if limit is not None and not stated:
        quote = max(quote, mul(order.filled_base, limit))
    paid = add(quote, attempt.fee_paid(quote, charged))
    if limit is None and not stated and claim is not None and order.request.in_base:
        paid = max(paid, divide_up(mul(claim.amount, order.filled_base), order.request.quantity))
    return {product.base: order.filled_base, product.quote: sub(ZERO, paid)}


def moved_between(before: Order, after: Order) -> dict[str, Decimal]:
    """What moved from one record of an order to a later one, signed, by asset."""
    earlier, later = moves_of(before), moves_of(after)
    if not earlier:
        return later
    return {asset: sub(amount, earlier.get(asset, ZERO)) for asset, amount in later.items()}
