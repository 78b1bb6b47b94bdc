"""Ids of orders, competitions and RFQs: UUIDs of version 7 (RFC 9562), in the order of time."""

from collections.abc import Callable
from typing import Final

from router.ports import Clock

RANDOM_BYTES: Final = 10
"""What an id takes of the source: 74 of the 80 bits are in it."""
_VARIANT: Final = {digit: f"{0b1000 | int(digit, 16) & 0b0011:x}" for digit in "0123456789abcdef"}
"""A digit of which the lower two bits are random, and the upper two are the variant's `10`."""


class IdSource:
    """Makes ids from a clock and a source of random bytes; a replay that hands in the same makes the same.

    `drawn`: for how many ids random bytes are drawn at once, where a draw costs more than what is kept. A
    process that was forked would make its parent's ids: one that forks does so before it has a source.
    """

    def __init__(self, clock: Clock, random_bytes: Callable[[int], bytes], *, drawn: int = 1) -> None:
        self._now = clock.now
        self._random_bytes = random_bytes
        self._drawn = drawn
        self._random: list[str] = []
        self._milliseconds = -1
        self._time = ""

    def new(self) -> str:
        """A new id, lower-case with hyphens, 36 characters."""
        milliseconds = self._now() // 1_000_000
        if milliseconds != self._milliseconds:
            digits = f"{milliseconds & (2**48 - 1):012x}"
            self._milliseconds, self._time = milliseconds, f"{digits[:8]}-{digits[8:]}-7"
        if not self._random:
            self._draw()
        return self._time + self._random.pop()

    def _draw(self) -> None:
        """Make what follows the time of the next ids: 12 random bits, the variant, 62 random bits."""
        digits = self._random_bytes(RANDOM_BYTES * self._drawn).hex()
        width = 2 * RANDOM_BYTES
        each = [digits[start : start + width] for start in range(0, len(digits), width)]
        self._random = [f"{one[:3]}-{_VARIANT[one[4]]}{one[5:8]}-{one[8:]}" for one in each]
