"""The router's face to its callers: orders, RFQs, competitions, connections. `router.http` is one of them."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TypeVar

import msgspec

from router.core.errors import (
    Code,
    ConflictError,
    NotFoundError,
    RouterError,
    UnavailableError,
)
from router.core.ledger import Ledger
from router.core.model import OnCreditFailure, OrderRequest, OrderStatus
from router.core.money import ZERO
from router.core.order import Order
from router.core.record import CompetitionRecord, RfqRecord, Submission, carried_out
from router.core.routing import Terms
from router.observe.observer import Observer
from router.ports import (
    ClientOrderIdTakenError,
    Clock,
    ConnectionView,
    Journal,
    RecordPage,
    StoreError,
    VenueListener,
)
from router.service.asking import check_request
from router.service.cancelling import Cancelling, not_cancelable
from router.service.competing import Competing
from router.service.deciding import Deciding
from router.service.doubts import Doubts
from router.service.evidence import Evidence
from router.service.executing import Executing
from router.service.following import Following
from router.service.ids import IdSource
from router.service.lifecycle import Execution, Lifecycle
from router.service.orders import LiveOrder, Orders
from router.service.quoting import Quoting
from router.service.recovery import read_again, recover
from router.service.repeating import differing_field, of_rfq
from router.service.resting import Resting
from router.service.rules import DeskRules
from router.service.venues import Venues

T = TypeVar("T")
_REJECTED = OrderStatus.REJECTED


class Desk:
    """Takes orders and RFQs, and answers for what became of them."""

    def __init__(
        self,
        venues: Venues,
        ledger: Ledger,
        journal: Journal,
        observer: Observer,
        clock: Clock,
        ids: IdSource,
        rules: DeskRules,
    ) -> None:
        self._venues = venues
        self._ledger = ledger
        self._journal = journal
        self._observer = observer
        self._clock = clock
        self._ids = ids
        self._rules = rules
        self._orders = Orders(journal, ledger, observer, clock)
        self._competing = Competing(venues, ledger, observer, clock)
        self._executing = Executing(venues, self._orders, ledger, self._competing, observer, clock)
        self.doubts = Doubts(venues, self._orders, journal, observer, clock, rules.in_doubt_alert_ns)
        self._following = Following(venues, self._orders, self.doubts, observer, clock)
        self._cancelling = Cancelling(venues, self._orders, self._following)
        self._evidence = Evidence(venues, self._orders, ledger, journal, observer, clock)
        self._deciding = Deciding(self._orders, self._competing, self._executing, observer, clock, ids, rules)
        self._quoting = Quoting(self._competing, venues, journal, observer, clock, ids)
        resting = Resting(venues, observer, self._following.look_up_working)
        self._lifecycle = Lifecycle(
            self._orders, self._following, resting, observer, clock, rules.answer_deadline_ns
        )
        self._recover = partial(recover, journal, self._orders, ledger, observer, clock, self._lifecycle)
        self._stopping = False

    @property
    def at_work(self) -> int:
        """How many orders and RFQs this process has work with: under way, and not at a counterparty now."""
        under_way = self._lifecycle.executing + self._quoting.under_way
        return under_way - self._executing.sending - self._competing.collecting

    @property
    def listener(self) -> VenueListener:
        """Whom the venues tell what happens."""
        return self._evidence

    # orders
    async def submit(self, request: OrderRequest) -> Submission:
        """Run a competition over an order and execute on its winner; answers when its outcome is known.

        After `answer_deadline` it answers with what is known. The same `client_order_id` with the same body
        answers the same order; it is never sent a second time. Raises `RouterError`: nothing was accepted.
        """
        live = self._orders.by_key(request.client_order_id)
        if live is not None:
            return await self._replay(request, live.order, protected=False)
        now = self._clock.now()
        try:
            self._check(request, now)
        except RouterError:
            # A key that the journal knows is answered all the same.
            known = await self._stored(request, protected=False)
            if known is None:
                raise
            return known
        live = self._orders.hold(self._new_order(request, now))
        return await self._begin(live, self._deciding.compete_and_execute)

    async def accept(
        self,
        rfq_id: str,
        client_order_id: str,
        connection_id: str | None,
        on_credit_failure: OnCreditFailure | None,
    ) -> Submission:
        """Execute on an RFQ: on its best quote, or on the connection named, at the quoted price or better.

        Raises `NotFoundError`, `RfqExpiredError`, `InvalidRequestError`.
        """
        rfq = await self.rfq(rfq_id)
        request = msgspec.structs.replace(
            rfq.competition.request, client_order_id=client_order_id, on_credit_failure=on_credit_failure
        )
        if connection_id is not None:
            request = msgspec.structs.replace(request, connections=(connection_id,))
        if (live := self._orders.by_key(client_order_id)) is not None:
            return of_rfq(await self._replay(request, live.order, protected=True), rfq)
        refusal: RouterError | None = None
        try:
            self._check(request, self._clock.now())
        except RouterError as error:
            refusal = error
        # Asked before the RFQ is used up; it may be marked with this id though the order was not kept.
        known = await self._stored(request, protected=True)
        if known is not None:
            return of_rfq(known, rfq)
        if refusal is not None:
            raise refusal
        credit = on_credit_failure or self._rules.on_credit_failure
        plan = self._quoting.plan(rfq, connection_id, credit)
        await self._read(self._quoting.consume(rfq, client_order_id))
        # A repeat that came meanwhile has begun it: memory must not hold two under one key.
        if (live := self._orders.by_key(client_order_id)) is not None:
            return of_rfq(await self._replay(request, live.order, protected=True), rfq)
        live = self._orders.hold(self._new_order(request, self._clock.now(), protected=True))
        self._orders.show_record(live, msgspec.structs.replace(rfq.competition, order_id=live.order.id))
        return of_rfq(await self._begin(live, partial(self._deciding.execute_accepted, plan=plan)), rfq)

    async def order(self, order_id: str) -> Submission:
        """One order with its competition. Raises `NotFoundError`."""
        live = self._orders.get(order_id)
        if live is not None:
            return await self._told(live)
        order = await self._read(self._journal.order(order_id))
        if order is None:
            raise NotFoundError(f"an order with the id {order_id[:64]}")
        return await self._submission(order)

    async def order_by_client_id(self, client_order_id: str) -> Submission:
        """The order with this idempotency key. Raises `NotFoundError`."""
        live = self._orders.by_key(client_order_id)
        if live is not None:
            # What turns out to be a repeat is no order itself: the journal has the one that is meant.
            with suppress(ClientOrderIdTakenError):
                await self._lifecycle.accepted(live)
                return await self._told(live)
        order = await self._read(self._journal.order_by_client_id(client_order_id))
        if order is None:
            raise NotFoundError(f"an order with the client_order_id {client_order_id[:64]}")
        return await self._submission(order)

    async def orders(self, limit: int, cursor: str | None) -> RecordPage:
        """Orders, newest first. Raises `ValueError` for a cursor that is none of ours."""
        page = await self._read(self._journal.orders(limit, cursor))
        return RecordPage(tuple([await self._latest(order) for order in page.data]), page.next_cursor)

    async def cancel(self, order_id: str) -> Submission:
        """Ask for a working order to be cancelled; what came of it is told by the order.

        Raises `NotFoundError`, `ConflictError` (`order_not_cancelable`).
        """
        live = self._orders.get(order_id)
        if live is None:
            known = (await self.order(order_id)).order
            raise not_cancelable("it is final" if known.is_final else "another router has it")
        await self._cancelling.cancel(live)
        return await self._told(live)

    # RFQs and competitions
    async def request_quote(self, request: OrderRequest) -> RfqRecord:
        """Run a competition and execute nothing: the ranking, with a time until which it stands."""
        self._check(request, self._clock.now())
        rules = self._deciding.rules(Terms(ZERO, protected=True))
        return await self._read(self._quoting.request(request, rules, self._rules.rfq_ttl_ns))

    async def rfq(self, rfq_id: str) -> RfqRecord:
        """An RFQ. Raises `NotFoundError`."""
        return await self._read(self._quoting.get(rfq_id))

    async def competition(self, competition_id: str) -> CompetitionRecord:
        """The whole record of a competition. Raises `NotFoundError`."""
        record = self._orders.record(competition_id)
        if record is None:
            record = await self._read(self._quoting.competition(competition_id))
        if record is None:
            raise NotFoundError(f"a competition with the id {competition_id[:64]}")
        return record if record.order_id is None else await self._carried_out(record, record.order_id)

    # operations
    def connections(self) -> Sequence[ConnectionView]:
        """Every connection with its health."""
        return self._venues.views()

    async def readiness(self) -> Mapping[str, str | None]:
        """What must be well for orders to be taken: each check, and what is wrong with it if something is."""
        checks: dict[str, str | None] = {"accepting": "stopping" if self._stopping else None, "store": None}
        try:
            await self._journal.check()
        except StoreError as error:
            checks["store"] = str(error)
        trading = [view for view in self._venues.views() if view.enabled and view.health.trades]
        checks["connections"] = None if trading else "no connection can trade"
        return checks

    async def start(self) -> None:
        """Take up what the journal holds; before any venue runs. Raises `StoreError`."""
        await self._recover()

    async def take_over(self) -> None:
        """Take up the orders of routers on the same store that are gone. Raises `StoreError`."""
        if not self._stopping:
            await read_again(self._evidence, await self._recover(at_start=False))

    async def stop(self, deadline_s: float) -> bool:
        """Take no new orders, bring those in flight to a durable state; False if time ran out."""
        self._stopping = True
        until = asyncio.get_running_loop().time() + deadline_s
        drained = await self._lifecycle.stop(deadline_s)
        await self._competing.close()
        try:
            async with asyncio.timeout_at(until):
                await self._evidence.flushed()
                await self._orders.flushed()
        except TimeoutError:
            drained = False
            await self._evidence.close()
            await self._orders.close()
        return drained

    @property
    def in_flight(self) -> int:
        """Orders that are not final."""
        return sum(not live.order.is_final for live in self._orders.all())

    # inside
    def _new_order(self, request: OrderRequest, now: int, *, protected: bool = False) -> Order:
        return Order(self._ids.new(), request, tuple(self._venues.by_id), now, now, protected)

    def _check(self, request: OrderRequest, now: int) -> None:
        """Refuse what must not begin: raises `RouterError`."""
        if self._stopping:
            raise UnavailableError(Code.SHUTTING_DOWN, "the router is stopping")
        check_request(request, self._venues.products_named(request.product), now)

    async def _stored(self, request: OrderRequest, *, protected: bool) -> Submission | None:
        """The answer to a repeated idempotency key that the journal knows; None if it does not."""
        order = await self._read(self._journal.order_by_client_id(request.client_order_id))
        return None if order is None else await self._replay(request, order, protected=protected)

    async def _replay(self, request: OrderRequest, order: Order, *, protected: bool) -> Submission:
        """Answer an order again. Raises `ConflictError` if the body is another; it names the field."""
        live = self._orders.get(order.id)
        if live is not None:
            try:
                await self._lifecycle.accepted(live)
            except ClientOrderIdTakenError as taken:
                # What was in memory was a repeat itself: the journal has the order.
                order, live = taken.order, self._orders.get(taken.order.id)
        if differing := differing_field(request, order, protected=protected):
            raise ConflictError(
                Code.CLIENT_ORDER_ID_REUSED,
                f"{differing}: expected as in the first request with this client_order_id, was another",
            )
        if live is None:
            return await self._submission(await self._latest(order), replayed=True)
        await self._lifecycle.answerable(live)
        return await self._told(live, replayed=True)

    async def _begin(self, live: LiveOrder, execute: Execution) -> Submission:
        if self._stopping:
            self._orders.drop(live)
            raise UnavailableError(Code.SHUTTING_DOWN, "the router is stopping")
        self._lifecycle.begin(live, execute)
        try:
            await self._lifecycle.answerable(live)
        except ClientOrderIdTakenError as taken:
            return await self._replay(live.order.request, taken.order, protected=live.order.protected)
        return await self._told(live)

    async def _told(self, live: LiveOrder, *, replayed: bool = False) -> Submission:
        """An order in memory as it stands; a refusal once it is durable."""
        order, record = live.order, live.record
        if record is None or order.status is _REJECTED:
            return await self._submission(order, record, replayed=replayed)
        return Submission(order, carried_out(record, order), replayed)

    async def _submission(
        self, order: Order, record: CompetitionRecord | None = None, *, replayed: bool = False
    ) -> Submission:
        live = self._orders.get(order.id)
        if live is not None:
            if live.order.status is _REJECTED:
                await self._orders.tellable(live)
            if record is None:
                record = live.record
        if record is None and order.competition_id is not None:
            record = await self._read(self._quoting.competition(order.competition_id))
        return Submission(order, None if record is None else carried_out(record, order), replayed)

    async def _latest(self, order: Order) -> Order:
        """An order that was read from the journal, as it is now: what memory let go since has ended."""
        live = self._orders.get(order.id)
        if live is not None:
            if live.order.status is _REJECTED:
                await self._orders.tellable(live)
            return live.order
        ended = None if order.is_final else await self._read(self._journal.order(order.id))
        return order if ended is None else ended

    async def _carried_out(self, record: CompetitionRecord, order_id: str) -> CompetitionRecord:
        live = self._orders.get(order_id)
        order = live.order if live is not None else await self._read(self._journal.order(order_id))
        return record if order is None else carried_out(record, order)

    async def _read(self, read: Awaitable[T]) -> T:
        try:
            return await read
        except StoreError as error:
            raise UnavailableError(Code.STORE_UNAVAILABLE, "the journal cannot be read") from error
