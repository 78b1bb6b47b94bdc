"""BitGo custody as a `CustodyAccount`: what is asked is read from the counterparty, nothing is kept.

What `CustodyAccount` leaves open is decided so:

- A page of balances is a page of wallets; each wallet that can hold tokens costs one request more, for the
  list does not state them (`allTokens` is a parameter of the single wallet). Where the list does, it counts.
- While the breaker is open nothing but the probe is sent, and a report is told so at once.
- Assets are named as the counterparty names them (`btc`, `ofcusd`, `polygon:usdc`): a token's name says on
  which chain it is.
"""

import asyncio
import contextlib
import random
import re
from collections.abc import Mapping, Sequence
from typing import Final

from router.core.account import Transaction, TransactionPage, Wallet, WalletBalance, WalletPage
from router.core.model import Connection
from router.ports import Clock, Health, OffWireError, VenueListener, VenueUnreachableError
from router.settings import CustodySettings
from venues.bitgo_custody import wire
from venues.bitgo_custody.client import Calls, status_of
from venues.bitgo_custody.decimals import may_hold_tokens
from venues.bitgo_custody.errors import said
from venues.bitgo_custody.parse import balances_of, transaction_of, wallet_of
from venues.transport.backoff import Backoff
from venues.transport.budget import RequestBudget
from venues.transport.ending import see_through
from venues.transport.reach import Reach
from venues.transport.reader import Reader
from venues.transport.timing import Timing

_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,256}", re.ASCII)
"""What an id or a cursor may look like; BitGo's are 24 or 32 hexadecimal digits, or a transaction's hash."""


class BitgoCustody:
    """The wallets that a token shows. An instance belongs to one event loop and runs once."""

    def __init__(
        self,
        settings: CustodySettings,
        clock: Clock,
        budget: RequestBudget,
        draws: random.Random,
        timing: Timing,
    ) -> None:
        self._connection = settings.connection
        self._decimals: Mapping[str, int] = settings.decimals
        self._budget = budget
        self._timing = timing
        self._draws = draws
        self._listener: VenueListener | None = None
        self._reach = Reach(clock, self._health_changed)
        self._reader = Reader(settings.token, budget, clock, timing, self._reach.score, said, self._recorded)
        self._calls = Calls(settings, self._reader)

    @property
    def connection(self) -> Connection:
        """Who this is."""
        return self._connection

    def health(self) -> Health:
        """Its condition now."""
        return self._reach.health(self._budget.left())

    async def balances(self, cursor: str | None, limit: int) -> WalletPage:
        """A page of wallets' balances, tokens included; `limit` counts wallets (at most 250).

        A cursor that is refused is a `ValueError`.
        """
        page = await self._wallets(cursor, limit, balances=True)
        found: list[WalletBalance] = []
        for row in page.wallets:
            found.extend(balances_of(row, await self._tokens(row), self._decimals))
        return WalletPage(tuple(found), page.next_batch_prev_id)

    async def wallets(self, cursor: str | None, limit: int) -> tuple[Sequence[Wallet], str | None]:
        """A page of wallets (at most 250), and the cursor of the next."""
        page = await self._wallets(cursor, limit, balances=False)
        return tuple(wallet_of(row) for row in page.wallets), page.next_batch_prev_id

    async def wallet(self, wallet_id: str) -> Wallet | None:
        """One wallet; None if there is none."""
        if _ID.fullmatch(wallet_id) is None:
            return None
        self._refuse_while_down()
        page = await self._calls.wallets_with_id(wallet_id)
        return next((wallet_of(row) for row in page.wallets if row.id == wallet_id), None)

    async def transactions(
        self, wallet: Wallet, cursor: str | None, limit: int, *, since: int | None, until: int | None
    ) -> TransactionPage:
        """A page of a wallet's movements (at most 500), its tokens' too.

        `since` is inclusive, `until` exclusive. The counterparty orders them by the height of their block,
        which is newest first. A cursor that is refused is a `ValueError`.
        """
        self._refuse_while_down()
        page = await self._calls.transfers(
            wallet.coin, wallet.id, _checked(cursor), limit, since=since, until=until
        )
        found = (transaction_of(row, wallet, self._decimals) for row in page.transfers)
        return TransactionPage(
            # The window was asked for in milliseconds; what lies between them is decided here.
            tuple(
                entry
                for entry in found
                if (since is None or entry.at >= since) and (until is None or entry.at < until)
            ),
            page.next_batch_prev_id,
        )

    async def transaction(self, wallet: Wallet, transaction_id: str) -> Transaction | None:
        """One movement; None if there is none."""
        if _ID.fullmatch(transaction_id) is None:
            return None
        self._refuse_while_down()
        try:
            row = await self._calls.transfer(wallet.coin, wallet.id, transaction_id)
        except VenueUnreachableError as error:
            # What is no id to it (400 `InvalidTransferId`) names nothing that there is.
            if status_of(error) in (400, 404):
                return None
            raise
        if transaction_id not in (row.id, row.txid):
            raise OffWireError("expected the transfer asked for, was another")
        return transaction_of(row, wallet, self._decimals)

    async def run(self, listener: VenueListener) -> None:
        """Keep the connection probed until cancelled."""
        self._listener = listener
        self._reader.open()
        backoff = Backoff(self._timing.backoff_ms_min, self._timing.backoff_ms_max, self._draws)
        try:
            while True:
                try:
                    await self._calls.probe()
                except VenueUnreachableError as error:
                    self._reach.note(error.detail)
                    await asyncio.sleep(backoff.next_s())
                    continue
                backoff.reset()
                self._reach.answered()
                # A breaker that reports have opened meanwhile is not to wait for the next probe's time.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._timing.probe_ms / 1000):
                        await self._reach.opened()
        finally:
            await see_through(self._end())

    async def _end(self) -> None:
        await self._reader.close()
        self._reach.stop()

    async def _wallets(self, cursor: str | None, limit: int, *, balances: bool) -> wire.Wallets:
        self._refuse_while_down()
        return await self._calls.wallets(_checked(cursor), limit, balances=balances)

    async def _tokens(self, row: wire.Wallet) -> Mapping[str, wire.Amounts]:
        if row.tokens is not None:
            return row.tokens
        if not may_hold_tokens(row.coin):
            return {}
        return (await self._calls.wallet(row.coin, row.id)).tokens or {}

    def _refuse_while_down(self) -> None:
        if self._reach.is_down:
            raise VenueUnreachableError(self.health().detail or "it does not answer")

    def _health_changed(self) -> None:
        if self._listener is not None:
            self._listener.health_changed(self._connection.id, self.health())

    def _recorded(self, operation: str, result: str, latency_ns: int, request_id: str | None) -> None:
        self._reach.scored()
        if self._listener is not None:
            self._listener.request_answered(self._connection.id, operation, result, latency_ns, request_id)


def _checked(cursor: str | None) -> str | None:
    if cursor is not None and _ID.fullmatch(cursor) is None:
        raise ValueError("expected a cursor of the counterparty's, was another text")
    return cursor
