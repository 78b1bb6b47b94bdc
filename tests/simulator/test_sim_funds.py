"""Balances: what is reserved, what moves, and that nothing appears or vanishes."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sim_harness import SPOT, Client, dec, limit, raw_settings

from venues.simulator.account import Account
from venues.simulator.desk import Desk
from venues.simulator.errors import RefusedError
from venues.simulator.money import exact
from venues.simulator.settings import build
from venues.simulator.validate import NewOrder
from venues.simulator.world import World


async def test_a_fill_moves_both_balances_by_the_exact_amounts(sim: Client) -> None:
    order = (await sim.place(quantity="0.12345678")).json
    rows = await sim.balances()
    assert dec(rows["BTC"]["balance"]) == Decimal("10.12345678")
    assert dec(rows["USD"]["balance"]) == 1_000_000 - Decimal("0.12345678") * Decimal("100.10")
    assert dec(order["filledQuoteQuantity"]) == Decimal("0.12345678") * Decimal("100.10")
    assert (rows["USD"]["heldBalance"], rows["USD"]["tradableBalance"]) == ("0", rows["USD"]["balance"])


@pytest.mark.parametrize(
    ("fields", "asset", "held"),
    [
        (limit("99", quantity="3"), "USD", "297"),
        (limit("99", quantity="300", quantityCurrency="USD"), "USD", "300"),
        (limit("110", quantity="3", side="sell"), "BTC", "3"),
        (limit("110", quantity="330", quantityCurrency="USD", side="sell"), "BTC", "3"),
        ({"type": "stop", "triggerPrice": "200", "quantity": "1"}, "USD", "210"),
    ],
)
async def test_a_working_order_holds_what_it_may_come_to_and_lets_it_go(
    sim: Client, fields: dict[str, Any], asset: str, held: str
) -> None:
    before = (await sim.balances())[asset]
    order = (await sim.place(**fields)).json
    row = (await sim.balances())[asset]
    assert row["heldBalance"] == held
    assert dec(row["tradableBalance"]) == dec(before["balance"]) - dec(held)
    async with sim.feed() as feed:
        await feed.ask("subscribe", "orders")
        await sim.cancel(order["id"])
        await feed.until(status="canceled")
    assert (await sim.balances())[asset] == before


async def test_a_part_fill_keeps_the_rest_on_hold(sim: Client) -> None:
    await sim.account("PUT", "books/BTC-USD", {"bids": [["99.90", "5"]], "asks": [["100.00", "1"]]})
    await sim.place(**limit("100.05", quantity="3"))
    row = (await sim.balances())["USD"]
    assert (row["balance"], row["heldBalance"], row["tradableBalance"]) == ("999900", "200.1", "999699.9")


async def test_what_is_held_cannot_be_spent_twice(sim: Client) -> None:
    await sim.account("PUT", "balances", {"USD": "150"})
    assert (await sim.place(**limit("99"))).status == 200
    refused = await sim.place(**limit("99"))
    assert (refused.status, refused.error_name) == (400, "backend:trade:insufficientFunds")


async def test_a_market_order_needs_no_more_than_the_book_asks(sim: Client) -> None:
    await sim.account("PUT", "balances", {"USD": "100.10"})
    order = (await sim.place()).json
    assert order["status"] == "completed"
    assert (await sim.balances())["USD"]["balance"] == "0"


async def test_an_order_whose_book_has_moved_away_is_canceled_for_want_of_funds(sim: Client) -> None:
    await sim.account("PUT", "balances", {"USD": "100.10"})
    await sim.account("PUT", "settings", {"order_answer": "pending"})
    await sim.faults(orders={"delay_ms": 300})
    async with sim.feed() as feed:
        await feed.ask("subscribe", "orders")
        await sim.place()
        await sim.account("PUT", "books/BTC-USD", {"bids": [["99", "5"]], "asks": [["101", "5"]]})
        seen = await feed.until(status="canceled")
    assert seen[-1]["reason"] == "insufficientFunds"
    assert (await sim.balances())["USD"]["balance"] == "100.1"


amounts = st.decimals(min_value="0.0001", max_value="7", places=8)
prices = st.decimals(min_value="95", max_value="105", places=2)
orders = st.builds(
    lambda kind, side, quantity, quote, price, policy: NewOrder(
        product="BTC-USD",
        type=kind,
        side=side,
        quantity=(quantity * 100 + 1).quantize(Decimal("0.01")) if quote else quantity,
        currency="USD" if quote else "BTC",
        limit_price=price if kind == "limit" else None,
        time_in_force=policy if kind == "limit" else ("FOK" if policy == "FOK" else "IOC"),
    ),
    st.sampled_from(["market", "limit"]),
    st.sampled_from(["buy", "sell"]),
    amounts,
    st.booleans(),
    prices,
    st.sampled_from(["GTC", "IOC", "FOK"]),
)


def submit(desk: Desk, account: Account, new: NewOrder) -> list[str]:
    """Give the name of the refusal, if there is one."""
    try:
        desk.submit(account, new)
    except RefusedError as refused:
        return [refused.name]
    return []


@settings(max_examples=150, deadline=None)
@given(st.lists(orders, max_size=8), st.integers(0, 2**32))
def test_balances_and_fills_conserve(wanted: list[NewOrder], seed: int) -> None:
    raw = raw_settings()
    raw["seed"] = seed
    for side in ("bids", "asks"):
        del raw["products"][0][side]
    with exact():
        world = World(build(raw))
        desk = Desk(world, lambda *_event: None)
        account, product = world.accounts[SPOT], world.products["BTC-USD"]
        before = dict(account.wallet.balances)
        refusals: list[str] = []
        for new in wanted:
            refusals.extend(submit(desk, account, new))
            product.step()
            desk.on_book(product)
        for asset, sign in (("BTC", 1), ("USD", -1)):
            moved = sum(
                (
                    (1 if one.side == "buy" else -1)
                    * (one.quantity if asset == "BTC" else one.quote_quantity)
                    for one in account.trades
                ),
                Decimal(0),
            )
            assert account.wallet.balances[asset] == before[asset] + sign * moved
            assert account.wallet.balances[asset] >= account.wallet.held(asset) >= 0
        for order in account.orders:
            assert order.filled == sum((one.quantity for one in order.trades), Decimal(0))
            assert order.filled_quote == sum((one.price * one.quantity for one in order.trades), Decimal(0))
            spent = order.filled_quote if order.in_quote else order.filled
            assert spent <= order.new.quantity
            if order.status == "completed" and not order.in_quote:
                assert spent == order.new.quantity
            if order.new.time_in_force == "FOK":
                assert order.status == "completed" or not order.trades
            if order.new.limit_price is not None:
                worse = max if order.new.side == "buy" else min
                for one in order.trades:
                    assert worse(one.price, order.new.limit_price) == order.new.limit_price
        assert set(refusals) <= {"backend:trade:insufficientFunds"}
        if all(order.final for order in account.orders):
            assert account.wallet.held("USD") == account.wallet.held("BTC") == 0
