"""The two limits on requests: a bucket for each portfolio, and a count with a penalty for each address.

Source: Coinbase Prime, "REST API Rate Limits": 25 requests a second to a portfolio with bursts of 50; 100
requests a second from an address, past which every request is answered 429 for 30 seconds.
"""

from venues.simulator.limiter import Window


class Bucket:
    """Fills at `rate` requests a second up to `burst`; a refused request takes nothing out."""

    def __init__(self, rate: float, burst: int) -> None:
        self.rate = rate
        self.burst = burst
        self._held = float(burst)
        self._at_s: float | None = None

    def take(self, now_s: float) -> bool:
        """Ask for a place at `now_s`, seconds of a clock that never goes back."""
        if self._at_s is not None:
            self._held += (now_s - self._at_s) * self.rate
        self._held = min(self._held, float(self.burst))
        self._at_s = now_s
        if self._held < 1:
            return False
        self._held -= 1
        return True

    def resize(self, rate: float, burst: int) -> None:
        """Change the limit and fill the bucket."""
        self.rate, self.burst, self._held = rate, burst, float(burst)


class Addresses:
    """What each address has asked for in the last second, and who has to wait."""

    def __init__(self, limit: int, penalty_s: float) -> None:
        self.limit = limit
        self.penalty_s = penalty_s
        self._windows: dict[str, Window] = {}
        self._until_s: dict[str, float] = {}

    def take(self, address: str, now_s: float) -> bool:
        """Ask for a place at `now_s`; the request past the limit begins the wait and is refused too."""
        if now_s < self._until_s.get(address, now_s):
            return False
        window = self._windows.setdefault(address, Window(self.limit))
        if window.take(now_s).allowed:
            return True
        self._until_s[address] = now_s + self.penalty_s
        return False

    def forgive(self) -> None:
        """End every wait and forget what was asked for."""
        self._windows.clear()
        self._until_s.clear()
