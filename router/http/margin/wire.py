"""Answers about margin as they stand in JSON. The names are the schemas' in the description."""

import enum
from typing import Annotated

import msgspec

from router.core.movement import ActivityType, CloseStatus, MoveKind, WithdrawalStatus
from router.core.moving import MoveFound
from router.http.wire import Answer, AnswerAmount, ConnectionRef, LookUp, Problem, Time

Ratio = Annotated[AnswerAmount, msgspec.Meta(description="A ratio: 0.85 is 85 %.", examples=["0.85"])]


class MarginStatus(enum.StrEnum):
    """How an operation stands; `pending` while its outcome is not known."""

    PENDING = "pending"
    DONE = "done"
    REJECTED = "rejected"


class MarginValue(Answer, frozen=True):
    """An amount with its currency."""

    quantity: AnswerAmount
    currency: str


class MarginRiskProfile(Answer, frozen=True):
    """How a PTS account stands. `margin_utilization`: the requirement over the margin balance."""

    connection: ConnectionRef
    net_open_position: MarginValue
    collateral: MarginValue
    unrealized_pnl: MarginValue
    margin_balance: MarginValue
    margin_requirement: MarginValue | None
    margin_utilization: Ratio | None


class MarginRiskSettings(Answer, frozen=True):
    """The limits that the counterparty set; thresholds and rate are ratios."""

    connection: ConnectionRef
    total_short_position_limit: MarginValue | None
    margin_call_threshold: Ratio | None
    liquidation_threshold: Ratio | None
    margin_requirement_rate: Ratio | None


class MarginPosition(Answer, frozen=True):
    """An open position with the counterparty; below zero it is short."""

    connection: ConnectionRef
    asset: str
    quantity: AnswerAmount
    value: MarginValue | None


class MarginPositionPage(Answer, frozen=True):
    """Every open position; `next_cursor` is always null."""

    data: list[MarginPosition]
    next_cursor: str | None


class MarginCollateralPage(Answer, frozen=True):
    """Every asset that was handed over as collateral; `next_cursor` is always null."""

    data: list[MarginPosition]
    next_cursor: str | None


class MarginCollateralCurrency(Answer, frozen=True):
    """An asset that is taken as collateral; `increment` is its smallest step."""

    connection: ConnectionRef
    asset: str
    name: str
    increment: AnswerAmount | None


class MarginCollateralCurrencyPage(Answer, frozen=True):
    """Every asset that is taken as collateral; `next_cursor` is always null."""

    data: list[MarginCollateralCurrency]
    next_cursor: str | None


class MarginCloseRequest(Answer, frozen=True):
    """A request to close positions, as the counterparty shows it."""

    connection: ConnectionRef
    id: str
    status: CloseStatus
    created_at: Time


class MarginCloseRequestPage(Answer, frozen=True):
    """Requests to close positions, as the counterparty orders them."""

    data: list[MarginCloseRequest]
    next_cursor: str | None


class MarginCloseOrder(Answer, frozen=True):
    """An order that a request to close led to; `venue_order_id` is null while there is no trade order."""

    connection: ConnectionRef
    request_id: str
    status: CloseStatus
    currency: str
    target_currency: str
    venue_order_id: str | None
    created_at: Time
    updated_at: Time


class MarginCloseOrderPage(Answer, frozen=True):
    """Every order of a request to close; `next_cursor` is always null."""

    data: list[MarginCloseOrder]
    next_cursor: str | None


class MarginWithdrawal(Answer, frozen=True):
    """A request to take collateral back; people at the counterparty decide it."""

    connection: ConnectionRef
    id: str
    currency: str
    quantity: AnswerAmount
    status: WithdrawalStatus
    created_at: Time
    updated_at: Time


class MarginWithdrawalPage(Answer, frozen=True):
    """Requests to take collateral back, as the counterparty orders them."""

    data: list[MarginWithdrawal]
    next_cursor: str | None


class MarginSnapshot(Answer, frozen=True):
    """An unsettled position as of a time; applied future transfers are without sign."""

    connection: ConnectionRef
    asset: str
    quantity: AnswerAmount
    applied_future_transfers: AnswerAmount
    earliest_at: Time | None
    latest_at: Time | None
    latest_future_transfer_at: Time | None


class MarginSnapshotPage(Answer, frozen=True):
    """Every unsettled position as of `until`, exclusive; `next_cursor` is always null."""

    until: Time
    data: list[MarginSnapshot]
    next_cursor: str | None


class MarginActivity(Answer, frozen=True):
    """A fill's leg or a transfer, and what it added to the position, signed."""

    connection: ConnectionRef
    type: ActivityType
    id: str
    asset: str
    quantity: AnswerAmount
    time: Time


class MarginActivityPage(Answer, frozen=True):
    """What unsettled positions are made of, as the counterparty orders it."""

    data: list[MarginActivity]
    next_cursor: str | None


class MarginBalance(Answer, frozen=True):
    """An asset after a move: the collateral, or the position, that there is now."""

    asset: str
    quantity: AnswerAmount
    value: MarginValue | None
    transfer_id: str | None


class MarginDoubt(Answer, frozen=True):
    """How an operation stands that is in doubt. `overdue_ms` is null until its time is over."""

    since: Time
    overdue_ms: int | None
    last_look_up: LookUp | None


class MarginFinding(Answer, frozen=True):
    """What a person found out, which ended the doubt; since when the counterparty's own word is another."""

    finding: MoveFound
    operator: str
    reason: str
    recorded_at: Time
    venue_id: str | None
    contradicted_at: Time | None


class MarginOperation(Answer, frozen=True):
    """A move of margin money. `in_doubt`: it may have been done, is looked up, and is never sent again.

    Transfers and withdrawals have `currency` and `quantity`; cover and close have `currencies`, null for all.
    `balances`, `close_request` and `withdrawal` are what the counterparty answered when it was done.
    """

    id: str
    connection: ConnectionRef
    kind: MoveKind
    idempotency_key: str
    status: MarginStatus
    in_doubt: bool
    currency: str | None
    quantity: AnswerAmount | None
    currencies: list[str] | None
    balances: list[MarginBalance]
    close_request: MarginCloseRequest | None
    withdrawal: MarginWithdrawal | None
    venue_ids: list[str]
    created_at: Time
    updated_at: Time
    sent_at: Time | None
    doubt: MarginDoubt | None
    finding: MarginFinding | None
    error: Problem | None


class MarginOperationPage(Answer, frozen=True):
    """Moves of margin money through this router, newest first."""

    data: list[MarginOperation]
    next_cursor: str | None


class MarginClose(Answer, frozen=True):
    """A request to close positions that was just made; `id` and `status` are null while it is in doubt."""

    connection: ConnectionRef
    id: str | None
    status: CloseStatus | None
    in_doubt: bool
    created_at: Time | None
    operation: MarginOperation


class MarginWithdrawalAsked(Answer, frozen=True):
    """A request for collateral that was just made; `id` and `status` are null while it is in doubt."""

    connection: ConnectionRef
    id: str | None
    currency: str
    quantity: AnswerAmount
    status: WithdrawalStatus | None
    in_doubt: bool
    created_at: Time | None
    updated_at: Time | None
    operation: MarginOperation
