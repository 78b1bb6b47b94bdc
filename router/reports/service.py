"""The reports behind one door: which connections a report is about, and what stands in its way."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import msgspec

from router.core.account import Wallet
from router.core.errors import Code, ConflictError, NotFoundError
from router.core.order import Order
from router.core.record import CompetitionRecord
from router.core.record_json import decode_competition
from router.ports import StoreError
from router.ports.accounts import AccountEntry, CreditAccount, Roster
from router.reports import cursor as cursors
from router.reports.balances import Balances
from router.reports.journal import ReportJournal
from router.reports.portfolio import margin_of, portfolio
from router.reports.quality import Quality, QualityCount
from router.reports.reading import Pause, Reader
from router.reports.reconciliation import Reconciliation
from router.reports.rows import Failed, Portfolio, SettlementSummary
from router.reports.settlement import credit_summary, settlement_summary
from router.reports.trades import TradeQuery, Trades
from router.reports.transactions import MovementQuery, Transactions

ORDERS_A_READ: Final = 100
WINDOW_NS: Final = 24 * 3600 * 1_000_000_000
"""What a report is about that must have a beginning and was given none: the last day."""


class Reports:
    """Implements `router.http.reports.port.ReportsPort`. An instance belongs to one event loop.

    `now` gives nanoseconds since the epoch; `pause` waits for seconds. Connections that are disabled are in
    no report over all of them; one that is named is read.
    """

    def __init__(
        self,
        roster: Roster,
        journal: ReportJournal,
        now: Callable[[], int],
        pause: Pause = asyncio.sleep,
    ) -> None:
        self._roster = roster
        self._journal = journal
        self._now = now
        self._reader = Reader(pause)

    async def portfolio(self, connection_id: str | None) -> list[Portfolio | Failed]:
        """What each connection has. Raises `NotFoundError`."""
        return await portfolio(self._entries(connection_id), self._reader, self._now)

    def balances(self, connection_id: str | None, cursor: str | None) -> Balances:
        """Holdings. Raises `NotFoundError`, `InvalidRequestError`."""
        filters = cursors.digest("balances", connection_id)
        return Balances(self._entries(connection_id), filters, self._reader, cursor)

    async def trades(
        self, connection_id: str | None, query: TradeQuery, order_id: str | None, cursor: str | None
    ) -> Trades:
        """Trades; `order_id` is ours. Raises `NotFoundError`, `ConflictError`, `InvalidRequestError`."""
        entries = self._entries(connection_id)
        if connection_id is not None and entries[0].trading is None:
            raise ConflictError(
                Code.NOT_A_TRADING_CONNECTION, "expected a connection that trades, was one in custody"
            )
        filters = cursors.digest("trades", connection_id, query, order_id)
        if order_id is not None:
            order = await self._journal.order(order_id)
            if order is None:
                raise NotFoundError("an order with this id")
            query, entries = _of_order(order, query, entries)
        return Trades(entries, query, filters, self._reader, self._journal, self._now(), cursor)

    async def settlement_summary(self, connection_id: str) -> SettlementSummary | Failed:
        """How a PTS account stands. Raises `NotFoundError`, `ConflictError`."""
        entry = self._entry(connection_id)
        margin = margin_of(entry)
        if not entry.connection.pts:
            raise ConflictError(
                Code.NOT_A_PTS_CONNECTION, f"expected a PTS connection, was {connection_id}, which is none"
            )
        books: object = entry.trading
        if margin is None and isinstance(books, CreditAccount):
            return await credit_summary(entry.connection, books, self._reader, self._now())
        if margin is None:
            return Failed(entry.connection, "expected an account whose margin can be read, was none")
        return await settlement_summary(entry.connection, margin, self._reader, self._now())

    async def transactions(
        self, connection_id: str, query: MovementQuery, cursor: str | None
    ) -> Transactions | Failed:
        """Movements in custody. Raises `NotFoundError`, `ConflictError`, `InvalidRequestError`."""
        entry = self._entry(connection_id)
        custody = entry.custody
        if custody is None:
            raise ConflictError(
                Code.NOT_A_CUSTODY_CONNECTION,
                f"expected a connection in custody, was {connection_id}, which is none",
            )
        known: Wallet | None = None
        if query.wallet_id is not None:
            call = partial(custody.wallet, query.wallet_id)
            found = await self._reader.read(entry.connection, call, patient=False)
            if isinstance(found, Failed):
                return found
            if found is None:
                raise NotFoundError("a wallet with this id")
            known = found
        filters = cursors.digest("transactions", connection_id, query)
        return Transactions(entry.connection, custody, query, filters, self._reader, cursor, known)

    async def execution_quality(
        self, connection_id: str | None, since: int | None, until: int | None
    ) -> Quality:
        """What the orders made in [`since`, `until`) came to. Raises `NotFoundError`, `StoreError`."""
        if connection_id is not None:
            self._entry(connection_id)
        now = self._now()
        end = now if until is None else until
        begin = max(0, end - WINDOW_NS) if since is None else since
        count = QualityCount(connection_id)
        cursor: str | None = None
        while True:
            page = await self._journal.orders(ORDERS_A_READ, cursor)
            for order in page.data:
                if begin <= order.created_at < end:
                    count.count(order, await self._competition(order))
            cursor = page.next_cursor
            if cursor is None or page.data[-1].created_at < begin:
                break
        return Quality(begin, end, now, count.orders, count.competitions, tuple(count.lines()), count.total())

    def reconciliation(self, connection_id: str, since: int | None, until: int | None) -> Reconciliation:
        """Our fills against the counterparty's trades. Raises `NotFoundError`, `ConflictError`."""
        entry = self._entry(connection_id)
        if entry.trading is None:
            raise ConflictError(
                Code.NOT_A_TRADING_CONNECTION,
                f"expected a connection that trades, was {connection_id}, in custody",
            )
        end = self._now() if until is None else until
        begin = max(0, end - WINDOW_NS) if since is None else since
        return Reconciliation(entry, entry.trading, begin, end, self._reader, self._journal)

    async def _competition(self, order: Order) -> CompetitionRecord | None:
        if order.competition_id is None:
            return None
        record = await self._journal.competition(order.competition_id)
        if record is None:
            return None
        try:
            return decode_competition(record)
        except msgspec.MsgspecError as error:
            raise StoreError(
                f"expected a competition that this program wrote, was: {type(error).__name__}"
            ) from error

    def _entries(self, connection_id: str | None) -> Sequence[AccountEntry]:
        if connection_id is not None:
            return [self._entry(connection_id)]
        return [entry for entry in self._roster.entries() if entry.enabled]

    def _entry(self, connection_id: str) -> AccountEntry:
        entry = self._roster.entry(connection_id)
        if entry is None:
            raise NotFoundError("a connection with this id")
        return entry


def _of_order(
    order: Order, query: TradeQuery, entries: Sequence[AccountEntry]
) -> tuple[TradeQuery, list[AccountEntry]]:
    """Where an order's trades are: at the counterparty that it is with, if one has taken it."""
    attempt, venue_order_id = order.attempt, order.venue_order_id
    if attempt is None or venue_order_id is None:
        return query, []
    own = [entry for entry in entries if entry.connection.id == attempt.connection_id]
    return msgspec.structs.replace(query, venue_order_id=venue_order_id), own
