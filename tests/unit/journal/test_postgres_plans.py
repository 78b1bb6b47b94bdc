"""No statement goes through a whole table: not one either that was planned while the table was small."""

import asyncio

from router.core.model import VenueState
from router.core.order import Reported
from router.journal.postgres import PostgresJournal
from tests.postgres_server import PostgresServer
from tests.unit import build
from tests.unit.journal.postgres_kit import append, cover, numbered, reported, routed, routers

AT_ONCE = 8
ROUNDS = 12
"""More than the five executions after which the server would keep a statement's plan."""
GROWN = 30_000
READ_MAX = 8 * GROWN
"""Rows and index entries that may be read in all, in some hundreds of transactions."""

GROW = f"""
INSERT INTO orders (id, client_order_id, created_at, updated_at, status, phase, final, product, connection_id,
  venue_order_id, doc)
SELECT 'o' || n, 'c' || n, n, n, 'filled', 'final', true, 'BTC-USD', 'bitgo-spot', 'v' || n, ''
FROM generate_series(1, {GROWN}) n;
INSERT INTO order_events (order_id, seq, at, event)
SELECT 'o' || n, 1, n, '' FROM generate_series(1, {GROWN}) n;
INSERT INTO competitions (id, order_id, doc)
SELECT 'k' || n, 'o' || n, '' FROM generate_series(1, {GROWN}) n
"""  # noqa: S608  ours
"""Many orders that have ended, with an event and a competition each."""


async def live(journal: PostgresJournal, number: int) -> None:
    """An order from acceptance to its fill, then everything that is asked of it."""
    order = numbered(number)
    await journal.accept(order)
    order = await append(journal, order, routed(order, "1"), cover("1000"))
    await journal.keep_competition(f"competition-{number}", order.id, b"{}")
    order = await append(journal, order, reported(order, Reported(build.report(VenueState.WORKING))))
    done = Reported(build.report(VenueState.DONE, build.fill()))
    order = await append(journal, order, reported(order, done))
    assert await journal.order(order.id) == order
    assert await journal.order_by_client_id(order.request.client_order_id) == order
    assert len(await journal.events(order.id)) == 3
    assert await journal.competition(f"competition-{number}") == b"{}"
    assert await journal.orders_at_venue("bitgo-spot", ["nobody's"]) == {}
    assert len((await journal.orders(AT_ONCE, None)).data) <= AT_ONCE


async def lives(journal: PostgresJournal, first: int) -> None:
    """Several orders at a time, several times."""
    for start in range(first, first + ROUNDS * AT_ONCE, AT_ONCE):
        await asyncio.gather(*(live(journal, start + each) for each in range(AT_ONCE)))
        assert list(await journal.open_orders()) == []


async def test_what_was_planned_for_small_tables_does_not_go_through_large_ones(
    postgres: PostgresServer, database: str, database_url: str
) -> None:
    async with routers(database_url, 1) as (journal,):
        await lives(journal, 0)
        # Of so few rows any plan is as good as another; then there are many.
        postgres.sql("ANALYZE", database)
        await lives(journal, 1000)
        postgres.sql(GROW, database)
        await lives(journal, 2000)
    # A connection that ends has told its counts.
    assert read(postgres, database) < READ_MAX


def read(postgres: PostgresServer, database: str) -> int:
    """How many rows and index entries were gone through."""
    statement = (
        "SELECT (SELECT sum(seq_tup_read) FROM pg_stat_user_tables)"
        " + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes)"
    )
    return int(postgres.sql(statement, database))
