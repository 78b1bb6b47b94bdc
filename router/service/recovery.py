"""At start: what the journal holds that is not final is taken up again before anything trades.

An order that was only accepted was never sent (an intent is durable before the send): it is ended as
`interrupted`, and never sent late. One that was routed may have been sent, up to the moment of the crash: it
is in doubt. Reservations are taken back as they were. The look-ups follow, on every connection before it
trades (`Evidence.reconcile`).
"""

from router.core.errors import Code, OrderError
from router.core.ledger import Ledger
from router.core.order import NotRouted, Phase, WentInDoubt
from router.observe.observer import Observer
from router.ports import Clock, Journal
from router.service.orders import LiveOrder, Orders


async def recover(
    journal: Journal, orders: Orders, ledger: Ledger, observer: Observer, clock: Clock
) -> list[LiveOrder]:
    """Take up every order that is not final; returns them, to be followed. Raises `StoreError`.

    One that ends here is followed too: until its end is durable, memory answers for it.
    """
    followed: list[LiveOrder] = []
    interrupted = 0
    for order in await journal.open_orders():
        live = orders.hold(order)
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
        if attempt.claim is not None:
            ledger.restore(order.id, attempt.connection_id, attempt.claim, order.acknowledged_at)
        if order.phase is Phase.ROUTED:
            orders.note(live, WentInDoubt("the router stopped while it was being sent", clock.now()))
    observer.recovered(looked_up=len(followed) - interrupted, interrupted=interrupted)
    return followed
