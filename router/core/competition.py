"""The competition's state machine: who is asked, what came, who ranks where.

    collecting ──every answer is in, or the deadline passed──▶ ranked ──award, close──▶ closed

Each event is a method in the past tense, with the time at which it happened: `opened`, `quoted`, `failed`,
`time_passed`. The machine reads no clock and asks nobody: whoever runs it asks those whom `opened` names and
looks at `phase`. All answers may come at once, before anything is waited for: then no time passes between
the first and the ranking. A quote that comes after the ranking is recorded and not used.
"""

import enum
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Final

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
from router.core.routing import Terms, bound_of, given_up, route, route_within
from router.core.selection import Entrant, Ranking, agree, outside_collar, rank


class Rules(msgspec.Struct, frozen=True, gc=False):
    """What a competition is run by. `deadline_ns` from its opening, `collar_bps` as in the settings."""

    deadline_ns: int
    collar_bps: Decimal
    terms: Terms


class Contender(msgspec.Struct, frozen=True, gc=False):
    """A connection as the competition finds it. `barred`: why it cannot be asked at all, whatever it is."""

    connection: Connection
    product: Product | None
    barred: Reason | None = None


class Entry(msgspec.Struct, gc=False):
    """One connection's line in the record. Times in nanoseconds since the epoch.

    `waits`: it was asked, and neither has it answered nor is its time over. `source`: what was asked of one
    that failed; a price says it itself. `route`: the order that would go out, and `free` what was free for it
    on a Spot connection when that was decided: as the ledger had it after so many `changes`.
    """

    contender: Contender
    outcome: Outcome | None = None
    reason: Reason | None = None
    source: Source | None = None
    priced: PricedQuote | None = None
    asked_at: int | None = None
    answered_at: int | None = None
    late: bool = False
    rank: int | None = None
    detail: str | None = None
    waits: bool = False
    route: Route | None = None
    free: Decimal | None = None
    changes: int | None = None

    def out(self, reason: Reason) -> None:
        """It takes no part, or no more."""
        self.outcome, self.reason = reason.outcome, reason


class Phase(enum.StrEnum):
    """Where a competition stands."""

    COLLECTING = "collecting"
    RANKED = "ranked"
    CLOSED = "closed"


# Looked up once: the name of an enumeration's member costs as much as an addition.
_COLLECTING: Final = Phase.COLLECTING
_RANKED: Final = Phase.RANKED
_CLOSED: Final = Phase.CLOSED
_WON: Final = Outcome.WON
_LOST: Final = Outcome.LOST


