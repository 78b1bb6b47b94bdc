"""Orders of the account: submit, find, list, cancel."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, TypeVar

import msgspec

from router.core.errors import Code, OrderError
from router.core.model import (
    Connection,
    Fill,
    OrderReport,
    OrderRequest,
    OrderType,
    OutboundOrder,
    Product,
    TimeInForce,
    VenueState,
)
from router.core.money import ZERO, divide_down, round_down
from router.ports import (
    BudgetSpentError,
    CancelRefused,
    CancelResult,
    CancelTaken,
    CancelUnanswered,
    Clock,
    Lane,
    NeverSent,
    Refused,
    SubmitResult,
    Taken,
    Unanswered,
    VenueUnreachableError,
)
from venues.ccxt_venue.client import Client
from venues.ccxt_venue.exchanges import Find, Known, wire_id
from venues.ccxt_venue.judging import judge, names_of
from venues.ccxt_venue.remote import NotAsMeantError, Wanted
from venues.transport.timing import Timing

_POLICIES: Final = (TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK)
REMEMBERED_MAX: Final = 10_000
"""Our ids of orders on the wire: the exchange shows only what was made of them."""

V = TypeVar("V")


def takes(request: OrderRequest) -> bool:
    """Whether such an order is sent: a limit order, or a market order as one; at once, or until cancelled."""
    if request.instruction is not None:
        return False
    until = request.time_in_force
    return request.duration_minutes is None and (until is None or until in _POLICIES)


class Orders:
    """The account's orders. An instance belongs to one event loop."""

    def __init__(
        self, client: Client, known: Known, connection: Connection, clock: Clock, timing: Timing
    ) -> None:
        self._client = client
        self._known = known
        self._connection = connection
        self._clock = clock
        self._timing = timing
        self._ours: OrderedDict[str, OutboundOrder] = OrderedDict()
        self._products: OrderedDict[str, str] = OrderedDict()

    def wanted(self, order: OutboundOrder, product: Product | None) -> Wanted | OrderError:
        """How an order goes out, or why it cannot: a limit order in base, at once or resting.

        One in quote currency buys, or sells, what that comes to at the limit, which is the most it can spend
        and the least that it must bring.
        """
        price = order.limit_price
        if product is None:
            return self._cannot(Code.VENUE_REJECTED, "product: expected one of the exchange's, was another")
        if order.type is not OrderType.LIMIT or price is None or order.instruction is not None:
            return self._cannot(Code.VENUE_REJECTED, f"type: expected limit, was {order.type.value}")
        if order.time_in_force not in _POLICIES:
            return self._cannot(
                Code.VENUE_REJECTED,
                f"time_in_force: expected GTC, IOC or FOK, was {order.time_in_force.value}",
            )
        quantity = order.quantity
        if order.quantity_currency != product.base:
            quantity = round_down(divide_down(quantity, price), product.base_increment)
        if quantity <= ZERO:
            return self._cannot(Code.INVALID_QUANTITY, "quantity: expected at least one increment, was less")
        return Wanted(
            client_id=wire_id(order.venue_client_order_id),
            product=order.product,
            type="limit",
            side=order.side.value,
            quantity=quantity,
            price=price,
            time_in_force=order.time_in_force.value,
        )

    async def submit(self, order: OutboundOrder, product: Product | None) -> SubmitResult:
        """Send an order, once; the budget must have been taken."""
        wanted = self.wanted(order, product)
        if isinstance(wanted, OrderError):
            self._client.budget.unused()
            return Refused(wanted)
        self._remember(wanted.client_id, order)
        remote = self._client.remote
        outcome, record = await self._client.send(
            "order", lambda: remote.create(wanted), Lane.ORDER, self._timing.order_ms
        )
        if outcome.error is None and outcome.value is not None:
            record("ok")
            self._keep(outcome.value, order.product)
            return Taken(self._pending(order, outcome.value))
        error = outcome.error or LookupError()
        record(self._client.result(outcome))
        if isinstance(error, NotAsMeantError):
            return Refused(
                self._cannot(Code.INVALID_QUANTITY, "expected amounts on the exchange's increments")
            )
        return judge(
            error, outcome.trail, self._known, self._connection.id, self._client.shown(error, outcome.trail)
        )

    async def look_up(self, order: OutboundOrder, venue_order_id: str | None) -> OrderReport | None:
        """By the exchange's id where it is known, else by ours; with all fills where it is final."""
        own_id = wire_id(order.venue_client_order_id)
        self._remember(own_id, order)
        remote = self._client.remote
        if venue_order_id is not None:
            self._keep(venue_order_id, order.product)
            found = await self._client.read(
                "order_lookup",
                lambda: remote.by_id(venue_order_id, own_id, order),
                Lane.LOOK_UP,
            )
            if found is not None:
                return found
        if self._known.find is Find.NONE:
            raise VenueUnreachableError(
                "expected an exchange that finds orders by our id, was one that cannot"
            )
        found = await self._client.read(
            "order_lookup",
            lambda: remote.by_client_id(own_id, order),
            Lane.LOOK_UP,
        )
        if found is not None:
            self._keep(found.venue_order_id, order.product)
        return found

    async def recent(self, since: int) -> Sequence[OrderReport]:
        """Every order that the exchange lists since then; under our ids, those that this process knows of."""
        remote = self._client.remote
        listed = await self._client.read("orders", lambda: remote.recent(since), Lane.LOOK_UP)
        found = []
        for row in listed:
            order = self._ours.get(row.client_id)
            name = row.client_id if order is None else order.venue_client_order_id
            found.append(msgspec.structs.replace(row.report, venue_client_order_id=name))
        return found

    async def fills(self, venue_order_id: str) -> Sequence[Fill]:
        """Every execution of an order that this process sent, or was told of."""
        product = self._products.get(venue_order_id)
        if product is None:
            raise VenueUnreachableError("expected an order whose product is known, was another")
        remote = self._client.remote
        return await self._client.read("trades", lambda: remote.fills(venue_order_id, product), Lane.LOOK_UP)

    async def cancel(self, order: OutboundOrder, venue_order_id: str) -> CancelResult:
        """Ask for an order to be cancelled."""
        deadline = self._clock.now() + self._timing.read_ms * 1_000_000
        try:
            await self._client.budget.take(Lane.CANCEL, deadline)
        except BudgetSpentError as error:
            return self._never_sent(error.detail)
        remote = self._client.remote
        outcome, record = await self._client.send(
            "cancel",
            lambda: remote.cancel(venue_order_id, order.product),
            Lane.CANCEL,
            self._timing.read_ms,
        )
        raised = outcome.error
        if raised is None or "CancelPending" in names_of(raised):
            record("ok")
            return CancelTaken()
        record(self._client.result(outcome))
        what = self._client.shown(raised, outcome.trail)
        if "OrderNotFound" in names_of(raised) and outcome.trail.decides and outcome.trail.lost is None:
            return CancelRefused(
                OrderError(
                    Code.ORDER_NOT_CANCELABLE,
                    f"the exchange refused: {what.message or what.name}",
                    connection_id=self._connection.id,
                    venue_error=what,
                )
            )
        match judge(raised, outcome.trail, self._known, self._connection.id, what):
            case Refused(error=refused):
                return CancelRefused(refused)
            case NeverSent(detail=detail):
                return self._never_sent(detail)
            case Unanswered(detail=detail):
                return CancelUnanswered(detail)

    def _pending(self, order: OutboundOrder, venue_order_id: str) -> OrderReport:
        """What an exchange's answer says of an order: that it has it. How it stands is read."""
        return OrderReport(
            venue_client_order_id=order.venue_client_order_id,
            venue_order_id=venue_order_id,
            state=VenueState.PENDING,
            filled_base=ZERO,
            filled_quote=None,
            average_price=None,
            fills=(),
            error=None,
            at=self._clock.now(),
        )

    def _remember(self, own_id: str, order: OutboundOrder) -> None:
        _put(self._ours, own_id, order)

    def _keep(self, venue_order_id: str, product: str) -> None:
        _put(self._products, venue_order_id, product)

    def _cannot(self, code: Code, detail: str) -> OrderError:
        return OrderError(code, detail, connection_id=self._connection.id)

    def _never_sent(self, detail: str) -> CancelRefused:
        """Nothing is under way: who asked must know, and may ask again."""
        return CancelRefused(
            OrderError(
                Code.VENUE_UNAVAILABLE,
                f"the cancel was never sent: {detail}",
                retryable=True,
                connection_id=self._connection.id,
            )
        )


def _put(kept: OrderedDict[str, V], key: str, value: V) -> None:
    """Keep the latest."""
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > REMEMBERED_MAX:
        kept.popitem(last=False)
