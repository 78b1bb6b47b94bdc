"""The one line that an order is told by in production: when it ended, how, and what its stages took."""

from decimal import Decimal

import msgspec

from router.core.errors import Code
from router.core.model import OrderStatus, OrderType, Side
from router.core.order import Order
from router.observe.logs import Line


class Course(msgspec.Struct, gc=False):
    """When an order passed its stages, in nanoseconds since the epoch; None: it did not, or not here.

    An order that got a second counterparty has the times of its last. `quotes`: how many gave a quote that
    counts; `out`: how many did not, by reason. `sending`: it may be on its way, and the answer neither
    came nor was given up; `ended`: the order, where the feed told its end meanwhile.
    """

    accepted_at: int
    quoted_at: int | None = None
    intended_at: int | None = None
    sent_at: int | None = None
    answered_at: int | None = None
    quotes: int | None = None
    out: dict[str, int] | None = None
    sending: bool = False
    ended: Order | None = None


class OrderLine(Line, kw_only=True, gc=False):
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
    quotes: int | None = None
    out: dict[str, int] | None = None
    accepted_us: int | None = None
    quoted_us: int | None = None
    intended_us: int | None = None
    sent_us: int | None = None
    answered_us: int | None = None
    ended_us: int


def order_line(order: Order, course: Course | None) -> OrderLine:
    """The line of an order that ended."""
    request, attempts, error = order.request, order.attempts, order.error
    attempt = attempts[-1] if attempts else None
    came_at = order.created_at
    line = OrderLine(
        "order",
        order_id=order.id,
        client_order_id=request.client_order_id,
        product=request.product,
        side=request.side,
        type=request.type,
        status=order.status,
        code=None if error is None else error.code,
        connection=None if attempt is None else attempt.connection.id,
        venue_order_id=order.venue_order_id,
        quantity=request.quantity,
        quantity_currency=request.quantity_currency,
        filled_quantity=order.filled_base,
        filled_quote=order.filled_quote,
        quoted_price=None if attempt is None else attempt.quoted_price,
        limit_price=None if attempt is None else attempt.outbound.limit_price,
        attempts=len(attempts),
        competition_id=order.competition_id,
        ended_us=(order.updated_at - came_at) // 1000,
    )
    if course is not None:
        line.quotes, line.out = course.quotes, course.out
        line.accepted_us = (course.accepted_at - came_at) // 1000
        if course.quoted_at is not None:
            line.quoted_us = (course.quoted_at - came_at) // 1000
        if course.intended_at is not None:
            line.intended_us = (course.intended_at - came_at) // 1000
        if course.sent_at is not None:
            line.sent_us = (course.sent_at - came_at) // 1000
        if course.answered_at is not None:
            line.answered_us = (course.answered_at - came_at) // 1000
    return line