class Competition:
    """One competition over one request. Owned by one task; the ledger is the router's."""

    def __init__(self, request: OrderRequest, rules: Rules, ledger: Ledger) -> None:
        self.request = request
        self.rules = rules
        self.phase = _COLLECTING
        self.entries: dict[str, Entry] = {}
        self.ranking = Ranking(())
        # Who has a rank, best first; known once it is closed.
        self.placed: list[Entry] = []
        self._live: list[Entrant] = []
        self._ledger = ledger
        self._waiting = 0

    def opened(self, contenders: Iterable[Contender], now: int) -> list[Contender]:
        """The order was taken up, and these are the connections there are; returns who is to be asked."""
        asked = []
        request, entries = self.request, self.entries
        selected = request.connections
        for contender in contenders:
            connection, product = contender.connection, contender.product
            name = connection.id
            entry = entries[name] = Entry(contender)
            if selected is not None and name not in selected:
                entry.out(Reason.NOT_SELECTED)
                continue
            reason = contender.barred or check_product(request, connection, product)
            if reason is None and product is not None and not connection.pts:
                reason = check_balance(request, connection, product, self._free(entry, product))
            if reason is not None:
                entry.out(reason)
                continue
            entry.asked_at = now
            entry.waits = True
            asked.append(contender)
        self._waiting = len(asked)
        if not asked:
            self._rank()
        return asked

    def quoted(self, quote: Quote, now: int, asked_at: int | None = None) -> None:
        """A counterparty's price for the size came; as `priced`, without its fee yet."""
        contender = self.entries[quote.connection_id].contender
        if contender.product is not None:
            fee_bps = contender.connection.taker_fee_bps
            self.priced(price_quote(quote, fee_bps, self.request.side, contender.product), now, asked_at)

    def priced(
        self,
        priced: PricedQuote,
        now: int,
        asked_at: int | None = None,
        bound: Decimal | Reason | None = None,
    ) -> None:
        """A connection's price for the size came, or was read from its book.

        `asked_at`: when the question was really put, where that was later than the opening (a streamed book
        is read when everything else is done); the record's latency counts from there. `bound`: `bound_of`
        of this quote, if that is known already. A quote of an unknown connection is a bug: `KeyError`.
        """
        quote = priced.quote
        entry = self.entries[quote.connection_id]
        contender = entry.contender
        connection, product = contender.connection, contender.product
        if product is None or not entry.waits:
            if product is None or entry.answered_at is not None:
                return  # a second answer to one question changes nothing
            entry.late = True
        entry.priced = priced
        entry.answered_at = now
        if asked_at is not None:
            entry.asked_at = asked_at
        if entry.late:
            return
        entry.waits = False
        request, terms, pts = self.request, self.rules.terms, connection.pts
        limit = bound
        if quote.valid_until is not None and now >= quote.valid_until:
            limit = Reason.QUOTE_EXPIRED
        elif bound is None:
            limit = bound_of(request, terms, priced, product)
        if isinstance(limit, Reason):
            entry.out(limit)
        else:
            free = None if pts else self._free(entry, product)
            routed = route_within(limit, request, terms, priced, connection, product, free)
            if isinstance(routed, Route):
                entry.route = routed
                self._live.append((priced, pts))
            else:
                entry.out(routed)
        self._waiting -= 1
        if not self._waiting:
            self._rank()

    def failed(
        self, connection_id: str, source: Source | None, reason: Reason, now: int, detail: str | None = None
    ) -> None:
        """A counterparty that was asked has no usable price; `detail` is for the record."""
        entry = self.entries[connection_id]
        if not entry.waits:
            return
        entry.answered_at, entry.source, entry.detail, entry.waits = now, source, detail, False
        entry.out(reason)
        self._waiting -= 1
        if not self._waiting:
            self._rank()

    def time_passed(self) -> None:
        """The time for quotes is over; nothing happens where it was not waited for."""
        if self.phase is not _COLLECTING:
            return
        for entry in self.entries.values():
            if entry.waits:
                entry.waits = False
                entry.out(Reason.TIMEOUT)
        self._rank()

    def award(self, reserve: Callable[[Route], Reason | None], now: int) -> Route | None:
        """Give the order to the best quote that still stands and can be reserved for; None if none can.

        `reserve` takes what the route needs (balance, request budget), all or nothing, or says why not: then
        that connection is out and the next best has its turn. Decision and reservation are one step: nothing
        else runs between them.
        """
        winner: Route | None = None
        placed = self.placed = []
        for priced in self.ranking.quotes:
            entry = self.entries[priced.quote.connection_id]
            if winner is None:
                routed = self._route_now(entry, priced, now)
                if not isinstance(routed, Route):
                    entry.out(routed)
                    continue
                refused = reserve(routed)
                if refused is not None:
                    entry.out(refused)
                    continue
                winner = routed
                entry.outcome = _WON
            else:
                entry.outcome = _LOST
            placed.append(entry)
            entry.rank = len(placed)
        self.phase = _CLOSED
        return winner

    def close(self, now: int) -> None:
        """End without an order (an RFQ): the best quote that still stands has won, and nothing is reserved.

        A firm one that ended while others were waited for is no offer any more, and bounds no RFQ's life.
        """
        placed = self.placed = []
        for priced in self.ranking.quotes:
            entry = self.entries[priced.quote.connection_id]
            if not _stands(priced.quote, now):
                entry.out(Reason.QUOTE_EXPIRED)
                continue
            entry.outcome = _LOST if placed else _WON
            placed.append(entry)
            entry.rank = len(placed)
        self.phase = _CLOSED

    @property
    def anyone_was_asked(self) -> bool:
        """Whether some connection was admitted: without one there is no eligible counterparty."""
        return any(entry.outcome is not Outcome.EXCLUDED for entry in self.entries.values())

    def _rank(self) -> None:
        live, collar_bps = self._live, self.rules.collar_bps
        if not agree([priced.quote.price for priced, _ in live], collar_bps):
            quotes = [priced.quote for priced, _ in live]
            collared = outside_collar([(quote.connection_id, quote.price) for quote in quotes], collar_bps)
            for name in collared:
                self.entries[name].out(Reason.OUTSIDE_COLLAR)
            live = [each for each in live if each[0].quote.connection_id not in collared]
        self.ranking = rank(live, self.request.side)
        self.phase = _RANKED

    def _route_now(self, entry: Entry, priced: PricedQuote, now: int) -> Route | Reason:
        """The order on a ranked quote as the balance is by now, or why there is none any more."""
        if not _stands(priced.quote, now):
            return Reason.QUOTE_EXPIRED
        connection, product = entry.contender.connection, entry.contender.product
        if product is None:
            return Reason.PRODUCT_UNSUPPORTED
        before = entry.free
        free = None if connection.pts else self._free(entry, product)
        if entry.route is not None and free == before:
            return entry.route  # nothing that it was made from has changed since
        return route(self.request, self.rules.terms, priced, connection, product, free)

    def _free(self, entry: Entry, product: Product) -> Decimal | None:
        """What is free for a Spot entry now; the ledger is asked where anything happened to it meanwhile."""
        ledger = self._ledger
        if entry.changes != ledger.changes:
            entry.changes = ledger.changes
            entry.free = ledger.free(entry.contender.connection.id, given_up(self.request, product))
        return entry.free


def _stands(quote: Quote, now: int) -> bool:
    """Whether a quote can still be reached: a firm one ends at a time."""
    return quote.valid_until is None or now < quote.valid_until
