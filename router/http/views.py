"""An order's record → its answer. Ratios come from `pricing`, text from `texts`."""

from decimal import Decimal

import msgspec

from router.core.attempt import Attempt
from router.core.errors import OrderError
from router.core.execution import Execution, executed, execution_of
from router.core.finding import Finding
from router.core.instruction import SteadyPace, Stop, Twap
from router.core.model import Connection, Fill, OrderRequest, Outcome
from router.core.money import ZERO, decimals_of, sub
from router.core.order import Order
from router.core.record import CompetitionRecord, Doubt, EntryRecord
from router.http import wire
from router.http.problems import WITH_COMPETITION, problem
from router.http.texts import amount, optional_time, plain, quantity, time_text, trimmed

_NS_PER_MS = 1_000_000
_NS_PER_US = 1000


def connection_ref(connection: Connection) -> wire.ConnectionRef:
    """A connection as every answer names it."""
    return wire.ConnectionRef(id=connection.id, name=connection.name, pts=connection.pts)


def latency_us(entry: EntryRecord) -> int | None:
    """Microseconds from question to answer; None unless there were both."""
    if entry.asked_at is None or entry.answered_at is None:
        return None
    return (entry.answered_at - entry.asked_at) // _NS_PER_US


def entry_view(entry: EntryRecord) -> wire.Entry:
    """A line of a competition; of an excluded connection only the reason is told."""
    if entry.outcome is Outcome.EXCLUDED:
        return wire.Entry(
            connection=connection_ref(entry.connection),
            outcome=entry.outcome,
            reason=entry.reason,
            price=None,
            all_in_price=None,
            quantity=None,
            source=None,
            latency_us=None,
        )
    return wire.Entry(
        connection=connection_ref(entry.connection),
        outcome=entry.outcome,
        reason=entry.reason,
        price=amount(entry.price),
        all_in_price=amount(entry.all_in_price),
        quantity=quantity(entry.quantity_base),
        source=entry.source,
        latency_us=latency_us(entry),
    )


def competition_summary(record: CompetitionRecord) -> wire.CompetitionSummary:
    """A competition as an order has it."""
    return wire.CompetitionSummary(
        id=record.id,
        indicative=record.indicative,
        entries=[entry_view(entry) for entry in record.entries],
    )


def terms_view(request: OrderRequest) -> wire.OrderTerms:
    """What a request said beyond its size."""
    terms = wire.OrderTerms(
        limit_price=amount(request.limit_price),
        time_in_force=request.time_in_force,
        duration_minutes=request.duration_minutes,
        scheduled_at=optional_time(request.scheduled_at),
        slippage_bps_max=amount(request.slippage_bps_max),
    )
    replace = msgspec.structs.replace
    match request.instruction:
        case None:
            return terms
        case Twap() as twap:
            return replace(
                terms,
                duration_minutes=twap.duration_minutes,
                interval_minutes=twap.interval_minutes,
                time_sliced=twap.time_sliced,
                bounds=twap.bounds,
            )
        case SteadyPace() as pace:
            return replace(
                terms,
                sub_order_size=plain(pace.sub_order_size),
                interval=pace.interval,
                interval_unit=pace.interval_unit,
                variance=amount(pace.variance),
            )
        case Stop(trigger_price=trigger):
            return replace(terms, trigger_price=plain(trigger))


def order_problem(order: Order, error: OrderError, competition: CompetitionRecord | None) -> wire.Problem:
    """Why an order was refused, as a problem: the same in the answer and in the order's `error`."""
    told = competition if error.code in WITH_COMPETITION else None
    return problem(
        error.code,
        error.detail,
        retryable=error.retryable,
        order_id=order.id,
        connection=_named(error.connection_id, order, competition),
        venue_error=error.venue_error,
        competition=None if told is None else competition_summary(told),
    )


