"""The balance report: a row an asset and connection, in custody a row an asset and wallet."""

from collections import deque
from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from typing import Final

import msgspec

from router.core.account import AssetBalance, Position, WalletBalance
from router.core.model import Connection
from router.ports.accounts import AccountEntry
from router.reports import cursor as cursors
from router.reports.portfolio import WALLETS_A_READ, balances_of, positioned, positions_of
from router.reports.reading import Reader
from router.reports.rows import Failed, Holding, HoldingKind, unit_of

USD: Final = "USD"


class Place(msgspec.Struct, frozen=True, array_like=True):
    """A place in the report: a connection, the counterparty's page in custody, the rows of it taken."""

    connection: bytes = b""
    page: str | None = None
    taken: int = 0


class Balances:
    """Implements `Scroll`: connection by connection, wallets page by page as the counterparty gives them."""

    def __init__(
        self, entries: Sequence[AccountEntry], filters: bytes, reader: Reader, cursor: str | None
    ) -> None:
        self._entries = deque(entries)
        self._filters = filters
        self._reader = reader
        self._rows: deque[Holding | Failed] = deque()
        self._page: str | None = None
        self._next_page: str | None = None
        self._read_page = False
        self._taken = 0
        if cursor is not None:
            self._resume(cursors.decode(cursor, filters, Place), cursor)

    def _resume(self, place: Place, text: str) -> None:
        while self._entries and cursors.digest(self._entries[0].connection.id) != place.connection:
            self._entries.popleft()
        if not self._entries:
            cursors.refuse(text, "a next_cursor of an answer, its connection still there")
        self._page, self._taken = place.page, place.taken

    @property
    def done(self) -> bool:
        """Whether no row is left."""
        return not self._entries

    def take(self) -> Holding | Failed | None:
        """The next row."""
        if not self._rows:
            return None
        row = self._rows.popleft()
        self._taken += 1
        self._advance()
        return row

    async def read(self) -> None:
        """Read the page that the next row stands on."""
        if self.done or self._rows:
            return
        entry, skip = self._entries[0], self._taken
        try:
            found = await self._reader.read(
                entry.connection, partial(self._load, entry), patient=self._page is not None
            )
        except ValueError:
            # The counterparty's own cursor stands in ours, and it does not know it any more.
            cursors.refuse(self.cursor(), "a next_cursor that the counterparty still knows")
        rows: list[Holding | Failed] = [found] if isinstance(found, Failed) else [*found[0]]
        self._next_page = None if isinstance(found, Failed) else found[1]
        self._read_page = True
        self._rows.extend(rows if isinstance(found, Failed) else rows[skip:])
        self._advance()

    def cursor(self) -> str:
        """Where the next row stands."""
        if self.done:
            return cursors.encode(self._filters, Place())
        connection = cursors.digest(self._entries[0].connection.id)
        return cursors.encode(self._filters, Place(connection, self._page, self._taken))

    def _advance(self) -> None:
        """Go on to the next page, or connection, once a page is taken whole."""
        if self._rows or not self._read_page:
            return
        self._read_page, self._taken = False, 0
        self._page, self._next_page = self._next_page, None
        if self._page is None:
            self._entries.popleft()

    async def _load(self, entry: AccountEntry) -> tuple[list[Holding], str | None]:
        connection, account = entry.connection, positioned(entry)
        if account is not None:
            return [_position(connection, row) for row in await positions_of(account)], None
        if entry.custody is not None:
            page = await entry.custody.balances(self._page, WALLETS_A_READ)
            return [_in_custody(connection, row) for row in page.data], page.next_cursor
        return [_balance(connection, row) for row in await balances_of(entry)], None


def _balance(connection: Connection, row: AssetBalance) -> Holding:
    return Holding(connection, HoldingKind.BALANCE, row.asset, row.total, _dollars(row.asset, row.total))


def _position(connection: Connection, row: Position) -> Holding:
    value = row.value.quantity if row.value is not None and row.value.currency == USD else None
    if value is None:
        value = _dollars(row.asset, row.quantity)
    return Holding(connection, HoldingKind.POSITION, row.asset, row.quantity, value)


def _in_custody(connection: Connection, row: WalletBalance) -> Holding:
    return Holding(
        connection,
        HoldingKind.BALANCE,
        row.asset,
        row.total,
        _dollars(row.asset, row.total) if row.decimals is not None else None,
        wallet_id=row.wallet.id,
        wallet_label=row.wallet.label,
        unit=unit_of(row.decimals),
    )


def _dollars(asset: str, quantity: Decimal) -> Decimal | None:
    """Dollars are worth themselves; of anything else only the counterparty knows the value."""
    return quantity if asset == USD else None
