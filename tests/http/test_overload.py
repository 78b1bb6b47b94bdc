"""Bounded work: what is let in, what is refused before it is read, and how the bound follows the loop."""

import asyncio
import json
import math
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from msgspec.structs import replace

from router.core.model import OrderRequest
from router.core.record import RfqRecord, Submission
from router.http.app import make_app
from router.http.overload import (
    CROWD_MAX,
    GROWTH_PER_S,
    LATE_S,
    QUEUED_MAX,
    STANDING_S,
    TRIED_AGAIN_S,
    Gate,
)
from router.http.server import serving
from tests.http import samples
from tests.http.conftest import SETTINGS
from tests.http.fakes import FakeConnections, FakeDesk, FakeRoster
from tests.http.sockets import Caller, Heard, calling

IN_FLIGHT_MAX = 2
ORDER = json.dumps(samples.BODY).encode()
RFQ = json.dumps(samples.RFQ_BODY).encode()


def request(method: str, path: str, body: bytes = b"") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: router\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


class BlockingDesk(FakeDesk):
    """A desk that takes orders and RFQs, tells of each (`begun`), and answers none before it is `let`."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = asyncio.Semaphore(0)
        self.let = asyncio.Event()

    async def submit(self, request: OrderRequest) -> Submission:
        self.begun.release()
        await self.let.wait()
        return await super().submit(request)

    async def request_quote(self, request: OrderRequest) -> RfqRecord:
        self.begun.release()
        await self.let.wait()
        return await super().request_quote(request)


class World:
    """A server over a desk that blocks; `refused` counts what there was no room for."""

    def __init__(self) -> None:
        self.desk = BlockingDesk()
        self.refused = 0
        self.port = 0
        self._callers = AsyncExitStack()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        app = make_app(
            self.desk,
            replace(SETTINGS, server=replace(SETTINGS.server, in_flight_max=IN_FLIGHT_MAX)),
            metrics=bytes,
            now=lambda: samples.NOW,
            failed=lambda failure: pytest.fail(repr(failure.error)),
            roster=FakeRoster(),
            connections=FakeConnections(self.desk),
            refused=self._count,
        )
        async with serving(app, "127.0.0.1", 0, 5.0) as self.port, self._callers:
            yield
            self.desk.let.set()

    def _count(self) -> None:
        self.refused += 1

    async def caller(self) -> Caller:
        return await self._callers.enter_async_context(calling(self.port))

    async def fill(self, *requests: bytes) -> list[Caller]:
        """Have the desk at work on requests, each of a caller of its own."""
        callers = []
        for each in requests:
            callers.append(await self.caller())
            await callers[-1].send(each)
            await self.desk.begun.acquire()
        return callers


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    async with world.serving():
        yield world


def is_refused(heard: Heard) -> bool:
    if heard.status != 503:
        return False
    problem = json.loads(heard.body)
    assert (problem["code"], problem["retryable"]) == ("overloaded", True)
    assert {"Retry-After: 1", "Content-Type: application/problem+json"} < set(heard.head)
    return True


@pytest.mark.parametrize(
    "refused",
    [
        request("POST", "/v1/orders", ORDER),
        request("POST", "/v1/orders", b"{"),
        request("POST", "/v1/rfqs", RFQ),
        request("POST", "/v1/rfqs/r-1/accept", b'{"client_order_id": "a"}'),
    ],
)
async def test_past_the_bound_nothing_is_read_or_begun(world: World, refused: bytes) -> None:
    await world.fill(request("POST", "/v1/orders", ORDER), request("POST", "/v1/rfqs", RFQ))

    assert is_refused(await (await world.caller()).ask(refused))
    assert (world.refused, world.desk.requests, world.desk.calls) == (1, [], [])


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (request("POST", "/v1/orders/o-1/cancel"), 202),
        (request("GET", "/v1/orders/o-1"), 200),
        (request("GET", "/v1/orders?client_order_id=desk-7-000123"), 200),
        (request("GET", "/v1/rfqs/r-1"), 200),
        (request("GET", "/v1/connections"), 200),
        (request("GET", "/healthz"), 200),
        (request("GET", "/readyz"), 200),
        (request("GET", "/metrics"), 200),
    ],
)
async def test_what_reads_or_ends_something_is_never_refused(world: World, asked: bytes, status: int) -> None:
    await world.fill(*[request("POST", "/v1/orders", ORDER)] * IN_FLIGHT_MAX)

    assert (await (await world.caller()).ask(asked)).status == status
    assert world.refused == 0


async def test_there_is_room_again_when_something_is_done(world: World) -> None:
    first, second = await world.fill(*[request("POST", "/v1/orders", ORDER)] * IN_FLIGHT_MAX)
    third = await world.caller()
    assert is_refused(await third.ask(request("POST", "/v1/orders", ORDER)))

    world.desk.let.set()
    assert [(await first.hear()).status, (await second.hear()).status] == [200, 200]
    # On a connection that was refused as on any other: its next request is read.
    for _ in range(IN_FLIGHT_MAX + 1):
        assert (await third.ask(request("POST", "/v1/orders", ORDER))).status == 200
    assert world.refused == 1


async def test_an_order_whose_head_is_known_is_refused_alike(world: World) -> None:
    world.desk.let.set()
    known = await world.caller()
    for _ in range(2):
        assert (await known.ask(request("POST", "/v1/orders", ORDER))).status == 200
    world.desk.let.clear()
    world.desk.begun = asyncio.Semaphore(0)
    await world.fill(*[request("POST", "/v1/orders", ORDER)] * IN_FLIGHT_MAX)

    new = await world.caller()
    by_aiohttp = await new.ask(request("POST", "/v1/orders", ORDER))
    by_the_lane = await known.ask(request("POST", "/v1/orders", ORDER))
    assert by_aiohttp == by_the_lane
    assert is_refused(by_the_lane)
    assert world.refused == 2

    world.desk.let.set()
    assert (await known.ask(request("POST", "/v1/orders", ORDER))).status == 200


async def test_orders_of_the_lane_take_room_and_leave_it(world: World) -> None:
    world.desk.let.set()
    callers = [await world.caller() for _ in range(IN_FLIGHT_MAX)]
    for caller in callers:
        for _ in range(IN_FLIGHT_MAX + 1):
            assert (await caller.ask(request("POST", "/v1/orders", ORDER))).status == 200
    world.desk.let.clear()
    world.desk.begun = asyncio.Semaphore(0)
    for caller in callers:
        await caller.send(request("POST", "/v1/orders", ORDER))
        await world.desk.begun.acquire()
    assert is_refused(await (await world.caller()).ask(request("POST", "/v1/orders", ORDER)))


# The bound
SETTING = 2 * CROWD_MAX
IN_TIME_S = LATE_S / 2
LONG_S = LATE_S * 2
STANDING_TURNS = math.ceil(STANDING_S * LATE_S / LONG_S**2)
"""Waits of twice the time that may be are a queue in half of it."""


class Turns:
    """A gate with a clock that is turned by hand, and a loop whose turns take as long as is said."""

    def __init__(self, in_flight: int, setting: int = SETTING) -> None:
        self.now = 1000.0
        self.refused = 0
        self.elsewhere = 0
        """How many wait for a counterparty, or were let in and have not begun."""
        self.gate = Gate(setting, self._at_work, self._refuse, lambda: self.now)
        self.gate.in_flight = in_flight

    def _at_work(self) -> int:
        return self.gate.in_flight - self.elsewhere

    def _refuse(self) -> None:
        self.refused += 1

    async def turn(self, wait_s: float) -> bool:
        """Let one in and out, if there is room, and let it wait for its turn so long."""
        entered = self.gate.enter()
        self.elsewhere += entered
        self.now += wait_s
        await asyncio.sleep(0)
        if entered:
            self.elsewhere -= 1
            self.gate.leave()
        return entered

    async def load(self, let_in: int, turned_away: int, wait_s: float) -> None:
        """Let so many in and turn so many away in a turn that takes so long."""
        self.gate.in_flight = SETTING
        assert not any(self.gate.enter() for _ in range(turned_away))
        self.gate.in_flight = 0
        assert all(self.gate.enter() for _ in range(let_in))
        self.gate.in_flight = 0
        self.now += wait_s
        await asyncio.sleep(0)

    async def stand(self) -> None:
        """Long waits, until they have been for as long as a queue stands."""
        for _ in range(STANDING_TURNS + 1):
            await self.turn(LONG_S)

    async def crowd(self) -> None:
        """Have a crowd at work until there is a bound, and as many as before then."""
        before = self.gate.in_flight, self.elsewhere
        self.gate.in_flight, self.elsewhere = CROWD_MAX, 0
        await self.stand()
        self.gate.in_flight = self.elsewhere = 0
        await self.turn(LONG_S)
        self.gate.in_flight, self.elsewhere = before
        assert (self.gate.bound, self.refused) == (QUEUED_MAX, 0)


async def test_a_long_wait_now_and_then_changes_nothing() -> None:
    seen = Turns(CROWD_MAX)
    for _ in range(10):
        await seen.turn(1.0)
        await seen.turn(IN_TIME_S)
    for _ in range(STANDING_TURNS):
        await seen.turn(LONG_S)
    await seen.turn(IN_TIME_S)
    assert (seen.gate.bound, seen.refused) == (SETTING, 0)


async def test_a_crowd_that_does_not_grow_is_let_in_however_long_it_waits() -> None:
    seen = Turns(CROWD_MAX - 2)
    for _ in range(8 * STANDING_TURNS):
        await seen.turn(100 * LATE_S)
    assert (seen.gate.bound, seen.refused) == (SETTING, 0)
    seen.gate.in_flight += 1
    await seen.turn(100 * LATE_S)
    assert seen.gate.bound == QUEUED_MAX


async def test_what_has_begun_already_counts_once() -> None:
    seen = Turns(CROWD_MAX - 2)
    for _ in range(8 * STANDING_TURNS):
        assert seen.gate.enter()  # and `at_work` knows of it at once
        seen.now += LONG_S
        await asyncio.sleep(0)
        seen.gate.leave()
    assert (seen.gate.bound, seen.refused) == (SETTING, 0)


async def test_waits_that_are_just_long_take_the_whole_time_to_be_a_queue() -> None:
    seen = Turns(CROWD_MAX)
    for _ in range(math.floor(STANDING_S / LATE_S)):
        await seen.turn(LATE_S * 1.001)
    assert seen.gate.bound == SETTING
    for _ in range(2):
        await seen.turn(LATE_S * 1.001)
    assert seen.gate.bound < SETTING


async def test_waits_that_stay_long_cut_the_bound_to_what_waits_as_long_as_may_be() -> None:
    seen = Turns(CROWD_MAX)
    await seen.stand()
    # Twice as long as may be, so half of them and of the one that was just let in.
    assert seen.gate.bound == pytest.approx((CROWD_MAX + 1) / 2)
    seen.gate.in_flight = QUEUED_MAX
    await seen.turn(LONG_S)
    assert seen.gate.bound == QUEUED_MAX


@pytest.mark.parametrize(
    ("let_in", "turned_away", "kept"), [(9, 1, 0.81), (6, 4, 0.36), (1, 1, 0.25), (1, 99, 0.25)]
)
async def test_the_more_is_refused_the_less_of_a_queue_is_kept(
    let_in: int, turned_away: int, kept: float
) -> None:
    seen = Turns(0)
    await seen.crowd()
    for _ in range(4 * STANDING_TURNS):
        await seen.load(let_in, turned_away, LONG_S)
    assert seen.gate.bound == pytest.approx(QUEUED_MAX * kept)
    for _ in range(math.ceil(2 * STANDING_S / (LATE_S * kept))):
        await seen.load(let_in, turned_away, LATE_S * kept * 1.001)
    assert seen.gate.bound == pytest.approx(QUEUED_MAX * kept)


async def test_what_the_setting_refuses_shortens_nothing() -> None:
    seen = Turns(0)
    for _ in range(8 * STANDING_TURNS):
        await seen.load(1, 9, IN_TIME_S)
    assert seen.gate.bound == SETTING


async def test_what_was_refused_is_forgotten_when_all_is_let_in_again() -> None:
    seen = Turns(0)
    await seen.crowd()
    for _ in range(4 * STANDING_TURNS):
        await seen.load(1, 9, LONG_S)
    long_after_refusals = LATE_S * 0.9
    for _ in range(math.ceil(4 * STANDING_S / long_after_refusals)):
        await seen.load(1, 0, long_after_refusals)
    seen.gate.in_flight = QUEUED_MAX // 4
    assert seen.gate.enter()


async def test_what_waits_for_a_counterparty_is_no_queue() -> None:
    seen = Turns(SETTING - 2)
    seen.elsewhere = SETTING - CROWD_MAX
    await seen.stand()
    assert seen.gate.bound == SETTING


async def test_a_bound_that_was_cut_is_one_on_what_does_not_wait_for_a_counterparty() -> None:
    seen = Turns(0)
    await seen.crowd()
    seen.gate.in_flight = CROWD_MAX
    seen.elsewhere = CROWD_MAX - QUEUED_MAX + 1
    assert seen.gate.enter()
    assert not seen.gate.enter()
    seen.elsewhere = seen.gate.in_flight = SETTING
    assert not seen.gate.enter()  # whatever it waits for, no more than the setting


async def test_what_comes_all_at_once_is_counted_before_it_begins() -> None:
    seen = Turns(0)
    await seen.crowd()
    seen.gate.in_flight = seen.elsewhere = 2 * QUEUED_MAX
    let_in = 0
    for _ in range(2 * QUEUED_MAX):
        entered = seen.gate.enter()
        let_in += entered
        seen.elsewhere += entered
    assert let_in == QUEUED_MAX


async def test_waits_that_stay_long_refuse_what_is_past_the_bound() -> None:
    seen = Turns(QUEUED_MAX)
    await seen.crowd()
    assert not await seen.turn(LONG_S)
    seen.gate.in_flight = QUEUED_MAX - 1
    assert await seen.turn(LONG_S)
    assert seen.refused == 1


async def test_the_bound_is_lifted_by_the_time_in_which_waits_were_short() -> None:
    seen = Turns(QUEUED_MAX)
    await seen.crowd()
    assert not seen.gate.enter()

    seen.now += 2 * STANDING_S
    assert seen.gate.enter()
    assert seen.gate.bound == pytest.approx(QUEUED_MAX + 2 * STANDING_S * GROWTH_PER_S)


async def test_it_is_not_lifted_right_after_a_long_wait() -> None:
    seen = Turns(QUEUED_MAX)
    await seen.crowd()
    seen.now += STANDING_S / 2
    assert not seen.gate.enter()
    assert seen.gate.bound == QUEUED_MAX


async def test_after_a_quiet_while_the_setting_is_the_bound_again() -> None:
    seen = Turns(QUEUED_MAX)
    await seen.crowd()
    seen.now += 3600.0
    seen.gate.in_flight = QUEUED_MAX
    assert seen.gate.enter()
    assert seen.gate.bound == SETTING
    seen.gate.in_flight = SETTING
    assert not seen.gate.enter()


async def test_a_bound_that_is_as_high_as_a_crowd_is_none_any_more() -> None:
    seen = Turns(0)
    await seen.crowd()
    for _ in range(math.ceil((CROWD_MAX - QUEUED_MAX) / GROWTH_PER_S / STANDING_S) + 2):
        seen.now += STANDING_S
        await seen.turn(IN_TIME_S)
    assert seen.gate.bound == SETTING
    seen.gate.in_flight = CROWD_MAX // 2
    await seen.stand()
    assert (seen.gate.bound, seen.refused) == (SETTING, 0)


async def test_callers_who_come_back_at_once_are_not_refused_for_ever() -> None:
    seen = Turns(QUEUED_MAX - 1)
    await seen.crowd()
    cut_at = seen.now
    while seen.now < cut_at + TRIED_AGAIN_S - 1:
        await seen.turn(LONG_S)
    assert seen.gate.bound == QUEUED_MAX
    for _ in range(math.ceil(1 / LONG_S)):
        await seen.turn(LONG_S)
    assert seen.gate.bound == SETTING


async def test_a_setting_below_is_never_raised() -> None:
    seen = Turns(2, setting=3)
    await seen.stand()
    assert seen.gate.bound == 3
