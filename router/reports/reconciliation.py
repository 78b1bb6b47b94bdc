"""Reconciliation: our fills of a connection against the counterparty's trades, whichever of them is wrong.

The counterparty's list is walked once, newest first, and each page of it makes a window in time:

    trade → its order: none of ours (`external`); ours without this fill (`missing_here`); ours, but another
            product, side, price or quantity (`changed`); or the same on both sides
    our fill in the window, and in neither this page nor the next (clocks differ by a little): its order's
            trades are asked for, and where the fill is not among them it is `missing_at_venue`

So at most two pages of trades and their windows' unmatched fills are held. Sums are over what either side
has: quantities differ by the findings and by nothing else.
"""

from collections import deque
from collections.abc import AsyncIterator, Sequence
from collections.abc import Set as AbstractSet
from decimal import Decimal
from functools import partial
from typing import Final

import msgspec

from router.core.account import FundingType, TradePage, TradeWindow, VenueTrade
from router.core.model import Fill, Side
from router.core.money import ZERO, add
from router.core.order import Order
from router.ports.accounts import AccountEntry, TradingAccount
from router.reports.journal import ReportJournal
from router.reports.owners import fills_at, owners
from router.reports.reading import Reader
from router.reports.rows import Difference, DifferenceKind, Failed, Ours
from router.reports.trades import TRADES_A_READ

ORDERS_A_READ: Final = 100
SKEW_NS: Final = 60_000_000_000
"""How far a counterparty's clock and ours may be apart: an order is looked for so much beside its window."""
UNMATCHED_MAX: Final = 1000
"""Fills that are held until the next page may show them."""


class Amounts:
    """One side's sums. Quantities: base, and quote."""

    __slots__ = ("quantity", "quote_quantity", "trades")

    def __init__(self) -> None:
        self.trades = 0
        self.quantity = ZERO
        self.quote_quantity = ZERO

    def add(self, quantity: Decimal, quote_quantity: Decimal) -> None:
        """Count a trade."""
        self.trades += 1
        self.quantity = add(self.quantity, quantity)
        self.quote_quantity = add(self.quote_quantity, quote_quantity)


class ProductTotal(msgspec.Struct, frozen=True):
    """What both sides have of one product, bought or sold."""

    product: str
    side: Side
    here: Amounts
    venue: Amounts


