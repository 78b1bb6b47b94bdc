"""Connections that people make, over the stores themselves: there for the next router, and for the others."""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import cast

import pytest

from router.core.errors import ConflictError
from router.core.model import OrderStatus
from router.ports.records import ConnectionStore
from router.service.connecting.connections import AccountView, Credentials
from tests.contract.conftest import Reopen
from tests.fakes.connections import MemoryConnections, Office, office
from tests.http.test_margin import WallClock
from tests.unit.build import request
from tests.unit.journal.postgres_kit import routers
from tests.unit.service.test_roster import OTHER, TOKEN, change, custody, lifecycles, new, pts, spot


def router_on(store: ConnectionStore) -> AbstractAsyncContextManager[Office]:
    """A router whose connections are kept in a store: it knows that, as the one in memory, by the port."""
    return office(store=cast("MemoryConnections", store), clock=WallClock())


def names(o: Office) -> dict[str, str]:
    return {view.connection.id: view.connection.name for view in o.connections.views()}


async def test_what_was_made_is_there_for_the_next_router_with_its_token(reopen: Reopen) -> None:
    async with router_on(await reopen()) as first:
        for fields in (spot(), pts(), custody()):
            await first.connections.add(new(fields))
        await first.connections.change("bitgo", change(name="Treasury", token=OTHER))
        made = first.connections.views()
    store = await reopen()
    kept = b"".join(each.doc + (each.credentials or b"") for each in await store.stored_connections())
    assert b"Treasury" in kept
    assert not any(token.encode() in kept for token in (TOKEN, OTHER))

    async with router_on(store) as second:
        assert names(second) == {"bitgo": "Treasury", "bitgo-pts": "BitGo", "bitgo-custody": "BitGo"}
        assert [(v.fields, v.made_at, v.credentials) for v in second.connections.views()] == [
            (v.fields, v.made_at, Credentials.SEALED) for v in made
        ]
        tokens = {each.connection.id: each.settings.token.reveal() for each in second.counterparty.built}
        assert tokens == {"bitgo": OTHER, "bitgo-pts": TOKEN}
        order = (await second.desk.submit(request())).order
        assert (order.status, second.counterparty.proved) == (OrderStatus.FILLED, [])


async def test_one_that_was_removed_is_not_there_any_more(reopen: Reopen) -> None:
    store = await reopen()
    async with router_on(store) as first:
        await first.connections.add(new(spot()))
        await first.connections.remove("bitgo")
        async with asyncio.timeout(10):
            while await store.stored_connections():  # noqa: ASYNC110 - a store has no event for it
                await asyncio.sleep(0.01)
    async with router_on(await reopen()) as second:
        assert names(second) == {}


class TestShared:
    """Several routers on one database."""

    async def test_a_name_that_two_make_at_once_is_made_once(self, database_url: str) -> None:
        async with (
            routers(database_url, 2) as (one, two),
            router_on(one) as here,
            router_on(two) as there,
        ):
            made = await asyncio.gather(
                *(o.connections.add(new(spot())) for o in (here, there)), return_exceptions=True
            )
            assert sorted(type(each).__name__ for each in made) == ["AccountView", "ConflictError"]
            for o in (here, there):
                await o.connections.refresh()
                assert names(o) == {"bitgo": "BitGo"}

    async def test_a_change_at_two_at_once_is_one_and_both_have_it(self, database_url: str) -> None:
        async with (
            routers(database_url, 2) as (one, two),
            router_on(one) as here,
            router_on(two) as there,
        ):
            await here.connections.add(new(spot()))
            await there.connections.refresh()
            assert names(there) == {"bitgo": "BitGo"}
            changed = await asyncio.gather(
                here.connections.change("bitgo", change(name="Here")),
                there.connections.change("bitgo", change(name="There")),
                return_exceptions=True,
            )
            (kept,) = [each for each in changed if isinstance(each, AccountView)]
            (lost,) = [each for each in changed if isinstance(each, ConflictError)]
            assert lost.retryable
            for o in (here, there):
                await o.connections.refresh()
                assert names(o) == {"bitgo": kept.connection.name}

    async def test_what_one_removes_the_other_drains(self, database_url: str) -> None:
        async with (
            routers(database_url, 2) as (one, two),
            router_on(one) as here,
            router_on(two) as there,
        ):
            await here.connections.add(new(spot()))
            await there.connections.refresh()
            await here.connections.remove("bitgo")
            await there.connections.refresh()
            assert lifecycles(there) == lifecycles(here)
            with pytest.raises(ConflictError):
                await there.connections.change("bitgo", change(name="Late"))
