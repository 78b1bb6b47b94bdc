"""A limit a minute, spread over the minute: the slots and the window that a `RequestBudget` is made with."""

from typing import Final

MINUTE_S: Final = 60
MINUTE_NS: Final = MINUTE_S * 1_000_000_000


def pace(requests_per_minute: int) -> tuple[int, int]:
    """How many requests in how many nanoseconds, so that no minute, wherever it begins, holds more.

    360 a minute are 6 in a second, 90 are 2 in four thirds of one, 20 are one in three. Spent in one go, a
    minute's requests would leave whoever asks next to wait for the rest of it.
    """
    if requests_per_minute < 1:
        raise ValueError(f"expected at least one request a minute, was {requests_per_minute}")
    slots = -(-requests_per_minute // MINUTE_S)
    # Whole windows: a minute that holds a part of one more would hold that one's requests too.
    windows = requests_per_minute // slots
    return slots, -(-MINUTE_NS // windows)
