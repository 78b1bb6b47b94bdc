"""Runs a competition: asks, tells the machine what comes, and stops waiting when it has ranked.

Where every connection streams its book nothing is waited for: the books are read and the competition is
decided in one call, without a timer, a task or a future. Where a price must be asked for, it is asked for at
once, under one deadline, and streamed books are read when everything else that takes time is done (`ready`),
so that their prices are as young as they can be when the order goes out. A question that is still open at the
deadline is left running for a while: its answer is recorded, not used.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from router.core.competition import Competition, Contender, Phase, Rules
from router.core.ledger import Ledger
from router.core.model import Book, OrderRequest, Quote, Reason, Source
from router.core.routing import Terms
from router.core.touch import Known, price_book, price_books
from router.observe.observer import Observer
from router.ports import BudgetSpentError, Clock, OffWireError, VenueUnreachableError
from router.ports.quotes import QuoteRefusedError
from router.service.firm import FirmAsking, FirmQuestion
from router.service.venues import Member, Venues, arrival_price_of

# Looked up once: the name of an enumeration's member costs as much as an addition.
_BOOK: Final = Source.BOOK
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
_Failure = tuple[Source | None, Reason, str | None]


class Competing:
    """Holds competitions over the connections that there are."""

    def __init__(self, venues: Venues, ledger: Ledger, observer: Observer, clock: Clock) -> None:
        self._venues = venues
        self._ledger = ledger
        self._observer = observer
        self._clock = clock
        self._firm = FirmAsking(clock)
        self._asking: dict[tuple[str, str], _Question] = {}
        self.collecting = 0
        """Competitions that wait for prices that were asked for."""
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

        `ready`: what takes time beside the questions; where nobody has to be asked it is not waited for.
        `to_trade`: the winner will be sent an order, so a connection without budget for one is out.
        """
        now = self._clock.now()
        contenders, books, not_streamed = self._field(request, now, to_trade=to_trade)
        arrival_price = arrival_price_of(books.values())
        for name, member in not_streamed.items():
            # Whether a firm price may be asked for can depend on the market that the others show.
            if member.firm is not None and contenders[name].barred is None:
                barred = self._firm.barred(member, request, arrival_price, now)
                contenders[name] = Contender(member.connection, contenders[name].product, barred)
        found = tuple(contenders.values())
        competition = Competition(request, rules, self._ledger)
        held = Held(competition_id, competition, found, arrival_price, now)
        asked = competition.opened(found, now)
        if not_streamed:
            others = [
                not_streamed[each.connection.id] for each in asked if each.connection.id in not_streamed
            ]
            if others:
                streamed = [each for each in asked if each.connection.id not in not_streamed]
                self.collecting += 1
                try:
                    await self._ask_and_read(held, others, streamed, ready, late)
                finally:
                    self.collecting -= 1
                return held
        # Nobody is waited for: there is no deadline to keep, and nobody to be woken when all have answered.
        self._read_books(competition, asked, books)
        return held

    def _field(
        self, request: OrderRequest, now: int, *, to_trade: bool
    ) -> tuple[dict[str, Contender], dict[str, Book], dict[str, Member]]:
        """Every connection as it stands, the streamed books that are young enough, and who has none of these.

        All by connection. Who quotes on request has none; one whose feed is down, or silent, is asked.
        `to_trade`: an order would follow, so its request must be within the account's budget.
        """
        venues, product = self._venues, request.product
        allowed, oldest = venues.groups.allowed(request.base), venues.oldest(now)
        contenders: dict[str, Contender] = {}
        books: dict[str, Book] = {}
        not_streamed: dict[str, Member] = {}
        for name, member in venues.by_id.items():
            venue, connection, enabled = member.venue, member.connection, member.enabled
            book = venue.book(product) if enabled else None
            if book is not None and book.at >= oldest:
                books[name] = book
                if member.firm is not None:
                    not_streamed[name] = member
            else:
                not_streamed[name] = member
            barred: Reason | None = None
            if not enabled:
                barred = Reason.DISABLED
            elif not venue.trades:
                barred = Reason.BREAKER_OPEN
            elif to_trade and not venue.has_order_budget():
                barred = Reason.RATE_LIMITED
            elif not connection.pts and not venues.knows_balance(name, now):
                barred = Reason.BALANCE_UNKNOWN
            elif allowed is not None and name not in allowed:
                barred = Reason.NOT_SELECTED
            elif not venue.takes(request):
                # One that would refuse such an order must not win it: it is out before it is asked.
                barred = Reason.PRODUCT_UNSUPPORTED
            contenders[name] = Contender(connection, venue.product(product), barred)
        return contenders, books, not_streamed

    async def _ask_and_read(
        self,
        held: Held,
        others: list[Member],
        streamed: list[Contender],
        ready: Awaitable[object] | None,
        late: LateQuote,
    ) -> None:
        """Ask whom must be asked, and wait for all under one deadline."""
        run = _Run(self, held, streamed, late, self._clock)
        deadline = held.opened_at + held.competition.rules.deadline_ns
        try:
            for member in others:
                if member.firm is not None:
                    self._ask_firm(member, run, deadline)
                else:
                    self._ask(member, run, deadline)
            if ready is not None:
                await ready
            run.read_books()
            await run.ranked()
        finally:
            run.end()

    def read_books(self, competition: Competition, streamed: Sequence[Contender]) -> None:
        """Quote from streamed books as they are now."""
        if not streamed:
            return
        books = self._venues.fresh_books(competition.request.product, self._clock.now())
        self._read_books(competition, streamed, books)

    def _read_books(
        self, competition: Competition, streamed: Sequence[Contender], books: Mapping[str, Book]
    ) -> None:
        """Quote from books. The clock is read once a book: a price took from one reading until the next."""
        request, terms, now = competition.request, competition.rules.terms, self._clock.now
        asked_at = now()
        for contender, found in zip(
            streamed, price_books(request, terms, streamed, books, _BOOK), strict=True
        ):
            answered_at = now()
            if isinstance(found, tuple):
                competition.priced(found[0], answered_at, asked_at, found[1])
            else:
                competition.failed(contender.connection.id, _BOOK, found, answered_at)
            asked_at = answered_at

    def price_of_book(
        self, contender: Contender, request: OrderRequest, terms: Terms, book: Book, source: Source, now: int
    ) -> Known | Reason:
        """The price of the request's size, or its slice's, from a book; or why there is none."""
        if contender.product is not None and not self._venues.fresh(book, now):
            return Reason.STALE_BOOK
        return price_book(request, terms, contender, book, source)

    def _ask(self, member: Member, run: "_Run", deadline: int) -> None:
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

    def _ask_firm(self, member: Member, run: "_Run", deadline: int) -> None:
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
            run.quoted(await asked.answer(deadline))
        except QuoteRefusedError as error:
            run.failed(name, Source.RFQ, error.reason, error.detail)
        except Exception as error:  # noqa: BLE001 - a bug in one adapter must not cost the others the deadline
            run.failed(name, *self._not_quoted(Source.RFQ, error))

    async def close(self) -> None:
        """Stop asking."""
        for task in self._tasks:
            task.cancel()
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def _answer(self, key: tuple[str, str], member: Member, question: "_Question") -> None:
        name, product = key
        failed: _Failure | None = None
        book: Book | None = None
        try:
            book = await member.venue.request_book(product, question.deadline + LATE_QUOTE_NS)
        except Exception as error:  # noqa: BLE001 - a bug in one adapter must not cost the others the deadline
            failed = self._not_quoted(Source.REQUEST, error)
        finally:
            if self._asking.get(key) is question:
                del self._asking[key]
        for run in question.runs:
            if book is not None:
                run.offer(name, book)
            elif failed is not None:
                run.failed(name, *failed)

    def _not_quoted(self, source: Source, error: Exception) -> "_Failure":
        """What a question that raised is in the record."""
        match error:
            case BudgetSpentError():
                return None, Reason.RATE_LIMITED, error.detail
            case OffWireError():
                return source, Reason.INVALID_QUOTE, error.detail
            case VenueUnreachableError():
                return source, Reason.VENUE_ERROR, error.detail
        self._observer.task_failed("question", error)
        return source, Reason.VENUE_ERROR, type(error).__name__


