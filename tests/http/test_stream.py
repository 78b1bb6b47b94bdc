"""The event stream: in order, from where the caller left off, and never at the router's cost."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient
from msgspec.structs import replace

from router.core.model import Side, VenueState
from router.core.movement import MoveUnanswered
from router.http.context import Streaming
from router.http.stream import TYPES_PATTERN
from router.http.texts import time_text
from router.observe.events import EventBus, Kind
from router.ports import ConnectionState, ForeignOrder
from router.service.moving.service import Moving
from tests.fakes.margin import FakeMargin, MarginRoster, MemoryMoves, MovingWorld
from tests.http import samples
from tests.http.fakes import FakeDesk
from tests.http.test_margin import WallClock
from tests.unit.build import D

ENTRIES = samples.FILLED_ANSWER["competition"]["entries"]  # type: ignore[index]  # an object of objects


@pytest.fixture
def bus() -> EventBus:
    return EventBus("e", ring_length=4, queue_length=8, followers_max=2)


@pytest.fixture
def streaming(bus: EventBus) -> Streaming:
    return Streaming(bus)


class Reader:
    """Reads a stream block by block."""

    def __init__(self, answer: ClientResponse) -> None:
        self.answer = answer

    async def block(self) -> dict[str, str]:
        """The next block's fields, comments under an empty name; empty at the end."""
        fields: dict[str, str] = {}
        async for raw in self.answer.content:
            line = raw.decode().rstrip("\n")
            if not line:
                return fields
            name, _, value = line.partition(": ")
            fields[name] = value
        return fields

    async def event(self) -> tuple[str, str, Any]:
        """The next event: its id, its name, its data."""
        block = await self.block()
        return block.get("id", ""), block["event"], json.loads(block["data"])


@asynccontextmanager
async def following(client: TestClient, query: str = "", after: str | None = None) -> AsyncIterator[Reader]:
    """Follow, and read what every stream begins with."""
    headers = {} if after is None else {"Last-Event-ID": after}
    async with client.get(f"/v1/events{query}", headers=headers) as answer:
        assert (answer.status, answer.content_type) == (200, "text/event-stream")
        reader = Reader(answer)
        assert await reader.block() == {"retry": "1000"}
        yield reader


async def test_each_kind_is_told_as_it_is_read_elsewhere(
    client: TestClient, bus: EventBus, desk: FakeDesk
) -> None:
    async with following(client) as stream:
        assert await stream.block() == {"id": "e-0"}
        bus.publish(samples.FILLED)
        bus.publish(samples.COMPETITION)
        bus.connection("bitgo-pts", replace(samples.VIEWS[0].health, state=ConnectionState.DEGRADED))

        assert await stream.event() == ("e-1", "order", samples.FILLED_ANSWER | {"competition": None})
        spot = {"id": "bitgo-spot", "name": "BitGo Treasury", "pts": False}
        told = {"id": "c-1", "order_id": "o-1", "rfq_id": None, "winner": spot, "entries": ENTRIES}
        assert await stream.event() == ("e-2", "competition", told)
        event_id, name, connection = await stream.event()
        assert (event_id, name) == ("e-3", "connection")
        assert (connection["id"], connection["state"], connection["pts"]) == ("bitgo-pts", "degraded", True)


