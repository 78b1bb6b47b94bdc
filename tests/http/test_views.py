"""Views of orders, byte for byte: every value stands under its own name, in the contract's order."""

from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from router.core.attempt import Attempt
from router.core.errors import Code, OrderError, VenueError
from router.core.execution import executed
from router.core.finding import Finding, Found
from router.core.instruction import Bounds, IntervalUnit, SteadyPace, Stop, Twap
from router.core.model import (
    Connection,
    Fill,
    OrderRequest,
    OrderStatus,
    OrderType,
    Outcome,
    Reason,
    Side,
    Source,
    TimeInForce,
)
from router.core.money import ZERO, decimals_of, format_amount, sub, trim
from router.core.order import Order, Phase
from router.core.record import CompetitionRecord, Doubt, EntryRecord, LookUp
from router.http.problems import WITH_COMPETITION, problem
from router.http.texts import time_text
from router.http.views import connection_ref, order_view
from tests.http import samples

BOUNDED = settings(max_examples=150, deadline=None, derandomize=True)
Json = dict[str, Any]


def named(connection: Connection) -> Json:
    return {"id": connection.id, "name": connection.name, "pts": connection.pts}


def text(value: Decimal | None) -> str | None:
    return None if value is None else format_amount(value)


def short(value: Decimal | None, decimals_min: int = 0) -> str | None:
    return None if value is None else format_amount(trim(value, decimals_min))


def time(at: int | None) -> str | None:
    return None if at is None else time_text(at)


def latency(entry: EntryRecord) -> int | None:
    if entry.asked_at is None or entry.answered_at is None:
        return None
    return (entry.answered_at - entry.asked_at) // 1000


def entry_json(entry: EntryRecord) -> Json:
    told = entry.outcome is not Outcome.EXCLUDED
    return {
        "connection": named(entry.connection),
        "outcome": entry.outcome,
        "reason": entry.reason,
        "price": text(entry.price) if told else None,
        "all_in_price": text(entry.all_in_price) if told else None,
        "quantity": short(entry.quantity_base) if told else None,
        "source": entry.source if told else None,
        "latency_us": latency(entry) if told else None,
    }


def competition_json(record: CompetitionRecord) -> Json:
    return {
        "id": record.id,
        "indicative": record.request.works,
        "entries": [entry_json(entry) for entry in record.entries],
    }


TERMS = (
    "limit_price",
    "time_in_force",
    "duration_minutes",
    "interval_minutes",
    "time_sliced",
    "bounds",
    "sub_order_size",
    "interval",
    "interval_unit",
    "variance",
    "trigger_price",
    "scheduled_at",
    "slippage_bps_max",
)


def terms_json(request: OrderRequest) -> Json:
    told = {} if request.instruction is None else msgspec.structs.asdict(request.instruction)
    told["scheduled_at"] = time(told.get("scheduled_at"))
    told |= {name: getattr(request, name) for name in ("limit_price", "time_in_force", "slippage_bps_max")}
    if request.duration_minutes is not None:
        told["duration_minutes"] = request.duration_minutes
    return {
        name: text(value) if isinstance(value, Decimal) else value
        for name in TERMS
        if (value := told.get(name)) is not None
    }


def error_json(order: Order, error: OrderError, record: CompetitionRecord | None) -> msgspec.Struct:
    known = [attempt.connection for attempt in order.attempts]
    known += [] if record is None else [entry.connection for entry in record.entries]
    there = [connection for connection in known if connection.id == error.connection_id]
    made = problem(
        error.code,
        error.detail,
        retryable=error.retryable,
        order_id=order.id,
        connection=connection_ref(there[0]) if there else None,
        venue_error=error.venue_error,
    )
    if record is None or error.code not in WITH_COMPETITION:
        return made
    return replace(made, competition=competition_json(record))


def fill_json(fill: Fill, decimals_min: int) -> Json:
    return {
        "id": fill.id,
        "price": short(fill.price, decimals_min),
        "quantity": short(fill.quantity_base),
        "quote_quantity": text(fill.quantity_quote),
        "time": time(fill.at),
    }


def attempt_json(
    order: Order, attempt: Attempt, base: Decimal, quote: Decimal, fills: tuple[Fill, ...]
) -> Json:
    done = executed(attempt, order.request.side, base, quote, fills)
    decimals = decimals_of(attempt.product.price_increment)
    return {
        "connection": named(attempt.connection),
        "error": None if attempt.error is None else error_json(order, attempt.error, None),
        "executed_quantity": short(base),
        "average_price": None if done is None else text(done.average),
        "fills": [fill_json(fill, decimals) for fill in fills],
    }


