"""The orders in memory: each event is applied and journaled here, one order's events strictly in order.

Two kinds of event, two ways. An *intent* (`intend`) is durable before it is true: it is written first, and
the order becomes what it says when the write has returned; a write that fails leaves the order as it was.
*Evidence* (`note`) is true whatever the store does: it is applied at once and written behind, again and again
until it is kept.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from functools import partial

from router.core.claiming import claim_left, moved_between
from router.core.errors import Code, RouterError, UnavailableError
from router.core.ledger import Ledger
from router.core.model import OrderReport, OrderStatus
from router.core.order import Contradicted, Event, Order, Phase, ProvedAbsent, Reported, Routed, step
from router.core.record import CompetitionRecord
from router.core.record_json import encode_competition
from router.observe.observer import Observer
from router.ports import Clock, Cover, Journal, StoreError
from router.service.behind import Behind
from router.service.live import LiveOrder

__all__ = ["LiveOrder", "Orders"]

# Looked up once: the name of an enumeration's member costs as much as an addition.
_FINAL = Phase.FINAL
_REJECTED = OrderStatus.REJECTED

REFUSAL_HELD_S = 3.0
"""How long a refusal is held back while the store fails: longer than a database takes to be reached again."""


class Orders:
    """Every order that is not final, by its id and by its idempotency key.

    `shared`: other routers may be on the same store, with reservations of their own.
    """

    def __init__(self, journal: Journal, ledger: Ledger, observer: Observer, clock: Clock) -> None:
        self._journal = journal
        self.shared = journal.shared
        self._ledger = ledger
        self._observer = observer
        self._clock = clock
        self._behind = Behind(observer)
        self._by_id: dict[str, LiveOrder] = {}
        self._by_key: dict[str, LiveOrder] = {}
        self._by_competition: dict[str, LiveOrder] = {}
        # Those that are not final, by the connection that they are, or may be, at.
        self._at: defaultdict[str, dict[str, LiveOrder]] = defaultdict(dict)

    def get(self, order_id: str) -> LiveOrder | None:
        """An order in memory."""
        return self._by_id.get(order_id)

    async def tellable(self, live: LiveOrder) -> None:
        """Wait until an order can be told of that was rejected: once that is durable.

        What was executed can be read at the counterparty again. A refusal stands in our journal alone: told
        and then lost in a crash, it would be found again as another one, and one for credit as none for
        credit. A store that fails for longer than `REFUSAL_HELD_S` does not keep it back for ever. Raises
        `RouterError` (`shutting_down`) where the router stopped first.
        """
        if not await self._written(live) and live.events.last is not None:
            await asyncio.wait((live.events.last,), timeout=REFUSAL_HELD_S)
        if live.events.last is not None and live.events.last.cancelled():
            # The next start finds how it ended, and only that is the end.
            raise RouterError(
                Code.SHUTTING_DOWN, "the router stopped before its end was durable", retryable=True
            )

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
        live = LiveOrder(order, order.cancel_requested)
        self._by_id[order.id] = live
        self._by_key[order.request.client_order_id] = live
        if order.attempts and order.phase is not _FINAL:
            self._put(live)
        return live

    def drop(self, live: LiveOrder) -> None:
        """Let an order go from memory: the journal has it."""
        order_id, key, record = live.order.id, live.order.request.client_order_id, live.record
        if self._by_id.get(order_id) is live:
            del self._by_id[order_id]
        if self._by_key.get(key) is live:
            del self._by_key[key]
        if record is not None and self._by_competition.get(record.id) is live:
            del self._by_competition[record.id]
        if live.place is not None:
            self._take_out(live)

    def let_go(self, live: LiveOrder) -> None:
        """Let an order go from memory once everything that was noted of it is durable.

        Memory is what answers for it until the journal can.
        """
        events, records = live.events, live.records
        if not events.behind and not records.behind:
            events.told = records.told = None
            self.drop(live)
        elif events.told is None:
            events.told = records.told = partial(self.let_go, live)

    def accept(self, live: LiveOrder) -> None:
        """Make a new order durable: `accepting` raises `ClientOrderIdTakenError`, `StoreError`."""
        accepting = live.accepting = self._journal.accept(live.order)
        accepting.add_done_callback(partial(self._accepted, live, live.order))

    async def intend(self, live: LiveOrder, event: Event, cover: Cover | None = None) -> bool:
        """Write an intent, then make it true. Raises `UnavailableError` and changes nothing if it fails.

        With a `cover`, `ReservationRefusedError` where other routers' reservations do not fit into it.

        False, and nothing was written: evidence came first, and the order is another than the intent was
        decided for.
        """
        before = live.order
        # An order that waited for a disk to be mended would go out at the price of long ago.
        if live.events.last is not None and not await self._written(live):
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
                if after.status is _REJECTED:
                    self._observer.refusal_kept(after)
            elif isinstance(error, StoreError):
                self._observer.store_failed("append", error)
        except Exception as bug:  # noqa: BLE001 - whoever waits meets it
            error = bug
        live.intent = False
        if live.deferred is not None:
            deferred, live.deferred = live.deferred, None
            for late in deferred:
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
        refused = after.status is _REJECTED
        self._behind.write(
            live.events,
            partial(self._journal.append, after, event, now, urgent=refused),
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
        keep = self._journal.keep_competition
        self._behind.write(
            live.records,
            partial(keep, record.id, live.order.id, encode_competition(record), urgent=False),
            "keep_competition",
        )
        if self._by_id.get(live.order.id) is not live:
            # A quote that came after the order's end: memory answers until this is kept too.
            self.let_go(live)

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

    def _accepted(self, live: LiveOrder, order: Order, future: "asyncio.Future[None]") -> None:
        if future.cancelled():
            return
        error = future.exception()
        if error is None:
            live.accepting = None
            self._observer.order_changed(None, order, "accepted")
            if live.closed is not None:
                self._observer.competition_closed(live.closed)
                live.closed = None
        elif isinstance(error, StoreError):
            self._observer.store_failed("accept", error)

    def _become(self, live: LiveOrder, after: Order, event: Event) -> None:
        before, live.order = live.order, after
        if isinstance(event, Routed):
            self._put(live)  # what it claims was set aside when it was decided
        else:
            self._reckon(before, after, event)
            if after.phase is _FINAL and live.place is not None:
                self._take_out(live)
        self._observer.order_changed(before, after, type(event).__name__)
        if before.phase is _FINAL and after.attempts and isinstance(event, Reported):
            self._hold_against(before, after, event.report)
        live.wake()

    def _hold_against(self, before: Order, after: Order, report: OrderReport) -> None:
        """Tell of a report that shows an order as other than it had ended."""
        if _is_contradicted(before, after):
            self._observer.contradicted(after.id, after.attempts[-1].connection_id, report)

    def _reckon(self, before: Order, after: Order, event: Event) -> None:
        """Have the ledger set aside what an order may still take, and move what its fills have moved."""
        attempt = after.attempts[-1] if after.attempts else None
        claims = attempt is not None and attempt.claim is not None
        if after.phase is _FINAL:
            if before.phase is not _FINAL:
                moves = moved_between(before, after) if claims else {}
                self._ledger.release(after.id, moves, self._clock.now())
            return
        if attempt is not None and attempt.error is not None:
            self._ledger.release(after.id, {}, self._clock.now())
        elif claims and isinstance(event, Reported):
            now = self._clock.now()
            if before.acknowledged_at is None:
                self._ledger.acknowledged(after.id, now)
            # What moved counts also where the claim stays: a size in quote whose sum was not told yet.
            left, moves = claim_left(after), moved_between(before, after)
            if left is not None and (left != claim_left(before) or any(moves.values())):
                self._ledger.shrink(after.id, left, moves, now)

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

    def _put(self, live: LiveOrder) -> None:
        """Keep in mind at which connection an order is, or may be."""
        if live.place is not None:
            self._take_out(live)
        order = live.order
        place = live.place = self._at[order.attempts[-1].connection.id]
        place[order.id] = live

    @staticmethod
    def _take_out(live: LiveOrder) -> None:
        """It is at this connection no more."""
        if live.place is not None:
            live.place.pop(live.order.id, None)
            live.place = None


def _is_contradicted(before: Order, after: Order) -> bool:
    """Whether a report shows an order that was final as other than it ended, anew or by more than before."""
    more = after.filled_base > before.filled_base
    if before.finding is None or after.finding is None:
        # Proved absent, and there it is.
        absent = before.error is not None and before.error.code is Code.NOT_TAKEN
        return absent and (more or before.venue_order_id is None)
    anew = before.finding.contradicted_at is None
    return after.finding.contradicted_at is not None and (anew or more)
