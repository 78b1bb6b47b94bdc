"""The trade report: every connection's trades merged, newest first, each once.

A page of each connection is held and the newest of their heads taken (a k-way merge). The report ends, in
time, where it began: what trades while it is read is not in it, so offsets into the counterparties' lists
stay what they are. Where one moves all the same (a trade was listed late), rows that were taken already are
known by their ids and left out.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import Final

import msgspec

from router.core.account import FundingType, TradePage, TradeWindow
from router.ports.accounts import AccountEntry
from router.reports import cursor as cursors
from router.reports.journal import ReportJournal
from router.reports.owners import owners
from router.reports.reading import Reader
from router.reports.rows import Failed, Trade

TRADES_A_READ: Final = 250
"""Trades to a request: four hundred bytes each, an answer of 100 KB."""
_NS_PER_MS: Final = 1_000_000


class TradeQuery(msgspec.Struct, frozen=True):
    """Which trades: of a product, made in [`since`, `until`), of one order at its counterparty."""

    product: str | None = None
    since: int | None = None
    until: int | None = None
    venue_order_id: str | None = None


class TrackPlace(msgspec.Struct, frozen=True, array_like=True):
    """A place in one connection's list: the page's offset, the rows of it taken, the last row's digest."""

    offset: int
    taken: int
    last: bytes = b""


class Place(msgspec.Struct, frozen=True, array_like=True):
    """A place in the report: its end in time, and each connection's; None where it is at its end."""

    until: int
    tracks: dict[bytes, TrackPlace | None]


class _Track:
    """One connection's list."""

    def __init__(self, entry: AccountEntry, place: TrackPlace) -> None:
        self.entry = entry
        self.place = place
        self.last: str | None = None
        self.rows: deque[tuple[int, Trade]] = deque()
        self.next_offset: int | None = place.offset
        self.page_read = False
        self.done = False
        self._page_ids: frozenset[str] = frozenset()

    @property
    def key(self) -> bytes:
        return cursors.digest(self.entry.connection.id)

    @property
    def needs_read(self) -> bool:
        return not self.done and not self.rows

    def loaded(self, page: TradePage, rows: list[Trade | None]) -> None:
        """Take up a page; a row is None where the report leaves it out."""
        skip = self.place.taken
        if self.place.last:
            # Resumed: rows above may have been listed late, and moved what was taken down to what is to come.
            marks = [cursors.digest(trade.id) for trade in page.data]
            moved = [index for index in range(skip, len(marks)) if marks[index] == self.place.last]
            skip = moved[0] + 1 if moved else skip
        ids = frozenset(trade.id for trade in page.data)
        self.rows.extend(
            (index + 1, row)
            for index, row in enumerate(rows)
            if row is not None and index >= skip and row.trade.id not in self._page_ids
        )
        self._page_ids = ids
        self.next_offset, self.page_read = page.next_offset, True
        self.advance()

    def shown(self) -> TrackPlace | None:
        """The place as a cursor holds it; None at the end."""
        if self.done:
            return None
        last = self.place.last if self.last is None else cursors.digest(self.last)
        return msgspec.structs.replace(self.place, last=last)

    def take(self) -> Trade:
        """The head."""
        index, row = self.rows.popleft()
        self.place = TrackPlace(self.place.offset, index)
        self.last = row.trade.id
        self.advance()
        return row

    def advance(self) -> None:
        """Go on to the next page once this one is taken whole."""
        if self.rows or not self.page_read:
            return
        self.page_read = False
        if self.next_offset is None:
            self.done = True
        else:
            self.place = TrackPlace(self.next_offset, 0)


class Trades:
    """Implements `Scroll`."""

    def __init__(
        self,
        entries: Sequence[AccountEntry],
        query: TradeQuery,
        filters: bytes,
        reader: Reader,
        orders: ReportJournal,
        now: int,
        cursor: str | None = None,
    ) -> None:
        self._query = query
        self._filters = filters
        self._reader = reader
        self._orders = orders
        self._now = now
        self._until: int | None = None
        self._failures: deque[Failed] = deque()
        start = TrackPlace(0, 0)
        self._tracks = [_Track(entry, start) for entry in entries if entry.trading is not None]
        if cursor is not None:
            self._resume(cursors.decode(cursor, filters, Place))

    def _resume(self, place: Place) -> None:
        """Connections that were added or removed since are not part of the report."""
        self._until = place.until
        tracks = []
        for track in self._tracks:
            found = place.tracks.get(track.key)
            if found is not None:
                tracks.append(_Track(track.entry, found))
        self._tracks = tracks

    @property
    def done(self) -> bool:
        """Whether no row is left."""
        return not self._failures and all(track.done for track in self._tracks)

    def take(self) -> Trade | Failed | None:
        """The next row, once every connection's next one is known."""
        if self._failures:
            return self._failures.popleft()
        if any(track.needs_read for track in self._tracks):
            return None
        live = [track for track in self._tracks if track.rows]
        if not live:
            return None
        return max(live, key=lambda track: track.rows[0][1].trade.at).take()

    async def read(self) -> None:
        """Read the next page of every connection that has none: the accounts at once, a page each."""
        needy = [track for track in self._tracks if track.needs_read]
        if len(needy) == 1:
            # The rule. What is gathered is held by a cycle until the collector comes by: pages would pile up.
            pages = [await self._load(needy[0])]
        else:
            pages = await asyncio.gather(*(self._load(track) for track in needy))
        if self._until is None:
            # A counterparty's clock may be ahead of ours: its newest trades belong to the report too.
            newest = [t.at + 1 for page in pages if isinstance(page, TradePage) for t in page.data]
            self._until = -(-max(self._now, *newest, 0) // _NS_PER_MS) * _NS_PER_MS
            if self._query.until is not None:
                self._until = min(self._until, self._query.until)
        for track, page in zip(needy, pages, strict=True):
            if isinstance(page, Failed):
                self._failures.append(page)
                track.done = True
            else:
                track.loaded(page, await self._rows(track.entry, page))

    def cursor(self) -> str:
        """Where the next row stands."""
        until = self._now if self._until is None else self._until
        tracks = {track.key: track.shown() for track in self._tracks}
        return cursors.encode(self._filters, Place(until, tracks))

    async def _load(self, track: _Track) -> TradePage | Failed:
        trading = track.entry.trading
        if trading is None:
            return TradePage((), None)
        query, offset = self._query, track.place.offset
        until = query.until if self._until is None else self._until
        window = TradeWindow(query.since, until, query.venue_order_id)
        call = partial(trading.trades, window, offset, TRADES_A_READ)
        return await self._reader.read(track.entry.connection, call, patient=offset > 0)

    async def _rows(self, entry: AccountEntry, page: TradePage) -> list[Trade | None]:
        """The page's trades with our orders; None for those of another product, or another kind."""
        connection = entry.connection
        kind = FundingType.MARGIN if connection.pts else FundingType.FUNDED
        wanted = [
            trade.funding_type is kind and self._query.product in (None, trade.product) for trade in page.data
        ]
        asked = [trade for trade, want in zip(page.data, wanted, strict=True) if want]
        ours = await owners(self._orders, connection.id, asked)
        rows: list[Trade | None] = []
        for trade, want in zip(page.data, wanted, strict=True):
            order = ours.get(trade.id)
            if not want:
                rows.append(None)
            elif order is None:
                rows.append(Trade(connection, trade, None, None))
            else:
                rows.append(Trade(connection, trade, order.id, order.request.client_order_id))
        return rows
