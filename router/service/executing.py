"""Takes an order from its competition to the counterparty: reserve, write the intent, send once.

One order, one live send. The next best quote has a turn only after a definite refusal for want of credit, if
the caller wants that, and only while it still stands. Whatever leaves open whether an order is live ends the
way here: the order is in doubt, and `following` looks it up.
"""

from decimal import Decimal

import msgspec

from router.core.attempt import make_attempt
from router.core.competition import Contender
from router.core.errors import Code, OrderError, UnavailableError
from router.core.ledger import Ledger
from router.core.model import (
    OnCreditFailure,
    OrderRequest,
    OrderType,
    PricedQuote,
    Product,
    Reason,
    Route,
    Side,
    Source,
)
from router.core.money import ZERO
from router.core.order import (
    NotRouted,
    Order,
    Phase,
    Refused,
    Reported,
    Routed,
    WentInDoubt,
)
from router.core.routing import Terms, given_up, route
from router.observe.observer import Observer
from router.ports import Clock, Cover, NeverSent, ReservationRefusedError, Taken, Unanswered
from router.ports import Refused as VenueRefused
from router.service.competing import Competing
from router.service.orders import LiveOrder, Orders
from router.service.venues import Member, Venues

_MARKET = OrderType.MARKET


class Plan(msgspec.Struct, frozen=True):
    """What the winner's order is sent by, and who comes after it.

    `ranking`: whom it may go to, best first; `rivals`: every ranked quote, for the cover price.
    """

    terms: Terms
    competition_id: str
    arrival_price: Decimal | None
    contenders: tuple[Contender, ...]
    ranking: tuple[PricedQuote, ...]
    rivals: tuple[PricedQuote, ...]
    on_credit_failure: OnCreditFailure


