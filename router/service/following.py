"""Follows an order that is not final to its end: in doubt, working, or final and short of detail.

What the feed brings is taken as it comes (`Desk.order_reported`); this is what asks when it does not. An
order in doubt is looked up by its client id until it is found, or until it can be called absent: not found
by a look-up that was asked for after `sent_at` plus the counterparty's settling window. Time decides that,
not the number of tries: a count would be forgotten at a restart and is no measure of a slow counterparty.
"""

from router.core.counting import all_listed
from router.core.errors import Code
from router.core.order import CancelRefused, Order, Phase, ProvedAbsent, Reported
from router.core.record import LookUp
from router.observe.observer import Observer
from router.ports import CancelRefused as VenueCancelRefused
from router.ports import CancelUnanswered, Clock, VenueUnreachableError
from router.service.doubts import Doubts
from router.service.orders import LiveOrder, Orders
from router.service.venues import Member, Venues

_FINAL = Phase.FINAL

PAUSE_FIRST_S = 0.2
PAUSE_MAX_S = 5.0
DETAIL_PAUSE_S = 1.0
DETAIL_PAUSE_MAX_S = 15.0
DETAIL_WITHIN_NS = 120_000_000_000
"""How long an order that ended is asked for its single executions; its quantities are known without them."""


class Following:
    """Asks counterparties about orders."""

    def __init__(
        self, venues: Venues, orders: Orders, doubts: Doubts, observer: Observer, clock: Clock
    ) -> None:
        self._venues = venues
        self._orders = orders
        self._doubts = doubts
        self._observer = observer
        self._clock = clock

    async def follow(self, live: LiveOrder) -> bool:
        """Go with an order until it is final and its fills are known; then have it let go from memory.

        False where it came to rest at the counterparty instead: who asks for it then is `resting`.
        """
        pause = PAUSE_FIRST_S
        while live.order.phase is not _FINAL:
            phase = live.order.phase
            if phase is Phase.IN_DOUBT and (await self.look_up(live)).is_final:
                break
            self._doubts.watch(live)
            if live.order.is_settled:
                return False
            if await live.changed(pause):
                pause = PAUSE_FIRST_S if live.order.phase is not phase else pause
                continue
            pause = min(PAUSE_MAX_S, 2 * pause)
            if live.order.phase is Phase.WORKING:
                await self.look_up_working(live)
        if live.order.filled_base and live.order.attempts:
            self._spoil_balances(live.order)
        if not detailed(live.order):
            await self._complete(live)
        self._orders.let_go(live)
        return True

    async def look_up_working(self, live: LiveOrder) -> None:
        """Ask for an order that the counterparty has, and again for a cancel that may never have arrived."""
        await self.look_up(live)
        await self._cancel_again(live)

    async def look_up(self, live: LiveOrder) -> Order:
        """Ask the counterparty for the order and note what it says; the order as it is then."""
        order = live.order
        member = self._member(order)
        attempt = order.attempt
        if member is None or attempt is None:
            return order
        asked_at = self._clock.now()
        try:
            report = await member.venue.look_up(attempt.outbound, order.venue_order_id)
        except VenueUnreachableError as error:
            self._observer.look_up_failed(order.id, attempt.connection_id, error.detail)
            live.looked_up = LookUp(asked_at, error.detail)
            return live.order
        if report is not None:
            return self._orders.note(live, Reported(report))
        live.looked_up = LookUp(asked_at, "not found")
        # The clock of this process alone measures the window: the wall may have been set since the send.
        began_at = live.order.attempts[-1].sent_at if live.taken_up_at is None else live.taken_up_at
        settled = began_at is not None and asked_at >= began_at + member.settling_window_ns
        if live.order.phase is Phase.IN_DOUBT and settled:
            window_ms = member.settling_window_ns // 1_000_000
            return self._orders.note(
                live, ProvedAbsent(f"expected the order within {window_ms} ms of its send, was not found")
            )
        return live.order

    async def _cancel_again(self, live: LiveOrder) -> None:
        """Ask again for a cancel that may never have arrived: its answer was lost, or the router stopped.

        The caller wanted it, and a cancel may be asked for twice. Only after a look-up that still shows the
        order as working, so that one which did arrive has had its time.
        """
        order = live.order
        member = self._member(order)
        attempt = order.attempt
        if not live.cancel_unanswered or order.phase is not Phase.WORKING:
            return
        if member is None or attempt is None or order.venue_order_id is None:
            return
        result = await member.venue.cancel(attempt.outbound, order.venue_order_id)
        never_sent = isinstance(result, VenueCancelRefused) and result.error.code is Code.VENUE_UNAVAILABLE
        live.cancel_unanswered = never_sent or isinstance(result, CancelUnanswered)
        if isinstance(result, VenueCancelRefused) and not never_sent:
            self._orders.note(live, CancelRefused(result.error.detail))
            # Most likely it ended before the cancel came: the order says how.
            await self.look_up(live)

    async def _complete(self, live: LiveOrder) -> None:
        """Get the single executions of a final order where its reports gave only their sum.

        The feed brings them within moments; only what it does not bring is worth a request.
        """
        pause, until = DETAIL_PAUSE_S, self._clock.now() + DETAIL_WITHIN_NS
        while not detailed(live.order) and self._clock.now() < until:
            if not await live.changed(pause):
                await self.look_up(live)
                pause = min(DETAIL_PAUSE_MAX_S, 2 * pause)

    def _spoil_balances(self, order: Order) -> None:
        """Have the balances of a Spot account read that traded.

        Where a statement came since the reservation, it has room for the proceeds with the next one only.
        """
        connection = order.attempts[-1].connection
        if not connection.pts and (member := self._venues.get(connection.id)) is not None:
            member.venue.balances_spoiled()

    def _member(self, order: Order) -> Member | None:
        return self._venues.get(order.attempts[-1].connection_id) if order.attempts else None


def detailed(order: Order) -> bool:
    """Whether all that was executed of an order is known by its single executions."""
    return all_listed(order.fills, order.filled_base)
