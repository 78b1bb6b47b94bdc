"""An order's record → its answer. Ratios come from `pricing`, text from `texts`."""

from decimal import Decimal

import msgspec

from router.core.attempt import Attempt
from router.core.errors import OrderError
from router.core.execution import executed, execution_of
from router.core.finding import Finding
from router.core.instruction import Instruction, SteadyPace, Stop, Twap
from router.core.model import Connection, Fill, OrderRequest, Outcome
from router.core.money import ZERO, sub
from router.core.order import Order
from router.core.record import CompetitionRecord, Doubt, EntryRecord
from router.http import wire
from router.http.problems import WITH_COMPETITION, problem
from router.http.texts import amount, optional_time, plain, time_text, trimmed

_NS_PER_MS = 1_000_000
_NS_PER_US = 1000
_EXCLUDED = Outcome.EXCLUDED


def connection_ref(connection: Connection) -> wire.ConnectionRef:
    """A connection as every answer names it."""
    return wire.ConnectionRef(connection.id, connection.name, connection.pts)


def latency_us(entry: EntryRecord) -> int | None:
    """Microseconds from question to answer; None unless there were both."""
    if entry.asked_at is None or entry.answered_at is None:
        return None
    return (entry.answered_at - entry.asked_at) // _NS_PER_US


def entry_view(entry: EntryRecord) -> wire.Entry:
    """A line of a competition; of an excluded connection only the reason is told."""
    outcome, reason, base = entry.outcome, entry.reason, entry.quantity_base
    connection = entry.connection
    named = wire.ConnectionRef(connection.id, connection.name, connection.pts)
    # By their place, as all that stands in every order's answer: names take a struct of its size ten times
    # as long. A test holds each value to its name.
    if outcome is _EXCLUDED:
        return wire.Entry(named, outcome, reason, None, None, None, None, None)
    return wire.Entry(
        named,
        outcome,
        reason,
        amount(entry.price),
        amount(entry.all_in_price),
        None if base is None else trimmed(base),
        entry.source,
        latency_us(entry),
    )


def competition_summary(record: CompetitionRecord) -> wire.CompetitionSummary:
    """A competition as an order has it."""
    return wire.CompetitionSummary(
        record.id, record.indicative, [entry_view(entry) for entry in record.entries]
    )


def terms_view(request: OrderRequest) -> wire.OrderTerms:
    """What a request said beyond its size."""
    terms = wire.OrderTerms(
        amount(request.limit_price),
        request.time_in_force,
        request.duration_minutes,
        slippage_bps_max=amount(request.slippage_bps_max),
    )
    instruction = request.instruction
    return terms if instruction is None else _instructed(terms, instruction)


def _instructed(terms: wire.OrderTerms, instruction: Instruction) -> wire.OrderTerms:
    """Terms with what a type that works over time, or waits, was told."""
    replace = msgspec.structs.replace
    match instruction:
        case Twap() as twap:
            return replace(
                terms,
                duration_minutes=twap.duration_minutes,
                interval_minutes=twap.interval_minutes,
                time_sliced=twap.time_sliced,
                bounds=twap.bounds,
                scheduled_at=optional_time(twap.scheduled_at),
            )
        case SteadyPace() as pace:
            return replace(
                terms,
                sub_order_size=plain(pace.sub_order_size),
                interval=pace.interval,
                interval_unit=pace.interval_unit,
                variance=amount(pace.variance),
                scheduled_at=optional_time(pace.scheduled_at),
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
    filled = trimmed(order.filled_base)
    connection = quoted = cover = average = all_in = slippage = improvement = None
    fee = "0"
    attempts: list[wire.Attempt] = []
    if attempt is None:
        fee_currency, fills = request.quote, _fills(order.fills, 0)
    else:
        product = attempt.product
        fee_currency = product.quote
        decimals = product.tick_decimals
        connection = connection_ref(attempt.connection)
        quoted = trimmed(attempt.quoted_price, decimals)
        cover = amount(attempt.cover_price)
        fills = _fills(order.fills, decimals)
        done = execution_of(order)
        if done is not None:
            average, all_in, fee = plain(done.average), plain(done.all_in), plain(done.fee)
            slippage, improvement = plain(done.slippage_bps), amount(done.improvement_bps)
        if len(order.attempts) > 1:
            attempts = [_earlier(order, each) for each in order.attempts[:-1]]
        error = None if attempt.error is None else order_problem(order, attempt.error, None)
        attempts.append(wire.Attempt(connection, error, filled, average, fills))
    return wire.Order(
        order.id,
        request.client_order_id,
        request.product,
        request.side,
        request.type,
        plain(request.quantity),
        request.quantity_currency,
        terms_view(request),
        order.status,
        order.in_doubt,
        connection,
        filled,
        "0" if order.is_final else trimmed(_leaves(order)),
        average,
        all_in,
        fee,
        fee_currency,
        quoted,
        amount(order.arrival_price),
        cover,
        slippage,
        improvement,
        order.venue_order_id,
        order.competition_id,
        time_text(order.created_at),
        time_text(order.updated_at),
        fills,
        attempts,
        None if doubt is None or attempt is None else _doubt(doubt, attempt),
        None if order.finding is None else _finding(order.finding),
        None if order.error is None else order_problem(order, order.error, competition),
        None if competition is None else competition_summary(competition),
    )


def _earlier(order: Order, attempt: Attempt) -> wire.Attempt:
    """An attempt that another one came after, with what was executed in it all the same."""
    base, fills = attempt.executed_base, attempt.executed_fills
    done = executed(attempt, order.request.side, base, attempt.executed_quote, fills)
    return wire.Attempt(
        connection_ref(attempt.connection),
        None if attempt.error is None else order_problem(order, attempt.error, None),
        trimmed(base),
        None if done is None else plain(done.average),
        _fills(fills, attempt.product.tick_decimals),
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
            fill.id,
            trimmed(fill.price, decimals_min),
            trimmed(fill.quantity_base),
            plain(fill.quantity_quote),
            time_text(fill.at),
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
