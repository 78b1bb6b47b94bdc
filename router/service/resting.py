"""Orders that rest at a counterparty: they have no task of their own, however many there are.

Their feed tells of them, and they are read again after each reconnect. What is here is the safety net: every
resting order is looked up now and then, those of one connection one after another, the one not heard of for
the longest first. So a hundred thousand of them cost a place in a queue each, and take no more requests from
those that are sent than one alone would.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final

from router.observe.observer import Observer
from router.service.orders import LiveOrder
from router.service.venues import Venues

PAUSE_STREAMING_S: Final = 30.0
"""How long a resting order is not asked for while its feed is up."""
PAUSE_S: Final = 5.0
"""The same where no feed tells of it."""
AFTER_FAILURE_S: Final = 5.0

LookUp = Callable[[LiveOrder], Awaitable[object]]


class Resting:
    """The orders that rest, by connection. `look_up` asks for one and notes what is said."""

    def __init__(self, venues: Venues, observer: Observer, look_up: LookUp) -> None:
        self._venues = venues
        self._observer = observer
        self._look_up = look_up
        self._rounds: dict[str, _Round] = {}

    def park(self, live: LiveOrder, moved: Callable[[LiveOrder], None]) -> None:
        """Take an order in until it does not rest any more: then `moved` is called with it, once."""
        attempt = live.order.attempt
        if attempt is None:
            raise LookupError(f"expected an order that is at a counterparty, was {live.order.id}")
        name = attempt.connection_id
        found = self._rounds.get(name)
        if found is None:
            found = self._rounds[name] = _Round()
            found.task = asyncio.get_running_loop().create_task(self._go_round(name, found))
            found.task.add_done_callback(lambda _task: self._ended(name, found))
        found.heard(live)
        live.parked = lambda: self._changed(found, live, moved)

    async def close(self) -> None:
        """Ask no more."""
        rounds = list(self._rounds.values())
        for each in rounds:
            if each.task is not None:
                each.task.cancel()
        await asyncio.gather(*(each.task for each in rounds if each.task is not None), return_exceptions=True)

    @staticmethod
    def _changed(found: "_Round", live: LiveOrder, moved: Callable[[LiveOrder], None]) -> None:
        if live.order.is_settled and not live.order.is_final:
            found.heard(live)
            return
        found.parked.pop(live, None)
        live.parked = None
        moved(live)

    def _ended(self, name: str, found: "_Round") -> None:
        if self._rounds.get(name) is found:
            del self._rounds[name]

    async def _go_round(self, name: str, found: "_Round") -> None:
        """Look the orders of one connection up, one at a time, for as long as there are any."""
        loop = asyncio.get_running_loop()
        while found.parked:
            live, heard_at = next(iter(found.parked.items()))
            wait_s = heard_at + self._pause_s(name) - loop.time()
            if wait_s > 0:
                # A feed that goes down meanwhile makes them due sooner: so it is looked again that often.
                await asyncio.sleep(min(wait_s, PAUSE_S))
                continue
            found.heard(live)
            try:
                await self._look_up(live)
            except Exception as error:  # noqa: BLE001 - one order's bug must not end the round of the others
                self._observer.task_failed("resting", error)
                await asyncio.sleep(AFTER_FAILURE_S)

    def _pause_s(self, name: str) -> float:
        member = self._venues.get(name)
        return PAUSE_STREAMING_S if member is not None and member.venue.health().feed_up else PAUSE_S


class _Round:
    """The resting orders of one connection, the one not heard of for the longest first."""

    __slots__ = ("parked", "task")

    def __init__(self) -> None:
        # Ordered: a plain dict finds its first again behind all that was taken from its front.
        self.parked: OrderedDict[LiveOrder, float] = OrderedDict()
        self.task: asyncio.Task[None] | None = None

    def heard(self, live: LiveOrder) -> None:
        """It rests, as of now."""
        self.parked[live] = asyncio.get_running_loop().time()
        self.parked.move_to_end(live)
