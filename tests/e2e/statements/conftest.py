"""Fixtures of the statements: the worlds that they are shown in, each started once."""

from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from tests.e2e.statements.house import GO_ACCOUNT, House, HouseDesk
from tests.e2e.statements.kit import Desk, desk_of
from tests.e2e.statements.world import World


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Accounts at the counterparty and a router whose settings connect them all."""
    made = World(tmp_path_factory.mktemp("world"))
    try:
        yield made
    finally:
        codes = made.stop()
    assert codes == (0, 0), (made.router.log[-10:], made.simulator.log[-10:])


@pytest.fixture
async def desk(world: World) -> AsyncIterator[Desk]:
    """A desk before a world whose counterparty is healthy."""
    async with desk_of(world) as desk:
        yield desk


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A client's accounts at the counterparty, and a router on which people connect them."""
    made = House(tmp_path_factory.mktemp("house"))
    try:
        yield made
    finally:
        codes = made.stop()
    assert codes == (0, 0), (made.router.log[-10:], made.simulator.log[-10:])


@pytest.fixture
async def house_desk(house: House) -> AsyncIterator[HouseDesk]:
    """The client's people, before a counterparty that is well."""
    async with aiohttp.ClientSession() as session:
        desk = HouseDesk(house, session)
        await desk.control("DELETE", f"/accounts/{GO_ACCOUNT}/faults")
        yield desk


@pytest.fixture
async def three(house_desk: HouseDesk) -> HouseDesk:
    """With Spot, PTS and custody connected."""
    await house_desk.connect_three()
    return house_desk


@pytest.fixture
async def unconnected(house_desk: HouseDesk) -> HouseDesk:
    """With nothing connected."""
    await house_desk.disconnect_all()
    return house_desk
