"""The test of a connection through ccxt: its key is taken, it shows the balances, and it may trade.

That a key may trade is told by the cancel of an order that cannot exist: a key that may not is refused as
such, and any other answer comes from behind the check of its permissions.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from router.core.errors import Code
from router.ports import Lane, VenueUnreachableError
from router.ports.accounts import ConnectionTestError
from router.settings import CcxtSettings
from venues.ccxt_venue.client import Client
from venues.ccxt_venue.judging import names_of
from venues.ccxt_venue.making import make
from venues.ccxt_venue.remote import Outcome, Remote
from venues.ccxt_venue.worker import Worker
from venues.transport.budget import RequestBudget
from venues.transport.ending import see_through
from venues.transport.health import Score
from venues.transport.timing import Timing

NO_ORDER: Final = "O00000-00000-000000"
T = TypeVar("T")


class _Wall:
    """The time of a test, which lasts for seconds."""

    def now(self) -> int:
        return time.time_ns()


async def prove_exchange(settings: CcxtSettings, timing: Timing) -> None:
    """Return if the connection would work. Raises `ConnectionTestError`, `VenueUnreachableError`."""
    clock = _Wall()
    # The library takes seconds to load, where nothing has needed it yet.
    made = await asyncio.to_thread(make, settings, clock, timing)
    budget = RequestBudget(settings.requests_per_second, clock)
    remote = Remote(made.known, made.exchange, made.plug, clock)
    worker = Worker(f"ccxt-test-{settings.connection.id}")
    client = Client(remote, worker, made.secrets, budget, clock, timing, Score(), _unheard)
    asking = _Asking(client, timing)
    try:
        await client.open()
        products, _ = await asking.ask(remote.products, "products")
        if not products:
            raise VenueUnreachableError("expected a product that can be read, was none")
        await asking.ask(remote.free, "balances")
        product = next(iter(products))
        await asking.ask(lambda: remote.cancel(NO_ORDER, product), "cancel", refusals_are_fine=True)
    finally:
        await see_through(client.close())


class _Asking:
    def __init__(self, client: Client, timing: Timing) -> None:
        self._client = client
        self._timing = timing

    async def ask(self, work: Callable[[], Awaitable[T]], what: str, *, refusals_are_fine: bool = False) -> T:
        """One question. Whatever is no refusal of the key says nothing of it."""
        await self._client.budget.take(Lane.REST, self._client.until(self._timing.read_ms))
        outcome, record = await self._client.send(what, work, Lane.REST, self._timing.read_ms)
        record("ok" if outcome.error is None else self._client.result(outcome))
        if outcome.error is None:
            return outcome.value  # type: ignore[return-value]  # a value of None is one of T
        self._refuse(outcome, outcome.error, what)
        if refusals_are_fine and outcome.trail.last is not None and outcome.trail.last.status < 500:
            return outcome.value  # type: ignore[return-value]  # nobody looks at what a refusal brought
        raise self._client.unreachable(outcome)

    def _refuse(self, outcome: Outcome[T], error: Exception, what: str) -> None:
        names = names_of(error)
        if outcome.trail.last is None or "AuthenticationError" not in names:
            return
        shown = self._client.shown(error, outcome.trail)
        if "PermissionDenied" in names:
            raise ConnectionTestError(
                Code.SCOPE_MISSING, f"expected a key that may be used for {what}, was one that may not", shown
            )
        raise ConnectionTestError(
            Code.CREDENTIALS_REFUSED,
            "expected a key that the exchange accepts, was one that it refuses",
            shown,
        )


def _unheard(_operation: str, _result: str, _latency_ns: int, _request_id: str | None) -> None:
    """Nobody listens to a test's requests."""
