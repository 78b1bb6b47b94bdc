"""Fixtures: one system a module, cleaned of faults between its tests."""

from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from tests.e2e.system import ACCOUNTS, Client, System, running


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A simulator and a router over three accounts."""
    yield from running(tmp_path_factory.mktemp("system"))


@pytest.fixture
async def client(system: System) -> AsyncIterator[Client]:
    """The system with healthy counterparties."""
    async with aiohttp.ClientSession() as session:
        client = Client(system, session)
        for account in ACCOUNTS.values():
            await client.control("DELETE", f"/accounts/{account}/faults")
        await client.until_all("ready")
        yield client
