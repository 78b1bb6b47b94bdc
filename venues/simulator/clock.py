"""Wall-clock times as the wire writes them, and the timers that the simulator owns."""

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime

_DATE_TIME = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
RFC3339 = rf"\A{_DATE_TIME}\Z"
_RFC3339 = re.compile(_DATE_TIME)


def now() -> datetime:
    """Give the present moment in UTC."""
    return datetime.now(UTC)


def to_wire_time(moment: datetime) -> str:
    """Print a moment as RFC 3339 in UTC with microseconds and `Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text: str) -> datetime:
    """Read an RFC 3339 moment with its zone, cut off past the microsecond; `ValueError` for all else."""
    if _RFC3339.fullmatch(text) is None:
        raise ValueError(f"expected an RFC 3339 date-time, was {text[:60]!r}")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"expected a moment within the calendar, was {text[:60]!r}") from error


class Timers:
    """Callbacks set for later, all of which die with the simulator."""

    def __init__(self) -> None:
        self._handles: set[asyncio.TimerHandle] = set()

    def after(self, delay_s: float, run: Callable[[], None]) -> Callable[[], None]:
        """Call `run` once after `delay_s` seconds; give a function that takes the call back."""
        handle: asyncio.TimerHandle

        def fire() -> None:
            self._handles.discard(handle)
            run()

        def forget() -> None:
            self._handles.discard(handle)
            handle.cancel()

        handle = asyncio.get_running_loop().call_later(delay_s, fire)
        self._handles.add(handle)
        return forget

    def cancel_all(self) -> None:
        """Take every call back."""
        for handle in self._handles:
            handle.cancel()
        self._handles.clear()