def doubt_json(doubt: Doubt, attempt: Attempt) -> Json:
    last = doubt.last_look_up
    return {
        "since": time(doubt.since),
        "overdue_ms": doubt.overdue_ns // 1_000_000 if doubt.overdue_ns else None,
        "venue_client_order_id": attempt.outbound.venue_client_order_id,
        "last_look_up": None if last is None else {"time": time(last.at), "answer": last.answer},
    }


def finding_json(finding: Finding) -> Json:
    return {
        "finding": finding.found,
        "operator": finding.operator,
        "reason": finding.reason,
        "recorded_at": time(finding.at),
        "venue_order_id": finding.venue_order_id,
        "filled_quantity": short(finding.filled_base),
        "average_price": text(finding.average_price),
        "contradicted_at": time(finding.contradicted_at),
    }


def order_json(order: Order, record: CompetitionRecord | None, doubt: Doubt | None) -> Json:
    """An order as the contract has it, each value beside its name."""
    request, attempts = order.request, order.attempts
    last = attempts[-1] if attempts else None
    filled = order.filled_base if request.quantity_currency == request.base else order.filled_quote
    leaves = ZERO if order.phase is Phase.FINAL else max(ZERO, sub(request.quantity, filled))
    own = (order.filled_base, order.filled_quote, order.fills)
    done = None if last is None else executed(last, request.side, *own)
    decimals = 0 if last is None else decimals_of(last.product.price_increment)
    earlier = [
        attempt_json(order, each, each.executed_base, each.executed_quote, each.executed_fills)
        for each in attempts[:-1]
    ]
    return {
        "id": order.id,
        "client_order_id": request.client_order_id,
        "product": request.product,
        "side": request.side,
        "type": request.type,
        "quantity": text(request.quantity),
        "quantity_currency": request.quantity_currency,
        "terms": terms_json(request),
        "status": order.status,
        "in_doubt": order.phase is Phase.IN_DOUBT,
        "connection": None if last is None else named(last.connection),
        "filled_quantity": short(order.filled_base),
        "leaves_quantity": short(leaves),
        "average_price": None if done is None else text(done.average),
        "all_in_price": None if done is None else text(done.all_in),
        "fee": "0" if done is None else text(done.fee),
        "fee_currency": request.quote if last is None else last.product.quote,
        "quoted_price": None if last is None else short(last.quoted_price, decimals),
        "arrival_price": text(order.arrival_price),
        "cover_price": None if last is None else text(last.cover_price),
        "slippage_bps": None if done is None else text(done.slippage_bps),
        "price_improvement_bps": None if done is None else text(done.improvement_bps),
        "venue_order_id": order.venue_order_id,
        "competition_id": order.competition_id,
        "created_at": time(order.created_at),
        "updated_at": time(order.updated_at),
        "fills": [fill_json(fill, decimals) for fill in order.fills],
        "attempts": [*earlier, attempt_json(order, last, *own)] if last else [],
        "doubt": None if doubt is None or last is None else doubt_json(doubt, last),
        "finding": None if order.finding is None else finding_json(order.finding),
        "error": None if order.error is None else error_json(order, order.error, record),
        "competition": None if record is None else competition_json(record),
    }


AMOUNTS = st.builds(
    lambda digits, exponent: Decimal((0, (*digits, 1), exponent)),
    st.lists(st.sampled_from([0, 1, 5, 9]), max_size=6).map(tuple),
    st.integers(-9, 2),
)
QUANTITIES = AMOUNTS | st.just(ZERO)
TIMES = st.integers(samples.NOW, samples.NOW + 5_000_000_000)
IDS = st.text(st.sampled_from('ab-é"\\'), min_size=1, max_size=6)
CONNECTIONS = st.sampled_from([samples.SPOT, samples.PTS, samples.CB])


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


