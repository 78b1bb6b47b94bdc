"""The orders in memory: each event is applied and journaled here, one order's events strictly in order.

Two kinds of event, two ways. An *intent* (`intend`) is durable before it is true: it is written first, and
the order becomes what it says when the write has returned; a write that fails leaves the order as it was.
*Evidence* (`note`) is true whatever the store does: it is applied at once and written behind, again and again
until it is kept.
"""

import asyncio
from collections.abc import Iterable
from functools import partial

from router.core.claiming import claim_left, moved_between
from router.core.errors import Code, RouterError, UnavailableError
from router.core.ledger import Ledger
from router.core.model import OrderReport, OrderStatus
from router.core.order import Contradicted, Event, Order, Phase, ProvedAbsent, Reported, step
from router.core.record import CompetitionRecord
from router.core.record_json import encode_competition
from router.observe.observer import Observer
from router.ports import Clock, Cover, Journal, StoreError
from router.service.behind import Behind
from router.service.live import LiveOrder

__all__ = ["LiveOrder", "Orders"]

REFUSAL_HELD_S = 3.0
"""How long a refusal is held back while the store fails: longer than a database takes to be reached again."""


class Orders:
    """Every order that is not final, by its id and by its idempotency key."""

    def __init__(self, journal: Journal, ledger: Ledger, observer: Observer, clock: Clock) -> None:
        self._journal = journal
        self._ledger = ledger
        self._observer = observer
        self._clock = clock
        self._behind = Behind(observer)
        self._by_id: dict[str, LiveOrder] = {}
        self._by_key: dict[str, LiveOrder] = {}
        self._by_competition: dict[str, LiveOrder] = {}
        # Those that are not final, by the connection that they are, or may be, at.
        self._at: dict[str, dict[str, LiveOrder]] = {}

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
            if not await self._written(live) and live.events.last is not None:
                await asyncio.wait((live.events.last,), timeout=REFUSAL_HELD_S)
            if live.events.last is not None and live.events.last.cancelled():
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
        live = self._by_competition.get(competition_id)
        return None if live is None else live.record

    def of_connection(self, connection_id: str) -> list[LiveOrder]:
        """The orders that are, or may be, at a connection and are not final."""
        return list(self._at.get(connection_id, {}).values())

    def hold(self, order: Order) -> LiveOrder:
        """Take an order into memory."""
        live = LiveOrder(order)
        self._by_id[order.id] = live
        self._by_key[order.request.client_order_id] = live
        if order.attempts:
            self._move(live, None, order)
        return live

    def drop(self, live: LiveOrder) -> None:
        """Let an order go from memory: the journal has it."""
        order = live.order
        self._by_id.pop(order.id, None)
        if self._by_key.get(order.request.client_order_id) is live:
            del self._by_key[order.request.client_order_id]
        if live.record is not None and self._by_competition.get(live.record.id) is live:
            del self._by_competition[live.record.id]
        if not order.is_final:
            self._move(live, order, None)

    def accept(self, live: LiveOrder) -> asyncio.Future[None]:
        """Make a new order durable. The future raises `ClientOrderIdTakenError`, `StoreError`."""
        live.accepting = self._journal.accept(live.order)
        live.accepting.add_done_callback(partial(self._accepted, live.order))
        return live.accepting

    async def intend(self, live: LiveOrder, event: Event, cover: Cover | None = None) -> bool:
        """Write an intent, then make it true. Raises `UnavailableError` and changes nothing if it fails.

        With a `cover`, `ReservationRefusedError` where other routers' reservations do not fit into it.

        False, and nothing was written: evidence came first, and the order is another than the intent was
        decided for.
        """
        before = live.order
        # An order that waited for a disk to be mended would go out at the price of long ago.
        if not await self._written(live):
            raise UnavailableError(Code.STORE_UNAVAILABLE, "the journal cannot be written to")
        if live.order is not before:
            return False
        now = self._clock.now()
        after = step(before, event, now)
        live.intent = True
        told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        write = self._journal.append(after, event, now, cover)
        self._behind.begun(write)
        write.add_done_callback(partial(self._intended, live, after, event, told))
        try:
            await told
        except StoreError as error:
            raise UnavailableError(Code.STORE_UNAVAILABLE, "the journal cannot be written to") from error
        return True

    def _intended(
        self,
        live: LiveOrder,
        after: Order,
        event: Event,
        told: "asyncio.Future[None]",
        write: "asyncio.Future[None]",
    ) -> None:
        """An intent is kept or was refused, and so the order is, whether or not its caller still waits."""
        self._behind.over(write)
        error = asyncio.CancelledError() if write.cancelled() else write.exception()
        try:
            if error is None:
                self._become(live, after, event)
                if after.status is OrderStatus.REJECTED:
                    self._observer.refusal_kept(after)
            elif isinstance(error, StoreError):
                self._observer.store_failed("append", error)
        except Exception as bug:  # noqa: BLE001 - whoever waits meets it
            error = bug
        live.intent = False
        deferred, live.deferred = live.deferred, None
        for late in deferred or ():
            self._note_late(live, late)
        if told.done():
            return
        if error is None:
            told.set_result(None)
        elif isinstance(error, asyncio.CancelledError):
            told.cancel()
        else:
            told.set_exception(error)

    def note(self, live: LiveOrder, event: Event) -> Order:
        """Apply what happened, and write it behind. An event that changes nothing is not written."""
        if live.intent:
            live.deferred = [*(live.deferred or ()), event]
            return live.order
        now = self._clock.now()
        before = live.order
        after = step(before, event, now)
        if after is before:
            return before
        self._become(live, after, event)
        # What was executed can be read at the counterparty again, and nobody waits for it. A refusal is told
        # of once it is kept.
        refused = after.status is OrderStatus.REJECTED
        self._behind.write(
            live.events,
            lambda: self._journal.append(after, event, now, urgent=refused),
            "append",
            partial(self._observer.refusal_kept, after) if refused else None,
        )
        return after

    def show_record(self, live: LiveOrder, record: CompetitionRecord) -> None:
        """Hold the record of an order's competition."""
        live.record = record
        self._by_competition[record.id] = live

    def keep_record(self, live: LiveOrder, record: CompetitionRecord) -> None:
        """Hold the record of an order's competition, and write it behind.

        No event waits for it: between the last quote and the send stands one write, the intent's.
        """
        self.show_record(live, record)
        encoded = encode_competition(record)
        self._behind.write(
            live.records,
            lambda: self._journal.keep_competition(record.id, live.order.id, encoded, urgent=False),
            "keep_competition",
        )

    async def kept(self, live: LiveOrder) -> None:
        """Wait until everything that was noted of an order is durable, or was given up at a stop."""
        while not (live.events.kept and live.records.kept):
            await live.events.ended()
            await live.records.ended()

    async def flushed(self) -> None:
        """Wait until everything that was noted is durable."""
        await self._behind.flushed()

    async def close(self) -> None:
        """Give up what is not written yet; counterparties are asked for it at the next start."""
        await self._behind.close()

    @property
    def unwritten(self) -> int:
        """How many writes are still behind."""
        return self._behind.count

    def _accepted(self, order: Order, future: "asyncio.Future[None]") -> None:
        if future.cancelled():
            return
        error = future.exception()
        if error is None:
            self._observer.order_changed(None, order, "accepted")
        elif isinstance(error, StoreError):
            self._observer.store_failed("accept", error)

    def _become(self, live: LiveOrder, after: Order, event: Event) -> None:
        before, live.order = live.order, after
        self._move(live, before, after)
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

    async def _written(self, live: LiveOrder) -> bool:
        """Wait until an order's events are durable; False if they are stuck, and tried again."""
        events = live.events
        while not events.kept:
            if events.stuck:
                return False
            await events.ended()
        return True

    def _move(self, live: LiveOrder, before: Order | None, after: Order | None) -> None:
        """Keep in mind at which connection an order is, or may be."""
        was, now = _place(before), _place(after)
        if was == now:
            return
        order_id = live.order.id
        if was is not None and (there := self._at.get(was)) is not None:
            there.pop(order_id, None)
        if now is not None:
            self._at.setdefault(now, {})[order_id] = live


def _place(order: Order | None) -> str | None:
    """The connection that an order is, or may be, at and is not final; else None."""
    if order is None or not order.attempts or order.phase is Phase.FINAL:
        return None
    return order.attempts[-1].connection_id


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