class Executing:
    """Sends orders to the counterparties that won them."""

    def __init__(
        self,
        venues: Venues,
        orders: Orders,
        ledger: Ledger,
        competing: Competing,
        observer: Observer,
        clock: Clock,
    ) -> None:
        self._venues = venues
        self._orders = orders
        self._ledger = ledger
        self._competing = competing
        self._observer = observer
        self._clock = clock
        self.sending = 0
        """Orders that wait for a counterparty's answer."""

    def reserve(self, order_id: str, routed: Route) -> Reason | None:
        """Take what a route needs, balance and request, all or nothing; or say why not."""
        venue = self._venues[routed.connection_id].venue
        if not venue.trades:
            return Reason.BREAKER_OPEN
        if not venue.take_order_budget():
            return Reason.RATE_LIMITED
        claim = routed.claim
        if claim is not None and not self._ledger.reserve(order_id, routed.connection_id, claim):
            venue.return_order_budget()
            return Reason.INSUFFICIENT_BALANCE
        return None

    def give_back(self, order_id: str, routed: Route) -> None:
        """Undo `reserve`: nothing was sent."""
        self._ledger.release(order_id, {}, self._clock.now())
        self._return_budget(routed.connection_id)

    def _return_budget(self, connection_id: str) -> None:
        """Give back the request; a connection that was removed meanwhile has taken its own along."""
        member = self._venues.get(connection_id)
        if member is not None:
            member.venue.return_order_budget()

    async def execute(self, live: LiveOrder, first: Route, plan: Plan) -> None:
        """Send the order to `first`, which is reserved; after it to the next best, where that is wanted."""
        routed: Route | None = first
        while routed is not None:
            if not await self._write_intent(live, routed, plan):
                return
            now = self._clock.now()
            withheld = self._gone(live) or self._too_late(live, now)
            if withheld is not None:
                self._return_budget(routed.connection_id)
                self._orders.note(live, Refused(withheld))
                return
            refusal = await self._send(live, now)
            if refusal is None:
                return
            goes_on = self._goes_on(refusal, plan)
            self._orders.note(live, Refused(refusal, final=not goes_on))
            routed = self._reserve_next(live, plan) if goes_on else None
            if goes_on and routed is None:
                self._orders.note(live, NotRouted(refusal))

    async def _write_intent(self, live: LiveOrder, routed: Route, plan: Plan) -> bool:
        """Make the intent durable; False, with everything given back, if it cannot be.

        After a refusal for credit that refusal is what the order ends with: it is never turned into another.
        """
        connection = self._venues[routed.connection_id].connection
        product = product_of(plan.contenders, routed.connection_id)
        if product is None:
            raise LookupError(f"expected a product for {routed.connection_id}, was none")
        cover = _cover(plan.rivals, routed.connection_id)
        order = live.order
        attempt = make_attempt(
            order.id,
            order.request,
            len(order.attempts) + 1,
            routed,
            connection,
            product,
            cover,
            self._clock.now(),
        )
        refusal: OrderError | None = None
        try:
            intent = Routed(attempt, plan.competition_id, plan.arrival_price)
            if await self._orders.intend(live, intent, self._cover(routed)):
                return True
        except (UnavailableError, ReservationRefusedError) as error:
            if isinstance(error, ReservationRefusedError):
                code, detail = Code.NO_ELIGIBLE_COUNTERPARTY, str(error)
            else:
                code, detail = Code.STORE_UNAVAILABLE, error.detail
            earlier = order.attempts[-1].error if order.attempts else None
            refusal = earlier or OrderError(code, detail, retryable=True)
        # Without a refusal: the counterparty that refused it shows it as live, and nothing is sent beside it.
        self.give_back(live.order.id, routed)
        if live.accepting is not None:
            # What refuses an order is kept of one that is kept: what its acceptance fails with is raised.
            await live.accepting
        if refusal is not None and live.order.phase is Phase.ACCEPTED:
            self._orders.note(live, NotRouted(refusal, plan.competition_id, plan.arrival_price))
        return False

    def _cover(self, routed: Route) -> Cover | None:
        """What other routers' reservations must fit into; None where none are, or nothing is claimed."""
        if routed.claim is None or not self._orders.shared:
            return None
        free = self._ledger.free(routed.connection_id, routed.claim.asset)
        stated_at = self._ledger.stated_at(routed.connection_id)
        # A balance that became unknown since it was reserved leaves nothing for others.
        return Cover(ZERO, 0) if free is None or stated_at is None else Cover(free, stated_at)

    def _gone(self, live: LiveOrder) -> OrderError | None:
        """Why an order is not sent whose connection was removed while its intent was written.

        After a refusal for credit that refusal stays.
        """
        attempt = live.order.attempts[-1]
        if attempt.connection.id in self._venues.by_id:
            return None
        earlier = live.order.attempts[-2].error if attempt.number > 1 else None
        return earlier or OrderError(
            Code.VENUE_UNAVAILABLE,
            "expected its connection when it was to be sent, was removed: it was not sent",
            retryable=True,
            connection_id=attempt.connection_id,
        )

    def _too_late(self, live: LiveOrder, now: int) -> OrderError | None:
        """Why a market order is not sent whose intent took so long to write that its price is of long ago.

        A limit order is wanted at its limit whenever it comes; a firm quote, for as long as it is held. After
        a refusal for credit that refusal stays.
        """
        attempt = live.order.attempts[-1]
        waited_ns = now - attempt.routed_at
        if attempt.quote_valid_until is not None:
            late = now >= attempt.quote_valid_until
        else:
            late = live.order.request.type is _MARKET and self._venues.aged(waited_ns)
        if not late:
            return None
        earlier = live.order.attempts[-2].error if attempt.number > 1 else None
        return earlier or OrderError(
            Code.PRICE_MOVED,
            f"expected to be sent on the price it was decided on, was {waited_ns // 1_000_000} ms later",
            retryable=True,
            connection_id=attempt.connection_id,
        )

    async def _send(self, live: LiveOrder, sent_at: int) -> OrderError | None:
        """Send, once. The refusal if it was refused and nothing is live; else what came is noted here."""
        attempt = live.order.attempts[-1]
        connection_id = attempt.connection.id
        venue = self._venues[connection_id].venue
        self.sending += 1
        try:
            result = await venue.submit(attempt.outbound)
        finally:
            self.sending -= 1
            self._observer.order_sent(live.order.id, connection_id, sent_at, self._clock.now())
        match result:
            case Taken(report=report):
                self._orders.note(live, Reported(report))
            case Unanswered(detail=detail):
                self._orders.note(live, WentInDoubt(detail, sent_at))
            case VenueRefused(error=error) if live.order.phase is Phase.ROUTED:
                return error
            case NeverSent(detail=detail) if live.order.phase is Phase.ROUTED:
                return OrderError(Code.VENUE_UNAVAILABLE, detail, retryable=True, connection_id=connection_id)
            case VenueRefused() | NeverSent():
                # Its feed showed the order before its answer denied it: evidence goes before words.
                self._orders.note(live, WentInDoubt("refused, but shown on the feed", sent_at))
        return None

    @staticmethod
    def _goes_on(refusal: OrderError, plan: Plan) -> bool:
        return refusal.code.is_credit and plan.on_credit_failure is OnCreditFailure.NEXT_BEST

    def _reserve_next(self, live: LiveOrder, plan: Plan) -> Route | None:
        """Reserve for the next quote of the ranking that was not tried, still stands and can be reserved for.

        An indicative one is priced anew from its book.
        """
        tried = {attempt.connection_id for attempt in live.order.attempts}
        for priced in plan.ranking:
            if priced.quote.connection_id in tried:
                continue
            routed = self.route_now(live.order.request, plan, priced)
            if isinstance(routed, Route) and self.reserve(live.order.id, routed) is None:
                return routed
        return None

    def route_now(self, request: OrderRequest, plan: Plan, priced: PricedQuote) -> Route | Reason:
        """The order on a quote of a ranking as things are now, or why it can no longer go out."""
        quote = priced.quote
        member = self._venues.get(quote.connection_id)
        if member is None or not member.venue.trades:
            return Reason.BREAKER_OPEN
        connection = member.connection
        product = product_of(plan.contenders, quote.connection_id)
        if product is None:
            return Reason.PRODUCT_UNSUPPORTED
        if quote.valid_until is not None and quote.valid_until <= self._clock.now():
            return Reason.QUOTE_EXPIRED
        if not quote.firm and plan.terms.protected and self._has_moved(member, request, plan.terms, priced):
            return Reason.QUOTE_EXPIRED
        if not quote.firm and not plan.terms.protected:
            # An indicative price stands as long as its book does: it is read again.
            book = member.venue.book(request.product)
            if book is None:
                return Reason.STALE_BOOK
            contender = Contender(connection, product)
            fresh = self._competing.price_of_book(
                contender, request, plan.terms, book, Source.BOOK, self._clock.now()
            )
            if isinstance(fresh, Reason):
                return fresh
            priced = fresh[0]
        free = None
        if not connection.pts:
            free = self._ledger.free(connection.id, given_up(request, product))
        return route(request, plan.terms, priced, connection, product, free)

    def _has_moved(self, member: Member, request: OrderRequest, terms: Terms, priced: PricedQuote) -> bool:
        """Whether a streamed book shows already that an accepted price is not to be had any more.

        Fill-or-kill at that price would trade nothing: the request it would cost is saved for another order.
        """
        book = member.venue.book(request.product)
        if book is None:
            return False
        contender = Contender(member.connection, member.venue.product(request.product))
        fresh = self._competing.price_of_book(contender, request, terms, book, Source.BOOK, self._clock.now())
        if isinstance(fresh, Reason):
            return fresh is Reason.INSUFFICIENT_DEPTH
        accepted = priced.quote.price
        quote = fresh[0].quote
        worse = quote.price > accepted if request.side is Side.BUY else quote.price < accepted
        return worse or not quote.complete


