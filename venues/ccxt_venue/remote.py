"""What is asked of the exchange: every method runs in the worker's thread, and gives the core's structures.

The amounts of an order go to ccxt as text, and what ccxt would make of them is compared with them before
anything is sent: it cuts an amount to the market's precision without a word.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Generic, TypeVar

import msgspec

from router.core.account import AssetBalance, TradePage, VenueTrade
from router.core.model import Book, Fill, OrderReport, OutboundOrder, Product
from router.core.money import format_amount
from router.ports import Clock, Lane, OffWireError
from venues.ccxt_venue.book import LEVELS_MAX, book_of
from venues.ccxt_venue.exchanges import Find, Known
from venues.ccxt_venue.judging import names_of
from venues.ccxt_venue.library import ExchangeApi
from venues.ccxt_venue.parse import (
    MILLISECOND_NS,
    amount,
    balances_of,
    fill_of,
    free_of,
    id_of,
    is_whole,
    product_of,
    report_of,
    trade_of,
    with_fills,
)
from venues.ccxt_venue.turn import Turn
from venues.ccxt_venue.wire import TRAIL, NothingSentError, Plug, Trail
from venues.transport.reader import user_agent
from venues.transport.session import open_session

T = TypeVar("T")
PAGES_MAX: Final = 100


class NotAsMeantError(Exception):
    """ccxt would send another amount or price than the order's."""


class Wanted(msgspec.Struct, frozen=True):
    """An order as the exchange is asked for it; amounts in base."""

    client_id: str
    product: str
    type: str
    side: str
    quantity: Decimal
    price: Decimal | None
    time_in_force: str


class Listed(msgspec.Struct, frozen=True):
    """An order of a list, with the client id that the exchange shows."""

    client_id: str
    report: OrderReport


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """What a call came to: a value or an exception, and what happened on the wire."""

    value: T | None
    error: Exception | None
    trail: Trail


