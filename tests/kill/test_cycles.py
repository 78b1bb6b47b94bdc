"""The real router is killed at random instants, and keeps its promises."""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.kill.lane import Store
from tests.kill.run import run, summary
from tests.postgres_server import PostgresServer

SQLITE_CYCLES = 200
POSTGRES_CYCLES = 50
POSTGRES_LANES = 5
"""A killed router's lease has to run out before another takes its orders: most of a cycle is waiting."""
DROP_CONNECTIONS = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@pytest.mark.timeout(600)
async def test_no_order_is_lost_or_doubled_by_kills_on_sqlite() -> None:
    figures: Counter[str] = Counter()
    began = time.monotonic()
    wrong = await run(SQLITE_CYCLES, 1, figures)
    sys.stdout.write(f"{summary(figures, len(wrong), time.monotonic() - began)}\n")
    assert wrong == []
    assert figures["cycles"] == SQLITE_CYCLES
    # Kills that meet nothing would prove nothing.
    for name in ("kills during start-up", "kills during sends", "interrupted"):
        assert figures[name] >= SQLITE_CYCLES / 40, figures
    for name in ("in doubt, found", "in doubt, absent"):
        assert figures[name] >= SQLITE_CYCLES / 10, figures


@pytest.mark.timeout(600)
async def test_no_order_is_lost_or_doubled_by_kills_and_dropped_connections_on_postgresql(
    postgres: PostgresServer,
) -> None:
    @asynccontextmanager
    async def database(_directory: Path) -> AsyncIterator[Store]:
        name = await asyncio.to_thread(postgres.create)
        disturb = partial(asyncio.to_thread, postgres.sql, DROP_CONNECTIONS, name)
        try:
            yield Store(postgres.url(name), disturb)
        finally:
            await asyncio.to_thread(postgres.drop, name)

    figures: Counter[str] = Counter()
    began = time.monotonic()
    each = POSTGRES_CYCLES // POSTGRES_LANES
    wrong = await run(POSTGRES_CYCLES, 1, figures, database, lanes=POSTGRES_LANES, epoch_cycles=each)
    sys.stdout.write(f"{summary(figures, len(wrong), time.monotonic() - began)}\n")
    assert wrong == []
    assert figures["cycles"] == POSTGRES_CYCLES
    assert figures["connections dropped"] >= POSTGRES_CYCLES / 5, figures
    assert figures["in doubt, found"] >= POSTGRES_CYCLES / 10, figures
