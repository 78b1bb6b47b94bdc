"""Reports as they stand in JSON. A row that could not be read has its `connection` and `error` alone."""

from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from router.core.account import Direction, FundingType
from router.core.model import Side
from router.http.wire import Answer, AnswerAmount, ConnectionRef, Problem, Time
from router.reports.rows import DifferenceKind, HoldingKind, TradeSource, Unit

Counts = Annotated[dict[str, int], msgspec.Meta(description="How often, by reason.")]


class ReportRow(Answer, frozen=True):
    """A row of a report; `error` stands where the connection could not be read."""

    connection: ConnectionRef
    error: Problem | UnsetType = UNSET


class ReportValue(Answer, frozen=True):
    """An amount with its currency."""

    quantity: AnswerAmount
    currency: str


class PortfolioBalance(Answer, frozen=True):
    """An asset that is held. `available`: to trade with; `withdrawable`: what would be let go now."""

    asset: str
    total: AnswerAmount
    available: AnswerAmount | None
    held: AnswerAmount | None
    withdrawable: AnswerAmount | None
    unit: Unit


class PortfolioPosition(Answer, frozen=True):
    """An open position with the counterparty; short is below zero."""

    asset: str
    quantity: AnswerAmount
    value: ReportValue | None


class PortfolioRow(ReportRow, frozen=True):
    """What a connection has: `balances` on Spot and in custody, `positions` on PTS, never both."""

    as_of: Time | UnsetType = UNSET
    balances: list[PortfolioBalance] | UnsetType = UNSET
    positions: list[PortfolioPosition] | UnsetType = UNSET


class PortfolioPage(Answer, frozen=True):
    """A row a connection; `next_cursor` is always null."""

    data: list[PortfolioRow]
    next_cursor: str | None


class BalanceRow(ReportRow, frozen=True):
    """An asset of a connection, in custody of one wallet. `quantity` is signed where it is a position."""

    kind: HoldingKind | UnsetType = UNSET
    asset: str | UnsetType = UNSET
    quantity: AnswerAmount | UnsetType = UNSET
    value_usd: AnswerAmount | UnsetType | None = UNSET
    unit: Unit | UnsetType = UNSET
    wallet_id: str | UnsetType = UNSET
    wallet_label: str | UnsetType = UNSET


class BalancePage(Answer, frozen=True):
    """A page of the balance report; a short one that has a `next_cursor` goes on all the same."""

    data: list[BalanceRow]
    next_cursor: str | None


class TradeRow(ReportRow, frozen=True):
    """A trade as the counterparty lists it. `order_id`, `client_order_id`: null where it is not ours."""

    id: str | UnsetType = UNSET
    time: Time | UnsetType = UNSET
    product: str | UnsetType = UNSET
    side: Side | UnsetType = UNSET
    price: AnswerAmount | UnsetType = UNSET
    quantity: AnswerAmount | UnsetType = UNSET
    quote_quantity: AnswerAmount | UnsetType = UNSET
    funding_type: FundingType | UnsetType = UNSET
    order_id: str | UnsetType | None = UNSET
    client_order_id: str | UnsetType | None = UNSET
    venue_order_id: str | UnsetType = UNSET
    settled: bool | UnsetType = UNSET
    settle_date: Time | UnsetType | None = UNSET
    source: TradeSource | UnsetType = UNSET


class TradePage(Answer, frozen=True):
    """A page of trades, newest first; a short one that has a `next_cursor` goes on all the same."""

    data: list[TradeRow]
    next_cursor: str | None


class TransactionRow(ReportRow, frozen=True):
    """A movement in custody; `amount` is without sign, in `unit`s of the asset, `fee` in those of its own."""

    id: str | UnsetType = UNSET
    wallet_id: str | UnsetType = UNSET
    asset: str | UnsetType = UNSET
    direction: Direction | UnsetType = UNSET
    amount: AnswerAmount | UnsetType = UNSET
    unit: Unit | UnsetType = UNSET
    fee: AnswerAmount | UnsetType | None = UNSET
    fee_asset: str | UnsetType | None = UNSET
    fee_unit: Unit | UnsetType | None = UNSET
    state: str | UnsetType = UNSET
    txid: str | UnsetType | None = UNSET
    time: Time | UnsetType = UNSET


class TransactionPage(Answer, frozen=True):
    """A page of movements, wallet by wallet, newest first in each; a short one may go on all the same."""

    data: list[TransactionRow]
    next_cursor: str | None


class SettlementAsset(Answer, frozen=True):
    """What the account may owe and does, in one asset. `exposure_usd`: null without a value in USD."""

    asset: str
    position: AnswerAmount
    long_limit: ReportValue | None
    short_limit: ReportValue | None
    used_credit: ReportValue | None
    exposure: ReportValue | None
    exposure_usd: AnswerAmount | None
    unrealized_pnl: ReportValue | None


