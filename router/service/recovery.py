"""At start: what the journal holds that is not final is taken up again before anything trades.

An order that was only accepted was never sent (an intent is durable before the send): it is ended as
`interrupted`, and never sent late. One that was routed may have been sent, up to the moment of the crash: it
is in doubt. Reservations are taken back as they were. The look-ups follow, on every connection before it
trades (`Evidence.reconcile`).
"""

from collections.abc import Iterable
from contextlib import suppress

from router.core.claiming import claim_left
from router.core.errors import Code, OrderError
from router.core.ledger import Ledger
from router.core.order import NotRouted, Phase, WentInDoubt
from router.observe.observer import Observer
from router.ports import Clock, Journal, VenueUnreachableError
from router.service.evidence import Evidence
from router.service.following import detailed
from router.service.lifecycle import Lifecycle
from router.service.orders import LiveOrder, Orders

RECENT_MAX = 100
"""How many of the latest orders are looked through at start for such as ended without their detail."""


async def recover(
    journal: Journal,
    orders: Orders,
    ledger: Ledger,
    observer: Observer,
    clock: Clock,
    lifecycle: Lifecycle,
    *,
    at_start: bool = True,
) -> list[LiveOrder]:
    """Take up every order that is not final and begin to follow it; returns them. Raises `StoreError`.

    One that ends here is followed too: until its end is durable, memory answers for it. On a shared store
    this goes on while the router runs (not `at_start`): others' orders are taken up once those are gone.
    """
    followed: list[LiveOrder] = []
    interrupted = 0
    for order in await journal.open_orders():
        live = orders.hold(order)
        live.taken_up_at = clock.now()
        followed.append(live)
        observer.order_taken_up(order)
        attempt = order.attempt
        if order.phase is Phase.ACCEPTED or attempt is None:
            refused = None if attempt is None else attempt.error
            error = refused or OrderError(
                Code.INTERRUPTED, "accepted, never sent: the router stopped first", retryable=True
            )
            orders.note(live, NotRouted(error))
            interrupted += 1
            continue
        if (claim := claim_left(order)) is not None:
            ledger.restore(order.id, attempt.connection_id, claim, order.acknowledged_at)
        if order.phase is Phase.ROUTED:
            orders.note(live, WentInDoubt("the router stopped while it was being sent", clock.now()))
    if at_start:
        followed += await _short_of_detail(journal, orders)
    if at_start or followed:
        observer.recovered(looked_up=len(followed) - interrupted, interrupted=interrupted)
    for live in followed:
        lifecycle.follow(live)
    return followed


async def read_again(evidence: Evidence, followed: Iterable[LiveOrder]) -> None:
    """Ask for what counterparties told of these orders while another router had them: it was passed over."""
    attempts = (live.order.attempt for live in followed)
    for name in sorted({attempt.connection_id for attempt in attempts if attempt is not None}):
        # One that cannot be reached is read again once it can be; a follower looks its orders up besides.
        with suppress(VenueUnreachableError, LookupError):
            await evidence.reconcile(name)


async def _short_of_detail(journal: Journal, orders: Orders) -> list[LiveOrder]:
    """The latest orders that ended, and whose single executions were not read before the router stopped."""
    found: list[LiveOrder] = []
    page = await journal.orders(RECENT_MAX, None)
    for order in page.data:
        if not order.is_final or detailed(order) or orders.get(order.id) is not None:
            continue
        adopted = await journal.adopt(order.id)
        if adopted is not None:
            found.append(orders.hold(adopted))
    return found
