"""The mid price when an order arrives: between the best bid and the best ask of all that are fresh."""

from router.core.model import Book
from router.service.venues import arrival_price_of
from tests.unit.build import T0, D, book, levels


def one(bid: str | None, ask: str | None) -> Book:
    """A book of one level a side, or none."""
    return book(levels((bid, "1")) if bid else (), levels((ask, "1")) if ask else (), T0)


def test_it_is_between_the_best_of_all_books_whichever_comes_first() -> None:
    books = [one("99.00", "101.00"), one("99.80", "100.60"), one("99.50", "100.20"), one("98", "102")]

    assert arrival_price_of(books) == arrival_price_of(reversed(books)) == D("100.00")


def test_a_side_that_one_book_has_not_is_taken_from_the_others() -> None:
    assert arrival_price_of([one("99.00", None), one(None, "100.00")]) == D("99.50")


def test_without_a_bid_or_an_ask_there_is_none() -> None:
    assert arrival_price_of([]) is None
    assert arrival_price_of([one("99.00", None)]) is None
    assert arrival_price_of([one(None, "100.00"), one(None, "99.00")]) is None
