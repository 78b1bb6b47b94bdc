"""Requests and answers as they stand in JSON: names, order and nulls of the contract.

The classes' names are the schemas' names in the OpenAPI document, their docstrings its descriptions. Amounts,
prices and rates are decimal strings, times RFC 3339 in UTC with microseconds.
"""

from typing import Annotated

import msgspec

from router.core.errors import Code
from router.core.model import (
    OnCreditFailure,
    OrderStatus,
    OrderType,
    Outcome,
    Reason,
    Side,
    Source,
    TimeInForce,
)
from router.core.money import AMOUNT_LENGTH_MAX
from router.ports import ConnectionState

ID_PATTERN = "^[A-Za-z0-9._:-]{1,64}$"
PRODUCT_PATTERN = "^[A-Za-z0-9*.]{1,20}-[A-Za-z0-9*.]{1,20}$"
DURATION_MINUTES_MAX = 525_600
"""A year: BitGo's bound is not published, and no order should outlive the memory of who placed it."""

Amount = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(?:0|[1-9][0-9]*)(?:\.[0-9]+)?$",
        max_length=AMOUNT_LENGTH_MAX,
        description="A decimal string: digits with at most one point, no sign, no exponent.",
        examples=["0.5"],
    ),
]
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
ProductName = Annotated[str, msgspec.Meta(pattern=PRODUCT_PATTERN, examples=["BTC-USD"])]
ConnectionIds = Annotated[
    list[Annotated[str, msgspec.Meta(pattern=ID_PATTERN)]],
    msgspec.Meta(
        min_length=1,
        description="Ids of the connections to ask, each once; null: all.",
        extra_json_schema={"uniqueItems": True},
    ),
]


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a caller sends; a field that is not known is refused."""


class OrderBody(Body, frozen=True):
    """An order. A field that the type does not take is refused where it is not null."""

    client_order_id: ClientOrderId
    product: ProductName
    side: Side
    type: OrderType
    quantity: Amount
    quantity_currency: Annotated[
        str, msgspec.Meta(description="The product's base or quote currency.", examples=["BTC"])
    ]
    limit_price: Annotated[
        Amount | None, msgspec.Meta(description="Quote per base. Limit orders must have it.")
    ] = None
    time_in_force: Annotated[
        TimeInForce | None,
        msgspec.Meta(
            description="Market: IOC, FOK; null is IOC. Limit: any; null is GTC, or GTD with a duration."
        ),
    ] = None
    duration_minutes: Annotated[
        Annotated[int, msgspec.Meta(ge=1, le=DURATION_MINUTES_MAX)] | None,
        msgspec.Meta(description="How long a GTD limit order works; GTD must have it."),
    ] = None
    slippage_bps_max: Annotated[
        Amount | None,
        msgspec.Meta(
            description="How far beyond the quote a market order may trade, basis points. "
            "Narrows the router's setting, never widens it."
        ),
    ] = None
    connections: ConnectionIds | None = None
    on_credit_failure: OnCreditFailure | None = None


class RfqBody(Body, frozen=True):
    """A request for quotes; nothing is executed."""

    product: ProductName
    side: Side
    quantity: Amount
    quantity_currency: Annotated[
        str, msgspec.Meta(description="The product's base or quote currency.", examples=["BTC"])
    ]
    connections: ConnectionIds | None = None


class AcceptBody(Body, frozen=True):
    """An RFQ's acceptance; without a connection, the best quote is taken."""

    client_order_id: ClientOrderId
    connection: Annotated[
        Annotated[str, msgspec.Meta(pattern=ID_PATTERN)] | None,
        msgspec.Meta(description="A connection among the RFQ's entries; null: the best."),
    ] = None
    on_credit_failure: OnCreditFailure | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What is answered."""


class ConnectionRef(Answer, frozen=True):
    """A connection; `pts` marks a Post Trade Settlement account, which trades on credit."""

    id: str
    name: str
    pts: bool


class Fill(Answer, frozen=True):
    """One execution; `id` is the counterparty's trade id, `quantity` in base."""

    id: str
    price: AnswerAmount
    quantity: AnswerAmount
    quote_quantity: AnswerAmount
    time: Time


class Entry(Answer, frozen=True):
    """A connection's part in a competition. Prices are quote per base, `quantity` in base."""

    connection: ConnectionRef
    outcome: Outcome
    reason: Reason | None
    price: AnswerAmount | None
    all_in_price: AnswerAmount | None
    quantity: AnswerAmount | None
    source: Source | None
    latency_us: int | None


class CompetitionSummary(Answer, frozen=True):
    """A competition as an order has it."""

    id: str
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


class Order(Answer, frozen=True):
    """An order. `filled_quantity` is in base, `leaves_quantity` in `quantity_currency`.

    `average_price`, `all_in_price`, `slippage_bps` and `price_improvement_bps` are null without fills,
    `price_improvement_bps` also without a second quote; `competition` is null in lists and while it runs.
    """

    id: str
    client_order_id: str
    product: str
    side: Side
    type: OrderType
    quantity: AnswerAmount
    quantity_currency: str
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
    """The full record of a competition; it was held for an order or for an RFQ."""

    id: str
    order_id: str | None
    rfq_id: str | None
    product: str
    side: Side
    type: OrderType
    quantity: AnswerAmount
    quantity_currency: str
    opened_at: Time
    deadline_at: Time
    closed_at: Time
    arrival_price: AnswerAmount | None
    cover_price: AnswerAmount | None
    winner: ConnectionRef | None
    slippage_bps_max: AnswerAmount
    collar_bps: AnswerAmount
    entries: list[EntryDetail]


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


class ConnectionPage(Answer, frozen=True):
    """Every connection; `next_cursor` is always null."""

    data: list[Connection]
    next_cursor: str | None


class Liveness(Answer, frozen=True):
    """The process runs."""

    status: str


class Readiness(Answer, frozen=True):
    """Whether orders can be taken. Each check is null where it is well, else what is wrong."""

    ready: bool
    checks: dict[str, str | None]
