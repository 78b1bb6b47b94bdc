"""Migrations are applied once and whole, and a file that is not ours to change is left alone."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from router.core.model import TimeInForce, VenueState
from router.core.order import Event, Reported, Routed, step
from router.journal import open_journal
from router.journal.codec import encode
from router.journal.migrate import APPLICATION_ID, Migration, known_migrations, migrate, statements
from router.ports import StoreError
from tests.unit import build
from tests.unit.build import T0

FIRST = Migration(1, "0001_a.sql", "CREATE TABLE a (x);\n-- a word\nCREATE TABLE b (x);\n")
SECOND = Migration(2, "0002_c.sql", "CREATE TABLE c (x);\n")
BROKEN = Migration(2, "0002_c.sql", "CREATE TABLE c (x);\nCREATE TABLE a (x);\n")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None)) as opened:
        yield opened


def dump(connection: sqlite3.Connection) -> tuple[list[str], int, int]:
    """All that is in a file, and what its header says."""
    (owner,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return list(connection.iterdump()), owner, version


def test_migrations_are_applied_once(connection: sqlite3.Connection) -> None:
    assert migrate(connection, [FIRST], "x") == 1
    assert migrate(connection, [FIRST, SECOND], "x") == 1
    before = dump(connection)

    assert migrate(connection, [FIRST, SECOND], "x") == 0

    assert before == dump(connection)
    assert before[1:] == (APPLICATION_ID, 2)
    rows = connection.execute("SELECT version, name, sha256 FROM migrations ORDER BY version").fetchall()
    assert [(1, FIRST.name, FIRST.sha256), (2, SECOND.name, SECOND.sha256)] == rows


def test_a_migration_that_fails_leaves_nothing_behind(connection: sqlite3.Connection) -> None:
    migrate(connection, [FIRST], "x")
    before = dump(connection)

    with pytest.raises(StoreError, match="already exists"):
        migrate(connection, [FIRST, BROKEN], "x")

    assert before == dump(connection)
    assert not connection.in_transaction


def test_a_newer_programs_file_is_refused(connection: sqlite3.Connection) -> None:
    migrate(connection, [FIRST, SECOND], "x")
    before = dump(connection)

    with pytest.raises(StoreError, match="version 1 or older at x, was version 2: a newer"):
        migrate(connection, [FIRST], "x")

    assert before == dump(connection)


def test_a_file_whose_header_says_newer_is_refused(connection: sqlite3.Connection) -> None:
    migrate(connection, [FIRST], "x")
    connection.execute("PRAGMA user_version = 7")

    with pytest.raises(StoreError, match="was version 7"):
        migrate(connection, [FIRST], "x")


def test_a_migration_that_was_changed_is_refused(connection: sqlite3.Connection) -> None:
    migrate(connection, [FIRST, SECOND], "x")
    changed = Migration(1, FIRST.name, FIRST.sql + "\n")

    with pytest.raises(StoreError) as raised:
        migrate(connection, [changed, SECOND], "x")

    for part in (changed.name, changed.sha256, FIRST.sha256):
        assert part in str(raised.value)


@pytest.mark.parametrize("mark", ["CREATE TABLE theirs (x)", "PRAGMA application_id = 5"])
def test_another_programs_file_is_refused_and_left_alone(mark: str, connection: sqlite3.Connection) -> None:
    connection.execute(mark)
    before = dump(connection)

    with pytest.raises(StoreError, match="another program's"):
        migrate(connection, [FIRST], "x")

    assert before == dump(connection)


def test_a_file_that_another_process_is_writing_is_refused(
    connection: sqlite3.Connection, path: Path
) -> None:
    connection.execute("BEGIN EXCLUSIVE")
    with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as second:
        with pytest.raises(StoreError, match="locked"):
            migrate(second, [FIRST], "x")
        assert not second.in_transaction


def test_what_comes_with_the_program_can_be_applied(connection: sqlite3.Connection) -> None:
    known = known_migrations("sqlite")

    assert len(known) == migrate(connection, known, "x")
    assert [migration.version for migration in known] == list(range(1, len(known) + 1))
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert tables >= {"orders", "order_events", "competitions", "rfqs"}


def test_orders_of_before_are_found_at_their_counterparties(connection: sqlite3.Connection) -> None:
    first = known_migrations("sqlite")[:1]
    migrate(connection, first, "journal.db")
    order = build.order(venue_order_id="venue-1")
    connection.execute(
        "INSERT INTO orders (id, client_order_id, created_at, updated_at, status, phase, final, product, doc)"
        " VALUES ('order-1', 'client-1', 1, 1, 'new', 'working', 0, 'BTC-USD', ?)",
        (encode(order),),
    )

    migrate(connection, known_migrations("sqlite"), "journal.db")

    assert connection.execute("SELECT venue_order_id FROM orders").fetchall() == [("venue-1",)]


def test_a_file_of_before_events_were_folded_reads_as_it_did(
    connection: sqlite3.Connection, path: Path
) -> None:
    """Orders, their events, what rests and what is in flight; and it is written on from there."""
    migrate(connection, known_migrations("sqlite")[:3], "journal.db")
    resting = build.attempt(outbound=build.outbound(time_in_force=TimeInForce.GTC))
    working = Reported(build.report(VenueState.WORKING))
    done = Reported(build.report(VenueState.DONE, build.fill("a", "0.5")))
    histories: dict[str, list[Event]] = {
        "flies": [Routed(build.attempt(), "c-1", None)],
        "rests": [Routed(resting, "c-2", None), working],
        "filled": [Routed(build.attempt(), "c-3", None), working, done],
    }
    orders = {}
    for number, (name, events) in enumerate(histories.items()):
        order = build.order(id=name, request=build.request(client_order_id=name), created_at=T0 + number)
        for event in events:
            order = step(order, event, T0 + 9)
        orders[name] = order
        connection.execute(
            "INSERT INTO orders (id, client_order_id, created_at, updated_at, status, phase, final,"
            " connection_id, venue_order_id, product, doc) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'BTC-USD', ?)",
            (
                *(name, name, order.created_at, order.updated_at, order.status.value, order.phase.value),
                *(int(order.is_final), "bitgo-spot", order.venue_order_id, encode(order)),
            ),
        )
        connection.executemany(
            "INSERT INTO order_events VALUES (?, ?, ?, ?)",
            [(name, seq, T0 + 9, encode(event)) for seq, event in enumerate(events, start=1)],
        )
    connection.execute("INSERT INTO attempts_at_venue VALUES ('bitgo-pts', 'venue-9', 'filled')")

    async def read_and_go_on() -> None:
        journal = await open_journal(f"sqlite://{path}")
        for name, events in histories.items():
            assert await journal.order(name) == await journal.order_by_client_id(name) == orders[name]
            assert [event for _, event in await journal.events(name)] == events
        assert list((await journal.orders(9, None)).data) == list(reversed(orders.values()))
        assert list(await journal.open_orders()) == [orders["flies"], orders["rests"]]
        assert await journal.orders_at_venue("bitgo-pts", ["venue-9"]) == {"venue-9": orders["filled"]}
        for name in ("flies", "rests"):
            after = step(orders[name], done, T0 + 10)
            await journal.append(after, done, T0 + 10)
            assert await journal.order(name) == after
        page = await journal.orders_live_in("bitgo-spot", T0 + 10, T0 + 10, 9, None)
        assert [order.id for order in page.data] == ["rests", "flies"]
        await journal.close()

    asyncio.run(read_and_go_on())


def test_statements_are_split_where_they_end() -> None:
    sql = "-- a; b\nCREATE TABLE a (\n  x TEXT DEFAULT ';'\n);\n\nINSERT INTO a VALUES ('y');\n-- end\n"

    assert [part.strip().splitlines()[-1] for part in statements(sql)] == [
        ");",
        "INSERT INTO a VALUES ('y');",
    ]


def test_half_a_statement_at_the_end_is_refused() -> None:
    with pytest.raises(StoreError, match="whole statement"):
        list(statements("CREATE TABLE a (x);\nCREATE TABLE b (x)\n"))