class TestMargin:
    """What is told of moves of margin money, and of orders that are not ours."""

    @pytest.fixture
    def account(self) -> FakeMargin:
        return FakeMargin()

    @pytest.fixture
    async def margin(self, account: FakeMargin, bus: EventBus) -> AsyncIterator[Moving]:
        world = MovingWorld(MemoryMoves(), MarginRoster(pts=account), WallClock(), events=bus)
        yield world.moving
        await world.moving.stop(5.0)

    async def test_a_move_is_told_as_it_is_read(self, client: TestClient, account: FakeMargin) -> None:
        at = "/v1/connections/pts/margin"
        account.answers.append(MoveUnanswered("time-out"))
        account.later = MoveUnanswered("it leaves no trace")
        async with following(client, "?types=operation,foreign_order") as stream:
            await stream.block()
            body, key = {"currency": "USD", "quantity": "250.00"}, {"Idempotency-Key": "k-1"}
            answer = await client.post(f"{at}/collateral-transfers", json=body, headers=key)
            told = [await stream.event() for _ in range(3)]
            assert [(name, move["status"], move["in_doubt"]) for _, name, move in told] == [
                ("operation", "pending", False),
                ("operation", "pending", True),
                ("operation", "pending", True),
            ]
            assert (told[2][2]["doubt"]["since"], told[0][2]["doubt"]) == (told[2][2]["sent_at"], None)
            operation_id = (await answer.json())["id"]
            said = {"finding": "done", "operator": "J. Doe", "reason": "on their page"}
            await client.post(f"{at}/operations/{operation_id}/finding", json=said)
            _, name, ended = await stream.event()
            read = await client.get(f"{at}/operations/{operation_id}")
            assert (name, ended) == ("operation", await read.json())

    async def test_an_order_that_is_not_ours_is_told(self, client: TestClient, bus: EventBus) -> None:
        order = ForeignOrder("v-9", None, "BTC-USD", Side.SELL, VenueState.DONE, D("0.50"), samples.NOW)
        async with following(client) as stream:
            await stream.block()
            bus.foreign_order("bitgo-pts", order)
            assert await stream.event() == (
                "e-1",
                "foreign_order",
                {
                    "connection": {"id": "bitgo-pts", "name": "BitGo Margin", "pts": True},
                    "venue_order_id": "v-9",
                    "venue_client_order_id": None,
                    "product": "BTC-USD",
                    "side": "sell",
                    "state": "done",
                    "filled_quantity": "0.50",
                    "time": time_text(samples.NOW),
                },
            )


async def test_every_kind_can_be_asked_for(client: TestClient) -> None:
    for kind in Kind:
        assert (await client.head(f"/v1/events?types={kind.value}")).status == 200
    assert all(re.fullmatch(TYPES_PATTERN, kind.value) for kind in Kind)
    assert re.fullmatch(TYPES_PATTERN, ",".join(Kind))
    assert not re.fullmatch(TYPES_PATTERN, "orders")


async def test_an_order_in_doubt_is_told_with_its_doubt(client: TestClient, bus: EventBus) -> None:
    async with following(client) as stream:
        await stream.block()
        bus.publish(samples.IN_DOUBT)
        _, _, order = await stream.event()
        assert (order["in_doubt"], order["doubt"]["last_look_up"]["answer"]) == (True, "HTTP 503")


async def test_only_what_is_wanted_comes(client: TestClient, bus: EventBus) -> None:
    async with following(client, "?order_id=o-1&types=order") as stream:
        await stream.block()
        bus.publish(replace(samples.FILLED, id="o-2"))
        bus.publish(samples.COMPETITION)
        bus.publish(samples.FILLED)
        event_id, _, order = await stream.event()
        assert (event_id, order["id"]) == ("e-3", "o-1")


async def test_who_comes_back_gets_what_was_missed(client: TestClient, bus: EventBus) -> None:
    for number in range(3):
        bus.publish(replace(samples.FILLED, id=f"o-{number}"))
    async with following(client, after="e-1") as stream:
        await stream.block()
        assert [(await stream.event())[0] for _ in range(2)] == ["e-2", "e-3"]
        bus.publish(samples.FILLED)
        assert (await stream.event())[0] == "e-4"


@pytest.mark.parametrize("after", ["e-1", "other-5", "e-99", "e-x", "nonsense"])
async def test_who_comes_back_too_late_or_to_another_process_is_told_to_read_again(
    client: TestClient, bus: EventBus, after: str
) -> None:
    for _ in range(6):  # the ring holds four
        bus.publish(samples.FILLED)
    async with following(client, after=after) as stream:
        event_id, name, _ = await stream.event()
        assert (event_id, name) == ("e-6", "reset")
        bus.publish(samples.FILLED)
        assert (await stream.event())[0] == "e-7"


