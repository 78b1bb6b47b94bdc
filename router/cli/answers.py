"""What the command line reads of the router's answers.

Lenient on purpose: fields and words that this version does not know are let through, so that an older
command line reads a newer router. Amounts stay the strings that came; they become numbers where they are
compared (`figures`).
"""

from typing import Final, TypeVar

import msgspec

T = TypeVar("T")
TRADED: Final = frozenset({"filled", "partially_filled"})
WORKING: Final = frozenset({"new", "partially_filled", "pending_cancel"})
ENDED: Final = frozenset({"filled", "canceled", "rejected", "expired"})


class UnreadableError(Exception):
    """An answer that is not what the router answers."""


class Connection(msgspec.Struct, frozen=True):
    """A connection as every answer names it."""

    id: str
    name: str
    pts: bool


class Entry(msgspec.Struct, frozen=True):
    """A connection's part in a competition; prices in quote per base, `quantity` in base."""

    connection: Connection
    outcome: str
    reason: str | None = None
    price: str | None = None
    all_in_price: str | None = None
    quantity: str | None = None
    source: str | None = None
    latency_us: int | None = None


class Competition(msgspec.Struct, frozen=True):
    """A competition as an order has it. `indicative`: what is traded later has the prices of then."""

    id: str
    entries: list[Entry]
    indicative: bool = False


class VenueError(msgspec.Struct, frozen=True):
    """What the counterparty said."""

    name: str | None = None
    message: str | None = None
    request_id: str | None = None
    http_status: int | None = None


class FieldProblem(msgspec.Struct, frozen=True):
    """A field that is not as it should be."""

    field: str
    expected: str
    was: str | None = None


class Problem(msgspec.Struct, frozen=True):
    """An error (RFC 9457)."""

    code: str
    title: str
    status: int
    detail: str
    retryable: bool = False
    errors: list[FieldProblem] = []
    order_id: str | None = None
    connection: Connection | None = None
    venue_error: VenueError | None = None
    competition: Competition | None = None

    @property
    def is_definite(self) -> bool:
        """Whether it says that nothing is live; a failure of the router (500) says no such thing."""
        return self.status < 500 or self.status == 503


class LookUp(msgspec.Struct, frozen=True):
    """What came of the last look-up that did not find an order."""

    time: str
    answer: str


class Doubt(msgspec.Struct, frozen=True):
    """How an order stands that is in doubt."""

    since: str
    overdue_ms: int | None = None
    venue_client_order_id: str | None = None
    last_look_up: LookUp | None = None


class Finding(msgspec.Struct, frozen=True):
    """What a person found out of an order in doubt."""

    finding: str
    operator: str
    reason: str
    recorded_at: str
    contradicted_at: str | None = None


class Terms(msgspec.Struct, frozen=True):
    """What an order was told beyond its size."""

    limit_price: str | None = None
    trigger_price: str | None = None
    time_in_force: str | None = None
    duration_minutes: int | None = None
    interval_minutes: int | None = None
    time_sliced: bool | None = None
    bounds: str | None = None
    sub_order_size: str | None = None
    interval: int | None = None
    interval_unit: str | None = None
    variance: str | None = None
    scheduled_at: str | None = None
    slippage_bps_max: str | None = None


class Attempt(msgspec.Struct, frozen=True):
    """One counterparty tried for an order; `executed_quantity` in base."""

    connection: Connection
    executed_quantity: str = "0"
    average_price: str | None = None
    error: Problem | None = None


class Order(msgspec.Struct, frozen=True):
    """An order; `filled_quantity` in base."""

    id: str
    client_order_id: str
    product: str
    side: str
    type: str
    quantity: str
    quantity_currency: str
    status: str
    in_doubt: bool
    filled_quantity: str
    fee: str
    fee_currency: str
    created_at: str
    connection: Connection | None = None
    average_price: str | None = None
    all_in_price: str | None = None
    quoted_price: str | None = None
    cover_price: str | None = None
    slippage_bps: str | None = None
    price_improvement_bps: str | None = None
    venue_order_id: str | None = None
    doubt: Doubt | None = None
    finding: Finding | None = None
    error: Problem | None = None
    competition: Competition | None = None
    terms: Terms = Terms()
    leaves_quantity: str | None = None
    attempts: list[Attempt] = []

    @property
    def is_ended(self) -> bool:
        """Whether nothing more can trade."""
        return self.status in ENDED


class CompetitionEvent(msgspec.Struct, frozen=True):
    """A competition as the event stream tells it."""

    id: str
    entries: list[Entry]
    order_id: str | None = None
    rfq_id: str | None = None
    winner: Connection | None = None


class Orders(msgspec.Struct, frozen=True):
    """A page of orders."""

    data: list[Order]
    next_cursor: str | None = None


class Rfq(msgspec.Struct, frozen=True):
    """An RFQ; its prices stand until `valid_until`."""

    id: str
    product: str
    side: str
    quantity: str
    quantity_currency: str
    created_at: str
    valid_until: str
    entries: list[Entry]
    best: Entry | None = None


class Health(msgspec.Struct, frozen=True):
    """A connection's condition."""

    detail: str | None = None
    feed_up: bool = False
    latency_us: int | None = None


class ConnectionState(Connection, frozen=True):
    """A connection with its state."""

    counterparty: str
    state: str
    health: Health
    products: list[str] = []
    type: str = "exchange"


class Connections(msgspec.Struct, frozen=True):
    """Every connection."""

    data: list[ConnectionState]


class ForeignOrder(msgspec.Struct, frozen=True):
    """An order on an account that the router did not send; `filled_quantity` in base."""

    connection: Connection
    venue_order_id: str
    state: str
    filled_quantity: str
    product: str | None = None
    side: str | None = None


def read(body: bytes, kind: type[T]) -> T:
    """An answer's body as what it should be. Raises `UnreadableError`."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableError(
            f"expected {kind.__name__} of caas-router, was another answer: {error}"
        ) from error
