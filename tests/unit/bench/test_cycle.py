"""Floors, stub and driver together, over sockets; and that what the stub says is what the adapter reads."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import msgspec
import pytest

from bench.driver import Driver
from bench.process import Measured
from bench.stub import Stub, account_id
from bench.stub.wire import balances_json, book_json, order_json, placed, product_json, trade_json
from router.core.model import VenueState
from tests.unit import build
from venues.bitgo import wire
from venues.bitgo.parse import balance_of, fill_of, product_of, report_of_order

ORDER = (
    b'{"clientOrderId":"a","product":"BTC-USD","type":"limit","fundingType":"funded","side":"buy",'
    b'"quantity":"0.5","quantityCurrency":"BTC","limitPrice":"100.50","timeInForce":"%b"}'
)


@pytest.fixture
async def stub(request: pytest.FixtureRequest) -> AsyncIterator[Stub]:
    made = Stub(4)
    await made.start(None)
    yield made
    await made.stop()


@pytest.mark.parametrize(
    ("kind", "way", "requests"), [("bare", "streamed", 1), ("web", "asked", 5), ("aiohttp", "mixed", 3)]
)
async def test_a_floor_fills_every_order_with_the_requests_of_its_way(
    kind: str, way: str, requests: int, stub: Stub
) -> None:
    floor = Measured(kind, ["bench.floors", kind, str(stub.port), "4", way])
    try:
        driver = Driver(await asyncio.to_thread(floor.wait), "run")
        names: list[str] = []
        driver.answered = lambda name, _data: names.append(name)
        closed = await driver.closed_loop(20, 4)
        opened = await driver.open_loop(1000, 0.02, 8)
        driver.close()
        await asyncio.sleep(0)
    finally:
        await asyncio.to_thread(floor.stop)

    assert (closed.wrong, opened.wrong) == ({}, {})
    assert (len(closed.latencies_ns), len(opened.latencies_ns)) == (20, 20)
    assert sorted(names) == sorted(f"run-{number}" for number in range(1, 41))
    assert stub.orders == 40
    assert stub.requests == 40 * requests


async def test_an_answer_that_is_no_fill_is_counted_by_its_status(stub: Stub) -> None:
    """The stub itself knows no orders of the router's own API: it answers, and nothing is filled."""
    driver = Driver(stub.port, "run")

    found = await driver.closed_loop(3, 1)

    driver.close()
    await asyncio.sleep(0)
    assert found.wrong == {"200": 3}


async def test_a_process_that_does_not_listen_says_why() -> None:
    process = Measured("floor", ["bench.floors", "bare", "no port", "4", "streamed"])
    try:
        with pytest.raises(RuntimeError, match=r"expected it to listen, said (?s:.*)no port"):
            await asyncio.to_thread(process.wait)
    finally:
        await asyncio.to_thread(process.stop)


@pytest.mark.parametrize(
    ("time_in_force", "state"), [(b"IOC", VenueState.DONE), (b"GTC", VenueState.WORKING)]
)
def test_the_adapter_reads_an_order_as_the_stub_tells_it(time_in_force: bytes, state: VenueState) -> None:
    order = placed(7, account_id(0).encode(), ORDER % time_in_force)

    report = report_of_order(msgspec.json.decode(order_json(order), type=wire.Order), build.connection(), 1)

    assert (report.venue_client_order_id, report.venue_order_id) == ("a", "o-0000000000000007")
    assert report.state is state
    assert report.filled_base == (Decimal("0.5") if state is VenueState.DONE else 0)


def test_the_adapter_reads_the_stubs_trade_product_balance_and_book() -> None:
    order = placed(7, account_id(0).encode(), ORDER % b"IOC")
    fill = fill_of(msgspec.json.decode(trade_json(order), type=wire.Trade), "o-0000000000000007")
    balances = msgspec.json.decode(balances_json(), type=wire.Rows).data
    book = msgspec.json.decode(book_json(best=True))

    assert (fill.price, fill.quantity_base) == (Decimal("100.00"), Decimal("0.5"))
    assert product_of(msgspec.Raw(product_json("X1-USD").encode())).name == "X1-USD"
    assert [balance_of(row)[0] for row in balances] == ["BTC", "USD"]
    assert book["asks"][0] == ["100.00", "1000.00000000"]
