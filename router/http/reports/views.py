"""Rows of reports → their answers in JSON."""

from typing import Any

from msgspec.structs import replace as _replace

from router.core.account import CreditLine, RiskProfile, RiskSettings, Value, VenueTrade
from router.core.errors import Code
from router.core.model import Outcome
from router.core.money import format_amount
from router.http import wire as common
from router.http.problems import problem
from router.http.reports import wire
from router.http.texts import amount, optional_time, time_text
from router.http.views import connection_ref
from router.reports.quality import Quality, Tally
from router.reports.reconciliation import Amounts, ProductTotal
from router.reports.rows import (
    Difference,
    Failed,
    Holding,
    Movement,
    Ours,
    Portfolio,
    SettlementSummary,
    Trade,
    Unit,
    unit_of,
)

_NS_PER_US = 1000


def failure(row: Failed) -> common.Problem:
    """Why a connection could not be read."""
    return problem(
        Code.VENUE_UNAVAILABLE,
        row.detail,
        retryable=True,
        connection=connection_ref(row.connection),
        venue_error=row.venue_error,
    )


def value(held: Value | None) -> wire.ReportValue | None:
    """An amount with its currency; None stays None."""
    return None if held is None else _value(held)


def _value(held: Value) -> wire.ReportValue:
    return wire.ReportValue(quantity=format_amount(held.quantity), currency=held.currency)


def portfolio_row(row: Portfolio | Failed) -> wire.PortfolioRow:
    """What a connection has."""
    connection = connection_ref(row.connection)
    if isinstance(row, Failed):
        return wire.PortfolioRow(connection=connection, error=failure(row))
    made = wire.PortfolioRow(connection=connection, as_of=time_text(row.as_of))
    if row.positions is not None:
        positions = [
            wire.PortfolioPosition(
                asset=position.asset,
                quantity=format_amount(position.quantity),
                value=value(position.value),
            )
            for position in row.positions
        ]
        return _replace(made, positions=positions)
    balances = [
        wire.PortfolioBalance(
            asset=held.balance.asset,
            total=format_amount(held.balance.total),
            available=amount(held.balance.available),
            held=amount(held.balance.held),
            withdrawable=amount(held.balance.withdrawable),
            unit=held.unit,
        )
        for held in row.balances or ()
    ]
    return _replace(made, balances=balances)


def balance_row(row: Holding | Failed) -> wire.BalanceRow:
    """A line of the balance report."""
    connection = connection_ref(row.connection)
    if isinstance(row, Failed):
        return wire.BalanceRow(connection=connection, error=failure(row))
    made = wire.BalanceRow(
        connection=connection,
        kind=row.kind,
        asset=row.asset,
        quantity=format_amount(row.quantity),
        value_usd=amount(row.value_usd),
        unit=row.unit,
    )
    if row.wallet_id is None:
        return made
    return _replace(made, wallet_id=row.wallet_id, wallet_label=row.wallet_label or "")


def trade_row(row: Trade | Failed) -> wire.TradeRow:
    """A trade."""
    connection = connection_ref(row.connection)
    if isinstance(row, Failed):
        return wire.TradeRow(connection=connection, error=failure(row))
    trade = row.trade
    return wire.TradeRow(
        connection=connection,
        id=trade.id,
        time=time_text(trade.at),
        product=trade.product,
        side=trade.side,
        price=format_amount(trade.price),
        quantity=format_amount(trade.quantity),
        quote_quantity=format_amount(trade.quote_quantity),
        funding_type=trade.funding_type,
        order_id=row.order_id,
        client_order_id=row.client_order_id,
        venue_order_id=trade.venue_order_id,
        settled=trade.settled,
        settle_date=optional_time(trade.settled_at),
        source=row.source,
    )


def transaction_row(row: Movement | Failed) -> wire.TransactionRow:
    """A movement in custody."""
    connection = connection_ref(row.connection)
    if isinstance(row, Failed):
        return wire.TransactionRow(connection=connection, error=failure(row))
    moved = row.transaction
    return wire.TransactionRow(
        connection=connection,
        id=moved.id,
        wallet_id=moved.wallet_id,
        asset=moved.asset,
        direction=moved.direction,
        amount=format_amount(moved.amount),
        unit=unit_of(moved.decimals),
        fee=amount(moved.fee),
        fee_asset=None if moved.fee is None else moved.fee_asset or moved.asset,
        fee_unit=None if moved.fee is None else fee_unit(row),
        state=moved.state,
        txid=moved.txid,
        time=time_text(moved.at),
    )


def fee_unit(row: Movement) -> Unit:
    """The unit of a movement's fee, which may be of another asset."""
    moved = row.transaction
    return unit_of(moved.decimals if moved.fee_asset in (None, moved.asset) else moved.fee_decimals)


def settlement_view(row: SettlementSummary) -> wire.SettlementSummary:
    """How a PTS account stands."""
    return wire.SettlementSummary(
        connection=connection_ref(row.connection),
        as_of=time_text(row.as_of),
        assets=[
            wire.SettlementAsset(
                asset=asset.asset,
                position=format_amount(asset.position),
                long_limit=value(asset.long_limit),
                short_limit=value(asset.short_limit),
                used_credit=value(asset.used_credit),
                exposure=value(asset.exposure),
                exposure_usd=amount(asset.exposure_usd),
                unrealized_pnl=value(asset.unrealized_pnl),
            )
            for asset in row.assets
        ],
        totals=[
            wire.SettlementTotal(
                currency=total.currency,
                used_credit=amount(total.used_credit),
                exposure=amount(total.exposure),
                unrealized_pnl=amount(total.unrealized_pnl),
            )
            for total in row.totals
        ],
        exposure_usd=amount(row.exposure_usd),
        risk=None if row.profile is None or row.settings is None else _risk(row, row.profile, row.settings),
        credit=None if row.credit is None else _credit(row.credit),
    )


