"""Every connection's trades merged: newest first, each once, pages that stay what they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.core.account import FundingType
from router.core.errors import ConflictError, InvalidRequestError, NotFoundError
from router.core.model import Side
from router.ports import BudgetSpentError, OffWireError
from router.reports.rows import Failed, Trade, TradeSource
from router.reports.scroll import page_of
from router.reports.service import Reports
from router.reports.trades import TRADES_A_READ, TradeQuery
from tests.unit import build
from tests.unit.build import T0
from tests.unit.reports.fakes import (
    DOWN,
    MS,
    NOW,
    FakeJournal,
    FakeMargin,
    FakeTrading,
    custody,
    pts,
    reports,
    spot,
    venue_trade,
)

MARGIN = {"funding_type": FundingType.MARGIN}
EVERYTHING = TradeQuery()


async def pages(
    served: Reports, limit: int, query: TradeQuery = EVERYTHING, connection: str | None = None
) -> list[list[Trade | Failed]]:
    """Every page, each resumed from the one before by its cursor alone."""
    found: list[list[Trade | Failed]] = []
    cursor: str | None = None
    while True:
        scroll = await served.trades(connection, query, None, cursor)
        rows, cursor = await page_of(scroll, limit, 10)
        found.append(rows)
        if cursor is None:
            return found


def names(rows: list[Trade | Failed]) -> list[str]:
    return [row.trade.id if isinstance(row, Trade) else row.connection.id for row in rows]


async def test_trades_of_all_connections_come_newest_first() -> None:
    own = FakeTrading([venue_trade("a", T0 + 3), venue_trade("c", T0 + 1)])
    credit = FakeTrading([venue_trade("b", T0 + 2, **MARGIN), venue_trade("d", T0, **MARGIN)])
    served = reports(spot(own), pts(FakeMargin(), credit), custody())

    (rows,) = await pages(served, 50)

    assert names(rows) == ["a", "b", "c", "d"]
    assert [row.connection.pts for row in rows] == [False, True, False, True]


async def test_a_connection_shows_only_trades_of_its_own_kind() -> None:
    mixed = [venue_trade("funded", T0), venue_trade("margin", T0 + 1, **MARGIN)]
    served = reports(spot(FakeTrading(mixed)), pts(FakeMargin(), FakeTrading(mixed)))

    assert names((await pages(served, 50, connection="bitgo-spot"))[0]) == ["funded"]
    assert names((await pages(served, 50, connection="bitgo-pts"))[0]) == ["margin"]


async def test_ours_are_told_from_others() -> None:
    order = build.order(attempts=(build.attempt(),), venue_order_id="venue-of-mine")
    served = reports(
        spot(FakeTrading([venue_trade("mine", T0), venue_trade("planted", T0 + 1)])),
        journal=FakeJournal(order),
    )

    (rows,) = await pages(served, 50)

    told = [(r.source, r.order_id, r.client_order_id) for r in rows if isinstance(r, Trade)]
    assert told == [
        (TradeSource.EXTERNAL, None, None),
        (TradeSource.ROUTER, "order-1", "desk-7-000123"),
    ]


async def test_filters_hold() -> None:
    trading = FakeTrading(
        [
            venue_trade("old", T0 - 1),
            venue_trade("eth", T0, product="ETH-USD"),
            venue_trade("btc", T0),
            venue_trade("new", T0 + 1),
        ]
    )
    query = TradeQuery("BTC-USD", T0, T0 + 1)

    assert [names(page) for page in await pages(reports(spot(trading)), 50, query)] == [["btc"]]


async def test_an_orders_trades_are_asked_for_by_the_counterpartys_id() -> None:
    order = build.order(attempts=(build.attempt(),), venue_order_id="venue-of-mine")
    trading = FakeTrading([venue_trade("mine"), venue_trade("other")])
    served = reports(spot(trading), spot(FakeTrading(), "cb"), journal=FakeJournal(order))

    rows, cursor = await page_of(await served.trades(None, EVERYTHING, "order-1", None), 50, 10)

    assert (names(rows), cursor) == (["mine"], None)
    assert [call[1].venue_order_id for call in trading.calls] == ["venue-of-mine"]  # type: ignore[attr-defined]
    with pytest.raises(NotFoundError):
        await served.trades(None, EVERYTHING, "order-2", None)


async def test_an_order_that_nobody_took_has_no_trades() -> None:
    served = reports(spot(FakeTrading([venue_trade()])), journal=FakeJournal(build.order()))
    scroll = await served.trades(None, EVERYTHING, "order-1", None)
    assert await page_of(scroll, 50, 10) == ([], None)


async def test_what_trades_while_pages_are_read_is_in_none_of_them() -> None:
    trading = FakeTrading([venue_trade(f"t{n}", T0 - n * MS) for n in range(6)])
    served = reports(spot(trading))
    first, cursor = await page_of(await served.trades(None, EVERYTHING, None, None), 3, 10)

    trading.listed[:0] = [venue_trade(f"later-{n}", NOW + MS) for n in range(TRADES_A_READ + 5)]
    second, end = await page_of(await served.trades(None, EVERYTHING, None, cursor), 3, 10)

    assert names(first) + names(second) == [f"t{n}" for n in range(6)]
    assert end is None


async def test_a_trade_that_was_listed_late_shows_no_other_twice() -> None:
    trading = FakeTrading([venue_trade(f"t{n}", T0 - n * MS) for n in range(6)])
    served = reports(spot(trading))
    first, cursor = await page_of(await served.trades(None, EVERYTHING, None, None), 3, 10)

    trading.listed.insert(0, venue_trade("late", T0 + 1))
    second, _ = await page_of(await served.trades(None, EVERYTHING, None, cursor), 10, 10)

    assert names(second) == ["t3", "t4", "t5"]
    assert "t3" not in names(first)


async def test_a_trade_that_was_listed_late_within_a_download_shows_no_other_twice() -> None:
    count = TRADES_A_READ + 10
    trading = FakeTrading([venue_trade(f"t{n}", T0 - n * MS) for n in range(count)])
    scroll = await reports(spot(trading)).trades(None, EVERYTHING, None, None)
    await scroll.read()
    trading.listed.insert(0, venue_trade("late", T0 + 1))

    rows, _ = await page_of(scroll, count + 10, 10)

    assert names(rows) == [f"t{n}" for n in range(count)]


async def test_a_trade_from_a_clock_ahead_of_ours_is_there() -> None:
    trading = FakeTrading([venue_trade("ahead", NOW + 5 * MS), venue_trade("before", NOW - MS)])
    assert [names(page) for page in await pages(reports(spot(trading)), 1)] == [["ahead"], ["before"]]


async def test_a_connection_that_cannot_be_read_is_a_row_and_the_others_stand() -> None:
    down = FakeTrading([venue_trade("unseen", T0 + 9)])
    down.error = DOWN
    served = reports(spot(down, "down"), spot(FakeTrading([venue_trade("seen")])))

    found = await pages(served, 1)

    assert [names(page) for page in found] == [["down"], ["seen"]]
    assert found[0] == [Failed(build.connection("down"), DOWN.detail)]


async def test_a_page_that_fails_half_way_is_tried_again() -> None:
    count = TRADES_A_READ + 1
    trading = FakeTrading([venue_trade(f"t{n}", T0 - n * MS) for n in range(count)])
    trading.errors = [None, DOWN, BudgetSpentError("none came free"), DOWN]

    rows, cursor = await page_of(await reports(spot(trading)).trades(None, EVERYTHING, None, None), 999, 9)

    assert (len(rows), cursor) == (count, None)
    assert len(trading.calls) == 5


async def test_an_answer_off_the_wire_is_not_asked_for_again() -> None:
    trading = FakeTrading([venue_trade(f"t{n}", T0 - n * MS) for n in range(TRADES_A_READ + 1)])
    trading.errors = [None, OffWireError("expected trades, was HTML"), None]

    rows, cursor = await page_of(await reports(spot(trading)).trades(None, EVERYTHING, None, None), 999, 9)

    assert isinstance(rows[-1], Failed)
    assert (len(rows), cursor, len(trading.calls)) == (TRADES_A_READ + 1, None, 2)


async def test_a_page_ends_after_so_many_requests_and_goes_on() -> None:
    trades = [venue_trade(f"t{n}", T0 - n * MS, product="ETH-USD") for n in range(TRADES_A_READ * 5)]
    served = reports(spot(FakeTrading([*trades, venue_trade("btc", T0 - 10**12)])))
    query = TradeQuery("BTC-USD")

    rows, cursor = await page_of(await served.trades(None, query, None, None), 10, 3)
    assert rows == []
    rows, cursor = await page_of(await served.trades(None, query, None, cursor), 10, 3)
    assert (names(rows), cursor) == (["btc"], None)


@pytest.mark.parametrize("cursor", ["x", "é", "AAAA", "kg", "=", "a" * 4000])
async def test_a_cursor_of_another_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidRequestError, match="cursor"):
        await reports(spot(FakeTrading())).trades(None, EVERYTHING, None, cursor)


async def test_a_cursor_of_other_filters_is_refused() -> None:
    served = reports(spot(FakeTrading([venue_trade("a"), venue_trade("b")])))
    _, cursor = await page_of(await served.trades(None, EVERYTHING, None, None), 1, 10)
    with pytest.raises(InvalidRequestError, match="same filters"):
        await served.trades(None, TradeQuery("BTC-USD"), None, cursor)
    with pytest.raises(InvalidRequestError, match="same filters"):
        served.balances(None, cursor)


async def test_a_connection_without_trades_of_its_own_is_refused() -> None:
    with pytest.raises(ConflictError):
        await reports(custody()).trades("bitgo-cold", EVERYTHING, None, None)
    with pytest.raises(NotFoundError):
        await reports(custody()).trades("nobody", EVERYTHING, None, None)


lists = st.lists(st.lists(st.integers(0, 30), max_size=25), min_size=1, max_size=3)


@given(lists, st.integers(1, 7))
async def test_any_lists_in_pages_of_any_size_give_every_trade_once(
    times: list[list[int]], limit: int
) -> None:
    entries = [
        spot(
            FakeTrading(
                [venue_trade(f"{n}-{i}", T0 + at * MS, side=Side.SELL) for i, at in enumerate(sorted(own))]
            ),
            f"c{n}",
        )
        for n, own in enumerate(times)
    ]

    found = [row for page in await pages(reports(*entries), limit) for row in page]

    assert sorted(names(found)) == sorted(f"{n}-{i}" for n, own in enumerate(times) for i in range(len(own)))
    at = [row.trade.at for row in found if isinstance(row, Trade)]
    assert at == sorted(at, reverse=True)
