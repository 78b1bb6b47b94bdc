"""Fixtures for every suite, and how the suites share a machine's cores.

A PostgreSQL server for the run, a database of its own for the test. Where tests run in several processes, a
module stays in one of them; the suites that load the machine themselves, with routers, simulators and kills
of their own, come last and one after the other.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres_server import PostgresServer

ALONE = frozenset({"e2e", "kill", "sim"})
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say what must stay together (`--dist loadgroup`), and put last what wants the machine for itself."""
    for item in items:
        place = item.path.relative_to(HERE)
        group = "alone" if place.parts[0] in ALONE else place.as_posix()
        item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=lambda item: item.path.relative_to(HERE).parts[0] in ALONE)


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
