"""Prices: for a size, a side and a currency; thin, stale, crossed, garbage; firm ones, which end."""

import asyncio
import time
from decimal import Decimal

import pytest

from router.core.errors import Code
from router.core.model import Side
from router.ports import OffWireError, Refused, Taken, VenueUnreachableError
from router.ports.quotes import QuoteRefusedError
from tests.contract.venues.kits import having
from tests.contract.venues.stage import OTHER, PRODUCT, SECOND, Call, Can, Situation, Stage

D = Decimal


async def test_products_are_known_with_their_increments_once_it_trades(stage: Stage) -> None:
    product = stage.venue.product(PRODUCT)
    assert product is not None
    assert product in stage.venue.products()
    assert (product.base, product.quote, product.enabled) == ("BTC", "USD", True)
    assert (product.price_increment, product.base_increment) == (D("0.01"), D("1E-8"))
    assert 0 < product.base_size_min < 1 < product.base_size_max
    assert stage.venue.product("NONE-SUCH") is None


@pytest.mark.parametrize(
    ("side", "quantity", "currency", "base", "quote"),
    [
        (Side.BUY, "2", "BTC", "2", "200.20"),
        (Side.SELL, "2", "BTC", "2", "199.80"),
        (Side.BUY, "50.05", "USD", "0.5", "50.05"),
        (Side.SELL, "49.95", "USD", "0.5", "49.95"),
        (Side.BUY, "0.12345678", "BTC", "0.12345678", "12.358023678"),
    ],
)
async def test_a_price_is_for_the_size_the_side_and_the_currency(
    stage: Stage, side: Side, quantity: str, currency: str, base: str, quote: str
) -> None:
    found = await stage.price(side, D(quantity), currency)
    assert found is not None
    assert found.complete
    assert (found.quantity_base, found.quantity_quote) == (D(base), D(quote))
    assert found.price == (D("100.10") if side is Side.BUY else D("99.90"))


async def test_a_size_that_nobody_offers_has_no_complete_price(stage: Stage) -> None:
    try:
        found = await stage.price(quantity=D(50))
    except QuoteRefusedError as refused:
        assert refused.reason.value  # noqa: PT017 - a firm venue says no, another shows too little
        return
    assert found is not None
    assert (found.complete, found.quantity_base) == (False, D(10))


@pytest.mark.parametrize("name", having(Can.ASK))
async def test_a_book_that_is_asked_for_held_when_it_was_asked_for(stage: Stage) -> None:
    before = time.time_ns()
    book = await stage.venue.request_book(PRODUCT, before + SECOND)
    assert abs(book.at - before) < 5 * SECOND
    with pytest.raises(VenueUnreachableError):
        await stage.venue.request_book("NONE-SUCH", time.time_ns() + SECOND)


@pytest.mark.parametrize("name", having(Can.STREAM))
async def test_a_streamed_book_follows_the_market_and_is_dropped_when_it_cannot_be_true(stage: Stage) -> None:
    book = await stage.book()
    assert [(level.price, level.size) for level in book.asks] == [(D("100.10"), D(5)), (D("100.20"), D(5))]
    await stage.bring(Situation.FALLEN)
    fallen = await stage.book(lambda found: found.asks[0].price == 94)
    assert fallen.at >= book.at
    await stage.bring(Situation.CROSSED)
    # Whoever keeps books unread until somebody looks finds it out then.
    async with asyncio.timeout(5):
        while not stage.listener.bad:
            found = stage.venue.book(PRODUCT)
            assert found is None or found.bids[0].price < found.asks[0].price
            await asyncio.sleep(0.005)
    assert stage.listener.bad[0][0] == PRODUCT


async def test_a_price_that_cannot_be_true_is_off_the_wire(stage: Stage) -> None:
    await stage.bring(Situation.CROSSED)
    with pytest.raises(OffWireError):
        await stage.price()


@pytest.mark.parametrize("kind", ["lost_before", "reset", "hang_before", "html", "truncated", "garbage"])
async def test_a_price_that_cannot_be_had_is_an_error_and_asked_for_once(stage: Stage, kind: str) -> None:
    await stage.fault(kind, Call.PRICE)
    before = await stage.arrived(Call.PRICE)
    spoilt = kind in ("truncated", "garbage")
    with pytest.raises(OffWireError if spoilt else VenueUnreachableError):
        await stage.price(wait_ms=150)
    assert await stage.arrived(Call.PRICE) == before + 1


# Firm prices


@pytest.mark.parametrize("name", having(Can.FIRM))
async def test_a_firm_price_is_held_and_traded_at_by_its_id(stage: Stage) -> None:
    quote = await stage.price()
    assert quote is not None
    assert quote.firm
    assert quote.valid_until is not None
    assert 0 < quote.valid_until - time.time_ns() < 30 * SECOND
    report = await stage.ended(await stage.taken(stage.order(quote_id=quote.quote_id)))
    assert (report.filled_base, report.filled_quote) == (D(1), quote.price)
    assert [body["quote_id"] for body in await stage.bodies(Call.ORDER)] == [quote.quote_id]


@pytest.mark.parametrize("name", having(Can.FIRM))
async def test_a_firm_price_that_is_over_is_not_accepted(stage: Stage) -> None:
    await stage.bring(Situation.OVER)
    quote = await stage.price()
    assert quote is not None
    assert quote.valid_until is not None
    assert quote.valid_until < time.time_ns()
    result = await stage.submit(stage.order(quote_id=quote.quote_id))
    assert isinstance(result, Refused)
    assert (result.error.code, result.error.retryable) == (Code.PRICE_MOVED, True)
    assert await stage.arrived(Call.ORDER) == 0


@pytest.mark.parametrize("name", having(Can.FIRM))
async def test_a_refused_firm_price_says_why_and_opens_no_breaker(stage: Stage) -> None:
    await stage.fault("refuse", Call.PRICE, error_name="no maker", http_status=400)
    for _ in range(6):
        with pytest.raises(QuoteRefusedError, match="no maker"):
            await stage.price()
    assert stage.venue.health().trades


@pytest.mark.parametrize("name", having(Can.FIRM))
async def test_a_firm_price_of_another_product_trades_nothing(stage: Stage) -> None:
    quote = await stage.price()
    assert quote is not None
    result = await stage.submit(stage.order(product=OTHER, quote_id=quote.quote_id, quantity_currency="ETH"))
    assert isinstance(result, Refused)
    assert await stage.venue.look_up(stage.order(product=OTHER), None) is None


@pytest.mark.parametrize("name", having(Can.FIRM))
async def test_a_firm_price_is_accepted_once(stage: Stage) -> None:
    quote = await stage.price()
    assert quote is not None
    assert isinstance(await stage.submit(stage.order("o-1", quote_id=quote.quote_id)), Taken)
    assert not isinstance(await stage.submit(stage.order("o-2", quote_id=quote.quote_id)), Taken)
    assert await stage.venue.look_up(stage.order("o-2"), None) is None
