"""Fixtures for every suite: a PostgreSQL server for the run, a database of its own for the test."""

from collections.abc import Iterator

import pytest

from tests.postgres_server import PostgresServer


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
