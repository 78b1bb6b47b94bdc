"""Seeded schedules of everything at once: faults, repeats, callers that leave, restarts.

Whatever happens: nothing is sent before its intent is durable, nothing twice; every order ends; what the
journal says traded is what traded; nothing stays reserved; events replayed make the order.
"""

import asyncio
import random
from contextlib import suppress
from decimal import Decimal

import pytest

from router.core.errors import RouterError
from router.core.model import OnCreditFailure, OrderRequest, OutboundOrder, Side
from router.core.order import Order, Phase, step
from tests.fakes.faulty import FaultyJournal, FaultyVenue
from tests.fakes.world import World, rules
from tests.unit import build
from tests.unit.build import D
from tests.virtual_loop import pass_time, run

SEEDS = 100
ORDERS = 12
QUIET_S = 150.0


@pytest.mark.parametrize("seed", range(SEEDS))
def test_whatever_happens_the_books_agree(seed: int) -> None:
    run(schedule(seed), limit_s=1000)


async def schedule(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - a seed replays a run
    journal = FaultyJournal(rng)
    venues = [
        FaultyVenue(build.connection("spot"), rng),
        FaultyVenue(build.connection("pts", pts=True), rng),
        FaultyVenue(build.connection("other", fee_bps="10"), rng),
    ]
    for life in range(rng.choice((0, 1, 2))):
        await live_and_die(rng, journal, venues, life)
    await live_to_the_end(rng, journal, venues)
    for venue in venues:
        await venue.close()
    for order in journal.kept_orders:
        check_order(order, journal, venues)


async def begin(journal: FaultyJournal, venues: list[FaultyVenue], seed: int) -> World:
    named = {venue.connection.id: venue for venue in venues}
    w = World(named, journal, rules(on_credit_failure=OnCreditFailure.NEXT_BEST), seed=seed)

    def check_send(order: OutboundOrder) -> None:
        kept = journal.kept(order.venue_client_order_id[:36])
        assert kept.phase is Phase.ROUTED
        assert kept.attempts[-1].outbound == order
        for name in ("spot", "other"):
            assert all((w.ledger.free(name, asset) or 0) >= 0 for asset in ("USD", "BTC"))

    await w.desk.start()
    for venue in venues:
        venue.listener = w.desk.listener
        venue.before_submit = check_send
        venue.balances = {"USD": D(400), "BTC": D(3)}
        if not venue.connection.pts:
            await venue.read_balances()
    return w


async def live_and_die(
    rng: random.Random, journal: FaultyJournal, venues: list[FaultyVenue], life: int
) -> None:
    w = await begin(journal, venues, life)
    callers = [asyncio.create_task(call(rng, w, number, within_s=3)) for number in range(ORDERS)]
    await pass_time(3 * rng.random())
    for caller in callers:
        caller.cancel()
    await asyncio.gather(*callers, return_exceptions=True)
    await w.desk.stop(0.3 * rng.random())
    for venue in venues:
        venue.restart()
    assert w.seen.lines("task_failed") == []


async def live_to_the_end(rng: random.Random, journal: FaultyJournal, venues: list[FaultyVenue]) -> None:
    w = await begin(journal, venues, 9)
    await asyncio.gather(*(call(rng, w, number, within_s=6) for number in range(ORDERS)))
    journal.mended = True
    await pass_time(QUIET_S)
    assert w.desk.in_flight == 0
    assert w.ledger.reservations() == {}
    assert [venue.unsent for venue in venues] == [0, 0, 0]
    assert [w.seen.value("orders_in_doubt", connection=name) for name in w.venues] == [0, 0, 0]
    assert await w.desk.stop(1)
    assert w.seen.lines("task_failed") == []


async def call(rng: random.Random, w: World, number: int, within_s: float) -> None:
    """Submit an order, perhaps again, perhaps with another body; perhaps leave, perhaps cancel it."""
    await pass_time(within_s * rng.random())
    request = build.request(
        client_order_id=f"o-{number}",
        side=Side.BUY if number % 2 else Side.SELL,
        quantity=D("0.5") if rng.random() < 0.95 else D("0.6"),
    )
    for _ in range(rng.choice((1, 1, 2))):
        # Anew for a repeat too, which may be the first to be accepted: a book of seconds ago is no quote.
        for venue in w.venues.values():
            venue.streams("99.00", str(D(100) + D(rng.randrange(30)) / 100))
        patience_s = rng.random() if rng.random() < 0.2 else None
        with suppress(RouterError, TimeoutError):
            await submit_and_cancel(w, request, patience_s, cancels=rng.random() < 0.5)


async def submit_and_cancel(
    w: World, request: OrderRequest, patience_s: float | None, *, cancels: bool
) -> None:
    async with asyncio.timeout(patience_s):
        order = (await w.desk.submit(request)).order
        if cancels and order.phase is Phase.WORKING:
            await w.desk.cancel(order.id)


def check_order(order: Order, journal: FaultyJournal, venues: list[FaultyVenue]) -> None:
    assert order.is_final
    replayed = Order(order.id, order.request, order.candidates, order.created_at, order.created_at)
    for at, event in journal.history(order.id):
        replayed = step(replayed, event, at)
    assert replayed == order

    own_ids = {attempt.outbound.venue_client_order_id for attempt in order.attempts}
    traded = [venue.truth[own_id] for venue in venues for own_id in own_ids & venue.truth.keys()]
    assert len(traded) <= 1
    assert order.filled_base == sum((report.filled_base for report in traded), Decimal(0))
