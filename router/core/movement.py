"""Moves of margin money: what is asked of a counterparty, and what became of it.

A move is journaled like an order and never sent twice:

    accepted ──Sent──▶ sent ──Answered──▶ done | rejected
        │                └──WentInDoubt──▶ in_doubt ──Answered (found) | FindingRecorded──▶ done | rejected
        └──Withheld──▶ rejected                       (it never left us)

`sent` is durable before the first byte, so a process that ends there leaves a move in doubt. BitGo takes no
id of ours with a move: what shows afterwards is told apart by kind, currency, quantity and time, which is
why a connection has one move under way at a time.
"""

import enum
from decimal import Decimal

import msgspec

from router.core.account import Value
from router.core.errors import OrderError


class MoveKind(enum.StrEnum):
    """What a move does."""

    COLLATERAL_TRANSFER = "collateral_transfer"
    """From the Go Account to the collateral account; it is locked there."""
    POSITION_TRANSFER = "position_transfer"
    """From the Go Account onto a position."""
    COVER = "cover"
    """Transfer what short positions owe."""
    CLOSE = "close"
    """Trade positions to zero; goes on after it was answered."""
    COLLATERAL_WITHDRAWAL = "collateral_withdrawal"
    """Ask for collateral back; decided by people."""


class Move(msgspec.Struct, frozen=True):
    """What is asked.

    Transfers and withdrawals have `currency` and `quantity`; cover and close have `currencies`, None for all.
    """

    kind: MoveKind
    currency: str | None = None
    quantity: Decimal | None = None
    currencies: tuple[str, ...] | None = None


class MovedBalance(msgspec.Struct, frozen=True):
    """An asset after a move: the collateral, or the position, that there is now."""

    asset: str
    quantity: Decimal
    value: Value | None
    transfer_id: str | None


class CloseStatus(enum.StrEnum):
    """How far a request to close positions is."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class CloseRequest(msgspec.Struct, frozen=True):
    """A request to close positions, as the counterparty shows it."""

    id: str
    status: CloseStatus
    at: int


class CloseOrder(msgspec.Struct, frozen=True):
    """One order that a request to close led to; `venue_order_id` None while there is no trade order yet."""

    request_id: str
    status: CloseStatus
    currency: str
    target_currency: str
    venue_order_id: str | None
    at: int
    modified_at: int


class WithdrawalStatus(enum.StrEnum):
    """How far a request for collateral is."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class Withdrawal(msgspec.Struct, frozen=True):
    """A request to take collateral back, as the counterparty shows it."""

    id: str
    currency: str
    quantity: Decimal
    status: WithdrawalStatus
    at: int
    modified_at: int


class Snapshot(msgspec.Struct, frozen=True):
    """An unsettled position as of a time. Applied future transfers are without sign."""

    asset: str
    quantity: Decimal
    applied_future_transfers: Decimal
    earliest_at: int | None
    latest_at: int | None
    latest_future_transfer_at: int | None


class ActivityType(enum.StrEnum):
    """What a position is made of."""

    FILL_BASE_LEG = "fill-base-leg"
    FILL_QUOTE_LEG = "fill-quote-leg"
    POSITION_TRANSFER = "position-transfer"


class ActivityQuery(msgspec.Struct, frozen=True):
    """Which activity is asked for: `since` inclusive, `until` exclusive, empty for all."""

    since: int | None = None
    until: int | None = None
    currencies: tuple[str, ...] = ()
    types: tuple[ActivityType, ...] = ()


class Activity(msgspec.Struct, frozen=True):
    """A fill's leg or a transfer: what it added to the position, signed."""

    type: ActivityType
    id: str
    asset: str
    quantity: Decimal
    at: int


# What came of sending one.
class Moved(msgspec.Struct, frozen=True, tag="moved"):
    """The counterparty did it, or took it on (`close`, `collateral_withdrawal`)."""

    balances: tuple[MovedBalance, ...] = ()
    close: CloseRequest | None = None
    withdrawal: Withdrawal | None = None
    venue_ids: tuple[str, ...] = ()
    """The counterparty's ids of it, so that the same evidence is not taken for two moves."""


class MoveRefused(msgspec.Struct, frozen=True, tag="refused"):
    """A definite no: nothing was moved."""

    error: OrderError


class MoveNeverSent(msgspec.Struct, frozen=True, tag="never_sent"):
    """Not a byte of it left us."""

    detail: str


class MoveUnanswered(msgspec.Struct, frozen=True, tag="unanswered"):
    """Everything else: it may have been done."""

    detail: str


MoveOutcome = Moved | MoveRefused | MoveNeverSent | MoveUnanswered
