"""What the HTTP surface needs of reports. Implemented by `router.reports.service.Reports`."""

from typing import Protocol

from router.reports.quality import Quality
from router.reports.reconciliation import Reconciliation
from router.reports.rows import Failed, Holding, Movement, Portfolio, SettlementSummary, Trade
from router.reports.scroll import Scroll
from router.reports.trades import TradeQuery
from router.reports.transactions import MovementQuery


class ReportsPort(Protocol):
    """Every report. A refusal is a `RouterError`, an unknown connection a `NotFoundError`; times in ns."""

    async def portfolio(self, connection_id: str | None) -> list[Portfolio | Failed]:
        """What each connection has."""

    def balances(self, connection_id: str | None, cursor: str | None) -> Scroll[Holding]:
        """Holdings; raises `InvalidRequestError` for a cursor that is none of this report's."""

    async def trades(
        self, connection_id: str | None, query: TradeQuery, order_id: str | None, cursor: str | None
    ) -> Scroll[Trade]:
        """Trades, newest first."""

    async def settlement_summary(self, connection_id: str) -> SettlementSummary | Failed:
        """How a PTS account stands; `ConflictError` for another."""

    async def transactions(
        self, connection_id: str, query: MovementQuery, cursor: str | None
    ) -> Scroll[Movement] | Failed:
        """Movements in custody; `ConflictError` for another."""

    async def execution_quality(
        self, connection_id: str | None, since: int | None, until: int | None
    ) -> Quality:
        """What competitions and executions came to."""

    def reconciliation(self, connection_id: str, since: int | None, until: int | None) -> Reconciliation:
        """Our fills against the counterparty's trades."""
