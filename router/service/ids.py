"""Ids of orders, competitions and RFQs: UUIDs of version 7 (RFC 9562), in the order of time."""

from collections.abc import Callable
from typing import Final

from router.ports import Clock

RANDOM_BYTES: Final = 10
"""What an id takes of the source: 74 of the 80 bits are in it."""
_MIDDLE_BYTES: Final = 4
"""Of these, the two groups in an id's middle: version and 12 random bits, variant and 14."""
_RANDOM_BITS: Final = "0fff3fff"
_VERSION_AND_VARIANT: Final = "70008000"


class IdSource:
    """Makes ids from a clock and a source of random bytes; a replay that hands in the same makes the same.

    `drawn`: for how many ids random bytes are drawn at once, where a draw costs more than what is kept. A
    process that was forked would make its parent's ids: one that forks does so before it has a source.
    """

    def __init__(self, clock: Clock, random_bytes: Callable[[int], bytes], *, drawn: int = 1) -> None:
        self._now = clock.now
        self._random_bytes = random_bytes
        self._drawn = drawn
        self._kept_bits = int(_RANDOM_BITS * drawn, 16)
        self._set_bits = int(_VERSION_AND_VARIANT * drawn, 16)
        self._random: list[str] = []
        self._milliseconds = -1
        self._time = ""

    def new(self) -> str:
        """A new id, lower-case with hyphens, 36 characters."""
        milliseconds = self._now() // 1_000_000
        if milliseconds != self._milliseconds:
            digits = f"{milliseconds & (2**48 - 1):012x}"
            self._milliseconds, self._time = milliseconds, f"{digits[:8]}-{digits[8:]}-"
        if not self._random:
            self._draw()
        return self._time + self._random.pop()

    def _draw(self) -> None:
        """Make what follows the time of the next ids, all of them in a few steps."""
        drawn, end = self._random_bytes(RANDOM_BYTES * self._drawn), _MIDDLE_BYTES * self._drawn
        bits = int.from_bytes(drawn[:end], "big") & self._kept_bits | self._set_bits
        groups = bits.to_bytes(end, "big").hex("-", 2).split("-")
        lasts = drawn[end:].hex("-", RANDOM_BYTES - _MIDDLE_BYTES).split("-")
        self._random = list(map("-".join, zip(groups[::2], groups[1::2], lasts, strict=True)))
