"""The connections of a router, as its service uses them: one place that knows which venue an id names."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Protocol

import msgspec

from router.core.groups import RoutingGroups
from router.core.ledger import Ledger
from router.core.model import Book, Connection, Product
from router.core.once import Once
from router.core.pricing import mid_price
from router.ports import Clock, ConnectionView, Venue
from router.ports.accounts import TradingAccount
from router.ports.quotes import FirmQuoting


class TradingVenue(Venue, Protocol):
    """A venue together with the books of its account."""

    @property
    def account(self) -> TradingAccount:
        """The account's books."""


class QuotingRules(msgspec.Struct, frozen=True):
    """How often, and for what, a connection is asked for firm prices; None: no rule.

    `notional_min`: the smallest order that is worth a question, in quote currency.
    """

    notional_min: Decimal | None = None
    quotes_per_minute: int | None = None


class Member(msgspec.Struct, frozen=True, dict=True):
    """A venue and what the settings say of it."""

    venue: Venue
    type: str
    enabled: bool
    settling_window_ns: int
    firm: FirmQuoting | None = None
    """What asks it for firm prices; None where it streams books."""
    quoting: QuotingRules = QuotingRules()

    @Once
    def connection(self) -> Connection:
        """Who it is."""
        return self.venue.connection


class Venues:
    """The connections that trade by id: those of the settings in their order, then those that were added."""

    def __init__(
        self,
        members: Iterable[Member],
        ledger: Ledger,
        clock: Clock,
        *,
        book_age_ns: int,
        balance_age_ns: int,
        groups: RoutingGroups | None = None,
    ) -> None:
        self.groups = RoutingGroups() if groups is None else groups
        self._members: dict[str, Member] = {member.connection.id: member for member in members}
        self._ledger = ledger
        self._clock = clock
        self._book_age_ns = book_age_ns
        self._balance_age_ns = balance_age_ns

    def __iter__(self) -> Iterator[Member]:
        return iter(tuple(self._members.values()))

    @property
    def by_id(self) -> Mapping[str, Member]:
        """The connections that there are, as they are now; not a copy."""
        return self._members

    def put(self, member: Member) -> None:
        """Add a connection, or put it in the place of the one with its id."""
        self._members[member.connection.id] = member

    def drop(self, connection_id: str) -> None:
        """Take a connection out; nothing happens where it is not there."""
        self._members.pop(connection_id, None)

    def get(self, connection_id: str) -> Member | None:
        """A connection by its id."""
        return self._members.get(connection_id)

    def __getitem__(self, connection_id: str) -> Member:
        return self._members[connection_id]

    def views(self) -> Sequence[ConnectionView]:
        """Every connection as operators see it."""
        return [
            ConnectionView(
                connection=member.connection,
                type=member.type,
                enabled=member.enabled,
                health=member.venue.health(),
                products=tuple(product.name for product in member.venue.products()),
            )
            for member in self._members.values()
        ]

    def products_named(self, name: str) -> Iterator[Product]:
        """A product as each connection that has it trades it; a connection is asked as it is come to."""
        for member in self._members.values():
            product = member.venue.product(name)
            if product is not None:
                yield product

    def knows_balance(self, connection_id: str, now: int) -> bool:
        """Whether a Spot connection's balance was stated, and not too long ago."""
        stated_at = self._ledger.stated_at(connection_id)
        return stated_at is not None and now - stated_at <= self._balance_age_ns

    def oldest(self, now: int) -> int:
        """When the prices of a book held that is just young enough to be a quote."""
        return now - self._book_age_ns

    def fresh(self, book: Book, now: int) -> bool:
        """Whether a book is young enough to be a quote."""
        return book.at >= self.oldest(now)

    def aged(self, waited_ns: int) -> bool:
        """Whether a price that was fresh so long ago can be one no more."""
        return waited_ns > self._book_age_ns

    def fresh_books(self, product: str, now: int) -> dict[str, Book]:
        """The streamed books that are young enough to be quotes, by connection."""
        found = {}
        oldest = self.oldest(now)
        for name, member in self._members.items():
            book = member.venue.book(product) if member.enabled else None
            if book is not None and book.at >= oldest:
                found[name] = book
        return found

    def arrival_price(self, product: str, now: int) -> Decimal | None:
        """The mid price over every fresh book: what the market was when the order arrived."""
        return arrival_price_of(self.fresh_books(product, now).values())


def arrival_price_of(books: Iterable[Book]) -> Decimal | None:
    """The mid price over books, between the best of all bids and the best of all asks."""
    best_bid: Decimal | None = None
    best_ask: Decimal | None = None
    for book in books:
        bid, ask = book.best_bid, book.best_ask
        if bid is not None and (best_bid is None or bid > best_bid):
            best_bid = bid
        if ask is not None and (best_ask is None or ask < best_ask):
            best_ask = ask
    return mid_price(best_bid, best_ask)
