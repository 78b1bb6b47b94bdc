"""Our fills against the counterparty's trades: planted, missing on either side, changed; and nothing else."""

import random
from decimal import Decimal

import pytest
from msgspec.structs import replace

from router.core.account import VenueTrade
from router.core.model import Side
from router.core.order import Order, Phase
from router.reports.reconciliation import SKEW_NS, UNMATCHED_MAX, Reconciliation
from router.reports.rows import Difference, DifferenceKind, Failed
from router.reports.trades import TRADES_A_READ
from tests.unit import build
from tests.unit.build import T0, D
from tests.unit.reports.fakes import (
    DOWN,
    MS,
    NOW,
    SECOND,
    FakeJournal,
    FakeMargin,
    FakeTrading,
    pts,
    reports,
    spot,
    venue_trade,
)


def ours(name: str, at: int = T0, *fills: str, **changed: object) -> Order:
    """An order of ours with a fill of its name, or these."""
    made = tuple(build.fill(fill, at=at) for fill in fills or (name,))
    fields: dict[str, object] = {
        "id": f"order-{name}",
        "attempts": (build.attempt(),),
        "venue_order_id": f"venue-of-{name}",
        "created_at": at - SECOND,
        "updated_at": at + SECOND,
        "fills": made,
    }
    return build.order(**fields | changed)


async def run(read: Reconciliation) -> list[Difference | Failed]:
    """All of its rows."""
    rows: list[Difference | Failed] = []
    while not read.done:
        row = read.take()
        if row is None:
            await read.read()
        else:
            rows.append(row)
    return rows


def of(
    trading: FakeTrading, *orders: Order, since: int | None = None, until: int | None = None
) -> Reconciliation:
    return reports(spot(trading), journal=FakeJournal(*orders, page=40)).reconciliation(
        "bitgo-spot", since, until
    )


def told(rows: list[Difference | Failed]) -> list[tuple[DifferenceKind, str]]:
    return [(row.kind, row.trade_id) for row in rows if isinstance(row, Difference)]


async def test_what_agrees_is_no_difference() -> None:
    read = of(FakeTrading([venue_trade("a"), venue_trade("b", T0 + 5)]), ours("a"), ours("b", T0 + 5))
    assert await run(read) == []
    (total,) = read.totals()
    assert (total.product, total.side) == ("BTC-USD", Side.BUY)
    assert (
        (total.here.trades, total.here.quantity)
        == (total.venue.trades, total.venue.quantity)
        == (2, D("1.0"))
    )
    assert read.complete


async def test_a_planted_trade_a_missing_one_and_a_changed_one_are_found() -> None:
    listed = [
        venue_trade("planted", T0 + 3),
        venue_trade("changed", T0 + 2, price=D("100.01"), side=Side.SELL),
        venue_trade("unseen", T0 + 1, venue_order_id="venue-of-known"),
    ]
    read = of(
        FakeTrading(listed), ours("changed", T0 + 2), ours("known", T0 + 1, "other"), ours("vanished", T0)
    )

    rows = await run(read)

    assert sorted(told(rows)) == [
        (DifferenceKind.CHANGED, "changed"),
        (DifferenceKind.EXTERNAL, "planted"),
        (DifferenceKind.MISSING_AT_VENUE, "other"),
        (DifferenceKind.MISSING_AT_VENUE, "vanished"),
        (DifferenceKind.MISSING_HERE, "unseen"),
    ]
    changed = next(r for r in rows if isinstance(r, Difference) and r.kind is DifferenceKind.CHANGED)
    assert changed.changed == ("side", "price")
    assert changed.ours is not None
    assert changed.venue is not None
    assert (changed.ours.fill.price, changed.venue.price) == (D("100.00"), D("100.01"))
    assert changed.order_id == "order-changed"


@pytest.mark.parametrize(
    "changed", [{"price": D("99")}, {"quantity": D("0.4")}, {"side": Side.SELL}, {"product": "ETH-USD"}]
)
async def test_each_field_that_differs_is_named(changed: dict[str, object]) -> None:
    (row,) = await run(of(FakeTrading([venue_trade("a", **changed)]), ours("a")))
    assert isinstance(row, Difference)
    assert (row.kind, row.changed) == (DifferenceKind.CHANGED, tuple(changed))


async def test_numbers_are_compared_by_value() -> None:
    trade = venue_trade("a", price=D("100"), quantity=D("0.50"), quote_quantity=D("50.00"))
    assert await run(of(FakeTrading([trade]), ours("a"))) == []


