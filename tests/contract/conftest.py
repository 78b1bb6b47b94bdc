"""The stores that every journal's promises are tried on. A further store is one line in `STORES`."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from router.journal import open_journal
from router.ports.records import Store

STORES: dict[str, Callable[[pytest.FixtureRequest], str]] = {
    "postgres": lambda request: request.getfixturevalue("database_url"),
    "sqlite": lambda request: f"sqlite://{request.getfixturevalue('tmp_path')}/journal.db",
}
"""By name: what makes the URL of an empty store of the test's own."""


@pytest.fixture(params=sorted(STORES))
def url(request: pytest.FixtureRequest) -> str:
    """An empty store."""
    return STORES[request.param](request)


Reopen = Callable[[], Awaitable[Store]]


@pytest.fixture
async def reopen(url: str) -> AsyncIterator[Reopen]:
    """Open the store, after closing whatever this test has open on it."""
    opened: list[Store] = []

    async def again() -> Store:
        for journal in opened:
            await journal.close()
        opened.append(await open_journal(url))
        return opened[-1]

    yield again
    for journal in opened:
        await journal.close()


@pytest.fixture
async def journal(reopen: Reopen) -> Store:
    """The store, open."""
    return await reopen()
