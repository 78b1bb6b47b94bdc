"""The one line that an order is told by in production: when it ended, how, and what its stages took."""

from decimal import Decimal

import msgspec

from router.core.errors import Code
from router.core.model import OrderStatus, OrderType, Side
from router.core.order import Order
from router.observe.logs import Line


class Course(msgspec.Struct, gc=False):
    """When an order passed its stages, in microseconds after it came; None: it did not, or not here.

    An order that got a second counterparty has the times of its last. `quotes`: how many gave a quote that
    counts; `out`: how many did not, by reason. `sending`: it may be on its way, and the answer neither
    came nor was given up; `ended`: the order, where the feed told its end meanwhile.
    """

    came_at: int
    """In nanoseconds since the epoch."""
    accepted_us: int | None = None
    quoted_us: int | None = None
    intended_us: int | None = None
    sent_us: int | None = None
    answered_us: int | None = None
    quotes: int | None = None
    out: dict[str, int] | None = None
    sending: bool = False
    ended: Order | None = None


class OrderLine(Line, gc=False):
    """What `order` says. Prices in quote per base; `…_us`: microseconds after the order came.

    `accepted_us`: it was durable; `quoted_us`: its competition was decided; `intended_us`: the intent was
    durable; `sent_us`, `answered_us`: the send began, and was answered or given up; `ended_us`: its end was
    known, by that answer or, often earlier, by the feed.
    """

    order_id: str
    client_order_id: str
    product: str
    side: Side
    type: OrderType
    status: OrderStatus
    code: Code | None
    connection: str | None
    venue_order_id: str | None
    quantity: Decimal
    quantity_currency: str
    filled_quantity: Decimal
    filled_quote: Decimal
    quoted_price: Decimal | None
    limit_price: Decimal | None
    attempts: int
    competition_id: str | None
    quotes: int | None
    out: dict[str, int] | None
    accepted_us: int | None
    quoted_us: int | None
    intended_us: int | None
    sent_us: int | None
    answered_us: int | None
    ended_us: int


def order_line(order: Order, course: Course | None) -> OrderLine:
    """The line of an order that ended."""
    request, attempts, error = order.request, order.attempts, order.error
    attempt = attempts[-1] if attempts else None
    if course is None:
        course = Course(order.created_at)
    return OrderLine(
        "order",
        "info",
        "",
        order.id,
        request.client_order_id,
        request.product,
        request.side,
        request.type,
        order.status,
        None if error is None else error.code,
        None if attempt is None else attempt.connection.id,
        order.venue_order_id,
        request.quantity,
        request.quantity_currency,
        order.filled_base,
        order.filled_quote,
        None if attempt is None else attempt.quoted_price,
        None if attempt is None else attempt.outbound.limit_price,
        len(attempts),
        order.competition_id,
        course.quotes,
        course.out,
        course.accepted_us,
        course.quoted_us,
        course.intended_us,
        course.sent_us,
        course.answered_us,
        (order.updated_at - course.came_at) // 1000,
    )
