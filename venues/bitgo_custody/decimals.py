"""How many decimals a coin has: the wire does not say.

What is neither here nor in the settings is not known, and is never guessed: a token that is called like
another, on another chain, may well have other decimals.
"""

from collections.abc import Mapping
from typing import Final

_BY_DECIMALS: Final[dict[int, str]] = {
    2: "ofcusd",
    6: "xrp algo ada trx atom usdc usdt",
    7: "xlm",
    8: "btc tbtc4 ltc bch doge zec dash hbar apt",
    9: "sol ton sui",
    10: "dot",
    # Every chain with an EVM counts in wei. A test chain has a `t` before its name; Ethereum's is `hteth`.
    18: (
        "eth hteth polygon tpolygon bsc tbsc arbeth tarbeth opeth topeth avaxc tavaxc baseeth tbaseeth "
        "etc tetc rbtc trbtc celo tcelo zketh tzketh"
    ),
    24: "near",
}
KNOWN: Final[dict[str, int]] = {
    coin: decimals for decimals, coins in _BY_DECIMALS.items() for coin in coins.split()
}
"""By coin, as BitGo writes it. `usdc` and `usdt` without a chain before them are those on Ethereum."""

GO_ACCOUNT: Final = "ofc"
"""The coin of a Go Account wallet; its assets are the coins' names with this before them."""
_NO_TOKENS: Final = frozenset({"btc", "tbtc", "tbtc4", "ltc", "tltc", "bch", "doge", "zec", "dash"})


def decimals_of(coin: str, added: Mapping[str, int]) -> int | None:
    """The decimals of a coin or token; `added` (the settings) comes before what is known. None: unknown."""
    for name in (coin, coin.removeprefix(GO_ACCOUNT)):
        if name in added:
            return added[name]
        if name in KNOWN:
            return KNOWN[name]
    return None


def may_hold_tokens(coin: str) -> bool:
    """Whether a wallet of this coin can have tokens beside it: any but those whose chain knows none."""
    return coin not in _NO_TOKENS