def _credit(line: CreditLine) -> wire.SettlementCredit:
    return wire.SettlementCredit(
        currency=line.currency,
        limit=format_amount(line.limit),
        utilized=format_amount(line.utilized),
        available=format_amount(line.available),
        enabled=line.enabled,
        frozen=line.frozen,
        frozen_reason=line.frozen_reason,
        amounts_due=[
            wire.SettlementDue(
                currency=due.currency, amount=format_amount(due.amount), due_at=optional_time(due.due_at)
            )
            for due in line.amounts_due
        ],
    )


def _risk(row: SettlementSummary, profile: RiskProfile, settings: RiskSettings) -> wire.SettlementRisk:
    return wire.SettlementRisk(
        net_open_position=_value(profile.net_open_position),
        collateral=_value(profile.collateral),
        unrealized_pnl=_value(profile.unrealized_pnl),
        margin_balance=_value(profile.margin_balance),
        margin_requirement=value(profile.margin_requirement),
        margin_utilization=amount(profile.margin_utilization),
        total_short_position_limit=value(settings.total_short_position_limit),
        margin_call_threshold=amount(settings.margin_call_threshold),
        liquidation_threshold=amount(settings.liquidation_threshold),
        margin_requirement_rate=amount(settings.margin_requirement_rate),
        distance_to_margin_call=amount(row.distance_to_margin_call),
        distance_to_liquidation=amount(row.distance_to_liquidation),
    )


def quality_view(report: Quality) -> wire.QualityReport:
    """What competitions and executions came to."""
    return wire.QualityReport(
        since=time_text(report.since),
        until=time_text(report.until),
        as_of=time_text(report.as_of),
        orders=report.orders,
        competitions=report.competitions,
        data=[
            wire.QualityRow(connection=connection_ref(connection), **figures(tally))
            for connection, tally in report.lines
        ],
        total=wire.QualityFigures(**figures(report.total)),
        next_cursor=None,
    )


def figures(tally: Tally) -> dict[str, Any]:
    """The fields of `QualityFigures`."""
    mean_ns, slowest_ns = tally.latency_ns.value, tally.latency_ns_max
    return {
        "joined": tally.joined,
        **{outcome.value: tally.outcomes[outcome] for outcome in Outcome},
        "excluded_by_reason": {reason.value: n for reason, n in sorted(tally.excluded.items())},
        "failed_by_reason": {reason.value: n for reason, n in sorted(tally.failed.items())},
        "orders": tally.orders,
        "filled": tally.filled,
        "traded": tally.traded,
        "refused": tally.refused,
        "credit_failures": tally.credit_failures,
        "slippage_bps": amount(tally.slippage_bps.value),
        "all_in_slippage_bps": amount(tally.all_in_bps.value),
        "price_improvement_bps": amount(tally.improvement_bps.value),
        "quote_latency_us": None if mean_ns is None else int(mean_ns) // _NS_PER_US,
        "quote_latency_us_max": None if slowest_ns is None else slowest_ns // _NS_PER_US,
    }


def difference_row(row: Difference | Failed) -> wire.DifferenceRow:
    """One difference of a reconciliation."""
    connection = connection_ref(row.connection)
    if isinstance(row, Failed):
        return wire.DifferenceRow(connection=connection, error=failure(row))
    return wire.DifferenceRow(
        connection=connection,
        kind=row.kind,
        trade_id=row.trade_id,
        order_id=row.order_id,
        client_order_id=row.client_order_id,
        venue_order_id=None if row.venue is None else row.venue.venue_order_id,
        ours=None if row.ours is None else _ours(row.ours),
        venue=None if row.venue is None else _theirs(row.venue),
        changed=list(row.changed),
    )


def total_row(total: ProductTotal) -> wire.ReconciledTotal:
    """Both sides' sums of a product."""
    return wire.ReconciledTotal(
        product=total.product, side=total.side, ours=_amounts(total.here), venue=_amounts(total.venue)
    )


def _amounts(sums: Amounts) -> wire.ReconciledAmounts:
    return wire.ReconciledAmounts(
        trades=sums.trades,
        quantity=format_amount(sums.quantity),
        quote_quantity=format_amount(sums.quote_quantity),
    )


def _ours(ours: Ours) -> wire.ReconciledTrade:
    fill = ours.fill
    return wire.ReconciledTrade(
        product=ours.product,
        side=ours.side,
        price=format_amount(fill.price),
        quantity=format_amount(fill.quantity_base),
        quote_quantity=format_amount(fill.quantity_quote),
        time=time_text(fill.at),
    )


def _theirs(trade: VenueTrade) -> wire.ReconciledTrade:
    return wire.ReconciledTrade(
        product=trade.product,
        side=trade.side,
        price=format_amount(trade.price),
        quantity=format_amount(trade.quantity),
        quote_quantity=format_amount(trade.quote_quantity),
        time=time_text(trade.at),
    )
