"""The open loop: every request is due at its time, whatever became of those before it.

A request that finds as many under way as may be waits in line; the line is counted, and one that waits too
long is never sent, which is counted too. Its latency runs from the intended time either way, so that a
router that stalls is seen to stall for everyone who would have called: no coordinated omission.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from decimal import Decimal
from typing import Final, NamedTuple, Protocol

import msgspec

from router.core.errors import AmountError
from router.core.money import format_amount, parse_positive
from router.load.arrivals import SECOND_NS, drawing, due_times
from router.load.clock import Clock
from router.load.mix import Drawn, Entry, Kind, Mix
from router.load.outcomes import Answer, Body, Outcome, Trouble, Verdict, outcome_of
from router.load.plan import Plan
from router.load.recording import Recorder, Window

Watcher = Callable[[Window], None]
"""Hears of each second of the run when it is over."""

_MS_NS: Final = 1_000_000


class Sender(Protocol):
    """What a run needs from outside."""

    async def post(self, path: str, body: bytes) -> Answer | Trouble:
        """Post JSON to a path of the router, once."""
        ...


class UnpricedError(Exception):
    """A limit has nothing to refer to: neither the plan nor the router gives the product a price."""


class _Due(NamedTuple):
    drawn: Drawn
    stage: int
    at_ns: int


class Run:
    """One run of a plan. `run_id` is unique to it, and in every client order id."""

    def __init__(self, plan: Plan, sender: Sender, clock: Clock, run_id: str) -> None:
        self._plan = plan
        self._sender = sender
        self._clock = clock
        self._ids = f"{plan.run.client_order_id_prefix}-{run_id}-"
        self.recorder = Recorder(plan.stages)
        self.stopped = False
        """Whether it was ended before its time."""
        self._arrivals = drawing(plan.run.seed, "arrivals")
        self._mix = Mix(plan.mix, drawing(plan.run.seed, "mix"))
        self._prices: dict[str, Decimal] = {}
        self._unpriced = frozenset(
            entry.product
            for entry in plan.mix
            if entry.limit is not None and entry.limit.reference_price is None
        )
        """Products whose limits refer to what the router last said."""
        self._failure: BaseException | None = None
        self._line: deque[_Due] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._pacing: asyncio.Task[None] | None = None
        self._began_ns = 0

    async def price(self) -> None:
        """Ask for a price of each product whose limits refer to what the router says.

        One RFQ each, before the run and not counted in it. Raises `UnpricedError`.
        """
        for entry in self._plan.mix:
            if entry.limit is None or entry.limit.reference_price or entry.product in self._prices:
                continue
            body: dict[str, object] = {
                "product": entry.product,
                "side": entry.sides[0],
                "quantity": format_amount(entry.sizes.low),
                "quantity_currency": entry.quantity_currency,
            }
            came = await self._sender.post("/v1/rfqs", msgspec.json.encode(body))
            self._learn(entry.product, came)
            if entry.product not in self._prices:
                said = outcome_of(Kind.RFQ, came)
                raise UnpricedError(
                    f"expected a price of {entry.product} to set limits by, "
                    f"was {said.http_status or 'no answer'} {said.code or said.result}; "
                    "limit.reference_price gives one"
                )

    async def run(self, watch: Watcher) -> None:
        """Send what the plan asks for and wait for every answer, or for `stop`."""
        self._began_ns = self._clock.now_ns()
        self._pacing = asyncio.create_task(self._pace())
        watching = asyncio.create_task(self._watch(watch))
        try:
            await asyncio.wait([self._pacing])
            if not self._pacing.cancelled():
                self._pacing.result()
            while self._tasks:
                await asyncio.wait(self._tasks)
            if self._failure is not None:
                raise self._failure
        finally:
            # Also where it is cancelled: nothing of a run outlives it.
            left = [self._pacing, watching, *self._tasks]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
            self.recorder.close(self._now_ns())

    def stop(self) -> None:
        """Send nothing more, and wait for the answers under way; called again, wait for none."""
        if self.stopped:
            for task in self._tasks:
                task.cancel()
            return
        self.stopped = True
        if self._pacing is not None:
            self._pacing.cancel()
        while self._line:
            self._give_up(self._line.popleft())

    def _now_ns(self) -> int:
        return self._clock.now_ns() - self._began_ns

    async def _pace(self) -> None:
        run, recorder = self._plan.run, self.recorder
        wait_max_ns = run.wait_ms_max * _MS_NS
        for at_ns, stage in due_times(self._plan.stages, run.arrivals, self._arrivals):
            await self._clock.until(self._began_ns + at_ns)
            recorder.request_due(stage)
            due = _Due(self._mix.draw(), stage, at_ns)
            while self._line and at_ns - self._line[0].at_ns > wait_max_ns:
                self._give_up(self._line.popleft())
            if recorder.in_flight < run.in_flight_max:
                self._launch(due, held=False)
            else:
                recorder.request_held(stage)
                self._line.append(due)
                recorder.in_line(len(self._line))
        # A stage may end with a pause; the run is not over before it.
        await self._clock.until(self._began_ns + round(self._plan.duration_s * SECOND_NS))

    async def _watch(self, watch: Watcher) -> None:
        second = 0
        while True:
            second += 1
            await self._clock.until(self._began_ns + second * SECOND_NS)
            watch(self.recorder.close_second(self._now_ns()))

    def _launch(self, due: _Due, *, held: bool) -> None:
        self.recorder.under_way(1)
        task = asyncio.create_task(self._one(due, held=held))
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            # No outcome of a request is an exception: this is an error of the program, and ends the run.
            self._failure = failure
            self.stop()
        recorder = self.recorder
        recorder.under_way(-1)
        wait_max_ns = self._plan.run.wait_ms_max * _MS_NS
        while self._line:
            due = self._line.popleft()
            if self._now_ns() - due.at_ns <= wait_max_ns:
                self._launch(due, held=True)
                break
            self._give_up(due)
        recorder.in_line(len(self._line))

    def _give_up(self, due: _Due) -> None:
        outcome = Outcome(_first(due.drawn.entry), Verdict.NEVER_SENT, None, None, None)
        self.recorder.ended(due.stage, outcome, due.at_ns, None, self._now_ns())
        self.recorder.in_line(len(self._line))

    async def _one(self, due: _Due, *, held: bool) -> None:
        drawn, entry = due.drawn, due.drawn.entry
        client_order_id = f"{self._ids}{drawn.number}"
        body = msgspec.json.encode(drawn.body(client_order_id, self._prices.get(entry.product)))
        sent_ns = self._now_ns()
        self.recorder.request_sent(due.stage, None if held else sent_ns - due.at_ns)
        path = "/v1/orders" if entry.kind is Kind.ORDER else "/v1/rfqs"
        ordered = client_order_id if entry.kind is Kind.ORDER else None
        came = await self._exchange(_first(entry), path, body, due.stage, due.at_ns, sent_ns, ordered)
        if entry.product in self._unpriced:
            self._learn(entry.product, came)
        if entry.kind is not Kind.ACCEPT or not isinstance(came, Answer) or came.body is None:
            return
        rfq = came.body
        if came.http_status < 300 and rfq.id is not None and rfq.best is not None and not self.stopped:
            await self._accept(due, rfq.id, client_order_id)

    async def _accept(self, due: _Due, rfq_id: str, client_order_id: str) -> None:
        """Accept an RFQ's best quote. Its intended time is that of the RFQ's answer, and the pause after."""
        intended_ns = self._now_ns() + due.drawn.entry.accept_after_ms * _MS_NS
        if due.drawn.entry.accept_after_ms:
            await self._clock.until(self._began_ns + intended_ns)
            if self.stopped:
                return
        self.recorder.follow_up_sent(due.stage)
        body = msgspec.json.encode({"client_order_id": client_order_id})
        path = f"/v1/rfqs/{rfq_id}/accept"
        sent_ns = self._now_ns()
        await self._exchange(Kind.ACCEPT, path, body, due.stage, intended_ns, sent_ns, client_order_id)

    async def _exchange(
        self,
        operation: Kind,
        path: str,
        body: bytes,
        stage: int,
        intended_ns: int,
        sent_ns: int,
        ordered: str | None,
    ) -> Answer | Trouble:
        """Send a request and count what came; `ordered`: the client order id of what may trade."""
        came: Answer | Trouble = Trouble.ABANDONED
        try:
            came = await self._sender.post(path, body)
            return came
        finally:
            # Cancelled too: what was sent has an outcome, if only that nobody waited for it.
            outcome = outcome_of(operation, came)
            self.recorder.ended(stage, outcome, intended_ns, sent_ns, self._now_ns())
            unknown = outcome.verdict in (Verdict.UNANSWERED, Verdict.FAILED)
            if ordered is not None and unknown and came is not Trouble.NOT_CONNECTED:
                self.recorder.order_unanswered(ordered)

    def _learn(self, product: str, came: Answer | Trouble) -> None:
        """Keep the price that an answer tells of a product."""
        body: Body | None = came.body if isinstance(came, Answer) else None
        if body is None:
            return
        told = body.arrival_price if body.best is None else body.best.price
        try:
            self._prices[product] = parse_positive(told)
        except AmountError:
            return


def _first(entry: Entry) -> Kind:
    """What an entry's first request is."""
    return Kind.ORDER if entry.kind is Kind.ORDER else Kind.RFQ
