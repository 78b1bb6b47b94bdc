"""What every journal promises, run over each store. A further store is one line in `STORES`."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from router.core.errors import Code, OrderError, VenueError
from router.core.model import VenueState
from router.core.order import (
    CancelRefused,
    CancelRequested,
    Event,
    NotRouted,
    Order,
    ProvedAbsent,
    Refused,
    Reported,
    Routed,
    WentInDoubt,
    step,
)
from router.ports import ClientOrderIdTakenError, Journal, StoreError
from tests.contract.conftest import Reopen
from tests.unit import build
from tests.unit.build import T0, D

ROOT = Path(__file__).parents[2]


def numbered(number: int, *, created_at: int | None = None) -> Order:
    """One of many orders: id and client id of its own, a nanosecond after the one before."""
    at = T0 + number if created_at is None else created_at
    return build.order(
        id=f"order-{number:05}",
        request=build.request(client_order_id=f"client-{number:05}"),
        created_at=at,
        updated_at=at,
    )


AWKWARD = ("1E+2", "0E-8", "0", "1.50", "100", "0.000000000000000001", "9" * 46 + ".000000000000000010")


@pytest.mark.parametrize("text", AWKWARD)
async def test_an_amount_comes_back_with_every_digit_and_its_scale(text: str, reopen: Reopen) -> None:
    amount = Decimal(text)
    order = build.order(request=build.request(quantity=amount), arrival_price=amount)
    await (await reopen()).accept(order)

    kept = await (await reopen()).order(order.id)

    assert kept is not None
    assert amount.as_tuple() == kept.request.quantity.as_tuple()
    assert kept.arrival_price is not None
    assert amount.as_tuple() == kept.arrival_price.as_tuple()


@pytest.mark.parametrize("text", ["Übergröße 🏦", "\u202egnp.exe", "a\u0000b", '"\\\n', "ﷺ" * 100])
async def test_text_comes_back_as_it_went_in(text: str, journal: Journal) -> None:
    error = OrderError(Code.VENUE_REJECTED, text, venue_error=VenueError("backend:x", text, "unk-1", 400))
    order = build.order(error=error, candidates=(text,))

    await journal.accept(order)

    assert order == await journal.order(order.id)


async def test_half_a_surrogate_pair_is_refused_and_nothing_is_kept(journal: Journal) -> None:
    order = build.order(candidates=("\ud800",))

    with pytest.raises(StoreError, match="written as JSON"):
        await journal.accept(order)

    assert await journal.order(order.id) is None


def history(*events: Event) -> list[tuple[Order, Event, int]]:
    """An order through its events: what it is after each, the event, the time of it."""
    order = build.order()
    told = []
    for number, event in enumerate(events, start=1):
        order = step(order, event, T0 + number)
        told.append((order, event, T0 + number))
    return told


ROUTED = Routed(build.attempt(), "competition-1", D("99.90"))
ERROR = OrderError(
    Code.CREDIT_LONG_LIMIT, "no credit", connection_id="bitgo-pts", venue_error=VenueError("backend:x")
)
HISTORIES = {
    "filled": history(
        ROUTED,
        Reported(build.report(VenueState.WORKING, build.fill("a", "0.2"))),
        CancelRequested(),
        CancelRefused("done already"),
        Reported(build.report(VenueState.DONE, build.fill("a", "0.2"), build.fill("b", "0.3"))),
    ),
    "absent": history(ROUTED, WentInDoubt("reset by peer", T0), ProvedAbsent("not found")),
    "next best": history(
        ROUTED,
        Refused(ERROR, final=False),
        Routed(build.attempt(number=2, claim=None, cover_price=None), "competition-1", None),
        Refused(ERROR),
    ),
    "not routed": history(CancelRequested(), NotRouted(ERROR, "competition-1", D("1E+2"))),
}


@pytest.mark.parametrize("name", HISTORIES)
async def test_events_replayed_make_the_order_that_is_kept(name: str, reopen: Reopen) -> None:
    journal = await reopen()
    accepted = build.order()
    await journal.accept(accepted)
    for order, event, at in HISTORIES[name]:
        await journal.append(order, event, at)

    journal = await reopen()
    kept, events = await journal.order(accepted.id), await journal.events(accepted.id)

    replayed = accepted
    for at, event in events:
        replayed = step(replayed, event, at)
    assert HISTORIES[name][-1][0] == kept == replayed
    assert [(at, event) for _, event, at in HISTORIES[name]] == list(events)


async def test_events_of_two_orders_are_kept_apart(journal: Journal) -> None:
    first, second = numbered(1), numbered(2)
    for order in (first, second):
        await journal.accept(order)
    event = CancelRequested()
    await journal.append(step(first, event, T0), event, T0)

    assert [(T0, event)] == list(await journal.events(first.id))
    assert list(await journal.events(second.id)) == []


async def test_an_event_of_an_order_that_was_not_accepted_is_refused(journal: Journal) -> None:
    order, event = build.order(), CancelRequested()

    with pytest.raises(StoreError, match="accepted before its events"):
        await journal.append(step(order, event, T0), event, T0)

    assert await journal.order(order.id) is None
    assert list(await journal.events(order.id)) == []


async def test_writes_take_effect_in_the_order_in_which_they_were_called(journal: Journal) -> None:
    accepted, told = build.order(), HISTORIES["filled"]

    await asyncio.gather(
        journal.accept(accepted), *(journal.append(order, event, at) for order, event, at in told)
    )

    assert told[-1][0] == await journal.order(accepted.id)
    assert [event for _, event, _ in told] == [event for _, event in await journal.events(accepted.id)]


async def test_a_client_order_id_that_is_taken_tells_who_has_it(journal: Journal) -> None:
    first = build.order(id="order-1")
    await journal.accept(first)
    later = step(first, CancelRequested(), T0 + 5)
    await journal.append(later, CancelRequested(), T0 + 5)

    with pytest.raises(ClientOrderIdTakenError) as raised:
        await journal.accept(build.order(id="order-2"))

    assert later == raised.value.order
    assert await journal.order("order-2") is None


async def test_behind_an_acceptance_that_is_refused_no_event_is_kept(journal: Journal) -> None:
    """Called before its caller was told: an intent that went through would send the key's order twice."""
    first, twin = build.order(id="order-1"), build.order(id="order-2")
    await journal.accept(first)
    event = CancelRequested()

    outcomes = await asyncio.gather(
        journal.accept(twin), journal.append(step(twin, event, T0), event, T0), return_exceptions=True
    )

    assert [type(outcome) for outcome in outcomes] == [ClientOrderIdTakenError, StoreError]
    assert await journal.order("order-2") is None
    assert list(await journal.events("order-2")) == []