def no_winner(order: Order, *, anyone_was_asked: bool) -> OrderError:
    """What an order ends with that nobody could be given."""
    names = len(order.candidates)
    if anyone_was_asked:
        return OrderError(
            Code.NO_QUOTES,
            f"expected a usable quote from one of {names} connections, was none",
            retryable=True,
        )
    return OrderError(
        Code.NO_ELIGIBLE_COUNTERPARTY,
        f"expected one of {names} connections to be eligible for {order.request.product}, was none",
        retryable=True,
    )


def not_executable(reason: Reason | None, connection_id: str) -> OrderError:
    """What an accepted RFQ ends with whose connection can no longer be traded with."""
    code = Code.PRICE_MOVED if reason is Reason.QUOTE_EXPIRED else Code.NO_ELIGIBLE_COUNTERPARTY
    return OrderError(
        code,
        f"expected {connection_id} to be eligible when the RFQ was accepted, was {reason}",
        retryable=True,
        connection_id=connection_id,
    )


def product_of(contenders: tuple[Contender, ...], connection_id: str) -> Product | None:
    """The product as a contender trades it."""
    for contender in contenders:
        if contender.connection.id == connection_id:
            return contender.product
    return None


def _cover(ranking: tuple[PricedQuote, ...], winner: str) -> Decimal | None:
    """The best all-in price among those that did not win."""
    for priced in ranking:
        if priced.quote.connection_id != winner:
            return priced.all_in_price
    return None
