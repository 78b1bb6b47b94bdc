"""Who joins a competition: Spot if its balance covers the trade, PTS always.

These are the checks that need no quote: the product, the size, and a Spot balance where what is given up
does not depend on the price. A claim that does depend on it (a buy in base, a sale in quote) is checked
against the connection's own quote by `routing.route`. For a PTS connection no balance, limit or position is
read, here or anywhere on an order's way: if there is no credit, the counterparty says so.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from router.core.errors import FieldError, InvalidRequestError, shown
from router.core.instruction import Instruction, SteadyPace, Stop
from router.core.model import Connection, OrderRequest, Product, Reason, Side
from router.core.money import ZERO, format_amount, is_multiple, rest_of
from router.core.routing import claim_at

_BUY: Final = Side.BUY


def check_product(request: OrderRequest, connection: Connection, product: Product | None) -> Reason | None:
    """Why the product or the size keeps a connection out; None if they do not."""
    if product is None:
        return Reason.PRODUCT_UNSUPPORTED
    if not product.enabled or (connection.pts and not product.margin_supported):
        return Reason.PRODUCT_DISABLED
    if request.in_base:
        low, high, step = product.base_size_min, product.base_size_max, product.base_increment
    else:
        low, high, step = product.quote_size_min, product.quote_size_max, product.quote_increment
    quantity = request.quantity
    if quantity < low:
        return Reason.SIZE_BELOW_MINIMUM
    if quantity > high:
        return Reason.SIZE_ABOVE_MAXIMUM
    if rest_of(quantity, step):
        # A size finer than this counterparty's step does not exist there, and no size is ever altered.
        return Reason.PRODUCT_UNSUPPORTED
    if request.instruction is None:
        return None
    return _check_instruction(request.instruction, product, low, step)


def _check_instruction(
    instruction: Instruction, product: Product, low: Decimal, step: Decimal
) -> Reason | None:
    """Why a part of a working order could not be taken; `low` and `step` are of the order's currency."""
    match instruction:
        case SteadyPace(sub_order_size=size):
            if size < low:
                return Reason.SIZE_BELOW_MINIMUM
            return None if is_multiple(size, step) else Reason.PRODUCT_UNSUPPORTED
        case Stop(trigger_price=trigger):
            # Put on the tick it would be another trigger.
            return None if is_multiple(trigger, product.price_increment) else Reason.PRODUCT_UNSUPPORTED
    return None


def check_balance(
    request: OrderRequest, connection: Connection, product: Product, free: Decimal | None
) -> Reason | None:
    """Why a Spot connection's balance keeps it out before any price is known; None if it does not.

    `free`: what is free of the currency given up, None where that is not known. Where the amount depends on
    the price, an account with nothing free of the currency is out already: no price is asked of a
    counterparty that could not be traded with.
    """
    if free is None:
        return Reason.BALANCE_UNKNOWN
    bound = request.price_bound
    if bound is None and request.in_base == (request.side is _BUY):
        return Reason.INSUFFICIENT_BALANCE if free <= ZERO else None
    claim = claim_at(request, connection, product, product.price_increment if bound is None else bound)
    return Reason.INSUFFICIENT_BALANCE if free < claim.amount else None


def check_increments(request: OrderRequest, products: Iterable[Product]) -> None:
    """Refuse sizes and prices that none of the counterparties that trade the product could take.

    Raises `InvalidRequestError` naming each field. Without any product nothing is known and nothing refused:
    the competition then says `product_unsupported`.
    """
    known = []
    in_base, instruction = request.in_base, request.instruction
    for product in products:
        if instruction is None and _fits(request, product, in_base=in_base):
            return  # one that could take it is enough, and most often it is the first
        known.append(product)
    if not known:
        return
    steps = sorted({p.base_increment if in_base else p.quote_increment for p in known})
    ticks = sorted({p.price_increment for p in known})
    sub_order = instruction.sub_order_size if isinstance(instruction, SteadyPace) else None
    trigger = instruction.trigger_price if isinstance(instruction, Stop) else None
    wrong = [
        FieldError(field, f"a multiple of {format_amount(fits[0])} {currency}", shown(format_amount(value)))
        for field, value, fits, currency in (
            ("quantity", request.quantity, steps, request.quantity_currency),
            ("limit_price", request.limit_price, ticks, request.quote),
            ("sub_order_size", sub_order, steps, request.quantity_currency),
            ("trigger_price", trigger, ticks, request.quote),
        )
        if value is not None and not any(is_multiple(value, step) for step in fits)
    ]
    if wrong:
        raise InvalidRequestError(*wrong)


def _fits(request: OrderRequest, product: Product, *, in_base: bool) -> bool:
    """Whether size and limit are on this product's increments."""
    step = product.base_increment if in_base else product.quote_increment
    limit = request.limit_price
    on_tick = limit is None or is_multiple(limit, product.price_increment)
    return on_tick and is_multiple(request.quantity, step)
