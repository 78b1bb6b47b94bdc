"""What the router needs from outside: a clock, counterparties, a journal.

Fakes in unit tests implement these ports; nothing is patched.

Errors at a counterparty are told apart by one question, whether an order may be live (`SubmitResult`):

    Taken       it has the order, and this is what it says of it
    Refused     a definite no, from the adapter's allow-list of refusals: nothing is live
    NeverSent   not a byte left us: nothing is live
    Unanswered  everything else (reset, time-out, 5xx, HTML, an answer that cannot be read): in doubt
"""

import asyncio
import enum
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Protocol

import msgspec

from router.core.errors import OrderError, VenueError
from router.core.model import (
    Book,
    Connection,
    Fill,
    OrderReport,
    OrderRequest,
    OutboundOrder,
    Product,
    Side,
    VenueState,
)
from router.core.order import Event, Order
from router.ports.condition import ConnectionState as ConnectionState
from router.ports.condition import Health as Health


class Clock(Protocol):
    """Time. One scale for everything: wall time at start, carried on by the monotonic clock."""

    def now(self) -> int:
        """Nanoseconds since the epoch; never goes back within a process."""


class Taken(msgspec.Struct, frozen=True):
    """The counterparty has the order."""

    report: OrderReport


class Refused(msgspec.Struct, frozen=True):
    """A definite no: nothing is live."""

    error: OrderError


class NeverSent(msgspec.Struct, frozen=True):
    """Not a byte of it left us: nothing is live."""

    detail: str


class Unanswered(msgspec.Struct, frozen=True):
    """It may be live. `detail` says what came instead of an answer, without any secret."""

    detail: str
    venue_error: VenueError | None = None


SubmitResult = Taken | Refused | NeverSent | Unanswered


class CancelTaken(msgspec.Struct, frozen=True):
    """The request to cancel was taken, which is not yet a cancelled order."""


class CancelRefused(msgspec.Struct, frozen=True):
    """No cancel is under way.

    The counterparty will not (the order is done already, or unknown), or was not asked
    (`venue_unavailable`: not a byte left us).
    """

    error: OrderError


class CancelUnanswered(msgspec.Struct, frozen=True):
    """No answer: look the order up."""

    detail: str


CancelResult = CancelTaken | CancelRefused | CancelUnanswered


class Lane(enum.IntEnum):
    """Who may use an account's request budget, in this order."""

    CANCEL = 0
    ORDER = 1
    LOOK_UP = 2
    BALANCES = 3
    REST = 4


