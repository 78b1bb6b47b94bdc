"""How reports read a counterparty: one request of theirs at a time to an account, patient with its budget.

A long report is thousands of requests. They go out in the lane that leaves most to orders, and one after
another to each connection whoever asked for which report, so that ten reports are ten times slower and take
no more of the budget than one does.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from router.core.model import Connection
from router.ports import BudgetSpentError, OffWireError, VenueUnreachableError
from router.reports.rows import Failed

T = TypeVar("T")

TRIES_BUDGET: Final = 5
"""An account busy with orders gives a report no request for seconds: the adapter waits in each of these."""
TRIES: Final = 3
"""Of one page: a report of hundreds of pages must outlive a request that fails."""
PAUSE_S: Final = 0.5

Pause = Callable[[float], Awaitable[None]]


class Reader:
    """Reads of all reports. An instance belongs to one event loop; `pause` waits for seconds."""

    def __init__(self, pause: Pause = asyncio.sleep) -> None:
        self._pause = pause
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def read(
        self, connection: Connection, call: Callable[[], Awaitable[T]], *, patient: bool
    ) -> T | Failed:
        """What a read of an account gives, or that it failed.

        `patient`: what was read before would be lost, so a failure is tried again; a first read is not, so
        that a counterparty that is down is told at once.
        """
        failures = 0
        budget_failures = 0
        while True:
            try:
                async with self._turns[connection.id]:
                    return await call()
            except BudgetSpentError as error:
                budget_failures += 1
                if budget_failures >= TRIES_BUDGET:
                    return _failed(connection, error)
            except VenueUnreachableError as error:
                failures += 1
                if not patient or failures >= TRIES or isinstance(error, OffWireError):
                    return _failed(connection, error)
            await self._pause(PAUSE_S * max(failures, budget_failures))


def _failed(connection: Connection, error: VenueUnreachableError) -> Failed:
    return Failed(connection, error.detail, error.venue_error)
