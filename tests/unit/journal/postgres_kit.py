"""What the tests of the PostgreSQL store share: orders, intents, and routers that are opened and closed."""

import contextlib
from collections.abc import AsyncIterator
from decimal import Decimal

import msgspec

from router.core.model import Claim
from router.core.order import Event, Order, Reported, Routed, step
from router.journal.postgres import PostgresJournal
from router.ports import Cover
from tests.postgres_server import PostgresServer
from tests.unit import build
from tests.unit.build import T0

LEASE_S = 3600.0
"""So long that a router renews it by its writes alone: the tests say when it has run out."""
WRITE_S = 1.5
"""After which a write to a server that is gone is given up: more than a busy machine takes away at a time."""


def numbered(number: int, prefix: str = "order") -> Order:
    """One of many orders."""
    name = f"{prefix}-{number:05}"
    return build.order(
        id=name, request=build.request(client_order_id=f"client-{name}"), created_at=T0 + number
    )


def routed(order: Order, amount: str = "60", asset: str = "USD", connection: str = "bitgo-spot") -> Routed:
    """The intent to send an order, with a claim."""
    outbound = build.outbound(connection_id=connection, venue_client_order_id=f"{order.id}-1-{connection}")
    attempt = build.attempt(
        connection=build.connection(connection), outbound=outbound, claim=Claim(asset, Decimal(amount))
    )
    return Routed(attempt, "competition-1", None)


def cover(free: str, stated_at: int = T0) -> Cover:
    """What is left for others."""
    return Cover(Decimal(free), stated_at)


def reported(order: Order, event: Reported) -> Reported:
    """A report about an order's last attempt."""
    own_id = order.attempts[-1].outbound.venue_client_order_id
    return Reported(msgspec.structs.replace(event.report, venue_client_order_id=own_id))


async def append(journal: PostgresJournal, order: Order, event: Event, cover: Cover | None = None) -> Order:
    """Append an event; the order after it."""
    after = step(order, event, T0 + 1)
    await journal.append(after, event, T0 + 1, cover)
    return after


async def intended(journal: PostgresJournal, number: int, prefix: str, *, amount: str = "60") -> Order:
    """An order that was accepted and is about to be sent, with a reservation."""
    order = numbered(number, prefix)
    await journal.accept(order)
    return await append(journal, order, routed(order, amount))


@contextlib.asynccontextmanager
async def routers(url: str, count: int, lease_s: float = LEASE_S) -> AsyncIterator[list[PostgresJournal]]:
    """Routers on one database; closed at the end."""
    opened = [await PostgresJournal.open(url, lease_s=lease_s) for _ in range(count)]
    try:
        yield opened
    finally:
        for journal in opened:
            await journal.close()


def expire(postgres: PostgresServer, database: str, journal: PostgresJournal) -> None:
    """A router's lease has run out."""
    past = "lease_until = clock_timestamp() - interval '1 s'"
    postgres.sql(f"UPDATE routers SET {past} WHERE id = '{journal.owner.id}'", database)  # noqa: S608  ours


def reservations(postgres: PostgresServer, database: str) -> list[str]:
    """Every reservation: order, connection, asset, amount."""
    columns = "order_id, connection_id, asset, amount"
    return postgres.sql(f"SELECT {columns} FROM reservations ORDER BY order_id", database).split()  # noqa: S608  ours
