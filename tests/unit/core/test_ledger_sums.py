"""The ledger's sums are what a walk over everything says, and cost the same however much there is."""

import random

import pytest

from router.core.ledger import Ledger
from router.core.model import Claim
from tests.unit.core.plain_ledger import D, Twin
from tests.unit.core.test_ledger import ASSETS, KINDS, SPOT, World
from tests.unit.core.work import lines_run


@pytest.mark.parametrize("first", range(0, 200, 100))
def test_the_sums_agree_with_a_walk_over_everything(first: int) -> None:
    for seed in range(first, first + 100):
        draw = random.Random(seed)  # noqa: S311  a schedule that can be drawn again
        world = World(Twin)
        for step in range(120):
            # Not always later: what happens within one tick of the clock is told apart by nothing else.
            world.now += draw.randrange(2)
            draw.choice(KINDS)(world, draw.randrange(10_000))
            ledger = world.ledger
            assert isinstance(ledger, Twin)
            assert ledger.agrees(*ASSETS), f"seed {seed}, step {step}"


def test_what_was_read_is_true_while_nothing_changed() -> None:
    seen = 0
    for seed in range(100):
        draw = random.Random(seed)  # noqa: S311  a schedule that can be drawn again
        world = World()
        for step in range(120):
            world.now += draw.randrange(2)
            ledger = world.ledger
            changes, free = ledger.changes, [ledger.free(SPOT, asset) for asset in ASSETS]
            draw.choice(KINDS)(world, draw.randrange(10_000))
            now_free = [ledger.free(SPOT, asset) for asset in ASSETS]
            assert now_free == free or ledger.changes > changes, f"seed {seed}, step {step}"
            seen += now_free != free
    assert seen


def test_claims_that_shrank_to_nothing_leave_the_sum_alone() -> None:
    ledger = Twin()
    ledger.state(SPOT, {"USD": D(100)}, 1)
    for name in ("a", "b", "c"):
        ledger.reserve(name, SPOT, Claim("USD", D(10)))
    ledger.shrink("a", Claim("USD", D(0)), {"USD": D(-10)}, 2)
    ledger.shrink("b", Claim("USD", D(0)), {"USD": D(-10)}, 2)
    ledger.release("c", {}, 3)
    ledger.release("a", {}, 3)
    ledger.release("b", {}, 3)

    assert ledger.agrees("USD")
    assert ledger.free(SPOT, "USD") == 80


def test_an_acknowledgement_of_before_the_last_statement_is_in_it() -> None:
    ledger = Twin()
    ledger.state(SPOT, {"USD": D(100)}, 10)
    ledger.reserve("a", SPOT, Claim("USD", D(10)))
    changes = ledger.changes
    ledger.acknowledged("a", 9)

    assert ledger.agrees("USD")
    assert ledger.free(SPOT, "USD") == 100
    assert ledger.changes > changes


def crowded(orders: int) -> Ledger:
    """A ledger with so many orders open, all acknowledged and held by a statement."""
    ledger = Ledger()
    ledger.state(SPOT, {"USD": D(10**9), "BTC": D(10**9)}, 1)
    for number in range(orders):
        ledger.reserve(f"held-{number}", SPOT, Claim("USD", D("1.01")))
        ledger.acknowledged(f"held-{number}", 2)
    ledger.state(SPOT, {"USD": D(10**9), "BTC": D(10**9)}, 3)
    return ledger


def an_order(ledger: Ledger) -> None:
    """All that an order asks of the ledger from its admission to the statement after its end."""
    ledger.free(SPOT, "USD")
    assert ledger.reserve("new", SPOT, Claim("USD", D(50)))
    assert ledger.reserved(SPOT, "USD") == 50
    ledger.acknowledged("new", 4)
    ledger.shrink("new", Claim("USD", D(20)), {"USD": D(-30), "BTC": D(1)}, 5)
    ledger.release("new", {"USD": D(-20), "BTC": D(1)}, 6)
    ledger.state(SPOT, {"USD": D(10**9 - 50), "BTC": D(10**9)}, 7)


def test_what_an_order_costs_does_not_grow_with_the_orders_that_are_open() -> None:
    few, many = crowded(3), crowded(3000)

    assert lines_run(lambda: an_order(few)) == lines_run(lambda: an_order(many))


def test_a_statement_looks_at_what_was_acknowledged_since_the_one_before() -> None:
    few, many = crowded(3), crowded(3000)
    for ledger in (few, many):
        ledger.reserve("new", SPOT, Claim("USD", D(50)))
        ledger.acknowledged("new", 4)

    def state(ledger: Ledger) -> int:
        return lines_run(lambda: ledger.state(SPOT, {"USD": D(1)}, 5))

    assert state(few) == state(many)
    assert few.reserved(SPOT, "USD") == many.reserved(SPOT, "USD") == 0
