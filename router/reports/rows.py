"""What reports are made of. Amounts are `Decimal`, times nanoseconds since the epoch; None is not known."""

import enum
from decimal import Decimal

import msgspec

from router.core.account import (
    AssetBalance,
    CreditLine,
    Exposure,
    Position,
    RiskProfile,
    RiskSettings,
    Transaction,
    VenueTrade,
)
from router.core.errors import VenueError
from router.core.model import Connection, Fill, Side


class Failed(msgspec.Struct, frozen=True):
    """A connection that could not be read, or not to its end: the one row that stands for the rest of it."""

    connection: Connection
    detail: str
    venue_error: VenueError | None = None


class Unit(enum.StrEnum):
    """What an amount counts."""

    ASSET = "asset"
    BASE_UNITS = "base_units"
    """The coin's smallest unit: nobody knows how many decimals it has."""


def unit_of(decimals: int | None) -> Unit:
    """The unit of an amount in custody, from the coin's decimals as far as they are known."""
    return Unit.BASE_UNITS if decimals is None else Unit.ASSET


class HeldAsset(msgspec.Struct, frozen=True):
    """An asset of an account with the unit that its amounts are in."""

    balance: AssetBalance
    unit: Unit = Unit.ASSET


class Portfolio(msgspec.Struct, frozen=True):
    """What a connection has: `balances` on Spot and in custody, `positions` on PTS, never both."""

    connection: Connection
    as_of: int
    balances: tuple[HeldAsset, ...] | None = None
    positions: tuple[Position, ...] | None = None


class HoldingKind(enum.StrEnum):
    """What a line of the balance report is."""

    BALANCE = "balance"
    POSITION = "position"


class Holding(msgspec.Struct, frozen=True):
    """An asset of a connection; in custody of one wallet. `quantity` is signed where it is a position.

    `value_usd`: the counterparty's own value in dollars, and of dollars themselves; None without one.
    """

    connection: Connection
    kind: HoldingKind
    asset: str
    quantity: Decimal
    value_usd: Decimal | None
    wallet_id: str | None = None
    wallet_label: str | None = None
    unit: Unit = Unit.ASSET


class TradeSource(enum.StrEnum):
    """Who sent a trade's order."""

    ROUTER = "router"
    EXTERNAL = "external"


class Trade(msgspec.Struct, frozen=True):
    """A trade as the counterparty lists it; our ids where the order is ours."""

    connection: Connection
    trade: VenueTrade
    order_id: str | None
    client_order_id: str | None

    @property
    def source(self) -> TradeSource:
        """Whether the order was sent by this router, or one on the same store."""
        return TradeSource.EXTERNAL if self.order_id is None else TradeSource.ROUTER


class Movement(msgspec.Struct, frozen=True):
    """A movement in custody."""

    connection: Connection
    transaction: Transaction


class CurrencyTotal(msgspec.Struct, frozen=True):
    """Sums over the assets whose amounts are in one currency; None where an asset says nothing of it."""

    currency: str
    used_credit: Decimal | None
    exposure: Decimal | None
    unrealized_pnl: Decimal | None


class SettlementSummary(msgspec.Struct, frozen=True):
    """How a PTS account stands with the counterparty.

    `exposure_usd`: the sum over the assets, None if one has none. A distance is the threshold less the
    utilisation, a ratio: below zero it was passed; None where one of them is not known. An account whose
    credit is one line over all assets has a `credit`, and neither `profile` nor `settings`.
    """

    connection: Connection
    as_of: int
    assets: tuple[Exposure, ...]
    totals: tuple[CurrencyTotal, ...]
    exposure_usd: Decimal | None
    profile: RiskProfile | None
    settings: RiskSettings | None
    distance_to_margin_call: Decimal | None
    distance_to_liquidation: Decimal | None
    credit: CreditLine | None = None


class DifferenceKind(enum.StrEnum):
    """How our record and the counterparty's differ."""

    EXTERNAL = "external"
    """A trade of an order that this router did not send."""
    MISSING_AT_VENUE = "missing_at_venue"
    """We have a fill that the counterparty lists no trade for."""
    MISSING_HERE = "missing_here"
    """A trade of our order that we have no fill for."""
    CHANGED = "changed"
    """Both have it; product, side, price or quantity are not the same."""


class Ours(msgspec.Struct, frozen=True):
    """Our record of an execution."""

    order_id: str
    client_order_id: str
    product: str
    side: Side
    fill: Fill


class Difference(msgspec.Struct, frozen=True):
    """One finding of a reconciliation; `changed` names the fields, where both sides have the trade."""

    connection: Connection
    kind: DifferenceKind
    trade_id: str
    ours: Ours | None = None
    venue: VenueTrade | None = None
    order_id: str | None = None
    client_order_id: str | None = None
    changed: tuple[str, ...] = ()
