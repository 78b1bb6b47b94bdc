"""A journal's lists over orders in memory: what the fakes answer as the stores do."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from router.core.order import Order
from router.journal.codec import decode_cursor, next_cursor
from router.ports import RecordPage


def page_of(orders: Iterable[Order], limit: int, cursor: str | None) -> RecordPage:
    """A page of orders, newest first."""
    newest = sorted(orders, key=lambda order: (order.created_at, order.id), reverse=True)
    if cursor is not None:
        before = decode_cursor(cursor)
        newest = [order for order in newest if (order.created_at, order.id) < before]
    return RecordPage(tuple(newest[:limit]), next_cursor(newest, limit))


def found_at(
    orders: Iterable[Order], connection_id: str, venue_order_ids: Collection[str]
) -> Mapping[str, Order]:
    """Orders of a connection by the counterparty's ids."""
    return {
        order.venue_order_id: order
        for order in orders
        if order.venue_order_id in venue_order_ids and _with(order, connection_id) and order.venue_order_id
    }


def lived_in(orders: Iterable[Order], connection_id: str, since: int, until: int) -> Sequence[Order]:
    """Orders of a connection whose life overlaps a time."""
    return [
        order
        for order in orders
        if _with(order, connection_id) and order.created_at < until and order.updated_at >= since
    ]


def _with(order: Order, connection_id: str) -> bool:
    return order.attempt is not None and order.attempt.connection_id == connection_id
