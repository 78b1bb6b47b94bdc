"""A connection to a counterparty, for one life of the router: what goes wrong on the way there and back.

Implements `router.ports.Venue`. A request that is under way when the router dies arrives all the same; its
answer finds nobody.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import TypeVar

from router.core.errors import OrderError
from router.core.model import Book, Connection, Fill, Level, OrderReport, OrderRequest, OutboundOrder, Product
from router.ports import (
    BudgetSpentError,
    CancelRefused,
    CancelResult,
    CancelTaken,
    CancelUnanswered,
    Clock,
    ConnectionState,
    Health,
    NeverSent,
    OffWireError,
    Refused,
    SubmitResult,
    Taken,
    Unanswered,
    VenueListener,
    VenueUnreachableError,
)
from tests.sim.counterparty import Counterparty
from tests.sim.deal import TICK, Deal
from tests.unit import build

T = TypeVar("T")
TIMEOUT_S = 3.0
"""How long an answer to an order is waited for."""
REFRESH_S = 10.0
GATHER_S = 0.5
"""How long, at most, what spoils the balances is gathered before they are read."""
PRODUCT = build.product()


class Line:
    """One connection. `dead`: the router that had it was killed."""

    def __init__(self, party: Counterparty, clock: Clock) -> None:
        self.party = party
        self.dead = False
        self.taken = 0
        """Requests that were taken of the budget and neither used nor given back."""
        self.broken = ""
        """What the router did that no port allows."""
        self._world = party.world
        self._faults = party.faults
        self._clock = clock
        self._listener: VenueListener | None = None
        self._state = ConnectionState.CONNECTING
        self._feed_up = False
        self._feed_ends = asyncio.Event()
        self._stirred = asyncio.Event()
        self._health = self._make_health()
        self._heard: defaultdict[str, set[str]] = defaultdict(set)
        self._book: Book | None = None
        party.told = self._told

    # the port
    @property
    def connection(self) -> Connection:
        return self.party.connection

    @property
    def trades(self) -> bool:
        return self._health.trades

    def health(self) -> Health:
        return self._health

    def product(self, name: str) -> Product | None:
        return PRODUCT if name == PRODUCT.name else None

    def products(self) -> Sequence[Product]:
        return (PRODUCT,)

    def takes(self, request: OrderRequest) -> bool:
        return True

    def book(self, product: str) -> Book | None:
        if self._feed_up and not self.party.quotes_on_request:
            self._book = self._new_book()
        return self._book

    async def request_book(self, product: str, deadline: int) -> Book:
        await self._read("a book")
        return self._new_book()

    def has_order_budget(self) -> bool:
        return not self._chance("no_budget", "no request left for an order")

    def take_order_budget(self) -> bool:
        if self._chance("no_budget", "no request left for an order"):
            return False
        self.taken += 1
        return True

    def return_order_budget(self) -> None:
        self.taken -= 1

    async def submit(self, order: OutboundOrder) -> SubmitResult:
        self.taken -= 1
        if self.taken < 0:
            self.broken = f"{order.venue_client_order_id} was sent on a request that was not taken"
        self._world.happened("submit")
        if order.quote_id is not None:
            self._accepts(order, order.quote_id)
        answered: asyncio.Future[SubmitResult] = asyncio.get_running_loop().create_future()
        self._send(order, answered)
        return await answered

    async def look_up(self, order: OutboundOrder, venue_order_id: str | None) -> OrderReport | None:
        await self._read("an order")
        deal = self.party.find(order.venue_client_order_id)
        report = None
        if deal is not None:
            listed = deal.state.is_final and not self._chance("no_trades", "trades not listed")
            report = self.party.report(deal, deal.fills if listed else ())
        await self.wait(self.trip())
        self._tell("answers", order.venue_client_order_id, "none" if report is None else report.state)
        return report

    async def recent_orders(self, since: int) -> Sequence[OrderReport]:
        await self._read("orders")
        found = [self.party.find(own_id) for own_id in sorted(self.party.deals)]
        reports = [self.party.report(deal) for deal in found if deal is not None]
        await self.wait(self.trip())
        return reports

    async def fills(self, venue_order_id: str) -> Sequence[Fill]:
        await self._read("trades")
        deals = [deal for each in self.party.deals.values() for deal in each]
        return [fill for deal in deals if deal.venue_order_id == venue_order_id for fill in deal.fills]

    async def cancel(self, order: OutboundOrder, venue_order_id: str) -> CancelResult:
        self._world.happened("cancel")
        await self.wait(self.trip())
        lost = self.party.down or self._chance("cancel_lost", "cancel unanswered")
        if lost and self._world.rng.random() < 0.5:
            return CancelUnanswered("expected an answer, was reset")
        refused = self.party.cancel(order.venue_client_order_id)
        await self.wait(self.trip())
        if lost:
            return CancelUnanswered("expected an answer, was a time-out")
        return CancelTaken() if refused is None else CancelRefused(refused)

    def balances_spoiled(self) -> None:
        self._stirred.set()

    async def read_balances(self) -> None:
        if self.connection.pts:
            return
        asked_at = self._clock.now()
        await self._read("balances")
        stated = self.party.balances()
        await self.wait(self.trip() if self._world.rng.random() < 0.8 else self._world.between(0.05, 1))
        if self._listener is not None and not self.dead:
            self._listener.balances_stated(self.connection.id, stated, asked_at)

    async def run(self, listener: VenueListener) -> None:
        self._listener = listener
        while True:
            self._become(ConnectionState.CONNECTING, feed_up=False)
            await self.wait(self._world.between(0.001, 0.3))
            try:
                await listener.reconcile(self.connection.id)
            except VenueUnreachableError:
                await self.wait(self._world.between(0.1, 1))
                continue
            self._feed_ends.clear()
            self._become(ConnectionState.READY, feed_up=True)
            await self._until_feed_ends()
            # Its end is noticed first, and then the connection comes back.
            state = ConnectionState.DOWN if self.party.down else ConnectionState.DEGRADED
            self._become(state, feed_up=False)
            await self.wait(self._world.between(0.2, 3))

    def end_feed(self) -> None:
        """The feed breaks off; what it would have told meanwhile is lost."""
        self._feed_up = False
        self._feed_ends.set()
        self._stirred.set()

    async def _until_feed_ends(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(REFRESH_S):
                    await self._stirred.wait()
            if not self._feed_ends.is_set():
                await self.wait(self._world.between(0, GATHER_S))
            if self._feed_ends.is_set():
                return
            # What spoils them from here on may not be in what is read now.
            self._stirred.clear()
            with contextlib.suppress(VenueUnreachableError):
                await self.read_balances()

    def _accepts(self, order: OutboundOrder, quote_id: str) -> None:
        quote = self.party.quotes.given.get(quote_id)
        if quote is None:
            self.broken = f"{order.venue_client_order_id} accepts {quote_id}, which was never given"
            return
        now = self._clock.now()
        if (
            quote.told_at_end is not None
            and self._world.now >= quote.told_at_end
            and now < (quote.told_until or 0)
        ):
            self._world.count("quote accepted late by a wall that was set back")
        quote.sent.append((order.venue_client_order_id, now))

    # on the way
    def _send(self, order: OutboundOrder, answered: "asyncio.Future[SubmitResult]") -> None:
        world, own_id = self._world, order.venue_client_order_id
        self._tell("sends", own_id, order.limit_price, order.quote_id or "")
        if self.party.down:
            world.count("sent while it was down")
        if self._chance("unsent", "never sent") or (self.party.down and world.rng.random() < 0.5):
            world.after(self.trip(), lambda: self._answer(own_id, answered, NeverSent("no connection")))
            return
        gives_up_s = TIMEOUT_S if world.rng.random() < 0.5 else world.between(0.01, TIMEOUT_S)
        lost: SubmitResult = Unanswered("expected an answer, was a time-out")
        if self.party.down or self._chance("lost_before", "lost on the way there"):
            world.after(gives_up_s, lambda: self._answer(own_id, answered, lost))
            return
        arrives_s = self.trip()
        if self._chance("late", "arrives after the time-out"):
            arrives_s = world.between(gives_up_s, 0.5 * self.party.window_s)
        if arrives_s > gives_up_s or self._chance("lost_after", "taken and the answer lost"):
            world.after(gives_up_s, lambda: self._answer(own_id, answered, lost))
            world.after(arrives_s, lambda: self._arrive(order, None))
        else:
            world.after(arrives_s, lambda: self._arrive(order, answered))

    def _arrive(self, order: OutboundOrder, answered: "asyncio.Future[SubmitResult] | None") -> None:
        world, own_id = self._world, order.venue_client_order_id
        said = self.party.take(order)
        world.happened("arrived")
        if answered is None:
            return
        back_s = self.trip()
        result: SubmitResult
        if said is None or self._chance("conflict", "409 for an order that was taken"):
            result = Unanswered("answered 409, no definite refusal")
        elif self._chance("garbage", "an answer that cannot be read"):
            result = Unanswered("answered 200 with no order that can be read")
        elif isinstance(said, OrderError):
            result = Refused(said)
        else:
            result = Taken(said)
        if self._chance("slow_answer", "slow answer"):
            back_s = world.between(0.05, 2 * TIMEOUT_S)
            if back_s > TIMEOUT_S:
                back_s, result = TIMEOUT_S, Unanswered("expected an answer, was a time-out")
        world.after(back_s, lambda: self._answer(own_id, answered, result))

    def _answer(self, own_id: str, answered: "asyncio.Future[SubmitResult]", result: SubmitResult) -> None:
        if self.dead:
            return
        self._tell("answers", own_id, type(result).__name__)
        self._world.happened("answer")
        if isinstance(result, Refused):
            self.party.denied(own_id)
        if not answered.done():
            answered.set_result(result)
        elif isinstance(result, Taken) and self._listener is not None:
            # Whoever sent it was cancelled: the listener is told.
            self._listener.order_reported(self.connection.id, result.report)

    async def _read(self, what: str) -> None:
        """Get a request there; raises what reads raise."""
        await self.wait(self.trip())
        if self.party.down or self._chance("read_fails", "read failed at a counterparty"):
            await self.wait(self._world.between(0, 1))
            kind = self._world.rng.choice((VenueUnreachableError, OffWireError, BudgetSpentError))
            raise kind(f"expected {what}, was none")

    async def wait(self, seconds: float) -> None:
        passed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def go_on() -> None:
            if not self.dead and not passed.done():
                passed.set_result(None)

        self._world.after(seconds, go_on)
        await passed

    def trip(self) -> float:
        return self._world.between(0.0005, 0.02)

    # its feed
    def _told(self, deal: Deal, fill: Fill | None) -> None:
        if self.dead or not self._feed_up or self._listener is None:
            self._world.count("feed message with nobody to hear it")
            return
        if self._chance("feed_lost", "feed message lost"):
            return
        own_id = deal.order.venue_client_order_id
        heard = self._heard[own_id]
        counted = deal.fills
        earlier = deal.fills[:-1]
        if deal.state.is_final and earlier and all(each.id in heard for each in earlier):
            # Its end tells less than was heard of it before: what was heard stays true.
            if fill is not None and self._chance("tells_less", "tells less"):
                counted = (fill,)
            elif fill is None and deal.fills[-1].id in heard and self._chance("tells_less", "tells less"):
                counted = earlier
        bare = fill is None or self._chance("fills_missing", "feed message without its fill")
        fills = () if fill is None or (bare and counted == deal.fills) else (fill,)
        with_quote = bare or self._world.rng.random() < 0.8
        report = deal.report(self._clock.now(), fills, counted=counted, with_quote=with_quote)
        self._world.after(self._feed_delay(), lambda: self._hear(report))
        if self._chance("feed_twice", "feed message twice"):
            self._world.after(self._feed_delay(), lambda: self._hear(report))

    def _feed_delay(self) -> float:
        if self._chance("feed_late", "feed message late"):
            return self._world.between(0.05, 8)
        return self._world.between(0, 0.02)

    def _hear(self, report: OrderReport) -> None:
        if self.dead or not self._feed_up or self._listener is None:
            return
        self._heard[report.venue_client_order_id].update(fill.id for fill in report.fills)
        for deal in self.party.deals[report.venue_client_order_id]:
            deal.heard = max(deal.heard, len(report.fills))
        self._tell("feeds", report.venue_client_order_id, report.state, report.filled_base)
        self._world.happened("feed")
        self._listener.order_reported(self.connection.id, report)

    # its condition
    def _become(self, state: ConnectionState, *, feed_up: bool) -> None:
        self._feed_up = feed_up
        if state is self._state and self._health.feed_up == feed_up:
            return
        self._state = state
        self._health = self._make_health()
        if self._listener is not None:
            self._listener.health_changed(self.connection.id, self._health)

    def _make_health(self) -> Health:
        now = self._clock.now()
        return Health(self._state, None, self._feed_up, now, 10, Decimal(0), None, now)

    def _new_book(self) -> Book:
        ticks = self._world.rng.randrange(40)
        size = Decimal(1000) if self._world.rng.random() < 0.95 else Decimal("0.01")
        ask = Decimal(100) + ticks * TICK
        return Book((Level(ask - 1, size),), (Level(ask, size),), self._clock.now())

    def _chance(self, kind: str, counted: str) -> bool:
        if not self._world.chance(getattr(self._faults, kind)):
            return False
        self._world.count(counted)
        return True

    def _tell(self, what: str, *about: object) -> None:
        self._world.tell(self.connection.id, what, *about)
