"""What an adapter with a feed promises beside the suite of all adapters (`venues/`): BitGo's."""

import asyncio
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from router.core.errors import Code
from router.core.model import OrderType, TimeInForce, VenueState
from router.ports import (
    CancelRefused,
    CancelTaken,
    ConnectionState,
    NeverSent,
    Refused,
    Taken,
    VenueUnreachableError,
)
from tests.contract.venue_kit import KITS, PRODUCT, STARRED, Kit, Stage

D = Decimal
SECOND = 1_000_000_000


@pytest.fixture(params=list(KITS))
def kit(request: pytest.FixtureRequest) -> Kit:
    return KITS[request.param]


@pytest_asyncio.fixture
async def stage(kit: Kit) -> AsyncIterator[Stage]:
    async with kit.start() as found:
        yield found


def soon() -> int:
    return time.time_ns() + SECOND


# Products and books


async def test_products_are_known_once_it_trades(stage: Stage) -> None:
    assert sorted(product.name for product in stage.venue.products()) == [PRODUCT, STARRED]
    product = stage.venue.product(PRODUCT)
    assert product is not None
    assert (product.base, product.quote, product.price_increment) == ("BTC", "USD", D("0.01"))
    assert stage.venue.product("NONE-SUCH") is None


async def test_the_books_of_what_can_be_traded_stream_without_being_asked_for(stage: Stage) -> None:
    book = await stage.book()
    assert [(level.price, level.size) for level in book.bids] == [(D("99.90"), 5), (D("99.80"), 5)]
    assert [(level.price, level.size) for level in book.asks] == [(D("100.10"), 5), (D("100.20"), 5)]
    assert abs(time.time_ns() - book.at) < 5 * SECOND


async def test_a_new_book_replaces_the_old_whole(stage: Stage) -> None:
    await stage.book()
    await stage.pin([["90.00", "1"]], [["110.00", "0.5"]])
    book = await stage.book(lambda book: book.bids[0].price == 90)
    assert len(book.bids) == len(book.asks) == 1


async def test_a_thin_book_is_a_book(stage: Stage) -> None:
    await stage.pin([["90.00", "1"]], [])
    book = await stage.book(lambda book: book.asks == ())
    assert len(book.bids) == 1


async def test_a_product_with_a_star_streams_and_can_be_asked_for(stage: Stage) -> None:
    assert (await stage.book(product=STARRED)).bids
    assert (await stage.venue.request_book(STARRED, soon())).asks


async def test_an_unknown_product_has_no_book(stage: Stage) -> None:
    assert stage.venue.book("NONE-SUCH") is None
    with pytest.raises(VenueUnreachableError):
        await stage.venue.request_book("NONE-SUCH", soon())


async def test_a_book_that_is_replayed_ages(stage: Stage) -> None:
    first = await stage.book()
    await stage.feed_fault("stale", "level2")
    later = await stage.book(lambda book: time.time_ns() - book.at > SECOND)
    assert later.at <= first.at + SECOND


@pytest.mark.parametrize("kind", ["crossed", "garbage", "wrong_product", "off_tick", "unordered"])
async def test_a_book_that_cannot_be_true_is_dropped_and_counted(stage: Stage, kind: str) -> None:
    await stage.book()
    await stage.feed_fault(kind, "level2")
    async with asyncio.timeout(5):
        while not stage.listener.bad:
            book = stage.venue.book(PRODUCT)
            assert book is None or book.bids[0].price < book.asks[0].price
            await asyncio.sleep(0.005)
    await stage.heal()
    since = time.time_ns()
    await stage.book(lambda book: book.at > since)


# Balances


async def test_balances_that_many_ask_for_are_read_twice_at_most(kit: Kit, stage: Stage) -> None:
    before = len(stage.listener.statements)
    await asyncio.gather(*(stage.venue.read_balances() for _ in range(20)))
    assert len(stage.listener.statements) - before == (0 if kit.pts else 2)


# Orders that are taken


async def test_the_feed_tells_every_fill_under_the_trade_id_of_the_list(stage: Stage) -> None:
    result = await stage.submit(stage.order(quantity=D(7)))
    assert isinstance(result, Taken)
    await stage.listener.until(lambda: any(r.state is VenueState.DONE for r in stage.listener.reports))
    streamed = {fill for report in stage.listener.reports for fill in report.fills}
    listed = await stage.venue.fills(result.report.venue_order_id)
    assert {fill.id for fill in streamed} == {fill.id for fill in listed}
    assert {report.venue_client_order_id for report in stage.listener.reports} == {"o-1"}


