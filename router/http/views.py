"""An order's record → its answer. Ratios come from `pricing`, text from `money`."""

from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from router.core.attempt import Attempt
from router.core.errors import OrderError
from router.core.execution import executed, execution_of
from router.core.finding import Finding
from router.core.instruction import SteadyPace, Stop, Twap
from router.core.model import Connection, Fill, OrderRequest, Outcome
from router.core.money import ZERO, decimals_of, format_amount, sub, trim
from router.core.order import Order
from router.core.record import CompetitionRecord, Doubt, EntryRecord
from router.http import wire
from router.http.problems import WITH_COMPETITION, problem

_NS_PER_S = 1_000_000_000
_NS_PER_MS = 1_000_000
_NS_PER_US = 1000


def time_text(at: int) -> str:
    """Nanoseconds since the epoch as RFC 3339 in UTC, cut to microseconds."""
    seconds, rest = divmod(at, _NS_PER_S)
    whole = datetime.fromtimestamp(seconds, UTC)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{rest // _NS_PER_US:06d}Z"


def optional_time(at: int | None) -> str | None:
    """As `time_text`; None stays None."""
    return None if at is None else time_text(at)


def amount(value: Decimal | None) -> str | None:
    """An amount as text; None stays None."""
    return None if value is None else format_amount(value)


def quantity(value: Decimal | None) -> str | None:
    """A quantity as text, without the zeros that its reckoning left behind it; None stays None."""
    return None if value is None else format_amount(trim(value))


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
    told = entry.outcome is not Outcome.EXCLUDED
    return wire.Entry(
        connection=connection_ref(entry.connection),
        outcome=entry.outcome,
        reason=entry.reason,
        price=amount(entry.price) if told else None,
        all_in_price=amount(entry.all_in_price) if told else None,
        quantity=quantity(entry.quantity_base) if told else None,
        source=entry.source if told else None,
        latency_us=latency_us(entry) if told else None,
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
                sub_order_size=format_amount(pace.sub_order_size),
                interval=pace.interval,
                interval_unit=pace.interval_unit,
                variance=amount(pace.variance),
            )
        case Stop(trigger_price=trigger):
            return replace(terms, trigger_price=format_amount(trigger))
    return terms


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
    return wire.Order(
        id=order.id,
        client_order_id=request.client_order_id,
        product=request.product,
        side=request.side,
        type=request.type,
        quantity=format_amount(request.quantity),
        quantity_currency=request.quantity_currency,
        terms=terms_view(request),
        status=order.status,
        in_doubt=order.in_doubt,
        connection=None if attempt is None else connection_ref(attempt.connection),
        filled_quantity=format_amount(trim(order.filled_base)),
        leaves_quantity=format_amount(_leaves(order)),
        average_price=None if done is None else format_amount(done.average),
        all_in_price=None if done is None else format_amount(done.all_in),
        fee=format_amount(ZERO if done is None else done.fee),
        fee_currency=request.quote if attempt is None else attempt.product.quote,
        quoted_price=None if attempt is None else _price(attempt.quoted_price, attempt),
        arrival_price=amount(order.arrival_price),
        cover_price=None if attempt is None else amount(attempt.cover_price),
        slippage_bps=None if done is None else format_amount(done.slippage_bps),
        price_improvement_bps=None if done is None else amount(done.improvement_bps),
        venue_order_id=order.venue_order_id,
        competition_id=order.competition_id,
        created_at=time_text(order.created_at),
        updated_at=time_text(order.updated_at),
        fills=[] if attempt is None else [_fill(fill, attempt) for fill in order.fills],
        attempts=[_attempt(each, order) for each in order.attempts],
        doubt=None if doubt is None or attempt is None else _doubt(doubt, attempt),
        finding=None if order.finding is None else _finding(order.finding),
        error=None if order.error is None else order_problem(order, order.error, competition),
        competition=None if competition is None else competition_summary(competition),
    )


def _attempt(attempt: Attempt, order: Order) -> wire.Attempt:
    """An attempt with what was executed in it: of the last one, what the order itself has."""
    last = attempt is order.attempts[-1]
    base = order.filled_base if last else attempt.executed_base
    quote = order.filled_quote if last else attempt.executed_quote
    fills = order.fills if last else attempt.executed_fills
    done = executed(attempt, order.request.side, base, quote, fills)
    return wire.Attempt(
        connection=connection_ref(attempt.connection),
        error=None if attempt.error is None else order_problem(order, attempt.error, None),
        executed_quantity=format_amount(trim(base)),
        average_price=None if done is None else format_amount(done.average),
        fills=[_fill(fill, attempt) for fill in fills],
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
        filled_quantity=format_amount(trim(finding.filled_base)),
        average_price=amount(finding.average_price),
        contradicted_at=optional_time(finding.contradicted_at),
    )


def _leaves(order: Order) -> Decimal:
    """What may still trade, in the quantity's own currency; a fill past the order leaves nothing."""
    if order.is_final:
        return ZERO
    done = order.filled_base if order.request.in_base else order.filled_quote
    return trim(max(ZERO, sub(order.request.quantity, done)))


def _price(price: Decimal, attempt: Attempt) -> str:
    return format_amount(trim(price, decimals_of(attempt.product.price_increment)))


def _fill(fill: Fill, attempt: Attempt) -> wire.Fill:
    return wire.Fill(
        id=fill.id,
        price=_price(fill.price, attempt),
        quantity=format_amount(trim(fill.quantity_base)),
        quote_quantity=format_amount(fill.quantity_quote),
        time=time_text(fill.at),
    )


def _named(
    connection_id: str | None, order: Order, competition: CompetitionRecord | None
) -> wire.ConnectionRef | None:
    if connection_id is None:
        return None
    known = [attempt.connection for attempt in order.attempts]
    if competition is not None:
        known += [entry.connection for entry in competition.entries]
    return next((connection_ref(c) for c in known if c.id == connection_id), None)
