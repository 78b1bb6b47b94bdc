"""Accounts and a journal that answer what they hold, fail when told to, and can make long lists."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, cast

from router.core.account import (
    AssetBalance,
    Direction,
    Exposure,
    FundingType,
    Position,
    RiskProfile,
    RiskSettings,
    TradePage,
    TradeWindow,
    Transaction,
    TransactionPage,
    Value,
    VenueTrade,
    Wallet,
    WalletBalance,
    WalletPage,
)
from router.core.model import Connection, Side
from router.core.order import Order
from router.ports import RecordPage, VenueUnreachableError
from router.ports.accounts import AccountEntry, CustodyAccount, MarginAccount
from router.reports.service import Reports
from tests.unit import build
from tests.unit.build import T0, D

MS = 1_000_000
SECOND = 1_000_000_000
NOW = T0 + 3600 * SECOND
DOWN = VenueUnreachableError("expected an answer within 5000 ms, none came")


def usd(quantity: str) -> Value:
    """An amount of dollars."""
    return Value(D(quantity), "USD")


def venue_trade(name: str = "trade-1", at: int = T0, **changed: Any) -> VenueTrade:
    """A funded buy of 0.5 BTC at 100."""
    fields: dict[str, Any] = {
        "id": name,
        "venue_order_id": f"venue-of-{name}",
        "at": at,
        "product": "BTC-USD",
        "side": Side.BUY,
        "price": D("100.00"),
        "quantity": D("0.5"),
        "quote_quantity": D("50.000"),
        "funding_type": FundingType.FUNDED,
        "settled": False,
        "settled_at": None,
    }
    return VenueTrade(**fields | changed)


class Asked:
    """Counts what is asked; raises the next of `errors`, and `error` always, if set."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.errors: list[Exception | None] = []
        self.calls: list[tuple[object, ...]] = []
        self.in_flight = 0
        self.in_flight_max = 0

    def ask(self, *what: object) -> None:
        """Note a request; raise as told."""
        self.calls.append(what)
        error = self.errors.pop(0) if self.errors else self.error
        if error is not None:
            raise error


class FakeMargin(Asked):
    """The reading side of `router.ports.accounts.MarginAccount`."""

    def __init__(self) -> None:
        super().__init__()
        self.held = [Position("ETH", D("-2"), None), Position("BTC", D("0.5"), usd("20000.00"))]
        self.stated: list[Exposure] = []
        self.profile = RiskProfile(
            usd("5000"), usd("10000"), usd("-200"), usd("9800"), usd("500"), D("0.0510")
        )
        self.settings = RiskSettings(usd("100000"), D("0.80"), D("0.95"), D("0.10"))

    async def positions(self) -> Sequence[Position]:
        self.ask("positions")
        return self.held

    async def exposures(self) -> Sequence[Exposure]:
        self.ask("exposures")
        return self.stated

    async def risk_profile(self) -> RiskProfile:
        self.ask("risk_profile")
        return self.profile

    async def risk_settings(self) -> RiskSettings:
        self.ask("risk_settings")
        return self.settings


class FakeTrading(Asked):
    """Implements `router.ports.accounts.TradingAccount` over a list of trades, newest first."""

    def __init__(self, trades: Iterable[VenueTrade] = (), margin: FakeMargin | None = None) -> None:
        super().__init__()
        self.held = [AssetBalance("USD", D("1000.50"), D("900.50"), D(100), D("900.50"))]
        self.listed = sorted(trades, key=lambda trade: trade.at, reverse=True)
        self.of_margin = margin

    @property
    def margin(self) -> MarginAccount | None:
        return cast("MarginAccount | None", self.of_margin)

    async def balances(self) -> Sequence[AssetBalance]:
        self.ask("balances")
        return self.held

    async def trades(self, window: TradeWindow, offset: int, limit: int) -> TradePage:
        self.ask("trades", window, offset, limit)
        rows = [trade for trade in self.listed if in_window(trade, window)]
        end = offset + limit
        return TradePage(tuple(rows[offset:end]), end if end < len(rows) else None)


def in_window(trade: VenueTrade, window: TradeWindow) -> bool:
    """Whether a counterparty would list it."""
    return (
        (window.since is None or trade.at >= window.since)
        and (window.until is None or trade.at < window.until)
        and window.venue_order_id in (None, trade.venue_order_id)
    )


