"""The process's clock: one scale for deadlines and for the record."""

import time


class SystemClock:
    """Wall time at the start, carried on by the monotonic clock.

    A step of the system's clock (an operator's hand, a leap, a bad server of time) bends no deadline and
    takes no record back. After a restart the wall is believed again.
    """

    def __init__(self) -> None:
        self._offset = time.time_ns() - time.monotonic_ns()

    def now(self) -> int:
        """Nanoseconds since the epoch; never goes back within a process."""
        return time.monotonic_ns() + self._offset
