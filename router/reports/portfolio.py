"""The portfolio: a row a connection, what it holds (Spot, custody) or how it is positioned (PTS)."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import Final, TypeVar, cast

from router.core.account import AssetBalance, Position, WalletBalance
from router.core.money import ZERO, add
from router.ports import VenueUnreachableError
from router.ports.accounts import AccountEntry, CreditAccount, CustodyAccount, MarginAccount
from router.reports.reading import Reader
from router.reports.rows import Failed, HeldAsset, Portfolio, unit_of

T = TypeVar("T")

WALLETS_A_READ: Final = 100
"""Wallets to a request: a few hundred bytes each."""


async def portfolio(
    entries: Sequence[AccountEntry], reader: Reader, now: Callable[[], int]
) -> list[Portfolio | Failed]:
    """Every account at once, each by one request after another."""
    return await asyncio.gather(*(_row(entry, reader, now) for entry in entries))


async def positions_of(account: MarginAccount | CreditAccount) -> list[Position]:
    """The positions that are open, by asset."""
    return sorted((p for p in await account.positions() if p.quantity != 0), key=lambda p: p.asset)


async def balances_of(entry: AccountEntry) -> list[AssetBalance]:
    """What a Spot account holds, by asset. Raises `VenueUnreachableError` and its kin."""
    if entry.trading is None or entry.connection.pts:
        # A PTS connection whose margin nobody can read has no balances all the same.
        raise VenueUnreachableError("expected an account whose books can be read, was none")
    return sorted(await entry.trading.balances(), key=lambda balance: balance.asset)


def margin_of(entry: AccountEntry) -> MarginAccount | None:
    """The margin side of a connection, where it is a PTS connection."""
    return entry.trading.margin if entry.trading is not None and entry.connection.pts else None


def positioned(entry: AccountEntry) -> MarginAccount | CreditAccount | None:
    """Where the positions of a connection are read, where it is a PTS connection."""
    margin, books = margin_of(entry), cast("object", entry.trading)
    if margin is None and entry.connection.pts and isinstance(books, CreditAccount):
        return books
    return margin


async def _row(entry: AccountEntry, reader: Reader, now: Callable[[], int]) -> Portfolio | Failed:
    connection, account = entry.connection, positioned(entry)

    async def read(call: Callable[[], Awaitable[T]]) -> T | Failed:
        return await reader.read(connection, call, patient=False)

    if account is not None:
        positions = await read(partial(positions_of, account))
        if isinstance(positions, Failed):
            return positions
        return Portfolio(connection, now(), positions=tuple(positions))
    if entry.custody is not None:
        held = await _in_custody(entry.custody, entry, reader)
        return held if isinstance(held, Failed) else Portfolio(connection, now(), balances=held)
    balances = await read(partial(balances_of, entry))
    if isinstance(balances, Failed):
        return balances
    return Portfolio(connection, now(), balances=tuple(HeldAsset(balance) for balance in balances))


async def _in_custody(
    custody: CustodyAccount, entry: AccountEntry, reader: Reader
) -> tuple[HeldAsset, ...] | Failed:
    """All wallets together, asset by asset: what is kept grows with the assets and not with the wallets."""
    held: dict[tuple[str, bool], HeldAsset] = {}
    cursor: str | None = None
    while True:
        page = await reader.read(
            entry.connection, partial(custody.balances, cursor, WALLETS_A_READ), patient=cursor is not None
        )
        if isinstance(page, Failed):
            return page
        for row in page.data:
            key = (row.asset, row.decimals is None)
            held[key] = _with(held.get(key), row)
        if page.next_cursor is None:
            return tuple(held[key] for key in sorted(held))
        cursor = page.next_cursor


def _with(sofar: HeldAsset | None, row: WalletBalance) -> HeldAsset:
    if sofar is None:
        balance = AssetBalance(row.asset, row.total, row.available, row.held, None)
    else:
        before = sofar.balance
        balance = AssetBalance(
            row.asset,
            add(before.total, row.total),
            sum_known(before.available, row.available),
            sum_known(before.held, row.held),
            None,
        )
    return HeldAsset(balance, unit_of(row.decimals))


def sum_known(*amounts: Decimal | None) -> Decimal | None:
    """The sum; None where a part of it is not known."""
    total = ZERO
    for amount in amounts:
        if amount is None:
            return None
        total = add(total, amount)
    return total
