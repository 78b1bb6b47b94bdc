"""What a portfolio may trade, in which sizes, and what things are worth there."""

from dataclasses import dataclass
from decimal import Decimal

from venues.simulator.coinbase.credit import Mark
from venues.simulator.coinbase.errors import PrimeError
from venues.simulator.coinbase.portfolio import Portfolio
from venues.simulator.coinbase.settings import CoinbaseProduct
from venues.simulator.market import USD_LIKE, Product
from venues.simulator.money import ONE, ZERO, is_multiple, to_wire
from venues.simulator.world import World


@dataclass(frozen=True, slots=True)
class Sizes:
    """The least and the most of an order, in each of its currencies."""

    min_base: Decimal
    max_base: Decimal
    min_quote: Decimal
    max_quote: Decimal


def product_of(world: World, portfolio: Portfolio, name: str, side: str) -> Product:
    """Give a product that the portfolio may trade on this side, or refuse."""
    product = world.products.get(name)
    if product is None or name not in portfolio.products:
        raise PrimeError(f"{name[:60]} is no product of this portfolio.")
    if product.trade_disabled or side.lower() in product.disabled_sides:
        raise PrimeError(f"Trading in {name} is disabled.")
    return product


def tradable_by_rfq(product: Product, own: CoinbaseProduct) -> bool:
    """Whether quotes are given in a product."""
    return own.rfq and not product.trade_disabled


def rfq_sizes(product: Product, own: CoinbaseProduct) -> Sizes:
    """Give the sizes for quotes: those of the settings, else the product's."""
    plain = order_sizes(product)
    return Sizes(
        min_base=_or(own.rfq_min_base, plain.min_base),
        max_base=_or(own.rfq_max_base, plain.max_base),
        min_quote=_or(own.rfq_min_quote, plain.min_quote),
        max_quote=_or(own.rfq_max_quote, plain.max_quote),
    )


def order_sizes(product: Product) -> Sizes:
    """Give the sizes for orders."""
    settings = product.settings
    return Sizes(
        Decimal(settings.base_min_size),
        Decimal(settings.base_max_size),
        Decimal(settings.quote_min_size),
        Decimal(settings.quote_max_size),
    )


def check_size(product: Product, sizes: Sizes, base: Decimal | None, value: Decimal | None) -> None:
    """Refuse a size that is too small, too large, or between two increments."""
    if base is not None:
        name, amount, low, high = "base_quantity", base, sizes.min_base, sizes.max_base
        increment = product.base_increment
    else:
        name, amount, low, high = "quote_value", value or ZERO, sizes.min_quote, sizes.max_quote
        increment = product.quote_increment
    if amount < low:
        raise PrimeError(f"{name} must be at least {to_wire(low)}.")
    if amount > high:
        raise PrimeError(f"{name} must be at most {to_wire(high)}.")
    if not is_multiple(amount, increment):
        raise PrimeError(f"{name} must be a multiple of {to_wire(increment)}.")


def check_price(product: Product, name: str, price: Decimal | None) -> None:
    """Refuse a price between two ticks."""
    if price is not None and not is_multiple(price, product.tick):
        raise PrimeError(f"{name} must be a multiple of {to_wire(product.tick)}.")


def mid(portfolio: Portfolio, product: Product) -> Decimal:
    """Give the middle of the portfolio's book, or of the walk where the book has an empty side."""
    found = portfolio.maker.book(product).mid()
    return found if found is not None else product.mid


def marks(world: World, portfolio: Portfolio) -> Mark:
    """Give the function that prices an asset in dollars: zero for what trades against none."""

    def mark(asset: str) -> Decimal:
        if asset in USD_LIKE:
            return ONE
        product = world.dollar_product(asset)
        return mid(portfolio, product) if product is not None else ZERO

    return mark


def _or(given: str | None, otherwise: Decimal) -> Decimal:
    return Decimal(given) if given is not None else otherwise
