"""The orders in memory: each event is applied and journaled here, one order's events strictly in order.

Two kinds of event, two ways. An *intent* (`intend`) is durable before it is true: it is written first, and
the order becomes what it says when the write has returned; a write that fails leaves the order as it was.
*Evidence* (`note`) is true whatever the store does: it is applied at once and written behind, again and again
until it is kept.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress

import msgspec

from router.core.claiming import claim_left, moved_between
from router.core.errors import Code, RouterError, UnavailableError
from router.core.ledger import Ledger
from router.core.model import OrderReport, OrderStatus
from router.core.order import Contradicted, Event, Order, ProvedAbsent, Reported, step
from router.core.record import CompetitionRecord, LookUp
from router.observe.observer import Observer
from router.ports import Clock, Cover, Journal, StoreError

_records = msgspec.json.Encoder()

RETRY_FIRST_S = 0.05
RETRY_MAX_S = 2.0
REFUSAL_HELD_S = 3.0
"""How long a refusal is held back while the store fails: longer than a database takes to be reached again."""


class LiveOrder:
    """An order that is in memory: not final yet, or final and still waiting for detail.

    `accepting`: the write that makes it durable, until an answer needs it no more; `record`: its competition;
    `tail`: the last event that is written behind, `records`: the last record. `stuck`: an event could not be
    written and is tried again. `intent`: an intent is being written, and events wait in `deferred`.
    `cancel_unanswered`: a cancel was asked for and may never have arrived, as with one from before a restart.
    `taken_up_at`: when it was read from the journal at start, on the clock of this process. `looked_up`: what
    came of the last look-up that did not find it. `parked`: it rests, and this is told of each change.
    """

    __slots__ = (
        *("_callers", "_changed", "accepting", "cancel_unanswered", "deferred", "intent", "looked_up", "order"),
        *("parked", "record", "records", "stuck", "tail", "taken_up_at"),
    )

    def __init__(self, order: Order) -> None:
        self.order = order
        self.accepting: asyncio.Task[None] | None = None
        self.record: CompetitionRecord | None = None
        self.tail: asyncio.Task[None] | None = None
        self.records: asyncio.Task[None] | None = None
        self.stuck = asyncio.Event()
        self.intent = False
        self.cancel_unanswered = order.cancel_requested
        self.deferred: list[Event] = []
        self.taken_up_at: int | None = None
        self.looked_up: LookUp | None = None
        self.parked: Callable[[], None] | None = None
        self._callers: list[asyncio.Future[None]] = []
        self._changed: list[asyncio.Future[None]] = []

    async def changed(self, timeout_s: float | None) -> bool:
        """Wait for the next change; False if none came in time."""
        future = asyncio.get_running_loop().create_future()
        self._changed.append(future)
        try:
            async with asyncio.timeout(timeout_s):
                await future
        except TimeoutError:
            return False
        finally:
            with suppress(ValueError):
                self._changed.remove(future)
        return True

    async def answerable(self, timeout_s: float) -> None:
        """Wait until the order is settled, or will not be by us; at most so long."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        self._callers.append(future)
        timer = loop.call_later(timeout_s, _resolve, future)
        try:
            await future
        finally:
            timer.cancel()
            with suppress(ValueError):
                self._callers.remove(future)

    def answer(self) -> None:
        """Let those go who wait for an answer: it is settled, or nobody here will settle it."""
        callers, self._callers = self._callers, []
        for future in callers:
            _resolve(future)

    def wake(self) -> None:
        """Tell whoever waits that the order is another."""
        if self._callers and self.order.is_settled:
            self.answer()
        waiting, self._changed = self._changed, []
        for future in waiting:
            _resolve(future)
        if self.parked is not None:
            self.parked()


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


