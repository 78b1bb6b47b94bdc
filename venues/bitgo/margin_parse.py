"""The margin wire → the vocabulary of accounts and moves. Pure; what cannot be read raises `OffWireError`.

One internal unit: a ratio is a ratio. Express states per cent, the platform ratios, under the same names.
"""

import enum
from decimal import Decimal
from typing import TypeVar

import msgspec

from router.core import account as core
from router.core import movement
from router.core.money import ZERO
from router.ports import OffWireError
from router.settings import MarginDialect
from venues.bitgo import margin_wire as wire
from venues.bitgo.numbers import (
    amount,
    is_null,
    ratio,
    signed,
    stated_value,
    value,
    value_beside,
)
from venues.transport.reader import decode
from venues.transport.times import parse_time

E = TypeVar("E", bound=enum.StrEnum)
T = TypeVar("T")


def risk_profile_of(answer: wire.RiskAnswer, dialect: MarginDialect) -> core.RiskProfile:
    """How the account stands; names of either dialect, the unit of the dialect that answered."""
    said = answer if answer.risk_profile is None else answer.risk_profile
    pnl = said.unrealized_pnl if is_null(said.unrealized_pnl_platform) else said.unrealized_pnl_platform
    collateral = said.collateral if is_null(said.transferred_collateral) else said.transferred_collateral
    return core.RiskProfile(
        net_open_position=stated_value(said.net_open_position, "netOpenPosition"),
        collateral=stated_value(collateral, "collateral"),
        unrealized_pnl=stated_value(pnl, "unrealizedPnL"),
        margin_balance=stated_value(said.margin_balance, "marginBalance"),
        margin_requirement=value(said.margin_requirement, "marginRequirement"),
        margin_utilization=_ratio(said.margin_utilization_percentage, "marginUtilizationPercentage", dialect),
    )


def risk_settings_of(said: wire.RiskSettings, dialect: MarginDialect) -> core.RiskSettings:
    """The limits that are set."""
    return core.RiskSettings(
        total_short_position_limit=value(said.total_short_position_limit, "totalShortPositionLimit"),
        margin_call_threshold=_ratio(said.margin_call_percentage, "marginCallPercentage", dialect),
        liquidation_threshold=_ratio(
            said.liquidation_threshold_percentage, "liquidationThresholdPercentage", dialect
        ),
        margin_requirement_rate=_ratio(
            said.margin_requirement_percentage, "marginRequirementPercentage", dialect
        ),
    )


def rows_of(answer: wire.Positions, dialect: MarginDialect) -> list[wire.Position]:
    """The rows of open positions. The platform may leave an empty list out (it is not required)."""
    if dialect is MarginDialect.PLATFORM:
        return answer.net_open_positions or []
    if answer.data is None:
        raise OffWireError("data: expected a list of positions, was nothing")
    return answer.data


def position_of(row: wire.Position, dialect: MarginDialect) -> core.Position:
    """An open position, signed."""
    if dialect is MarginDialect.EXPRESS:
        return core.Position(row.currency, signed(row.quantity, "quantity"), value(row.value, "value"))
    long_limit, short_limit = limits_of(row)
    return core.Position(
        row.currency,
        signed(row.net_open_position, "netOpenPosition"),
        # A bare number before 2026-01-06: it is checked against the limits, so it is in their currency.
        value_beside(row.net_open_position_value, "netOpenPositionValue", long_limit, short_limit),
    )


def limits_of(row: wire.Position | wire.Limit) -> tuple[core.Value | None, core.Value | None]:
    """The long and the short limit, both stated without sign."""
    long_limit = value(row.long_margin_position_notional_limit, "longMarginPositionNotionalLimit")
    short_limit = value(row.short_margin_position_notional_limit, "shortMarginPositionNotionalLimit")
    for limit in (long_limit, short_limit):
        if limit is not None and limit.quantity < 0:
            raise OffWireError("limit: expected zero or more, was less")
    return long_limit, short_limit


def collateral_of(row: wire.Balance) -> core.Collateral:
    """An asset of the collateral account."""
    held = value(row.balance_value, "balanceValue")
    return core.Collateral(row.currency, amount(row.quantity, "quantity"), held)


