"""Who owns an order's tasks: its execution, then its follower. A caller that leaves takes nothing along."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress

from router.core.errors import Code, OrderError, UnavailableError
from router.core.order import NotRouted, Phase, WentInDoubt
from router.observe.observer import Observer
from router.ports import ClientOrderIdTakenError, Clock, StoreError
from router.service.following import Following
from router.service.live import Waiter
from router.service.orders import LiveOrder, Orders
from router.service.patience import Patience
from router.service.resting import Resting

Execution = Callable[[LiveOrder], Coroutine[object, object, None]]

EXECUTIONS_SHARE = 0.8
FOLLOW_AGAIN_S = 5.0
"""How long after a bug ended an order's follower the next one begins."""


class Lifecycle:
    """Runs orders from their acceptance to their end."""

    def __init__(
        self,
        orders: Orders,
        following: Following,
        resting: Resting,
        observer: Observer,
        clock: Clock,
        answer_deadline_ns: int,
    ) -> None:
        self._orders = orders
        self._following = following
        self._resting = resting
        self._observer = observer
        self._clock = clock
        self._patience = Patience(answer_deadline_ns / 1e9)
        # Dicts, for their order: a stop cancels them as they began. An order has one task: it is among the
        # executions too until it was sent and answered.
        self._executions: dict[LiveOrder, None] = {}
        self._tasks: dict[LiveOrder, asyncio.Task[None]] = {}
        self._one_less: asyncio.Future[None] | None = None
        self._stopped = False

    @property
    def executing(self) -> int:
        """How many orders were begun, and not sent and answered yet."""
        return len(self._executions)

    def begin(self, live: LiveOrder, execute: Execution) -> None:
        """Begin to make an order durable and to run it; `answerable` tells what came of it."""
        self._orders.accept(live)
        self._executions[live] = None
        self._tasks[live] = asyncio.get_running_loop().create_task(self._run(live, execute))

    async def accepted(self, live: LiveOrder) -> None:
        """Wait until an order is durable.

        Raises `ClientOrderIdTakenError`, and `UnavailableError` where it could not be made durable: then
        nothing was accepted.
        """
        accepting = live.accepting
        if accepting is None:
            return
        try:
            if accepting.done():
                accepting.result()
            else:
                await asyncio.shield(accepting)
        except StoreError as error:
            raise UnavailableError(Code.STORE_UNAVAILABLE, "the journal cannot be written to") from error
        except asyncio.CancelledError:
            if not accepting.cancelled():
                raise
            # Not the caller left, the router did: whether it was kept or not, it will never be sent.
            raise UnavailableError(Code.SHUTTING_DOWN, "the router stopped before it was accepted") from None

    async def answerable(self, live: LiveOrder) -> None:
        """Wait until a caller can be told the outcome, at most until the deadline. Raises as `accepted`."""
        if not live.order.is_settled and not self._stopped:
            waiter: Waiter = asyncio.get_running_loop().create_future()
            live.call(waiter)
            self._patience.begin(waiter)
            try:
                await waiter
            finally:
                self._patience.end(waiter)
                if live.callers is not None:
                    live.hang_up(waiter)
        # A refusal may be known before the order that it refuses is durable.
        if live.accepting is not None:
            await self.accepted(live)

    def follow(self, live: LiveOrder) -> None:
        """Go with an order to its end, in a task of its own; one that rests is parked as it is."""
        if live.order.phase is Phase.WORKING and live.order.is_settled:
            self._resting.park(live, self.follow)
        else:
            self._tasks[live] = asyncio.get_running_loop().create_task(self._run(live, None))

    async def stop(self, deadline_s: float) -> bool:
        """Let executions reach their end, or hand them over as they are; False if one is not durable.

        They have most of the time: what is known at its end must still be written, and told to who waits.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(EXECUTIONS_SHARE * deadline_s):
                while self._executions:
                    self._one_less = asyncio.get_running_loop().create_future()
                    await self._one_less
        handed_over = tuple(self._executions)
        durable = all(live.accepting is None or live.accepting.done() for live in handed_over)
        leftover = tuple(self._tasks.values())
        for task in leftover:
            task.cancel()
        if leftover:
            await asyncio.wait(leftover)
        await self._resting.close()
        self._stopped = True
        self._patience.close()
        for live in handed_over:
            if live.accepting is not None:
                # Whether it is kept or not, nobody here waits for that any more.
                live.accepting.cancel()
            if live.order.phase is Phase.ROUTED:
                detail = "the router stopped before the answer came"
                self._orders.note(live, WentInDoubt(detail, self._clock.now()))
            live.wake()
            live.answer()
        return durable

    async def _run(self, live: LiveOrder, execute: Execution | None) -> None:
        """An order's one task: execute it, where that is to be done, then go with it to its end."""
        try:
            if execute is not None:
                try:
                    await execute(live)
                except (ClientOrderIdTakenError, StoreError):
                    self._orders.drop(live)
                    live.answer()
                    return
                except Exception as error:  # noqa: BLE001 - a bug of ours must not leave an order without an owner
                    self._observer.task_failed("execution", error)
                    self._abandon(live)
                finally:
                    del self._executions[live]
                    if self._one_less is not None and not self._one_less.done():
                        self._one_less.set_result(None)
            await self._follow(live)
        finally:
            del self._tasks[live]

    def _abandon(self, live: LiveOrder) -> None:
        """A bug ended an order's execution: what may be live is looked up, what is not is ended."""
        if live.order.phase is Phase.ACCEPTED:
            error = OrderError(Code.INTERRUPTED, "the router failed before it was sent", retryable=True)
            self._orders.note(live, NotRouted(error))
        elif live.order.phase is Phase.ROUTED:
            self._orders.note(
                live, WentInDoubt("the router failed while it was being sent", self._clock.now())
            )

    async def _follow(self, live: LiveOrder) -> None:
        while True:
            try:
                ended = await self._following.follow(live)
            except Exception as error:  # noqa: BLE001 - an order must not lose its follower to a bug
                self._observer.task_failed("following", error)
                await asyncio.sleep(FOLLOW_AGAIN_S)
            else:
                if not ended:
                    self._resting.park(live, self.follow)
                return
