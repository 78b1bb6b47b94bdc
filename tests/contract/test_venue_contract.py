"""What every adapter promises (`router.ports.Venue`), over real sockets against a counterparty that fails."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from router.core.errors import Code
from router.core.model import OrderType, Side, TimeInForce, VenueState
from router.ports import (
    BudgetSpentError,
    CancelRefused,
    CancelTaken,
    CancelUnanswered,
    ConnectionState,
    NeverSent,
    OffWireError,
    Refused,
    Taken,
    Unanswered,
    VenueUnreachableError,
)
from tests.contract.venue_kit import KITS, PRODUCT, STARRED, TIMING, TOKEN, Kit, Stage

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


async def test_a_price_can_be_asked_for(stage: Stage) -> None:
    book = await stage.venue.request_book(PRODUCT, soon())
    assert (book.bids[0].price, book.asks[0].price) == (D("99.90"), D("100.10"))


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("lost_before", VenueUnreachableError),
        ("reset", VenueUnreachableError),
        ("hang_before", VenueUnreachableError),
        ("html", OffWireError),
        ("truncated", OffWireError),
        ("garbage", OffWireError),
    ],
)
async def test_a_price_that_cannot_be_had_is_an_error(
    stage: Stage, kind: str, error: type[Exception]
) -> None:
    await stage.rest_fault(kind, "book", count=1)
    with pytest.raises(error):
        await stage.venue.request_book(PRODUCT, time.time_ns() + SECOND // 10)


# Balances


async def test_spot_balances_are_stated_and_pts_balances_never_asked_for(kit: Kit, stage: Stage) -> None:
    before = time.time_ns()
    await stage.venue.read_balances()
    asked = [call["path"] for call in await stage.requests() if "balances" in call["path"]]
    if kit.pts:
        assert asked == []
        assert stage.listener.statements == []
        return
    balances, asked_at = stage.listener.statements[-1]
    assert balances == {"USD": D(1_000_000), "BTC": D(10)}
    assert before <= asked_at <= time.time_ns()


async def test_balances_that_many_ask_for_are_read_twice_at_most(kit: Kit, stage: Stage) -> None:
    before = len(stage.listener.statements)
    await asyncio.gather(*(stage.venue.read_balances() for _ in range(20)))
    assert len(stage.listener.statements) - before == (0 if kit.pts else 2)


async def test_balances_that_cannot_be_read_say_so(kit: Kit, stage: Stage) -> None:
    await stage.rest_fault("html", "balances", count=1)
    if kit.pts:
        await stage.venue.read_balances()
        return
    before = len(stage.listener.statements)
    with pytest.raises(VenueUnreachableError):
        await stage.venue.read_balances()
    assert len(stage.listener.statements) == before


# Orders that are taken


async def test_an_order_that_fills(stage: Stage) -> None:
    order = stage.order(quantity=D(7))
    result = await stage.submit(order)
    assert isinstance(result, Taken)
    report = result.report
    assert (report.venue_client_order_id, report.state) == ("o-1", VenueState.DONE)
    assert (report.filled_base, report.filled_quote) == (D(7), D("700.9"))
    fills = await stage.venue.fills(report.venue_order_id)
    assert sorted((fill.price, fill.quantity_base, fill.quantity_quote) for fill in fills) == [
        (D("100.10"), D(5), D("500.50")),
        (D("100.20"), D(2), D("200.40")),
    ]
    assert len({fill.id for fill in fills}) == 2


async def test_the_feed_tells_every_fill_under_the_trade_id_of_the_list(stage: Stage) -> None:
    result = await stage.submit(stage.order(quantity=D(7)))
    assert isinstance(result, Taken)
    await stage.listener.until(lambda: any(r.state is VenueState.DONE for r in stage.listener.reports))
    streamed = {fill for report in stage.listener.reports for fill in report.fills}
    listed = await stage.venue.fills(result.report.venue_order_id)
    assert {fill.id for fill in streamed} == {fill.id for fill in listed}
    assert {report.venue_client_order_id for report in stage.listener.reports} == {"o-1"}


async def test_a_sale(stage: Stage) -> None:
    result = await stage.submit(stage.order(side=Side.SELL, limit_price=D("99.90")))
    assert isinstance(result, Taken)
    assert (result.report.filled_base, result.report.filled_quote) == (D(1), D("99.9"))


async def test_an_order_in_quote_currency(stage: Stage) -> None:
    result = await stage.submit(stage.order(quantity=D("50.05"), quantity_currency="USD"))
    assert isinstance(result, Taken)
    assert (result.report.state, result.report.filled_base) == (VenueState.DONE, D("0.5"))


async def test_a_market_order(stage: Stage) -> None:
    result = await stage.submit(stage.order(type=OrderType.MARKET, limit_price=None))
    assert isinstance(result, Taken)
    assert result.report.filled_base == D(1)


async def test_an_ioc_order_fills_in_part(stage: Stage) -> None:
    result = await stage.submit(stage.order(quantity=D(7), limit_price=D("100.10")))
    assert isinstance(result, Taken)
    assert (result.report.state, result.report.filled_base) == (VenueState.CANCELED, D(5))
    assert result.report.error is None


async def test_a_fok_order_is_killed(stage: Stage) -> None:
    order = stage.order(quantity=D(7), limit_price=D("100.10"), time_in_force=TimeInForce.FOK)
    result = await stage.submit(order)
    assert isinstance(result, Taken)
    assert (result.report.state, result.report.filled_base) == (VenueState.CANCELED, D(0))


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


async def test_every_documented_refusal_is_a_definite_no_with_its_code(kit: Kit) -> None:
    async with kit.start() as stage:
        for number, (name, code) in enumerate(kit.refusals.items()):
            await stage.rest_fault("refuse", "order", error_name=name, http_status=_status(name), count=1)
            result = await stage.submit(stage.order(f"o-{number}"))
            assert isinstance(result, Refused), name
            assert result.error.code is code, name
            assert result.error.connection_id == stage.venue.connection.id
            assert result.error.venue_error is not None
            assert result.error.venue_error.name == name
            assert result.error.venue_error.request_id


def _status(name: str) -> int:
    special = {"Error": 401, "forbidden": 403, "notFound": 404, "malformedJSON": 422}
    # A 429 blocks the account, which is another test's matter; the name alone decides.
    return special.get(name.rpartition(":")[2], 400)


async def test_the_counterpartys_own_refusal(kit: Kit, stage: Stage) -> None:
    result = await stage.submit(stage.order(quantity=D(100_000_000)))
    assert isinstance(result, Refused)
    assert result.error.code is Code.INVALID_QUANTITY
    assert result.error.venue_error is not None
    assert result.error.venue_error.message == "Amount must be at most 1000 BTC."


async def test_an_id_that_is_in_use_is_no_refusal_but_a_question(stage: Stage) -> None:
    order = stage.order()
    assert isinstance(await stage.submit(order), Taken)
    again = await stage.submit(order)
    assert isinstance(again, Unanswered)
    assert again.venue_error is not None
    found = await stage.venue.look_up(order, None)
    assert found is not None
    assert found.filled_base == D(1)


# Orders that are not answered


@pytest.mark.parametrize(
    ("kind", "fields", "live"),
    [
        ("lost_before", {}, False),
        ("lost_after", {}, True),
        ("hang_before", {}, False),
        ("hang_after", {}, True),
        ("reset", {}, False),
        ("late_after", {"ms": 2000}, True),
        ("status", {"status": 500}, False),
        ("status", {"status": 500, "processed": True}, True),
        ("status", {"status": 503, "body": "html", "processed": True}, True),
        ("status", {"status": 502, "body": "empty"}, False),
        ("status", {"status": 400, "body": "empty"}, False),
        ("status", {"status": 302, "body": "empty"}, False),
        ("html", {}, False),
        ("html", {"processed": True, "status": 400}, True),
        ("truncated", {}, True),
        ("garbage", {}, True),
        ("refuse", {"error_name": "backend:common:internalServerError", "http_status": 500}, False),
        ("refuse", {"error_name": "backend:trade:neverHeardOf", "http_status": 400}, False),
        ("refuse", {"error_name": "backend:trade:marginLongNOP", "http_status": 503}, False),
    ],
)
async def test_whatever_is_no_answer_leaves_the_order_in_doubt_and_is_sent_once(
    stage: Stage, kind: str, fields: dict[str, Any], live: bool
) -> None:
    order = stage.order()
    await stage.rest_fault(kind, "order", count=1, **fields)
    result = await stage.submit(order)
    assert isinstance(result, Unanswered)
    await stage.heal()
    found = await stage.venue.look_up(order, None)
    assert (found is not None) is live
    assert found is None or (found.state, found.filled_base, len(found.fills)) == (VenueState.DONE, 1, 1)
    assert await stage.arrived("POST") == 1


async def test_a_look_up_that_is_not_answered_knows_nothing(stage: Stage) -> None:
    await stage.rest_fault("html", "order_lookup", count=1)
    with pytest.raises(VenueUnreachableError):
        await stage.venue.look_up(stage.order(), None)


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


async def test_an_order_of_another_is_not_taken_for_ours(stage: Stage) -> None:
    result = await stage.submit(stage.order())
    assert isinstance(result, Taken)
    with pytest.raises(OffWireError):
        await stage.venue.look_up(stage.order("o-2"), result.report.venue_order_id)
    with pytest.raises(OffWireError):
        await stage.venue.look_up(stage.order(side=Side.SELL), result.report.venue_order_id)


async def test_recent_orders_are_all_listed(stage: Stage) -> None:
    since = time.time_ns() - SECOND
    for number in range(3):
        await stage.submit(stage.order(f"o-{number}"))
    found = await stage.venue.recent_orders(since)
    assert {"o-0", "o-1", "o-2"} == {report.venue_client_order_id for report in found}
    assert list(await stage.venue.recent_orders(time.time_ns() + 60 * SECOND)) == []


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


async def test_what_is_done_cannot_be_cancelled(stage: Stage) -> None:
    result = await stage.submit(stage.order())
    assert isinstance(result, Taken)
    refused = await stage.venue.cancel(stage.order(), result.report.venue_order_id)
    assert isinstance(refused, CancelRefused)
    assert refused.error.code is Code.ORDER_NOT_CANCELABLE


@pytest.mark.parametrize("kind", ["lost_after", "hang_before", "reset", "html"])
async def test_a_cancel_without_an_answer_says_so(stage: Stage, kind: str) -> None:
    order = stage.order(limit_price=D("95.00"), time_in_force=TimeInForce.GTC)
    result = await stage.submit(order)
    assert isinstance(result, Taken)
    await stage.rest_fault(kind, "cancel", count=1, **({"status": 502} if kind == "html" else {}))
    assert isinstance(await stage.venue.cancel(order, result.report.venue_order_id), CancelUnanswered)
    assert await stage.arrived("PUT", "/cancel") == 1


# The request budget


async def test_a_burst_draws_no_429(kit: Kit) -> None:
    # Time enough for what has to wait for the second after.
    patient = msgspec.structs.replace(TIMING, read_ms=5000)
    async with kit.start(requests_per_second=10, timing=patient) as stage:
        await asyncio.gather(
            *(_try_book(stage) for _ in range(15)),
            *(stage.venue.look_up(stage.order(f"o-{number}"), None) for number in range(6)),
            *(_try_order(stage, number) for number in range(15)),
        )
        calls = await stage.requests()
        assert len(calls) > 10
        assert [call["status"] for call in calls if call["status"] == 429] == []
        assert not any(result == "rate_limited" for _, result, _ in stage.listener.requests)


async def _try_book(stage: Stage) -> None:
    try:
        await stage.venue.request_book(PRODUCT, soon())
    except BudgetSpentError:
        return


async def _try_order(stage: Stage, number: int) -> None:
    if stage.venue.take_order_budget():
        assert isinstance(await stage.venue.submit(stage.order(f"burst-{number}", quantity=D("0.1"))), Taken)


async def test_without_budget_there_is_no_order_and_a_cancel_still_goes(kit: Kit) -> None:
    async with kit.start(requests_per_second=10) as stage:
        order = stage.order(limit_price=D("95.00"), time_in_force=TimeInForce.GTC)
        result = await stage.submit(order)
        assert isinstance(result, Taken)
        taken = 0
        while stage.venue.take_order_budget():
            taken += 1
        assert not stage.venue.has_order_budget()
        assert await stage.venue.cancel(order, result.report.venue_order_id) == CancelTaken()
        for _ in range(taken):
            stage.venue.return_order_budget()
        assert stage.venue.has_order_budget()


async def test_a_429_is_a_definite_no_and_stops_us_for_a_while(stage: Stage) -> None:
    await stage.rest_fault("status", "order", status=429, count=1)
    result = await stage.submit(stage.order())
    assert isinstance(result, Refused)
    assert (result.error.code, result.error.retryable) == (Code.VENUE_UNAVAILABLE, True)
    assert not stage.venue.has_order_budget()
    assert stage.venue.health().budget_left == 0


# The connection's life


async def test_it_does_not_trade_before_it_was_reconciled(kit: Kit) -> None:
    async with kit.start(ready=False) as stage:
        stage.listener.gate.clear()
        await stage.listener.until(lambda: stage.listener.reconciled == 1)
        assert stage.venue.health().state is ConnectionState.CONNECTING
        assert not stage.venue.health().trades
        stage.listener.gate.set()
        await stage.listener.until(lambda: stage.venue.health().state is ConnectionState.READY)


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


async def test_a_counterparty_that_fails_is_down_until_it_answers(stage: Stage) -> None:
    await stage.rest_fault("status", "any", status=500)
    for _ in range(5):
        with pytest.raises(VenueUnreachableError):
            await stage.venue.request_book(PRODUCT, soon())
    assert stage.venue.health().state is ConnectionState.DOWN
    before = stage.listener.reconciled
    await stage.heal()
    await stage.listener.until(lambda: stage.venue.health().state is ConnectionState.READY)
    assert stage.listener.reconciled > before


async def test_one_that_nobody_trades_on_is_down_too_when_it_has_gone(stage: Stage) -> None:
    gone = {"feed": {"kind": "refuse"}, "rest": [{"kind": "status", "operation": "any", "status": 503}]}
    await stage.control("PUT", "faults", gone)
    await stage.drop_feed()
    await stage.listener.until(lambda: stage.venue.health().state is ConnectionState.DOWN)


async def test_refusals_are_answers_and_open_no_breaker(stage: Stage) -> None:
    await stage.rest_fault("refuse", "order", error_name="backend:trade:tradingDisabled")
    for number in range(10):
        assert isinstance(await stage.submit(stage.order(f"o-{number}")), Refused)
    assert stage.venue.health().trades
    assert stage.venue.health().error_rate == 0


async def test_one_that_was_stopped_sends_nothing(kit: Kit) -> None:
    async with kit.start() as stage:
        stage.running.cancel()
        await asyncio.wait({stage.running})
        assert stage.venue.health().state is ConnectionState.STOPPED
        before = len(await stage.requests())
        assert isinstance(await stage.submit(stage.order()), NeverSent)
        with pytest.raises(VenueUnreachableError):
            await stage.venue.look_up(stage.order(), None)
        assert len(await stage.requests()) == before


async def test_one_that_is_stopped_gives_what_is_in_flight_a_moment_and_then_says_in_doubt(kit: Kit) -> None:
    async with kit.start() as stage:
        await stage.rest_fault("hang_after", "order", count=1)
        assert stage.venue.take_order_budget()
        task = asyncio.create_task(stage.venue.submit(stage.order()))
        await stage.listener.until(lambda: bool(stage.listener.reports))
        stage.running.cancel()
        assert isinstance(await task, Unanswered)


async def test_a_counterparty_that_is_not_there_was_never_sent_anything(kit: Kit) -> None:
    async with kit.start() as stage:
        order = stage.order()
    # The context has stopped adapter and counterparty; the port is free now.
    assert isinstance(await stage.venue.submit(order), NeverSent)
    cancel = await stage.venue.cancel(order, "an-order")
    assert isinstance(cancel, CancelRefused)
    assert (cancel.error.code, cancel.error.retryable) == (Code.VENUE_UNAVAILABLE, True)


# Secrets


async def test_the_token_is_in_no_log_no_repr_and_no_error(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    seen: list[object] = [stage.venue, stage.venue.health(), stage.venue.connection]
    for kind in ("html", "reset", "hang_before", "garbage", "truncated"):
        await stage.rest_fault(kind, "any", count=1)
        try:
            await stage.venue.request_book(PRODUCT, time.time_ns() + SECOND // 5)
        except VenueUnreachableError as error:
            seen += [error, error.__cause__, error.__context__]
    await stage.rest_fault("refuse", "order", error_name="Error", http_status=401, count=1)
    seen.append(await stage.submit(stage.order()))
    await stage.feed_fault("refuse")
    await stage.drop_feed()
    await stage.listener.until(lambda: stage.venue.health().state is ConnectionState.DEGRADED)
    seen += [stage.venue.health(), stage.listener.requests, stage.listener.bad]
    assert TOKEN not in "".join(repr(item) + str(item) for item in seen)
    assert TOKEN not in caplog.text
