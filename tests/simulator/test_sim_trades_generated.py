"""Generated trades by the hundred thousand: each once, the same from the same seed, lazily built."""

import tracemalloc
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sim_harness import PTS, SPOT, Client, dec, raw_settings, running

from venues.simulator.generated import GeneratedTrades
from venues.simulator.history import History, TradeFilter
from venues.simulator.orders import Trade
from venues.simulator.series import IdRange, Pick, Series, View, page, series
from venues.simulator.settings import build
from venues.simulator.world import World

YEAR_US = 365 * 86_400_000_000


def raw(count: int, **account: Any) -> dict[str, Any]:
    made = raw_settings()
    made["accounts"][0].update(trades_generated=count, **account)
    return made


async def listed(sim: Client, query: str = "", account: str = SPOT) -> list[dict[str, Any]]:
    reply = await sim.get(f"trades?{query}", account)
    assert reply.status == 200, reply.text
    rows: list[dict[str, Any]] = reply.json["data"]
    return rows


async def everything(sim: Client, query: str = "", limit: int = 500) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    while True:
        found = await listed(sim, f"{query}&offset={len(rows)}&limit={limit}")
        rows += found
        if len(found) < limit:
            return rows


async def test_every_trade_comes_once_the_newest_first() -> None:
    async with running(raw(1_300)) as sim:
        rows = await everything(sim)
        assert rows == await everything(sim, limit=171)
        state = await sim.control("GET", "state")
    assert (len(rows), len({row["id"] for row in rows}), len({row["orderId"] for row in rows})) == (
        1_300,
    ) * 3
    times = [row["time"] for row in rows]
    assert times == sorted(times, reverse=True)
    assert (times[0][:7], times[-1][:7]) == ("2025-12", "2025-01")
    assert state["accounts"][0]["trades"] == 1_300
    for row in rows:
        booked = datetime.fromisoformat(row["creationDate"]) - datetime.fromisoformat(row["time"])
        assert booked == timedelta(seconds=6)
        assert dec(row["quoteQuantity"]) == dec(row["price"]) * dec(row["quantity"])
        assert 95 <= dec(row["price"]) <= 105
        assert row["product"] == "BTC-USD"


async def test_the_same_seed_gives_the_same_trades() -> None:
    async def seen(seed: int) -> list[dict[str, Any]]:
        made = raw(5_000)
        made["seed"] = seed
        async with running(made) as sim:
            return await listed(sim, "offset=4000&limit=20")

    assert await seen(7) == await seen(7)
    assert await seen(7) != await seen(8)


async def test_a_generated_trade_has_an_order_and_both_are_found() -> None:
    async with running(raw(2_000)) as sim:
        (row,) = await listed(sim, "offset=1234&limit=1")
        assert (await sim.get(f"trades/{row['id']}")).json == row
        assert await listed(sim, f"orderId={row['orderId']}") == [row]
        order = await sim.order(row["orderId"])
        (same,) = (await sim.get("orders?offset=1234&limit=1")).json["data"]
        assert order == same
        assert (await sim.get("orders?status=open")).json["data"] == []
        unknown = IdRange("of another simulator").uuid(5)
        assert (await sim.get(f"trades/{unknown}")).status == 404
        assert (await sim.get(f"orders/{unknown}")).status == 404
    assert (order["filledQuantity"], order["averagePrice"]) == (row["quantity"], row["price"])
    assert (order["clientOrderId"], order["status"]) == ("", "completed")


async def test_a_page_within_a_span_of_time_has_all_of_it_and_no_more() -> None:
    async with running(raw(3_000)) as sim:
        rows = await everything(sim)
        spans = {
            ("dateGte", "dateLt"): "time",
            ("creationDateGte", "creationDateLt"): "creationDate",
        }
        for (since, before), field in spans.items():
            inside = await everything(sim, f"{since}=2025-06-01T00:00:00Z&{before}=2025-07-01T00:00:00Z")
            assert inside == [row for row in rows if row[field].startswith("2025-06")]
            # The bounds themselves: from the first inclusive, up to the last exclusive.
            first, last = inside[-1][field], inside[0][field]
            assert await everything(sim, f"{since}={first}&{before}={last}") == inside[1:]


async def test_an_account_of_both_kinds_shows_each_by_its_filter() -> None:
    async with running(raw(1_000, margin=True)) as sim:
        rows = await everything(sim)
        margin = await everything(sim, "fundingType=margin", 77)
        funded = await everything(sim, "fundingType=funded", 77)
        orders = (await sim.get("orders?fundingType=margin&limit=500")).json["data"]
    assert (len(margin), len(funded)) == (250, 750)
    assert margin == [row for row in rows if row["fundingType"] == "margin"]
    assert funded == [row for row in rows if row["fundingType"] == "funded"]
    assert [order["id"] for order in orders] == [row["orderId"] for row in margin]


async def test_an_account_of_one_kind_has_only_that() -> None:
    made = raw_settings()
    made["accounts"][1]["trades_generated"] = 20
    async with running(made) as sim:
        assert {row["fundingType"] for row in await listed(sim, account=PTS)} == {"margin"}
        assert await listed(sim, "fundingType=funded", PTS) == []


