"""What a custody call is asked with: parameters of its query, and the wallet in its path."""

import re

from venues.simulator.custody.errors import PlatformError, invalid
from venues.simulator.custody.gate import Call
from venues.simulator.custody.model import Wallet
from venues.simulator.query import Query

_HEX_ID = re.compile(r"[0-9a-f]{32}")
_INTEGER = re.compile(r"-?[0-9]{1,60}")


def is_id(text: str) -> bool:
    """Whether a text is an id of the platform: 32 hexadecimal digits."""
    return _HEX_ID.fullmatch(text) is not None


def ids(query: Query, name: str) -> frozenset[str]:
    """Give the ids of a parameter that may be repeated; each is 32 hexadecimal digits."""
    values = query.texts(name)
    for value in values:
        if not is_id(value):
            raise invalid(name, f"{name} must be 32 hexadecimal digits.")
    return frozenset(values)


def choices(query: Query, name: str, allowed: tuple[str, ...]) -> frozenset[str]:
    """Give the values of a parameter that may be repeated; each is one of the allowed ones."""
    values = query.texts(name)
    for value in values:
        if value not in allowed:
            raise invalid(name, f"{name} must be one of {', '.join(allowed)}.")
    return frozenset(values)


def integer(query: Query, name: str) -> int | None:
    """Give a whole number of either sign; None if it is absent."""
    value = query.text(name)
    if value is None:
        return None
    if _INTEGER.fullmatch(value) is None:
        raise invalid(name, f"{name} must be an integer.")
    return int(value)


def at_least_one(query: Query, name: str, default: int, most: int) -> int:
    """Give a whole number from one to `most`."""
    value = query.number(name, default, most)
    if value == 0:
        raise invalid(name, f"{name} must be at least 1.")
    return value


def find_wallet(call: Call, absent: str) -> Wallet:
    """Give the wallet in the path; `absent` names the refusal where there is none of this coin."""
    name, coin = call.params["wallet"], call.params["coin"]
    if not is_id(name):
        raise invalid("walletId", "walletId must be 32 hexadecimal digits.")
    wallet = call.user.wallet(name)
    if wallet is None or wallet.coin != coin:
        raise PlatformError(absent, f"There is no wallet {name} of {coin}.", {"id": name})
    return wallet
