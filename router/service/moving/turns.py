"""Whose turn it is: a connection has one move of margin money under way at a time."""

import asyncio
from typing import Final

from router.core.errors import Code, UnavailableError

WAITING_MAX: Final = 16
"""Moves that may wait for one connection: each takes as long as the counterparty takes to answer."""


class Turns:
    """First come, first served; who waits too long has done nothing. `deadline_s`: the longest wait."""

    def __init__(self, deadline_s: float) -> None:
        self._deadline_s = deadline_s
        self._locks: dict[str, asyncio.Lock] = {}
        self._waiting: dict[str, int] = {}

    async def take(self, connection_id: str) -> None:
        """Wait for the connection's turn. Raises `UnavailableError`: nothing was accepted."""
        lock = self._locks.setdefault(connection_id, asyncio.Lock())
        waiting = self._waiting.get(connection_id, 0)
        if lock.locked() and waiting >= WAITING_MAX:
            raise _busy()
        self._waiting[connection_id] = waiting + 1
        try:
            async with asyncio.timeout(self._deadline_s):
                await lock.acquire()
        except TimeoutError as error:
            raise _busy() from error
        finally:
            self._waiting[connection_id] -= 1

    def give_back(self, connection_id: str) -> None:
        """Let the next one begin."""
        self._locks[connection_id].release()


def _busy() -> UnavailableError:
    detail = "expected no other move of margin money under way on the connection, was one that takes longer"
    return UnavailableError(Code.VENUE_UNAVAILABLE, detail)
