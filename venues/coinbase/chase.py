"""Orders that were just taken, read until they say how they ended: there is no feed that would tell.

An accepted quote fills at once, so the first read mostly brings it. An order that goes on for longer is left
to whoever follows the router's orders; a read that fails is not tried again for more than its turns either.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Final

from router.core.model import OrderReport, OutboundOrder, VenueState
from router.ports import VenueUnreachableError

PAUSES_MS: Final = (0, 50, 150)
"""Before each read; from then on it is the router's own look-ups that ask."""


class Chase:
    """The tasks that read. `told` gets what each read said."""

    def __init__(
        self,
        look_up: Callable[[OutboundOrder, str], Awaitable[OrderReport | None]],
        told: Callable[[OrderReport], None],
    ) -> None:
        self._look_up = look_up
        self._told = told
        self._tasks: set[asyncio.Task[None]] = set()

    def taken(self, order: OutboundOrder, venue_order_id: str) -> None:
        """An order was taken: read it in a task of its own."""
        task = asyncio.get_running_loop().create_task(self._read(order, venue_order_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def running(self) -> Collection["asyncio.Task[None]"]:
        """The reads that are under way: who stops the connection ends them."""
        return tuple(self._tasks)

    async def _read(self, order: OutboundOrder, venue_order_id: str) -> None:
        for pause_ms in PAUSES_MS:
            await asyncio.sleep(pause_ms / 1000)
            try:
                report = await self._look_up(order, venue_order_id)
            except VenueUnreachableError:
                continue
            if report is not None:
                self._told(report)
                if report.state.is_final or (report.state is VenueState.WORKING and rests(order)):
                    return


def rests(order: OutboundOrder) -> bool:
    """Whether an order that works can go on working: whoever follows it asks in its own time."""
    return order.quote_id is None and order.time_in_force.rests
