"""The transaction report of a connection in custody: wallet by wallet, each one's movements newest first."""

from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import Final

import msgspec

from router.core.account import Wallet
from router.core.model import Connection
from router.ports.accounts import CustodyAccount
from router.reports import cursor as cursors
from router.reports.portfolio import WALLETS_A_READ
from router.reports.reading import Reader
from router.reports.rows import Failed, Movement

MOVEMENTS_A_READ: Final = 100


class MovementQuery(msgspec.Struct, frozen=True):
    """Which movements: of one wallet or all, in [`since`, `until`)."""

    wallet_id: str | None = None
    since: int | None = None
    until: int | None = None


class Place(msgspec.Struct, frozen=True, array_like=True):
    """A page of wallets, the wallets of it gone through, the wallet's page, the rows of it taken."""

    wallets: str | None = None
    wallet: int = 0
    page: str | None = None
    taken: int = 0


class Transactions:
    """Implements `Scroll`."""

    def __init__(
        self,
        connection: Connection,
        custody: CustodyAccount,
        query: MovementQuery,
        filters: bytes,
        reader: Reader,
        cursor: str | None = None,
        known: Wallet | None = None,
    ) -> None:
        """`known`: the wallet that the query names, where it does."""
        self._connection = connection
        self._custody = custody
        self._query = query
        self._filters = filters
        self._reader = reader
        self._place = Place() if cursor is None else cursors.decode(cursor, filters, Place)
        self._wallets: Sequence[Wallet] | None = None if known is None else (known,)
        self._more_wallets: str | None = None
        self._rows: deque[Movement | Failed] = deque()
        self._next_page: str | None = None
        self._done = False

    @property
    def done(self) -> bool:
        """Whether no row is left."""
        return self._done and not self._rows

    def take(self) -> Movement | Failed | None:
        """The next row."""
        if not self._rows:
            return None
        row = self._rows.popleft()
        if isinstance(row, Movement):
            place = self._place
            self._place = msgspec.structs.replace(place, taken=place.taken + 1)
            if not self._rows:
                self._page_taken()
        return row

    async def read(self) -> None:
        """Read the page of wallets, or of movements, that the next row stands on."""
        if self._rows or self._done:
            return
        try:
            if self._wallets is None:
                await self._read_wallets()
            else:
                await self._read_movements(self._wallets[self._place.wallet])
        except ValueError:
            cursors.refuse(self.cursor(), "a next_cursor that the counterparty still knows")

    def cursor(self) -> str:
        """Where the next row stands."""
        return cursors.encode(self._filters, self._place)

    async def _read_wallets(self) -> None:
        call = partial(self._custody.wallets, self._place.wallets, WALLETS_A_READ)
        found = await self._reader.read(self._connection, call, patient=self._place.wallets is not None)
        if isinstance(found, Failed):
            self._end_with(found)
            return
        self._wallets, self._more_wallets = found
        if self._place.wallet >= len(self._wallets):
            self._wallets_gone_through()

    async def _read_movements(self, wallet: Wallet) -> None:
        place, query = self._place, self._query
        call = partial(
            self._custody.transactions,
            wallet,
            place.page,
            MOVEMENTS_A_READ,
            since=query.since,
            until=query.until,
        )
        found = await self._reader.read(self._connection, call, patient=True)
        if isinstance(found, Failed):
            self._end_with(found)
            return
        self._next_page = found.next_cursor
        self._rows.extend(Movement(self._connection, row) for row in found.data[place.taken :])
        if not self._rows:
            self._page_taken()

    def _page_taken(self) -> None:
        place = self._place
        if self._next_page is not None:
            self._place = Place(place.wallets, place.wallet, self._next_page)
            self._next_page = None
            return
        self._place = Place(place.wallets, place.wallet + 1)
        if self._wallets is not None and self._place.wallet >= len(self._wallets):
            self._wallets_gone_through()

    def _wallets_gone_through(self) -> None:
        if self._more_wallets is None:
            self._done = True
            return
        self._place = Place(self._more_wallets)
        self._wallets, self._more_wallets = None, None

    def _end_with(self, failed: Failed) -> None:
        self._rows.append(failed)
        self._done = True
