"""The vocabulary of accounts: balances, positions, trades, risk, wallets. Frozen, amounts are `Decimal`.

Quantities are in the asset beside them, signed where they are positions (short is below zero); times are
nanoseconds since the epoch; ratios are ratios (0.85 is 85 %), whatever unit a counterparty states them in.
What a counterparty does not say is None, never zero.
"""

import enum
from decimal import Decimal

import msgspec

from router.core.model import Side


class FundingType(enum.StrEnum):
    """What a trade was paid from."""

    FUNDED = "funded"
    MARGIN = "margin"


class Value(msgspec.Struct, frozen=True):
    """An amount with its currency."""

    quantity: Decimal
    currency: str


class AssetBalance(msgspec.Struct, frozen=True):
    """An asset of an account that holds what it shows: `total` is `available` and `held` together.

    `available`: what can be traded; `withdrawable`: what the counterparty would let go now.
    """

    asset: str
    total: Decimal
    available: Decimal | None
    held: Decimal | None
    withdrawable: Decimal | None


class Position(msgspec.Struct, frozen=True):
    """An open position with the counterparty."""

    asset: str
    quantity: Decimal
    value: Value | None


class VenueTrade(msgspec.Struct, frozen=True):
    """A trade as the counterparty lists it, whoever sent its order. `id` is its trade id (ExecID 17).

    `quantity` is base, `quote_quantity` quote. `settled_at`: None until it is settled.
    """

    id: str
    venue_order_id: str
    at: int
    product: str
    side: Side
    price: Decimal
    quantity: Decimal
    quote_quantity: Decimal
    funding_type: FundingType
    settled: bool
    settled_at: int | None
    venue_client_order_id: str | None = None
    """The id that its order was sent under, where the counterparty states it with a trade."""


class TradeWindow(msgspec.Struct, frozen=True):
    """Which trades are asked for: `since` inclusive, `until` exclusive."""

    since: int | None = None
    until: int | None = None
    venue_order_id: str | None = None


class TradePage(msgspec.Struct, frozen=True):
    """A page of an account's trades, as the counterparty orders them.

    `next_offset` counts rows of the counterparty's list, None after the last one.
    """

    data: tuple[VenueTrade, ...]
    next_offset: int | None


class Exposure(msgspec.Struct, frozen=True):
    """What a PTS account may owe and does, in one asset.

    `used_credit`: what the open position takes of the limit of its side; `exposure`: its absolute value;
    `exposure_usd`: that in US dollars, None where the counterparty states the value in no dollars.
    """

    asset: str
    position: Decimal
    long_limit: Value | None
    short_limit: Value | None
    used_credit: Value | None
    exposure: Value | None
    exposure_usd: Decimal | None
    unrealized_pnl: Value | None


class AmountDue(msgspec.Struct, frozen=True):
    """What must be paid of a post-trade credit line; `due_at`: None where no day is said."""

    currency: str
    amount: Decimal
    due_at: int | None


class CreditLine(msgspec.Struct, frozen=True):
    """The post-trade credit of a PTS account as one line over all assets, in `currency`.

    `available` is what of `limit` is not `utilized`. A line that is not `enabled`, or is `frozen`, takes no
    trade. Read for reports, and to say why an order was refused; never for admission.
    """

    currency: str
    limit: Decimal
    utilized: Decimal
    available: Decimal
    enabled: bool
    frozen: bool
    frozen_reason: str | None
    amounts_due: tuple[AmountDue, ...] = ()


class RiskProfile(msgspec.Struct, frozen=True):
    """How a PTS account stands. `margin_utilization`: requirement over margin balance, a ratio."""

    net_open_position: Value
    collateral: Value
    unrealized_pnl: Value
    margin_balance: Value
    margin_requirement: Value | None
    margin_utilization: Decimal | None


class RiskSettings(msgspec.Struct, frozen=True):
    """The limits that a counterparty set for a PTS account; thresholds and rate are ratios."""

    total_short_position_limit: Value | None
    margin_call_threshold: Decimal | None
    liquidation_threshold: Decimal | None
    margin_requirement_rate: Decimal | None


class Collateral(msgspec.Struct, frozen=True):
    """An asset that was handed over as collateral."""

    asset: str
    quantity: Decimal
    value: Value | None


class CollateralCurrency(msgspec.Struct, frozen=True):
    """An asset that the counterparty takes as collateral; `increment` is its smallest step."""

    asset: str
    name: str
    increment: Decimal | None


class Wallet(msgspec.Struct, frozen=True):
    """A wallet in custody, without its balances."""

    id: str
    coin: str
    label: str


class WalletBalance(msgspec.Struct, frozen=True):
    """One asset of a wallet in custody, in units of the asset.

    Exactly base units divided by the coin's decimals. `decimals` None: it is known to nobody how many the
    coin has, so the amounts are base units, and whoever shows them says so.
    """

    wallet: Wallet
    asset: str
    total: Decimal
    available: Decimal | None
    held: Decimal | None
    decimals: int | None


class WalletPage(msgspec.Struct, frozen=True):
    """A page of wallets with their balances; `next_cursor` is the counterparty's own."""

    data: tuple[WalletBalance, ...]
    next_cursor: str | None


class Direction(enum.StrEnum):
    """Which way an asset moved, seen from the wallet."""

    IN = "in"
    OUT = "out"


class Transaction(msgspec.Struct, frozen=True):
    """A movement into or out of a wallet, in units of the asset (base units where `decimals` is None).

    `amount` is without sign. `state` is the counterparty's word: a movement is done when it is `confirmed`,
    and one that was `removed` never took place after all. `fee` is in units of `fee_asset`, which is another
    than `asset` where a token moved (base units where `fee_decimals` is None).
    """

    id: str
    wallet_id: str
    asset: str
    direction: Direction
    amount: Decimal
    fee: Decimal | None
    state: str
    txid: str | None
    at: int
    decimals: int | None
    fee_asset: str | None = None
    fee_decimals: int | None = None


class TransactionPage(msgspec.Struct, frozen=True):
    """A page of a wallet's movements, newest first; `next_cursor` is the counterparty's own."""

    data: tuple[Transaction, ...]
    next_cursor: str | None
