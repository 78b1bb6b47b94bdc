"""What a person found out of an order in doubt by other means: the counterparty's web page, a telephone call.

It ends the order as evidence would. Evidence that comes after it is counted as ever, and what contradicts the
finding is marked: a final status stays, and somebody has to know that it is not the truth.
"""

import enum
from decimal import Decimal
from functools import reduce

import msgspec

from router.core.errors import Code, FieldError, InvalidRequestError, OrderError
from router.core.model import OrderReport, OrderRequest, OrderStatus
from router.core.money import ZERO, add, format_amount, mul


class Found(enum.StrEnum):
    """What became of the order."""

    ABSENT = "absent"
    """The counterparty never took it."""
    EXECUTED = "executed"
    """The counterparty took it, and nothing more of it will trade."""


class Finding(msgspec.Struct, frozen=True):
    """A person's finding, with the name and the reason that it is kept under; `at` in nanoseconds.

    Of an executed order: `filled_base` in base, `average_price` in quote per base (None where nothing was
    traded), `status` filled or canceled. `contradicted_at`: since when the counterparty says otherwise.
    """

    found: Found
    operator: str
    reason: str
    at: int
    venue_order_id: str | None = None
    filled_base: Decimal = ZERO
    average_price: Decimal | None = None
    status: OrderStatus = OrderStatus.REJECTED
    contradicted_at: int | None = None

    @property
    def filled_quote(self) -> Decimal:
        """What was traded, in quote."""
        return ZERO if self.average_price is None else mul(self.average_price, self.filled_base)

    def error(self, connection_id: str) -> OrderError | None:
        """What the order ends with, where it was never taken."""
        if self.found is not Found.ABSENT:
            return None
        detail = f"found absent by {self.operator}: {self.reason}"
        return OrderError(Code.NOT_TAKEN, detail, retryable=True, connection_id=connection_id)

    def denied_by(self, report: OrderReport, filled_base: Decimal) -> bool:
        """Whether a report says otherwise; `filled_base`: what was executed by all that is known with it.

        A report that was overtaken, of a time when less was executed, says nothing against the end.
        """
        if self.found is Found.ABSENT:
            return True
        short = report.state.is_final and filled_base == self.filled_base and report.filled_base < filled_base
        listed = reduce(add, (fill.quantity_base for fill in report.fills), ZERO)
        another = report.venue_order_id != self.venue_order_id
        return another or filled_base > self.filled_base or (short and listed < filled_base)


def executed(
    request: OrderRequest,
    *,
    operator: str,
    reason: str,
    at: int,
    venue_order_id: str,
    filled_base: Decimal,
    average_price: Decimal | None,
    status: OrderStatus | None,
) -> Finding:
    """The finding that an order was executed; without a status, by what was ordered of it.

    Raises `InvalidRequestError` where the quantities cannot be this order's.
    """
    most = request.quantity if request.in_base else None
    if most is not None and filled_base > most:
        raise InvalidRequestError(
            FieldError("filled_quantity", f"at most {most:f}, the order's", format_amount(filled_base))
        )
    if (average_price is None) != (filled_base == 0):
        expected = "a price where something traded, else null"
        was = None if average_price is None else format_amount(average_price)
        raise InvalidRequestError(FieldError("average_price", expected, was))
    whole = filled_base > 0 and (most is None or filled_base == most)
    if status is OrderStatus.FILLED and not whole:
        raise InvalidRequestError(
            FieldError("final_status", '"canceled" where not all of it traded', '"filled"')
        )
    return Finding(
        found=Found.EXECUTED,
        operator=operator,
        reason=reason,
        at=at,
        venue_order_id=venue_order_id,
        filled_base=filled_base,
        average_price=average_price,
        status=status or (OrderStatus.FILLED if whole else OrderStatus.CANCELED),
    )
