"""An account's books, against recorded answers over a real socket."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from router.core.account import AssetBalance, FundingType, TradeWindow, VenueTrade
from router.core.model import Connection, Side
from router.ports import BudgetSpentError, Lane, OffWireError, VenueUnreachableError
from router.secrets import Secret
from router.settings import ConnectionSettings, ConnectionType, MarginDialect
from tests.contract.venue_kit import Recorder
from tests.unit.build import D
from tests.unit.venues.support import SECOND, WallClock, payload
from venues.bitgo.account import BitgoAccount
from venues.bitgo.client import Client
from venues.bitgo.margin import BitgoMargin
from venues.transport.budget import RequestBudget
from venues.transport.health import Score
from venues.transport.telling import Telling
from venues.transport.times import parse_time
from venues.transport.timing import Timing

ROOT = "/api/prime/trading/v1/accounts/acc/"
TOKEN = "v2x-secret-token"
HANG = "hang"
RESET = "reset"
Answer = Any
"""What a path is answered with: a JSON value (200), `(status, value)`, bytes as they are, nothing until it is
released (`HANG`), a broken connection (`RESET`), or a function of the request that makes one of these."""


class Books:
    """An account that is open, what its counterparty answers by path, and what it was asked."""

    def __init__(
        self,
        base_url: str,
        *,
        pts: bool,
        per_second: int,
        dialect: MarginDialect | None,
        read_ms: int,
        order_ms: int,
    ) -> None:
        settings = ConnectionSettings(
            connection=Connection("books", "Books", pts, "bitgo_prime", D(0)),
            type=ConnectionType.EXCHANGE,
            enabled=True,
            account_id="acc",
            token=Secret(TOKEN),
            base_url=base_url,
            requests_per_second=per_second,
            settling_window_ms=1000,
            margin_dialect=dialect,
        )
        clock, timing = WallClock(), Timing(order_ms=order_ms, read_ms=read_ms, connect_ms=2000)
        self.listener = Recorder()
        telling = Telling("books")
        telling.listener = self.listener
        self.budget = RequestBudget(per_second, clock)
        self.score = Score()
        self.client = Client(settings, self.budget, clock, timing, self.score, telling.request)
        self.account = BitgoAccount(settings, self.client, telling, clock, timing)

    @property
    def margin(self) -> BitgoMargin:
        assert self.account.margin is not None
        return self.account.margin


class Asked:
    """A counterparty that answers by path below the account; what it does not know is 404."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.requests: list[web.Request] = []
        self.bodies: list[bytes] = []
        self.arrived = asyncio.Event()
        self.release = asyncio.Event()

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        return app

    @property
    def paths(self) -> list[str]:
        """What was asked, below the account."""
        return [request.path.removeprefix(ROOT) for request in self.requests]

    def query(self, number: int = -1) -> list[tuple[str, str]]:
        """The query of a request, as pairs."""
        return list(self.requests[number].query.items())

    async def _answer(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        self.bodies.append(await request.read())
        self.requests.append(request)
        self.arrived.set()
        said = self.answers.get(request.path.removeprefix(ROOT), (404, {"error": "no such path"}))
        if callable(said):
            said = said(request)
        if said == HANG:
            await self.release.wait()
            said = (500, {})
        if said == RESET:
            assert request.transport is not None
            request.transport.abort()
        if isinstance(said, bytes):
            return web.Response(body=said, content_type="application/json")
        status, value = said if isinstance(said, tuple) else (200, said)
        return web.json_response(value, status=status)


@asynccontextmanager
async def books(
    answers: dict[str, Answer] | None = None,
    *,
    pts: bool = False,
    per_second: int = 100,
    dialect: MarginDialect | None = None,
    read_ms: int = 5000,
    order_ms: int = 5000,
) -> AsyncIterator[tuple[Books, Asked]]:
    """An open account and its counterparty."""
    there = Asked()
    there.answers |= answers or {}
    runner = web.AppRunner(there.app(), access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    found = Books(url, pts=pts, per_second=per_second, dialect=dialect, read_ms=read_ms, order_ms=order_ms)
    found.client.open()
    try:
        yield found, there
    finally:
        there.release.set()
        await found.client.close()
        await runner.cleanup()


def trade(number: int = 0, **changed: Any) -> dict[str, Any]:
    """A documented trade of the account `acc`."""
    (row,) = payload("trades")["data"]
    return row | {"id": f"trade-{number}", "accountId": "acc"} | changed


def pages(*rows: dict[str, Any], served: int = 2) -> Callable[[web.Request], Any]:
    """A list that is served by offset and limit, with a largest page that nobody published."""

    def answer(request: web.Request) -> Any:
        offset, limit = int(request.query["offset"]), int(request.query["limit"])
        return {"data": list(rows[offset : offset + min(limit, served)])}

    return answer


async def read_all(account: BitgoAccount, limit: int = 10) -> list[str]:
    ids: list[str] = []
    offset: int | None = 0
    while offset is not None:
        page = await account.trades(TradeWindow(), offset, limit)
        ids += [each.id for each in page.data]
        offset = page.next_offset
    return ids


async def test_balances_have_what_is_held_and_what_could_be_withdrawn() -> None:
    async with books({"balances": payload("balances")}) as (found, _):
        assert await found.account.balances() == [
            AssetBalance("BTC", D("100.0"), D("90.0"), D("10.0"), D("90.0"))
        ]


async def test_a_balance_that_cannot_be_read_is_dropped_and_told() -> None:
    (row,) = payload("balances")["data"]
    bad = row | {"currency": "ETH", "heldBalance": "1e3"}
    async with books({"balances": {"data": [bad, row]}}) as (found, _):
        assert [balance.asset for balance in await found.account.balances()] == ["BTC"]
        assert found.listener.bad == [("", "balance")]


async def test_what_is_not_said_of_a_balance_is_none_and_not_zero() -> None:
    row = {"currency": "USD", "balance": "-5.00"}
    async with books({"balances": {"data": [row]}}) as (found, _):
        assert await found.account.balances() == [AssetBalance("USD", D("-5.00"), None, None, None)]


async def test_a_currency_stated_twice_is_off_the_wire() -> None:
    (row,) = payload("balances")["data"]
    async with books({"balances": {"data": [row, row]}}) as (found, _):
        with pytest.raises(OffWireError, match="once"):
            await found.account.balances()


async def test_a_trade_is_read_whole() -> None:
    async with books({"trades": {"data": [trade(quoteQuantity="100.50")]}}) as (found, _):
        page = await found.account.trades(TradeWindow(), 0, 50)
        assert page.data == (
            VenueTrade(
                id="trade-0",
                venue_order_id="d50ec984-77a8-460a-b958-66f114b0de9b",
                at=parse_time("2025-11-26T15:27:35.1234Z"),
                product="BTC-USD",
                side=Side.BUY,
                price=D("22333.33"),
                quantity=D("0.0045"),
                quote_quantity=D("100.50"),
                funding_type=FundingType.FUNDED,
                settled=True,
                settled_at=parse_time("2025-11-27T10:00:00.0000Z"),
            ),
        )


@pytest.mark.parametrize(("pts", "kind"), [(False, "funded"), (True, "margin")])
async def test_only_trades_of_the_connection_s_own_kind_are_asked_for(pts: bool, kind: str) -> None:
    at = parse_time("2026-01-02T03:04:05.678901234Z")
    window = TradeWindow(since=at, until=at + SECOND, venue_order_id="v-1")
    async with books({"trades": {"data": []}}, pts=pts) as (found, there):
        await found.account.trades(window, 20, 10)
        assert there.query() == [
            ("fundingType", kind),
            ("offset", "20"),
            ("limit", "10"),
            ("dateGte", "2026-01-02T03:04:05.678901Z"),
            ("dateLt", "2026-01-02T03:04:06.678902Z"),
            ("orderId", "v-1"),
        ]


@pytest.mark.parametrize(
    "changed",
    [
        {"fundingType": "margin"},
        {"accountId": "another"},
        {"orderId": "v-2"},
        {"side": "long"},
        {"price": "0"},
        {"price": 1.5},
        {"quantity": "NaN"},
        {"time": "yesterday"},
        {"settleDate": "tomorrow"},
        {"id": ""},
    ],
    ids=str,
)
async def test_a_row_that_does_not_belong_is_dropped_alone_and_counted(changed: dict[str, Any]) -> None:
    rows = [trade(1), trade(2, **changed), trade(3)]
    window = TradeWindow(venue_order_id=trade()["orderId"])
    async with books({"trades": {"data": rows}}) as (found, _):
        page = await found.account.trades(window, 7, 50)
        assert [each.id for each in page.data] == ["trade-1", "trade-3"]
        assert found.listener.bad == [("", "trade")]
        # The counterparty counts the row, so the offset does.
        assert page.next_offset == 10


async def test_a_trade_that_is_not_settled_has_no_date_of_it() -> None:
    async with books({"trades": {"data": [trade(settled=False, settleDate=None)]}}) as (found, _):
        (only,) = (await found.account.trades(TradeWindow(), 0, 50)).data
        assert (only.settled, only.settled_at) == (False, None)


async def test_a_window_holds_to_the_nanosecond() -> None:
    times = ["2026-01-01T00:00:00.000000099Z", "2026-01-01T00:00:00.000000100Z"]
    times += ["2026-01-01T00:00:00.000000299Z", "2026-01-01T00:00:00.000000300Z"]
    rows = [trade(number, time=time) for number, time in enumerate(times)]
    at = parse_time("2026-01-01T00:00:00Z")
    async with books({"trades": {"data": rows}}) as (found, _):
        page = await found.account.trades(TradeWindow(since=at + 100, until=at + 300), 0, 50)
        assert [each.id for each in page.data] == ["trade-1", "trade-2"]
        assert found.listener.bad == []


async def test_a_short_page_is_not_the_last_one() -> None:
    rows = [trade(number) for number in range(5)]
    async with books({"trades": pages(*rows)}) as (found, there):
        assert await read_all(found.account) == [f"trade-{number}" for number in range(5)]
        assert [dict(there.query(number))["offset"] for number in range(4)] == ["0", "2", "4", "5"]


async def test_a_list_that_ignores_the_offset_ends_where_it_repeats() -> None:
    rows = {"data": [trade(1), trade(2)]}
    async with books({"trades": rows}) as (found, there):
        assert await read_all(found.account) == ["trade-1", "trade-2"]
        assert len(there.requests) == 2
        # Asked anew, it is read anew.
        assert await read_all(found.account) == ["trade-1", "trade-2"]


async def test_a_page_that_repeats_only_in_part_goes_on() -> None:
    """A trade came in between: newest first, every row has moved on by one."""
    rows = [trade(number) for number in range(5)]
    served = iter([rows[1:3], rows[2:4], rows[4:], []])
    async with books({"trades": lambda _request: {"data": next(served)}}) as (found, _):
        assert await read_all(found.account) == ["trade-1", "trade-2", "trade-2", "trade-3", "trade-4"]


async def test_reports_never_take_the_place_of_an_order() -> None:
    async with books({"balances": payload("balances")}, per_second=10, read_ms=50) as (found, there):
        while found.budget.try_take(Lane.REST):
            pass
        assert found.budget.can_take(Lane.ORDER)
        with pytest.raises(BudgetSpentError):
            await found.account.balances()
        assert there.requests == []


async def test_a_report_that_cannot_be_read_takes_no_connection_out() -> None:
    async with books({"balances": (500, {}), "trades": b"<html>"}) as (found, _):
        for _ in range(6):
            with pytest.raises(VenueUnreachableError):
                await found.account.balances()
            with pytest.raises(OffWireError):
                await found.account.trades(TradeWindow(), 0, 10)
        assert not found.score.is_open
        assert [result for _, result, _ in found.listener.requests[:2]] == ["server_error", "off_wire"]


async def test_a_spot_account_has_no_margin_side() -> None:
    async with books() as (found, _):
        assert found.account.margin is None