class ManyTrades(FakeTrading):
    """`count` trades a millisecond apart, made as they are read and held by nobody here."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    async def trades(self, window: TradeWindow, offset: int, limit: int) -> TradePage:
        self.ask("trades")
        self.calls.clear()
        end = min(offset + limit, self.count)
        rows = tuple(venue_trade(f"trade-{n:09}", T0 - n * MS) for n in range(offset, end))
        return TradePage(rows, end if end < self.count else None)


class FakeCustody(Asked):
    """Implements the reading side of `CustodyAccount` over wallets that are made as they are read."""

    def __init__(self, connection: Connection, wallets: int = 2, movements: int = 2) -> None:
        super().__init__()
        self.connection = connection
        self.count = wallets
        self.movements = movements
        self.decimals: int | None = 8

    def wallet_at(self, number: int) -> Wallet:
        return Wallet(f"wallet-{number:05}", "btc", f"Cold {number}")

    async def balances(self, cursor: str | None, limit: int) -> WalletPage:
        self.ask("balances", cursor, limit)
        start = self._start(cursor)
        end = min(start + limit, self.count)
        rows = tuple(
            WalletBalance(self.wallet_at(n), "BTC", D("1.5"), D("1.25"), D("0.25"), self.decimals)
            for n in range(start, end)
        )
        return WalletPage(rows, str(end) if end < self.count else None)

    async def wallets(self, cursor: str | None, limit: int) -> tuple[Sequence[Wallet], str | None]:
        self.ask("wallets", cursor, limit)
        start = self._start(cursor)
        end = min(start + limit, self.count)
        return [self.wallet_at(n) for n in range(start, end)], str(end) if end < self.count else None

    async def wallet(self, wallet_id: str) -> Wallet | None:
        self.ask("wallet", wallet_id)
        return next((w for n in range(self.count) if (w := self.wallet_at(n)).id == wallet_id), None)

    async def transactions(
        self, wallet: Wallet, cursor: str | None, limit: int, *, since: int | None, until: int | None
    ) -> TransactionPage:
        self.ask("transactions", wallet.id, cursor, since, until)
        start = self._start(cursor)
        end = min(start + limit, self.movements)
        rows = tuple(movement(wallet, n) for n in range(start, end))
        return TransactionPage(rows, str(end) if end < self.movements else None)

    @staticmethod
    def _start(cursor: str | None) -> int:
        if cursor is not None and not cursor.isdigit():
            raise ValueError(cursor)
        return int(cursor or 0)


def movement(wallet: Wallet, number: int) -> Transaction:
    """A deposit of a quarter of a Bitcoin."""
    return Transaction(
        id=f"{wallet.id}-{number}",
        wallet_id=wallet.id,
        asset="BTC",
        direction=Direction.IN,
        amount=D("0.25"),
        fee=None,
        state="confirmed",
        txid="f" * 64,
        at=T0 - number * SECOND,
        decimals=8,
    )


class FakeRoster:
    """Implements `router.ports.accounts.Roster`."""

    def __init__(self, *entries: AccountEntry) -> None:
        self.all = list(entries)

    def entries(self) -> Sequence[AccountEntry]:
        return tuple(self.all)

    def entry(self, connection_id: str) -> AccountEntry | None:
        return next((e for e in self.all if e.connection.id == connection_id), None)


def spot(trading: FakeTrading, name: str = "bitgo-spot") -> AccountEntry:
    """A Spot connection."""
    return AccountEntry(build.connection(name), "exchange", True, trading, None)


def pts(margin: FakeMargin, trading: FakeTrading | None = None, name: str = "bitgo-pts") -> AccountEntry:
    """A PTS connection."""
    trading = FakeTrading() if trading is None else trading
    trading.of_margin = margin
    return AccountEntry(build.connection(name, pts=True), "exchange", True, trading, None)


def custody(fake: FakeCustody | None = None, name: str = "bitgo-cold", **made: int) -> AccountEntry:
    """A custody connection."""
    connection = build.connection(name)
    fake = FakeCustody(connection, **made) if fake is None else fake
    return AccountEntry(connection, "custody", True, None, cast("CustodyAccount", fake))


class FakeJournal:
    """Implements `router.reports.journal.ReportJournal` over orders in memory, pages of `page` at most."""

    def __init__(self, *orders: Order, page: int = 2) -> None:
        self.all = sorted(orders, key=lambda order: (order.created_at, order.id), reverse=True)
        self.competitions: dict[str, bytes] = {}
        self.shown: dict[tuple[str, str], Order] = {}
        """By connection and the counterparty's id: what earlier attempts were executed under."""
        self.page = page
        self.error: Exception | None = None

    async def order(self, order_id: str) -> Order | None:
        return next((order for order in self.all if order.id == order_id), None)

    async def orders(self, limit: int, cursor: str | None) -> RecordPage:
        return self._cut(self.all, limit, cursor)

    async def orders_at_venue(
        self, connection_id: str, venue_order_ids: Collection[str]
    ) -> Mapping[str, Order]:
        if self.error is not None:
            raise self.error
        earlier = {name: order for (at, name), order in self.shown.items() if at == connection_id}
        return {name: order for name, order in earlier.items() if name in venue_order_ids} | {
            order.venue_order_id: order
            for order in self.all
            if order.venue_order_id in venue_order_ids and _at(order, connection_id)
        }

    async def orders_live_in(
        self, connection_id: str, since: int, until: int, limit: int, cursor: str | None
    ) -> RecordPage:
        live = [
            order
            for order in self.all
            if _at(order, connection_id) and order.created_at < until and order.updated_at >= since
        ]
        return self._cut(live, limit, cursor)

    async def competition(self, competition_id: str) -> bytes | None:
        return self.competitions.get(competition_id)

    def _cut(self, rows: list[Order], limit: int, cursor: str | None) -> RecordPage:
        start = int(cursor or 0)
        end = start + min(limit, self.page)
        return RecordPage(tuple(rows[start:end]), str(end) if end < len(rows) else None)


def _at(order: Order, connection_id: str) -> bool:
    return order.attempt is not None and order.attempt.connection_id == connection_id


async def no_pause(_seconds: float) -> None:
    """Wait for nothing."""


def reports(
    *entries: AccountEntry, journal: FakeJournal | None = None, now: Callable[[], int] = lambda: NOW
) -> Reports:
    """Reports over these connections."""
    return Reports(FakeRoster(*entries), FakeJournal() if journal is None else journal, now, no_pause)


def total(rows: Iterable[Decimal]) -> Decimal:
    """The sum."""
    return sum(rows, D(0))
