"""How a connection stands: for the competition, for the health page and for the metrics."""

import enum
from decimal import Decimal
from typing import Final

import msgspec


class ConnectionState(enum.StrEnum):
    """How a connection stands."""

    CONNECTING = "connecting"
    """Products, balances or orders were not read yet, or must be read again: it does not trade."""
    READY = "ready"
    """It trades, on streamed books."""
    DEGRADED = "degraded"
    """It trades, but its feed is down: prices are asked for."""
    DOWN = "down"
    """It does not answer: the breaker is open, and it is probed in the background."""
    STOPPED = "stopped"


TRADING: Final = frozenset({ConnectionState.READY, ConnectionState.DEGRADED})
"""The states in which a connection takes part in competitions."""


class Health(msgspec.Struct, frozen=True):
    """A connection's condition, for the competition, the health page and the metrics.

    `feed_at`: when the last message of any feed came; `error_rate`: of the latest requests, 0 to 1 as a
    decimal; `latency_ns`: a moving average of answered requests.
    """

    state: ConnectionState
    detail: str | None
    feed_up: bool
    feed_at: int | None
    budget_left: int
    error_rate: Decimal
    latency_ns: int | None
    changed_at: int

    @property
    def trades(self) -> bool:
        """Whether the connection can take part in a competition."""
        return self.state in TRADING
