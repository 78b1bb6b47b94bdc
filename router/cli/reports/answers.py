"""What the command line reads of reports; lenient, as `answers`. Amounts stay the strings that came."""

import msgspec

from router.cli.answers import Connection, Problem


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A row; `error` where its connection could not be read."""

    connection: Connection
    error: Problem | None = None


class Value(msgspec.Struct, frozen=True):
    """An amount with its currency."""

    quantity: str
    currency: str


class Balance(msgspec.Struct, frozen=True):
    """An asset that is held."""

    asset: str
    total: str
    available: str | None = None
    held: str | None = None
    withdrawable: str | None = None
    unit: str = "asset"


class Position(msgspec.Struct, frozen=True):
    """An open position."""

    asset: str
    quantity: str
    value: Value | None = None


class PortfolioRow(Row, frozen=True, kw_only=True):
    """What a connection has."""

    balances: list[Balance] = []
    positions: list[Position] = []


class BalanceRow(Row, frozen=True, kw_only=True):
    """An asset of a connection."""

    kind: str = ""
    asset: str = ""
    quantity: str = ""
    value_usd: str | None = None
    unit: str = "asset"
    wallet_id: str | None = None
    wallet_label: str | None = None


class TradeRow(Row, frozen=True, kw_only=True):
    """A trade."""

    id: str = ""
    time: str = ""
    product: str = ""
    side: str = ""
    price: str = ""
    quantity: str = ""
    funding_type: str = ""
    client_order_id: str | None = None
    source: str = ""


class TransactionRow(Row, frozen=True, kw_only=True):
    """A movement in custody."""

    time: str = ""
    wallet_id: str = ""
    asset: str = ""
    direction: str = ""
    amount: str = ""
    unit: str = "asset"
    fee: str | None = None
    fee_asset: str | None = None
    state: str = ""
    txid: str | None = None


class SettlementAsset(msgspec.Struct, frozen=True):
    """What a PTS account may owe and does, in one asset."""

    asset: str
    position: str
    long_limit: Value | None = None
    short_limit: Value | None = None
    used_credit: Value | None = None
    exposure: Value | None = None
    exposure_usd: str | None = None
    unrealized_pnl: Value | None = None


class Risk(msgspec.Struct, frozen=True):
    """Risk profile and settings."""

    net_open_position: Value
    collateral: Value
    unrealized_pnl: Value
    margin_balance: Value
    margin_requirement: Value | None = None
    margin_utilization: str | None = None
    total_short_position_limit: Value | None = None
    margin_call_threshold: str | None = None
    liquidation_threshold: str | None = None
    margin_requirement_rate: str | None = None
    distance_to_margin_call: str | None = None
    distance_to_liquidation: str | None = None


class Credit(msgspec.Struct, frozen=True):
    """Credit that is one line over all assets."""

    currency: str
    limit: str
    utilized: str
    available: str
    enabled: bool = True
    frozen: bool = False
    frozen_reason: str | None = None


class Settlement(msgspec.Struct, frozen=True):
    """The settlement summary."""

    connection: Connection
    as_of: str
    assets: list[SettlementAsset]
    risk: Risk | None = None
    exposure_usd: str | None = None
    credit: Credit | None = None


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What competitions and executions came to."""

    connection: Connection | None = None
    joined: int = 0
    won: int = 0
    excluded: int = 0
    failed: int = 0
    orders: int = 0
    filled: int = 0
    refused: int = 0
    credit_failures: int = 0
    slippage_bps: str | None = None
    price_improvement_bps: str | None = None
    quote_latency_us: int | None = None
    excluded_by_reason: dict[str, int] = {}
    failed_by_reason: dict[str, int] = {}


class Quality(msgspec.Struct, frozen=True, rename={"since": "from", "until": "to"}):
    """The report of execution quality."""

    since: str
    until: str
    orders: int
    data: list[Figures]
    total: Figures


class SideOf(msgspec.Struct, frozen=True):
    """One side's record of a trade."""

    product: str
    side: str
    price: str
    quantity: str
    time: str


class DifferenceRow(Row, frozen=True, kw_only=True):
    """A difference between our record and the counterparty's."""

    kind: str = ""
    trade_id: str = ""
    client_order_id: str | None = None
    ours: SideOf | None = None
    venue: SideOf | None = None
    changed: list[str] = []


class Sums(msgspec.Struct, frozen=True):
    """One side's sums."""

    trades: int
    quantity: str


class Total(msgspec.Struct, frozen=True):
    """Both sides' sums of a product."""

    product: str
    side: str
    ours: Sums
    venue: Sums


class Reconciled(msgspec.Struct, frozen=True):
    """The report of a reconciliation."""

    connection: Connection
    data: list[DifferenceRow]
    totals: list[Total]
    complete: bool
    orders_in_doubt: int = 0


class Portfolio(msgspec.Struct, frozen=True):
    """A row a connection."""

    data: list[PortfolioRow]


class Balances(msgspec.Struct, frozen=True):
    """A page of balances."""

    data: list[BalanceRow]
    next_cursor: str | None = None


class Trades(msgspec.Struct, frozen=True):
    """A page of trades."""

    data: list[TradeRow]
    next_cursor: str | None = None


class Transactions(msgspec.Struct, frozen=True):
    """A page of movements."""

    data: list[TransactionRow]
    next_cursor: str | None = None
