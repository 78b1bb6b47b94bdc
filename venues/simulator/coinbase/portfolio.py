"""A portfolio: its key, its money, its way of quoting, its orders, its faults, and the log of its calls."""

from bisect import insort
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random

from venues.simulator.account import LOG_MAX, LoggedCall, decimals_of
from venues.simulator.coinbase.credit import CreditLine, credit_from
from venues.simulator.coinbase.faults import PrimeFaults
from venues.simulator.coinbase.limits import Addresses, Bucket
from venues.simulator.coinbase.model import Fill, PrimeOrder, Quote
from venues.simulator.coinbase.settings import AddressSettings, CoinbaseProduct, CoinbaseSettings
from venues.simulator.coinbase.sign import Credentials
from venues.simulator.ids import Ids
from venues.simulator.market import Maker, Product
from venues.simulator.wallet import Wallet

# The newest quotes are kept: a load test would fill the memory otherwise.
_QUOTES_MAX = 100_000


@dataclass(slots=True)
class Portfolio:
    """All that belongs to one portfolio."""

    id: str
    name: str
    credentials: Credentials
    products: dict[str, CoinbaseProduct]
    wallet: Wallet
    credit: CreditLine | None
    maker: Maker
    fee_bps: Decimal
    quote_duration_ms: int
    quote_delay_ms: int
    quote_value_allowed: bool
    funds_checked_at_quote: bool
    page_default: int
    faults: PrimeFaults
    bucket: Bucket
    # Draws the id of the next thing of a kind, a UUID.
    draw: Callable[[str], str]
    log: deque[LoggedCall] = field(default_factory=lambda: deque(maxlen=LOG_MAX))
    quotes: dict[str, Quote] = field(default_factory=dict)
    client_quote_ids: dict[str, str] = field(default_factory=dict)
    orders: list[PrimeOrder] = field(default_factory=list)
    orders_by_id: dict[str, PrimeOrder] = field(default_factory=dict)
    # Orders that can still trade, by id, in the order of their arrival.
    working: dict[str, PrimeOrder] = field(default_factory=dict)
    fills: list[Fill] = field(default_factory=list)

    def keep_quote(self, quote: Quote) -> None:
        """Take a quote into the books."""
        self.quotes[quote.id] = quote
        self.client_quote_ids[quote.client_quote_id] = quote.id
        if len(self.quotes) > _QUOTES_MAX:
            oldest = self.quotes.pop(next(iter(self.quotes)))
            self.client_quote_ids.pop(oldest.client_quote_id, None)

    def keep_order(self, order: PrimeOrder) -> None:
        """Take an order into the books, where its time belongs."""
        insort(self.orders, order, key=lambda one: one.place)
        self.orders_by_id[order.id] = order
        if not order.final:
            self.working[order.id] = order

    def keep_fill(self, fill: Fill) -> None:
        """Take a fill into the books, where its time belongs."""
        insort(self.fills, fill, key=lambda one: one.place)

    def active(self, client_order_id: str) -> bool:
        """Whether an order that is not over has this client order id."""
        return any(order.new.client_order_id == client_order_id for order in self.working.values())


class Portfolios:
    """All portfolios, and what the callers of all of them share."""

    def __init__(
        self,
        settings: list[CoinbaseSettings],
        address: AddressSettings,
        products: dict[str, Product],
        ids: Ids,
        seed: int,
    ) -> None:
        # The test coins of BitGo are no products of Coinbase.
        named = [CoinbaseProduct(name) for name in products if "*" not in name]
        found = [_portfolio(one, named, ids, seed) for one in settings]
        self.by_id = {one.id: one for one in found}
        self.by_key = {one.credentials.access_key: one for one in found}
        # Set by the desk whose orders see the books.
        self.on_book: Callable[[Product], None] = _unseen
        self.addresses = Addresses(address.requests_per_second, address.penalty_ms / 1000)

    def redraw(self, product: Product) -> None:
        """Draw every portfolio's book of a product anew, and let orders see it."""
        for one in self.by_id.values():
            one.maker.forget(product.name)
        self.on_book(product)


def _unseen(_product: Product) -> None:
    """Keep no orders."""


def _portfolio(settings: CoinbaseSettings, products: list[CoinbaseProduct], ids: Ids, seed: int) -> Portfolio:
    drawn: dict[str, int] = {}

    def draw(kind: str) -> str:
        drawn[kind] = drawn.get(kind, 0) + 1
        return ids.fixed(f"coinbase:{settings.portfolio_id}:{kind}", str(drawn[kind]))

    return Portfolio(
        id=settings.portfolio_id,
        name=settings.name,
        credentials=Credentials(settings.access_key, settings.passphrase, settings.signing_key),
        products={one.name: one for one in (settings.products or products)},
        wallet=Wallet(decimals_of(settings.balances)),
        credit=credit_from(settings.credit) if settings.credit is not None else None,
        maker=Maker(
            offset_bps=Decimal(settings.price_offset_bps),
            spread_bps=Decimal(settings.spread_bps) if settings.spread_bps is not None else None,
            level_size=Decimal(settings.level_size) if settings.level_size is not None else None,
        ),
        fee_bps=Decimal(settings.fee_bps),
        quote_duration_ms=settings.quote_duration_ms,
        quote_delay_ms=settings.quote_delay_ms,
        quote_value_allowed=settings.quote_value_allowed,
        funds_checked_at_quote=settings.funds_checked_at_quote,
        page_default=settings.page_default,
        faults=PrimeFaults(settings.faults, Random(f"{seed}:coinbase:{settings.portfolio_id}:faults")),
        bucket=Bucket(settings.requests_per_second, settings.burst),
        draw=draw,
    )
