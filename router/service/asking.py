"""What is refused of a request before it is accepted: all that products and the clock can tell."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from router.core.admission import check_increments
from router.core.errors import FieldError, InvalidRequestError, shown
from router.core.model import OrderRequest, Product

SCHEDULED_AHEAD_DAYS_MAX: Final = 365
"""How far ahead an order may be scheduled: BitGo's bound is not published, and no order should begin when
nobody remembers who placed it."""
_DAY_NS: Final = 86_400_000_000_000
_NS_PER_S: Final = 1_000_000_000


def check_request(request: OrderRequest, products: Iterable[Product], now: int) -> None:
    """Refuse what no counterparty could take, and a schedule that is past or too far ahead.

    `products`: as each connection that has it trades the request's product; `now` in nanoseconds since the
    epoch. Not asked again of a repeated request: its time may have come meanwhile. Raises
    `InvalidRequestError` naming each field.
    """
    check_increments(request, products)
    at = request.scheduled_at
    if at is not None and not now < at <= now + SCHEDULED_AHEAD_DAYS_MAX * _DAY_NS:
        was = datetime.fromtimestamp(at // _NS_PER_S, UTC).isoformat()
        raise InvalidRequestError(
            FieldError("scheduled_at", f"a time within the next {SCHEDULED_AHEAD_DAYS_MAX} days", shown(was))
        )
