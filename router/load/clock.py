"""Time for an open loop: a request is due at a microsecond, and an event loop's timers know milliseconds."""

import asyncio
import time
from typing import Final, Protocol

_TIMER_NS: Final = 2_000_000
"""How far from what it was set for a timer may be: both uvloop's and the standard loop's are of whole
milliseconds, the first rounded, the second up."""


class Clock(Protocol):
    """What a run reads time from and waits by."""

    def now_ns(self) -> int:
        """Nanoseconds since some beginning; never goes back."""
        ...

    async def until(self, at_ns: int) -> None:
        """Wait until then; at once where that is past."""
        ...


class LoopClock:
    """The machine's clock. `precise`: the last two milliseconds are waited for by turning the loop."""

    def __init__(self, *, precise: bool) -> None:
        self._precise = precise

    def now_ns(self) -> int:
        """The monotonic clock: an event loop's own time may be some milliseconds old."""
        return time.monotonic_ns()

    async def until(self, at_ns: int) -> None:
        """Wait; the loop turns at least once, so that answers are read however late the run is."""
        left_ns = at_ns - time.monotonic_ns()
        if not self._precise:
            await asyncio.sleep(max(0, left_ns) / 1e9)
            return
        if left_ns > 2 * _TIMER_NS:
            await asyncio.sleep((left_ns - _TIMER_NS) / 1e9)
        await asyncio.sleep(0)
        while time.monotonic_ns() < at_ns:  # noqa: ASYNC110 - it is time that is waited for, no event
            await asyncio.sleep(0)
