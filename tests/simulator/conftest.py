from collections.abc import AsyncIterator

import pytest_asyncio
from sim_harness import Client, running


@pytest_asyncio.fixture
async def sim() -> AsyncIterator[Client]:
    async with running() as client:
        yield client
