"""The competition's state machine: who is asked, what came, who ranks where.

    collecting ──every answer is in, or the deadline passed──▶ ranked ──award──▶ closed

`step(event, now)` takes events in the past tense and returns effects in the imperative. It reads no clock and
asks nobody: whoever runs it does. A quote that comes after the ranking is recorded and not used.
"""

import enum
from collections.abc import Callable, Sequence
from decimal import Decimal

import msgspec

from router.core.admission import check_balance, check_product
from router.core.ledger import Ledger
from router.core.model import (
    Connection,
    OrderRequest,
    Outcome,
    PricedQuote,
    Product,
    Quote,
    Reason,
    Route,
    Source,
)
from router.core.pricing import price_quote
from router.core.routing import Terms, given_up, route
from router.core.selection import Entrant, Ranking, outside_collar, rank


class Rules(msgspec.Struct, frozen=True):
    """What a competition is run by. `deadline_ns` from its opening, `collar_bps` as in the settings."""

    deadline_ns: int
    collar_bps: Decimal
    terms: Terms


class Contender(msgspec.Struct, frozen=True):
    """A connection as the competition finds it. `barred`: why it cannot be asked at all, whatever it is."""

    connection: Connection
    product: Product | None
    barred: Reason | None = None


class Entry(msgspec.Struct):
    """One connection's line in the record. Times in nanoseconds since the epoch."""

    connection_id: str
    outcome: Outcome | None = None
    reason: Reason | None = None
    source: Source | None = None
    priced: PricedQuote | None = None
    asked_at: int | None = None
    answered_at: int | None = None
    late: bool = False
    rank: int | None = None
    detail: str | None = None


# Events
class Opened(msgspec.Struct, frozen=True):
    """The order was taken up: these are the connections there are."""

    contenders: tuple[Contender, ...]


class QuoteReceived(msgspec.Struct, frozen=True):
    """A counterparty's price for the size came.

    `asked_at`: when the question was really put, where that was later than the opening (a streamed book is
    read when everything else is done); the record's latency counts from there.
    """

    quote: Quote
    product: Product
    asked_at: int | None = None


class QuoteFailed(msgspec.Struct, frozen=True):
    """A counterparty that was asked has no usable price; `detail` is for the record."""

    connection_id: str
    source: Source | None
    reason: Reason
    detail: str | None = None


class DeadlinePassed(msgspec.Struct, frozen=True):
    """The time for quotes is over."""


Event = Opened | QuoteReceived | QuoteFailed | DeadlinePassed


# Effects
class AskForQuote(msgspec.Struct, frozen=True):
    """Get a price for the size from this connection: from its book, or by asking."""

    connection_id: str


class ArmDeadline(msgspec.Struct, frozen=True):
    """Report `DeadlinePassed` at this time."""

    at: int


class Ranked(msgspec.Struct, frozen=True):
    """The competition can be decided: call `award`."""

    ranking: Ranking


Effect = AskForQuote | ArmDeadline | Ranked


class Phase(enum.StrEnum):
    """Where a competition stands."""

    COLLECTING = "collecting"
    RANKED = "ranked"
    CLOSED = "closed"


