"""Answers as they stand in JSON: names, order and nulls of the contract. Requests: `bodies`.

The classes' names are the schemas' names in the OpenAPI document, their docstrings its descriptions. Amounts,
prices and rates are decimal strings, times RFC 3339 in UTC with microseconds.
"""

from typing import Annotated

import msgspec

from router.core.errors import Code
from router.core.finding import Found
from router.core.instruction import Bounds, IntervalUnit
from router.core.model import (
    OrderStatus,
    OrderType,
    Outcome,
    Reason,
    Side,
    Source,
    TimeInForce,
    VenueState,
)
from router.ports import ConnectionState

ID_PATTERN = "^[A-Za-z0-9._:-]{1,64}$"
PRODUCT_PATTERN = "^[A-Za-z0-9*.]{1,20}-[A-Za-z0-9*.]{1,20}$"
AnswerAmount = Annotated[
    str, msgspec.Meta(pattern=r"^-?[0-9]+(?:\.[0-9]+)?$", description="A decimal string.", examples=["0.5"])
]
Time = Annotated[
    str,
    msgspec.Meta(
        description="RFC 3339, UTC, with microseconds.",
        examples=["2026-01-02T03:04:05.678901Z"],
        extra_json_schema={"format": "date-time"},
    ),
]
ClientOrderId = Annotated[str, msgspec.Meta(pattern=ID_PATTERN, description="The idempotency key.")]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What is answered.

    What every order's answer is made of is `gc=False`: it is part of no cycle, and gone when it is written.
    """


class ConnectionRef(Answer, frozen=True, gc=False):
    """A connection; `pts` marks a Post Trade Settlement account, which trades on credit."""

    id: str
    name: str
    pts: bool


class Fill(Answer, frozen=True, gc=False):
    """One execution; `id` is the counterparty's trade id, `quantity` in base."""

    id: str
    price: AnswerAmount
    quantity: AnswerAmount
    quote_quantity: AnswerAmount
    time: Time


class Entry(Answer, frozen=True, gc=False):
    """A connection's part in a competition. Prices are quote per base, `quantity` in base."""

    connection: ConnectionRef
    outcome: Outcome
    reason: Reason | None
    price: AnswerAmount | None
    all_in_price: AnswerAmount | None
    quantity: AnswerAmount | None
    source: Source | None
    latency_us: int | None


class CompetitionSummary(Answer, frozen=True, gc=False):
    """A competition as an order has it.

    `indicative`: the order works over time, and the prices only showed where: what is traded later has the
    prices of then.
    """

    id: str
    indicative: bool
    entries: list[Entry]


class VenueError(Answer, frozen=True):
    """What the counterparty said, word for word."""

    name: str | None
    message: str | None
    request_id: str | None
    http_status: int | None


class FieldProblem(Answer, frozen=True):
    """A field that is not as it should be; `was` is the JSON that came, cut short, or null."""

    field: str
    expected: str
    was: str | None


class Problem(Answer, frozen=True):
    """An error (RFC 9457). `code` is the part of `type` that programs tell errors apart by."""

    type: str
    title: str
    status: int
    detail: str
    code: Code
    retryable: bool
    errors: list[FieldProblem] | msgspec.UnsetType = msgspec.UNSET
    order_id: str | msgspec.UnsetType = msgspec.UNSET
    connection: ConnectionRef | msgspec.UnsetType = msgspec.UNSET
    venue_error: VenueError | msgspec.UnsetType = msgspec.UNSET
    competition: CompetitionSummary | msgspec.UnsetType = msgspec.UNSET


class LookUp(Answer, frozen=True):
    """What came of the last look-up that did not find an order."""

    time: Time
    answer: str


class Doubt(Answer, frozen=True):
    """How an order stands that is in doubt. `overdue_ms` is null until its time is over."""

    since: Time
    overdue_ms: int | None
    venue_client_order_id: str
    last_look_up: LookUp | None


class Finding(Answer, frozen=True):
    """What a person found out of an order, which ended its doubt. `filled_quantity` is in base.

    `contradicted_at`: since when the counterparty's own word is another.
    """

    finding: Found
    operator: str
    reason: str
    recorded_at: Time
    venue_order_id: str | None
    filled_quantity: AnswerAmount
    average_price: AnswerAmount | None
    contradicted_at: Time | None


class OrderTerms(Answer, frozen=True, omit_defaults=True, gc=False):
    """What the request said beyond its size: the fields that were not null."""

    limit_price: AnswerAmount | None = None
    time_in_force: TimeInForce | None = None
    duration_minutes: int | None = None
    interval_minutes: int | None = None
    time_sliced: bool | None = None
    bounds: Bounds | None = None
    sub_order_size: AnswerAmount | None = None
    interval: int | None = None
    interval_unit: IntervalUnit | None = None
    variance: AnswerAmount | None = None
    trigger_price: AnswerAmount | None = None
    scheduled_at: Time | None = None
    slippage_bps_max: AnswerAmount | None = None


