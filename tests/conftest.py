"""Fixtures for every suite, and how the suites share a machine's cores.

A PostgreSQL server for the run, a database of its own for the test. Where tests run in several processes, a
module stays in one of them (`--dist loadfile`), so that what it makes once is made once. The two modules that
take minutes begin first, side by side; the suites that load the machine, with routers, counterparties and
kills of their own, come last, when nothing but another of them runs beside them.
"""

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.postgres_server import PostgresServer

LONG = ("tests/sim/test_simulation.py", "tests/kill/test_cycles.py")
LOADING = ("tests/e2e/", "tests/kill/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put first what takes long, and last what loads the machine.

    Raises `UsageError` where two tests have one id: several processes would run one of them alone.
    """
    ids = Counter(item.nodeid for item in items)
    twice = [name for name, count in ids.items() if count > 1]
    if twice:
        raise pytest.UsageError(f"expected every test to have an id of its own, was: {twice}")
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    return 0 if item.nodeid.startswith(LONG) else 2 if item.nodeid.startswith(LOADING) else 1


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A server; it is started when the first test wants it."""
    server = PostgresServer()
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[str]:
    """The name of an empty database."""
    name = postgres.create()
    yield name
    postgres.drop(name)


@pytest.fixture
def database_url(postgres: PostgresServer, database: str) -> str:
    """The URL of an empty database."""
    return postgres.url(database)
