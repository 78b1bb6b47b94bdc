"""Products, the seeded walk of their middle price, and the books that are drawn around it."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from random import Random

from . import clock
from .money import BPS, ceil_to, floor_to, tick_of
from .settings import ProductSettings

# A walk that has left this share of where it began is turned back, so that a long run keeps its scale.
_WALK_BOUND = Decimal("0.2")

# Assets that count as a dollar when a position is valued; the test coins end in a star.
USD_LIKE = frozenset({"USD", "USDC", "USDT", "TUSD*", "TUSDC*", "TUSDT*"})

Pin = tuple[tuple[tuple[Decimal, Decimal], ...], tuple[tuple[Decimal, Decimal], ...]]


@dataclass(slots=True)
class Level:
    """One price of a book; `size` goes down as orders take it."""

    price: Decimal
    size: Decimal


@dataclass(slots=True)
class Book:
    """What one account sees of one product: bids from the highest, asks from the lowest."""

    product: str
    time: datetime
    bids: list[Level]
    asks: list[Level]

    def mid(self) -> Decimal | None:
        """Give the price in the middle, or None if a side is empty."""
        if not self.bids or not self.asks:
            return None
        return (self.bids[0].price + self.asks[0].price) / 2


@dataclass(slots=True)
class Product:
    """A product while the simulator runs: its settings as decimals, and its walk."""

    settings: ProductSettings
    name: str
    base: str
    quote: str
    base_increment: Decimal
    quote_increment: Decimal
    tick: Decimal
    trade_disabled: bool
    disabled_sides: list[str]
    algo_disabled: bool
    margin_supported: bool
    mid: Decimal
    pin: Pin | None
    draws: Random
    ticks: int = 0
    began: Decimal = field(init=False)

    def __post_init__(self) -> None:
        self.began = self.mid

    def step(self) -> None:
        """Let the walk take a step of its size up or down; a pinned product only counts the tick."""
        self.ticks += 1
        size = Decimal(self.settings.step_bps)
        upward = self.draws.random() < 0.5
        if self.pin is not None or size == 0:
            return
        if self.mid > self.began * (1 + _WALK_BOUND):
            upward = False
        elif self.mid < self.began * (1 - _WALK_BOUND):
            upward = True
        moved = self.mid * (1 + (size if upward else -size) / BPS)
        # A hundredth of a tick keeps steps that are smaller than a tick from being lost to rounding.
        self.mid = max(floor_to(moved, self.tick / 100), self.tick)


def product_from(settings: ProductSettings, seed: int) -> Product:
    """Set up a product with a walk that depends on the seed and its name alone."""
    pin = None
    if settings.bids is not None and settings.asks is not None:
        pin = pin_from(settings.bids, settings.asks)
    return Product(
        settings=settings,
        name=settings.name,
        base=settings.base_currency,
        quote=settings.quote_currency,
        base_increment=Decimal(settings.base_increment),
        quote_increment=Decimal(settings.quote_increment),
        tick=tick_of(settings.quote_display_precision),
        trade_disabled=settings.trade_disabled,
        disabled_sides=list(settings.disabled_sides),
        algo_disabled=settings.algo_disabled,
        margin_supported=settings.margin_supported,
        mid=Decimal(settings.mid),
        pin=pin,
        draws=Random(f"{seed}:walk:{settings.name}"),
    )


def pin_from(bids: list[tuple[str, str]], asks: list[tuple[str, str]]) -> Pin:
    """Read the levels of a pinned book, whose amounts were checked already, into their order."""
    down = sorted(((Decimal(price), Decimal(size)) for price, size in bids), reverse=True)
    up = sorted((Decimal(price), Decimal(size)) for price, size in asks)
    return tuple(down), tuple(up)


@dataclass(slots=True)
class Maker:
    """How an account quotes: its own offset, spread and size around the walk, or a pinned book."""

    offset_bps: Decimal
    spread_bps: Decimal | None
    level_size: Decimal | None
    pins: dict[str, Pin] = field(default_factory=dict)
    # Middles that were set for this account: neither the walk nor the product's own pin moves them.
    mids: dict[str, Decimal] = field(default_factory=dict)
    _shown: dict[str, tuple[int, Book]] = field(default_factory=dict)

    def book(self, product: Product) -> Book:
        """Give the book of the product's present tick; what was taken from it in this tick stays taken."""
        shown = self._shown.get(product.name)
        if shown is None or shown[0] != product.ticks:
            shown = (product.ticks, self._draw(product))
            self._shown[product.name] = shown
        return shown[1]

    def forget(self, product: str) -> None:
        """Draw the book anew when it is asked for next."""
        self._shown.pop(product, None)

    def _draw(self, product: Product) -> Book:
        own = self.mids.get(product.name)
        pin = self.pins.get(product.name, product.pin if own is None else None)
        if pin is not None:
            bids, asks = ([Level(price, size) for price, size in side] for side in pin)
            return Book(product.name, clock.now(), bids, asks)
        spread = self.spread_bps if self.spread_bps is not None else Decimal(product.settings.spread_bps)
        size = self.level_size if self.level_size is not None else Decimal(product.settings.level_size)
        middle = own if own is not None else product.mid * (1 + self.offset_bps / BPS)
        half = middle * spread / BPS / 2
        tick = product.tick
        # A bid is rounded down and an ask up, so that rounding never crosses the book.
        best_bid, best_ask = floor_to(middle - half, tick), ceil_to(middle + half, tick)
        if best_ask == best_bid:
            best_ask += tick
        gap = max(ceil_to(half, tick), tick)
        bids = []
        asks = []
        for depth in range(product.settings.levels):
            # Deeper levels hold between 80 % and 160 % of the first, always the same at the same depth.
            share = Decimal(80 + depth * 37 % 81) / 100 if depth else Decimal(1)
            held = max(floor_to(size * share, product.base_increment), product.base_increment)
            if best_bid - depth * gap > 0:
                bids.append(Level(best_bid - depth * gap, held))
            asks.append(Level(best_ask + depth * gap, held))
        return Book(product.name, clock.now(), bids, asks)
