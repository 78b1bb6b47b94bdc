"""What every store promises of the records beside the orders, and of finding orders at a counterparty."""

import asyncio

import msgspec
import pytest

from router.core.errors import Code, OrderError
from router.core.order import Contradicted, Order, Refused, Reported, Routed, step
from router.ports import StoreError
from router.ports.records import (
    ChangedMeanwhileError,
    IdempotencyKeyTakenError,
    MoveRecord,
    Store,
    StoredConnection,
)
from tests.contract.conftest import Reopen
from tests.unit import build
from tests.unit.build import T0, D

CONNECTION = StoredConnection("desk-spot", 1, b'{"name":"Desk"}', b"\x00sealed\xff", T0, T0)


def changed(record: StoredConnection, **fields: object) -> StoredConnection:
    """The next version of a connection."""
    return msgspec.structs.replace(record, version=record.version + 1, updated_at=T0 + 1, **fields)


def move(number: int = 1, **fields: object) -> MoveRecord:
    """One of many moves."""
    record = MoveRecord(
        f"move-{number:05}", "pts", f"key-{number}", False, T0 + number // 2, T0 + number // 2, b'{"n":1}'
    )
    return msgspec.structs.replace(record, **fields)


def ended(record: MoveRecord, at: int = T0 + 9) -> MoveRecord:
    """The move in its last state."""
    return msgspec.structs.replace(record, final=True, updated_at=at, doc=b'{"n":2}')


async def test_a_connection_comes_back_as_it_was_made_changed_and_not_once_removed(reopen: Reopen) -> None:
    store = await reopen()
    other = msgspec.structs.replace(CONNECTION, id="desk-pts", credentials=None, created_at=T0 + 5)
    after = changed(CONNECTION, doc=b"{}", credentials=b"other")
    await store.keep_connection(other)
    await store.keep_connection(CONNECTION)
    store = await reopen()
    assert list(await store.stored_connections()) == [CONNECTION, other]

    await store.keep_connection(after)
    store = await reopen()
    assert list(await store.stored_connections()) == [after, other]

    await store.forget_connection(CONNECTION.id, 2)
    assert list(await (await reopen()).stored_connections()) == [other]


async def test_a_connection_that_changed_meanwhile_is_left_as_it_is(journal: Store) -> None:
    await journal.keep_connection(CONNECTION)
    after = changed(CONNECTION, doc=b"first")
    await journal.keep_connection(after)

    for late in (CONNECTION, changed(CONNECTION, doc=b"second"), changed(changed(after))):
        with pytest.raises(ChangedMeanwhileError, match="desk-spot"):
            await journal.keep_connection(late)
    with pytest.raises(ChangedMeanwhileError, match="version 1"):
        await journal.forget_connection(CONNECTION.id, 1)
    with pytest.raises(ChangedMeanwhileError, match="unknown"):
        await journal.forget_connection("unknown", 1)

    assert list(await journal.stored_connections()) == [after]


async def test_of_20_changes_of_one_version_one_is_kept(journal: Store) -> None:
    await journal.keep_connection(CONNECTION)
    tried = [changed(CONNECTION, doc=b"%d" % number) for number in range(20)]

    outcomes = await asyncio.gather(*map(journal.keep_connection, tried), return_exceptions=True)

    kept = [each for each, outcome in zip(tried, outcomes, strict=True) if outcome is None]
    assert list(await journal.stored_connections()) == kept
    assert len(kept) == 1
    assert {type(outcome) for outcome in outcomes} == {type(None), ChangedMeanwhileError}


async def test_a_move_is_kept_with_its_events_in_their_order(reopen: Reopen) -> None:
    store = await reopen()
    record = move()
    await store.accept_move(record)
    sent = msgspec.structs.replace(record, updated_at=T0 + 3, doc=b'{"n":1.5}')
    await store.append_move(sent, b'{"type":"sent"}', T0 + 3)
    await store.append_move(ended(record), b'{"type":"answered"}', T0 + 9)

    store = await reopen()

    assert await store.move(record.id) == ended(record)
    assert await store.move_by_key("pts", "key-1") == ended(record)
    assert list(await store.move_events(record.id)) == [
        (T0 + 3, b'{"type":"sent"}'),
        (T0 + 9, b'{"type":"answered"}'),
    ]


async def test_a_key_belongs_to_one_move_of_a_connection(journal: Store) -> None:
    await journal.accept_move(move())
    await journal.append_move(ended(move()), b"{}", T0 + 9)

    with pytest.raises(IdempotencyKeyTakenError) as taken:
        await journal.accept_move(move(2, key="key-1"))
    await journal.accept_move(move(3, key="key-1", connection_id="other-pts"))

    assert taken.value.record == ended(move())
    assert await journal.move("move-00002") is None


async def test_of_100_moves_with_one_key_one_is_accepted_and_all_learn_of_it(journal: Store) -> None:
    tried = [move(number, key="one") for number in range(100)]

    outcomes = await asyncio.gather(*map(journal.accept_move, tried), return_exceptions=True)

    kept = await journal.move_by_key("pts", "one")
    taken = [outcome for outcome in outcomes if isinstance(outcome, IdempotencyKeyTakenError)]
    assert kept in tried
    assert len(taken) == 99
    assert {each.record for each in taken} == {kept}


async def test_an_event_of_a_move_that_was_not_accepted_is_refused(journal: Store) -> None:
    with pytest.raises(StoreError, match="move-00001 to be accepted"):
        await journal.append_move(move(), b"{}", T0)

    assert await journal.move("move-00001") is None


