"""Books: an account's own, pinned or walking, the same for the same seed."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sim_harness import PTS, SPOT, Client, dec, raw_settings, running

from venues.simulator.market import Level
from venues.simulator.matching import plan
from venues.simulator.money import exact
from venues.simulator.settings import build
from venues.simulator.world import World

STAR = "TBTC-TUSD%2A"


def walked(seed: int, steps: int, **changes: Any) -> Any:
    raw = raw_settings()
    raw["seed"] = seed
    raw["products"][1].update(changes)
    with exact():
        world = World(build(raw))
        product = world.products["TBTC-TUSD*"]
        books = []
        for _ in range(steps):
            product.step()
            for account in world.accounts.values():
                book = world.book(account, product)
                books.append([(level.price, level.size) for level in (*book.bids, *book.asks)])
        return books


def test_the_same_seed_walks_the_same_books_and_another_does_not() -> None:
    assert walked(1, 200) == walked(1, 200)
    assert walked(1, 200) != walked(2, 200)


def test_a_step_of_zero_stands_still() -> None:
    books = walked(1, 20, step_bps="0")
    assert all(book == books[0] for book in books[::2])


@given(
    seed=st.integers(0, 2**32),
    spread=st.sampled_from(["0", "0.5", "10", "500"]),
    mid=st.sampled_from(["0.05", "1", "100", "65000.12"]),
)
def test_a_walking_book_is_ordered_uncrossed_and_on_its_tick(seed: int, spread: str, mid: str) -> None:
    raw = raw_settings()
    raw["seed"] = seed
    raw["products"][1].update({"spread_bps": spread, "mid": mid, "step_bps": "30"})
    with exact():
        world = World(build(raw))
        product = world.products["TBTC-TUSD*"]
        for _ in range(20):
            product.step()
            book = world.book(world.accounts[SPOT], product)
            bids, asks = [one.price for one in book.bids], [one.price for one in book.asks]
            assert bids == sorted(set(bids), reverse=True)
            assert asks == sorted(set(asks))
            assert not bids or bids[0] < asks[0]
            assert all(price % product.tick == 0 and price > 0 for price in (*bids, *asks))
            assert all(one.size > 0 for one in (*book.bids, *book.asks))


async def test_each_account_has_its_own_book(sim: Client) -> None:
    spot = (await sim.get(f"products/{STAR}/level2")).json
    pts = (await sim.get(f"products/{STAR}/level2", account=PTS)).json
    assert spot["product"] == pts["product"] == "TBTC-TUSD*"
    # 20 bps dearer at a middle of 100, with 10 bps between the sides; bids rounded down and asks up.
    assert spot["bids"][0] == ["99.95", "2"]
    assert spot["asks"][0] == ["100.05", "2"]
    assert pts["bids"][0] == ["100.14", "2"]
    assert pts["asks"][0] == ["100.26", "2"]


async def test_spread_and_size_can_be_an_accounts_own() -> None:
    raw = raw_settings()
    raw["accounts"][1].update({"price_offset_bps": "-10", "spread_bps": "40", "level_size": "7"})
    async with running(raw) as sim:
        book = (await sim.get(f"products/{STAR}/level1", account=PTS)).json
        assert (book["bidPrice"], book["askPrice"], book["askSize"]) == ("99.70", "100.10", "7")


async def test_cumulative_sizes_run_from_the_top(sim: Client) -> None:
    book = (await sim.get(f"products/{STAR}/level2?includeCumulative=true")).json
    for side in ("bids", "asks"):
        total = Decimal(0)
        for _price, size, cumulative in book[side]:
            total += dec(size)
            assert dec(cumulative) == total


async def test_a_pinned_book_is_shown_as_it_was_written(sim: Client) -> None:
    book = (await sim.get("products/BTC-USD/level2")).json
    assert book["bids"] == [["99.90", "5"], ["99.80", "5"]]
    assert book["asks"] == [["100.10", "5"], ["100.20", "5"]]


async def test_a_pin_is_one_accounts_and_can_be_taken_back(sim: Client) -> None:
    before = (await sim.get(f"products/{STAR}/level1")).json
    other = (await sim.get(f"products/{STAR}/level1", account=PTS)).json
    await sim.account("PUT", f"books/{STAR}", {"bids": [["1.00", "1"]], "asks": [["2.00", "1"]]})
    pinned = (await sim.get(f"products/{STAR}/level1")).json
    assert (pinned["bidPrice"], pinned["askPrice"]) == ("1.00", "2.00")
    assert other == (await sim.get(f"products/{STAR}/level1", account=PTS)).json
    await sim.account("DELETE", f"books/{STAR}")
    after = (await sim.get(f"products/{STAR}/level1")).json
    assert {**after, "time": None} == {**before, "time": None}


async def test_an_account_can_be_pinned_by_its_settings() -> None:
    raw = raw_settings()
    raw["accounts"][1]["books"] = [{"product": "BTC-USD", "bids": [["9", "1"]], "asks": [["10", "1"]]}]
    async with running(raw) as sim:
        assert (await sim.get("products/BTC-USD/level1", account=PTS)).json["askPrice"] == "10"
        assert (await sim.get("products/BTC-USD/level1")).json["askPrice"] == "100.10"


async def test_an_empty_side_is_shown_as_zero_at_level_1(sim: Client) -> None:
    await sim.account("PUT", "books/BTC-USD", {"bids": [], "asks": [["100.10", "1"]]})
    book = (await sim.get("products/BTC-USD/level1")).json
    assert (book["bidPrice"], book["bidSize"]) == ("0", "0")


async def test_a_product_that_is_not_there_is_not_found(sim: Client) -> None:
    reply = await sim.get("products/XRP-USD/level2")
    assert (reply.status, reply.json["error"]) == (404, "backend:common:notFound key=product")


@pytest.mark.parametrize("name", ["BTC-USD", "TBTC-TUSD*"])
async def test_every_product_trades_under_its_own_name(sim: Client, name: str) -> None:
    base, _, quote = name.partition("-")
    order = (await sim.place(product=name, quantityCurrency=quote, quantity="50")).json
    assert (order["status"], order["product"]) == ("completed", name)
    assert dec((await sim.balances())[base]["balance"]) > 0


levels = st.lists(
    st.tuples(st.decimals(1, 200, places=2), st.decimals("0.001", 5, places=3)),
    max_size=6,
    unique_by=lambda r: r[0],
)


@given(
    rows=levels,
    amount=st.decimals("0.01", 900, places=2),
    in_quote=st.booleans(),
    side=st.sampled_from(["buy", "sell"]),
)
def test_a_plan_never_takes_more_than_was_asked_or_shown(
    rows: list[tuple[Decimal, Decimal]], amount: Decimal, in_quote: bool, side: str
) -> None:
    with exact():
        book = [Level(price, size) for price, size in sorted(rows, reverse=side == "sell")]
        increment = Decimal("0.00000001")
        found = plan(book, side=side, amount=amount, in_quote=in_quote, limit=None, increment=increment)
        assert (found.cost if in_quote else found.quantity) <= amount
        assert all(0 < take.quantity <= take.level.size for take in found.takes)
        left = amount - (found.cost if in_quote else found.quantity)
        shown = sum((level.size for level in book), Decimal(0))
        if not found.complete:
            assert found.quantity == shown
        elif in_quote and found.takes:
            assert left < found.takes[-1].level.price * increment
        elif not in_quote:
            assert left == 0