class Orders:
    """Every order that is not final, by its id and by its idempotency key."""

    def __init__(self, journal: Journal, ledger: Ledger, observer: Observer, clock: Clock) -> None:
        self._journal = journal
        self._ledger = ledger
        self._observer = observer
        self._clock = clock
        self._by_id: dict[str, LiveOrder] = {}
        self._by_key: dict[str, LiveOrder] = {}
        # A dict, for its order: a stop cancels them as they began.
        self._writes: dict[asyncio.Task[None], None] = {}

    def get(self, order_id: str) -> LiveOrder | None:
        """An order in memory."""
        return self._by_id.get(order_id)

    async def tellable(self, order_id: str) -> LiveOrder | None:
        """An order in memory, when it can be told of: a refusal only once it is durable.

        What was executed can be read at the counterparty again. A refusal stands in our journal alone: told
        and then lost in a crash, it would be found again as another one, and one for credit as none for
        credit. A store that fails for longer than `REFUSAL_HELD_S` does not keep it back for ever. Raises
        `RouterError` (`shutting_down`) where the router stopped first.
        """
        live = self.get(order_id)
        if live is not None and live.order.status is OrderStatus.REJECTED:
            if not await self._written(live) and live.tail is not None:
                await asyncio.wait((live.tail,), timeout=REFUSAL_HELD_S)
            if live.tail is not None and live.tail.cancelled():
                # The next start finds how it ended, and only that is the end.
                raise RouterError(
                    Code.SHUTTING_DOWN, "the router stopped before its end was durable", retryable=True
                )
        return live

    def by_key(self, client_order_id: str) -> LiveOrder | None:
        """The order in memory that has this idempotency key."""
        return self._by_key.get(client_order_id)

    def all(self) -> Iterable[LiveOrder]:
        """Every order in memory; a copy."""
        return list(self._by_id.values())

    def record(self, competition_id: str) -> CompetitionRecord | None:
        """The record of a competition over an order in memory: there before the journal has it."""
        records = (live.record for live in self._by_id.values())
        return next((each for each in records if each is not None and each.id == competition_id), None)

    def of_connection(self, connection_id: str) -> list[LiveOrder]:
        """The orders that are, or may be, at a connection and are not final."""
        found = []
        for live in self._by_id.values():
            attempt = live.order.attempt
            if attempt is not None and attempt.connection_id == connection_id and not live.order.is_final:
                found.append(live)
        return found

    def hold(self, order: Order) -> LiveOrder:
        """Take an order into memory."""
        live = LiveOrder(order)
        self._by_id[order.id] = live
        self._by_key[order.request.client_order_id] = live
        return live

    def drop(self, live: LiveOrder) -> None:
        """Let an order go from memory: the journal has it."""
        self._by_id.pop(live.order.id, None)
        if self._by_key.get(live.order.request.client_order_id) is live:
            del self._by_key[live.order.request.client_order_id]

    async def accept(self, live: LiveOrder) -> None:
        """Make a new order durable. Raises `ClientOrderIdTakenError`, `StoreError`."""
        try:
            await self._journal.accept(live.order)
        except StoreError as error:
            self._observer.store_failed("accept", error)
            raise
        self._observer.order_changed(None, live.order, "accepted")

    async def intend(self, live: LiveOrder, event: Event, cover: Cover | None = None) -> bool:
        """Write an intent, then make it true. Raises `UnavailableError` and changes nothing if it fails.

        With a `cover`, `ReservationRefusedError` where other routers' reservations do not fit into it.

        False, and nothing was written: evidence came first, and the order is another than the intent was
        decided for.
        """
        before = live.order
        await self._caught_up(live)
        if live.order is not before:
            return False
        live.intent = True
        now = self._clock.now()
        after = step(before, event, now)
        try:
            await self._journal.append(after, event, now, cover)
        except StoreError as error:
            self._observer.store_failed("append", error)
            raise UnavailableError(Code.STORE_UNAVAILABLE, "the journal cannot be written to") from error
        else:
            self._become(live, after, event)
            if after.status is OrderStatus.REJECTED:
                self._observer.refusal_kept(after)
        finally:
            live.intent = False
            deferred, live.deferred = live.deferred, []
            for late in deferred:
                self._note_late(live, late)
        return True

    def note(self, live: LiveOrder, event: Event) -> Order:
        """Apply what happened, and write it behind. An event that changes nothing is not written."""
        if live.intent:
            live.deferred.append(event)
            return live.order
        now = self._clock.now()
        before = live.order
        after = step(before, event, now)
        if after is before:
            return before
        self._become(live, after, event)

        async def append() -> None:
            await self._journal.append(after, event, now)
            if after.status is OrderStatus.REJECTED:
                self._observer.refusal_kept(after)

        live.tail = self._begin_write(live.tail, append, "append", live.stuck)
        return after

    def keep_record(self, live: LiveOrder, record: CompetitionRecord) -> None:
        """Hold the record of an order's competition, and write it behind."""
        live.record = record
        encoded = _records.encode(record)
        self.write_behind(
            live,
            lambda: self._journal.keep_competition(record.id, live.order.id, encoded),
            "keep_competition",
        )

    def write_behind(self, live: LiveOrder, write: Callable[[], Awaitable[None]], operation: str) -> None:
        """Write a record that belongs to an order, after its earlier records.

        No event waits for it: between the last quote and the send stands one write, the intent's.
        """
        live.records = self._begin_write(live.records, write, operation, asyncio.Event())

    async def kept(self, live: LiveOrder) -> None:
        """Wait until everything that was noted of an order is durable."""
        while pending := [task for task in (live.tail, live.records) if task is not None and not task.done()]:
            await asyncio.wait(pending)

    async def flushed(self) -> None:
        """Wait until everything that was noted is durable."""
        while self._writes:
            await asyncio.wait(set(self._writes))

    async def close(self) -> None:
        """Give up what is not written yet; counterparties are asked for it at the next start."""
        for task in self._writes:
            task.cancel()
        await self.flushed()

    @property
    def unwritten(self) -> int:
        """How many writes are still behind."""
        return len(self._writes)

    def _become(self, live: LiveOrder, after: Order, event: Event) -> None:
        before, live.order = live.order, after
        now = self._clock.now()
        if after.acknowledged_at is not None and before.acknowledged_at is None:
            self._ledger.acknowledged(after.id, now)
        refused_here = after.attempt is not None and after.attempt.error is not None
        if after.is_final and not before.is_final:
            self._ledger.release(after.id, moved_between(before, after), now)
        elif refused_here and not after.is_final:
            self._ledger.release(after.id, {}, now)
        elif not after.is_final and (left := claim_left(after)) is not None:
            # What moved counts also where the claim stays: a size in quote whose sum was not told yet.
            moves = moved_between(before, after)
            if left != claim_left(before) or any(moves.values()):
                self._ledger.shrink(after.id, left, moves, now)
        self._observer.order_changed(before, after, type(event).__name__)
        if isinstance(event, Reported) and after.attempt is not None and _is_contradicted(before, after):
            self._observer.contradicted(after.id, after.attempt.connection_id, event.report)
        live.wake()

    def _note_late(self, live: LiveOrder, event: Event) -> None:
        """Apply what came while an intent was being written; the intent may have made another attempt."""
        attempt = live.order.attempt
        if isinstance(event, Reported) and attempt is not None:
            own_id = event.report.venue_client_order_id
            if own_id != attempt.outbound.venue_client_order_id:
                self.note_earlier(live, event.report)
                return
        if isinstance(event, ProvedAbsent) and not live.order.in_doubt:
            return  # what was written meanwhile, or came before it, has ended the doubt
        self.note(live, event)

    def note_earlier(self, live: LiveOrder, report: OrderReport) -> bool:
        """Note what is said of an attempt before the last, which had been refused; False if it is none."""
        for attempt in live.order.attempts[:-1]:
            if attempt.outbound.venue_client_order_id == report.venue_client_order_id:
                before = live.order
                if self.note(live, Contradicted(attempt.number, report)) is not before:
                    self._observer.contradicted(before.id, attempt.connection_id, report)
                return True
        return False

    def _begin_write(
        self,
        previous: asyncio.Task[None] | None,
        write: Callable[[], Awaitable[None]],
        operation: str,
        stuck: asyncio.Event,
    ) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(self._write(previous, write, operation, stuck))
        self._writes[task] = None
        task.add_done_callback(self._writes.pop)
        return task

    async def _write(
        self,
        previous: asyncio.Task[None] | None,
        write: Callable[[], Awaitable[None]],
        operation: str,
        stuck: asyncio.Event,
    ) -> None:
        if previous is not None:
            if not previous.done():
                await asyncio.wait((previous,))
            if previous.cancelled():
                # It was given up at a stop: what comes after it must not stand in the journal without it.
                raise asyncio.CancelledError
        pause = RETRY_FIRST_S
        while True:
            try:
                await write()
            except StoreError as error:
                # Evidence is not thrown away because a disk is full: it waits until it is kept.
                self._observer.store_failed(operation, error)
                stuck.set()
                await asyncio.sleep(pause)
                pause = min(RETRY_MAX_S, 2 * pause)
            else:
                stuck.clear()
                return

    async def _caught_up(self, live: LiveOrder) -> None:
        """Wait for the events that were noted before an intent; raises `UnavailableError` if they are stuck.

        An order that waited for a disk to be mended would go out at the price of long ago.
        """
        if not await self._written(live):
            raise UnavailableError(Code.STORE_UNAVAILABLE, "the journal cannot be written to")

    async def _written(self, live: LiveOrder) -> bool:
        """Wait until an order's events are durable; False if they are stuck, and tried again."""
        while (tail := live.tail) is not None and not tail.done():
            stuck = asyncio.get_running_loop().create_task(live.stuck.wait())
            try:
                await asyncio.wait((tail, stuck), return_when=asyncio.FIRST_COMPLETED)
            finally:
                stuck.cancel()
            if not tail.done():
                return False
        return True


def _is_contradicted(before: Order, after: Order) -> bool:
    """Whether a report shows a final order as other than it ended, anew or by more than before."""
    if not before.is_final:
        return False
    more = after.filled_base > before.filled_base
    if before.finding is None or after.finding is None:
        # Proved absent, and there it is.
        absent = before.error is not None and before.error.code is Code.NOT_TAKEN
        return absent and (more or before.venue_order_id is None)
    anew = before.finding.contradicted_at is None
    return after.finding.contradicted_at is not None and (anew or more)