async def test_the_last_days_trades_have_not_settled() -> None:
    async with running(raw(36_500)) as sim:
        fresh = await everything(sim, "isSettled=false")
        (newest,) = await listed(sim, "isSettled=true&limit=1")
        await sim.account("POST", "settle")
        assert await listed(sim, "isSettled=false") == []
        (now,) = await listed(sim, "limit=1")
    # 2025-12-31 is a Wednesday: what was traded after its noon in New York waits for the next weekday's.
    assert len(fresh) in {29, 30}
    assert {row["time"][:10] for row in fresh} == {"2025-12-31"}
    assert min(row["time"] for row in fresh) > "2025-12-31T17:00"
    assert (newest["settled"], newest["settleDate"]) == (True, "2025-12-31T17:00:00.000000Z")
    assert now["settleDate"] > "2026-01-01"


async def test_a_generated_trade_is_hidden_changed_and_joined_by_others() -> None:
    async with running(raw(700)) as sim:
        rows = await everything(sim)
        ids = [row["id"] for row in rows]
        await sim.account("DELETE", f"trades/{ids[100]}")
        await sim.account("PUT", f"trades/{ids[200]}", {"price": "1"})
        body = {"product": "BTC-USD", "side": "buy", "price": "2", "quantity": "3", "time": rows[300]["time"]}
        planted = (await sim.account("POST", "trades", body))["trade"]["id"]
        await sim.place()
        after = await everything(sim, limit=7)
        assert (await sim.get(f"trades/{ids[100]}")).status == 404
        assert (await sim.order(rows[100]["orderId"]))["status"] == "completed"
        assert (await sim.order(rows[200]["orderId"]))["averagePrice"] == rows[200]["price"]
        assert await listed(sim, f"orderId={rows[100]['orderId']}") == []
        orders = (await sim.get("orders?offset=90&limit=20")).json["data"]
    assert [row["id"] for row in after][1:] == [*ids[:100], *ids[101:300], planted, *ids[300:]]
    assert after[200]["price"] == "1"
    # One order is newer than the generated ones; those of hidden trades stay.
    assert [order["id"] for order in orders] == [row["orderId"] for row in rows[89:109]]


async def test_the_last_page_of_two_hundred_thousand() -> None:
    async with running(raw(200_000)) as sim:
        rows = await listed(sim, "offset=199990")
        last = await listed(sim, "offset=199999&limit=500")
        assert (len(rows), last) == (10, rows[-1:])
        assert await listed(sim, "offset=200000") == []
        assert rows[0]["time"] > rows[-1]["time"] > "2025-01-01T00:00"


class Counting(GeneratedTrades):
    """Counts the trades that are built."""

    built = 0

    def trade(self, index: int) -> Trade:
        self.built += 1
        return super().trade(index)


def test_trades_are_not_kept_and_a_far_page_builds_no_more_than_itself() -> None:
    products = list(World(build(raw_settings())).products.values())
    rows = series(200_000, datetime(2026, 1, 1, tzinfo=UTC), 365, "seed")
    generated = Counting(SPOT, products, rows, funded=True, margin=True)
    history = History(generated=generated)
    tracemalloc.start()
    for offset in (0, 150_000, 199_500):
        assert len(history.page(TradeFilter(), offset, 500)) == 500
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert generated.built == 1_500
    assert peak < 2_000_000


@settings(max_examples=200, deadline=None)
@given(
    st.integers(1, 60),
    st.sets(st.integers(0, 59)),
    st.lists(st.integers(0, YEAR_US), max_size=6),
    st.sampled_from([Pick(4), Pick(4, special=True), Pick(4, special=False), Pick(1, special=False)]),
    st.tuples(st.integers(0, 60), st.integers(0, 60)),
    st.integers(1, 9),
)
def test_a_page_is_what_cutting_the_whole_would_give(
    count: int, hidden: set[int], kept: list[int], pick: Pick, bounds: tuple[int, int], limit: int
) -> None:
    rows = Series(count, 0, YEAR_US, seed=3)
    for index in hidden:
        rows.hide(index)
    low, high = sorted(min(bound, count) for bound in bounds)
    shown = View(rows, low, high, pick)
    generated = [
        rows.time_us(index) for index in range(low, high) if pick.takes(index) and index not in hidden
    ]
    whole = sorted([*generated, *kept], reverse=True)
    mine = sorted(kept, reverse=True)

    def ahead(time_us: int) -> int:
        return shown.newer_than(time_us, rows.time_us)

    found: list[int] = []
    while cut := page(mine, shown, ahead, rows.time_us, len(found), limit):
        found += cut
    assert len(shown) == len(generated)
    assert found == whole


@pytest.mark.parametrize("text", ["nonsense", "0" * 32, "ffffffff-ffff-4fff-8fff-ffffffffffff"])
def test_an_id_of_another_range_holds_no_index(text: str) -> None:
    ids = IdRange("seed")
    assert ids.index(text) is None
    assert (ids.index(ids.uuid(41)), ids.index(ids.hexadecimal(42))) == (41, 42)


def test_times_ascend_and_stay_in_their_span() -> None:
    rows = Series(5_000, 10, 90_000, seed=1)
    times = [rows.time_us(index) for index in range(5_000)]
    assert times == sorted(set(times))
    assert (times[0] >= 10, times[-1] < 90_010) == (True, True)
    moment = datetime(1970, 1, 1, tzinfo=UTC).replace(microsecond=times[70])
    assert (rows.at(moment, 0), rows.at(None, 9)) == (70, 9)
