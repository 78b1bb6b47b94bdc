"""The books of one account at BitGo Prime, Spot or PTS: `router.ports.accounts.TradingAccount`."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Final

from router.core.account import AssetBalance, FundingType, TradePage, TradeWindow, VenueTrade
from router.ports import Clock, Lane, OffWireError
from router.settings import ConnectionSettings
from venues.bitgo.account_parse import asset_balance_of, trade_of
from venues.bitgo.client import Client
from venues.bitgo.margin import BitgoMargin
from venues.bitgo.wire import Rows
from venues.transport.telling import Telling
from venues.transport.times import format_time
from venues.transport.timing import Timing

PAGES_KEPT: Final = 32
"""Pages of trades whose rows' hashes are kept, to know a page that only repeats the one before it."""
_MICROSECOND_NS: Final = 1000


class BitgoAccount:
    """Reads what the account holds and has traded. An instance belongs to one event loop."""

    def __init__(
        self,
        settings: ConnectionSettings,
        client: Client,
        telling: Telling,
        clock: Clock,
        timing: Timing,
    ) -> None:
        connection = settings.connection
        self._pts = connection.pts
        self._account_id = settings.account_id
        self._client = client
        self._telling = telling
        self._pages: OrderedDict[tuple[TradeWindow, int, int], frozenset[int]] = OrderedDict()
        self._margin = (
            BitgoMargin(
                client,
                connection.id,
                settings.account_id,
                settings.margin_dialect,
                telling,
                clock,
                timing,
            )
            if connection.pts
            else None
        )

    @property
    def margin(self) -> BitgoMargin | None:
        """The margin side; None on a Spot account."""
        return self._margin

    def moving(self) -> "set[asyncio.Task[Any]]":
        """Moves that are under way: who stops the connection lets them end."""
        return set() if self._margin is None else set(self._margin.moving())

    async def balances(self) -> Sequence[AssetBalance]:
        """What a Spot account holds; a row that cannot be read is dropped and told."""
        rows = await self._client.read(
            "account_balances", "balances", kind=Rows, lane=Lane.REST, scored=False
        )
        found: dict[str, AssetBalance] = {}
        for row in rows.data:
            try:
                balance = asset_balance_of(row)
            except OffWireError:
                self._telling.bad_data("", "balance")
                continue
            if balance.asset in found:
                raise OffWireError("expected every currency once, was one twice")
            found[balance.asset] = balance
        return list(found.values())

    async def trades(self, window: TradeWindow, offset: int, limit: int) -> TradePage:
        """Trades of the connection's own kind; a row of another kind or account is dropped and told.

        The largest page that is served is not published, so a short page proves nothing: the list ends with a
        page that is empty, or that only repeats the one before.
        """
        kind = FundingType.MARGIN if self._pts else FundingType.FUNDED
        rows = await self._client.read(
            "account_trades",
            "trades",
            kind=Rows,
            lane=Lane.REST,
            query=_query(window, kind, offset, limit),
            scored=False,
        )
        page = frozenset(hash(bytes(row)) for row in rows.data)
        before = self._pages.get((window, limit, offset))
        if not page or (before is not None and page <= before):
            return TradePage((), None)
        following = offset + len(rows.data)
        self._pages[window, limit, following] = page
        self._pages.move_to_end((window, limit, following))
        if len(self._pages) > PAGES_KEPT:
            self._pages.popitem(last=False)
        trades: list[VenueTrade] = []
        for row in rows.data:
            try:
                trade = trade_of(row, self._account_id, kind)
                _of_order(trade, window)
            except OffWireError:
                self._telling.bad_data("", "trade")
                continue
            if _within(trade, window):
                trades.append(trade)
        return TradePage(tuple(trades), following)


def _query(window: TradeWindow, kind: FundingType, offset: int, limit: int) -> dict[str, str]:
    query = {"fundingType": kind.value, "offset": str(offset), "limit": str(limit)}
    if window.since is not None:
        query["dateGte"] = format_time(window.since)
    if window.until is not None:
        # BitGo's times go out in microseconds: asked for up to the next one, the rest is left out here.
        query["dateLt"] = format_time(window.until + _MICROSECOND_NS - 1)
    if window.venue_order_id is not None:
        query["orderId"] = window.venue_order_id
    return query


def _of_order(trade: VenueTrade, window: TradeWindow) -> None:
    if window.venue_order_id is not None and trade.venue_order_id != window.venue_order_id:
        raise OffWireError("orderId: expected the order that was asked for, was another's")


def _within(trade: VenueTrade, window: TradeWindow) -> bool:
    return (window.since is None or trade.at >= window.since) and (
        window.until is None or trade.at < window.until
    )
