"""A trading account: its money, its orders, its way of quoting, its faults, and the log of its calls."""

from bisect import insort
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from random import Random

from .faults import Faults
from .history import History
from .limiter import Window
from .margin import Limit, MarginBook, Risk
from .margin_file import MarginFile, margin_file_from
from .market import Maker, pin_from
from .orders import Order, Trade
from .settings import AccountSettings
from .wallet import Wallet

# The newest calls are kept: a load test would fill the memory otherwise.
LOG_MAX = 10_000


@dataclass(frozen=True, slots=True)
class LoggedCall:
    """One REST call as it came, whatever became of it; status 0: no answer was given."""

    time: datetime
    method: str
    path: str
    query: str
    status: int
    client_order_id: str | None
    body: object


@dataclass(slots=True)
class Account:
    """All that belongs to one account."""

    id: str
    name: str
    token: str
    scopes: frozenset[str]
    user_id: str
    enterprise_id: str
    funded: bool
    margin_allowed: bool
    trading_disabled: bool
    kyc_approved: bool
    order_answer: str
    wallet: Wallet
    margin: MarginBook
    margin_file: MarginFile
    maker: Maker
    faults: Faults
    window: Window
    log: deque[LoggedCall] = field(default_factory=lambda: deque(maxlen=LOG_MAX))
    orders: list[Order] = field(default_factory=list)
    orders_by_id: dict[str, Order] = field(default_factory=dict)
    orders_by_client_id: dict[str, Order] = field(default_factory=dict)
    # Orders that can still trade, by id, in the order of their arrival.
    working: dict[str, Order] = field(default_factory=dict)
    # The trades of its orders as they happened, and the trades that it is shown.
    trades: list[Trade] = field(default_factory=list)
    history: History = field(default_factory=History)

    def file(self, order: Order) -> None:
        """Put an order that is over into the books, where its time belongs."""
        insort(self.orders, order, key=lambda one: one.created)
        self.orders_by_id[order.id] = order
        if order.new.client_order_id is not None:
            self.orders_by_client_id[order.new.client_order_id] = order

    def add(self, order: Order) -> None:
        """Take an order into the books."""
        self.orders.append(order)
        self.orders_by_id[order.id] = order
        self.working[order.id] = order
        if order.new.client_order_id is not None:
            self.orders_by_client_id[order.new.client_order_id] = order


def account_from(
    settings: AccountSettings, seed: int, rate: int, user_id: str, enterprise_id: str
) -> Account:
    """Set up an account from its settings, whose amounts were checked when they were read."""
    risk = settings.risk
    return Account(
        id=settings.id,
        name=settings.name,
        token=settings.token,
        scopes=frozenset(settings.scopes),
        user_id=user_id,
        enterprise_id=enterprise_id,
        funded=settings.funded,
        margin_allowed=settings.margin,
        trading_disabled=settings.trading_disabled,
        kyc_approved=settings.kyc_approved,
        order_answer=settings.order_answer,
        wallet=Wallet(decimals_of(settings.balances)),
        margin=MarginBook(
            risk=Risk(
                total_short_position_limit=Decimal(risk.total_short_position_limit),
                margin_call=Decimal(risk.margin_call),
                liquidation=Decimal(risk.liquidation),
                margin_requirement=Decimal(risk.margin_requirement),
                minimum_transferred_collateral=Decimal(risk.minimum_transferred_collateral),
            ),
            limits={
                asset: Limit(Decimal(limit.long), Decimal(limit.short))
                for asset, limit in settings.limits.items()
            },
            collateral=decimals_of(settings.collateral),
        ),
        margin_file=margin_file_from(settings),
        maker=Maker(
            offset_bps=Decimal(settings.price_offset_bps),
            spread_bps=Decimal(settings.spread_bps) if settings.spread_bps is not None else None,
            level_size=Decimal(settings.level_size) if settings.level_size is not None else None,
            pins={book.product: pin_from(book.bids, book.asks) for book in settings.books},
        ),
        faults=Faults(settings.faults, Random(f"{seed}:faults:{settings.id}")),
        window=Window(settings.requests_per_second or rate),
    )


def decimals_of(amounts: dict[str, str]) -> dict[str, Decimal]:
    """Turn checked amounts by asset into decimals."""
    return {asset: Decimal(amount) for asset, amount in amounts.items()}