def order_view(order: Order, competition: CompetitionRecord | None, doubt: Doubt | None = None) -> wire.Order:
    """An order as it stands; `competition` None in lists."""
    request, attempt = order.request, order.attempt
    done = execution_of(order)
    filled = trimmed(order.filled_base)
    decimals = 0 if attempt is None else decimals_of(attempt.product.price_increment)
    fills = _fills(order.fills, decimals)
    return wire.Order(
        id=order.id,
        client_order_id=request.client_order_id,
        product=request.product,
        side=request.side,
        type=request.type,
        quantity=plain(request.quantity),
        quantity_currency=request.quantity_currency,
        terms=terms_view(request),
        status=order.status,
        in_doubt=order.in_doubt,
        connection=None if attempt is None else connection_ref(attempt.connection),
        filled_quantity=filled,
        leaves_quantity="0" if order.is_final else trimmed(_leaves(order)),
        average_price=None if done is None else plain(done.average),
        all_in_price=None if done is None else plain(done.all_in),
        fee="0" if done is None else plain(done.fee),
        fee_currency=request.quote if attempt is None else attempt.product.quote,
        quoted_price=None if attempt is None else trimmed(attempt.quoted_price, decimals),
        arrival_price=amount(order.arrival_price),
        cover_price=None if attempt is None else amount(attempt.cover_price),
        slippage_bps=None if done is None else plain(done.slippage_bps),
        price_improvement_bps=None if done is None else amount(done.improvement_bps),
        venue_order_id=order.venue_order_id,
        competition_id=order.competition_id,
        created_at=time_text(order.created_at),
        updated_at=time_text(order.updated_at),
        fills=fills,
        attempts=[] if attempt is None else _attempts(order, attempt, done, filled, fills),
        doubt=None if doubt is None or attempt is None else _doubt(doubt, attempt),
        finding=None if order.finding is None else _finding(order.finding),
        error=None if order.error is None else order_problem(order, order.error, competition),
        competition=None if competition is None else competition_summary(competition),
    )


def _attempts(
    order: Order, last: Attempt, done: Execution | None, filled: str, fills: list[wire.Fill]
) -> list[wire.Attempt]:
    """Every attempt with what was executed in it: in the last one, what the order itself has."""
    earlier = [
        _attempt(
            order,
            each,
            executed(each, order.request.side, each.executed_base, each.executed_quote, each.executed_fills),
            trimmed(each.executed_base),
            _fills(each.executed_fills, decimals_of(each.product.price_increment)),
        )
        for each in order.attempts[:-1]
    ]
    return [*earlier, _attempt(order, last, done, filled, fills)]


def _attempt(
    order: Order, attempt: Attempt, done: Execution | None, executed_quantity: str, fills: list[wire.Fill]
) -> wire.Attempt:
    return wire.Attempt(
        connection=connection_ref(attempt.connection),
        error=None if attempt.error is None else order_problem(order, attempt.error, None),
        executed_quantity=executed_quantity,
        average_price=None if done is None else plain(done.average),
        fills=fills,
    )


def _doubt(doubt: Doubt, attempt: Attempt) -> wire.Doubt:
    last = doubt.last_look_up
    return wire.Doubt(
        since=time_text(doubt.since),
        overdue_ms=doubt.overdue_ns // _NS_PER_MS if doubt.overdue_ns else None,
        venue_client_order_id=attempt.outbound.venue_client_order_id,
        last_look_up=None if last is None else wire.LookUp(time=time_text(last.at), answer=last.answer),
    )


def _finding(finding: Finding) -> wire.Finding:
    return wire.Finding(
        finding=finding.found,
        operator=finding.operator,
        reason=finding.reason,
        recorded_at=time_text(finding.at),
        venue_order_id=finding.venue_order_id,
        filled_quantity=trimmed(finding.filled_base),
        average_price=amount(finding.average_price),
        contradicted_at=optional_time(finding.contradicted_at),
    )


def _leaves(order: Order) -> Decimal:
    """What may still trade, in the quantity's own currency; a fill past the order leaves nothing."""
    done = order.filled_base if order.request.in_base else order.filled_quote
    return max(ZERO, sub(order.request.quantity, done))


def _fills(fills: tuple[Fill, ...], decimals_min: int) -> list[wire.Fill]:
    """Executions, their prices with the decimals of the product at least."""
    return [
        wire.Fill(
            id=fill.id,
            price=trimmed(fill.price, decimals_min),
            quantity=trimmed(fill.quantity_base),
            quote_quantity=plain(fill.quantity_quote),
            time=time_text(fill.at),
        )
        for fill in fills
    ]


def _named(
    connection_id: str | None, order: Order, competition: CompetitionRecord | None
) -> wire.ConnectionRef | None:
    if connection_id is None:
        return None
    known = [attempt.connection for attempt in order.attempts]
    if competition is not None:
        known += [entry.connection for entry in competition.entries]
    return next((connection_ref(c) for c in known if c.id == connection_id), None)
