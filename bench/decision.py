"""What a decision costs: a competition over streamed books against a loop that only compares their prices.

The floor walks each book with plain `Decimal` arithmetic, adds the fee and keeps the cheapest. The router's
run does that and everything else that is promised: admission, exact sums, collar, total order, reservation,
the route and the whole record.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

from router.core.competition import Competition, Contender, Rules
from router.core.ledger import Ledger
from router.core.model import Book, Connection, Level, OrderRequest, OrderType, Product, Route, Side, Source
from router.core.record import entry_records
from router.core.routing import Terms
from router.core.touch import price_books

NOW = 1_760_000_000_000_000_000
SIZE = Decimal("3.5")
FEE_BPS = Decimal(4)


class Case(NamedTuple):
    """A floor and what is measured against it."""

    name: str
    floor: Callable[[], object]
    run: Callable[[], object]


PRODUCT = Product(
    name="BTC-USD",
    base="BTC",
    quote="USD",
    base_increment=Decimal("0.00000001"),
    base_size_min=Decimal("0.0001"),
    base_size_max=Decimal(1000),
    quote_increment=Decimal("0.01"),
    quote_size_min=Decimal(1),
    quote_size_max=Decimal(100_000_000),
    price_increment=Decimal("0.01"),
    enabled=True,
    margin_supported=True,
)
REQUEST = OrderRequest("bench-1", "BTC-USD", Side.BUY, OrderType.MARKET, SIZE, "BTC")
RULES = Rules(250_000_000, Decimal(500), Terms(Decimal(50)))


def _levels(number: int) -> tuple[Level, ...]:
    first = Decimal("64000.00") + Decimal(number) / 100
    return tuple(Level(first + Decimal(depth) / 10, Decimal("0.5")) for depth in range(10))


def _floor(count: int) -> Callable[[], object]:
    books = [_levels(number) for number in range(count)]
    factor = 1 + FEE_BPS / 10_000

    def cheapest() -> Decimal | None:
        best = None
        for levels in books:
            left, cost = SIZE, Decimal(0)
            for level in levels:
                take = min(left, level.size)
                cost += take * level.price
                left -= take
                if not left:
                    break
            total = cost * factor
            if best is None or total < best:
                best = total
        return best

    return cheapest


def _decision(count: int) -> Callable[[], object]:
    ledger = Ledger()
    connections = [
        Connection(f"c{number:02d}", f"Account {number}", number % 2 == 1, "bench", FEE_BPS)
        for number in range(count)
    ]
    for connection in connections:
        if not connection.pts:
            ledger.state(connection.id, {"USD": Decimal(10_000_000)}, NOW - 1)
    contenders = tuple(Contender(connection, PRODUCT) for connection in connections)
    books = {connection.id: Book((), _levels(number), NOW) for number, connection in enumerate(connections)}

    def reserve(route: Route) -> None:
        if route.claim is not None and not ledger.reserve("order", route.connection_id, route.claim):
            raise AssertionError("the balance covers one order")

    def decide() -> object:
        competition = Competition(REQUEST, RULES, ledger)
        asked = competition.opened(contenders, NOW)
        for found in price_books(REQUEST, RULES.terms, asked, books, Source.BOOK):
            if isinstance(found, tuple):
                competition.priced(found[0], NOW, bound=found[1])
        winner = competition.award(reserve, NOW)
        ledger.release("order", {}, NOW)
        return winner, entry_records(competition)

    return decide


CASES = [Case(f"decision, {count} streamed books", _floor(count), _decision(count)) for count in (1, 4, 16)]