class Reconciliation:
    """A scroll of differences (it has no cursor: its windows follow from each other), then its totals."""

    def __init__(
        self,
        entry: AccountEntry,
        trading: TradingAccount,
        since: int,
        until: int,
        reader: Reader,
        journal: ReportJournal,
    ) -> None:
        self.connection = entry.connection
        self.since = since
        self.until = until
        self.orders_in_doubt = 0
        """Orders whose outcome is not known: a trade shown as external may be theirs."""
        self.complete = False
        """Whether both sides were read to the end."""
        self._trading = trading
        self._reader = reader
        self._journal = journal
        self._rows: deque[Difference | Failed] = deque()
        self._offset = 0
        self._upper = until
        self._before: dict[str, int] = {}
        self._unmatched: list[Ours] = []
        self._doubtful: frozenset[str] = frozenset()
        self._totals: dict[tuple[str, Side], tuple[Amounts, Amounts]] = {}
        self._done = False

    @property
    def done(self) -> bool:
        """Whether no row is left."""
        return self._done and not self._rows

    def take(self) -> Difference | Failed | None:
        """The next difference."""
        return self._rows.popleft() if self._rows else None

    def totals(self) -> list[ProductTotal]:
        """The sums by product and side, of all that was read by now."""
        return [ProductTotal(*key, *self._totals[key]) for key in sorted(self._totals)]

    async def read(self) -> None:
        """Read a page of trades and our fills of the same time."""
        if self._done or self._rows:
            return
        window = TradeWindow(self.since, self.until)
        page = await self._page(window, self._offset, patient=self._offset > 0)
        if isinstance(page, Failed):
            self._end_with(page)
            return
        trades = [trade for trade in page.data if trade.id not in self._before]
        await self._compare(trades)
        lower = self._lower(page)
        ids = {trade.id: trade.at for trade in page.data}
        await self._settle([ours for ours in self._unmatched if ours.fill.id not in ids])
        self._unmatched = []
        await self._look_for_fills(lower, self._before.keys() | ids.keys())
        if page.next_offset is None:
            # No page is to come that could still show them.
            await self._settle(self._unmatched)
            self.complete = not any(isinstance(row, Failed) for row in self._rows)
            self._done = True
        else:
            self._offset = page.next_offset
        # The page before, and of those before it only what still falls into a window to come.
        self._before = ids | {name: at for name, at in self._before.items() if at < lower}
        self._upper = lower

    def _lower(self, page: TradePage) -> int:
        """Where the page's window begins."""
        if page.next_offset is None:
            return self.since
        if not page.data:
            return self._upper
        # Trades of one moment may stand on two pages: those of the oldest belong to the next window.
        return min(self._upper, min(trade.at for trade in page.data) + 1)

    async def _look_for_fills(self, lower: int, seen: AbstractSet[str]) -> None:
        """Note our fills of the window that the counterparty has not shown."""
        async for ours in self._fills(lower, self._upper):
            if self._done:
                return
            if ours.fill.id in seen:
                continue
            self._unmatched.append(ours)
            if len(self._unmatched) >= UNMATCHED_MAX:
                unmatched, self._unmatched = self._unmatched, []
                await self._settle(unmatched)

    async def _page(self, window: TradeWindow, offset: int, *, patient: bool) -> TradePage | Failed:
        call = partial(self._trading.trades, window, offset, TRADES_A_READ)
        page = await self._reader.read(self.connection, call, patient=patient)
        if isinstance(page, Failed):
            return page
        kind = FundingType.MARGIN if self.connection.pts else FundingType.FUNDED
        return TradePage(tuple(t for t in page.data if t.funding_type is kind), page.next_offset)

    async def _compare(self, trades: Sequence[VenueTrade]) -> None:
        """Count the counterparty's trades and look each up among our fills."""
        orders = await owners(self._journal, self.connection.id, trades)
        for trade in trades:
            self._sums(trade.product, trade.side)[1].add(trade.quantity, trade.quote_quantity)
            self._compare_one(trade, orders.get(trade.id))

    def _compare_one(self, trade: VenueTrade, order: Order | None) -> None:
        if order is None:
            self._found(Difference(self.connection, DifferenceKind.EXTERNAL, trade.id, venue=trade))
            return
        fill = next((fill for fill in fills_at(order, self.connection.id) if fill.id == trade.id), None)
        if fill is None:
            self._found(
                Difference(
                    self.connection,
                    DifferenceKind.MISSING_HERE,
                    trade.id,
                    venue=trade,
                    order_id=order.id,
                    client_order_id=order.request.client_order_id,
                )
            )
            return
        ours = ours_of(order, fill)
        self._count(ours)
        changed = changed_fields(ours, trade)
        if changed:
            self._found(
                Difference(
                    self.connection,
                    DifferenceKind.CHANGED,
                    trade.id,
                    ours=ours,
                    venue=trade,
                    order_id=order.id,
                    client_order_id=ours.client_order_id,
                    changed=changed,
                )
            )

    async def _settle(self, unmatched: Sequence[Ours]) -> None:
        """Ask for the trades of fills that no page has shown: clocks may differ by more than a page."""
        by_order: dict[str, list[Ours]] = {}
        for ours in unmatched:
            by_order.setdefault(ours.order_id, []).append(ours)
        for order_id, fills in by_order.items():
            order = await self._journal.order(order_id)
            listed = await self._listed(order, {ours.fill.id for ours in fills})
            if isinstance(listed, Failed):
                self._end_with(listed)
                return
            for ours in fills:
                # Listed after all: it is of another time at the counterparty, and that window's business.
                if ours.fill.id not in listed:
                    self._missing_at_venue(ours)

    async def _listed(self, order: Order | None, wanted: set[str]) -> frozenset[str] | Failed:
        """Which of an order's fills the counterparty lists, at any time."""
        if order is None or order.venue_order_id is None:
            return frozenset()
        window = TradeWindow(venue_order_id=order.venue_order_id)
        found: set[str] = set()
        offset: int | None = 0
        while offset is not None and found < wanted:
            page = await self._page(window, offset, patient=True)
            if isinstance(page, Failed):
                return page
            found |= {trade.id for trade in page.data if trade.id in wanted}
            offset = page.next_offset
        return frozenset(found)

    def _missing_at_venue(self, ours: Ours) -> None:
        self._count(ours)
        self._found(
            Difference(
                self.connection,
                DifferenceKind.MISSING_AT_VENUE,
                ours.fill.id,
                ours=ours,
                order_id=ours.order_id,
                client_order_id=ours.client_order_id,
            )
        )

    async def _fills(self, since: int, until: int) -> AsyncIterator[Ours]:
        """Our fills in [`since`, `until`)."""
        if since >= until:
            return
        cursor: str | None = None
        doubtful: set[str] = set()
        while True:
            page = await self._journal.orders_live_in(
                self.connection.id, max(0, since - SKEW_NS), until + SKEW_NS, ORDERS_A_READ, cursor
            )
            for order in page.data:
                if order.in_doubt:
                    doubtful.add(order.id)
                for fill in order.fills:
                    if since <= fill.at < until:
                        yield ours_of(order, fill)
            cursor = page.next_cursor
            if cursor is None:
                break
        # An order in doubt may be live in many windows.
        self.orders_in_doubt += len(doubtful - self._doubtful)
        self._doubtful = frozenset(doubtful)

    def _sums(self, product: str, side: Side) -> tuple[Amounts, Amounts]:
        return self._totals.setdefault((product, side), (Amounts(), Amounts()))

    def _count(self, ours: Ours) -> None:
        self._sums(ours.product, ours.side)[0].add(ours.fill.quantity_base, ours.fill.quantity_quote)

    def _found(self, difference: Difference) -> None:
        self._rows.append(difference)

    def _end_with(self, failed: Failed) -> None:
        self._rows.append(failed)
        self._done = True


def ours_of(order: Order, fill: Fill) -> Ours:
    """A fill with what its order says of it."""
    request = order.request
    return Ours(order.id, request.client_order_id, request.product, request.side, fill)


def changed_fields(ours: Ours, trade: VenueTrade) -> tuple[str, ...]:
    """Which fields differ; numbers are compared by value, so that 1.0 is 1.

    The quote quantity follows from the others, and each side rounds it as it does.
    """
    pairs = (
        ("product", ours.product, trade.product),
        ("side", ours.side, trade.side),
        ("price", ours.fill.price, trade.price),
        ("quantity", ours.fill.quantity_base, trade.quantity),
    )
    return tuple(name for name, mine, theirs in pairs if mine != theirs)
