"""Moves in memory, and the one way in which one changes: an event is durable before it is true.

A move is rare and moves money, so nothing is told of it that a crash could take back: not that it was sent,
not that it was refused. An intent (`apply`) that could not be written is no intent; evidence (`note`) is
written again and again until it is kept.
"""

import asyncio
from collections.abc import Iterable
from typing import Final

from router.core.movement import MoveOutcome
from router.core.moving import (
    Answered,
    FindingRecorded,
    MoveEvent,
    MovePhase,
    Operation,
    same_trace,
    step,
)
from router.core.record import LookUp
from router.observe.moving import MoveObserver
from router.ports import Clock, StoreError
from router.ports.records import MoveStore
from router.service.behind import RETRY_FIRST_S, RETRY_MAX_S
from router.service.moving.codec import encode_event, operation_of, record_of

PAGE_LENGTH: Final = 100
PAGES_MAX: Final = 10
"""How far back a connection's moves are read through: a thousand moves of margin money are months of them,
and this router's own that have not ended are in memory, however old."""
KNOWN_MARGIN_NS: Final = 3_600_000_000_000
"""How much older than a move another may be whose evidence could be taken for its own: clocks differ."""


class LiveMove:
    """A move that is in memory: being accepted, under way, or in doubt.

    `admission`: until it is durable; gives the operation that has its key already, if there is one.
    `sending`: its request. `taken_up_at`: when it was read from the journal, on the clock of this process.
    `looked_up`: what came of the last look-up that did not decide it.
    """

    __slots__ = ("_news", "admission", "lock", "looked_up", "operation", "sending", "taken_up_at")

    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        self.admission: asyncio.Task[Operation | None] | None = None
        self.sending: asyncio.Task[MoveOutcome] | None = None
        self.lock = asyncio.Lock()
        self.taken_up_at: int | None = None
        self.looked_up: LookUp | None = None
        self._news = asyncio.Event()

    async def changed(self, timeout_s: float) -> bool:
        """Wait for the next change; False if none came in time."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._news.wait()
        except TimeoutError:
            return False
        return True

    def wake(self) -> None:
        """Tell whoever waits that the move is another."""
        news, self._news = self._news, asyncio.Event()
        news.set()


class Moves:
    """Every move that has not ended, by its id and by its connection and key."""

    def __init__(self, store: MoveStore, observer: MoveObserver, clock: Clock) -> None:
        self._store = store
        self._observer = observer
        self._clock = clock
        self._by_id: dict[str, LiveMove] = {}
        self._by_key: dict[tuple[str, str], LiveMove] = {}
        self._closed = False

    def get(self, operation_id: str) -> LiveMove | None:
        """A move in memory that is durable."""
        return self._by_id.get(operation_id)

    def by_key(self, connection_id: str, key: str) -> LiveMove | None:
        """The move in memory that has this key, durable or about to be."""
        return self._by_key.get((connection_id, key))

    def all(self) -> Iterable[LiveMove]:
        """Every move in memory that has been accepted; a copy."""
        return list(self._by_id.values())

    def reserve(self, operation: Operation) -> LiveMove:
        """Hold a key for a move that is about to be accepted."""
        live = LiveMove(operation)
        self._by_key[operation.connection.id, operation.key] = live
        return live

    def hold(self, operation: Operation) -> LiveMove:
        """Take a move that is durable into memory."""
        live = self.reserve(operation)
        self._by_id[operation.id] = live
        return live

    def drop(self, live: LiveMove) -> None:
        """Let a move go from memory: the journal has it, or it never was."""
        operation = live.operation
        slot = (operation.connection.id, operation.key)
        if self._by_id.get(operation.id) is live:
            del self._by_id[operation.id]
        if self._by_key.get(slot) is live:
            del self._by_key[slot]

    def close(self) -> None:
        """Write nothing more: what is not durable by now is found at the next start."""
        self._closed = True
        for live in self._by_key.values():
            live.wake()

    @property
    def closed(self) -> bool:
        """Whether nothing is written any more."""
        return self._closed

    async def accept(self, live: LiveMove) -> None:
        """Make a new move durable. Raises `IdempotencyKeyTakenError`, `StoreError`."""
        operation = live.operation
        try:
            await self._store.accept_move(record_of(operation))
        except StoreError as error:
            self._observer.store_failed("accept", error)
            raise
        self._by_id[operation.id] = live
        self._observer.move_changed(None, operation, "Accepted")

    async def apply(self, live: LiveMove, event: MoveEvent, only_in: MovePhase | None = None) -> bool:
        """Write an event, then make it true. Raises `StoreError`, and then the move is as it was.

        With `only_in`, False and nothing was written where it is in another phase by now.
        """
        async with live.lock:
            if self._closed:
                raise StoreError("expected a router that runs, was one that has stopped")
            before, now = live.operation, self._clock.now()
            if only_in is not None and before.phase is not only_in:
                return False
            after = step(before, event, now)
            if after is before:
                return True
            try:
                await self._store.append_move(record_of(after), encode_event(event), now)
            except StoreError as error:
                self._observer.store_failed("append", error)
                raise
            live.operation = after
            live.wake()
        self._tell(before, after, event)
        return True

    async def note(self, live: LiveMove, event: MoveEvent, only_in: MovePhase | None = None) -> None:
        """Write what happened until it is kept, then make it true."""
        pause = RETRY_FIRST_S
        while not self._closed:
            try:
                await self.apply(live, event, only_in)
            except StoreError:
                # Between two tries a person's finding may be written: the lock is not held.
                await asyncio.sleep(pause)
                pause = min(RETRY_MAX_S, 2 * pause)
            else:
                return

    async def rival(self, operation: Operation) -> Operation | None:
        """A move of the connection that has not ended and could leave the same trace; raises `StoreError`.

        Also another router's on the same store, as far as it is durable.
        """
        for live in self._by_id.values():
            if _rivals(operation, live.operation):
                return live.operation
        for other in await self._recent(operation.connection.id, 0):
            if other.id not in self._by_id and _rivals(operation, other):
                return other
        return None

    async def known_ids(self, operation: Operation) -> frozenset[str]:
        """The counterparty's ids of other moves, which are no evidence of this one; raises `StoreError`."""
        since = (operation.sent_at or operation.created_at) - KNOWN_MARGIN_NS
        others = await self._recent(operation.connection.id, since)
        return frozenset(each for other in others if other.id != operation.id for each in other.venue_ids)

    async def unnamed(self, operation: Operation) -> Operation | None:
        """Another move that was done, and left what could be taken for this one's, under no id that is known.

        What it left would show as evidence of this one. Raises `StoreError`.
        """
        since = (operation.sent_at or operation.created_at) - KNOWN_MARGIN_NS
        for other in await self._recent(operation.connection.id, since):
            if other.id != operation.id and _left_unnamed(other) and same_trace(operation.move, other.move):
                return other
        return None

    async def _recent(self, connection_id: str, since: int) -> list[Operation]:
        """A connection's moves that changed at or after `since`, newest first."""
        found: list[Operation] = []
        cursor: str | None = None
        for _ in range(PAGES_MAX):
            page = await self._store.moves(connection_id, PAGE_LENGTH, cursor)
            # Only what may matter is decoded: most moves ended long ago.
            found += [
                operation_of(record)
                for record in page.data
                if not record.final or (since and record.updated_at >= since)
            ]
            cursor = page.next_cursor
            if cursor is None:
                break
        return found

    def _tell(self, before: Operation, after: Operation, event: MoveEvent) -> None:
        self._observer.move_changed(before, after, type(event).__name__)
        if isinstance(event, FindingRecorded):
            self._observer.move_finding_recorded(after, event.finding)
        was = None if before.finding is None else before.finding.contradicted_at
        if isinstance(event, Answered) and after.finding is not None and was != after.finding.contradicted_at:
            self._observer.move_contradicted(after)


def _left_unnamed(operation: Operation) -> bool:
    """Whether it was done and nobody knows by what id; what says that nothing was moved left nothing."""
    if operation.phase is not MovePhase.DONE or operation.venue_ids:
        return False
    return operation.result is None or bool(operation.result.balances)


def _rivals(operation: Operation, other: Operation) -> bool:
    if other.id == operation.id or other.connection.id != operation.connection.id or other.is_final:
        return False
    return same_trace(operation.move, other.move)
