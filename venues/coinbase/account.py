"""The books of one portfolio: `router.ports.accounts.TradingAccount`, and its credit line where it has one.

Trades are the fills of the orders that are listed: no list of trades is relied on. An order trades when it is
made, but one that rests, works over time or waits for a stop trades later; so those that can are read as far
back as `RESTED_NS` before the window.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

import msgspec

from router.core.account import (
    AssetBalance,
    CreditLine,
    FundingType,
    Position,
    TradePage,
    TradeWindow,
    VenueTrade,
)
from router.core.errors import AmountError
from router.core.model import Connection, Fill
from router.core.money import parse_amount
from router.ports import Lane, OffWireError
from router.ports.accounts import MarginAccount
from venues.coinbase import wire
from venues.coinbase.client import Client, next_cursor, page_query, pages
from venues.coinbase.finding import PAGES_MAX, Finding
from venues.coinbase.orders import Orders
from venues.coinbase.parse import asset_balance_of, created_at, side_of
from venues.transport.reader import decode
from venues.transport.telling import Telling

ORDERS_A_PAGE: Final = 25
"""Orders to a page of trades: each costs a request for its fills."""
RESTED_NS: Final = 31 * 24 * 3600 * 1_000_000_000
SOON_NS: Final = 60_000_000_000
"""Within this of its making an order that does not rest has traded, whatever the clocks say."""
CURSORS_KEPT: Final = 64
_AT_ONCE: Final = frozenset({"MARKET", "RFQ", "BLOCK"})
_AT_ONCE_TIMES: Final = frozenset({"IMMEDIATE_OR_CANCEL", "FILL_OR_KILL"})


class CoinbaseAccount:
    """Reads what the portfolio holds and has traded. An instance belongs to one event loop."""

    def __init__(
        self, client: Client, connection: Connection, orders: Orders, finding: Finding, telling: Telling
    ) -> None:
        self._client = client
        self._connection = connection
        self._orders = orders
        self._finding = finding
        self._telling = telling
        self._cursors: OrderedDict[tuple[TradeWindow, int], str] = OrderedDict()

    @property
    def margin(self) -> MarginAccount | None:
        """None: post-trade credit is one line, without positions, collateral or moves on this wire."""
        return None

    async def balances(self) -> Sequence[AssetBalance]:
        """What the portfolio holds; a row that cannot be read is dropped and told."""
        answer = await self._client.read(
            "account_balances", "balances", kind=wire.Balances, lane=Lane.REST, scored=False
        )
        found: dict[str, AssetBalance] = {}
        for row in answer.balances:
            try:
                balance = asset_balance_of(row)
            except OffWireError:
                self._telling.bad_data("", "balance")
                continue
            if balance.asset in found:
                raise OffWireError("expected every currency once, was one twice")
            found[balance.asset] = balance
        return list(found.values())

    async def positions(self) -> Sequence[Position]:
        """On credit, what the portfolio holds of an asset is its position; nobody states a value."""
        return [Position(row.asset, row.total, None) for row in await self.balances()]

    async def credit_line(self) -> CreditLine:
        """The post-trade credit line as it stands."""
        return await self._orders.credit_line(scored=False, lane=Lane.REST)

    async def trades(self, window: TradeWindow, offset: int, limit: int) -> TradePage:
        """Trades, newest orders first; `offset` counts orders. Open orders' fills are on the first page."""
        if window.venue_order_id is not None:
            found = await self._finding.one(window.venue_order_id)
            trades = [] if found is None else await self._trades_of(found, window)
            return TradePage(tuple(trades), None)
        rows: list[msgspec.Raw] = []
        if offset == 0:
            for open_page in await pages(
                self._client,
                "account_trades",
                "open_orders",
                kind=wire.Orders,
                lane=Lane.REST,
                pages_max=PAGES_MAX,
                scored=False,
            ):
                rows += open_page.orders
        cursor = await self._cursor(window, offset)
        page = await self._page(cursor, min(limit, ORDERS_A_PAGE))
        following = offset + len(page.orders)
        cursor = next_cursor(page.pagination, cursor)
        if cursor:
            self._keep(window, following, cursor)
        trades = []
        ended = not cursor
        for row in (*rows, *page.orders):
            try:
                order = decode(row, wire.Order)
                ended = ended or self._is_past(order, window)
                if self._can_be_in(order, window):
                    trades += await self._trades_of(order, window)
            except OffWireError:
                self._telling.bad_data("", "trade")
        trades.sort(key=lambda trade: trade.at, reverse=True)
        return TradePage(tuple(trades), None if ended else following)

    async def _page(self, cursor: str, limit: int) -> wire.Orders:
        return await self._client.read(
            "account_trades",
            "orders",
            kind=wire.Orders,
            lane=Lane.REST,
            query=page_query(cursor, limit),
            scored=False,
        )

    async def _cursor(self, window: TradeWindow, offset: int) -> str:
        """The counterparty's cursor of an offset; gone through the list for it where it was forgotten."""
        known = self._cursors.get((window, offset))
        if known is not None or offset == 0:
            return known or ""
        cursor, passed = "", 0
        while passed < offset:
            page = await self._page(cursor, min(ORDERS_A_PAGE, offset - passed))
            passed += len(page.orders)
            cursor = next_cursor(page.pagination, cursor)
            if not cursor or not page.orders:
                raise OffWireError("orders: expected a list as long as it was before, was a shorter one")
        return cursor

    def _keep(self, window: TradeWindow, offset: int, cursor: str) -> None:
        self._cursors[window, offset] = cursor
        self._cursors.move_to_end((window, offset))
        if len(self._cursors) > CURSORS_KEPT:
            self._cursors.popitem(last=False)

    async def _trades_of(self, order: wire.Order, window: TradeWindow) -> list[VenueTrade]:
        found = await self._finding.fills(order.id, Lane.REST, scored=False)
        return [self._trade(fill, order) for fill in found if _within(fill, window)]

    def _trade(self, fill: Fill, order: wire.Order) -> VenueTrade:
        """A funded trade is settled with its fill; when one on credit is paid for, no fill says."""
        pts = self._connection.pts
        return VenueTrade(
            id=fill.id,
            venue_order_id=order.id,
            at=fill.at,
            product=order.product_id,
            side=side_of(order.side),
            price=fill.price,
            quantity=fill.quantity_base,
            quote_quantity=fill.quantity_quote,
            funding_type=FundingType.MARGIN if pts else FundingType.FUNDED,
            settled=not pts,
            settled_at=None if pts else fill.at,
        )

    @staticmethod
    def _is_past(order: wire.Order, window: TradeWindow) -> bool:
        """Whether nothing of this order or of an older one can be in the window."""
        return window.since is not None and created_at(order.created_at) < window.since - RESTED_NS

    @staticmethod
    def _can_be_in(order: wire.Order, window: TradeWindow) -> bool:
        try:
            if not order.filled_quantity or parse_amount(order.filled_quantity) == 0:
                return False
        except AmountError as error:
            raise OffWireError(f"filled_quantity: expected {error.expected}") from error
        made = created_at(order.created_at)
        if window.until is not None and made >= window.until + SOON_NS:
            return False
        if window.since is None or made >= window.since - SOON_NS:
            return True
        at_once = order.type in _AT_ONCE or order.time_in_force in _AT_ONCE_TIMES
        return not at_once and made >= window.since - RESTED_NS


def _within(fill: Fill, window: TradeWindow) -> bool:
    return (window.since is None or fill.at >= window.since) and (
        window.until is None or fill.at < window.until
    )
