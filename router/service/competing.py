"""Runs a competition: asks, feeds the machine what comes, and stops waiting when it says so.

A streamed book is read when everything else that takes time is done (`ready`), so that the price is as young
as it can be when the order goes out; a price that must be asked for is asked for at once. A question that is
still open at the deadline is left running for a while: its answer is recorded, not used.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from decimal import Decimal

import msgspec

from router.core.competition import (
    ArmDeadline,
    AskForQuote,
    Competition,
    Contender,
    DeadlinePassed,
    Effect,
    Event,
    Opened,
    QuoteFailed,
    QuoteReceived,
    Ranked,
    Rules,
)
from router.core.ledger import Ledger
from router.core.model import Book, OrderRequest, Quote, Reason, Source
from router.core.pricing import quote_from_levels, quoted_quantity
from router.observe.observer import Observer
from router.ports import BudgetSpentError, Clock, OffWireError, VenueUnreachableError
from router.ports.quotes import QuoteRefusedError
from router.service.firm import FirmAsking, FirmQuestion
from router.service.venues import Member, Venues, levels_for

LATE_QUOTE_NS = 5_000_000_000
"""How long an answer that missed the deadline is still waited for, to be recorded."""


class Held(msgspec.Struct, frozen=True):
    """A competition that ranked its quotes: what award and record need."""

    id: str
    competition: Competition
    contenders: tuple[Contender, ...]
    arrival_price: Decimal | None
    opened_at: int


LateQuote = Callable[[Held, str], None]


class Competing:
    """Holds competitions over the connections that there are."""

    def __init__(self, venues: Venues, ledger: Ledger, observer: Observer, clock: Clock) -> None:
        self._venues = venues
        self._ledger = ledger
        self._observer = observer
        self._clock = clock
        self._firm = FirmAsking(clock)
        self._asking: dict[tuple[str, str], _Question] = {}
        # A dict, for its order: a stop cancels them as they began.
        self._tasks: dict[asyncio.Task[None], None] = {}

    async def hold(
        self,
        request: OrderRequest,
        rules: Rules,
        competition_id: str,
        *,
        to_trade: bool,
        ready: Awaitable[object] | None,
        late: LateQuote,
    ) -> Held:
        """Collect quotes until they can be ranked. What `ready` raises ends it and is raised here.

        `to_trade`: the winner will be sent an order, so a connection without budget for one is out.
        """
        now = self._clock.now()
        arrival_price = self._venues.arrival_price(request.product, now)
        contenders = tuple(
            Contender(
                connection=member.connection,
                product=member.venue.product(request.product),
                barred=self._venues.barred(member, now, to_trade=to_trade)
                or self._venues.groups.barred(request.base, member.connection.id)
                or self._venues.lacks(member, request)
                or self._firm.barred(member, request, arrival_price, now),
            )
            for member in self._venues
        )
        competition = Competition(request, rules, self._ledger)
        held = Held(competition_id, competition, contenders, arrival_price, now)
        run = _Run(self, held, late, self._venues, self._clock)
        run.take(competition.step(Opened(contenders), now))
        try:
            if ready is not None:
                await ready
            run.read_books()
            await run.ranked
        finally:
            run.end()
        return held

    def quote_of_book(
        self, member: Member, request: OrderRequest, book: Book, source: Source, *, protected: bool
    ) -> Quote | Reason:
        """A quote for the request's size, or its slice's, from a book; or why there is none."""
        product = member.venue.product(request.product)
        if product is None:
            return Reason.PRODUCT_UNSUPPORTED
        if not self._venues.fresh(book, self._clock.now()):
            return Reason.STALE_BOOK
        quote = quote_from_levels(
            member.connection.id,
            source,
            levels_for(book, request.side),
            product,
            request.side,
            quoted_quantity(request, product),
            in_base=request.in_base,
            protected=protected,
        )
        return Reason.INSUFFICIENT_DEPTH if quote is None else quote

    def fresh(self, book: Book) -> bool:
        """Whether a book is young enough to be a quote."""
        return self._venues.fresh(book, self._clock.now())

    def ask(self, member: Member, run: "_Run", deadline: int) -> None:
        """Ask a counterparty for its book, in a task of its own.

        Competitions that ask for the same book at the same time share one question: a request costs what an
        order costs, and a burst of orders must not spend the account's budget on one price. One that has
        missed the deadline of whom it was asked for is not joined: it may hang, and the next need not.
        """
        key = (member.connection.id, run.held.competition.request.product)
        question = self._asking.get(key)
        if question is None or self._clock.now() >= question.deadline:
            question = self._asking[key] = _Question(deadline)
            self._run(self._answer(key, member, question))
        question.runs.append(run)

    def ask_firm(self, member: Member, run: "_Run", deadline: int) -> None:
        """Ask a counterparty for a price that it holds, in a task of its own: for this competition alone."""
        held = run.held
        asked = self._firm.ask(member, held.id, held.competition, held.arrival_price)
        self._run(self._answer_firm(member, run, asked, deadline + LATE_QUOTE_NS))

    def _run(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks[task] = None
        task.add_done_callback(self._tasks.pop)

    async def _answer_firm(self, member: Member, run: "_Run", asked: FirmQuestion, deadline: int) -> None:
        name = member.connection.id
        try:
            run.feed(QuoteReceived(await asked.answer(deadline), asked.product))
        except QuoteRefusedError as error:
            run.feed(QuoteFailed(name, Source.RFQ, error.reason, error.detail))
        except Exception as error:  # noqa: BLE001 - a bug in one adapter must not cost the others the deadline
            run.feed(self._not_quoted(name, Source.RFQ, error))

    async def close(self) -> None:
        """Stop asking."""
        for task in self._tasks:
            task.cancel()
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def _answer(self, key: tuple[str, str], member: Member, question: "_Question") -> None:
        name, product = key
        failed: QuoteFailed | None = None
        book: Book | None = None
        try:
            book = await member.venue.request_book(product, question.deadline + LATE_QUOTE_NS)
        except Exception as error:  # noqa: BLE001 - a bug in one adapter must not cost the others the deadline
            failed = self._not_quoted(name, Source.REQUEST, error)
        finally:
            if self._asking.get(key) is question:
                del self._asking[key]
        for run in question.runs:
            if book is not None:
                run.offer(member, book, Source.REQUEST)
            elif failed is not None:
                run.feed(failed)

    def _not_quoted(self, name: str, source: Source, error: Exception) -> QuoteFailed:
        """What a question that raised is in the record."""
        match error:
            case BudgetSpentError():
                return QuoteFailed(name, None, Reason.RATE_LIMITED, error.detail)
            case OffWireError():
                return QuoteFailed(name, source, Reason.INVALID_QUOTE, error.detail)
            case VenueUnreachableError():
                return QuoteFailed(name, source, Reason.VENUE_ERROR, error.detail)
        self._observer.task_failed("question", error)
        return QuoteFailed(name, source, Reason.VENUE_ERROR, type(error).__name__)


class _Question:
    """One request for a book that is under way, and the competitions that wait for its answer."""

    __slots__ = ("deadline", "runs")

    def __init__(self, deadline: int) -> None:
        self.deadline = deadline
        self.runs: list[_Run] = []


class _Run:
    """One competition while it collects: the machine, its deadline, and who waits for it."""

    def __init__(
        self, competing: Competing, held: Held, late: LateQuote, venues: Venues, clock: Clock
    ) -> None:
        self.held = held
        self._venues = venues
        self._clock = clock
        self.ranked: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._competing = competing
        self._late = late
        self._streamed: list[Member] = []
        self._deadline: asyncio.TimerHandle | None = None

    def take(self, effects: list[Effect]) -> None:
        """Do what the machine asks for."""
        deadline = self._clock.now() + self.held.competition.rules.deadline_ns
        for effect in effects:
            match effect:
                case AskForQuote():
                    member = self._venues[effect.connection_id]
                    if member.firm is not None:
                        self._competing.ask_firm(member, self, deadline)
                    elif self._streams(member):
                        self._streamed.append(member)
                    else:
                        self._competing.ask(member, self, deadline)
                case ArmDeadline():
                    delay = max(0, effect.at - self._clock.now()) / 1e9
                    loop = asyncio.get_running_loop()
                    self._deadline = loop.call_later(delay, self._time_is_up)
                case Ranked():
                    if not self.ranked.done():
                        self.ranked.set_result(None)

    def read_books(self) -> None:
        """Quote from the streamed books, as they are now."""
        product = self.held.competition.request.product
        streamed, self._streamed = self._streamed, []
        for member in streamed:
            book = member.venue.book(product)
            if book is None:
                self.feed(QuoteFailed(member.connection.id, Source.BOOK, Reason.STALE_BOOK))
            else:
                self.offer(member, book, Source.BOOK)

    def offer(self, member: Member, book: Book, source: Source) -> None:
        """Turn a book into the machine's event."""
        # A streamed book is asked only now, whatever the competition waited for before.
        asked_at = self._clock.now() if source is Source.BOOK else None
        competition = self.held.competition
        protected = competition.rules.terms.protected
        quote = self._competing.quote_of_book(member, competition.request, book, source, protected=protected)
        product = member.venue.product(competition.request.product)
        if isinstance(quote, Reason) or product is None:
            reason = quote if isinstance(quote, Reason) else Reason.PRODUCT_UNSUPPORTED
            self.feed(QuoteFailed(member.connection.id, source, reason))
        else:
            self.feed(QuoteReceived(quote, product, asked_at))

    def feed(self, event: Event) -> None:
        """Hand an event to the machine; a quote that came too late is told to whoever keeps the record."""
        was_ranked = self.ranked.done()
        self.take(self.held.competition.step(event, self._clock.now()))
        if was_ranked and isinstance(event, QuoteReceived):
            self._late(self.held, event.quote.connection_id)

    def _streams(self, member: Member) -> bool:
        """Whether to read a connection's book; an aged one (its feed is down, or silent) is asked for."""
        book = member.venue.book(self.held.competition.request.product)
        return book is not None and self._competing.fresh(book)

    def _time_is_up(self) -> None:
        # A slow store must not cost the streamed books their turn: they are read now at the latest.
        self.read_books()
        self.feed(DeadlinePassed())

    def end(self) -> None:
        """Nothing is waited for any more."""
        if self._deadline is not None:
            self._deadline.cancel()
        if not self.ranked.done():
            self.ranked.cancel()