async def test_an_order_in_quote_currency(stage: Stage) -> None:
    result = await stage.submit(stage.order(quantity=D("50.05"), quantity_currency="USD"))
    assert isinstance(result, Taken)
    assert (result.report.state, result.report.filled_base) == (VenueState.DONE, D("0.5"))


async def test_a_market_order(stage: Stage) -> None:
    result = await stage.submit(stage.order(type=OrderType.MARKET, limit_price=None))
    assert isinstance(result, Taken)
    assert result.report.filled_base == D(1)


@pytest.mark.parametrize(
    "changed",
    [
        {"time_in_force": TimeInForce.GTC},
        {"time_in_force": TimeInForce.GTD, "duration_minutes": 5},
    ],
    ids=["gtc", "gtd"],
)
async def test_an_order_that_rests_fills_when_the_market_comes(stage: Stage, changed: dict[str, Any]) -> None:
    result = await stage.submit(stage.order(limit_price=D("95.00"), **changed))
    assert isinstance(result, Taken)
    assert result.report.state is VenueState.WORKING
    await stage.pin([["90.00", "5"]], [["94.00", "5"]])
    await stage.listener.until(lambda: any(r.state is VenueState.DONE for r in stage.listener.reports))
    found = await stage.venue.look_up(stage.order(), result.report.venue_order_id)
    assert found is not None
    assert [(fill.price, fill.quantity_base) for fill in found.fills] == [(D("94.00"), D(1))]


async def test_an_answer_before_the_outcome_is_followed_by_the_feed(stage: Stage) -> None:
    await stage.control("PUT", "settings", {"order_answer": "pending"})
    result = await stage.submit(stage.order(quantity=D(7), limit_price=D("100.10")))
    assert isinstance(result, Taken)
    assert result.report.state is VenueState.PENDING
    await stage.listener.until(lambda: any(r.state.is_final for r in stage.listener.reports))
    last = stage.listener.reports[-1]
    assert (last.state, last.filled_base, last.error) == (VenueState.CANCELED, D(5), None)


async def test_a_feed_that_repeats_and_reorders_says_nothing_else(stage: Stage) -> None:
    await stage.order_fault(duplicate_messages=True, reorder_messages=True, delay_ms=10)
    result = await stage.submit(stage.order())
    assert isinstance(result, Taken)
    await stage.listener.until(lambda: any(r.state is VenueState.DONE for r in stage.listener.reports))
    assert len({fill.id for report in stage.listener.reports for fill in report.fills}) == 1


# Orders that are taken and fail afterwards


@pytest.mark.parametrize("fraction", [None, "0.5"], ids=["empty", "part"])
@pytest.mark.parametrize("kind", ["error", "canceled_internalError", "canceled_insufficientFunds"])
async def test_an_order_that_fails_late_says_why_and_keeps_its_fills(
    kit: Kit, stage: Stage, kind: str, fraction: str | None
) -> None:
    await stage.order_fault(late_failure=kind, late_failure_after_fill=fraction, delay_ms=10)
    result = await stage.submit(stage.order())
    assert isinstance(result, Taken)
    await stage.listener.until(lambda: any(r.state.is_final for r in stage.listener.reports))
    last = next(report for report in stage.listener.reports if report.state.is_final)
    funds = kit.refusals["backend:trade:insufficientFunds"]
    expected = funds if kind == "canceled_insufficientFunds" else Code.VENUE_REJECTED
    assert last.error is not None
    assert (last.error.code, last.error.connection_id) == (expected, stage.venue.connection.id)
    assert last.filled_base == (D("0.5") if fraction else 0)
    found = await stage.venue.look_up(stage.order(), None)
    assert found is not None
    assert found.error is not None
    assert (found.state, found.error.code) == (last.state, expected)
    assert sum(fill.quantity_base for fill in found.fills) == last.filled_base


# Orders that are refused


async def test_the_counterpartys_own_refusal(kit: Kit, stage: Stage) -> None:
    result = await stage.submit(stage.order(quantity=D(100_000_000)))
    assert isinstance(result, Refused)
    assert result.error.code is Code.INVALID_QUANTITY
    assert result.error.venue_error is not None
    assert result.error.venue_error.message == "Amount must be at most 1000 BTC."


# Orders that are not answered


async def test_an_order_found_without_its_trades_is_found(stage: Stage) -> None:
    await stage.submit(stage.order())
    await stage.rest_fault("reset", "trades", count=1)
    found = await stage.venue.look_up(stage.order(), None)
    assert found is not None
    assert (found.filled_base, found.fills) == (D(1), ())


async def test_an_id_of_the_counterparty_that_is_not_known_there_falls_back_to_ours(stage: Stage) -> None:
    await stage.submit(stage.order())
    found = await stage.venue.look_up(stage.order(), "eee68637-6fb2-4ed5-ad8c-04afdb062b60")
    assert found is not None
    assert await stage.venue.look_up(stage.order("o-2"), "eee68637-6fb2-4ed5-ad8c-04afdb062b60") is None


