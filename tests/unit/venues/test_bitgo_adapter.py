"""The adapter against a counterparty that keeps to the documents to the letter: its feed gives no reason."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import WSMsgType, web

from router.core.errors import Code
from router.core.model import OrderReport, VenueState
from router.ports import ConnectionState, OffWireError, Taken
from router.settings import CompetitionSettings
from tests.contract.venue_kit import TIMING, Recorder
from tests.unit.venues.support import WallClock, draws, payload
from tests.unit.venues.test_bitgo_encode import outbound
from tests.unit.venues.test_registry import settings
from venues.bitgo.adapter import BitgoPrime
from venues.registry import Registry
from venues.transport.timing import Timing

ROOT = "/api/prime/trading/v1"
ACCOUNT = f"{ROOT}/accounts/acc"
TAKEN = payload(
    "order", status="pending_open", filledQuantity="0", filledQuoteQuantity="0", fundingType="margin"
)
ENDED = TAKEN | {"status": "canceled", "reason": "insufficientFunds"}
ORDER = outbound(venue_client_order_id="myorderid1", connection_id="bitgo-pts")


class Documented:
    """Products, balances, orders and a feed, as the documents show them."""

    def __init__(self) -> None:
        self.products: list[Any] = payload("products")["data"]
        self.balances: list[Any] = payload("balances")["data"]
        self.order: dict[str, Any] = ENDED
        self.asked: list[str] = []
        self.sockets: list[web.WebSocketResponse] = []
        self.before_answer: Callable[[], Any] | None = None

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get(f"{ACCOUNT}/products", self._list(lambda: self.products))
        app.router.add_get(f"{ACCOUNT}/balances", self._list(lambda: self.balances))
        app.router.add_get(f"{ACCOUNT}/trades", self._list(list))
        app.router.add_get(f"{ACCOUNT}/orders", self._list(lambda: [TAKEN]))
        app.router.add_post(f"{ACCOUNT}/orders", self._post)
        app.router.add_get(f"{ACCOUNT}/orders/{{order}}", self._order)
        app.router.add_post(f"{ACCOUNT}/margin/positions/close", self._close)
        app.router.add_get(f"{ROOT}/ws", self._feed)
        return app

    def _list(self, rows: Callable[[], list[Any]]) -> Any:
        async def answer(request: web.Request) -> web.Response:
            self.asked.append(request.path)
            return web.json_response({"data": rows()})

        return answer

    async def _post(self, _request: web.Request) -> web.Response:
        if self.before_answer is not None:
            await self.before_answer()
        return web.json_response(TAKEN)

    async def _close(self, _request: web.Request) -> web.Response:
        if self.before_answer is not None:
            await self.before_answer()
        return web.json_response(payload("margin_close_request"), status=202)

    async def _order(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        return web.json_response(self.order)

    async def _feed(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                asked = json.loads(message.data)
                await socket.send_json(asked | {"type": "subscription_response", "status": "subscribed"})
                if socket not in self.sockets:
                    self.sockets.append(socket)
        return socket

    async def say(self, **changed: Any) -> None:
        """Send a message of the orders channel."""
        fields = {"fundingType": "margin", "accountId": "acc"} | changed
        await self.sockets[-1].send_json(payload("feed_order_canceled", **fields))


@asynccontextmanager
async def running(
    *, pts: bool = True, balance_refresh_ms: int = 5000, timing: Timing = TIMING
) -> AsyncIterator[tuple[BitgoPrime, Recorder, Documented]]:
    there = Documented()
    runner = web.AppRunner(there.app(), access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    name = "bitgo-pts" if pts else "bitgo-spot"
    entry = settings(name, pts=pts, base_url=f"http://127.0.0.1:{runner.addresses[0][1]}")
    competition = CompetitionSettings(balance_refresh_ms=balance_refresh_ms)
    venue = Registry(competition, WallClock(), draws(), timing).build(entry)
    assert isinstance(venue, BitgoPrime)
    listener = Recorder()
    task = asyncio.create_task(venue.run(listener))
    try:
        await listener.until(lambda: venue.health().state is ConnectionState.READY)
        yield venue, listener, there
    finally:
        task.cancel()
        await asyncio.wait({task})
        await runner.cleanup()


def ended(listener: Recorder) -> list[OrderReport]:
    return [report for report in listener.reports if report.state.is_final]


async def test_an_end_without_a_reason_is_told_once_with_the_reason_that_was_read() -> None:
    async with running() as (venue, listener, there):
        assert venue.take_order_budget()
        assert isinstance(await venue.submit(ORDER), Taken)
        await there.say()
        await listener.until(lambda: bool(ended(listener)))
        # Once more, and then something else, so that the first has been taken in when the second has.
        await there.say()
        await there.say(clientOrderId="another", orderId="v2")
        await listener.until(lambda: listener.reports[-1].venue_client_order_id == "another")
        first, _ = ended(listener)
        assert first.state is VenueState.CANCELED
        assert first.error is not None
        assert first.error.code is Code.CREDIT_UNAVAILABLE
        assert there.asked.count(f"{ACCOUNT}/orders/{first.venue_order_id}") == 1


async def test_the_end_of_an_order_of_a_process_before_is_explained_too() -> None:
    async with running() as (venue, listener, there):
        assert [report.venue_client_order_id for report in await venue.recent_orders(0)] == ["myorderid1"]
        await there.say()
        await listener.until(lambda: bool(ended(listener)))
        (told,) = ended(listener)
        assert told.error is not None
        assert told.error.code is Code.CREDIT_UNAVAILABLE


async def test_an_end_that_overtakes_the_answer_is_explained_after_it() -> None:
    async with running() as (venue, listener, there):
        there.before_answer = there.say
        assert venue.take_order_budget()
        result = await venue.submit(ORDER)
        assert isinstance(result, Taken)
        assert result.report.state is VenueState.PENDING
        await listener.until(lambda: bool(ended(listener)))
        assert [report.error is not None and report.error.code for report in ended(listener)] == [
            Code.CREDIT_UNAVAILABLE
        ]


async def test_messages_of_the_other_funding_type_are_not_told() -> None:
    async with running() as (_, listener, there):
        await there.say(fundingType="funded")
        await there.say(clientOrderId="after")
        await listener.until(lambda: bool(listener.reports))
        assert [report.venue_client_order_id for report in listener.reports] == ["after"]


async def test_a_message_that_cannot_be_read_is_counted() -> None:
    async with running() as (_, listener, there):
        await there.say(status="halted", execType="Z")
        await listener.until(lambda: listener.bad == [("", "order_message")])
        assert listener.reports == []


async def test_products_and_balances_that_cannot_be_read_leave_the_others() -> None:
    async with running(pts=False) as (venue, listener, there):
        there.balances = [*there.balances, {"currency": "USD", "tradableBalance": "lots"}]
        await venue.read_balances()
        assert list(listener.statements[-1][0]) == ["BTC"]
        assert ("", "balance") in listener.bad


async def test_a_statement_that_names_a_currency_twice_is_none() -> None:
    async with running(pts=False) as (venue, listener, there):
        there.balances = there.balances * 2
        before = len(listener.statements)
        with pytest.raises(OffWireError, match="twice"):
            await venue.read_balances()
        assert len(listener.statements) == before


@pytest.mark.parametrize("reconciliation_reads", [True, False])
async def test_balances_are_read_before_it_trades_once(reconciliation_reads: bool) -> None:
    async with running(pts=False) as (venue, listener, there):
        before = there.asked.count(f"{ACCOUNT}/balances")
        assert before == len(listener.statements) == 1
        listener.meanwhile = venue.read_balances if reconciliation_reads else None
        listener.states.clear()
        await there.sockets[-1].close()
        await listener.until(lambda: ConnectionState.READY in listener.states)
        assert there.asked.count(f"{ACCOUNT}/balances") == before + 1
