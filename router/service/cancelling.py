"""Asks counterparties to cancel orders. What came of it is told by the order: its feed, or a look-up."""

from router.core.errors import Code, ConflictError, RouterError
from router.core.order import CancelRefused, CancelRequested, Phase
from router.ports import CancelRefused as VenueCancelRefused
from router.ports import CancelUnanswered
from router.service.following import Following
from router.service.orders import LiveOrder, Orders
from router.service.venues import Venues


class Cancelling:
    """Cancels working orders."""

    def __init__(self, venues: Venues, orders: Orders, following: Following) -> None:
        self._venues = venues
        self._orders = orders
        self._following = following

    async def cancel(self, live: LiveOrder) -> None:
        """Ask for a working order to be cancelled.

        Raises `ConflictError` (`order_not_cancelable`) where it does not work, or ended before the cancel
        came; `RouterError` where the counterparty would not cancel for another reason.
        """
        order = live.order
        attempt = order.attempt
        if order.is_final:
            raise not_cancelable(f"it is {order.status}")
        if attempt is None or order.phase is not Phase.WORKING or order.venue_order_id is None:
            raise not_cancelable("the counterparty has not confirmed it yet")
        member = self._venues.get(attempt.connection_id)
        if member is None:
            raise not_cancelable(f"{attempt.connection_id} is not configured any more")
        self._orders.note(live, CancelRequested())
        result = await member.venue.cancel(attempt.outbound, order.venue_order_id)
        live.cancel_unanswered = isinstance(result, CancelUnanswered)
        if not isinstance(result, VenueCancelRefused):
            return
        self._orders.note(live, CancelRefused(result.error.detail))
        if result.error.code is not Code.ORDER_NOT_CANCELABLE:
            raise RouterError(Code.VENUE_UNAVAILABLE, result.error.detail, retryable=True)
        # It ended before the cancel came: the order says how.
        ended = await self._following.look_up(live)
        raise not_cancelable(f"it is {ended.status}")


def not_cancelable(why: str) -> ConflictError:
    """What a cancel of an order that does not work is refused with."""
    return ConflictError(Code.ORDER_NOT_CANCELABLE, f"expected a working order, but {why}")