async def test_a_caller_that_gives_up_does_not_end_the_order(stage: Stage) -> None:
    # The feed says nothing: what is told is told from the answer that the caller did not wait for.
    await stage.control(
        "PUT",
        "faults",
        {
            "rest": [{"kind": "late_after", "operation": "order", "ms": 100}],
            "feed": {"kind": "silent", "channel": "orders"},
        },
    )
    assert stage.venue.take_order_budget()
    task = asyncio.create_task(stage.venue.submit(stage.order()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await stage.listener.until(lambda: bool(stage.listener.reports))
    assert [(r.venue_client_order_id, r.filled_base) for r in stage.listener.reports] == [("o-1", D(1))]
    assert await stage.arrived("POST") == 1


# Cancelling


async def test_a_cancel_is_taken_and_the_feed_tells_its_end(stage: Stage) -> None:
    order = stage.order(limit_price=D("95.00"), time_in_force=TimeInForce.GTC)
    result = await stage.submit(order)
    assert isinstance(result, Taken)
    assert await stage.venue.cancel(order, result.report.venue_order_id) == CancelTaken()
    await stage.listener.until(
        lambda: any(r.state is VenueState.CANCELED and r.error is None for r in stage.listener.reports)
    )


# The request budget


async def test_a_429_is_a_definite_no_and_stops_us_for_a_while(stage: Stage) -> None:
    await stage.rest_fault("status", "order", status=429, count=1)
    result = await stage.submit(stage.order())
    assert isinstance(result, Refused)
    assert (result.error.code, result.error.retryable) == (Code.VENUE_UNAVAILABLE, True)
    assert not stage.venue.has_order_budget()
    assert stage.venue.health().budget_left == 0


# The connection's life


async def test_a_dropped_feed_is_degraded_then_reconciled_before_it_is_ready(stage: Stage) -> None:
    stage.listener.states.clear()
    stage.listener.gate.clear()
    before = stage.listener.reconciled
    await stage.drop_feed()
    await stage.listener.until(lambda: stage.listener.reconciled > before)
    assert stage.listener.states == [ConnectionState.DEGRADED, ConnectionState.CONNECTING]
    stage.listener.gate.set()
    await stage.listener.until(lambda: stage.venue.health().state is ConnectionState.READY)


async def test_a_reconciliation_that_fails_is_tried_again(stage: Stage) -> None:
    stage.listener.refuse_reconcile = 2
    before = stage.listener.reconciled
    await stage.drop_feed()
    await stage.listener.until(lambda: stage.listener.reconciled == before + 3)
    await stage.listener.until(lambda: stage.venue.health().state is ConnectionState.READY)


async def test_without_a_feed_it_trades_by_asking(stage: Stage) -> None:
    await stage.feed_fault("refuse")
    await stage.drop_feed()
    await stage.listener.until(lambda: stage.venue.health().state is ConnectionState.DEGRADED)
    assert stage.venue.health().trades
    assert not stage.venue.health().feed_up
    assert (await stage.venue.request_book(PRODUCT, soon())).bids
    assert isinstance(await stage.submit(stage.order()), Taken)
    await stage.heal()
    await stage.listener.until(lambda: stage.venue.health().state is ConnectionState.READY)


async def test_a_feed_that_falls_silent_is_down(stage: Stage) -> None:
    await stage.book()
    await stage.feed_fault("silent")
    await stage.listener.until(lambda: ConnectionState.DEGRADED in stage.listener.states)
    await stage.heal()
    since = time.time_ns()
    await stage.book(lambda book: book.at > since)


async def test_one_that_nobody_trades_on_is_down_too_when_it_has_gone(stage: Stage) -> None:
    gone = {"feed": {"kind": "refuse"}, "rest": [{"kind": "status", "operation": "any", "status": 503}]}
    await stage.control("PUT", "faults", gone)
    await stage.drop_feed()
    await stage.listener.until(lambda: stage.venue.health().state is ConnectionState.DOWN)


async def test_a_counterparty_that_is_not_there_was_never_sent_anything(kit: Kit) -> None:
    async with kit.start() as stage:
        order = stage.order()
    # The context has stopped adapter and counterparty; the port is free now.
    assert isinstance(await stage.venue.submit(order), NeverSent)
    cancel = await stage.venue.cancel(order, "an-order")
    assert isinstance(cancel, CancelRefused)
    assert (cancel.error.code, cancel.error.retryable) == (Code.VENUE_UNAVAILABLE, True)
