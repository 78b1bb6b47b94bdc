"""The sockets of one account: found closed before the write, waited for, given up, kept warm, let go of."""

import asyncio
import gc
import os
import random
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.connection.kit import (
    TIMING,
    WAIT_S,
    Certified,
    OtherSide,
    Ours,
    Step,
    facing,
    listening,
    ours,
    said,
    settled,
)
from venues.transport.http1.pool import Pool
from venues.transport.http1.request import Origin
from venues.transport.session import NOT_RUNNING, Answered, Lost, NotSent
from venues.transport.timing import Timing

TIMED_OUT = NotSent("no connection: time-out")
OK = said(200, b"ok")


class Peer:
    """The other side in this very thread: what it does has happened before the loop hears of it."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._accepted: list[socket.socket] = []

    def close(self) -> None:
        for one in (self._listener, *self._accepted):
            one.close()

    async def accept(self) -> socket.socket:
        self._listener.setblocking(False)
        async with asyncio.timeout(WAIT_S):
            found, _ = await asyncio.get_running_loop().sock_accept(self._listener)
        found.setblocking(False)
        self._accepted.append(found)
        return found

    async def answers(self, accepted: socket.socket, answer: bytes = OK) -> bytes:
        loop = asyncio.get_running_loop()
        request = await loop.sock_recv(accepted, 65536)
        await loop.sock_sendall(accepted, answer)
        return request


@pytest.fixture
def peer() -> Iterator[Peer]:
    found = Peer()
    yield found
    found.close()


async def asked(found: Ours, peer: Peer) -> socket.socket:
    """One exchange, and the other end of the connection that rests after it."""
    asking = asyncio.ensure_future(found.ask())
    accepted = await peer.accept()
    await peer.answers(accepted)
    assert isinstance(await asking, Answered)
    return accepted


async def test_an_end_that_the_loop_has_not_seen_yet_is_found_before_the_write(peer: Peer) -> None:
    async with ours(peer.port) as found:
        accepted = await asked(found, peer)
        accepted.close()
        assert found.pool.resting == 1
        # From here to the write the loop has no turn.
        asking = asyncio.ensure_future(found.ask())
        again = await peer.accept()
        assert await peer.answers(again)
        assert isinstance(await asking, Answered)


async def test_an_end_before_the_first_request_over_tls_is_found_before_the_write(
    certified: Certified,
) -> None:
    """A new connection's TLS tickets are no news; an end behind them is."""

    async def keep(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        greeted.append(writer.get_extra_info("socket").fileno())

    greeted: list[int] = []
    async with facing(OK, tls=certified, greets=keep, warm=1) as (found, other):
        await settled(found.pool, 1)
        await other.until(lambda: greeted != [])
        with socket.socket(fileno=os.dup(greeted[0])) as theirs:
            theirs.shutdown(socket.SHUT_WR)
        assert isinstance(await found.sends(), Answered)
    assert other.by_connection[0] == []


async def test_an_end_after_it_was_handed_on_is_found_before_the_write(peer: Peer) -> None:
    async with ours(peer.port, sockets_max=1) as found:

        async def first() -> None:
            assert isinstance(await found.ask(), Answered)
            # What came free was handed on, and who waited for it has not had a turn yet.
            accepted.close()

        going = asyncio.ensure_future(first())
        accepted = await peer.accept()
        second = asyncio.ensure_future(found.ask())
        await peer.answers(accepted)
        await going
        again = await peer.accept()
        await peer.answers(again)
        assert isinstance(await second, Answered)


async def test_an_answer_to_nothing_is_not_taken_for_the_next_requests(peer: Peer) -> None:
    """As a late or repeated answer would be: it says nothing of the order that is sent now."""
    async with ours(peer.port) as found:
        accepted = await asked(found, peer)
        accepted.send(said(200, b"stale"))
        asking = asyncio.ensure_future(found.ask())
        again = await peer.accept()
        await peer.answers(again, said(200, b"fresh"))
        got = await asking
    assert isinstance(got, Answered)
    assert got.body == b"fresh"


async def test_one_socket_serves_who_waits_in_turn(tls: Certified | None) -> None:
    async with facing(OK, tls=tls, sockets_max=1) as (found, other):
        got = await asyncio.gather(*(found.ask(body=b"%d" % place) for place in range(5)))
    assert all(isinstance(one, Answered) for one in got)
    assert other.connections == 1
    assert other.bodies == [b"0", b"1", b"2", b"3", b"4"]


async def test_no_socket_came_free_in_time() -> None:
    async with facing("hang", sockets_max=1, timing=Timing(connect_ms=30)) as (found, other):
        first = asyncio.ensure_future(found.ask())
        await other.until(lambda: len(other.requests) == 1)
        assert await found.ask() == TIMED_OUT
        assert other.connections == len(other.requests) == 1
        first.cancel()
        await asyncio.wait({first})


async def test_a_request_that_is_given_up_leaves_its_place_to_another(tls: Certified | None) -> None:
    async with facing("hang", OK, tls=tls, sockets_max=1) as (found, other):
        asking = asyncio.ensure_future(found.ask())
        await other.until(lambda: len(other.requests) == 1)
        waiting = asyncio.ensure_future(found.ask())
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert isinstance(await waiting, Answered)
    # What was given up may have arrived, and is not answered to somebody else.
    assert [len(seen) for seen in other.by_connection] == [1, 1]


async def test_one_that_is_given_up_while_it_waits_was_never_sent() -> None:
    async def on_time(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await go_on.wait()
        writer.write(OK)

    go_on = asyncio.Event()
    async with facing(on_time, sockets_max=1) as (found, other):
        first = asyncio.ensure_future(found.ask())
        await other.until(lambda: len(other.requests) == 1)
        waiting = asyncio.ensure_future(found.ask())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        go_on.set()
        assert isinstance(await first, Answered)
        assert found.pool.resting == 1
        assert isinstance(await found.ask(), Answered)
    assert len(other.requests) == 2


async def test_one_that_is_given_up_when_its_turn_has_come_passes_it_on() -> None:
    async with facing(OK, sockets_max=1) as (found, other):

        async def first() -> None:
            assert isinstance(await found.ask(), Answered)
            # The connection that came free was handed on, and nobody has taken it yet.
            second.cancel()

        going = asyncio.ensure_future(first())
        await other.until(lambda: other.connections == 1)
        second = asyncio.ensure_future(found.ask())
        await going
        with pytest.raises(asyncio.CancelledError):
            await second
        assert isinstance(await found.ask(), Answered)
    assert [len(seen) for seen in other.by_connection] == [2]


async def test_an_answer_in_the_same_round_as_its_cancellation_is_no_harm(
    tls: Certified | None,
) -> None:
    async def answer_and_cancel(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said(200, b"too late"))
        asking.cancel()

    async with facing(OK, answer_and_cancel, OK, tls=tls) as (found, other):
        assert isinstance(await found.ask(), Answered)
        asking = asyncio.ensure_future(found.ask())
        with pytest.raises(asyncio.CancelledError):
            await asking
        got = await found.ask()
    assert isinstance(got, Answered)
    assert got.body == b"ok"
    assert len(other.requests) == 3


async def test_what_is_in_flight_when_it_is_closed_is_lost(tls: Certified | None) -> None:
    async with facing("hang", tls=tls, sockets_max=1) as (found, other):
        asking = asyncio.ensure_future(found.ask())
        await other.until(lambda: len(other.requests) == 1)
        waiting = asyncio.ensure_future(found.ask())
        await asyncio.sleep(0)
        await found.pool.close()
        assert await asking == Lost("reset", "the connection was closed before the answer came")
        assert await waiting == NotSent(NOT_RUNNING)
        assert await found.ask() == NotSent(NOT_RUNNING)
    assert len(other.requests) == 1


async def test_before_it_is_opened_nothing_is_sent() -> None:
    async with listening(OtherSide(OK)) as other:
        origin = Origin("127.0.0.1", other.port, tls=False)
        pool = Pool(origin, TIMING)
        assert await Ours(pool, origin).ask() == NotSent(NOT_RUNNING)
        await pool.close()
    assert other.connections == 0


async def test_a_pool_that_is_closed_while_it_connects(certified: Certified) -> None:
    async with listening(OtherSide(greets="hang")) as other:
        async with ours(other.port, certified.client, warm=2) as found:
            await other.until(lambda: other.connections == 2)
            assert found.pool.resting == 0
        await other.until(lambda: other.open == 0)


async def test_a_pool_that_is_closed_as_a_connection_comes_about() -> None:
    """The loop has told of the socket, and who dialled has not heard of it yet."""
    async with listening(OtherSide(OK)) as other, ours(other.port, warm=1) as found, asyncio.timeout(WAIT_S):
        while found.pool.sockets == 0:  # noqa: ASYNC110
            await asyncio.sleep(0)
        assert found.pool.resting == 0
        await found.pool.close()


async def test_a_pool_that_is_closed_when_one_was_handed_on_keeps_nobody_waiting() -> None:
    async with facing(OK, sockets_max=1) as (found, other):

        async def first() -> None:
            assert isinstance(await found.ask(), Answered)
            # What came free was handed on, and who waited for it has not had a turn yet.
            await found.pool.close()

        going = asyncio.ensure_future(first())
        await other.until(lambda: other.connections == 1)
        second = found.sends()
        await going
        assert await second == NotSent(NOT_RUNNING)
    assert len(other.requests) == 1


async def test_connections_are_warm_before_the_first_request(tls: Certified | None) -> None:
    async with facing(OK, tls=tls, warm=2) as (found, other):
        await settled(found.pool, 2)
        assert (other.connections, other.requests) == (2, [])
        assert isinstance(await found.ask(), Answered)
        # While one was in use, another took its place.
        assert other.by_connection[0] or other.by_connection[1]


async def test_a_warm_one_that_is_lost_is_made_anew(tls: Certified | None) -> None:
    async with facing(OK, tls=tls, warm=1) as (found, other):
        await settled(found.pool, 1)
        assert isinstance(await found.ask(), Answered)
        made = other.connections
        other.leave()
        await other.until(lambda: other.connections > made)
        await settled(found.pool, 1)


async def test_one_that_has_rested_long_enough_is_closed() -> None:
    async with facing(OK, keep_alive_s=0.02) as (found, other):
        assert isinstance(await found.ask(), Answered)
        assert found.pool.resting == 1
        await other.until(lambda: other.open == 0)
        await settled(found.pool, 0)
        assert isinstance(await found.ask(), Answered)
    assert other.connections == 2


async def test_a_server_that_lets_nobody_stay_is_not_stormed() -> None:
    """Each connection is closed at once: warm ones are tried for with pauses, requests end in time."""
    async with facing(OK, greets="close", warm=2) as (found, other):
        await other.until(lambda: other.connections >= 3)
        before = other.connections
        got = await found.ask()
        # Whether the end is seen before the write is up to the network.
        assert isinstance(got, NotSent | Lost)
        assert other.connections <= before + 6
    assert other.requests == []


async def test_nobody_there_to_be_warm_with_is_no_failure_of_a_request() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        async with ours(port, warm=2) as found:
            assert await found.ask() == NotSent("no connection: ConnectionRefusedError")
            reserved.listen()
            other = OtherSide(OK)
            server = await asyncio.start_server(other.serve, sock=reserved)
            # No pause is kept by a request.
            assert isinstance(await found.ask(), Answered)
            await found.pool.close()
            await other.until(lambda: other.open == 0)
            server.close()
            await server.wait_closed()


async def test_everybody_gets_their_own_answer(tls: Certified | None) -> None:
    class Echoes(OtherSide):
        async def _take(self, step: Step, reader: Any, writer: Any) -> bool:
            writer.write(said(200, self.requests[-1].partition(b"\r\n\r\n")[2]))
            return True

    async with (
        listening(Echoes(OK), tls and tls.server) as other,
        ours(other.port, tls and tls.client, warm=2) as found,
    ):
        bodies = [b"%d" % place for place in range(30)]
        got = await asyncio.gather(*(found.ask(body=body) for body in bodies))
    assert [one.body for one in got if isinstance(one, Answered)] == bodies


STEPS: tuple[Step, ...] = (
    *(OK, OK, OK, said(503), "close", "reset", "hang", said(200, b"ok", "Connection: close")),
    *(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12", b"nonsense\r\n\r\n", OK + b"more"),
)


async def test_a_send_that_waits_for_nothing_is_told_how_it_ended(tls: Certified | None) -> None:
    async with facing(OK, OK, "close", "hang", tls=tls) as (found, other):
        # The first waits for a connection, the second finds it at rest.
        for _ in range(2):
            assert isinstance(await found.sends(), Answered)
        assert other.connections == 1
        assert await found.sends() == Lost("reset", "the connection broke: EOF")
        assert await found.sends(timeout_ms=300) == Lost(
            "timeout", "expected an answer within 300 ms, none came"
        )
        waits = found.sends()
        await other.until(lambda: len(other.requests) == 5)
    assert await waits == Lost("reset", "the connection was closed before the answer came")
    now = found.sends()
    assert now.done()
    assert await now == NotSent("the connection is not running")


@pytest.mark.parametrize("sends", [False, True])
@pytest.mark.parametrize("seed", range(5))
async def test_whatever_the_other_side_does_each_request_arrives_at_most_once(
    seed: int, tls: Certified | None, *, sends: bool
) -> None:
    """Not sent: never arrived. Answered: arrived once. Lost: at most once."""
    draws = random.Random(seed)  # noqa: S311 - it orders faults, and keeps no secret
    steps = [draws.choice(STEPS) for _ in range(60)]
    async with facing(*steps, tls=tls, warm=draws.randrange(3), sockets_max=draws.randrange(1, 6)) as (
        found,
        other,
    ):

        async def ask(name: bytes) -> tuple[bytes, Any]:
            timeout_ms = draws.choice((60, 400))
            if sends:
                return name, await asyncio.shield(found.sends(body=name, timeout_ms=timeout_ms))
            return name, await found.ask(body=name, timeout_ms=timeout_ms)

        asking = [asyncio.ensure_future(ask(b"<%d>" % place)) for place in range(50)]
        for place in (7, 21):
            await asyncio.wait({asking[place - 1]})
            asking[place].cancel()
        done = await asyncio.gather(*asking, return_exceptions=True)
    arrived = [request.partition(b"\r\n\r\n")[2] for request in other.requests]
    for one in done:
        if isinstance(one, tuple):
            name, got = one
            times = arrived.count(name)
            assert times == 1 if isinstance(got, Answered) else times <= 1, got
            assert not (times and isinstance(got, NotSent))
    assert len(arrived) == len(set(arrived))


async def test_an_exchange_leaves_no_cycles_behind() -> None:
    async with facing(OK, warm=1) as (found, _):
        for _ in range(3):
            await found.ask()
        gc.collect()
        gc.disable()
        try:
            for _ in range(20):
                assert isinstance(await found.ask(), Answered)
            # What the other side leaves in this process is there in a few pieces, ours would be twenty each.
            assert gc.collect() < 20
        finally:
            gc.enable()
