"""What the command line reads of the router's answers about margin; lenient, as `answers` is."""

import msgspec

from router.cli.answers import Connection, LookUp, Problem


class Value(msgspec.Struct, frozen=True):
    """An amount with its currency."""

    quantity: str
    currency: str


class RiskProfile(msgspec.Struct, frozen=True):
    """How a PTS account stands; `margin_utilization` is a ratio."""

    connection: Connection
    net_open_position: Value
    collateral: Value
    unrealized_pnl: Value
    margin_balance: Value
    margin_requirement: Value | None = None
    margin_utilization: str | None = None


class RiskSettings(msgspec.Struct, frozen=True):
    """The limits that the counterparty set; thresholds and rate are ratios."""

    connection: Connection
    total_short_position_limit: Value | None = None
    margin_call_threshold: str | None = None
    liquidation_threshold: str | None = None
    margin_requirement_rate: str | None = None


class Held(msgspec.Struct, frozen=True):
    """A position, or an asset of the collateral."""

    connection: Connection
    asset: str
    quantity: str
    value: Value | None = None


class HeldPage(msgspec.Struct, frozen=True):
    """Every position, or all of the collateral."""

    data: list[Held]


class CollateralCurrency(msgspec.Struct, frozen=True):
    """An asset that is taken as collateral."""

    connection: Connection
    asset: str
    name: str
    increment: str | None = None


class CollateralCurrencies(msgspec.Struct, frozen=True):
    """Every asset that is taken as collateral."""

    data: list[CollateralCurrency]


class CloseRequest(msgspec.Struct, frozen=True):
    """A request to close positions."""

    connection: Connection
    id: str
    status: str
    created_at: str


class CloseRequests(msgspec.Struct, frozen=True):
    """A page of requests to close."""

    data: list[CloseRequest]
    next_cursor: str | None = None


class CloseOrder(msgspec.Struct, frozen=True):
    """An order that a request to close led to."""

    status: str
    currency: str
    target_currency: str
    created_at: str
    venue_order_id: str | None = None


class CloseOrders(msgspec.Struct, frozen=True):
    """Every order of a request to close."""

    data: list[CloseOrder]


class Withdrawal(msgspec.Struct, frozen=True):
    """A request to take collateral back."""

    connection: Connection
    id: str
    currency: str
    quantity: str
    status: str
    created_at: str


class Withdrawals(msgspec.Struct, frozen=True):
    """A page of requests for collateral."""

    data: list[Withdrawal]
    next_cursor: str | None = None


class Snapshot(msgspec.Struct, frozen=True):
    """An unsettled position as of a time."""

    connection: Connection
    asset: str
    quantity: str
    applied_future_transfers: str
    earliest_at: str | None = None
    latest_at: str | None = None


class Snapshots(msgspec.Struct, frozen=True):
    """Every unsettled position."""

    until: str
    data: list[Snapshot]


class Activity(msgspec.Struct, frozen=True):
    """What a position is made of."""

    connection: Connection
    type: str
    id: str
    asset: str
    quantity: str
    time: str


class Activities(msgspec.Struct, frozen=True):
    """A page of activity."""

    data: list[Activity]
    next_cursor: str | None = None


class Balance(msgspec.Struct, frozen=True):
    """An asset after a move."""

    asset: str
    quantity: str
    value: Value | None = None


class MarginDoubt(msgspec.Struct, frozen=True):
    """How an operation stands that is in doubt."""

    since: str
    overdue_ms: int | None = None
    last_look_up: LookUp | None = None


class MarginFinding(msgspec.Struct, frozen=True):
    """What a person found out."""

    finding: str
    operator: str
    reason: str
    contradicted_at: str | None = None


class Operation(msgspec.Struct, frozen=True):
    """A move of margin money."""

    id: str
    connection: Connection
    kind: str
    idempotency_key: str
    status: str
    in_doubt: bool
    created_at: str
    currency: str | None = None
    quantity: str | None = None
    currencies: list[str] | None = None
    balances: list[Balance] = []
    close_request: CloseRequest | None = None
    withdrawal: Withdrawal | None = None
    doubt: MarginDoubt | None = None
    finding: MarginFinding | None = None
    error: Problem | None = None


class Operations(msgspec.Struct, frozen=True):
    """A page of moves of margin money."""

    data: list[Operation]
    next_cursor: str | None = None


class Asked(msgspec.Struct, frozen=True):
    """What was just asked for: a request to close, or for collateral, has its operation inside."""

    operation: Operation | None = None
