"""What is SQLite's own: durability, group commit as measured, a full disk, files that are refused."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from router.core.errors import Code, OrderError
from router.core.model import Fill, TimeInForce, VenueState
from router.core.order import (
    CancelRequested,
    Event,
    NotRouted,
    Order,
    ProvedAbsent,
    Reported,
    Routed,
    step,
)
from router.journal import open_journal
from router.journal.migrate import known_migrations
from router.journal.sqlite import SqliteJournal
from router.journal.writer import PENDING_MAX
from router.ports import ClientOrderIdTakenError, StoreError
from tests.unit import build
from tests.unit.build import T0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


async def test_a_commit_is_flushed_to_a_write_ahead_log(path: Path) -> None:
    journal = await asyncio.to_thread(SqliteJournal.open, path)
    told: dict[str, object] = {}

    def look(connection: sqlite3.Connection) -> None:
        for name in ("journal_mode", "foreign_keys", "busy_timeout", "application_id", "user_version"):
            (told[name],) = connection.execute(f"PRAGMA {name}").fetchone()
        (told["synchronous"],) = connection.execute("PRAGMA synchronous").fetchone()

    await journal._writer.write(look)
    await journal.close()

    assert told == {
        "journal_mode": "wal",
        "synchronous": 2,  # FULL
        "foreign_keys": 1,
        "busy_timeout": 5000,
        "application_id": int.from_bytes(b"caas", "big"),
        "user_version": len(known_migrations("sqlite")),
    }


async def test_concurrent_writes_share_commits(path: Path) -> None:
    statements: list[str] = []
    journal = await asyncio.to_thread(lambda: SqliteJournal.open(path, trace=statements.append))
    orders = [
        build.order(id=f"order-{number}", request=build.request(client_order_id=f"client-{number}"))
        for number in range(1000)
    ]

    await asyncio.gather(*(journal.accept(order) for order in orders))
    await journal.close()

    assert statements.count("COMMIT") <= 50
    # A statement adds many rows: each one is a change of threads.
    assert sum(statement.startswith("INSERT INTO orders") for statement in statements) <= 100


async def test_a_full_disk_refuses_writes_until_there_is_room(path: Path) -> None:
    journal = await asyncio.to_thread(lambda: SqliteJournal.open(path, pages_max=80))
    first = build.order()
    await journal.accept(first)
    await journal.keep_rfq("ballast", b" " * 120_000)

    kept = 0

    async def fill_up() -> None:
        nonlocal kept
        while True:
            await journal.keep_competition(f"competition-{kept}", None, b" " * 8000)
            kept += 1

    with pytest.raises(StoreError, match="full"):
        await fill_up()
    with pytest.raises(StoreError, match="full"):
        await journal.check()
    assert kept > 0
    assert first == await journal.order(first.id)
    assert await journal.competition(f"competition-{kept - 1}") is not None
    assert await journal.competition(f"competition-{kept}") is None

    await journal.keep_rfq("ballast", b"")  # a shorter record makes room

    await journal.check()
    later = step(first, CancelRequested(), T0 + 1)
    await journal.append(later, CancelRequested(), T0 + 1)
    await journal.keep_competition("after", None, b" " * 8000)
    assert later == await journal.order(first.id)
    assert [(T0 + 1, CancelRequested())] == list(await journal.events(first.id))
    await journal.close()


async def test_writes_that_meet_a_full_disk_together_leave_nothing_behind(path: Path) -> None:
    journal = await asyncio.to_thread(lambda: SqliteJournal.open(path, pages_max=60))

    outcomes = await asyncio.gather(
        *(journal.keep_competition(f"{number}", None, b" " * 20_000) for number in range(40)),
        return_exceptions=True,
    )
    found = [await journal.competition(f"{number}") is not None for number in range(40)]
    await journal.close()

    assert any(isinstance(outcome, StoreError) for outcome in outcomes)
    assert [outcome is None for outcome in outcomes] == found


async def test_a_newer_routers_file_is_refused(path: Path) -> None:
    await (await open_journal(f"sqlite://{path}")).close()
    with closing(sqlite3.connect(path)) as newer:
        newer.execute(f"PRAGMA user_version = {len(known_migrations('sqlite')) + 1}")
        newer.commit()

    with pytest.raises(StoreError, match=f"at {path}, was version"):
        await open_journal(f"sqlite://{path}")


async def test_a_changed_migration_is_refused(path: Path) -> None:
    await (await open_journal(f"sqlite://{path}")).close()
    with closing(sqlite3.connect(path)) as changed:
        changed.execute("UPDATE migrations SET sha256 = 'other' WHERE version = 1")
        changed.commit()

    with pytest.raises(StoreError, match=r"0001_orders\.sql with SHA-256"):
        await open_journal(f"sqlite://{path}")


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.write_bytes(b"a diary, not a database " * 100)

    with pytest.raises(StoreError, match="not a database"):
        SqliteJournal.open(path)

    assert path.read_bytes() == b"a diary, not a database " * 100


def test_a_file_that_was_refused_is_not_held(path: Path) -> None:
    path.write_bytes(b"a diary, not a database " * 100)
    with pytest.raises(StoreError):
        SqliteJournal.open(path)
    path.unlink()

    journal = SqliteJournal.open(path)

    asyncio.run(journal.close())


async def test_a_record_that_cannot_be_read_says_so(path: Path) -> None:
    journal = await open_journal(f"sqlite://{path}")
    await journal.accept(build.order())
    with closing(sqlite3.connect(path)) as other:
        other.execute("UPDATE orders SET doc = x'7b7d'")
        other.commit()

    with pytest.raises(StoreError, match="this program wrote"):
        await journal.order("order-1")
    with pytest.raises(StoreError, match="this program wrote"):
        await journal.open_orders()
    await journal.close()


async def test_a_table_that_is_gone_is_a_store_error(path: Path) -> None:
    journal = await open_journal(f"sqlite://{path}")
    with closing(sqlite3.connect(path)) as other:
        other.execute("DROP TABLE rfqs")
        other.commit()

    with pytest.raises(StoreError, match="to be read"):
        await journal.rfq("a")
    with pytest.raises(StoreError, match="to keep"):
        await journal.keep_rfq("a", b"")
    await journal.close()


async def test_closing_folds_the_log_into_the_file(path: Path) -> None:
    journal = await open_journal(f"sqlite://{path}")
    await journal.accept(build.order())
    await journal.order("order-1")  # a connection that has read holds the log open too

    await journal.close()

    assert sorted(entry.name for entry in path.parent.iterdir()) == ["journal.db", "journal.db.lock"]


async def test_open_orders_are_found_by_their_index(path: Path) -> None:
    await (await open_journal(f"sqlite://{path}")).close()
    with closing(sqlite3.connect(path)) as other:
        rows = other.execute(
            "EXPLAIN QUERY PLAN SELECT doc FROM orders WHERE stage < 2 ORDER BY stage, created_at, id"
        ).fetchall()
        paged = other.execute(
            "EXPLAIN QUERY PLAN SELECT doc FROM orders WHERE (created_at, id) < (1, 'a')"
            " ORDER BY created_at DESC, id DESC LIMIT 5"
        ).fetchall()

    (found,) = rows  # one step: no sort follows
    assert found[3].startswith("SEARCH orders USING INDEX orders_open (")
    (step_of_plan,) = paged  # one step: no sort follows
    assert step_of_plan[3].startswith("SEARCH orders USING INDEX orders_by_time (")


async def test_a_second_router_on_the_file_is_refused(path: Path) -> None:
    first = await open_journal(f"sqlite://{path}")

    with pytest.raises(StoreError, match="in use by another"):
        await open_journal(f"sqlite://{path}")

    await first.accept(build.order())  # the first one goes on
    await first.close()
    second = await open_journal(f"sqlite://{path}")  # and once it is closed, the file is free
    assert await second.order("order-1") is not None
    await second.close()


async def through(journal: SqliteJournal, order: Order, *events: Event) -> Order:
    """Accept an order and take it through events."""
    await journal.accept(order)
    for number, event in enumerate(events, start=1):
        order = step(order, event, T0 + number)
        await journal.append(order, event, T0 + number)
    return order


def told(state: VenueState, *fills: Fill) -> Reported:
    return Reported(build.report(state, *fills))


async def test_what_is_in_flight_is_found_by_what_its_events_say(path: Path) -> None:
    """Its row is the accepted one, and no index has what came since."""
    journal = await asyncio.to_thread(SqliteJournal.open, path)
    routed = Routed(build.attempt(), "competition-1", None)
    order = await through(journal, build.order(), routed, told(VenueState.WORKING, build.fill("a", "0.2")))

    assert await journal.orders_at_venue("bitgo-spot", ["venue-1", "venue-2"]) == {"venue-1": order}
    page = await journal.orders_live_in("bitgo-spot", T0 + 2, T0 + 1, 10, None)
    assert page.data == (order,)
    assert (await journal.orders_live_in("bitgo-spot", T0 + 3, T0 + 1, 10, None)).data == ()
    assert (await journal.orders_live_in("bitgo-pts", T0, T0 + 1, 10, None)).data == ()
    await journal.close()
    with closing(sqlite3.connect(path)) as other:
        rows = other.execute("SELECT stage, connection_id, venue_order_id, seq FROM orders").fetchall()
    assert rows == [(0, None, None, 0)]


async def test_an_order_with_many_events_is_read_from_a_document_of_lately(path: Path) -> None:
    """So that what an order costs to read does not grow with what happened to it."""
    journal = await asyncio.to_thread(SqliteJournal.open, path)
    fills = [build.fill(f"fill-{number}", "0.01") for number in range(40)]
    resting = build.attempt(outbound=build.outbound(time_in_force=TimeInForce.GTC))
    reports = [told(VenueState.WORKING, *fills[: number + 1]) for number in range(40)]
    order = await through(journal, build.order(), Routed(resting, "competition-1", None), *reports)
    await journal.close()

    journal = await asyncio.to_thread(SqliteJournal.open, path)
    assert await journal.order("order-1") == order
    assert list(await journal.open_orders()) == [order]
    assert len(await journal.events("order-1")) == 41
    # Taken up by another process, it goes on where it was.
    ended = step(order, told(VenueState.DONE, *fills), T0 + 99)
    await journal.append(ended, told(VenueState.DONE, *fills), T0 + 99)
    late = step(ended, told(VenueState.DONE, build.fill("late", "0.1")), T0 + 100)
    await journal.append(late, told(VenueState.DONE, build.fill("late", "0.1")), T0 + 100)
    assert await journal.order("order-1") == late
    assert await journal.orders_at_venue("bitgo-spot", ["venue-1"]) == {"venue-1": late}
    assert len(await journal.events("order-1")) == 43
    await journal.close()
    with closing(sqlite3.connect(path)) as other:
        ((stage, updated_at, seq),) = other.execute("SELECT stage, updated_at, seq FROM orders").fetchall()
    assert (stage, updated_at) == (2, T0 + 100)
    assert 0 < 43 - seq <= 16 + 1


async def test_behind_an_event_that_was_not_kept_no_other_is(path: Path) -> None:
    """Called before its caller was told: kept without it, it would stand in the journal at its place."""
    journal = await asyncio.to_thread(lambda: SqliteJournal.open(path, pages_max=60))
    order = build.order()
    await journal.accept(order)
    asked = step(order, CancelRequested(), T0 + 1)
    ended = step(asked, NotRouted(OrderError(Code.NO_QUOTES, "none")), T0 + 2)
    large = journal.keep_competition("competition-1", None, b" " * 1_000_000, urgent=False)

    writes = [large, journal.append(asked, CancelRequested(), T0 + 1)]
    while not large.done():  # the batch may have failed; nobody was told yet that waits for it
        writes.append(journal.append(ended, NotRouted(OrderError(Code.NO_QUOTES, "none")), T0 + 2))
        await asyncio.sleep(0)
    outcomes = await asyncio.gather(*writes, return_exceptions=True)

    assert {type(outcome) for outcome in outcomes} == {StoreError}
    assert await journal.order("order-1") == order
    await journal.append(asked, CancelRequested(), T0 + 1)
    await journal.append(ended, NotRouted(OrderError(Code.NO_QUOTES, "none")), T0 + 2)
    assert await journal.order("order-1") == ended
    assert len(await journal.events("order-1")) == 2
    await journal.close()


async def test_behind_an_acceptance_that_was_refused_no_event_is_kept(path: Path) -> None:
    """An intent that went through would send the order of a key that another order has."""
    journal = await asyncio.to_thread(SqliteJournal.open, path)
    await journal.accept(build.order())
    twin = build.order(id="order-2")

    outcomes = await asyncio.gather(
        journal.accept(twin),
        journal.append(step(twin, CancelRequested(), T0), CancelRequested(), T0),
        return_exceptions=True,
    )

    assert [type(outcome) for outcome in outcomes] == [ClientOrderIdTakenError, StoreError]
    assert await journal.order("order-2") is None
    await journal.close()
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT count(*) FROM order_events").fetchall() == [(0,)]


async def test_behind_an_acceptance_that_a_full_queue_refused_no_event_is_kept(path: Path) -> None:
    journal = await asyncio.to_thread(SqliteJournal.open, path)
    order = build.order()
    # In one turn of the loop: the writer is woken at its end.
    queued = [journal.keep_rfq(f"rfq-{number}", b"") for number in range(PENDING_MAX)]
    refused = journal.accept(order)
    await asyncio.gather(*queued)
    event = journal.append(step(order, CancelRequested(), T0), CancelRequested(), T0)

    outcomes = await asyncio.gather(refused, event, return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [StoreError] * 2
    assert await journal.order("order-1") is None
    await journal.close()
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT count(*) FROM order_events").fetchall() == [(0,)]


async def test_what_was_put_before_the_journal_took_nothing_more_is_kept(path: Path) -> None:
    """A close writes what was queued: an event that comes too late takes none along that was in time."""
    journal = await asyncio.to_thread(SqliteJournal.open, path)
    order = build.order()
    await journal.accept(order)
    asked = step(order, CancelRequested(), T0 + 1)
    none = NotRouted(OrderError(Code.NO_QUOTES, "none"))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        in_time = journal.append(asked, CancelRequested(), T0 + 1)
        closing_it = asyncio.create_task(journal.close())
        await asyncio.sleep(0)
        too_late = journal.append(step(asked, none, T0 + 2), none, T0 + 2)
        other.execute("ROLLBACK")
    outcomes = await asyncio.gather(in_time, too_late, return_exceptions=True)
    await closing_it

    assert [type(outcome) for outcome in outcomes] == [type(None), StoreError]
    again = await asyncio.to_thread(SqliteJournal.open, path)
    assert await again.order("order-1") == asked
    await again.close()


async def test_an_event_that_cannot_follow_those_before_it_says_so_when_it_is_read(path: Path) -> None:
    journal = await asyncio.to_thread(SqliteJournal.open, path)
    await journal.accept(build.order())
    absent = ProvedAbsent("not found")
    await journal.append(build.order(), absent, T0)

    with pytest.raises(StoreError, match="events that this program wrote"):
        await journal.order("order-1")
    await journal.close()