class VenueUnreachableError(Exception):
    """A read from a counterparty failed; nothing is known from it. The message carries no secret."""

    def __init__(self, detail: str, venue_error: VenueError | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.venue_error = venue_error


class OffWireError(VenueUnreachableError):
    """The counterparty answered something that breaks its own description: quarantine what it said."""


class BudgetSpentError(VenueUnreachableError):
    """The account's request budget has nothing left in time; nothing was sent."""


class ConnectionView(msgspec.Struct, frozen=True):
    """A connection as operators see it."""

    connection: Connection
    type: str
    enabled: bool
    health: Health
    products: tuple[str, ...]


class ForeignOrder(msgspec.Struct, frozen=True):
    """An order of the account that this router did not send: a liquidation, a closing, somebody else's.

    `filled_base` is cumulative; what the counterparty did not say is None; `at`: when we were told.
    """

    venue_order_id: str
    venue_client_order_id: str | None
    product: str | None
    side: Side | None
    state: VenueState
    filled_base: Decimal
    at: int


class VenueListener(Protocol):
    """What an adapter tells the router. Synchronous and quick, but for `reconcile`."""

    def order_reported(self, connection_id: str, report: OrderReport) -> None:
        """The counterparty said something of an order, on its feed."""

    def balances_stated(self, connection_id: str, balances: Mapping[str, Decimal], asked_at: int) -> None:
        """Tradable balances by asset, as stated to a request sent at `asked_at`."""

    def health_changed(self, connection_id: str, health: Health) -> None:
        """The connection's state is another than before."""

    def request_answered(
        self, connection_id: str, operation: str, result: str, latency_ns: int, request_id: str | None
    ) -> None:
        """One request to the counterparty ended; `operation` and `result` are of bounded variety."""

    def bad_data(self, connection_id: str, product: str, what: str) -> None:
        """A message was dropped because it cannot be true; `what` is of bounded variety."""

    def foreign_order(self, connection_id: str, order: ForeignOrder) -> None:
        """The counterparty said something of an order that this router did not send, on its feed."""

    async def reconcile(self, connection_id: str) -> None:
        """The connection is (back) up: read again what may have been missed, before it trades.

        Raises `VenueUnreachableError` where that failed; the adapter backs off and tries again.
        """


class Venue(Protocol):
    """One connection: an account at a counterparty. An instance belongs to one event loop."""

    @property
    def connection(self) -> Connection:
        """Who this is."""

    @property
    def trades(self) -> bool:
        """Whether it can take part in a competition now: `health().trades`, at the price of a look."""

    def health(self) -> Health:
        """Its condition now, for people: whoever decides about an order asks `trades`."""

    def product(self, name: str) -> Product | None:
        """A product as the counterparty trades it; None if it does not, or nothing is known yet."""

    def products(self) -> Sequence[Product]:
        """All of them."""

    def takes(self, request: OrderRequest) -> bool:
        """Whether the counterparty has orders of this kind, with what the caller says of it. No I/O.

        Of its type and terms alone: product, size, balance and credit are no part of the question.
        """

    def book(self, product: str) -> Book | None:
        """The streamed book; None while there is none. Its age is the caller's to judge. No I/O, no await."""

    async def request_book(self, product: str, deadline: int) -> Book:
        """Ask for a book over REST; `deadline` in nanoseconds since the epoch.

        Raises `VenueUnreachableError`, `OffWireError`, `BudgetSpentError`.
        """

    def has_order_budget(self) -> bool:
        """Whether a request for an order could go out now."""

    def take_order_budget(self) -> bool:
        """Take the request that an order will use; False if there is none. Given back by `submit` alone."""

    def return_order_budget(self) -> None:
        """Give back what `take_order_budget` took, where no order was sent after all."""

    async def submit(self, order: OutboundOrder) -> SubmitResult:
        """Send one order, once: no retry, no redirect, in no layer. The budget must have been taken.

        Never raises but for cancellation of the caller's task, which does not end the request: the result
        is then reported to the listener as far as it was an answer.
        """

    async def look_up(self, order: OutboundOrder, venue_order_id: str | None) -> OrderReport | None:
        """What the counterparty knows of an order, by its client id; None if it answers that it has none.

        With every execution it lists, where the order is final. Raises `VenueUnreachableError` and kin.
        """

    async def recent_orders(self, since: int) -> Sequence[OrderReport]:
        """Every order of the account created at or after `since`; raises `VenueUnreachableError` and kin."""

    async def fills(self, venue_order_id: str) -> Sequence[Fill]:
        """Every execution of an order; raises `VenueUnreachableError` and kin."""

    async def cancel(self, order: OutboundOrder, venue_order_id: str) -> CancelResult:
        """Ask for an order to be cancelled."""

    def balances_spoiled(self) -> None:
        """An order of ours traded: read the balances soon, once for all that is said so meanwhile.

        No I/O, no await; nothing on a PTS connection. Between reads the ledger moves by our own fills.
        """

    async def read_balances(self) -> None:
        """Read the balances and tell the listener; does nothing on a PTS connection. Raises as others do."""

    async def run(self, listener: VenueListener) -> None:
        """Keep the connection up until cancelled: products, balances, feeds, probes."""


class StoreError(Exception):
    """The journal could not write or read; nothing of the call was kept."""


class StoreBrokenError(StoreError):
    """The store cannot be believed any more (a failed flush, a malformed file): the process must end."""


class FencedError(StoreBrokenError):
    """Other routers have this one's orders by now: its lease on the store was taken. It must end."""


class ReservationRefusedError(Exception):
    """The claim and other routers' reservations are more than the balance; nothing of the call was kept."""


class Cover(msgspec.Struct, frozen=True):
    """What this router knows of the balance that a claim is on, for a store that knows others' claims too.

    `free`: units of the claim's asset that are left after all of this router's reservations, the claim's own
    included; `stated_at`: when the balance was asked for that this is reckoned from.
    """

    free: Decimal
    stated_at: int


class ClientOrderIdTakenError(Exception):
    """The idempotency key exists already; `order` is the one that has it."""

    def __init__(self, order: Order) -> None:
        super().__init__(order.request.client_order_id)
        self.order = order


class RecordPage(msgspec.Struct, frozen=True):
    """A page of a list, newest first. `next_cursor` is None on the last one."""

    data: tuple[Order, ...]
    next_cursor: str | None


class Journal(Protocol):
    """What must survive. A write that ended is durable; one that raised left nothing behind.

    The four writes are under way when they are called, in the order of the calls, and answer a future: who
    cancels it is told nothing, and undoes nothing. Of an order nothing is kept behind an event that was not:
    what was called before its caller was told is refused too. A write that is not `urgent` may wait for
    others, some milliseconds. Records that the journal does not look into (`competition`, `rfq`) are bytes
    of JSON.
    """

    @property
    def shared(self) -> bool:
        """Whether other routers may be on the same store: then `open_orders` is asked again and again."""

    def accept(self, order: Order) -> asyncio.Future[None]:
        """Keep a new order. The future raises `ClientOrderIdTakenError`, `StoreError`."""

    def append(
        self, order: Order, event: Event, at: int, cover: Cover | None = None, *, urgent: bool = True
    ) -> asyncio.Future[None]:
        """Keep an event, which made of the order before it what `order` is. The future raises `StoreError`.

        A `Routed` event's claim is reserved in the same transaction; with a `cover`, what other routers on
        the store have reserved must fit into it: else `ReservationRefusedError`. The reservation ends with
        the event that makes the order final, or that records a refusal.
        """

    def keep_competition(
        self, competition_id: str, order_id: str | None, record: bytes, *, urgent: bool = True
    ) -> asyncio.Future[None]:
        """Keep a competition's record, or replace it (a late quote came). The future raises `StoreError`."""

    def keep_rfq(self, rfq_id: str, record: bytes) -> asyncio.Future[None]:
        """Keep an RFQ, or replace it. The future raises `StoreError`."""

    async def order(self, order_id: str) -> Order | None:
        """One order."""

    async def order_by_client_id(self, client_order_id: str) -> Order | None:
        """The order with this idempotency key."""

    async def orders(self, limit: int, cursor: str | None) -> RecordPage:
        """Orders, newest first. A cursor that is none of ours raises `ValueError`."""

    async def events(self, order_id: str) -> Sequence[tuple[int, Event]]:
        """An order's events with their times, oldest first: replayed, they make the order."""

    async def open_orders(self) -> Sequence[Order]:
        """Every order that is not final and that no living router has: from here on this router's.

        On a shared store each call answers what came free since the last; orders that this router accepted
        are not among them. Raises `StoreError`.
        """

    async def adopt(self, order_id: str) -> Order | None:
        """One order, if this router may append to it; None if there is none, or another router has it.

        A final order whose router is gone becomes this router's. Raises `StoreError`.
        """

    async def orders_at_venue(
        self, connection_id: str, venue_order_ids: Collection[str]
    ) -> Mapping[str, Order]:
        """Our orders on a connection by the counterparty's ids; those that are not ours are left out."""

    async def orders_live_in(
        self, connection_id: str, since: int, until: int, limit: int, cursor: str | None
    ) -> RecordPage:
        """Orders last sent to a connection that were made before `until` and changed at or after `since`.

        Newest first. A cursor that is none of ours raises `ValueError`.
        """

    async def competition(self, competition_id: str) -> bytes | None:
        """A competition's record."""

    async def rfq(self, rfq_id: str) -> bytes | None:
        """An RFQ."""

    async def check(self) -> None:
        """Raise `StoreError` if a write would fail now."""

    async def close(self) -> None:
        """Finish what was queued and let go."""
