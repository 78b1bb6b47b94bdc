"""What becomes of a write when the connection or the server is lost, at every point of a commit."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from router.core.order import CancelRequested, Order, step
from router.journal.postgres import PostgresJournal
from router.journal.postgres_link import Connection
from router.journal.postgres_operations import accept
from router.journal.postgres_transaction import Done, begin, run
from router.ports import StoreError
from tests.postgres_server import PostgresServer
from tests.unit import build
from tests.unit.build import T0
from tests.unit.journal.postgres_kit import LEASE_S, WRITE_S, append, numbered, reservations, routed, routers
from tests.unit.journal.proxy import Loss, Proxy, proxied

EVENT = CancelRequested()


@pytest.fixture
async def proxy(postgres: PostgresServer) -> AsyncIterator[Proxy]:
    async with proxied(postgres.port) as made:
        yield made


@pytest.fixture
async def journal(postgres: PostgresServer, database: str, proxy: Proxy) -> AsyncIterator[PostgresJournal]:
    """A router whose way to the server goes through the proxy."""
    url = postgres.url(database, proxy.port)
    opened = await PostgresJournal.open(url, lease_s=LEASE_S, write_s=WRITE_S)
    yield opened
    proxy.shut = False
    await opened.close()


@pytest.mark.parametrize("loss", Loss)
async def test_an_accept_whose_commit_is_lost_on_the_way_is_kept_once(
    loss: Loss, journal: PostgresJournal, proxy: Proxy
) -> None:
    proxy.lose = loss

    await journal.accept(build.order())

    assert proxy.lost == 1
    assert build.order() == await journal.order("order-1")


@pytest.mark.parametrize("loss", Loss)
async def test_an_event_whose_commit_is_lost_on_the_way_is_kept_once(
    loss: Loss, journal: PostgresJournal, proxy: Proxy
) -> None:
    order = build.order()
    await journal.accept(order)
    proxy.lose = loss

    after = await append(journal, order, EVENT)

    assert proxy.lost == 1
    assert after == await journal.order(order.id)
    assert list(await journal.events(order.id)) == [(T0 + 1, EVENT)]


@pytest.mark.parametrize("loss", Loss)
async def test_an_accept_that_raised_left_nothing_behind(
    loss: Loss, journal: PostgresJournal, proxy: Proxy
) -> None:
    proxy.lose, proxy.shut_with_it = loss, True
    with pytest.raises(StoreError, match="expected"):
        await journal.accept(build.order())
    proxy.shut = False

    # The caller was told no, so the key is free: another order may have it.
    await journal.accept(build.order(id="order-2"))

    assert await journal.order("order-1") is None
    found = await journal.order_by_client_id(build.request().client_order_id)
    assert found is not None
    assert found.id == "order-2"


@pytest.mark.parametrize("loss", Loss)
async def test_an_event_that_raised_is_kept_once_when_it_is_tried_again(
    loss: Loss, journal: PostgresJournal, proxy: Proxy, postgres: PostgresServer, database: str
) -> None:
    order = build.order()
    await journal.accept(order)
    proxy.lose, proxy.shut_with_it = loss, True
    with pytest.raises(StoreError):
        await append(journal, order, EVENT)
    with pytest.raises(StoreError):
        await append(journal, order, EVENT)
    proxy.shut = False

    after = await append(journal, order, EVENT)

    assert after == await journal.order(order.id)
    assert list(await journal.events(order.id)) == [(T0 + 1, EVENT)]
    assert postgres.sql("SELECT seq FROM orders UNION ALL SELECT seq FROM order_events", database) == "1\n1"


@pytest.mark.parametrize("loss", Loss)
async def test_an_intent_that_raised_reserves_nothing_once_another_is_made(
    loss: Loss, journal: PostgresJournal, proxy: Proxy, postgres: PostgresServer, database: str
) -> None:
    order = build.order()
    await journal.accept(order)
    proxy.lose, proxy.shut_with_it = loss, True
    with pytest.raises(StoreError):
        await append(journal, order, routed(order))
    proxy.shut = False

    await append(journal, order, routed(order, "7", "BTC", "other-spot"))

    assert reservations(postgres, database) == [f"{order.id}|other-spot|BTC|7"]


@pytest.mark.parametrize("loss", Loss)
async def test_orders_that_were_taken_over_in_vain_are_free_again(
    loss: Loss, journal: PostgresJournal, proxy: Proxy, postgres: PostgresServer, database: str
) -> None:
    first = await PostgresJournal.open(postgres.url(database))
    await first.accept(build.order())
    await first.close()
    proxy.lose, proxy.shut_with_it = loss, True
    with pytest.raises(StoreError):
        await journal.open_orders()
    proxy.shut = False

    await journal.check()

    assert [build.order()] == list(await journal.open_orders())


async def keep(journal: PostgresJournal, order: Order) -> None:
    """Accept an order and write its event, each until it is kept."""
    while True:
        try:
            await journal.accept(order)
        except StoreError:
            await asyncio.sleep(0.01)
        else:
            break
    after = step(order, EVENT, T0 + 1)
    while True:
        try:
            await journal.append(after, EVENT, T0 + 1)
        except StoreError:
            await asyncio.sleep(0.01)
        else:
            return


async def test_backends_that_are_ended_under_load_cost_no_order_and_no_event(
    postgres: PostgresServer, database: str
) -> None:
    journal = await PostgresJournal.open(postgres.url(database))
    tasks = [asyncio.create_task(keep(journal, numbered(number))) for number in range(400)]
    end_all = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    ended = 0
    while not all(task.done() for task in tasks):
        await asyncio.wait(tasks, timeout=0.05)
        ended += int(await asyncio.to_thread(postgres.sql, end_all, database))
    await asyncio.gather(*tasks)

    assert ended > 0
    page = await journal.orders(1000, None)
    assert len(page.data) == 400
    assert all(order.cancel_requested for order in page.data)
    assert postgres.sql("SELECT count(*), max(seq) FROM order_events", database) == "400|1"
    await journal.close()


async def test_a_server_that_is_down_is_told_of_in_time_and_used_again_when_it_is_back(
    postgres: PostgresServer, database: str
) -> None:
    journal = await PostgresJournal.open(postgres.url(database), lease_s=LEASE_S, write_s=WRITE_S)
    order = build.order()
    await journal.accept(order)
    await asyncio.to_thread(postgres.stop)
    try:
        with pytest.raises(StoreError, match="can be reached"):
            await journal.check()
        with pytest.raises(StoreError):
            await append(journal, order, EVENT)
        with pytest.raises(StoreError, match="to be read"):
            await journal.order(order.id)
    finally:
        await asyncio.to_thread(postgres.start)

    await journal.check()
    after = await append(journal, order, EVENT)

    assert after == await journal.order(order.id)
    assert list(await journal.events(order.id)) == [(T0 + 1, EVENT)]
    await journal.close()


async def test_a_server_that_hangs_is_told_of_in_time(postgres: PostgresServer, database: str) -> None:
    journal = await PostgresJournal.open(postgres.url(database), lease_s=LEASE_S, write_s=WRITE_S)
    order = build.order()
    await journal.accept(order)
    other = await asyncpg.connect(postgres.url(database))
    async with other.transaction():
        await other.execute("SELECT FROM orders FOR UPDATE")
        with pytest.raises(StoreError, match="no answer in time"):
            await append(journal, order, EVENT)
    await other.close()

    await append(journal, order, EVENT)

    assert list(await journal.events(order.id)) == [(T0 + 1, EVENT)]
    await journal.close()


async def test_close_returns_though_the_server_is_gone(journal: PostgresJournal, proxy: Proxy) -> None:
    proxy.shut = True
    proxy.close()
    writes = [journal.accept(numbered(number)) for number in range(2000)]
    await asyncio.sleep(0)  # each has left its write with the journal

    await journal.close()

    outcomes = await asyncio.gather(*writes, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {StoreError}
    assert proxy.turned_away <= 3  # and does not try anew for every batch


async def test_what_one_write_cannot_keep_fails_alone(journal: PostgresJournal) -> None:
    bad = build.order(id="order-\0", request=build.request(client_order_id="client-bad"))

    outcomes = await asyncio.gather(
        *(journal.accept(order) for order in (numbered(1), bad, numbered(2))), return_exceptions=True
    )

    assert [type(outcome) for outcome in outcomes] == [type(None), StoreError, type(None)]
    assert len((await journal.orders(10, None)).data) == 2


async def test_concurrent_writes_share_transactions(
    journal: PostgresJournal, postgres: PostgresServer, database: str
) -> None:
    await asyncio.gather(*(journal.accept(numbered(number)) for number in range(1000)))

    assert int(postgres.sql("SELECT writes FROM routers", database)) <= 10
    assert postgres.sql("SELECT count(*) FROM orders", database) == "1000"


async def test_a_commit_is_flushed_whatever_the_server_does_by_default(
    postgres: PostgresServer, database: str
) -> None:
    postgres.sql(f"ALTER DATABASE {database} SET synchronous_commit = off")
    journal = await PostgresJournal.open(postgres.url(database))
    connection = await journal._writer._connected()

    assert await connection.fetchval("SHOW synchronous_commit") == "on"
    await journal.close()


async def test_two_routers_that_insert_the_same_keys_do_not_wait_in_a_circle(
    postgres: PostgresServer, database: str, database_url: str
) -> None:
    key = numbered(10).request.client_order_id
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = '{}'"
    async with routers(database_url, 2) as (one, two), asyncio.timeout(10):
        connections = [await asyncpg.connect(database_url) for _ in range(3)]
        between = connections[2].transaction()
        await between.start()
        await connections[2].execute(
            "INSERT INTO orders (id, client_order_id, created_at, updated_at, status, phase, final, product,"
            " doc) VALUES ('x', $1, 1, 1, '', '', true, '', '')",
            key,
        )
        orders = [numbered(number) for number in range(20)]
        others = [build.order(id=f"b-{order.id}", request=order.request) for order in reversed(orders)]

        async def accept_all(journal: PostgresJournal, connection: Connection, each: list[Order]) -> Done:
            await begin(connection, journal.owner, 1, LEASE_S)
            done = await run(connection, journal.owner, [accept(order) for order in each])
            await connection.execute("COMMIT")
            return done

        tasks = [
            asyncio.create_task(accept_all(one, connections[0], orders)),
            asyncio.create_task(accept_all(two, connections[1], others)),
        ]
        while postgres.sql(waiting.format(database), database) != "2":  # noqa: ASYNC110  another process
            await asyncio.sleep(0.01)
        await between.rollback()

        done = [await task for task in tasks]

        kept = [outcome for each in done for outcome in each.outcomes if outcome is None]
        assert len(kept) == 20
        for connection in connections:
            await connection.close()
