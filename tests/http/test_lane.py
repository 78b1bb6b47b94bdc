"""The lane of a connection: what goes by it, what does not, and that nobody can tell from the answers."""

import asyncio
import gc
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest
from msgspec.structs import replace

from router.core.errors import Code, ConflictError, OrderError
from router.core.model import OrderRequest, OrderStatus
from router.core.order import Phase
from router.core.record import Submission
from router.http.app import make_app
from router.http.connection import BODY_WAIT_S, Connection, Lane
from router.http.context import Failure
from router.http.server import LANE, serving
from router.ports import StoreError
from router.settings import ApiKey, AuthMode, AuthSettings, Scope, Settings
from tests.http import samples
from tests.http.conftest import SETTINGS
from tests.http.fakes import FakeConnections, FakeDesk, FakeRoster
from tests.http.sockets import Caller, calling

GOOD = json.dumps(samples.BODY).encode()
ANOTHER = GOOD.replace(b"desk-7", b"desk-8")
CHUNKED = b"Transfer-Encoding: chunked"


def post(body: bytes, *lines: bytes, path: bytes = b"/v1/orders", key: bytes = b"trader") -> bytes:
    """A request as one desk sends it."""
    own = (
        b"POST %b HTTP/1.1" % path,
        b"Host: router",
        b"Authorization: Bearer " + key,
        b"Content-Type: application/json",
    )
    if CHUNKED not in lines:
        lines = (*lines, b"Content-Length: %d" % len(body))
    return b"\r\n".join((*own, *lines, b"", b"")) + body


class BlockingDesk(FakeDesk):
    """A desk that answers when it is let: `let` is set, to begin with. `begun`: an order has come.

    `quick`: client order ids that it does not wait with.
    """

    def __init__(self) -> None:
        super().__init__()
        self.let = asyncio.Event()
        self.let.set()
        self.begun = asyncio.Event()
        self.ended: list[str] = []
        self.quick: set[str] = set()

    async def free_after(self, turns: int) -> None:
        """Let it answer when the loop has turned so often: whoever does not wait for it has ended by then."""
        for _ in range(turns):
            await asyncio.sleep(0)
        self.let.set()

    async def submit(self, request: OrderRequest) -> Submission:
        self.begun.set()
        if request.client_order_id not in self.quick:
            await self.let.wait()
        answer = await super().submit(request)
        self.ended.append(request.client_order_id)
        return answer