ERRORS = st.builds(
    OrderError,
    st.sampled_from([Code.CREDIT_LONG_LIMIT, Code.NO_QUOTES, Code.NOT_TAKEN]),
    IDS,
    retryable=st.booleans(),
    connection_id=maybe(st.sampled_from([samples.SPOT.id, samples.PTS.id, "gone"])),
    venue_error=maybe(st.builds(VenueError, name=maybe(IDS), http_status=maybe(st.integers(400, 503)))),
)
FILLS = st.lists(st.builds(Fill, IDS, AMOUNTS, AMOUNTS, AMOUNTS, TIMES, maybe(QUANTITIES)), max_size=2).map(
    tuple
)
TICKS = st.sampled_from([Decimal("0.01"), Decimal(10), Decimal("0.00000001")])
ATTEMPTS = st.builds(
    lambda connection, tick, **changes: replace(
        samples.attempt_on(connection), product=replace(samples.PRODUCT, price_increment=tick), **changes
    ),
    CONNECTIONS,
    TICKS,
    quoted_price=AMOUNTS,
    cover_price=maybe(AMOUNTS),
    error=maybe(ERRORS),
    executed_base=QUANTITIES,
    executed_quote=QUANTITIES,
    executed_fills=FILLS,
)
TOLD: dict[OrderType, st.SearchStrategy[Any]] = {
    OrderType.MARKET: st.none(),
    OrderType.LIMIT: st.none(),
    OrderType.TWAP: st.builds(
        Twap,
        st.integers(1, 90),
        maybe(st.integers(1, 9)),
        maybe(st.booleans()),
        maybe(st.sampled_from(Bounds)),
        maybe(TIMES),
    ),
    OrderType.STEADY_PACE: st.builds(
        SteadyPace, AMOUNTS, st.integers(1, 9), st.sampled_from(IntervalUnit), maybe(AMOUNTS), maybe(TIMES)
    ),
    OrderType.STOP: st.builds(Stop, AMOUNTS),
}
REQUESTS = st.sampled_from(OrderType).flatmap(
    lambda kind: st.builds(
        OrderRequest,
        IDS,
        st.just("BTC-USD"),
        st.sampled_from(Side),
        st.just(kind),
        AMOUNTS,
        st.sampled_from(["BTC", "USD"]),
        maybe(AMOUNTS),
        maybe(st.sampled_from(TimeInForce)),
        maybe(st.integers(1, 90)) if kind is OrderType.LIMIT else st.none(),
        maybe(QUANTITIES),
        instruction=TOLD[kind],
    )
)
ENTRIES = st.builds(
    samples.entry,
    CONNECTIONS,
    st.sampled_from(Outcome),
    reason=maybe(st.sampled_from(Reason)),
    source=maybe(st.sampled_from(Source)),
    price=maybe(AMOUNTS),
    all_in_price=maybe(AMOUNTS),
    quantity_base=maybe(QUANTITIES),
    asked_at=maybe(TIMES),
    answered_at=maybe(TIMES),
)
COMPETITIONS = st.builds(
    lambda request, **changes: replace(samples.COMPETITION, request=request, **changes),
    REQUESTS,
    id=IDS,
    entries=st.lists(ENTRIES, max_size=3).map(tuple),
)
FINDINGS = st.builds(
    Finding,
    st.sampled_from(Found),
    IDS,
    IDS,
    TIMES,
    venue_order_id=maybe(IDS),
    filled_base=QUANTITIES,
    average_price=maybe(AMOUNTS),
    contradicted_at=maybe(TIMES),
)
ORDERS = st.builds(
    Order,
    IDS,
    REQUESTS,
    st.just(()),
    TIMES,
    TIMES,
    phase=st.sampled_from(Phase),
    status=st.sampled_from(OrderStatus),
    attempts=st.lists(ATTEMPTS, max_size=3).map(tuple),
    competition_id=maybe(IDS),
    arrival_price=maybe(AMOUNTS),
    venue_order_id=maybe(IDS),
    filled_base=QUANTITIES,
    filled_quote=QUANTITIES,
    fills=FILLS,
    error=maybe(ERRORS),
    finding=maybe(FINDINGS),
)
DOUBTS = st.builds(
    Doubt, TIMES, st.sampled_from([0, 1, 1_500_000, 7_000_000_000]), maybe(st.builds(LookUp, TIMES, IDS))
)


@BOUNDED
@given(order=ORDERS, record=maybe(COMPETITIONS), doubt=maybe(DOUBTS))
def test_an_order_is_answered_as_the_contract_names_it(
    order: Order, record: CompetitionRecord | None, doubt: Doubt | None
) -> None:
    expected = msgspec.json.encode(order_json(order, record, doubt))
    assert expected == msgspec.json.encode(order_view(order, record, doubt))
