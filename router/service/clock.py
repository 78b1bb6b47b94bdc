"""The process's clock: one scale for deadlines and for the record."""

from time import monotonic_ns, time_ns


class SystemClock:
    """Wall time at the start, carried on by the monotonic clock.

    A step of the system's clock (an operator's hand, a leap, a bad server of time) bends no deadline and
    takes no record back. After a restart the wall is believed again.
    """

    __slots__ = ("_offset",)

    def __init__(self) -> None:
        self._offset = time_ns() - monotonic_ns()

    def now(self) -> int:
        """Nanoseconds since the epoch; never goes back within a process."""
        return monotonic_ns() + self._offset
