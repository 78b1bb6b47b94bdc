"""A store with two halves: what was committed outlives the process, what was only handed over does not.

Writes commit in the order in which they came, each after a while; the answer comes after the commit, so a
crash can fall between the two. A commit that fails keeps nothing and says so.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeVar

from router.core.order import Event, Order, Phase, Routed
from router.journal.codec import decode_event, decode_order, encode
from router.ports import ClientOrderIdTakenError, Cover, RecordPage, StoreError
from tests.fakes.lists import found_at, lived_in, page_of
from tests.sim.world import NS, World

T = TypeVar("T")
TRIED_AGAIN_NS = 5 * NS


class Disk:
    """The durable half, and how the disk behaves. `full`: every write fails, reads go on."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.commit_s = 0.001
        self.slow = 0.0
        self.failing = 0.0
        self.failing_reads = 0.0
        self.full = False
        self.failed_at: int | None = None
        self.accepted: dict[str, bytes] = {}
        self.orders: dict[str, bytes] = {}
        self.keys: dict[str, str] = {}
        self.events: defaultdict[str, list[tuple[int, bytes]]] = defaultdict(list)
        self.competitions: dict[str, bytes] = {}
        self.rfqs: dict[str, bytes] = {}

    @property
    def troubled(self) -> bool:
        """Whether a write failed a moment ago: less than the longest pause before it is tried again."""
        return self.failed_at is not None and self.world.now - self.failed_at < TRIED_AGAIN_NS

    def order(self, order_id: str) -> Order | None:
        """An order as it stands on the disk."""
        found = self.orders.get(order_id)
        return None if found is None else decode_order(found)

    def history(self, order_id: str) -> list[tuple[int, Event]]:
        """An order's events with their times, oldest first."""
        return [(at, decode_event(doc)) for at, doc in self.events[order_id]]