class _Question:
    """One request for a book that is under way, and the competitions that wait for its answer."""

    __slots__ = ("deadline", "runs")

    def __init__(self, deadline: int) -> None:
        self.deadline = deadline
        self.runs: list[_Run] = []


class _Run:
    """A competition that waits for answers: its deadline, and who waits for the ranking."""

    def __init__(
        self, competing: Competing, held: Held, streamed: list[Contender], late: LateQuote, clock: Clock
    ) -> None:
        self.held = held
        self._competing = competing
        self._streamed = streamed
        self._late = late
        self._clock = clock
        self._over = False
        self._waiter: asyncio.Future[None] | None = None
        left_ns = held.opened_at + held.competition.rules.deadline_ns - clock.now()
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(max(0, left_ns) / 1e9, self._time_is_up)

    async def ranked(self) -> None:
        """Wait until every answer is in, or the time for them over."""
        if self.held.competition.phase is Phase.COLLECTING:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter

    def read_books(self) -> None:
        """Quote from the streamed books, where that was not done yet."""
        streamed, self._streamed = self._streamed, []
        self._competing.read_books(self.held.competition, streamed)

    def offer(self, name: str, book: Book) -> None:
        """Quote from a book that was asked for."""
        competition = self.held.competition
        contender, terms, now = (
            competition.entries[name].contender,
            competition.rules.terms,
            self._clock.now(),
        )
        found = self._competing.price_of_book(
            contender, competition.request, terms, book, Source.REQUEST, now
        )
        if isinstance(found, tuple):
            late = self._comes_late()
            competition.priced(found[0], now, None, found[1])
            self._priced(name, late=late)
        else:
            self.failed(name, Source.REQUEST, found)

    def quoted(self, quote: Quote) -> None:
        """Hand a firm price to the machine."""
        late = self._comes_late()
        self.held.competition.quoted(quote, self._clock.now())
        self._priced(quote.connection_id, late=late)

    def _comes_late(self) -> bool:
        return self._over or self.held.competition.phase is not Phase.COLLECTING

    def _priced(self, name: str, *, late: bool) -> None:
        """The machine was told of a price; one that came too late is told to whoever keeps the record."""
        if late:
            self._late(self.held, name)
        self._look()

    def failed(self, name: str, source: Source | None, reason: Reason, detail: str | None = None) -> None:
        """Tell the machine that there is no price."""
        self.held.competition.failed(name, source, reason, self._clock.now(), detail)
        self._look()

    def _time_is_up(self) -> None:
        # A slow store must not cost the streamed books their turn: they are read now at the latest.
        self.read_books()
        self.held.competition.time_passed()
        self._look()

    def _look(self) -> None:
        """Wake who waits, once there is a ranking."""
        waiter = self._waiter
        if waiter is not None and not waiter.done() and self.held.competition.phase is not Phase.COLLECTING:
            waiter.set_result(None)

    def end(self) -> None:
        """Nothing is waited for any more."""
        self._over = True
        self._deadline.cancel()
