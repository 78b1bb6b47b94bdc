"""Callers of the router: what they ask, what they were told, and when.

A client outlives the router: one that gets no answer asks again, with the same `client_order_id`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Protocol

import msgspec

from router.core.errors import Code, RouterError, UnavailableError
from router.core.model import OrderRequest
from router.core.order import Order, Phase
from router.core.record import Submission
from router.service.desk import Desk
from tests.sim.faults import Faults
from tests.sim.store import Disk
from tests.sim.world import NS, World

ASKS_MAX = 5
"""How often one order is asked for in all; after that the client gives up, with or without an answer."""
RETRIED = (Code.STORE_UNAVAILABLE, Code.SHUTTING_DOWN)


class Router(Protocol):
    """A router that lives, as a client finds it."""

    desk: Desk

    def call(self, work: Callable[[], Awaitable[None]], lost: Callable[[], None]) -> "asyncio.Task[None]":
        """Run a call; `lost` when the router dies before its end."""


class Plan(msgspec.Struct, frozen=True):
    """One order that a client wants. `rfq`: through a request for quote; `copies`: asked at once."""

    request: OrderRequest
    at_s: float
    rfq: bool
    copies: int
    cancels_in_s: float | None
    patience_s: float | None


class Told(msgspec.Struct, frozen=True):
    """What a client was told: an order as it stood, or a refusal.

    `nothing_done`: nothing was accepted. `kept`: it was durable when it was told; `excused`: it was not, and
    the store was failing.
    """

    at: int
    order: Order | None
    asked_at: int = 0
    nothing_done: bool = False
    kept: bool = True
    excused: bool = False


class Client:
    """One caller with one order."""

    def __init__(
        self, world: World, plan: Plan, faults: Faults, disk: Disk, router: Callable[[], Router | None]
    ) -> None:
        self.world = world
        self.plan = plan
        self.faults = faults
        self.disk = disk
        self.router = router
        self.history: list[Told] = []
        self.wanted = [plan.request]
        self.unanswered = 0
        self._rfq: str | None = None
        self._named: str | None = None
        self._asks = 0
        self._reads = 0
        self._cancels = 0
        world.after(plan.at_s, self._ask)

    @property
    def key(self) -> str:
        """The idempotency key."""
        return self.plan.request.client_order_id

    @property
    def orders(self) -> list[Order]:
        """Every order that it was told, as it stood then."""
        return [told.order for told in self.history if told.order is not None]

    def read(self) -> None:
        """Ask how the order stands."""
        router = self.router()
        if router is None:
            self.world.after(self.world.between(0.05, 0.5), self.read)
            return
        known = self.orders
        desk = router.desk
        draw = self.world.rng.random()
        if known and draw < 0.4:
            self._call(router, lambda: desk.order(known[-1].id))
        elif known and draw < 0.6:
            self._call(router, lambda: self._find(desk, known[-1].id))
        else:
            self._call(router, lambda: desk.order_by_client_id(self.key))

    def _ask(self) -> None:
        router = self.router()
        if router is None:
            # The connection is refused: that costs nothing.
            self.world.after(self.world.between(0.05, 0.5), self._ask)
            return
        if self.plan.rfq and self._rfq is None:
            self._asks += 1
            if self._asks <= ASKS_MAX:
                router.call(lambda: self._request_quote(router.desk), self._again)
            return
        if self._asks >= ASKS_MAX:
            return
        self._asks += 1
        copies = self.plan.copies if self._asks == 1 else 1
        for copy in range(copies):
            request = self.plan.request
            if copy and self.world.chance(self.faults.other_body):
                request = msgspec.structs.replace(request, quantity=request.quantity * 2)
                self.wanted.append(request)
                self.world.count("another body")
            if self._rfq is None:
                submit = partial(router.desk.submit, request)
                self._call(router, submit, asks=True)
            else:
                credit = request.on_credit_failure
                accept = partial(router.desk.accept, self._rfq, self.key, self._named, credit)
                self._call(router, accept, asks=True)
        if self._asks > 1:
            self.world.count("asked again")
        if copies > 1:
            self.world.count("asked at once")

    async def _request_quote(self, desk: Desk) -> None:
        request = msgspec.structs.replace(self.plan.request, client_order_id="")
        try:
            rfq = await desk.request_quote(request)
        except RouterError:
            self._again()
            return
        if rfq.best is None:
            return
        self.world.count("rfq")
        self._rfq = rfq.id
        self._asks = 0
        rng = self.world.rng
        # Any time is asked for, also around the end of what was quoted.
        stands_s = (rfq.valid_until - rfq.created_at) / NS
        accepts_s = rng.choice((0.0, 0.05, 1.0, 4.9, stands_s * rng.random(), stands_s - 0.05 * rng.random()))
        if rng.random() < 0.2:
            self._named = rng.choice([entry.connection.id for entry in rfq.competition.entries if entry.rank])
            self.wanted.append(msgspec.structs.replace(self.plan.request, connections=(self._named,)))
        self.world.after(max(0.0, accepts_s), self._ask)
        if self.world.chance(self.faults.other_key):
            self.world.after(max(0.0, accepts_s + rng.choice((0.0, 0.01, 1.0))), self._rival)

    def _rival(self) -> None:
        """Somebody else accepts the same RFQ, under a key of his own: at most one of both can have it."""
        router, rfq_id = self.router(), self._rfq
        if router is None or rfq_id is None:
            return
        self.world.count("rfq accepted twice")

        async def accept() -> None:
            with suppress(RouterError):
                await router.desk.accept(rfq_id, f"{self.key}-rival", None, None)

        router.call(accept, lambda: None)

    async def _find(self, desk: Desk, order_id: str) -> Submission:
        """Find the order in the list of all."""
        page = await desk.orders(100, None)
        return Submission(next(order for order in page.data if order.id == order_id))

    def _call(self, router: Router, work: Callable[[], Awaitable[Submission]], *, asks: bool = False) -> None:
        over: list[bool] = []

        asked_at = self.world.now

        async def run() -> None:
            try:
                submission = await work()
            except RouterError as error:
                over.append(True)
                self._refused(error, asks=asks)
            else:
                over.append(True)
                self._answered(submission.order, asked_at)

        def lost() -> None:
            if not over:
                over.append(True)
                self._lost(asks=asks)

        task = router.call(run, lost)
        if asks and self.plan.patience_s is not None and self.world.chance(self.faults.leaves):
            self.world.after(self.plan.patience_s, lambda: self._leave(task, over))

    def _leave(self, task: "asyncio.Task[None]", over: list[bool]) -> None:
        if over:
            return
        self.world.count("caller left")
        over.append(True)
        task.cancel()
        self._lost(asks=True)

    def _answered(self, order: Order, asked_at: int) -> None:
        world = self.world
        on_disk = self.disk.order(order.id)
        kept = on_disk is not None and on_disk.is_final == order.is_final
        excused = not kept and self.disk.troubled
        self.history.append(Told(world.now, order, asked_at, kept=kept, excused=excused))
        world.tell("client", self.key, "told", order.status, order.phase, order.filled_base, _code(order))
        world.happened("told")
        if order.is_final:
            if self._reads < 2:
                self._reads += 1
                world.after(world.between(0.001, 3), self.read)
            return
        if order.in_doubt:
            world.count("told in doubt")
        cancels_in_s = self.plan.cancels_in_s
        if order.phase is Phase.WORKING and cancels_in_s is not None and self._cancels < 2:
            self._cancels += 1
            world.after(cancels_in_s, lambda: self._cancel(order.id))
        if self._reads < 6:
            self._reads += 1
            world.after(world.between(0.2, 4), self.read)

    def _cancel(self, order_id: str) -> None:
        router = self.router()
        if router is not None:
            self.world.count("cancel")
            self._call(router, lambda: router.desk.cancel(order_id))

    def _refused(self, error: RouterError, *, asks: bool) -> None:
        self.world.tell("client", self.key, "refused", error.code)
        if asks:
            nothing_done = isinstance(error, UnavailableError)
            self.history.append(Told(self.world.now, None, nothing_done=nothing_done))
            if error.code in RETRIED:
                self._again()

    def _lost(self, *, asks: bool) -> None:
        self.world.tell("client", self.key, "no answer")
        if asks:
            self.unanswered += 1
            self.world.count("no answer")
            self._again()
        elif self._reads < 6:
            self._reads += 1
            self.world.after(self.world.between(0.05, 2), self.read)

    def _again(self) -> None:
        self.world.after(self.world.between(0.01, 2), self._ask)


def _code(order: Order) -> str:
    return "" if order.error is None else order.error.code.value
