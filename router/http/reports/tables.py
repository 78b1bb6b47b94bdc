"""The reports as tables: a fixed header each, and a record a row. The last column is the row's error.

Every table begins with its connection, a PTS connection with the mark `PTS` beside its name. Amounts are
`Decimal`s up to the writer of CSV, which is how it tells them from texts.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from router.core.account import Value
from router.core.model import Connection
from router.http.reports.csv_text import Cell
from router.http.reports.views import failure, fee_unit
from router.http.texts import optional_time, time_text
from router.reports.rows import Difference, Failed, Holding, HoldingKind, Movement, Portfolio, Trade, unit_of

PTS: Final = "PTS"
_CONNECTION: Final = ("connection_id", "connection_name", "pts")
_SIDE: Final = ("product", "side", "price", "quantity", "quote_quantity", "time")


class Table(msgspec.Struct, frozen=True):
    """A report's `name`, its columns between connection and error, and the records that a row makes."""

    name: str
    columns: tuple[str, ...]
    # Any: a row of the report that the table is of.
    records: Callable[[Any], Sequence[Sequence[Cell]]]

    @property
    def header(self) -> tuple[str, ...]:
        """Every column."""
        return (*_CONNECTION, *self.columns, "error")

    def lines(self, row: Any) -> list[tuple[Cell, ...]]:  # noqa: ANN401 - as `records`
        """The records of a row, whole."""
        if isinstance(row, Failed):
            problem = failure(row)
            blank = (None,) * len(self.columns)
            return [(*connection_cells(row.connection), *blank, f"{problem.code}: {problem.detail}")]
        return [(*connection_cells(row.connection), *cells, None) for cells in self.records(row)]


def connection_cells(connection: Connection) -> tuple[Cell, ...]:
    """A connection in its three columns."""
    return connection.id, connection.name, PTS if connection.pts else None


def value_cells(value: Value | None) -> tuple[Cell, Cell]:
    """An amount and its currency."""
    return (None, None) if value is None else (value.quantity, value.currency)


def _portfolio(row: Portfolio) -> list[tuple[Cell, ...]]:
    as_of = time_text(row.as_of)
    if row.positions is not None:
        return [
            (
                as_of,
                HoldingKind.POSITION,
                p.asset,
                p.quantity,
                None,
                None,
                None,
                *value_cells(p.value),
                "asset",
            )
            for p in row.positions
        ]
    return [
        (
            as_of,
            HoldingKind.BALANCE,
            held.balance.asset,
            held.balance.total,
            held.balance.available,
            held.balance.held,
            held.balance.withdrawable,
            None,
            None,
            held.unit,
        )
        for held in row.balances or ()
    ]


def _holding(row: Holding) -> list[tuple[Cell, ...]]:
    return [
        (row.kind, row.asset, row.quantity, row.unit, row.value_usd, row.wallet_id, row.wallet_label),
    ]


def _trade(row: Trade) -> list[tuple[Cell, ...]]:
    trade = row.trade
    return [
        (
            trade.id,
            time_text(trade.at),
            trade.product,
            trade.side,
            trade.price,
            trade.quantity,
            trade.quote_quantity,
            trade.funding_type,
            row.order_id,
            row.client_order_id,
            trade.venue_order_id,
            trade.settled,
            optional_time(trade.settled_at),
            row.source,
        )
    ]


def _movement(row: Movement) -> list[tuple[Cell, ...]]:
    moved = row.transaction
    fee = (None, None, None)
    paid = fee if moved.fee is None else (moved.fee, moved.fee_asset or moved.asset, fee_unit(row))
    return [
        (
            moved.id,
            moved.wallet_id,
            moved.asset,
            moved.direction,
            moved.amount,
            unit_of(moved.decimals),
            *paid,
            moved.state,
            moved.txid,
            time_text(moved.at),
        )
    ]


def _difference(row: Difference) -> list[tuple[Cell, ...]]:
    ours, venue = row.ours, row.venue
    mine: tuple[Cell, ...] = (None,) * len(_SIDE)
    theirs = mine
    if ours is not None:
        fill = ours.fill
        amounts = (fill.price, fill.quantity_base, fill.quantity_quote)
        mine = (ours.product, ours.side, *amounts, time_text(fill.at))
    if venue is not None:
        amounts = (venue.price, venue.quantity, venue.quote_quantity)
        theirs = (venue.product, venue.side, *amounts, time_text(venue.at))
    return [
        (
            row.kind,
            row.trade_id,
            row.order_id,
            row.client_order_id,
            None if venue is None else venue.venue_order_id,
            " ".join(row.changed) or None,
            *mine,
            None,
            *theirs,
            None,
        )
    ]


PORTFOLIO: Final = Table(
    "portfolio",
    (
        "as_of",
        "kind",
        "asset",
        "quantity",
        "available",
        "held",
        "withdrawable",
        "value",
        "value_currency",
        "unit",
    ),
    _portfolio,
)
BALANCES: Final = Table(
    "balances",
    ("kind", "asset", "quantity", "unit", "value_usd", "wallet_id", "wallet_label"),
    _holding,
)
TRADES: Final = Table(
    "trades",
    (
        "id",
        *("time", "product", "side", "price", "quantity", "quote_quantity", "funding_type"),
        *("order_id", "client_order_id", "venue_order_id", "settled", "settle_date", "source"),
    ),
    _trade,
)
TRANSACTIONS: Final = Table(
    "transactions",
    (
        *("id", "wallet_id", "asset", "direction", "amount", "unit"),
        *("fee", "fee_asset", "fee_unit", "state", "txid", "time"),
    ),
    _movement,
)
RECONCILIATION: Final = Table(
    "reconciliation",
    (
        *("kind", "trade_id", "order_id", "client_order_id", "venue_order_id", "changed"),
        *(f"our_{name}" for name in _SIDE),
        "our_trades",
        *(f"venue_{name}" for name in _SIDE),
        "venue_trades",
    ),
    _difference,
)