class Attempt(Answer, frozen=True, gc=False):
    """One counterparty tried for an order. `error` is its refusal.

    `executed_quantity` is what was executed there, in base: also what a counterparty executed that had
    refused it, and which the order's own quantities are without.
    """

    connection: ConnectionRef
    error: Problem | None
    executed_quantity: AnswerAmount
    average_price: AnswerAmount | None
    fills: list[Fill]


class Order(Answer, frozen=True, gc=False):
    """An order. `filled_quantity` is in base, `leaves_quantity` in `quantity_currency`.

    `average_price`, `all_in_price`, `slippage_bps` and `price_improvement_bps` are null without fills,
    `price_improvement_bps` also without a second quote; `competition` is null in lists and while it runs.
    `doubt` is null unless the order is in doubt, `finding` unless a person has ended that.
    """

    id: str
    client_order_id: str
    product: str
    side: Side
    type: OrderType
    quantity: AnswerAmount
    quantity_currency: str
    terms: OrderTerms
    status: OrderStatus
    in_doubt: bool
    connection: ConnectionRef | None
    filled_quantity: AnswerAmount
    leaves_quantity: AnswerAmount
    average_price: AnswerAmount | None
    all_in_price: AnswerAmount | None
    fee: AnswerAmount
    fee_currency: str
    quoted_price: AnswerAmount | None
    arrival_price: AnswerAmount | None
    cover_price: AnswerAmount | None
    slippage_bps: AnswerAmount | None
    price_improvement_bps: AnswerAmount | None
    venue_order_id: str | None
    competition_id: str | None
    created_at: Time
    updated_at: Time
    fills: list[Fill]
    attempts: list[Attempt]
    doubt: Doubt | None
    finding: Finding | None
    error: Problem | None
    competition: CompetitionSummary | None


class OrderPage(Answer, frozen=True):
    """Orders, newest first; `next_cursor` is null on the last page."""

    data: list[Order]
    next_cursor: str | None


class Rfq(Answer, frozen=True):
    """An RFQ. Its prices stand until `valid_until`; `connections` are the ids that it was limited to."""

    id: str
    product: str
    side: Side
    quantity: AnswerAmount
    quantity_currency: str
    connections: list[str] | None
    created_at: Time
    valid_until: Time
    competition_id: str
    best: Entry | None
    entries: list[Entry]


class EntryDetail(Entry, frozen=True):
    """A connection's whole part in a competition; here an excluded one's price is told, if known.

    `late`: the quote came after the decision. `complete`: it covers the whole size.
    """

    fee: AnswerAmount | None
    price_worst: AnswerAmount | None
    firm: bool
    complete: bool
    rank: int | None
    late: bool
    asked_at: Time | None
    answered_at: Time | None
    valid_until: Time | None
    quote_id: str | None
    detail: str | None


class Competition(Answer, frozen=True):
    """The full record of a competition; it was held for an order or for an RFQ.

    `indicative` as in a `CompetitionSummary`.
    """

    id: str
    order_id: str | None
    rfq_id: str | None
    product: str
    side: Side
    type: OrderType
    quantity: AnswerAmount
    quantity_currency: str
    indicative: bool
    opened_at: Time
    deadline_at: Time
    closed_at: Time
    arrival_price: AnswerAmount | None
    cover_price: AnswerAmount | None
    winner: ConnectionRef | None
    slippage_bps_max: AnswerAmount
    collar_bps: AnswerAmount
    entries: list[EntryDetail]


class CompetitionEvent(Answer, frozen=True):
    """A competition as the event stream tells it; it was held for an order or for an RFQ."""

    id: str
    order_id: str | None
    rfq_id: str | None
    winner: ConnectionRef | None
    entries: list[Entry]


class ForeignOrder(Answer, frozen=True):
    """An order on the account that this router did not send: a liquidation, a closing, somebody else's.

    `state` is how the counterparty has it; `filled_quantity` is cumulative, in base.
    """

    connection: ConnectionRef
    venue_order_id: str
    venue_client_order_id: str | None
    product: str | None
    side: Side | None
    state: VenueState
    filled_quantity: AnswerAmount
    time: Time


class Health(Answer, frozen=True):
    """A connection's condition. `error_rate` is of its latest requests, 0 to 1."""

    state: ConnectionState
    detail: str | None
    feed_up: bool
    feed_age_ms: int | None
    budget_left: int
    error_rate: AnswerAmount
    latency_us: int | None
    changed_at: Time


class Connection(ConnectionRef, frozen=True):
    """A connection with its state and health; `products` are the pairs that it trades."""

    counterparty: str
    type: str
    enabled: bool
    state: ConnectionState
    health: Health
    products: list[str]


class Liveness(Answer, frozen=True):
    """The process runs."""

    status: str


class Readiness(Answer, frozen=True):
    """Whether orders can be taken. Each check is null where it is well, else what is wrong."""

    ready: bool
    checks: dict[str, str | None]
