"""Connections that change while something else of them is under way."""

import asyncio
from collections.abc import Sequence

import pytest

from router.core.errors import Code, ConflictError
from router.core.model import OrderStatus, Reason
from router.ports.records import StoredConnection
from router.service.connecting.connections import Lifecycle
from tests.fakes.connections import MemoryConnections, office
from tests.unit.build import request
from tests.unit.service.test_roster import TOKEN, change, lifecycles, new, spot
from tests.virtual_loop import in_virtual_time, pass_time

ELSEWHERE = "https://x.example"


class SlowConnections(MemoryConnections):
    """A store that reads at once and answers when `answers` is done."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: asyncio.Future[None] | None = None

    async def stored_connections(self) -> Sequence[StoredConnection]:
        found = await super().stored_connections()
        if self.answers is not None:
            await self.answers
        return found


@in_virtual_time
async def test_one_that_is_made_while_others_are_looked_for_stays() -> None:
    store = SlowConnections()
    async with office(store=store) as o:
        store.answers = asyncio.get_running_loop().create_future()
        looking = asyncio.create_task(o.connections.refresh())
        await pass_time(0.1)
        await o.connections.add(new(spot()))
        store.answers.set_result(None)
        await looking
        await pass_time(30)

        assert (lifecycles(o), list(store.records)) == ({"bitgo": Lifecycle.ACTIVE}, ["bitgo"])


@in_virtual_time
async def test_an_order_that_comes_while_another_address_is_tested_keeps_the_connection_where_it_is() -> None:
    async with office() as o:
        await o.connections.add(new(spot()))
        o.counterparty.slow = asyncio.get_running_loop().create_future()
        moving = asyncio.create_task(o.connections.change("bitgo", change(TOKEN, base_url=ELSEWHERE)))
        await pass_time(0.1)
        o.open.add("bitgo")
        o.counterparty.slow.set_result(None)
        with pytest.raises(ConflictError) as busy:
            await moving

        assert busy.value.code is Code.CONNECTION_BUSY
        assert [each.settings.base_url for each in o.counterparty.built] != [ELSEWHERE]
        o.open.clear()
        assert (await o.desk.submit(request())).order.status is OrderStatus.FILLED


@in_virtual_time
async def test_while_its_address_is_changed_a_connection_gets_no_order() -> None:
    async with office() as o:
        await o.connections.add(new(spot()))
        moving = asyncio.create_task(o.connections.change("bitgo", change(TOKEN, base_url=ELSEWHERE)))
        await pass_time(0.1)
        between = await o.desk.submit(request())
        await moving
        after = await o.desk.submit(request(client_order_id="after"))

        assert between.competition is not None
        assert [entry.reason for entry in between.competition.entries] == [Reason.DISABLED]
        assert after.order.status is OrderStatus.FILLED
        assert [len(each.submitted) for each in o.counterparty.built] == [0, 1]


@in_virtual_time
async def test_one_that_another_router_removes_while_its_change_waits_is_gone_all_the_same() -> None:
    async with office() as o:
        await o.connections.add(new(spot()))
        o.counterparty.ready = False
        changing = asyncio.create_task(o.connections.change("bitgo", change(name="Treasury")))
        await pass_time(0.1)
        del o.store.records["bitgo"]
        await o.connections.refresh()
        await changing
        await pass_time(30)

        assert (lifecycles(o), o.counterparty.running) == ({}, [])
        assert [member.connection.id for member in o.venues] == []


@pytest.mark.parametrize(
    "doc",
    [
        (
            b'{"fields": {"id": "bitgo", "name": "BitGo", "counterparty": "bitgo_prime","taker_fee_bps": "0",'
            b'"account_id": "55555555555555555555555555555555", "base_url": "gopher://x.example"}}'
        ),
        b'{"fields": {"id": "bitgo", "name": "BitGo", "counterparty": "of_tomorrow"}}',
        b'{"fields"',
    ],
)
@in_virtual_time
async def test_a_record_that_this_version_does_not_take_stops_no_router(doc: bytes) -> None:
    store = MemoryConnections()
    record = StoredConnection("bitgo", 1, doc, b"sealed", 1, 1)
    async with office(store=store) as o:
        store.records["bitgo"] = record
        await o.connections.refresh()
        assert (lifecycles(o), store.records) == ({}, {"bitgo": record})
    async with office(store=store) as o:
        assert (lifecycles(o), store.records) == ({}, {"bitgo": record})
        assert o.seen.lines("connection_passed_over")


@in_virtual_time
async def test_an_order_whose_connection_is_gone_before_its_intent_is_written_was_never_sent() -> None:
    async with office() as o:
        await o.connections.add(new(spot()))
        await pass_time(0.1)
        gate = o.journal.hold("append")
        asked = asyncio.create_task(o.desk.submit(request()))
        await pass_time(0.1)
        await o.connections.remove("bitgo")
        await pass_time(1)
        assert lifecycles(o) == {}
        gate.set()
        order = (await asked).order

        assert order.error is not None
        assert (order.status, order.error.code) == (OrderStatus.REJECTED, Code.VENUE_UNAVAILABLE)
        assert not order.in_doubt
        assert o.counterparty.built[0].submitted == []
        assert o.seen.lines("task_failed") == []
