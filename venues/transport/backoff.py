"""Exponential back-off with full jitter; the randomness is the caller's."""

import random


class Backoff:
    """The next wait, in seconds: anything from zero up to a ceiling that doubles from `ms_min` to `ms_max`.

    Full jitter spreads the reconnects of many clients evenly, so that a counterparty that comes back is not
    met by all of them at once.
    """

    def __init__(self, ms_min: int, ms_max: int, draws: random.Random) -> None:
        self._ms_min = ms_min
        self._ms_max = ms_max
        self._draws = draws
        self._failures = 0

    def next_s(self) -> float:
        """How long to wait before the next try; counts one failure."""
        # Past 30 doublings the ceiling is `ms_max` whatever it is; the exponent stays small.
        ceiling = min(self._ms_max, self._ms_min << min(self._failures, 30))
        self._failures += 1
        return self._draws.uniform(0, ceiling) / 1000

    def reset(self) -> None:
        """It worked: begin at the shortest wait again."""
        self._failures = 0