class Competition:
    """One competition over one request. Owned by one task; the ledger is the router's."""

    def __init__(self, request: OrderRequest, rules: Rules, ledger: Ledger) -> None:
        self.request = request
        self.rules = rules
        self.phase = Phase.COLLECTING
        self.entries: dict[str, Entry] = {}
        self.ranking = Ranking(())
        self._ledger = ledger
        self._contenders: dict[str, Contender] = {}
        self._open: set[str] = set()

    def step(self, event: Event, now: int) -> list[Effect]:
        """Take an event in; returns what is to be done. Events about unknown connections are a bug."""
        match event:
            case Opened():
                return self._opened(event.contenders, now)
            case QuoteReceived():
                return self._quoted(event, now)
            case QuoteFailed():
                return self._failed(event, now)
            case DeadlinePassed():
                return self._deadline()

    def award(self, reserve: Callable[[Route], Reason | None], now: int) -> Route | None:
        """Give the order to the best quote that still stands and can be reserved for; None if none can.

        `reserve` takes what the route needs (balance, request budget), all or nothing, or says why not: then
        that connection is out and the next best has its turn. Decision and reservation are one step: nothing
        else runs between them.
        """
        winner: Route | None = None
        for priced in self.ranking.quotes:
            entry = self.entries[priced.quote.connection_id]
            if winner is not None:
                entry.outcome = Outcome.LOST
                continue
            routed = self._route(priced) if _stands(priced.quote, now) else Reason.QUOTE_EXPIRED
            refused = routed if isinstance(routed, Reason) else reserve(routed)
            if refused is not None or isinstance(routed, Reason):
                self._out(entry, refused or Reason.INVALID_QUOTE)
            else:
                winner = routed
                entry.outcome = Outcome.WON
        self._number()
        self.phase = Phase.CLOSED
        return winner

    def close(self, now: int) -> None:
        """End without an order (an RFQ): the best quote that still stands has won, and nothing is reserved.

        A firm one that ended while others were waited for is no offer any more, and bounds no RFQ's life.
        """
        leading = True
        for priced in self.ranking.quotes:
            entry = self.entries[priced.quote.connection_id]
            if not _stands(priced.quote, now):
                self._out(entry, Reason.QUOTE_EXPIRED)
                continue
            entry.outcome = Outcome.WON if leading else Outcome.LOST
            leading = False
        self._number()
        self.phase = Phase.CLOSED

    @property
    def anyone_was_asked(self) -> bool:
        """Whether some connection was admitted: without one there is no eligible counterparty."""
        return any(entry.outcome is not Outcome.EXCLUDED for entry in self.entries.values())

    def _opened(self, contenders: Sequence[Contender], now: int) -> list[Effect]:
        effects: list[Effect] = []
        for contender in contenders:
            connection = contender.connection
            entry = self.entries[connection.id] = Entry(connection.id)
            self._contenders[connection.id] = contender
            reason = self._barred(contender)
            if reason is not None:
                self._out(entry, reason)
                continue
            entry.asked_at = now
            self._open.add(connection.id)
            effects.append(AskForQuote(connection.id))
        if not self._open:
            return self._rank()
        return [ArmDeadline(now + self.rules.deadline_ns), *effects]

    def _barred(self, contender: Contender) -> Reason | None:
        connection, product = contender.connection, contender.product
        selected = self.request.connections
        if selected is not None and connection.id not in selected:
            return Reason.NOT_SELECTED
        if contender.barred is not None:
            return contender.barred
        reason = check_product(self.request, connection, product)
        if reason is not None or product is None:
            return reason
        return check_balance(self.request, connection, product, self._ledger)

    def _quoted(self, event: QuoteReceived, now: int) -> list[Effect]:
        quote = event.quote
        connection = self._contenders[quote.connection_id].connection
        entry = self.entries[connection.id]
        if connection.id not in self._open and entry.answered_at is not None:
            return []  # a second answer to one question changes nothing
        priced = price_quote(quote, connection.taker_fee_bps, self.request.side, event.product)
        entry.answered_at = now
        entry.source = quote.source
        if event.asked_at is not None:
            entry.asked_at = event.asked_at
        if connection.id not in self._open:
            entry.late, entry.priced = True, priced
            return []
        entry.priced = priced
        routed = self._route(priced) if _stands(quote, now) else Reason.QUOTE_EXPIRED
        if isinstance(routed, Reason):
            self._out(entry, routed)
        return self._answered(connection.id)

    def _failed(self, event: QuoteFailed, now: int) -> list[Effect]:
        entry = self.entries[event.connection_id]
        if event.connection_id not in self._open:
            return []
        entry.answered_at = now
        entry.source = event.source
        entry.detail = event.detail
        self._out(entry, event.reason)
        return self._answered(event.connection_id)

    def _deadline(self) -> list[Effect]:
        if self.phase is not Phase.COLLECTING:
            return []
        for connection_id in sorted(self._open):
            self._out(self.entries[connection_id], Reason.TIMEOUT)
        self._open.clear()
        return self._rank()

    def _answered(self, connection_id: str) -> list[Effect]:
        self._open.discard(connection_id)
        return [] if self._open else self._rank()

    def _rank(self) -> list[Effect]:
        live = [(e.connection_id, e.priced) for e in self.entries.values() if e.outcome is None and e.priced]
        collared = outside_collar(
            [(name, priced.quote.price) for name, priced in live], self.rules.collar_bps
        )
        for name in collared:
            self._out(self.entries[name], Reason.OUTSIDE_COLLAR)
        self.ranking = rank(
            (
                Entrant(priced, self._contenders[name].connection.pts)
                for name, priced in live
                if name not in collared
            ),
            self.request.side,
        )
        self.phase = Phase.RANKED
        return [Ranked(self.ranking)]

    def _route(self, priced: PricedQuote) -> Route | Reason:
        contender = self._contenders[priced.quote.connection_id]
        connection, product = contender.connection, contender.product
        if product is None:
            return Reason.PRODUCT_UNSUPPORTED
        free = None
        if not connection.pts:
            free = self._ledger.free(connection.id, given_up(self.request, product))
        return route(self.request, self.rules.terms, priced, connection, product, free)

    def _number(self) -> None:
        ranked = [q.quote.connection_id for q in self.ranking.quotes]
        still = [name for name in ranked if self.entries[name].outcome in (Outcome.WON, Outcome.LOST)]
        for position, name in enumerate(still, start=1):
            self.entries[name].rank = position

    @staticmethod
    def _out(entry: Entry, reason: Reason) -> None:
        entry.outcome, entry.reason = reason.outcome, reason


def _stands(quote: Quote, now: int) -> bool:
    """Whether a quote can still be reached: a firm one ends at a time."""
    return quote.valid_until is None or now < quote.valid_until
