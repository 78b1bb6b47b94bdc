"""Ids drawn from the seed, so that two runs of the same requests give the same ids."""

from random import Random
from string import ascii_lowercase, digits
from uuid import UUID

_ALPHABET = ascii_lowercase + digits


class Ids:
    """One generator a kind of id: the draws of one kind do not shift those of another."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._orders = Random(f"{seed}:orders")
        self._trades = Random(f"{seed}:trades")
        self._requests = Random(f"{seed}:requests")
        self._sessions = Random(f"{seed}:sessions")
        self._planted = Random(f"{seed}:planted")
        self._moves = Random(f"{seed}:moves")

    def order(self) -> str:
        """Give the id of the next order, a UUID."""
        return _uuid(self._orders)

    def trade(self) -> str:
        """Give the id of the next trade, a UUID."""
        return _uuid(self._trades)

    def planted(self) -> str:
        """Give the id of the next planted trade or of its order; others' ids do not shift by it."""
        return _uuid(self._planted)

    def session(self) -> str:
        """Give the id of the next WebSocket session."""
        return _uuid(self._sessions)

    def move(self) -> str:
        """Give the id of the next margin transfer, close request or withdrawal request, a UUID."""
        return _uuid(self._moves)

    def request(self) -> str:
        """Give a `reqId` as the published examples have it: `unk-` and 20 lower-case letters or digits."""
        return "unk-" + "".join(self._requests.choices(_ALPHABET, k=20))

    def fixed(self, kind: str, name: str) -> str:
        """Give the UUID of something that has a name: a currency, a product, a user."""
        return _uuid(Random(f"{self._seed}:{kind}:{name}"))


def _uuid(draws: Random) -> str:
    return str(UUID(int=draws.getrandbits(128), version=4))
