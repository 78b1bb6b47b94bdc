"""How Kraken names assets and pairs: the old ones with an X or a Z before them, bitcoin as XBT.

Source: the answers of Assets and AssetPairs: `XXBTZUSD` has the `altname` XBTUSD and the `wsname` XBT/USD
(WebSocket v2 says BTC/USD); a pair with an asset of the new kind, such as SOL, is named by both altnames.
"""

from dataclasses import dataclass

from venues.simulator.market import Product
from venues.simulator.world import World

_ALTNAMES = {"BTC": "XBT", "DOGE": "XDG"}
_OLD_COINS = frozenset({"XBT", "ETH", "LTC", "XRP", "XLM", "ETC", "XMR", "ZEC", "XDG"})
_OLD_MONEY = frozenset({"USD", "EUR", "GBP", "JPY", "CAD"})


def altname(asset: str) -> str:
    """Give an asset's short name."""
    return _ALTNAMES.get(asset, asset)


def asset_id(asset: str) -> str:
    """Give the name that balances are listed under."""
    short = altname(asset)
    if short in _OLD_COINS:
        return f"X{short}"
    return f"Z{short}" if short in _OLD_MONEY else short


@dataclass(frozen=True, slots=True)
class Pair:
    """A product under Kraken's names."""

    id: str
    altname: str
    wsname: str
    symbol: str
    product: Product


def pair_of(product: Product) -> Pair:
    """Give a product's names."""
    base, quote = altname(product.base), altname(product.quote)
    old = asset_id(product.base) != base and asset_id(product.quote) != quote
    return Pair(
        id=asset_id(product.base) + asset_id(product.quote) if old else base + quote,
        altname=base + quote,
        wsname=f"{base}/{quote}",
        symbol=f"{product.base}/{product.quote}",
        product=product,
    )


def pairs(world: World) -> dict[str, Pair]:
    """Give every pair by its id; test products, which end in a star, have no name at Kraken."""
    found = [pair_of(one) for one in world.products.values() if "*" not in one.name]
    return {one.id: one for one in found}


def find_pair(world: World, name: str) -> Pair | None:
    """Find a pair by any of its names."""
    for pair in pairs(world).values():
        if name in {pair.id, pair.altname, pair.wsname}:
            return pair
    return None
