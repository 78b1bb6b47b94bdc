"""The tables that are made at once: the settlement summary and the execution quality; others' totals."""

from collections.abc import Sequence
from typing import Final

from router.core.model import Outcome
from router.http.reports.csv_text import Cell
from router.http.reports.tables import Table, connection_cells, value_cells
from router.http.reports.views import figures
from router.http.texts import time_text
from router.reports.quality import Quality, Tally
from router.reports.reconciliation import Reconciliation
from router.reports.rows import SettlementSummary

TOTAL: Final = "total"
"""What stands for the kind of a row, or for the id of its connection, in a row of sums."""

_VALUES: Final = ("long_limit", "short_limit", "used_credit", "exposure", "unrealized_pnl")
_RISK_VALUES: Final = (
    "net_open_position",
    "collateral",
    "margin_balance",
    "margin_requirement",
    "total_short_position_limit",
)
_RATIOS: Final = (
    "margin_utilization",
    "margin_call_threshold",
    "liquidation_threshold",
    "margin_requirement_rate",
    "distance_to_margin_call",
    "distance_to_liquidation",
)


def _with_currency(names: Sequence[str]) -> list[str]:
    return [column for name in names for column in (name, f"{name}_currency")]


def _settlement(row: SettlementSummary) -> list[tuple[Cell, ...]]:
    as_of = time_text(row.as_of)
    profile, limits = row.profile, row.settings
    no_risk: tuple[Cell, ...] = (None,) * (2 * len(_RISK_VALUES) + len(_RATIOS))
    lines: list[tuple[Cell, ...]] = []
    for asset in row.assets:
        amounts = (
            asset.long_limit,
            asset.short_limit,
            asset.used_credit,
            asset.exposure,
            asset.unrealized_pnl,
        )
        cells = [cell for amount in amounts for cell in value_cells(amount)]
        lines.append((as_of, "asset", asset.asset, asset.position, *cells, asset.exposure_usd, *no_risk))
    for total in row.totals:
        sums = (total.used_credit, total.exposure, total.unrealized_pnl)
        cells = [cell for amount in sums for cell in (amount, None if amount is None else total.currency)]
        lines.append((as_of, TOTAL, None, None, None, None, None, None, *cells, None, *no_risk))
    if profile is None or limits is None:
        return lines
    risk = (
        profile.net_open_position,
        profile.collateral,
        profile.margin_balance,
        profile.margin_requirement,
        limits.total_short_position_limit,
    )
    lines.append(
        (
            *(as_of, "risk", None, None),
            *(None,) * (2 * (len(_VALUES) - 1)),
            *value_cells(profile.unrealized_pnl),
            row.exposure_usd,
            *(cell for amount in risk for cell in value_cells(amount)),
            profile.margin_utilization,
            limits.margin_call_threshold,
            limits.liquidation_threshold,
            limits.margin_requirement_rate,
            row.distance_to_margin_call,
            row.distance_to_liquidation,
        )
    )
    return lines


SETTLEMENT: Final = Table(
    "settlement-summary",
    (
        *("as_of", "row", "asset", "position"),
        *_with_currency(_VALUES),
        "exposure_usd",
        *_with_currency(_RISK_VALUES),
        *_RATIOS,
    ),
    _settlement,
)

_COUNTS: Final = (
    "joined",
    *(outcome.value for outcome in Outcome),
    "excluded_by_reason",
    "failed_by_reason",
    *("orders", "filled", "traded", "refused", "credit_failures"),
    *("slippage_bps", "all_in_slippage_bps", "price_improvement_bps"),
    *("quote_latency_us", "quote_latency_us_max"),
)
QUALITY_HEADER: Final = ("connection_id", "connection_name", "pts", "from", "to", *_COUNTS)


def quality_lines(report: Quality) -> list[tuple[Cell, ...]]:
    """A record a connection, and one of all of them."""
    window = (time_text(report.since), time_text(report.until))
    lines = [(*connection_cells(connection), *window, *_figures(tally)) for connection, tally in report.lines]
    return [*lines, (TOTAL, None, None, *window, *_figures(report.total))]


def _figures(tally: Tally) -> list[Cell]:
    told = figures(tally)
    exact = {
        "slippage_bps": tally.slippage_bps.value,
        "all_in_slippage_bps": tally.all_in_bps.value,
        "price_improvement_bps": tally.improvement_bps.value,
    }
    cells: list[Cell] = []
    for name in _COUNTS:
        told_value = exact[name] if name in exact else told[name]
        if isinstance(told_value, dict):
            told_value = " ".join(f"{reason}={count}" for reason, count in told_value.items()) or None
        cells.append(told_value)
    return cells


def reconciliation_totals(read: Reconciliation) -> list[tuple[Cell, ...]]:
    """A record a product and side, with both sides' sums, beside the differences."""
    incomplete = None if read.complete else "expected both sides to their end, was a part of them"
    lines: list[tuple[Cell, ...]] = []
    for total in read.totals():
        here, venue = total.here, total.venue
        lines.append(
            (
                *connection_cells(read.connection),
                *(TOTAL, None, None, None, None, None),
                *(total.product, total.side, None, here.quantity, here.quote_quantity, None, here.trades),
                *(total.product, total.side, None, venue.quantity, venue.quote_quantity, None, venue.trades),
                incomplete,
            )
        )
    return lines
