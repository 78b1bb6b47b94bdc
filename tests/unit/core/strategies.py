"""What properties are drawn from: amounts, increments, and books with their best level first."""

from decimal import Decimal

from hypothesis import strategies as st

from router.core.model import Level, Side

SIDES = st.sampled_from(list(Side))


def amounts(low: int = 0, high: int = 10**12, decimals: int = 8) -> st.SearchStrategy[Decimal]:
    """Amounts from whole numbers of the last decimal, exact, in plain notation."""
    return st.tuples(st.integers(low, high), st.integers(0, decimals)).map(
        lambda drawn: Decimal((0, tuple(int(digit) for digit in str(drawn[0])), -drawn[1]))
    )


INCREMENTS = st.sampled_from(
    [Decimal(text) for text in ("0.00000001", "0.0001", "0.01", "0.05", "0.25", "1", "3", "10", "1E+2")]
)
PRICES = st.integers(1, 10**7).map(lambda cents: Decimal(cents) * Decimal("0.01"))
SIZES = st.integers(1, 10**9).map(lambda units: Decimal(units) * Decimal("0.00000001"))


def sides_of_book(side: Side, max_size: int = 6) -> st.SearchStrategy[tuple[Level, ...]]:
    """The side that a caller trades against: asks from the lowest for a buy, bids from the highest."""
    return st.dictionaries(PRICES, SIZES, min_size=1, max_size=max_size).map(
        lambda found: tuple(Level(price, found[price]) for price in sorted(found, reverse=side is Side.SELL))
    )