async def test_open_moves_are_those_that_are_not_final(reopen: Reopen) -> None:
    store = await reopen()
    for number in range(4):
        await store.accept_move(move(number))
    await store.append_move(ended(move(2)), b"{}", T0 + 9)

    store = await reopen()

    assert list(await store.open_moves()) == [move(0), move(1), move(3)]


@pytest.mark.parametrize("limit", [1, 3, 7, 50])
async def test_pages_list_every_move_of_a_connection_once_newest_first(limit: int, journal: Store) -> None:
    for number in range(7):
        await journal.accept_move(move(number))
        await journal.accept_move(move(100 + number, connection_id="other-pts"))
    ids: list[str] = []
    cursor: str | None = None
    while True:
        page = await journal.moves("pts", limit, cursor)
        assert len(page.data) <= limit
        ids += [record.id for record in page.data]
        cursor = page.next_cursor
        if cursor is None:
            break

    assert [f"move-{number:05}" for number in reversed(range(7))] == ids
    with pytest.raises(ValueError, match="expected a cursor"):
        await journal.moves("pts", limit, "x")
    with pytest.raises(ValueError, match="at least 1"):
        await journal.moves("pts", 0, None)


def at_venue(number: int, *, created_at: int, updated_at: int) -> tuple[Order, Order, Order]:
    """An order as it was accepted, routed to bitgo-spot, and reported there under an id of its own."""
    request = build.request(client_order_id=f"client-{number}")
    accepted = build.order(
        id=f"order-{number}", request=request, created_at=created_at, updated_at=created_at
    )
    routed = step(accepted, Routed(build.attempt(), "competition-1", D("99.90")), created_at)
    report = msgspec.structs.replace(build.report(fills=(build.fill(),)), venue_order_id=f"venue-{number}")
    return accepted, routed, step(routed, Reported(report), updated_at)


async def keep(store: Store, number: int, *, created_at: int, updated_at: int) -> Order:
    """Keep such an order."""
    accepted, routed, reported = at_venue(number, created_at=created_at, updated_at=updated_at)
    await store.accept(accepted)
    await store.append(routed, Routed(build.attempt(), "competition-1", D("99.90")), created_at)
    report = msgspec.structs.replace(build.report(fills=(build.fill(),)), venue_order_id=f"venue-{number}")
    await store.append(reported, Reported(report), updated_at)
    return reported


async def test_orders_are_found_by_the_counterpartys_ids(reopen: Reopen) -> None:
    store = await reopen()
    orders = [await keep(store, n, created_at=T0 + n, updated_at=T0 + n + 1) for n in range(4)]
    connection = build.attempt().connection_id
    store = await reopen()

    found = await store.orders_at_venue(connection, ["venue-1", "venue-3", "not-ours"])

    assert found == {"venue-1": orders[1], "venue-3": orders[3]}
    assert await store.orders_at_venue("another", ["venue-1"]) == {}
    assert await store.orders_at_venue(connection, []) == {}


async def test_an_order_is_found_by_what_an_earlier_attempt_was_executed_under(reopen: Reopen) -> None:
    store = await reopen()
    accepted, routed, _ = at_venue(1, created_at=T0, updated_at=T0)
    no = OrderError(Code.VENUE_REJECTED, "no", connection_id="bitgo-spot")
    to_pts = build.attempt(
        number=2,
        connection=build.connection("bitgo-pts", pts=True),
        outbound=build.outbound(connection_id="bitgo-pts", venue_client_order_id="order-1-2-bitgo-pts"),
    )
    report = msgspec.structs.replace(build.report(fills=(build.fill(),)), venue_order_id="venue-denied")
    order = accepted
    await store.accept(order)
    for event in (
        Routed(routed.attempts[0], "competition-1", None),
        Refused(no, final=False),
        Routed(to_pts, "competition-1", None),
        Contradicted(1, report),
        Contradicted(1, report),
    ):
        order = step(order, event, T0 + 1)
        await store.append(order, event, T0 + 1)
    store = await reopen()

    assert await store.orders_at_venue("bitgo-spot", ["venue-denied"]) == {"venue-denied": order}
    assert await store.orders_at_venue("bitgo-pts", ["venue-denied"]) == {}


async def test_orders_that_lived_in_a_time_are_those_that_overlap_it(journal: Store) -> None:
    connection = build.attempt().connection_id
    for number, (created, updated) in enumerate([(0, 4), (0, 5), (3, 7), (9, 9), (10, 11)]):
        await keep(journal, number, created_at=T0 + created, updated_at=T0 + updated)

    first = await journal.orders_live_in(connection, T0 + 5, T0 + 10, 2, None)
    rest = await journal.orders_live_in(connection, T0 + 5, T0 + 10, 2, first.next_cursor)

    assert [order.id for order in first.data] == ["order-3", "order-2"]
    assert [order.id for order in rest.data] == ["order-1"]
    assert rest.next_cursor is None
    assert (await journal.orders_live_in("another", T0, T0 + 99, 9, None)).data == ()


async def test_closed_means_closed_for_records_too(journal: Store) -> None:
    await journal.close()

    for call in (
        journal.stored_connections(),
        journal.keep_connection(CONNECTION),
        journal.forget_connection("a", 1),
        journal.accept_move(move()),
        journal.append_move(move(), b"", T0),
        journal.move("a"),
        journal.move_by_key("a", "b"),
        journal.move_events("a"),
        journal.open_moves(),
        journal.moves("a", 1, None),
        journal.orders_at_venue("a", ["b"]),
        journal.orders_live_in("a", 0, 1, 1, None),
    ):
        with pytest.raises(StoreError, match="closed"):
            await call