async def test_the_oldest_of_the_ring_is_not_too_late(client: TestClient, bus: EventBus) -> None:
    for _ in range(6):
        bus.publish(samples.FILLED)
    async with following(client, after="e-2") as stream:
        await stream.block()
        assert [(await stream.event())[0] for _ in range(4)] == ["e-3", "e-4", "e-5", "e-6"]


async def test_who_reads_too_slowly_is_told_and_dropped(client: TestClient, bus: EventBus) -> None:
    async with following(client) as stream:
        await stream.block()
        for _ in range(9):  # the queue holds eight, and nobody had a turn
            bus.publish(samples.FILLED)
        assert bus.followers == 0
        _, name, _ = await stream.event()
        assert name == "overflow"
        assert await stream.block() == {}


class TestWhoReadsNothing:
    @pytest.fixture
    def streaming(self) -> Streaming:
        return Streaming(EventBus("e", queue_length=100_000), write_deadline_s=0.05)

    async def test_is_cut_off(self, client: TestClient, streaming: Streaming) -> None:
        bus = streaming.events
        loop = asyncio.get_running_loop()
        with socket.socket() as line:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            line.setblocking(False)
            await loop.sock_connect(line, (client.server.host, client.server.port))
            await loop.sock_sendall(line, b"GET /v1/events HTTP/1.1\r\nHost: a\r\n\r\n")
            assert b"200 OK" in await loop.sock_recv(line, 1024)
            await asyncio.sleep(0)
            many = replace(samples.FILLED, fills=samples.FILLED.fills * 400)
            for _ in range(400):  # more than any buffer on the way holds
                bus.publish(many)
            assert client.server.handler is not None
            async with asyncio.timeout(10):
                while client.server.handler.connections:  # noqa: ASYNC110 - the server has no event for it
                    await asyncio.sleep(0.001)
            assert bus.followers == 0


class TestSilence:
    @pytest.fixture
    def streaming(self, bus: EventBus) -> Streaming:
        return Streaming(bus, keep_alive_s=0.01)

    async def test_is_broken_by_a_comment(self, client: TestClient, bus: EventBus) -> None:
        async with following(client) as stream:
            await stream.block()
            assert await stream.block() == {"": "keep-alive"}
            bus.publish(samples.FILLED)
            while "event" not in (block := await stream.block()):
                assert block == {"": "keep-alive"}
            assert block["id"] == "e-1"


async def test_no_more_may_follow_than_there_is_room_for(client: TestClient, bus: EventBus) -> None:
    async with following(client), following(client):
        refused = await client.get("/v1/events")
        assert (refused.status, (await refused.json())["code"]) == (429, "too_many_requests")
        assert refused.headers["Retry-After"] == "1"
    while bus.followers:  # they hung up; the router hears of it when it next writes
        bus.publish(samples.FILLED)
        await asyncio.sleep(0)
    async with following(client) as stream:
        assert "id" in await stream.block()


async def test_it_ends_when_the_router_stops(client: TestClient, bus: EventBus) -> None:
    async with following(client) as stream:
        await stream.block()
        bus.publish(samples.FILLED)
        await client.server.close()
        assert (await stream.event())[0] == "e-1"
        assert await stream.block() == {}
    assert bus.followers == 0


@pytest.mark.parametrize(
    ("query", "field"),
    [("order_id=%20", "order_id"), ("types=orders", "types"), ("types=", "types"), ("a=b", "a")],
)
async def test_a_query_that_cannot_be_meant(client: TestClient, query: str, field: str) -> None:
    answer = await client.get(f"/v1/events?{query}")

    assert (answer.status, (await answer.json())["errors"][0]["field"]) == (400, field)


async def test_head_tells_the_type_and_follows_nothing(client: TestClient, bus: EventBus) -> None:
    answer = await client.head("/v1/events")

    assert (answer.status, answer.content_type, bus.followers) == (200, "text/event-stream", 0)