async def test_a_write_that_nobody_waits_for_is_kept_all_the_same(journal: Journal) -> None:
    order, event = build.order(), CancelRequested()
    accepted = journal.accept(order)
    after = step(order, event, T0)

    await journal.append(after, event, T0, urgent=False)
    await journal.keep_competition("competition-1", order.id, b"{}", urgent=False)

    assert accepted.done()
    assert await journal.order(order.id) == after
    assert await journal.competition("competition-1") == b"{}"


async def test_an_order_id_that_is_taken_is_refused(journal: Journal) -> None:
    await journal.accept(build.order(request=build.request(client_order_id="a")))

    with pytest.raises(StoreError):
        await journal.accept(build.order(request=build.request(client_order_id="b")))

    assert await journal.order_by_client_id("b") is None


async def test_of_200_accepts_of_one_client_order_id_one_wins_and_all_learn_of_it(journal: Journal) -> None:
    orders = [build.order(id=f"order-{number}") for number in range(200)]

    outcomes = await asyncio.gather(*(journal.accept(order) for order in orders), return_exceptions=True)

    won = [order for order, outcome in zip(orders, outcomes, strict=True) if outcome is None]
    lost = [outcome for outcome in outcomes if outcome is not None]
    assert len(won) == 1
    assert len(lost) == 199
    for outcome in lost:
        assert isinstance(outcome, ClientOrderIdTakenError)
        assert won[0] == outcome.order
    assert won[0] == await journal.order_by_client_id(won[0].request.client_order_id)


async def test_one_duplicate_among_many_fails_alone(journal: Journal) -> None:
    await journal.accept(numbered(50))

    outcomes = await asyncio.gather(
        *(journal.accept(numbered(number)) for number in range(100)), return_exceptions=True
    )

    assert [number for number, outcome in enumerate(outcomes) if outcome is not None] == [50]
    assert len((await journal.orders(200, None)).data) == 100


async def test_a_cancelled_caller_loses_nothing(journal: Journal) -> None:
    tasks = [journal.accept(numbered(number)) for number in range(20)]
    for task in tasks[::2]:
        task.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)

    # Writes take effect in order, so once this one is kept those before it are.
    await journal.accept(numbered(99))

    assert sum(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes) == 10
    assert len((await journal.orders(100, None)).data) == 21


async def test_nothing_that_is_not_there_is_found(journal: Journal) -> None:
    assert await journal.order("none") is None
    assert await journal.order_by_client_id("none") is None
    assert await journal.competition("none") is None
    assert await journal.rfq("none") is None
    assert list(await journal.events("none")) == []
    assert list(await journal.open_orders()) == []
    page = await journal.orders(10, None)
    assert (page.data, page.next_cursor) == ((), None)


async def test_competitions_and_rfqs_are_kept_as_they_are_and_replaced(reopen: Reopen) -> None:
    journal = await reopen()
    await journal.keep_competition("competition-1", None, b'{"a":1}')
    await journal.keep_competition("competition-1", "order-1", b'{"a":"\xc3\xbc"}')
    await journal.keep_competition("competition-2", None, b"{}")
    await journal.keep_rfq("rfq-1", b"[]")
    await journal.keep_rfq("rfq-1", b'["x"]')

    journal = await reopen()

    assert await journal.competition("competition-1") == b'{"a":"\xc3\xbc"}'
    assert await journal.competition("competition-2") == b"{}"
    assert await journal.rfq("rfq-1") == b'["x"]'


