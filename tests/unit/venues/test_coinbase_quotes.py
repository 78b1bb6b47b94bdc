"""Firm quotes: the limit that a question has, when a quote ends, and which answer is none."""

from typing import Any

import pytest

from router.core.model import Reason, Side
from router.ports import BudgetSpentError, OffWireError, VenueUnreachableError
from router.ports.quotes import QuoteRefusedError
from tests.unit.build import D
from tests.unit.venues.coinbase_kit import BELOW, Prime, ask, fixture, portfolio, product
from tests.unit.venues.support import SECOND
from venues.coinbase import wire
from venues.coinbase.encode import client_quote_id, quote_limit
from venues.coinbase.quotes import SendTime, quote_of
from venues.transport.times import format_time

T0 = 1_750_000_000_000_000_000
MS = 1_000_000
SENDS = 40 * MS
QUOTE = fixture("quote") | {"expiration_time": ""}


def answered(question: Any = None, /, **changed: Any) -> Any:
    found = wire.Quote(**QUOTE | changed)
    return quote_of(found, question or ask(), T0, SENDS)


@pytest.mark.parametrize(
    ("changed", "limit"),
    [
        ({}, "105.00"),
        ({"side": Side.SELL}, "95.00"),
        ({"reference_price": D("100.001")}, "105.01"),
        ({"reference_price": D("100.001"), "side": Side.SELL}, "95.00"),
        ({"collar_bps": D(10_000), "side": Side.SELL}, "0.01"),
        # Nobody shows a price: the order's size at the most, and at the least, that is quoted.
        ({"reference_price": None}, "1800000.00"),
        ({"reference_price": None, "side": Side.SELL}, "20.00"),
        ({"reference_price": None, "quantity": D(100), "quantity_currency": "USD"}, "1000000.00"),
        (
            {"reference_price": None, "quantity": D(100), "quantity_currency": "USD", "side": Side.SELL},
            "1.00",
        ),
    ],
)
def test_the_limit_is_as_far_from_the_reference_as_counts(changed: dict[str, Any], limit: str) -> None:
    assert quote_limit(ask(**changed)) == D(limit)


def test_a_product_without_a_least_size_has_a_limit_too() -> None:
    question = ask(
        reference_price=None,
        quantity=D(1),
        quantity_currency="USD",
        product=product(base_size_min=D(0)),
    )
    assert quote_limit(question) == D(100_000_000)


def test_the_id_of_a_question_is_a_uuid_and_a_function_of_the_ask() -> None:
    assert client_quote_id(ask()) == client_quote_id(ask(quantity=D(9)))
    assert client_quote_id(ask()) != client_quote_id(ask(id="competition-2/cb-spot"))
    assert len(client_quote_id(ask())) == 36


def test_a_quote_has_its_price_without_fees_and_with_them() -> None:
    quote, held = answered()
    assert (quote.quote_id, quote.price, quote.all_in_price) == (QUOTE["quote_id"], D(100), D("100.10"))
    assert (quote.quantity_base, quote.quantity_quote) == (D("0.5"), D(50))
    assert held.worth == D("50.05")
    assert answered(price_inclusive_of_fees="")[0].all_in_price is None


def test_a_quote_in_the_quote_currency_has_the_base_that_it_buys() -> None:
    question = ask(quantity=D("50.01"), quantity_currency="USD")
    quote, _ = answered(question, best_price="100.03", price_inclusive_of_fees="", order_total="50.01")
    assert (quote.quantity_base, quote.quantity_quote) == (D("0.49995001"), D("50.01"))


@pytest.mark.parametrize(
    ("changed", "after_ms"),
    [
        ({}, 3000),
        ({"quote_duration_ms": 2000}, 2000),
        ({"quote_duration_ms": "1500"}, 1500),
        ({"quote_duration_ms": 30_001}, 3000),
        ({"quote_duration_ms": -1}, 3000),
        ({"quote_duration_ms": None}, 3000),
        ({"expiration_time": format_time(T0 + 1000 * MS)}, 1000),
        ({"expiration_time": format_time(T0 + 900 * MS), "quote_duration_ms": 1000}, 900),
        # Their clock is ahead of ours: no quote is held for longer than its duration.
        ({"expiration_time": format_time(T0 + 60 * SECOND)}, 3000),
        # Behind: it looks as if it had ended already, and nobody knows that it has not.
        ({"expiration_time": format_time(T0 - SECOND)}, -1000),
    ],
)
def test_a_quote_ends_when_it_says_less_what_an_order_takes(changed: dict[str, Any], after_ms: int) -> None:
    quote, held = answered(**changed)
    assert held.ends_at == T0 + after_ms * MS
    assert quote.valid_until == held.valid_until == held.ends_at - SENDS