class _Line:
    """Writes of which none is kept behind one that was not: those called before its caller was told."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.refused = False


class Store:
    """Implements `router.ports.Journal` for one life of the router; `dead` from its crash on."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._world = disk.world
        self._last_commit = 0
        self._last_answer = 0
        self._lines: dict[str, _Line] = {}
        self.dead = False

    @property
    def shared(self) -> bool:
        return False

    def accept(self, order: Order) -> asyncio.Future[None]:
        doc = encode(order)

        def keep() -> None:
            disk, key = self._disk, order.request.client_order_id
            if key in disk.keys:
                raise ClientOrderIdTakenError(decode_order(disk.orders[disk.keys[key]]))
            disk.keys[key] = order.id
            disk.accepted[order.id] = disk.orders[order.id] = doc

        return self._write(f"accept {order.request.client_order_id}", "accepted", keep, order.id)

    def append(
        self, order: Order, event: Event, at: int, cover: Cover | None = None, *, urgent: bool = True
    ) -> asyncio.Future[None]:
        doc, event_doc = encode(order), encode(event)

        def keep() -> None:
            if order.id not in self._disk.orders:
                raise AssertionError(f"expected {order.id} to be accepted before {event}")
            self._disk.orders[order.id] = doc
            self._disk.events[order.id].append((at, event_doc))

        kind = "intent" if isinstance(event, Routed) else "noted"
        return self._write(f"{type(event).__name__} {order.request.client_order_id}", kind, keep, order.id)

    def keep_competition(
        self, competition_id: str, order_id: str | None, record: bytes, *, urgent: bool = True
    ) -> asyncio.Future[None]:
        def keep() -> None:
            self._disk.competitions[competition_id] = record

        return self._write("competition", "record", keep, competition_id)

    def keep_rfq(self, rfq_id: str, record: bytes) -> asyncio.Future[None]:
        def keep() -> None:
            self._disk.rfqs[rfq_id] = record

        return self._write("rfq", "record", keep, rfq_id)

    async def order(self, order_id: str) -> Order | None:
        return await self._read(lambda: self._disk.order(order_id))

    async def order_by_client_id(self, client_order_id: str) -> Order | None:
        return await self._read(lambda: self._disk.order(self._disk.keys.get(client_order_id, "")))

    async def orders(self, limit: int, cursor: str | None) -> RecordPage:
        return await self._read(
            lambda: page_of([decode_order(doc) for doc in self._disk.orders.values()], limit, cursor)
        )

    async def orders_at_venue(
        self, connection_id: str, venue_order_ids: Collection[str]
    ) -> Mapping[str, Order]:
        def ours() -> Mapping[str, Order]:
            orders = [decode_order(doc) for doc in self._disk.orders.values()]
            return found_at(orders, connection_id, venue_order_ids)

        return await self._read(ours)

    async def orders_live_in(
        self, connection_id: str, since: int, until: int, limit: int, cursor: str | None
    ) -> RecordPage:
        def living() -> RecordPage:
            orders = [decode_order(doc) for doc in self._disk.orders.values()]
            return page_of(lived_in(orders, connection_id, since, until), limit, cursor)

        return await self._read(living)

    async def events(self, order_id: str) -> Sequence[tuple[int, Event]]:
        return await self._read(lambda: self._disk.history(order_id))

    async def open_orders(self) -> Sequence[Order]:
        found = (decode_order(doc) for doc in self._disk.orders.values())
        opened = [order for order in found if order.phase is not Phase.FINAL]
        return await self._read(lambda: opened)

    async def adopt(self, order_id: str) -> Order | None:
        return await self.order(order_id)

    async def competition(self, competition_id: str) -> bytes | None:
        return await self._read(lambda: self._disk.competitions.get(competition_id))

    async def rfq(self, rfq_id: str) -> bytes | None:
        return await self._read(lambda: self._disk.rfqs.get(rfq_id))

    async def check(self) -> None:
        if self._disk.full:
            raise StoreError("the disk is full")

    async def close(self) -> None:
        """Commit what was queued: the commits are in order, so the last one's place is enough."""
        await self._write("close", "closed", lambda: None, "close")

    def _write(self, what: str, kind: str, keep: Callable[[], None], line: str) -> asyncio.Future[None]:
        disk, world = self._disk, self._world
        lasts = disk.commit_s * world.rng.random()
        if world.chance(disk.slow):
            world.count("slow write")
            lasts += world.between(0.05, 3.0)
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # One writer: a commit is never before the one that was asked for earlier.
        at = self._last_commit = max(self._last_commit + 1, world.now + int(lasts * 1e9))
        found = self._lines.setdefault(line, _Line(line))
        world.after((at - world.now) / 1e9, lambda: self._commit(what, kind, keep, found, answered))
        return answered

    def _commit(
        self, what: str, kind: str, keep: Callable[[], None], line: _Line, answered: "asyncio.Future[None]"
    ) -> None:
        world, disk = self._world, self._disk
        if self.dead:
            world.count("write lost in a crash")
            return
        error: Exception | None = None
        if line.refused:
            world.count("refused behind a store error")
            error = StoreError("what was to be kept before it was not")
        elif kind != "closed" and (disk.full or world.chance(disk.failing)):
            disk.failed_at = world.now
            world.count("disk full" if disk.full else "store error")
            error = StoreError("the disk is full")
        else:
            try:
                keep()
            except ClientOrderIdTakenError as taken:
                error = taken
        world.tell("store", what, "kept" if error is None else type(error).__name__)
        world.happened(kind)
        line.refused = error is not None
        # Answers come in the order of the commits.
        at = world.now + int(disk.commit_s * world.rng.random() * 1e9)
        at = self._last_answer = max(self._last_answer + 1, at)
        world.after((at - world.now) / 1e9, lambda: self._tell(line, answered, error))

    def _tell(self, line: _Line, answered: "asyncio.Future[None]", error: Exception | None) -> None:
        if error is not None and self._lines.get(line.name) is line:
            del self._lines[line.name]  # whoever writes knows now: what comes from here on is another line
        self._answer(answered, error)

    def _answer(self, answered: "asyncio.Future[None]", error: Exception | None) -> None:
        if self.dead or answered.done():
            return
        if error is None:
            answered.set_result(None)
        else:
            answered.set_exception(error)

    async def _read(self, read: Callable[[], T]) -> T:
        # What is read is what stood there when it was asked for: a slow answer is an old one.
        found = read()
        disk, world = self._disk, self._world
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        world.after(disk.commit_s * world.rng.random(), lambda: self._answer(answered, None))
        await answered
        if world.chance(disk.failing_reads):
            world.count("read failed")
            raise StoreError("the disk is gone")
        return found
