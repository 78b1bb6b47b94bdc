"""An account at Kraken and its orders and trades."""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from random import Random

from venues.simulator.account import LOG_MAX, LoggedCall, decimals_of
from venues.simulator.faults import Faults
from venues.simulator.kraken.names import Pair
from venues.simulator.kraken.settings import KrakenAccountSettings, KrakenSettings
from venues.simulator.kraken.sign import Nonces
from venues.simulator.limiter import Window
from venues.simulator.market import Book, Maker, Product
from venues.simulator.money import ZERO
from venues.simulator.orders import OrderPlan
from venues.simulator.wallet import Wallet
from venues.simulator.world import World

FINAL = frozenset({"closed", "canceled", "expired"})
_ID_SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


@dataclass(frozen=True, slots=True)
class NewKrakenOrder:
    """A request for an order whose fields are well formed. `volume` is base, but quote with `viqc`."""

    pair: Pair
    side: str
    type: str
    volume: Decimal
    price: Decimal | None
    policy: str
    client_id: str | None
    flags: tuple[str, ...]
    userref: int | None = None

    @property
    def in_quote(self) -> bool:
        """Whether the volume is in quote currency (`viqc`, market orders alone)."""
        return "viqc" in self.flags


@dataclass(frozen=True, slots=True)
class Execution:
    """One match."""

    id: str
    order_id: str
    pair: Pair
    side: str
    type: str
    time: datetime
    price: Decimal
    volume: Decimal
    cost: Decimal
    fee: Decimal


@dataclass(slots=True, eq=False)
class KrakenOrder:
    """An order and all that has happened to it."""

    id: str
    new: NewKrakenOrder
    opened: datetime
    plan: OrderPlan
    status: str = "pending"
    reason: str | None = None
    closed: datetime | None = None
    executed: Decimal = ZERO
    cost: Decimal = ZERO
    fee: Decimal = ZERO
    executions: list[Execution] = field(default_factory=list)

    @property
    def final(self) -> bool:
        """Whether nothing can happen to the order any more."""
        return self.status in FINAL

    @property
    def leaves(self) -> Decimal:
        """Give what is not filled, in the order's own currency."""
        return max(self.new.volume - (self.cost if self.new.in_quote else self.executed), ZERO)


@dataclass(slots=True)
class KrakenAccount:
    """All that belongs to one account."""

    id: str
    secret: str
    permissions: frozenset[str]
    fee_bps: Decimal
    wallet: Wallet
    window: Window
    nonces: Nonces
    draws: Random
    orders: dict[str, KrakenOrder] = field(default_factory=dict)
    executions: list[Execution] = field(default_factory=list)

    def draw(self, kind: str) -> str:
        """Draw an id as Kraken's look: `OUF4EM-FRGI2-MQMWZD`, of an order O, of a trade T."""
        signs = self.draws.choices(_ID_SIGNS, k=16)
        return f"{kind}{''.join(signs[:5])}-{''.join(signs[5:10])}-{''.join(signs[10:])}"

    def working(self) -> list[KrakenOrder]:
        """List the orders that can still trade, oldest first."""
        return [order for order in self.orders.values() if not order.final]


class Exchange:
    """The exchange: its market, its faults, its accounts, and the log of every call that it got."""

    def __init__(self, settings: KrakenSettings, world: World) -> None:
        seed, rate = world.settings.seed, settings.requests_per_second
        self.world = world
        self.maker = Maker(
            offset_bps=Decimal(settings.price_offset_bps),
            spread_bps=Decimal(settings.spread_bps) if settings.spread_bps is not None else None,
            level_size=Decimal(settings.level_size) if settings.level_size is not None else None,
        )
        self.faults = Faults(settings.faults, Random(f"{seed}:kraken-faults"))
        self.public_window = Window(rate)
        self.log: deque[LoggedCall] = deque(maxlen=LOG_MAX)
        self.by_id = {one.id: account_from(one, seed, rate) for one in settings.accounts}
        self.by_key = {one.api_key: self.by_id[one.id] for one in settings.accounts}

    def book(self, product: Product) -> Book:
        """Give the present book of a product."""
        return self.maker.book(product)


def account_from(settings: KrakenAccountSettings, seed: int, rate: int) -> KrakenAccount:
    """Set up an account from its settings, whose amounts were checked when they were read."""
    return KrakenAccount(
        id=settings.id,
        secret=settings.secret,
        permissions=frozenset(settings.permissions),
        fee_bps=Decimal(settings.fee_bps),
        wallet=Wallet(decimals_of(settings.balances)),
        window=Window(rate),
        nonces=Nonces(settings.nonce_window),
        draws=Random(f"{seed}:kraken-ids:{settings.id}"),
    )