@pytest.mark.parametrize(
    "changed",
    [
        {"quote_id": ""},
        {"quote_id": "q" * 129},
        {"best_price": "0"},
        {"best_price": "1e2"},
        {"best_price": "105.01"},
        {"price_inclusive_of_fees": "-1"},
        {"expiration_time": "soon"},
        {"product_id": "ETH-USD"},
        {"side": "SELL"},
        {"base_quantity": "0.4"},
        {"order_total": "40.00"},
        {"order_total": "60.00"},
        {"order_total": "x"},
    ],
)
def test_an_answer_to_another_question_is_off_the_wire(changed: dict[str, Any]) -> None:
    with pytest.raises(OffWireError):
        answered(**changed)


def test_a_sale_may_not_be_quoted_below_its_limit() -> None:
    question = ask(side=Side.SELL)
    answered(question, best_price="95.00", price_inclusive_of_fees="94.90", order_total="47.45")
    with pytest.raises(OffWireError, match="best_price"):
        answered(question, best_price="94.99", price_inclusive_of_fees="94.90", order_total="47.45")


@pytest.mark.parametrize(
    "changed",
    [
        {"product_id": "BTC-USD", "side": "BUY", "base_quantity": "0.50"},
        {"order_total": ""},
        {"order_total": "50.00"},
        {"order_total": "50.06"},
    ],
)
def test_an_answer_may_repeat_the_question_and_round_its_total(changed: dict[str, Any]) -> None:
    assert answered(**changed)[0].price == D(100)


def test_what_an_order_takes_is_the_most_of_the_latest_within_bounds() -> None:
    took = SendTime()
    assert took.most_ns(T0) == SendTime.FLOOR_NS
    took.took(1, T0)
    assert took.most_ns(T0) == SendTime.FLOOR_NS
    took.took(300 * MS, T0)
    took.took(100 * MS, T0 + SECOND)
    assert took.most_ns(T0 + SECOND) == 300 * MS
    took.took(20 * SECOND, T0 + SECOND)
    assert took.most_ns(T0 + SECOND) == SendTime.CEILING_NS
    for _ in range(SendTime.LATEST):
        took.took(200 * MS, T0 + 2 * SECOND)
    assert took.most_ns(T0 + 2 * SECOND) == 200 * MS
    assert took.most_ns(T0 + 2 * SECOND + SendTime.MEMORY_NS) == SendTime.FLOOR_NS


async def test_the_question_has_all_that_the_wire_wants() -> None:
    prime = Prime()
    prime.says(f"{BELOW}/rfq", QUOTE, method="POST")
    async with portfolio(prime) as found:
        await found.venue.request_quote(ask(), 2**62)
        await found.venue.request_quote(
            ask(id="2", quantity=D(50), quantity_currency="USD", side=Side.BUY), 2**62
        )
    in_base, in_quote = prime.posted("rfq")
    assert in_base == {
        "portfolio_id": "e8bbed13-fa33-41de-86d5-4335d8f08166",
        "product_id": "BTC-USD",
        "side": "BUY",
        "client_quote_id": client_quote_id(ask()),
        "limit_price": "105.00",
        "base_quantity": "0.5",
    }
    assert (in_quote["quote_value"], "base_quantity" in in_quote) == ("50", False)


@pytest.mark.parametrize(
    ("status", "reason"),
    [(400, Reason.VENUE_ERROR), (404, Reason.VENUE_ERROR), (429, Reason.RATE_LIMITED)],
)
async def test_a_refused_question_says_why(status: int, reason: Reason) -> None:
    prime = Prime()
    prime.refuses("rfq", "no quote", status)
    async with portfolio(prime) as found:
        with pytest.raises(QuoteRefusedError) as refused:
            await found.venue.request_quote(ask(), 2**62)
        assert found.venue.health().trades
    assert refused.value.reason is reason
    assert "no quote" in refused.value.detail
    assert len(prime.posted("rfq")) == 1


@pytest.mark.parametrize(
    ("status", "body"),
    [(401, {"message": "no"}), (403, {"message": "no"}), (500, {"message": "no"}), (400, b""), (502, b"<")],
)
async def test_an_answer_that_says_nothing_of_the_price_is_none(status: int, body: Any) -> None:
    prime = Prime()
    prime.says(f"{BELOW}/rfq", body, status, "POST")
    async with portfolio(prime) as found:
        with pytest.raises(VenueUnreachableError):
            await found.venue.request_quote(ask(), 2**62)


async def test_a_product_that_is_not_quoted_is_not_asked_for() -> None:
    prime = Prime()
    async with portfolio(prime) as found:
        with pytest.raises(QuoteRefusedError) as refused:
            await found.venue.request_quote(ask(product=product(enabled=False)), 2**62)
        with pytest.raises(BudgetSpentError):
            await found.venue.request_quote(ask(), 0)
    assert refused.value.reason is Reason.PRODUCT_DISABLED
    assert prime.posted("rfq") == []


async def test_garbage_is_counted_against_the_counterparty() -> None:
    prime = Prime()
    prime.says(f"{BELOW}/rfq", QUOTE | {"side": "SELL"}, method="POST")
    async with portfolio(prime) as found:
        with pytest.raises(OffWireError):
            await found.venue.request_quote(ask(), 2**62)
        assert ("quote", "off_wire", None) in found.listener.requests
