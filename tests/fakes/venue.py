"""A counterparty that says what a test tells it to, when the test tells it to."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TypeVar

from router.core.model import (
    Book,
    Connection,
    Fill,
    OrderReport,
    OrderRequest,
    OrderType,
    OutboundOrder,
    Product,
    Side,
    VenueState,
)
from router.core.money import add
from router.ports import (
    CancelResult,
    CancelTaken,
    Clock,
    ConnectionState,
    Health,
    SubmitResult,
    Taken,
    VenueListener,
)
from tests.unit import build
from tests.virtual_loop import LoopClock

T = TypeVar("T")
Script = deque["T | Exception | asyncio.Future[T]"]
"""What the next calls answer, one after the other: a value, an error to raise, or a future to wait for."""


class FakeVenue:
    """Implements `router.ports.Venue`. What it was asked stands in queues and lists that a test can await.

    `submissions`, `questions`, `look_ups`, `cancels`: each call as it is made. `answers`, `quotes`,
    `findings`, `cancel_answers`: scripts. Without one: an order fills whole at the best price of the book,
    a question gets `rest_book`, a look-up finds what is in `known` by client id, a cancel is taken.
    """

    def __init__(self, connection: Connection, *products: Product, clock: Clock | None = None) -> None:
        self._connection = connection
        self._products = {product.name: product for product in products or (build.product(),)}
        self._clock: Clock = LoopClock() if clock is None else clock
        self._unsent = 0
        self._trades = 0
        self.books: dict[str, Book] = {}
        self.rest_book: Book | None = None
        self.state = ConnectionState.READY
        self.feed_up = True
        self.budget = 1_000_000
        self.balances: dict[str, Decimal] = {}
        self.known: dict[str, OrderReport] = {}
        self.submitted: list[OutboundOrder] = []
        self.submissions: asyncio.Queue[OutboundOrder] = asyncio.Queue()
        self.questions: asyncio.Queue[int] = asyncio.Queue()
        self.look_ups: asyncio.Queue[OutboundOrder] = asyncio.Queue()
        self.cancels: asyncio.Queue[str] = asyncio.Queue()
        self.answers: Script[SubmitResult] = deque()
        self.quotes: Script[Book] = deque()
        self.findings: Script[OrderReport | None] = deque()
        self.cancel_answers: Script[CancelResult] = deque()
        self.balance_errors: Script[None] = deque()
        self.balance_reads = 0
        self.balances_spoilt = 0
        self.lacking: set[OrderType] = set()
        """Order types that the counterparty has not."""
        self.listed: list[int] = []
        self.before_submit: Callable[[OutboundOrder], None] = lambda _order: None
        self.listener: VenueListener | None = None

    # what tests say
    def streams(self, bid: str, ask: str, size: str = "1000", product: str = "BTC-USD") -> None:
        """Stream a book of one level a side, as of now."""
        self.books[product] = self.one_level(bid, ask, size)

    def one_level(self, bid: str, ask: str, size: str = "1000") -> Book:
        """A book of one level a side, as of now."""
        return build.book(build.levels((bid, size)), build.levels((ask, size)), self._clock.now())

    def report(
        self, order: OutboundOrder, state: VenueState = VenueState.DONE, *fills: Fill, **changed: object
    ) -> OrderReport:
        """What it says of an order, cumulative by its fills; its own id is made of the order's."""
        fields: dict[str, object] = {
            "venue_client_order_id": order.venue_client_order_id,
            "venue_order_id": f"venue-{order.venue_client_order_id[:36]}",
            "at": self._clock.now(),
        }
        return build.report(state, *fills, **fields | changed)

    def filled(self, order: OutboundOrder, price: str | None = None) -> OrderReport:
        """The report of an order that filled whole in one execution: at `price`, or at the book's best."""
        book = self.books.get(order.product) or self.rest_book
        if price is not None:
            at = Decimal(price)
        elif book is not None:
            at = (book.asks if order.side is Side.BUY else book.bids)[0].price
        else:
            at = order.limit_price or Decimal(1)
        base = self._products[order.product].base
        quantity = order.quantity if order.quantity_currency == base else order.quantity / at
        self._trades += 1
        fill = Fill(
            f"{self._connection.id}-trade-{self._trades}", at, quantity, at * quantity, self._clock.now()
        )
        return self.report(order, VenueState.DONE, fill)

    # the port
    @property
    def connection(self) -> Connection:
        return self._connection

    @property
    def trades(self) -> bool:
        return self.health().trades

    def health(self) -> Health:
        now = self._clock.now()
        return Health(self.state, None, self.feed_up, now, self.budget, Decimal(0), None, now)

    def product(self, name: str) -> Product | None:
        return self._products.get(name)

    def products(self) -> Sequence[Product]:
        return tuple(self._products.values())

    def takes(self, request: OrderRequest) -> bool:
        return request.type not in self.lacking

    def book(self, product: str) -> Book | None:
        return self.books.get(product)

    async def request_book(self, product: str, deadline: int) -> Book:
        self.questions.put_nowait(deadline)
        if self.quotes:
            return await next_of(self.quotes)
        await asyncio.sleep(0)
        if self.rest_book is None:
            raise AssertionError(f"expected {self._connection.id} not to be asked for a book")
        return self.rest_book

    def has_order_budget(self) -> bool:
        return self.budget > 0

    def take_order_budget(self) -> bool:
        if self.budget == 0:
            return False
        self.budget -= 1
        self._unsent += 1
        return True

    def return_order_budget(self) -> None:
        if self._unsent == 0:
            raise AssertionError("expected a taken request to be given back, none was taken")
        self.budget += 1
        self._unsent -= 1

    @property
    def unsent(self) -> int:
        """Requests that were taken and neither used nor given back."""
        return self._unsent

    async def submit(self, order: OutboundOrder) -> SubmitResult:
        self.take(order)
        if self.answers:
            return await next_of(self.answers)
        await asyncio.sleep(0)
        report = self.known[order.venue_client_order_id] = self.filled(order)
        return Taken(report)

    def take(self, order: OutboundOrder) -> None:
        """Note a send. One without budget, or a second one of the same order, fails the test."""
        if self._unsent == 0:
            raise AssertionError("expected the request of an order to be taken before it is sent")
        if any(order.venue_client_order_id == sent.venue_client_order_id for sent in self.submitted):
            raise AssertionError(f"expected {order.venue_client_order_id} to be sent once, was sent again")
        self._unsent -= 1
        self.before_submit(order)
        self.submitted.append(order)
        self.submissions.put_nowait(order)

    async def look_up(self, order: OutboundOrder, venue_order_id: str | None) -> OrderReport | None:
        self.look_ups.put_nowait(order)
        if self.findings:
            return await next_of(self.findings)
        await asyncio.sleep(0)
        return self.known.get(order.venue_client_order_id)

    async def recent_orders(self, since: int) -> Sequence[OrderReport]:
        self.listed.append(since)
        await asyncio.sleep(0)
        return [report for report in self.known.values() if report.at >= since]

    async def fills(self, venue_order_id: str) -> Sequence[Fill]:
        await asyncio.sleep(0)
        return [
            fill
            for report in self.known.values()
            if report.venue_order_id == venue_order_id
            for fill in report.fills
        ]

    async def cancel(self, order: OutboundOrder, venue_order_id: str) -> CancelResult:
        self.cancels.put_nowait(venue_order_id)
        if self.cancel_answers:
            return await next_of(self.cancel_answers)
        await asyncio.sleep(0)
        return CancelTaken()

    def balances_spoiled(self) -> None:
        self.balances_spoilt += 1

    async def read_balances(self) -> None:
        self.balance_reads += 1
        # No two things happen within one nanosecond: what was done before the question is in the answer.
        await asyncio.sleep(1e-6)
        asked_at = self._clock.now()
        if self.balance_errors:
            await next_of(self.balance_errors)
        await asyncio.sleep(0)
        if self.listener is not None and not self._connection.pts:
            self.listener.balances_stated(self._connection.id, dict(self.balances), asked_at)

    async def run(self, listener: VenueListener) -> None:
        self.listener = listener
        await listener.reconcile(self._connection.id)

    def settle(self, asset: str, amount: Decimal) -> None:
        """Move a balance, as a trade does."""
        self.balances[asset] = add(self.balances.get(asset, Decimal(0)), amount)


async def next_of(script: "Script[T]") -> T:
    """The next answer of a script, when its time has come."""
    answer = script.popleft()
    await asyncio.sleep(0)
    if isinstance(answer, asyncio.Future):
        return await answer
    if isinstance(answer, Exception):
        raise answer
    return answer
