"""What the adapter through ccxt promises, on the simulated Kraken's wire and with what goes wrong there."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from router.core.account import TradeWindow
from router.core.errors import Code
from router.core.model import OrderType, Side, TimeInForce, VenueState
from router.ports import (
    BudgetSpentError,
    CancelRefused,
    CancelTaken,
    CancelUnanswered,
    NeverSent,
    OffWireError,
    Refused,
    Taken,
    Unanswered,
    VenueUnreachableError,
)
from router.ports.accounts import ConnectionTestError
from tests.unit.venues.ccxt_kit import ACCOUNT, API_KEY, PRODUCT, SECRET, Stage, kraken, order, settings
from venues.ccxt_venue.exchanges import wire_id
from venues.proving import prove

D = Decimal
SECOND = 1_000_000_000


@pytest_asyncio.fixture
async def stage() -> AsyncIterator[Stage]:
    async with kraken() as found:
        yield found


def soon() -> int:
    return time.time_ns() + SECOND


async def test_products_come_from_the_markets(stage: Stage) -> None:
    product = stage.venue.product(PRODUCT)
    assert product is not None
    assert (product.base, product.quote) == ("BTC", "USD")
    assert (product.price_increment, product.base_increment) == (D("0.01"), D("1E-8"))
    assert (product.base_size_min, product.quote_size_min, product.enabled) == (D("0.0001"), D(1), True)
    assert stage.venue.product("NONE-SUCH") is None


async def test_balances_are_what_is_free(stage: Stage) -> None:
    await stage.submit(order("rests", limit_price=D("50.00"), time_in_force=TimeInForce.GTC))
    await stage.venue.read_balances()
    assert stage.listener.statements[-1][0] == {"BTC": D(3), "USD": D(9950)}
    by_asset = {row.asset: row for row in await stage.venue.account.balances()}
    assert (by_asset["USD"].total, by_asset["USD"].available, by_asset["USD"].held) == (10000, 9950, 50)


async def test_a_book_is_asked_for_and_sorted_by_its_prices(stage: Stage) -> None:
    await stage.control(
        "PUT",
        f"books/{PRODUCT}",
        {"bids": [["99.90", "1"], ["9.00", "2"]], "asks": [["100.10", "0.5"], ["1000.00", "4"]]},
    )
    book = await stage.venue.request_book(PRODUCT, soon())
    assert [(level.price, level.size) for level in book.bids] == [(D("99.90"), 1), (D("9.00"), 2)]
    assert [(level.price, level.size) for level in book.asks] == [(D("100.10"), D("0.5")), (D(1000), 4)]


async def test_a_streamed_book_comes_after_the_first_question_and_follows_the_market(stage: Stage) -> None:
    assert stage.venue.book(PRODUCT) is None

    async def streamed(best_bid: str) -> Any:
        async with asyncio.timeout(10):
            while True:
                book = stage.venue.book(PRODUCT)
                if book is not None and book.bids[0].price == D(best_bid):
                    return book
                await asyncio.sleep(0.005)

    assert (await streamed("99.90")).asks[0].size == D(5)
    await stage.control("PUT", f"books/{PRODUCT}", {"bids": [["98.00", "1"]], "asks": [["99.00", "0.25"]]})
    book = await streamed("98.00")
    assert [(level.price, level.size) for level in book.asks] == [(D(99), D("0.25"))]


async def test_a_streamed_book_that_is_crossed_is_dropped_and_told(stage: Stage) -> None:
    await stage.control("PUT", "faults", {"feed": {"kind": "crossed"}})
    stage.venue.book(PRODUCT)
    await stage.listener.until(lambda: (PRODUCT, "book_crossed") in stage.listener.bad)
    assert stage.venue.book(PRODUCT) is None


async def test_an_order_is_taken_and_told_with_its_fills(stage: Stage) -> None:
    result = await stage.submit(order(quantity=D(6)))
    assert isinstance(result, Taken)
    await stage.listener.until(lambda: any(report.state.is_final for report in stage.listener.reports))
    report = stage.listener.reports[-1]
    assert (report.venue_client_order_id, report.state) == ("o-1", VenueState.DONE)
    assert (report.filled_base, report.filled_quote) == (D(6), D("600.70"))
    assert [(fill.price, fill.quantity_base) for fill in report.fills] == [(D("100.10"), 5), (D("100.20"), 1)]
    assert [row["cl_ord_id"] for row in await stage.orders()] == [wire_id("o-1")]


async def test_an_order_in_quote_currency_spends_no_more_than_it_says(stage: Stage) -> None:
    result = await stage.submit(order(quantity=D(100), quantity_currency="USD"))
    assert isinstance(result, Taken)
    [row] = await stage.orders()
    assert D(row["vol"]) * D("100.20") <= 100 < (D(row["vol"]) + D("1E-8")) * D("100.20")


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("lost_after", {}),
        ("lost_before", {}),
        ("reset", {}),
        ("hang_after", {}),
        ("truncated", {}),
        ("garbage", {}),
        ("html", {"status": 200, "processed": True}),
        ("status", {"status": 502, "processed": True}),
        ("status", {"status": 500, "processed": False}),
        ("status", {"status": 503, "body": "html"}),
        ("status", {"status": 403, "body": "html"}),
    ],
)
async def test_what_is_no_answer_is_in_doubt_and_sent_once(
    stage: Stage, kind: str, fields: dict[str, Any]
) -> None:
    await stage.fault(kind, "order", count=1, **fields)
    result = await stage.submit(order())
    assert isinstance(result, Unanswered), result
    assert await stage.arrived("AddOrder") == 1


async def test_an_order_in_doubt_is_found_by_our_own_id(stage: Stage) -> None:
    await stage.fault("lost_after", "order", count=1)
    assert isinstance(await stage.submit(order()), Unanswered)
    report = await stage.venue.look_up(order(), None)
    assert report is not None
    assert (report.state, report.filled_base, len(report.fills)) == (VenueState.DONE, D(1), 1)
    assert await stage.venue.look_up(order("another"), None) is None


async def test_a_resting_order_is_found_among_the_open_ones(stage: Stage) -> None:
    await stage.submit(order("rests", limit_price=D(90), time_in_force=TimeInForce.GTC))
    report = await stage.venue.look_up(order("rests", limit_price=D(90)), None)
    assert report is not None
    assert report.state is VenueState.WORKING


async def test_nothing_leaves_an_adapter_that_is_stopped() -> None:
    async with kraken() as stage:
        venue = stage.venue
    assert venue.take_order_budget()
    assert isinstance(await venue.submit(order()), NeverSent)
    with pytest.raises(VenueUnreachableError):
        await venue.look_up(order(), None)
    assert venue.book(PRODUCT) is None


async def test_nothing_leaves_where_no_connection_can_be_made() -> None:
    async with kraken() as stage:
        await stage.simulator.stop()
        result = await stage.submit(order())
        assert isinstance(result, NeverSent), result


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"quantity": D(1000)}, Code.INSUFFICIENT_FUNDS),
        ({"quantity": D("0.00001")}, Code.INVALID_QUANTITY),
        ({"limit_price": D("100.201")}, Code.INVALID_QUANTITY),
        ({"quantity": D("0.000000001")}, Code.VENUE_REJECTED),
        ({"type": OrderType.MARKET, "limit_price": None}, Code.VENUE_REJECTED),
        ({"time_in_force": TimeInForce.GTD, "duration_minutes": 5}, Code.VENUE_REJECTED),
        ({"product": "ETH-USD"}, Code.VENUE_REJECTED),
        ({"quantity": D("0.0000001"), "quantity_currency": "USD"}, Code.INVALID_QUANTITY),
    ],
)
async def test_what_cannot_be_is_refused_and_trades_nothing(
    stage: Stage, changed: dict[str, Any], code: Code
) -> None:
    result = await stage.submit(order(**changed))
    assert isinstance(result, Refused), result
    assert (result.error.code, result.error.connection_id) == (code, "kraken-spot")
    assert await stage.orders() == []
    assert stage.venue.has_order_budget()


@pytest.mark.parametrize(
    ("text", "expected", "retryable"),
    [
        ("EAPI:Invalid key", Code.VENUE_REJECTED, False),
        ("EAPI:Invalid signature", Code.VENUE_REJECTED, False),
        ("EAPI:Invalid nonce", Code.VENUE_UNAVAILABLE, True),
        ("EAPI:Rate limit exceeded", Code.VENUE_UNAVAILABLE, True),
        ("EGeneral:Permission denied", Code.VENUE_REJECTED, False),
        ("EGeneral:Invalid arguments:volume", Code.INVALID_QUANTITY, False),
        (
            "EOrder:Invalid price:XBT/USD price can only be specified up to 1 decimals.",
            Code.INVALID_LIMIT_PRICE,
            False,
        ),
        ("EOrder:Insufficient funds", Code.INSUFFICIENT_FUNDS, False),
        ("EService:Market in cancel_only mode", Code.TRADING_DISABLED, False),
        ("ETrade:User Locked", Code.TRADING_DISABLED, False),
        ("EService:Unavailable", None, False),
        ("EService:Timeout", None, False),
        ("EGeneral:Internal error", None, False),
        ("EOrder:Duplicate cl_ord_id", None, False),
        ("EOrder:Something new", None, False),
    ],
)
async def test_refusals_are_those_of_the_table_and_the_rest_is_in_doubt(
    stage: Stage, text: str, expected: Code | None, retryable: bool
) -> None:
    await stage.fault("refuse", "order", count=1, error_name=text)
    result = await stage.submit(order())
    if expected is None:
        assert isinstance(result, Unanswered), result
        return
    assert isinstance(result, Refused), result
    assert (result.error.code, result.error.retryable) == (expected, retryable)
    assert result.error.venue_error is not None
    assert text in (result.error.venue_error.message or "")


async def test_a_cancel_is_taken_and_a_second_one_refused(stage: Stage) -> None:
    wanted = order("rests", limit_price=D(90), time_in_force=TimeInForce.GTC)
    taken = await stage.submit(wanted)
    name = taken.report.venue_order_id
    assert isinstance(await stage.venue.cancel(wanted, name), CancelTaken)
    refused = await stage.venue.cancel(wanted, name)
    assert isinstance(refused, CancelRefused)
    assert refused.error.code is Code.ORDER_NOT_CANCELABLE
    report = await stage.venue.look_up(wanted, name)
    assert report is not None
    assert report.state is VenueState.CANCELED


async def test_a_cancel_without_an_answer_is_unanswered(stage: Stage) -> None:
    wanted = order("rests", limit_price=D(90), time_in_force=TimeInForce.GTC)
    taken = await stage.submit(wanted)
    await stage.fault("lost_after", "cancel", count=1)
    result = await stage.venue.cancel(wanted, taken.report.venue_order_id)
    assert isinstance(result, CancelUnanswered)
    assert await stage.arrived("CancelOrder") == 1


async def test_fill_or_kill_trades_all_or_nothing(stage: Stage) -> None:
    wanted = order(quantity=D(11), limit_price=D("100.20"), time_in_force=TimeInForce.FOK)
    await stage.submit(wanted)
    await stage.listener.until(lambda: any(report.state.is_final for report in stage.listener.reports))
    assert stage.listener.reports[-1].state is VenueState.CANCELED
    assert stage.listener.reports[-1].filled_base == 0


async def test_a_partial_fill_is_counted_from_what_the_exchange_says(stage: Stage) -> None:
    await stage.submit(order(quantity=D(8), limit_price=D("100.10"), side=Side.BUY))
    await stage.listener.until(lambda: any(report.state.is_final for report in stage.listener.reports))
    report = stage.listener.reports[-1]
    assert (report.state, report.filled_base, report.filled_quote) == (VenueState.CANCELED, 5, D("500.50"))


async def test_recent_orders_carry_our_own_ids(stage: Stage) -> None:
    since = time.time_ns() - SECOND
    await stage.submit(order("first"))
    await stage.submit(order("second", limit_price=D(90), time_in_force=TimeInForce.GTC))
    found = {report.venue_client_order_id: report.state for report in await stage.venue.recent_orders(since)}
    assert found == {"first": VenueState.DONE, "second": VenueState.WORKING}
    assert list(await stage.venue.recent_orders(time.time_ns() + 60 * SECOND)) == []


async def test_a_list_is_read_past_its_first_page(stage: Stage) -> None:
    for number in range(55):
        await stage.submit(order(f"o-{number}", quantity=D("0.02")))
    found = await stage.venue.recent_orders(time.time_ns() - 60 * SECOND)
    assert len({report.venue_client_order_id for report in found}) == 55


async def test_trades_of_the_account_are_listed(stage: Stage) -> None:
    taken = await stage.submit(order())
    page = await stage.venue.account.trades(TradeWindow(), 0, 50)
    [trade] = page.data
    assert (trade.product, trade.side, trade.price, trade.quantity) == (PRODUCT, Side.BUY, D("100.10"), 1)
    assert trade.venue_order_id == taken.report.venue_order_id
    assert page.next_offset == 1
    assert (await stage.venue.account.trades(TradeWindow(), 1, 50)).next_offset is None


async def test_many_private_calls_at_once_keep_the_nonce_growing(stage: Stage) -> None:
    reads = [stage.venue.read_balances() for _ in range(5)]
    looks = [stage.venue.look_up(order(f"o-{number}"), None) for number in range(10)]
    orders = [stage.submit(order(f"o-{number}", quantity=D("0.01"))) for number in range(10)]
    results = await asyncio.gather(*reads, *looks, *orders)
    assert all(isinstance(result, Taken) for result in results[15:]), results[15:]


async def test_an_order_gives_up_its_turn_rather_than_go_out_late_behind_a_read_that_hangs(
    stage: Stage,
) -> None:
    await stage.fault("hang_before", "balances", count=1)
    before = await stage.arrived("BalanceEx")
    reading = asyncio.create_task(stage.venue.read_balances())
    async with asyncio.timeout(10):
        while await stage.arrived("BalanceEx") == before:  # noqa: ASYNC110 - the simulator's count has no event
            await asyncio.sleep(0)
    assert isinstance(await stage.submit(order()), NeverSent)
    assert await stage.arrived("AddOrder") == 0
    await asyncio.gather(reading, return_exceptions=True)
    assert isinstance(await stage.submit(order()), Taken)


async def test_a_read_without_a_sensible_answer_is_off_the_wire(stage: Stage) -> None:
    await stage.fault("garbage", "book", count=1)
    with pytest.raises(OffWireError):
        await stage.venue.request_book(PRODUCT, soon())
    await stage.control("PUT", f"books/{PRODUCT}", {"bids": [["101.00", "1"]], "asks": [["100.00", "1"]]})
    with pytest.raises(OffWireError):
        await stage.venue.request_book(PRODUCT, soon())
    assert (PRODUCT, "book_crossed") in stage.listener.bad


async def test_our_own_limit_holds_and_gives_way_to_orders() -> None:
    async with kraken(requests_per_second=5) as stage:
        # What was read to begin with has left less than a report or a price may take.
        with pytest.raises(BudgetSpentError):
            await stage.venue.request_book(PRODUCT, time.time_ns() + 20_000_000)
        assert await stage.arrived("Depth") == 0
        assert isinstance(await stage.submit(order()), Taken)


async def test_no_secret_is_told_or_logged(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await stage.fault("refuse", "order", count=1, error_name=f"EOrder:Invalid price:{API_KEY} {SECRET}")
    result = await stage.submit(order())
    assert isinstance(result, Refused)
    told = repr(result) + repr(stage.listener.requests) + repr(stage.venue.health()) + caplog.text
    told += repr(settings(stage.base_url)) + msgspec.json.encode(result.error).decode()
    assert API_KEY not in told
    assert SECRET not in told


async def test_a_stopped_adapter_closes_its_thread_and_its_sockets() -> None:
    async with kraken() as stage:
        stage.venue.book(PRODUCT)
    assert stage.venue.health().state.value == "stopped"


async def test_a_connection_is_proved_or_says_what_is_wrong_with_it(stage: Stage) -> None:
    await prove(settings(stage.base_url))
    await stage.control("PUT", f"accounts/{ACCOUNT}/settings", {"permissions": ["query_funds"]})
    with pytest.raises(ConnectionTestError) as lacking:
        await prove(settings(stage.base_url))
    assert lacking.value.code is Code.SCOPE_MISSING
    await stage.fault("refuse", "balances", error_name="EAPI:Invalid key")
    with pytest.raises(ConnectionTestError) as refused:
        await prove(settings(stage.base_url))
    assert refused.value.code is Code.CREDENTIALS_REFUSED
