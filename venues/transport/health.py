"""A connection's health: the latest requests, and the breaker that opens on them. Pure."""

from collections import deque
from decimal import Decimal
from typing import Final

LATEST: Final = 50
"""Requests that the error rate is taken over."""
FAILURES_IN_A_ROW_MAX: Final = 5
RATED_MIN: Final = 20
"""Below this many requests a rate says nothing, and only failures in a row open the breaker."""
_SMOOTHING: Final = 8


class Score:
    """Counts requests that were answered and that failed; a refusal is an answer.

    `is_open`: it takes no part until a probe succeeds (`close`). The breaker opens on 5 failures in a row, or
    when at least half of the latest 50 failed.
    """

    def __init__(self) -> None:
        self._latest: deque[bool] = deque(maxlen=LATEST)
        self._in_a_row = 0
        self.is_open = False
        self.latency_ns: int | None = None

    def succeeded(self, latency_ns: int) -> None:
        """A request was answered after this long."""
        self._latest.append(True)
        self._in_a_row = 0
        before = self.latency_ns
        self.latency_ns = latency_ns if before is None else before + (latency_ns - before) // _SMOOTHING

    def failed(self) -> None:
        """A request was not answered, or with nonsense."""
        self._latest.append(False)
        self._in_a_row += 1
        failures = self._latest.count(False)
        if self._in_a_row >= FAILURES_IN_A_ROW_MAX or (
            len(self._latest) >= RATED_MIN and 2 * failures >= len(self._latest)
        ):
            self.is_open = True

    def close(self) -> None:
        """A probe succeeded: begin anew."""
        self.is_open = False
        self._latest.clear()
        self._in_a_row = 0

    @property
    def error_rate(self) -> Decimal:
        """Of the latest requests, 0 to 1, two decimals."""
        if not self._latest:
            return Decimal(0)
        return Decimal(100 * self._latest.count(False) // len(self._latest)).scaleb(-2)