async def walk(journal: Journal, limit: int, cursor: str | None = None) -> list[str]:
    """Every id of the list, page by page."""
    ids: list[str] = []
    while True:
        page = await journal.orders(limit, cursor)
        assert len(page.data) <= limit
        assert page.data or cursor is None  # no page is empty but that of an empty list
        ids += [order.id for order in page.data]
        if page.next_cursor is None:
            return ids
        cursor = page.next_cursor


@pytest.mark.parametrize("limit", [1, 3, 10, 11, 100])
async def test_pages_list_every_order_once_newest_first(limit: int, journal: Journal) -> None:
    # Pairs share a creation time: the id decides between them.
    orders = [numbered(number, created_at=T0 + number // 2) for number in range(10)]
    await asyncio.gather(*(journal.accept(order) for order in reversed(orders)))

    assert [order.id for order in reversed(orders)] == await walk(journal, limit)


async def test_a_page_is_not_moved_by_orders_that_come_meanwhile(journal: Journal) -> None:
    for number in range(6):
        await journal.accept(numbered(number))
    first = await journal.orders(3, None)
    for number in range(6, 12):
        await journal.accept(numbered(number))

    rest = await walk(journal, 2, first.next_cursor)

    assert [order.id for order in first.data] == ["order-00005", "order-00004", "order-00003"]
    assert rest == ["order-00002", "order-00001", "order-00000"]


@pytest.mark.parametrize(
    "cursor", ["", "x", "é", "MTox=", "MQ", "LTE6eA", "1:order-1", "OTk5OTk5OTk5OTk5OTk5OTk5OTp4"]
)
async def test_a_cursor_that_is_none_of_ours_is_refused(cursor: str, journal: Journal) -> None:
    with pytest.raises(ValueError, match="expected a cursor"):
        await journal.orders(10, cursor)


async def test_a_limit_below_one_is_refused(journal: Journal) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        await journal.orders(0, None)


async def test_open_orders_are_those_that_are_not_final(reopen: Reopen) -> None:
    journal = await reopen()
    for number in range(5):
        await journal.accept(numbered(number))
    for number in (1, 3):
        event = NotRouted(ERROR)
        await journal.append(step(numbered(number), event, T0), event, T0)

    journal = await reopen()

    assert [numbered(number) for number in (0, 2, 4)] == list(await journal.open_orders())


async def test_a_check_passes_while_writes_would(journal: Journal) -> None:
    await journal.check()


async def test_close_finishes_what_was_queued(reopen: Reopen) -> None:
    journal = await reopen()
    writes = [journal.accept(numbered(number)) for number in range(50)]

    await journal.close()
    await asyncio.gather(*writes)

    assert len((await (await reopen()).orders(100, None)).data) == 50


async def test_many_may_close_at_once_and_each_returns_when_it_is_done(reopen: Reopen) -> None:
    for number in range(10):
        journal = await reopen()
        write = journal.accept(numbered(number))

        await asyncio.gather(*(journal.close() for _ in range(4)))

        await write


async def test_closed_means_closed(journal: Journal) -> None:
    await journal.close()
    await journal.close()

    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: journal.accept(build.order()),
        lambda: journal.append(build.order(), CancelRequested(), T0),
        lambda: journal.keep_competition("a", None, b""),
        lambda: journal.keep_rfq("a", b""),
        lambda: journal.order("a"),
        lambda: journal.order_by_client_id("a"),
        lambda: journal.orders(1, None),
        lambda: journal.events("a"),
        journal.open_orders,
        lambda: journal.competition("a"),
        lambda: journal.rfq("a"),
        journal.check,
    ]
    for call in calls:
        with pytest.raises(StoreError, match="closed"):
            await call()


async def test_what_was_said_to_be_kept_survives_a_kill(url: str, reopen: Reopen) -> None:
    said: list[str] = []
    for run, lines in enumerate((1, 9, 40)):
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.contract.journal_child",
            url,
            f"run-{run}",
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
        )
        assert child.stdout is not None
        said += [(await child.stdout.readline()).decode().strip() for _ in range(lines)]
        os.kill(child.pid, signal.SIGKILL)
        # What it said between our last line and its end was promised as well; its last line may be cut.
        rest = (await child.stdout.read()).decode()
        said += rest.split("\n")[:-1]
        assert await child.wait() == -signal.SIGKILL

    journal = await reopen()

    assert len(said) >= 50
    assert all(said)
    for name in said:
        order = await journal.order(name)
        assert order is not None
        assert order.cancel_requested
        assert [(T0 + 1, CancelRequested())] == list(await journal.events(name))
    # An order that was not said to be kept is whole, or not there at all.
    page = await journal.orders(100_000, None)
    for order in page.data:
        events = await journal.events(order.id)
        replayed = msgspec.structs.replace(order, cancel_requested=False, updated_at=T0)
        for at, event in events:
            replayed = step(replayed, event, at)
        assert order == replayed
