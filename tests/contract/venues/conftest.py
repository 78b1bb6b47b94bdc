"""The adapter under test: every kit's, unless a test names those that it is about."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.contract.venues.kits import KITS
from tests.contract.venues.stage import Kit, Stage, staged


@pytest.fixture(params=list(KITS))
def name(request: pytest.FixtureRequest) -> str:
    """An adapter's name in the table; a test for some of them parametrizes it."""
    return str(request.param)


@pytest.fixture
def kit(name: str) -> Kit:
    return KITS[name]


@pytest_asyncio.fixture
async def stage(kit: Kit) -> AsyncIterator[Stage]:
    async with staged(kit) as found:
        yield found