class Remote:
    """One account at one exchange. Made in any thread, used in the worker's alone."""

    def __init__(self, known: Known, exchange: ExchangeApi, plug: Plug, clock: Clock) -> None:
        self._known = known
        self._exchange = exchange
        self._plug = plug
        self._clock = clock
        self._turn = Turn()
        self._symbols: dict[str, str] = {}
        self._products: dict[str, Product] = {}

    @property
    def exchange(self) -> ExchangeApi:
        """The object of the library."""
        return self._exchange

    async def open(self) -> None:
        """Open the session, which belongs to this thread's loop."""
        self._plug.session = self._exchange.session = open_session(user_agent())
        self._exchange.own_session = False

    async def close(self) -> None:
        """Close it."""
        session, self._plug.session = self._plug.session, None
        await self._exchange.close()
        if session is not None:
            await session.close()

    async def run(
        self, work: Callable[[], Awaitable[T]], trail: Trail, lane: Lane, *, private: bool
    ) -> Outcome[T]:
        """One call, with its evidence; raises nothing but `CancelledError`."""
        TRAIL.set(trail)
        try:
            if not (private and self._known.serial):
                return Outcome(await work(), None, trail)
            wait_s = max(0, trail.until - self._clock.now()) / 2e9
            try:
                async with self._turn.hold(lane, wait_s):
                    return Outcome(await work(), None, trail)
            except TimeoutError as error:
                raise NothingSentError("its turn did not come in time") from error
        except Exception as error:  # noqa: BLE001 - whatever ccxt raises is judged by the evidence
            return Outcome(None, error, trail)

    async def products(self) -> tuple[dict[str, Product], int]:
        """The markets, and how many could not be read."""
        exchange = self._exchange
        await exchange.load_markets(True)  # noqa: FBT003 - ccxt's own signature
        found: dict[str, Product] = {}
        symbols: dict[str, str] = {}
        unread = 0
        for symbol, market in exchange.markets.items():
            currency = (exchange.currencies or {}).get(str(market.get("quote"))) or {}
            try:
                product = product_of(market, exchange.precisionMode, currency.get("precision"))
            except OffWireError:
                unread += 1
                continue
            if product is not None:
                found[product.name] = product
                symbols[product.name] = symbol
        self._products, self._symbols = found, symbols
        return found, unread

    def symbol(self, product: str) -> str:
        """The library's name of a product."""
        try:
            return self._symbols[product]
        except KeyError:
            raise NothingSentError("expected a product that is known, was another") from None

    async def book(self, product: str) -> Book:
        """A book, by REST."""
        symbol = self.symbol(product)
        found = await self._exchange.fetch_order_book(symbol, LEVELS_MAX)
        return book_of(found, self._products[product], self._clock.now())

    async def free(self) -> tuple[dict[str, Decimal], int]:
        """What can be traded of each asset, and how many could not be read."""
        return free_of(await self._exchange.fetch_balance())

    async def balances(self) -> list[AssetBalance]:
        """Every asset of the account."""
        return balances_of(await self._exchange.fetch_balance())

    async def create(self, wanted: Wanted) -> str:
        """Send an order, once; gives the exchange's id."""
        exchange, symbol = self._exchange, self.symbol(wanted.product)
        quantity = format_amount(wanted.quantity)
        price = None if wanted.price is None else format_amount(wanted.price)
        self._same(exchange.amount_to_precision(symbol, quantity), wanted.quantity)
        if price is not None:
            self._same(exchange.price_to_precision(symbol, price), wanted.price)
        params: dict[str, object] = {**self._known.order_params, "timeInForce": wanted.time_in_force}
        if self._known.find is not Find.NONE:
            params["clientOrderId"] = wanted.client_id
        found = await exchange.create_order(symbol, wanted.type, wanted.side, quantity, price, params)
        return id_of(found)

    def _same(self, made: object, meant: Decimal | None) -> None:
        if meant is None or amount(made, "precision") != meant:
            raise NotAsMeantError

    async def cancel(self, venue_order_id: str, product: str) -> None:
        """Ask for an order to be cancelled."""
        await self._exchange.cancel_order(venue_order_id, self.symbol(product))

    async def by_id(self, venue_order_id: str, wanted_id: str, order: OutboundOrder) -> OrderReport | None:
        """An order by the exchange's id; None where it has none of it."""
        found = await self._found(self._exchange.fetch_order(venue_order_id, self.symbol(order.product)))
        return None if found is None else await self._report(found, wanted_id, order)

    async def by_client_id(self, wanted_id: str, order: OutboundOrder) -> OrderReport | None:
        """An order by our id; None where the exchange has none of it."""
        symbol, params = self.symbol(order.product), {"clientOrderId": wanted_id}
        if self._known.find is Find.ASKED:
            found = await self._found(self._exchange.fetch_order(None, symbol, params))
        else:
            # An order goes from the first list to the second: read in this order it is in one of them.
            listed = await self._exchange.fetch_open_orders(symbol, None, None, params)
            if not listed:
                listed = await self._exchange.fetch_closed_orders(
                    symbol, None, None, params | {"trades": True}
                )
            if len(listed) > 1:
                raise OffWireError("expected one order under a client order id, were several")
            found = listed[0] if listed else None
        return None if found is None else await self._report(found, wanted_id, order)

    async def _found(self, asked: Awaitable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
        try:
            return await asked
        except Exception as error:
            if "OrderNotFound" in names_of(error):
                return None
            raise

    async def _report(self, found: Mapping[str, Any], wanted_id: str, order: OutboundOrder) -> OrderReport:
        shown = found.get("clientOrderId")
        if shown != wanted_id and (shown is not None or self._known.find is not Find.NONE):
            raise OffWireError("expected the order asked for, was another's client order id")
        if found.get("symbol") != self.symbol(order.product) or found.get("side") != order.side.value:
            raise OffWireError("expected the order asked for, was another's product or side")
        report = report_of(found, order.venue_client_order_id, self._clock.now())
        if not report.state.is_final or report.filled_base == 0:
            return report
        fills = await self._fills(report.venue_order_id, order.product, found)
        return with_fills(report, fills)

    async def fills(self, venue_order_id: str, product: str) -> list[Fill]:
        """Every execution of an order."""
        found = await self._exchange.fetch_order(venue_order_id, self.symbol(product))
        return await self._fills(venue_order_id, product, found)

    async def _fills(self, venue_order_id: str, product: str, found: Mapping[str, Any]) -> list[Fill]:
        trades: Sequence[Any] = found.get("trades") or ()
        symbol = self.symbol(product)
        if not trades or not all(is_whole(trade) for trade in trades):
            if self._known.trades_of_order:
                if not trades:
                    return []
                params = {"trades": [id_of(trade) for trade in trades]}
                trades = await self._exchange.fetch_order_trades(venue_order_id, symbol, None, None, params)
            elif self._exchange.has.get("fetchOrderTrades") is True:
                trades = await self._exchange.fetch_order_trades(venue_order_id, symbol, None, None, {})
            else:
                trades = await self._exchange.fetch_my_trades(symbol, found.get("timestamp"), None, {})
        # What is of another order, or of none that is named, is none of its executions.
        return [fill_of(trade) for trade in trades if trade.get("order") == venue_order_id]

    async def recent(self, since: int) -> list[Listed]:
        """Every order since then, where the exchange lists them under our ids; none where it does not."""
        if self._known.find is not Find.LISTED:
            return []
        rows = {id_of(row): row for row in await self._exchange.fetch_open_orders()}
        offset_param, seen = self._known.offset_param, 0
        for _ in range(PAGES_MAX):
            params = {} if offset_param is None or not seen else {offset_param: seen}
            page = await self._exchange.fetch_closed_orders(None, since // MILLISECOND_NS, None, params)
            rows |= {id_of(row): row for row in page}
            seen += len(page)
            if not page or offset_param is None:
                break
        else:
            raise OffWireError(f"expected at most {PAGES_MAX} pages of orders, were more")
        now = self._clock.now()
        found = []
        for row in rows.values():
            own = row.get("clientOrderId")
            stamp = row.get("timestamp")
            if isinstance(own, str) and isinstance(stamp, int) and stamp * MILLISECOND_NS >= since:
                found.append(Listed(own, report_of(row, own, now)))
        return found

    async def trades(self, since: int | None, offset: int, limit: int) -> TradePage:
        """A page of the account's trades, newest first where the exchange pages so."""
        offset_param = self._known.offset_param
        params = {} if offset_param is None or not offset else {offset_param: offset}
        asked = None if since is None else since // MILLISECOND_NS
        rows = await self._exchange.fetch_my_trades(None, asked, None if offset_param else limit, params)
        names = {symbol: product for product, symbol in self._symbols.items()}
        found: list[VenueTrade] = [
            trade_of(row, names[row["symbol"]]) for row in rows if row.get("symbol") in names
        ]
        following = offset + len(rows) if rows and offset_param is not None else None
        return TradePage(tuple(found), following)
