"""Whose a trade is: our order behind it, whichever attempt of the order it was that traded."""

from collections.abc import Iterable, Mapping

from router.core.account import VenueTrade
from router.core.attempt import order_id_in
from router.core.model import Fill
from router.core.order import Order
from router.reports.journal import ReportJournal


async def owners(
    journal: ReportJournal, connection_id: str, trades: Iterable[VenueTrade]
) -> Mapping[str, Order]:
    """Our orders behind a connection's trades, by trade id; those that are not ours are left out.

    By the counterparty's order id, where the journal has it. An order in doubt has none yet: it is known by
    the id that we sent it under, where the counterparty states that with a trade. Raises `StoreError`.
    """
    listed = list(trades)
    ids = sorted({trade.venue_order_id for trade in listed})
    known = await journal.orders_at_venue(connection_id, ids) if ids else {}
    found: dict[str, Order] = {}
    stated: dict[str, Order | None] = {}
    for trade in listed:
        order = known.get(trade.venue_order_id)
        own_id = trade.venue_client_order_id
        if order is None and own_id is not None:
            if own_id not in stated:
                stated[own_id] = await _sent_as(journal, connection_id, own_id)
            order = stated[own_id]
        if order is not None:
            found[trade.id] = order
    return found


def fills_at(order: Order, connection_id: str) -> tuple[Fill, ...]:
    """What of an order was executed on a connection, in whichever attempt."""
    attempts = [attempt for attempt in order.attempts if attempt.connection_id == connection_id]
    fills = tuple(fill for attempt in attempts for fill in attempt.executed_fills)
    last = order.attempt
    return (*order.fills, *fills) if last is not None and last.connection_id == connection_id else fills


async def _sent_as(journal: ReportJournal, connection_id: str, own_id: str) -> Order | None:
    order_id = order_id_in(own_id, connection_id)
    order = None if order_id is None else await journal.order(order_id)
    if order is None:
        return None
    sent = (attempt.outbound.venue_client_order_id for attempt in order.attempts)
    return order if own_id in sent else None
