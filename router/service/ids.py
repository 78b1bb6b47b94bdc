"""Ids of orders, competitions and RFQs: UUIDs of version 7 (RFC 9562), in the order of time."""

import uuid
from collections.abc import Callable

from router.ports import Clock


class IdSource:
    """Makes ids from a clock and a source of random bytes; a replay that hands in the same makes the same."""

    def __init__(self, clock: Clock, random_bytes: Callable[[int], bytes]) -> None:
        self._clock = clock
        self._random_bytes = random_bytes

    def new(self) -> str:
        """A new id, lower-case with hyphens, 36 characters."""
        milliseconds = self._clock.now() // 1_000_000
        rest = int.from_bytes(self._random_bytes(10), "big")
        value = (milliseconds & (2**48 - 1)) << 80
        value |= 0x7 << 76 | (rest >> 68 & 0xFFF) << 64
        value |= 0b10 << 62 | rest & (2**62 - 1)
        return str(uuid.UUID(int=value))