@pytest.mark.parametrize("skew_ns", [-SKEW_NS // 2, -5 * MS, 5 * MS, SKEW_NS // 2])
async def test_clocks_that_differ_make_no_difference(skew_ns: int) -> None:
    """Over several pages, whose windows cut between a trade and our record of it."""
    count = TRADES_A_READ * 2 + 7
    names = [f"t{n:04}" for n in range(count)]
    trades = [venue_trade(name, T0 + n * 40 * MS) for n, name in enumerate(names)]
    orders = [ours(name, T0 + n * 40 * MS + skew_ns) for n, name in enumerate(names)]

    read = of(FakeTrading(trades), *orders, since=T0 - 2 * SKEW_NS, until=T0 + 1000 * SECOND)

    assert await run(read) == []
    (total,) = read.totals()
    assert total.here.trades == total.venue.trades == count


async def test_trades_of_one_moment_over_pages_are_each_counted_once() -> None:
    names = [f"t{n:04}" for n in range(TRADES_A_READ * 2 + 3)]
    trading = FakeTrading([venue_trade(name) for name in names])
    read = of(trading, *(ours(name) for name in names))
    assert await run(read) == []
    (total,) = read.totals()
    assert total.here.trades == total.venue.trades == len(names)
    assert len(trading.calls) == 3


async def test_a_window_leaves_the_rest_out() -> None:
    listed = [venue_trade("before", T0 - 1), venue_trade("in", T0), venue_trade("after", T0 + 1)]
    mine = [ours("gone-before", T0 - 1), ours("gone-in", T0), ours("gone-after", T0 + 1)]
    rows = await run(of(FakeTrading(listed), *mine, since=T0, until=T0 + 1))
    assert told(rows) == [(DifferenceKind.EXTERNAL, "in"), (DifferenceKind.MISSING_AT_VENUE, "gone-in")]


async def test_a_fill_whose_trade_is_listed_at_another_time_is_not_missing() -> None:
    trading = FakeTrading([venue_trade("a", T0 - 10 * SKEW_NS)])
    read = of(trading, ours("a", T0), since=T0 - SECOND, until=T0 + SECOND)
    assert await run(read) == []
    assert trading.calls[-1][1].venue_order_id == "venue-of-a"  # type: ignore[attr-defined]


async def test_more_missing_fills_than_are_held_are_all_found() -> None:
    count = UNMATCHED_MAX + 20
    orders = [ours(f"o{n}", T0 + n, f"f{n}") for n in range(count)]
    listed = [venue_trade(f"t{n}", T0 + 10**6 + n) for n in range(TRADES_A_READ + 1)]
    read = of(FakeTrading(listed), *orders, *(ours(trade.id, trade.at) for trade in listed))
    rows = await run(read)
    assert sorted(told(rows)) == sorted((DifferenceKind.MISSING_AT_VENUE, f"f{n}") for n in range(count))


async def test_a_trade_that_is_listed_late_counts_no_other_twice() -> None:
    names = [f"t{n:04}" for n in range(TRADES_A_READ + 5)]
    trading = FakeTrading([venue_trade(name, T0 + n) for n, name in enumerate(names)])
    read = of(trading, *(ours(name, T0 + n) for n, name in enumerate(names)))
    await read.read()
    trading.listed.insert(0, venue_trade("late", T0 + 10**6))
    assert await run(read) == []
    (total,) = read.totals()
    assert total.here.trades == total.venue.trades == len(names)


async def test_a_fill_from_a_clock_ahead_of_ours_is_looked_for() -> None:
    ahead = ours("a", T0, updated_at=T0 - SKEW_NS // 2, created_at=T0 - SKEW_NS)
    rows = await run(of(FakeTrading(), ahead, since=T0, until=T0 + 1))
    assert told(rows) == [(DifferenceKind.MISSING_AT_VENUE, "a")]


async def test_only_margin_trades_count_on_pts() -> None:
    margin = FakeMargin()
    served = reports(pts(margin, FakeTrading([venue_trade("funded")])))
    assert await run(served.reconciliation("bitgo-pts", None, None)) == []


async def test_orders_in_doubt_are_told() -> None:
    doubtful = ours("d", T0, phase=Phase.IN_DOUBT, fills=(), venue_order_id=None)
    read = of(FakeTrading([venue_trade("external")]), doubtful)
    await run(read)
    assert read.orders_in_doubt == 1


async def test_what_cannot_be_read_ends_it_incomplete() -> None:
    trading = FakeTrading([venue_trade(f"t{n:04}", T0 + n) for n in range(TRADES_A_READ + 1)])
    trading.errors = [None, DOWN, DOWN, DOWN]
    read = of(trading)
    rows = await run(read)
    assert isinstance(rows[-1], Failed)
    assert (len(rows), read.complete) == (TRADES_A_READ + 1, False)

    trading = FakeTrading([])
    trading.errors = [None, DOWN, DOWN, DOWN]
    read = of(trading, ours("a"))
    assert await run(read) == [Failed(build.connection(), DOWN.detail)]
    assert not read.complete


@pytest.mark.parametrize("seed", range(6))
async def test_exactly_the_planted_differences_are_found(seed: int) -> None:
    """A history with differences at random: what is found is what was planted, and the sums differ by it."""
    draw = random.Random(seed)  # noqa: S311 - a repeatable draw, no secret
    trades: list[VenueTrade] = []
    orders: list[Order] = []
    planted: list[tuple[DifferenceKind, str]] = []
    for n in range(900):
        name = f"t{n:04}"
        at = T0 + draw.randrange(100_000) * MS
        trade, order = venue_trade(name, at), ours(name, at + draw.randrange(-20, 20) * MS)
        fate = draw.random()
        if fate < 0.03:
            planted.append((DifferenceKind.EXTERNAL, name))
            trades.append(trade)
        elif fate < 0.06:
            planted.append((DifferenceKind.MISSING_AT_VENUE, name))
            orders.append(order)
        elif fate < 0.09:
            planted.append((DifferenceKind.MISSING_HERE, name))
            trades.append(trade)
            orders.append(replace(order, fills=()))
        elif fate < 0.12:
            planted.append((DifferenceKind.CHANGED, name))
            trades.append(replace(trade, quantity=Decimal("0.6")))
            orders.append(order)
        else:
            trades.append(trade)
            orders.append(order)
    read = of(FakeTrading(trades), *orders, since=T0 - SECOND, until=NOW)

    assert sorted(told(await run(read))) == sorted(planted)
    (total,) = read.totals()
    assert total.venue.trades == len(trades)
    assert total.here.trades == sum(bool(order.fills) for order in orders)