class CountingLane:
    """A lane that remembers what went by it."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self.taken: list[bytes] = []

    def refuse(self) -> bytes | None:
        return self._lane.refuse()

    async def answer(self, raw: bytes) -> bytes:
        self.taken.append(raw)
        return await self._lane.answer(raw)


class World:
    """A server over a fake desk."""

    def __init__(self) -> None:
        self.desk = BlockingDesk()
        self.failures: list[Failure] = []
        self.port = 0

    @asynccontextmanager
    async def serving(self, settings: Settings = SETTINGS, **how: Any) -> AsyncIterator[CountingLane]:
        app = make_app(
            self.desk,
            settings,
            metrics=bytes,
            now=lambda: samples.NOW,
            failed=self.failures.append,
            roster=FakeRoster(),
            connections=FakeConnections(self.desk),
            body_deadline_s=0.01,
        )
        lane = CountingLane(app[LANE])
        app[LANE] = lane
        async with serving(app, "127.0.0.1", 0, 5.0, **how) as self.port:
            yield lane


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def lane(world: World) -> AsyncIterator[CountingLane]:
    async with world.serving() as lane:
        yield lane


@pytest.fixture
async def caller(world: World, lane: CountingLane) -> AsyncIterator[Caller]:
    """Whose connection has sent an order before."""
    async with calling(world.port) as caller:
        assert (await caller.ask(post(GOOD))).status == 200
        assert lane.taken == []
        yield caller


async def test_a_request_like_one_before_it_goes_by_the_lane(
    world: World, lane: CountingLane, caller: Caller
) -> None:
    heard = await caller.ask(post(ANOTHER))

    assert (heard.status, json.loads(heard.body)) == (200, samples.FILLED_ANSWER)
    assert lane.taken == [ANOTHER]
    assert [request.client_order_id for request in world.desk.requests] == ["desk-7-000123", "desk-8-000123"]


CREDIT = OrderError(Code.CREDIT_LONG_LIMIT, "expected credit, was refused", connection_id=samples.PTS.id)
REFUSED = replace(samples.FILLED, status=OrderStatus.REJECTED, error=CREDIT, fills=())
NOBODY = replace(CREDIT, code=Code.NO_QUOTES, connection_id=None)


@pytest.mark.parametrize(
    "answer",
    [
        Submission(samples.FILLED, samples.COMPETITION),
        Submission(samples.FILLED, samples.COMPETITION, replayed=True),
        Submission(samples.ACCEPTED),
        Submission(samples.ROUTED, samples.COMPETITION),
        Submission(replace(samples.ROUTED, phase=Phase.WORKING, status=OrderStatus.NEW)),
        Submission(samples.IN_DOUBT),
        Submission(samples.RESTING),
        Submission(REFUSED, samples.COMPETITION),
        Submission(replace(REFUSED, error=NOBODY), samples.NOBODY),
        Submission(replace(REFUSED, error=replace(NOBODY, code=Code.VENUE_UNAVAILABLE)), samples.NOBODY),
        ConflictError(Code.CLIENT_ORDER_ID_REUSED, "quantity: expected as before"),
        StoreError("disk I/O error"),
    ],
)
async def test_nobody_can_tell_the_lane_from_its_answers(
    world: World, lane: CountingLane, caller: Caller, answer: Submission | Exception
) -> None:
    if isinstance(answer, Submission):
        world.desk.submission = answer
    else:
        world.desk.error = answer
    async with calling(world.port) as new:
        expected = await new.ask(post(ANOTHER))
    heard = await caller.ask(post(ANOTHER))
    assert lane.taken == [ANOTHER]
    assert heard == expected


@pytest.mark.parametrize(
    "body",
    [GOOD.replace(b'"buy"', b'"bay"'), b"{".ljust(len(GOOD)), b"\xff".ljust(len(GOOD)), b" " * len(GOOD)],
)
async def test_a_body_that_is_not_as_it_should_be_is_answered_alike(
    world: World, lane: CountingLane, caller: Caller, body: bytes
) -> None:
    async with calling(world.port) as new:
        expected = await new.ask(post(body))
    heard = await caller.ask(post(body))
    assert (heard, heard.status) == (expected, 400)
    assert lane.taken == [body]
    assert len(world.desk.requests) == 1


async def test_a_failure_of_ours_is_told_and_the_lane_goes_on(
    world: World, lane: CountingLane, caller: Caller
) -> None:
    world.desk.error = KeyError("token hunter2")
    heard = await caller.ask(post(GOOD))
    (failure,) = world.failures
    assert (heard.status, json.loads(heard.body)["detail"].split()[-1]) == (500, failure.id)
    assert (failure.method, failure.route, failure.error) == ("POST", "/v1/orders", world.desk.error)
    assert b"hunter2" not in heard.body

    world.desk.error = None
    assert (await caller.ask(post(GOOD))).status == 200
    assert lane.taken == [GOOD, GOOD]


def keyed(*names: str) -> Settings:
    keys = tuple(
        ApiKey(name, hashlib.sha256(name.encode()).digest(), frozenset({Scope.TRADE})) for name in names
    )
    return replace(SETTINGS, auth=AuthSettings(AuthMode.KEYS, keys))


async def test_another_key_is_looked_at(world: World) -> None:
    async with world.serving(keyed("trader")) as lane, calling(world.port) as caller:
        assert (await caller.ask(post(GOOD))).status == 200
        assert (await caller.ask(post(GOOD, key=b"traitor"))).status == 401
        assert (await caller.ask(post(GOOD, key=b"trader"))).status == 200
    assert lane.taken == [GOOD]


async def test_a_head_that_was_refused_is_not_remembered(world: World) -> None:
    async with world.serving(keyed("trader")) as lane, calling(world.port) as caller:
        for _ in range(2):
            assert (await caller.ask(post(GOOD, key=b"thief"))).status == 401
    assert (lane.taken, world.desk.requests) == ([], [])


@pytest.mark.parametrize(
    ("request_of", "status"),
    [
        (lambda: post(GOOD, path=b"/v1/orders?dry_run=true"), 400),
        (lambda: post(json.dumps(samples.RFQ_BODY).encode(), path=b"/v1/rfqs"), 201),
        (lambda: post(GOOD).replace(b"application/json", b"text/plain"), 415),
        (lambda: post(b" " * 5000), 413),
        (lambda: b"GET /v1/orders/o-1 HTTP/1.1\r\nHost: router\r\n\r\n", 200),
    ],
)
async def test_what_is_no_order_never_goes_by_the_lane(
    world: World, lane: CountingLane, caller: Caller, request_of: Callable[[], bytes], status: int
) -> None:
    for _ in range(2):
        assert (await caller.ask(request_of())).status == status
    assert lane.taken == []
    assert (await caller.ask(post(GOOD))).status == 200
    # What came between was whole, and told its length.
    assert lane.taken == [GOOD]


async def read(world: World) -> None:
    """Return when the server has read what was sent before: it answers this later."""
    async with calling(world.port) as other:
        await other.ask(b"GET /healthz HTTP/1.1\r\nHost: router\r\n\r\n")


@pytest.mark.parametrize("cuts", [(-1,), (-len(GOOD),), (-len(GOOD), -10), (-30, -20, -10)])
async def test_a_body_that_comes_after_its_head_is_waited_for(
    world: World, lane: CountingLane, caller: Caller, cuts: tuple[int, ...]
) -> None:
    whole = post(ANOTHER)
    for begin, end in pairwise((-len(whole), *cuts)):
        await caller.send(whole[begin:end])
        await read(world)
    assert lane.taken == []
    assert (await caller.ask(whole[cuts[-1] :])).status == 200
    assert (await caller.ask(post(GOOD))).status == 200
    assert lane.taken == [ANOTHER, GOOD]


async def test_a_body_with_something_after_it_is_aiohttps(
    world: World, lane: CountingLane, caller: Caller
) -> None:
    whole = post(GOOD)
    await caller.send(whole[:-5])
    await read(world)
    assert [(await caller.ask(whole[-5:] + whole)).status, (await caller.hear()).status] == [200, 200]
    assert lane.taken == []


async def test_a_known_head_whose_body_never_comes_whole_is_answered_by_aiohttp(
    lane: CountingLane, caller: Caller
) -> None:
    heard = await caller.ask(post(GOOD)[:-5])
    assert (heard.status, json.loads(heard.body)["code"]) == (400, "malformed_json")
    assert lane.taken == []


async def test_a_caller_that_hangs_up_in_the_middle_of_a_body_places_nothing(
    world: World, lane: CountingLane, caller: Caller
) -> None:
    failed: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: failed.append(context))
    await caller.send(post(GOOD)[:-5])
    await read(world)
    await caller.hang_up()
    # There is nothing to await: who waited for the rest must not come back to it when patience is over.
    await asyncio.sleep(2 * BODY_WAIT_S)
    assert (lane.taken, len(world.desk.requests), failed) == ([], 1, [])


async def test_two_requests_in_one_piece_are_aiohttps_and_so_is_all_that_follows(
    world: World, lane: CountingLane, caller: Caller
) -> None:
    assert [(await caller.ask(post(GOOD) + post(ANOTHER))).status, (await caller.hear()).status] == [200, 200]
    assert (await caller.ask(post(GOOD))).status == 200
    assert lane.taken == []
    assert [request.client_order_id[5] for request in world.desk.requests] == ["7", "7", "8", "7"]


async def test_a_chunked_body_is_aiohttps_and_so_is_all_that_follows(
    lane: CountingLane, caller: Caller
) -> None:
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(GOOD), GOOD)
    assert (await caller.ask(post(chunks, CHUNKED))).status == 200
    assert (await caller.ask(post(GOOD))).status == 200
    assert lane.taken == []


async def test_what_comes_while_the_lane_is_at_work_is_answered_after_it(
    world: World, lane: CountingLane, caller: Caller
) -> None:
    world.desk.let.clear()
    world.desk.begun.clear()
    await caller.send(post(GOOD))
    await world.desk.begun.wait()
    world.desk.quick.add("desk-8-000123")
    get = b"GET /v1/orders/nobody HTTP/1.1\r\nHost: router\r\n\r\n"
    await caller.send(post(ANOTHER) + get)
    world.desk.let.set()

    heard = [await caller.hear() for _ in range(3)]
    assert [each.status for each in heard] == [200, 200, 404]
    assert lane.taken == [GOOD]
    assert world.desk.ended == ["desk-7-000123", "desk-7-000123", "desk-8-000123"]


async def test_one_request_that_was_held_goes_by_the_lane(
    world: World, lane: CountingLane, caller: Caller
) -> None:
    world.desk.let.clear()
    world.desk.begun.clear()
    await caller.send(post(GOOD))
    await world.desk.begun.wait()
    world.desk.quick.add("desk-8-000123")
    await caller.send(post(ANOTHER))
    await read(world)
    world.desk.let.set()
    assert [(await caller.hear()).status, (await caller.hear()).status] == [200, 200]
    assert lane.taken == [GOOD, ANOTHER]
    assert world.desk.ended[1:] == ["desk-7-000123", "desk-8-000123"]
    assert (await caller.ask(post(GOOD))).status == 200


async def test_an_order_goes_on_when_its_caller_hangs_up(
    world: World, lane: CountingLane, caller: Caller
) -> None:
    world.desk.let.clear()
    world.desk.begun.clear()
    await caller.send(post(ANOTHER))
    await world.desk.begun.wait()
    await caller.hang_up()
    world.desk.let.set()
    async with calling(world.port) as other:
        # Served by the same loop, after what was woken before it.
        assert (await other.ask(post(GOOD))).status == 200
    assert world.desk.ended[1] == "desk-8-000123"
    assert lane.taken == [ANOTHER]
    assert world.failures == []


async def test_the_last_request_of_a_connection_ends_it(lane: CountingLane, caller: Caller) -> None:
    assert (await caller.ask(post(GOOD, b"Connection: close"))).status == 200
    assert await caller.rest() == b""
    assert lane.taken == []


async def test_an_older_caller_is_answered_in_its_own_version(lane: CountingLane, caller: Caller) -> None:
    older = post(GOOD, b"Connection: keep-alive").replace(b"HTTP/1.1", b"HTTP/1.0")
    for _ in range(2):
        heard = await caller.ask(older)
        assert heard.head[0] == "HTTP/1.0 200 OK"
        assert "Connection: keep-alive" in heard.head
    assert lane.taken == []


async def test_a_stop_waits_for_who_is_in_the_lane(world: World) -> None:
    async with world.serving() as lane:
        stack = calling(world.port)
        caller = await stack.__aenter__()
        await caller.ask(post(GOOD))
        world.desk.let.clear()
        world.desk.begun.clear()
        await caller.send(post(ANOTHER))
        await world.desk.begun.wait()
        freeing = asyncio.create_task(world.desk.free_after(turns=200))
    await freeing
    assert (await caller.hear()).status == 200
    assert await caller.rest() == b""
    assert lane.taken == [ANOTHER]
    await stack.__aexit__(None, None, None)


async def test_heads_are_forgotten(world: World) -> None:
    async with world.serving(known_s=0.0) as lane, calling(world.port) as caller:
        for _ in range(3):
            assert (await caller.ask(post(GOOD))).status == 200
    assert lane.taken == []


def connections_in_memory() -> int:
    gc.collect()
    return len([kept for kept in gc.get_objects() if type(kept) is Connection])


async def test_a_connection_that_is_gone_is_not_kept_by_what_it_remembered(
    world: World, lane: CountingLane, caller: Caller
) -> None:
    before = connections_in_memory()
    async with calling(world.port) as other:
        assert (await other.ask(post(GOOD))).status == 200
        assert (await other.ask(post(ANOTHER))).status == 200
        await other.hang_up()
    # Served by the same loop, after it heard of that.
    assert (await caller.ask(post(GOOD))).status == 200
    assert lane.taken == [ANOTHER, GOOD]
    assert connections_in_memory() == before


async def test_heads_are_bounded_in_number(world: World, lane: CountingLane, caller: Caller) -> None:
    for extra in range(40):
        assert (await caller.ask(post(GOOD + b" " * extra))).status == 200
    assert lane.taken == [GOOD]
    assert (await caller.ask(post(GOOD + b" " * 39))).status == 200
    assert (await caller.ask(post(GOOD))).status == 200
    assert lane.taken == [GOOD, GOOD + b" " * 39]
