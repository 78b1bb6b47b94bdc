"""What a portfolio's credit line says of a refusal. Pure.

Coinbase Prime has no machine code for a want of credit. What it has is the line itself: one that is frozen,
not enabled, or whose `available` is below the order, read right after a refusal, means credit.
"""

from decimal import Decimal

from router.core.account import CreditLine, Value
from router.core.errors import Code, OrderError, VenueError


def credit_code(line: CreditLine, worth: Value | None) -> Code | None:
    """The code of a refusal for want of credit; None where the line would have taken the order.

    `worth`: the order's, None where no price bounds it. In another currency than the line's it is not
    compared: only a line with nothing left at all says something then.
    """
    if line.frozen:
        return Code.CREDIT_FROZEN
    if not line.enabled:
        # `credit_margin_disabled` is about a product; the line as a whole is any other want of credit.
        return Code.CREDIT_UNAVAILABLE
    needed = worth.quantity if worth is not None and worth.currency == line.currency else Decimal(0)
    if line.available < needed or line.available <= 0:
        return Code.CREDIT_UNAVAILABLE
    return None


def credit_error(code: Code, line: CreditLine, connection_id: str, said: VenueError | None) -> OrderError:
    """The refusal as the caller gets it, with the counterparty's own words."""
    if code is Code.CREDIT_FROZEN:
        what = f"the credit line is frozen: {line.frozen_reason or 'it gives no reason'}"
    elif not line.enabled:
        what = "the credit line is not enabled"
    else:
        what = f"the credit line has {line.available:f} {line.currency} available"
    message = None if said is None else said.message
    return OrderError(
        code,
        f"{what}; the counterparty refused: {message}" if message else what,
        connection_id=connection_id,
        venue_error=said,
    )
