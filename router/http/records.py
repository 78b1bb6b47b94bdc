"""RFQs, whole competitions and connections → their answers."""

from router.core.model import Connection
from router.core.money import format_amount
from router.core.record import CompetitionRecord, EntryRecord, RfqRecord
from router.http import wire
from router.http.texts import amount, optional_time, quantity, time_text, trimmed
from router.http.views import connection_ref, entry_view, latency_us
from router.ports import ConnectionView, ForeignOrder

_NS_PER_MS = 1_000_000
_NS_PER_US = 1000


def rfq_view(record: RfqRecord) -> wire.Rfq:
    """An RFQ with the ranking as it was."""
    competition, request = record.competition, record.competition.request
    best = record.best
    return wire.Rfq(
        id=record.id,
        product=request.product,
        side=request.side,
        quantity=format_amount(request.quantity),
        quantity_currency=request.quantity_currency,
        connections=None if request.connections is None else list(request.connections),
        created_at=time_text(record.created_at),
        valid_until=time_text(record.valid_until),
        competition_id=competition.id,
        best=None if best is None else entry_view(best),
        entries=[entry_view(entry) for entry in competition.entries],
    )


def competition_view(record: CompetitionRecord) -> wire.Competition:
    """The full record of a competition."""
    request = record.request
    winner = next((e.connection for e in record.entries if e.connection.id == record.winner), None)
    return wire.Competition(
        id=record.id,
        order_id=record.order_id,
        rfq_id=record.rfq_id,
        product=request.product,
        side=request.side,
        type=request.type,
        quantity=format_amount(request.quantity),
        quantity_currency=request.quantity_currency,
        indicative=record.indicative,
        opened_at=time_text(record.opened_at),
        deadline_at=time_text(record.deadline_at),
        closed_at=time_text(record.closed_at),
        arrival_price=amount(record.arrival_price),
        cover_price=amount(record.cover_price),
        winner=None if winner is None else connection_ref(winner),
        slippage_bps_max=format_amount(record.slippage_bps_max),
        collar_bps=format_amount(record.collar_bps),
        entries=[_detail(entry) for entry in record.entries],
    )


def foreign_order_view(connection: Connection, order: ForeignOrder) -> wire.ForeignOrder:
    """What a counterparty said of an order that this router did not send."""
    return wire.ForeignOrder(
        connection=connection_ref(connection),
        venue_order_id=order.venue_order_id,
        venue_client_order_id=order.venue_client_order_id,
        product=order.product,
        side=order.side,
        state=order.state,
        filled_quantity=format_amount(order.filled_base),
        time=time_text(order.at),
    )


def connection_view(view: ConnectionView, now: int) -> wire.Connection:
    """A connection with its health at `now`, nanoseconds since the epoch."""
    connection, health = view.connection, view.health
    age_ns = None if health.feed_at is None else max(0, now - health.feed_at)
    return wire.Connection(
        id=connection.id,
        name=connection.name,
        pts=connection.pts,
        counterparty=connection.counterparty,
        type=view.type,
        enabled=view.enabled,
        state=health.state,
        health=wire.Health(
            state=health.state,
            detail=health.detail,
            feed_up=health.feed_up,
            feed_age_ms=None if age_ns is None else age_ns // _NS_PER_MS,
            budget_left=health.budget_left,
            error_rate=trimmed(health.error_rate),
            latency_us=None if health.latency_ns is None else health.latency_ns // _NS_PER_US,
            changed_at=time_text(health.changed_at),
        ),
        products=list(view.products),
    )


def _detail(entry: EntryRecord) -> wire.EntryDetail:
    return wire.EntryDetail(
        connection=connection_ref(entry.connection),
        outcome=entry.outcome,
        reason=entry.reason,
        price=amount(entry.price),
        all_in_price=amount(entry.all_in_price),
        quantity=quantity(entry.quantity_base),
        source=entry.source,
        latency_us=latency_us(entry),
        fee=quantity(entry.fee),
        price_worst=amount(entry.price_worst),
        firm=entry.firm,
        complete=entry.complete,
        rank=entry.rank,
        late=entry.late,
        asked_at=optional_time(entry.asked_at),
        answered_at=optional_time(entry.answered_at),
        valid_until=optional_time(entry.valid_until),
        quote_id=entry.quote_id,
        detail=entry.detail,
    )
