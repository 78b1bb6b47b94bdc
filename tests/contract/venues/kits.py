"""Every adapter that the suite holds to its promises: a further one is one line here.

ccxt is an optional extra: where it cannot be imported its kit is not there, and only then.
"""

import importlib.util

from tests.contract.venues.kit_bitgo import bitgo
from tests.contract.venues.kit_ccxt import ccxt_kraken
from tests.contract.venues.kit_coinbase import coinbase
from tests.contract.venues.kit_tern import tern
from tests.contract.venues.stage import Can, Kit

KITS: dict[str, Kit] = {
    "bitgo-spot": bitgo(pts=False),
    "bitgo-pts": bitgo(pts=True),
    "coinbase-spot": coinbase(pts=False),
    "coinbase-pts": coinbase(pts=True),
    "made-up": tern(),
}
HAS_CCXT = importlib.util.find_spec("ccxt") is not None
if HAS_CCXT:
    KITS["ccxt-spot"] = ccxt_kraken()


def having(*abilities: Can) -> list[str]:
    """The kits that declare all of these."""
    return [name for name, kit in KITS.items() if kit.can.issuperset(abilities)]


def lacking(ability: Can) -> list[str]:
    """The kits that do not declare it."""
    return [name for name, kit in KITS.items() if ability not in kit.can]
