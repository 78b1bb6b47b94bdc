"""A journal in memory that fails and waits when a test says so."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from decimal import Decimal
from typing import TypeVar

from router.core.order import Event, Order, Phase
from router.ports import (
    ClientOrderIdTakenError,
    Cover,
    RecordPage,
    ReservationRefusedError,
    StoreError,
)
from tests.fakes.lists import found_at, lived_in, page_of

T = TypeVar("T")


class MemoryJournal:
    """Implements `router.ports.Journal`. What outlives a router lives on in it: hand it to the next one.

    `failing`: operations that raise `StoreError` (`accept`, `append`, `keep_competition`, `keep_rfq`,
    `read`); `fail_at`: numbers of single writes that do, from 1. `full`: operations that have no room
    and are refused as they are called. `hold(operation)` makes writes of a kind wait until the gate that
    it returns is set. `started` gets the operation of each write when it begins,
    `durable` is what was written, in order. `others_reserved` of every balance and the orders `of_others` are
    other routers'.
    """

    def __init__(self) -> None:
        self.failing: set[str] = set()
        self.fail_at: set[int] = set()
        self.full: set[str] = set()
        self.started: asyncio.Queue[str] = asyncio.Queue()
        self.durable: list[tuple[str, str]] = []
        self.attempts = 0
        self.others_reserved = Decimal(0)
        self.of_others: set[str] = set()
        self.closed = False
        self._gates: dict[str, asyncio.Event] = {}
        self._orders: dict[str, Order] = {}
        self._keys: dict[str, str] = {}
        self._events: defaultdict[str, list[tuple[int, Event]]] = defaultdict(list)
        self._competitions: dict[str, bytes] = {}
        self._rfqs: dict[str, bytes] = {}
        self._lines: dict[str, asyncio.Future[None]] = {}

    def hold(self, operation: str) -> asyncio.Event:
        """Make writes of a kind (or every `read`) wait; set the event to let them go on."""
        gate = self._gates[operation] = asyncio.Event()
        return gate

    def kept(self, order_id: str) -> Order:
        """The order as it would be found after a crash now."""
        return self._orders[order_id]

    def kept_events(self, order_id: str) -> list[str]:
        """The names of an order's events, oldest first."""
        return [type(event).__name__ for _, event in self._events[order_id]]

    def history(self, order_id: str) -> list[tuple[int, Event]]:
        """An order's events with their times, oldest first."""
        return list(self._events[order_id])

    @property
    def kept_orders(self) -> list[Order]:
        """Every order, in the order of acceptance."""
        return list(self._orders.values())

    def accept(self, order: Order) -> asyncio.Future[None]:
        def keep() -> None:
            key = order.request.client_order_id
            if key in self._keys:
                raise ClientOrderIdTakenError(self._orders[self._keys[key]])
            self._keys[key] = order.id
            self._orders[order.id] = order

        return self._write("accept", order.id, keep, order.id)

    @property
    def shared(self) -> bool:
        # As one with `others_reserved` and `of_others` would be.
        return True

    def append(
        self, order: Order, event: Event, at: int, cover: Cover | None = None, *, urgent: bool = True
    ) -> asyncio.Future[None]:
        del urgent

        def keep() -> None:
            if cover is not None and cover.free < self.others_reserved:
                raise ReservationRefusedError("other routers have it reserved")
            if order.id not in self._orders:
                raise AssertionError(f"expected {order.id} to be accepted before {event}")
            self._orders[order.id] = order
            self._events[order.id].append((at, event))

        return self._write("append", f"{order.id} {type(event).__name__}", keep, order.id)

    def keep_competition(
        self, competition_id: str, order_id: str | None, record: bytes, *, urgent: bool = True
    ) -> asyncio.Future[None]:
        del urgent

        def keep() -> None:
            self._competitions[competition_id] = record

        return self._write("keep_competition", competition_id, keep, competition_id)

    def keep_rfq(self, rfq_id: str, record: bytes) -> asyncio.Future[None]:
        def keep() -> None:
            self._rfqs[rfq_id] = record

        return self._write("keep_rfq", rfq_id, keep, rfq_id)

    async def order(self, order_id: str) -> Order | None:
        return await self._read(lambda: self._orders.get(order_id))

    async def order_by_client_id(self, client_order_id: str) -> Order | None:
        return await self._read(lambda: self._orders.get(self._keys.get(client_order_id, "")))

    async def orders(self, limit: int, cursor: str | None) -> RecordPage:
        return await self._read(lambda: page_of(self._orders.values(), limit, cursor))

    async def orders_at_venue(
        self, connection_id: str, venue_order_ids: Collection[str]
    ) -> Mapping[str, Order]:
        return await self._read(lambda: found_at(self._orders.values(), connection_id, venue_order_ids))

    async def orders_live_in(
        self, connection_id: str, since: int, until: int, limit: int, cursor: str | None
    ) -> RecordPage:
        return await self._read(
            lambda: page_of(lived_in(self._orders.values(), connection_id, since, until), limit, cursor)
        )

    async def events(self, order_id: str) -> Sequence[tuple[int, Event]]:
        return await self._read(lambda: list(self._events[order_id]))

    async def open_orders(self) -> Sequence[Order]:
        return await self._read(
            lambda: [order for order in self._orders.values() if order.phase is not Phase.FINAL]
        )

    async def adopt(self, order_id: str) -> Order | None:
        return None if order_id in self.of_others else await self.order(order_id)

    async def competition(self, competition_id: str) -> bytes | None:
        return await self._read(lambda: self._competitions.get(competition_id))

    async def rfq(self, rfq_id: str) -> bytes | None:
        return await self._read(lambda: self._rfqs.get(rfq_id))

    async def check(self) -> None:
        if self.failing:
            raise StoreError("the disk is full")

    async def close(self) -> None:
        self.closed = True

    def _write(self, operation: str, what: str, keep: Callable[[], None], line: str) -> asyncio.Future[None]:
        """Begin a write, after those of the same line. One whose answer nobody waits for any more is lost."""
        if operation in self.full:
            refused: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            refused.set_exception(StoreError("the queue is full"))
            return refused
        before = self._lines.get(line)
        if before is not None and before.done():
            before = None  # its caller was told: what is asked for now is asked for knowing that
        write = asyncio.create_task(self._after(before, operation, what, keep))
        self._lines[line] = write
        return write

    async def _after(
        self,
        before: asyncio.Future[None] | None,
        operation: str,
        what: str,
        keep: Callable[[], None],
    ) -> None:
        if before is not None:
            if not before.done():
                await asyncio.wait((before,))
            if before.cancelled() or before.exception() is not None:
                raise StoreError("what was to be kept before it was not")
        await self._keep(operation, what, keep)

    async def _keep(self, operation: str, what: str, keep: Callable[[], None]) -> None:
        self.attempts += 1
        number = self.attempts
        self.started.put_nowait(operation)
        await self._wait(operation)
        if operation in self.failing or number in self.fail_at:
            raise StoreError("the disk is full")
        keep()
        self.durable.append((operation, what))

    async def _read(self, read: Callable[[], T]) -> T:
        # What is read is what stood there when it was asked for: a slow answer is an old one.
        found = read()
        await self._wait("read")
        if "read" in self.failing:
            raise StoreError("the disk is gone")
        return found

    async def _wait(self, operation: str) -> None:
        gate = self._gates.get(operation)
        pause: Awaitable[object] = asyncio.sleep(0) if gate is None else gate.wait()
        await pause
