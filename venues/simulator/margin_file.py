"""What belongs to an account's margin beside positions and limits: how it is shown, what was asked for."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from .settings import AccountSettings

# ClosePositionRequestStatus and CollateralWithdrawalRequestStatus of the published description.
CLOSE_FINAL = frozenset({"completed", "failed"})
WITHDRAWAL_FINAL = frozenset({"rejected", "completed", "cancelled"})


@dataclass(slots=True)
class CloseOrder:
    """The closing of one position: `order_id` is None until its trade order was created."""

    currency: str
    target: str
    created: datetime
    modified: datetime
    status: str = "pending"
    order_id: str | None = None


@dataclass(slots=True, eq=False)
class CloseRequest:
    """A request to close positions; `currencies` are those that it found open."""

    id: str
    user_id: str
    created: datetime
    currencies: tuple[str, ...]
    status: str = "pending"
    orders: list[CloseOrder] = field(default_factory=list)

    @property
    def final(self) -> bool:
        """Whether the request is over."""
        return self.status in CLOSE_FINAL


@dataclass(slots=True, eq=False)
class Withdrawal:
    """A request to give collateral back."""

    id: str
    currency: str
    quantity: Decimal
    created_by: str
    created: datetime
    modified: datetime
    status: str = "pending"
    canceled_by: str | None = None


@dataclass(slots=True)
class MarginFile:
    """How the account's margin is spoken of, and its requests, oldest first.

    `offered` says whether the account has margin at all; `value_usd` is what one `value_currency` is worth in
    dollars.
    """

    offered: bool
    dialect: str
    utilization_as_number: bool
    value_currency: str
    value_usd: Decimal
    accepted: tuple[str, ...]
    close_step_ms: int
    liquidation_step_ms: int
    closes: dict[str, CloseRequest] = field(default_factory=dict)
    withdrawals: dict[str, Withdrawal] = field(default_factory=dict)

    def speaks(self, dialect: str | None) -> bool:
        """Whether an operation of this dialect exists for the account; None is common to both."""
        return dialect is None or self.dialect in {dialect, "both"}


def margin_file_from(settings: AccountSettings) -> MarginFile:
    """Set up the file from the account's settings; what it holds already is accepted as collateral too."""
    return MarginFile(
        offered=settings.margin,
        dialect=settings.margin_dialect,
        utilization_as_number=settings.utilization_as_number,
        value_currency=settings.position_value_currency,
        value_usd=Decimal(settings.position_value_usd),
        accepted=tuple(dict.fromkeys([*settings.collateral_currencies, *settings.collateral])),
        close_step_ms=settings.close_step_ms,
        liquidation_step_ms=settings.liquidation_step_ms,
    )
