"""Orders that the feed says have ended, without saying why: the reason is read before anybody is told.

A message of the `orders` channel has no documented `reason`, and never who cancelled. An order cancelled for
want of credit, one whose time ran out and the remainder of an IOC order look alike in it, and a refusal for
credit must never pass for a plain one. So such a message is held back and the order is read by REST, unless
its own answer told it already.
"""

import asyncio
import enum
from collections.abc import Awaitable, Callable
from typing import Final

from router.core.model import OrderReport
from router.ports import VenueUnreachableError
from venues.transport.backoff import Backoff

KNOWN_MIN: Final = 10_000
"""So many orders, the latest, are remembered as ours, and never twice as many. What is forgotten is reported
as the feed has it."""


class _Stand(enum.Enum):
    IN_FLIGHT = enum.auto()
    OPEN = enum.auto()
    TOLD = enum.auto()


class Explainer:
    """What is known of our orders' ends, and what must be asked. `told` gets what was found out."""

    def __init__(
        self,
        ask: Callable[[str, str], Awaitable[OrderReport]],
        told: Callable[[OrderReport], None],
        backoff: Backoff,
    ) -> None:
        self._ask = ask
        self._told = told
        self._backoff = backoff
        # Two generations: the older is let go of whole, since a dict whose oldest entry is taken out again
        # and again is walked from its beginning each time.
        self._stands: dict[str, _Stand] = {}
        self._older: dict[str, _Stand] = {}
        self._held: dict[str, str] = {}
        self._asking: dict[str, str] = {}
        self._wake = asyncio.Event()

    def sent(self, client_order_id: str) -> None:
        """An order of ours goes out; its answer may tell its end."""
        # It is counted when it is answered, and so are all.
        self._stands[client_order_id] = _Stand.IN_FLIGHT

    def answered(self, client_order_id: str, report: OrderReport | None) -> None:
        """The order was answered, looked up or cancelled; `report` if that said how it stands."""
        if report is not None and report.state.is_final:
            self._stand(client_order_id, _Stand.TOLD)
            self._held.pop(client_order_id, None)
            self._asking.pop(client_order_id, None)
            return
        if self._known(client_order_id) is not _Stand.TOLD:
            self._stand(client_order_id, _Stand.OPEN)
        held = self._held.pop(client_order_id, None)
        if held is not None:
            self._must_ask(client_order_id, held)

    def knows(self, client_order_id: str) -> bool:
        """Whether the order was sent, looked up or cancelled by this process."""
        return client_order_id in self._stands or client_order_id in self._older

    def holds(self, report: OrderReport) -> bool:
        """The feed says that an order ended, and not why: whether its reason is coming, so tell nobody."""
        client_order_id = report.venue_client_order_id
        match self._known(client_order_id):
            case None:
                return False
            case _Stand.IN_FLIGHT:
                self._held[client_order_id] = report.venue_order_id
            case _Stand.OPEN:
                self._must_ask(client_order_id, report.venue_order_id)
            case _Stand.TOLD:
                pass
        return True

    async def run(self) -> None:
        """Ask until every reason is known; one that cannot be read goes to the end of the line."""
        while True:
            await self._wake.wait()
            if not self._asking:
                self._wake.clear()
                continue
            client_order_id, venue_order_id = next(iter(self._asking.items()))
            try:
                report = await self._ask(client_order_id, venue_order_id)
            except VenueUnreachableError:
                if self._asking.pop(client_order_id, None) is not None:
                    self._asking[client_order_id] = venue_order_id
                await asyncio.sleep(self._backoff.next_s())
                continue
            self._backoff.reset()
            if self._asking.pop(client_order_id, None) is None:
                continue
            if report.state.is_final:
                self._stand(client_order_id, _Stand.TOLD)
                self._told(report)
            else:
                # REST is behind the feed: ask again.
                self._asking[client_order_id] = venue_order_id
                await asyncio.sleep(self._backoff.next_s())

    def _must_ask(self, client_order_id: str, venue_order_id: str) -> None:
        self._asking[client_order_id] = venue_order_id
        self._wake.set()

    def _known(self, client_order_id: str) -> _Stand | None:
        return self._stands.get(client_order_id) or self._older.get(client_order_id)

    def _stand(self, client_order_id: str, stand: _Stand) -> None:
        self._stands[client_order_id] = stand
        if len(self._stands) >= KNOWN_MIN:
            self._older, self._stands = self._stands, {}