def collateral_currency_of(row: wire.CollateralCurrency) -> core.CollateralCurrency:
    """An asset that is taken as collateral."""
    step = row.min_increment if is_null(row.increment) else row.increment
    increment = None if is_null(step) else amount(step, "increment")
    return core.CollateralCurrency(row.symbol, row.name or row.symbol, increment)


def moved_balance_of(row: wire.Balance) -> movement.MovedBalance:
    """What there is after a transfer: collateral, or a position, which may be short."""
    if not row.currency:
        raise OffWireError("currency: expected a currency, was an empty text")
    return movement.MovedBalance(
        asset=row.currency,
        quantity=signed(row.quantity, "quantity"),
        value=value(row.balance_value, "balanceValue"),
        transfer_id=row.transfer_id or None,
    )


def close_request_of(row: wire.CloseRequest) -> movement.CloseRequest:
    """A request to close positions."""
    return movement.CloseRequest(
        id=_id(row.id),
        status=_member(movement.CloseStatus, row.status, "status"),
        at=_time(row.creation_date, "creationDate"),
    )


def close_order_of(row: wire.CloseOrder) -> movement.CloseOrder:
    """An order that a request to close led to."""
    return movement.CloseOrder(
        request_id=_id(row.request_id),
        status=_member(movement.CloseStatus, row.status, "status"),
        currency=row.currency,
        target_currency=row.target_currency,
        venue_order_id=row.order_id or None,
        at=_time(row.creation_date, "creationDate"),
        modified_at=_time(row.modified_date, "modifiedDate"),
    )


def withdrawal_of(row: wire.Withdrawal) -> movement.Withdrawal:
    """A request to take collateral back."""
    return movement.Withdrawal(
        id=_id(row.id),
        currency=row.currency,
        quantity=amount(row.quantity, "quantity"),
        status=_member(movement.WithdrawalStatus, row.status, "status"),
        at=_time(row.creation_date, "creationDate"),
        modified_at=_time(row.modified_date, "modifiedDate"),
    )


def snapshot_of(row: wire.Snapshot) -> movement.Snapshot:
    """An unsettled position as of a time."""
    applied = row.applied_future_transfers
    return movement.Snapshot(
        asset=row.currency,
        quantity=signed(row.net_open_position, "netOpenPosition"),
        applied_future_transfers=ZERO if is_null(applied) else amount(applied, "appliedFutureTransfers"),
        earliest_at=_time_or_none(row.earliest_transaction_date, "earliestTransactionDate"),
        latest_at=_time_or_none(row.latest_transaction_date, "latestTransactionDate"),
        latest_future_transfer_at=_time_or_none(row.latest_future_transfer_date, "latestFutureTransferDate"),
    )


def activity_of(row: wire.Activity) -> movement.Activity:
    """A fill's leg, or a transfer."""
    return movement.Activity(
        type=_member(movement.ActivityType, row.type, "type"),
        id=_id(row.id),
        asset=row.currency,
        quantity=signed(row.quantity, "quantity"),
        at=_time(row.transaction_date, "transactionDate"),
    )


def of_account(raw: msgspec.Raw, kind: type[T], account_id: str) -> T:
    """A row that says whose it is, if it is this account's; another account's is off the wire."""
    row = decode(raw, kind)
    said = getattr(row, "account_id", None)
    if said is not None and said != account_id:
        raise OffWireError("accountId: expected the account that was asked for, was another's")
    return row


def _ratio(raw: msgspec.Raw, field: str, dialect: MarginDialect) -> Decimal | None:
    return ratio(raw, field, per_cent=dialect is MarginDialect.EXPRESS)


def _id(text: str) -> str:
    if not text:
        raise OffWireError("id: expected an id, was an empty text")
    return text


def _member(kind: type[E], text: str, field: str) -> E:
    try:
        return kind(text)
    except ValueError as error:
        raise OffWireError(f"{field}: expected a word of the description, was another") from error


def _time(text: str | None, field: str) -> int:
    try:
        return parse_time(text)
    except ValueError as error:
        raise OffWireError(f"{field}: {error}") from error


def _time_or_none(text: str | None, field: str) -> int | None:
    return _time(text, field) if text else None
