"""What becomes of a record beside the orders when the answer to its commit is lost."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from router.journal.postgres import PostgresJournal
from router.ports import StoreError
from router.ports.records import MoveRecord, StoredConnection
from tests.postgres_server import PostgresServer
from tests.unit.build import T0
from tests.unit.journal.postgres_kit import LEASE_S, WRITE_S
from tests.unit.journal.proxy import Loss, Proxy, proxied

MOVE = MoveRecord("move-1", "pts", "key-1", False, T0, T0, b"{}")
DONE = msgspec.structs.replace(MOVE, final=True, updated_at=T0 + 1, doc=b'{"done":true}')
CONNECTION = StoredConnection("desk", 1, b"{}", b"sealed", T0, T0)
CHANGED = msgspec.structs.replace(CONNECTION, version=2, doc=b'{"name":"x"}', updated_at=T0 + 1)


@pytest.fixture
async def proxy(postgres: PostgresServer) -> AsyncIterator[Proxy]:
    async with proxied(postgres.port) as made:
        yield made


@pytest.fixture
async def journal(postgres: PostgresServer, database: str, proxy: Proxy) -> AsyncIterator[PostgresJournal]:
    """A router whose way to the server goes through the proxy."""
    opened = await PostgresJournal.open(postgres.url(database, proxy.port), lease_s=LEASE_S, write_s=WRITE_S)
    yield opened
    proxy.shut = False
    await opened.close()


@pytest.mark.parametrize("loss", Loss)
async def test_a_move_whose_commits_are_lost_on_the_way_is_kept_once(
    loss: Loss, journal: PostgresJournal, proxy: Proxy
) -> None:
    proxy.lose = loss
    await journal.accept_move(MOVE)
    proxy.lose = loss
    await journal.append_move(DONE, b"done", T0 + 1)

    assert proxy.lost == 2
    assert await journal.move("move-1") == DONE
    assert list(await journal.move_events("move-1")) == [(T0 + 1, b"done")]


@pytest.mark.parametrize("loss", Loss)
async def test_a_move_that_was_accepted_in_vain_left_its_key_free(
    loss: Loss, journal: PostgresJournal, proxy: Proxy
) -> None:
    proxy.lose, proxy.shut_with_it = loss, True
    with pytest.raises(StoreError):
        await journal.accept_move(MOVE)
    proxy.shut = False

    again = msgspec.structs.replace(MOVE, id="move-2")
    await journal.accept_move(again)

    assert await journal.move("move-1") is None
    assert await journal.move_by_key("pts", "key-1") == again


@pytest.mark.parametrize("loss", Loss)
async def test_an_event_of_a_move_that_raised_left_the_move_open(
    loss: Loss, journal: PostgresJournal, proxy: Proxy, postgres: PostgresServer, database: str
) -> None:
    await journal.accept_move(MOVE)
    proxy.lose, proxy.shut_with_it = loss, True
    with pytest.raises(StoreError):
        await journal.append_move(DONE, b"done", T0 + 1)
    proxy.shut = False
    await journal.check()

    assert await journal.move("move-1") == MOVE
    assert list(await journal.move_events("move-1")) == []
    assert postgres.sql("SELECT final FROM moves", database) == "f"


@pytest.mark.parametrize("loss", Loss)
async def test_a_late_event_that_raised_left_a_move_that_had_ended_ended(
    loss: Loss, journal: PostgresJournal, proxy: Proxy, postgres: PostgresServer, database: str
) -> None:
    await journal.accept_move(MOVE)
    await journal.append_move(DONE, b"done", T0 + 1)
    proxy.lose, proxy.shut_with_it = loss, True
    with pytest.raises(StoreError):
        await journal.append_move(msgspec.structs.replace(DONE, updated_at=T0 + 2), b"said otherwise", T0 + 2)
    proxy.shut = False
    await journal.check()

    assert await journal.move("move-1") == DONE
    assert list(await journal.move_events("move-1")) == [(T0 + 1, b"done")]
    assert postgres.sql("SELECT final FROM moves", database) == "t"


@pytest.mark.parametrize("loss", Loss)
async def test_connections_that_were_written_in_vain_are_as_they_were(
    loss: Loss, journal: PostgresJournal, proxy: Proxy
) -> None:
    await journal.keep_connection(CONNECTION)
    for write in (
        lambda: journal.keep_connection(CHANGED),
        lambda: journal.forget_connection("desk", 1),
        lambda: journal.keep_connection(msgspec.structs.replace(CONNECTION, id="new")),
    ):
        proxy.lose, proxy.shut_with_it = loss, True
        with pytest.raises(StoreError):
            await write()
        proxy.shut = False
        await journal.check()

        assert list(await journal.stored_connections()) == [CONNECTION]


async def test_moves_of_a_router_that_is_gone_are_taken_once_and_the_others_left(
    postgres: PostgresServer, database: str
) -> None:
    gone = await PostgresJournal.open(postgres.url(database))
    await gone.accept_move(MOVE)
    await gone.close()
    alive = await PostgresJournal.open(postgres.url(database))
    await alive.accept_move(msgspec.structs.replace(MOVE, id="move-2", key="key-2"))
    heir = await PostgresJournal.open(postgres.url(database))
    try:
        assert list(await heir.open_moves()) == [MOVE]
        assert list(await heir.open_moves()) == []
        await heir.append_move(DONE, b"done", T0 + 1)
        with pytest.raises(StoreError, match="another's: fenced"):
            await heir.append_move(msgspec.structs.replace(DONE, id="move-2"), b"done", T0 + 1)
    finally:
        await alive.close()
        await heir.close()
