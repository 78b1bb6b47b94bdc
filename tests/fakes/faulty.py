"""A counterparty and a store that behave as badly as real ones may, drawn from a seed.

The list of faults is the specification of what the service must stand: answers that are slow, lost before or
after the order was taken, denied; feeds that come first, last, twice, or never; executions after the end was
told; look-ups that fail; a store that is slow and refuses writes. What really happened stands in `truth`.
"""

import asyncio
import random
from collections.abc import Coroutine

from router.core.errors import Code, OrderError
from router.core.model import Connection, OrderReport, OutboundOrder, VenueState
from router.ports import (
    NeverSent,
    Refused,
    StoreError,
    SubmitResult,
    Taken,
    Unanswered,
    VenueUnreachableError,
)
from tests.fakes.journal import MemoryJournal
from tests.fakes.venue import FakeVenue
from tests.unit import build

TAKEN_WITHIN_S = 20.0
"""An order whose answer was lost shows within this time of its send: less than any settling window here."""
FATES = (
    *("fill", "fill", "part", "works", "late_fill"),
    *("refused", "no_credit", "unsent", "lost", "taken_and_lost"),
)


class FaultyVenue(FakeVenue):
    """Each order meets a fate. It takes an order only once: a second send of one fails the run."""

    def __init__(self, connection: Connection, rng: random.Random) -> None:
        super().__init__(connection)
        self.truth: dict[str, OrderReport] = {}
        self._rng = rng
        self._tasks: set[asyncio.Task[None]] = set()

    def restart(self) -> None:
        """Nobody listens, and what a router that died had taken of the budget is gone with it."""
        self.listener = None
        self._unsent = 0

    async def close(self) -> None:
        """Stop telling."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def submit(self, order: OutboundOrder) -> SubmitResult:
        self.take(order)
        fate = self._rng.choice(FATES)
        match fate:
            case "refused" | "no_credit":
                await self._lag(0.3)
                code = Code.CREDIT_FROZEN if fate == "no_credit" else Code.VENUE_REJECTED
                return Refused(OrderError(code, fate))
            case "unsent":
                await self._lag(0.3)
                return NeverSent("expected a connection, was refused")
            case "lost":
                await self._lag(6)
                return Unanswered("expected an answer, was reset")
        final = self.truth[order.venue_client_order_id] = self._end(order, fate)
        match fate:
            case "fill" | "part":
                first = self.known[order.venue_client_order_id] = final
                self._soon(self._tell(final, within_s=1))
            case "works":
                first = self.known[order.venue_client_order_id] = self.report(order, VenueState.WORKING)
                self._soon(self._show(order, final, within_s=3))
            case "late_fill":
                first = self.known[order.venue_client_order_id] = self.report(order, VenueState.CANCELED)
                self._soon(self._insist(order, final))
            case _:
                self._soon(self._show(order, final, within_s=TAKEN_WITHIN_S))
                await self._lag(6)
                return Unanswered("expected an answer, was a time-out")
        await self._lag(0.3)
        return Taken(first)

    async def look_up(self, order: OutboundOrder, venue_order_id: str | None) -> OrderReport | None:
        await self._lag(1)
        if self._rng.random() < 0.3:
            raise VenueUnreachableError("expected an answer, was 503")
        return self.known.get(order.venue_client_order_id)

    def _end(self, order: OutboundOrder, fate: str) -> OrderReport:
        whole = self.filled(order)
        if fate in ("fill", "taken_and_lost"):
            return whole
        half = build.fill(f"{order.venue_client_order_id}-half", str(order.quantity / 2))
        return self.report(order, VenueState.CANCELED, half)

    async def _lag(self, most_s: float) -> None:
        await asyncio.sleep(self._rng.random() * most_s)

    def _soon(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tell(self, report: OrderReport, within_s: float) -> None:
        """Never, once or twice."""
        times = self._rng.choice((0, 1, 1, 2))
        await self._lag(within_s)
        for _ in range(times):
            if self.listener is not None:
                self.listener.order_reported(self.connection.id, report)

    async def _show(self, order: OutboundOrder, report: OrderReport, within_s: float) -> None:
        await self._lag(within_s)
        self.known[order.venue_client_order_id] = report
        await self._tell(report, within_s=2)

    async def _insist(self, order: OutboundOrder, report: OrderReport) -> None:
        """An execution after the end was told is known by the feed alone: it is told until it is heard."""
        await self._show(order, report, within_s=8)
        for _ in range(4):
            await asyncio.sleep(10)
            if self.listener is not None:
                self.listener.order_reported(self.connection.id, report)


class FaultyJournal(MemoryJournal):
    """Slow, and every tenth write is refused, until it is `mended`."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__()
        self.mended = False
        self._rng = rng

    async def _wait(self, operation: str) -> None:
        await asyncio.sleep(self._rng.choice((0, 0, 0.001, 0.05, 0.5)) * self._rng.random())
        if operation != "read" and not self.mended and self._rng.random() < 0.1:
            raise StoreError("the disk is full")