class SettlementTotal(Answer, frozen=True):
    """Sums in one currency; null where an asset says nothing of it."""

    currency: str
    used_credit: AnswerAmount | None
    exposure: AnswerAmount | None
    unrealized_pnl: AnswerAmount | None


class SettlementRisk(Answer, frozen=True):
    """Risk profile and settings. Thresholds, rate, utilisation and distances are ratios: 0.85 is 85 %.

    A distance is the threshold less `margin_utilization`: below zero it was passed; null where unknown.
    """

    net_open_position: ReportValue
    collateral: ReportValue
    unrealized_pnl: ReportValue
    margin_balance: ReportValue
    margin_requirement: ReportValue | None
    margin_utilization: AnswerAmount | None
    total_short_position_limit: ReportValue | None
    margin_call_threshold: AnswerAmount | None
    liquidation_threshold: AnswerAmount | None
    margin_requirement_rate: AnswerAmount | None
    distance_to_margin_call: AnswerAmount | None
    distance_to_liquidation: AnswerAmount | None


class SettlementDue(Answer, frozen=True):
    """What must be paid of a credit line; `due_at`: null where no day is said."""

    currency: str
    amount: AnswerAmount
    due_at: Time | None


class SettlementCredit(Answer, frozen=True):
    """Post-trade credit that is one line over all assets. `available`: what of `limit` is not utilized."""

    currency: str
    limit: AnswerAmount
    utilized: AnswerAmount
    available: AnswerAmount
    enabled: bool
    frozen: bool
    frozen_reason: str | None
    amounts_due: list[SettlementDue]


class SettlementSummary(Answer, frozen=True):
    """How a PTS account stands with the counterparty. Advisory: it decides nothing.

    `risk`: null where the counterparty has no risk profile; `credit`: null where credit is no single line.
    """

    connection: ConnectionRef
    as_of: Time
    assets: list[SettlementAsset]
    totals: list[SettlementTotal]
    exposure_usd: AnswerAmount | None
    risk: SettlementRisk | None
    credit: SettlementCredit | None


class QualityFigures(Answer, frozen=True):
    """Competitions and executions. Slippages: positive is worse; improvement: positive is better.

    `joined`: won and lost. `orders`: sent to it; `filled`: whole; `traded`: at least in part.
    `all_in_slippage_bps`: the all-in price against the one that was quoted.
    """

    joined: int
    won: int
    lost: int
    excluded: int
    failed: int
    excluded_by_reason: Counts
    failed_by_reason: Counts
    orders: int
    filled: int
    traded: int
    refused: int
    credit_failures: int
    slippage_bps: AnswerAmount | None
    all_in_slippage_bps: AnswerAmount | None
    price_improvement_bps: AnswerAmount | None
    quote_latency_us: int | None
    quote_latency_us_max: int | None


class QualityRow(QualityFigures, frozen=True):
    """One connection's figures."""

    connection: ConnectionRef


class QualityReport(Answer, frozen=True, rename={"since": "from", "until": "to"}):
    """The orders made in [`from`, `to`) and what became of them, by connection and in all."""

    since: Time
    until: Time
    as_of: Time
    orders: int
    competitions: int
    data: list[QualityRow]
    total: QualityFigures
    next_cursor: str | None


class ReconciledTrade(Answer, frozen=True):
    """One side's record of a trade; `quantity` in base."""

    product: str
    side: Side
    price: AnswerAmount
    quantity: AnswerAmount
    quote_quantity: AnswerAmount
    time: Time


class DifferenceRow(ReportRow, frozen=True):
    """One difference. `changed` names the fields that differ, where both sides have the trade."""

    kind: DifferenceKind | UnsetType = UNSET
    trade_id: str | UnsetType = UNSET
    order_id: str | UnsetType | None = UNSET
    client_order_id: str | UnsetType | None = UNSET
    venue_order_id: str | UnsetType | None = UNSET
    ours: ReconciledTrade | UnsetType | None = UNSET
    venue: ReconciledTrade | UnsetType | None = UNSET
    changed: list[str] | UnsetType = UNSET


class ReconciledAmounts(Answer, frozen=True):
    """One side's sums."""

    trades: int
    quantity: AnswerAmount
    quote_quantity: AnswerAmount


class ReconciledTotal(Answer, frozen=True):
    """Sums of one product, bought or sold, here and at the counterparty."""

    product: str
    side: Side
    ours: ReconciledAmounts
    venue: ReconciledAmounts


class ReconciliationReport(Answer, frozen=True, rename={"since": "from", "until": "to"}):
    """Our fills in [`from`, `to`) against the counterparty's trades.

    `complete`: both sides were read to the end. `orders_in_doubt`: an external trade may be theirs.
    """

    connection: ConnectionRef
    since: Time
    until: Time
    as_of: Time
    data: list[DifferenceRow]
    totals: list[ReconciledTotal]
    orders_in_doubt: int
    complete: bool
    next_cursor: str | None
