"""Orders in doubt as an operator sees them: since when, how overdue, and what a person found out of one.

An order in doubt is overdue when its settling window and the bound of the settings have passed since it was
sent: by then a look-up should have found it, or proved it absent. It goes on being looked up; a person may
end it sooner by what they found out by other means (`record`).
"""

import re
from collections.abc import Callable
from typing import Final

from router.core.errors import Code, ConflictError, NotFoundError, UnavailableError
from router.core.finding import Finding
from router.core.order import FindingRecorded, Order, Phase
from router.core.record import Doubt
from router.observe.observer import Observer
from router.ports import Clock, Journal, RecordPage, StoreError
from router.service.orders import LiveOrder, Orders
from router.service.venues import Venues

_IN_DOUBT: Final = Phase.IN_DOUBT
_CURSOR: Final = re.compile(r"doubt-([0-9]{1,19})-(.{1,64})", re.ASCII)

MakeFinding = Callable[[Order, int], Finding]
"""Makes the finding of an order at a time; raises `InvalidRequestError` where it cannot be this order's."""


class Doubts:
    """The orders in doubt of this router; on a shared store, every router has its own."""

    def __init__(
        self,
        venues: Venues,
        orders: Orders,
        journal: Journal,
        observer: Observer,
        clock: Clock,
        alert_ns: int,
    ) -> None:
        self._venues = venues
        self._orders = orders
        self._journal = journal
        self._observer = observer
        self._clock = clock
        self._alert_ns = alert_ns

    def of(self, order: Order) -> Doubt | None:
        """What is known of an order's doubt; None where it is in none."""
        if order.phase is not _IN_DOUBT:
            return None
        attempt = order.attempts[-1]
        since = attempt.routed_at if attempt.sent_at is None else attempt.sent_at
        member = self._venues.get(attempt.connection_id)
        # Of a connection that is not configured any more nothing will be heard: no window is waited for.
        window_ns = 0 if member is None else member.settling_window_ns
        live = self._orders.get(order.id)
        return Doubt(
            since=since,
            overdue_ns=max(0, self._clock.now() - since - window_ns - self._alert_ns),
            last_look_up=None if live is None else live.looked_up,
        )

    def page(self, limit: int, cursor: str | None) -> RecordPage:
        """The orders in doubt, newest first. Raises `ValueError` for a cursor that is none of this list."""
        doubtful = [live.order for live in self._orders.all() if live.order.in_doubt]
        doubtful.sort(key=_place, reverse=True)
        if cursor is not None:
            found = _CURSOR.fullmatch(cursor)
            if found is None:
                raise ValueError("expected a cursor of the list of orders in doubt, was another text")
            doubtful = [order for order in doubtful if _place(order) < (int(found[1]), found[2])]
        page = tuple(doubtful[:limit])
        more = len(doubtful) > limit
        return RecordPage(page, f"doubt-{page[-1].created_at}-{page[-1].id}" if more else None)

    def watch(self, live: LiveOrder) -> None:
        """Raise the alarm over an order that is in doubt for too long, once."""
        doubt = self.of(live.order)
        if doubt is not None and doubt.overdue_ns > 0:
            last = doubt.last_look_up
            self._observer.order_overdue(live.order, doubt.overdue_ns, None if last is None else last.answer)

    async def record(self, order_id: str, make: MakeFinding) -> None:
        """End an order in doubt by a person's finding; durable when this returns.

        Raises `NotFoundError`, `ConflictError` (`order_not_in_doubt`), `InvalidRequestError`, and
        `UnavailableError` where it could not be written: then the order is as it was.
        """
        live = self._orders.get(order_id)
        if live is None:
            raise await self._not_here(order_id)
        order = live.order
        if order.phase is not Phase.IN_DOUBT or live.intent:
            raise not_in_doubt(_state(order))
        finding = make(order, self._clock.now())
        if not await self._orders.intend(live, FindingRecorded(finding)):
            raise not_in_doubt(f"{_state(live.order)} by now")
        self._observer.finding_recorded(order, finding)

    async def _not_here(self, order_id: str) -> NotFoundError | ConflictError | UnavailableError:
        try:
            known = await self._journal.order(order_id)
        except StoreError:
            return UnavailableError(Code.STORE_UNAVAILABLE, "the journal cannot be read")
        if known is None:
            return NotFoundError(f"an order with the id {order_id[:64]}")
        return not_in_doubt(_state(known) if known.is_final else "with another router on the same store")


def not_in_doubt(what: str) -> ConflictError:
    """What a finding about an order that is not in doubt is refused with."""
    return ConflictError(Code.ORDER_NOT_IN_DOUBT, f"expected an order in doubt, was {what}")


def _state(order: Order) -> str:
    return order.status.value if order.is_final else order.phase.value


def _place(order: Order) -> tuple[int, str]:
    return (order.created_at, order.id)
