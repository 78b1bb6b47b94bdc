"""Balances and reservations: no two orders ever spend the same money, whatever is known late.

`Counterparty` below is what is true; the ledger hears of it late and out of order. The one law is that the
ledger never calls free what the counterparty could not give.
"""

import random
from collections.abc import Callable, Iterable
from decimal import Decimal

import msgspec
import pytest

from router.core.ledger import Ledger
from router.core.model import Claim

D = Decimal
SPOT = "bitgo-spot"
ASSETS = ("BTC", "USD")


def other(asset: str) -> str:
    return "USD" if asset == "BTC" else "BTC"


class Placed(msgspec.Struct):
    """An order at the counterparty: what it may take, what it took, and what the router has heard."""

    name: str
    asset: str
    claim: Decimal
    taken: Decimal = D(0)
    heard: Decimal = D(0)
    arrived: bool = False
    closed: bool = False
    acknowledged_at: int | None = None


class Statement(msgspec.Struct):
    """A request for balances: when it was asked, and what the counterparty read, once it has."""

    asked_at: int
    balances: dict[str, Decimal] | None = None


class World:
    """A counterparty, a ledger, and everything that can pass between them, in any order.

    A step's `number` picks what it is about among what there is; where there is nothing it does nothing.
    """

    def __init__(self, made: Callable[[], Ledger] = Ledger) -> None:
        self.now = 0
        self.made = made
        self.ledger = made()
        self.total = dict.fromkeys(ASSETS, D(100))
        self.placed: list[Placed] = []
        self.live: list[Placed] = []
        self.asked: list[Statement] = []
        self.ledger.state(SPOT, self.tradable(), 0)

    def tradable(self) -> dict[str, Decimal]:
        """What the counterparty would state now: all there is, less what it holds for open orders."""
        return self._less(order for order in self.placed if order.arrived and not order.closed)

    def free(self) -> dict[str, Decimal]:
        """What is truly free: all there is, less what orders that are not closed may still take."""
        return self._less(order for order in self.placed if not order.closed)

    def _less(self, orders: Iterable[Placed]) -> dict[str, Decimal]:
        left = dict(self.total)
        for order in orders:
            left[order.asset] -= order.claim - order.taken
        return left

    def deposit(self, number: int) -> None:
        self.total[ASSETS[number % 2]] += number % 20

    def place(self, number: int) -> None:
        order = Placed(f"order-{len(self.placed)}", ASSETS[number % 2], D(number % 90 + 1))
        if self.ledger.reserve(order.name, SPOT, Claim(order.asset, order.claim)):
            self.placed.append(order)
            self.live.append(order)

    def arrive(self, number: int) -> None:
        for order in self.live[number % 2 :][:1]:
            order.arrived = True

    def acknowledge(self, number: int) -> None:
        for order in self.live[number % 2 :][:1]:
            if order.arrived:
                self.ledger.acknowledged(order.name, self.now)
                order.acknowledged_at = order.acknowledged_at or self.now

    def execute(self, number: int) -> None:
        for order in self.live[number % 2 :][:1]:
            if order.arrived and not order.closed:
                taken = min(D(number % 50 + 1), order.claim - order.taken)
                order.taken += taken
                self.total[order.asset] -= taken
                self.total[other(order.asset)] += taken

    def close(self, number: int) -> None:
        for order in self.live[number % 2 :][:1]:
            order.closed = order.closed or order.arrived

    def hear_of_the_end(self, number: int) -> None:
        """Or of its absence: then it never arrived, and never will."""
        for order in self.live[number % 2 :][:1]:
            order.closed = True
            self.ledger.release(order.name, self._heard(order), self.now)
            self.live.remove(order)

    def hear_of_a_part(self, number: int) -> None:
        for order in self.live[number % 2 :][:1]:
            moved = self._heard(order)
            left = Claim(order.asset, order.claim - order.heard)
            self.ledger.shrink(order.name, left, moved, self.now)

    def _heard(self, order: Placed) -> dict[str, Decimal]:
        """What the router hears that it did not know: what was taken since, and what came in for it."""
        part, order.heard = order.taken - order.heard, order.taken
        return {order.asset: -part, other(order.asset): part}

    def ask(self, _: int) -> None:
        self.asked.append(Statement(self.now))

    def read(self, number: int) -> None:
        for statement in self.asked[number % 2 :][:1]:
            statement.balances = statement.balances or self.tradable()

    def hear_a_statement(self, number: int) -> None:
        for statement in self.asked[number % 2 :][:1]:
            self.ledger.state(SPOT, statement.balances or self.tradable(), statement.asked_at)
            self.asked.remove(statement)

    def lose_the_connection(self, _: int) -> None:
        self.ledger.forget(SPOT)

    def restart(self, _: int) -> None:
        """The ledger starts from the journal; answers to questions of the last life reach nobody."""
        self.ledger = self.made()
        self.asked.clear()
        for order in self.live:
            left = Claim(order.asset, order.claim - order.heard)
            self.ledger.restore(order.name, SPOT, left, order.acknowledged_at)


WEIGHTS: dict[Callable[[World, int], None], int] = {
    World.deposit: 1,
    World.place: 10,
    World.arrive: 10,
    World.acknowledge: 8,
    World.execute: 10,
    World.close: 4,
    World.hear_of_the_end: 6,
    World.hear_of_a_part: 6,
    World.ask: 6,
    World.read: 5,
    World.hear_a_statement: 5,
    World.lose_the_connection: 2,
    World.restart: 1,
}
KINDS = [kind for kind, weight in WEIGHTS.items() for _ in range(weight)]


@pytest.mark.parametrize("first", range(0, 2000, 500))
def test_nothing_is_ever_free_that_is_not(first: int) -> None:
    for seed in range(first, first + 500):
        draw = random.Random(seed)  # noqa: S311  a schedule that can be drawn again
        world = World()
        for step in range(150):
            world.now += 1
            draw.choice(KINDS)(world, draw.randrange(10_000))
            true = world.free()
            for asset in ASSETS:
                known = world.ledger.free(SPOT, asset)
                assert known is None or known <= true[asset], f"seed {seed}, step {step}, {asset}"
                assert true[asset] >= 0, f"seed {seed}, step {step}, {asset}"


def stated(**balances: str) -> Ledger:
    ledger = Ledger()
    ledger.state(SPOT, {asset: D(amount) for asset, amount in balances.items()}, 100)
    return ledger


def usd(amount: str) -> Claim:
    return Claim("USD", D(amount))


def test_nothing_is_free_until_it_is_stated() -> None:
    ledger = Ledger()

    assert ledger.free(SPOT, "USD") is None
    assert ledger.stated_at(SPOT) is None
    assert not ledger.reserve("a", SPOT, usd("0"))
    assert ledger.reservations() == {}


def test_what_a_statement_does_not_list_is_zero() -> None:
    ledger = stated(USD="10")

    assert ledger.free(SPOT, "BTC") == 0
    assert ledger.free("another", "USD") is None
    assert ledger.stated_at(SPOT) == 100


def test_two_orders_do_not_spend_the_same_balance() -> None:
    ledger = stated(USD="100")

    assert ledger.reserve("a", SPOT, usd("60"))
    assert not ledger.reserve("b", SPOT, usd("40.00000001"))
    assert ledger.reserve("c", SPOT, usd("40"))
    assert ledger.free(SPOT, "USD") == 0
    assert ledger.reserved(SPOT, "USD") == 100
    assert sorted(ledger.reservations()) == ["a", "c"]


def test_an_order_has_one_reservation() -> None:
    ledger = stated(USD="100")
    assert ledger.reserve("a", SPOT, usd("1"))

    with pytest.raises(ValueError, match="one reservation for order a"):
        ledger.reserve("a", SPOT, usd("1"))

    assert ledger.free(SPOT, "USD") == 99


def test_a_refusal_gives_back_what_was_reserved() -> None:
    ledger = stated(USD="100")
    ledger.reserve("a", SPOT, usd("60"))

    ledger.release("a", {}, 200)
    ledger.release("a", {}, 201)

    assert ledger.free(SPOT, "USD") == 100
    assert ledger.reservations() == {}


def test_a_fill_moves_the_balance_at_once() -> None:
    ledger = stated(USD="100")
    ledger.reserve("a", SPOT, usd("60"))
    ledger.acknowledged("a", 150)

    ledger.release("a", {"USD": D("-55"), "BTC": D("0.5")}, 200)

    assert ledger.free(SPOT, "USD") == 45
    assert ledger.free(SPOT, "BTC") == D("0.5")


def test_funds_that_the_counterparty_holds_are_not_subtracted_twice() -> None:
    ledger = stated(USD="100")
    ledger.reserve("a", SPOT, usd("60"))
    ledger.acknowledged("a", 150)
    assert ledger.free(SPOT, "USD") == 40

    ledger.state(SPOT, {"USD": D(40)}, 151)

    assert ledger.free(SPOT, "USD") == 40
    ledger.release("a", {"USD": D(-60)}, 200)
    assert ledger.free(SPOT, "USD") == 40


@pytest.mark.parametrize("asked_at", [149, 150])
def test_a_statement_asked_for_before_the_acknowledgement_does_not_count_as_holding(asked_at: int) -> None:
    ledger = stated(USD="100")
    ledger.reserve("a", SPOT, usd("60"))
    ledger.acknowledged("a", 150)

    ledger.state(SPOT, {"USD": D(100)}, asked_at)

    assert ledger.free(SPOT, "USD") == 40


def test_the_first_acknowledgement_counts() -> None:
    ledger = stated(USD="100")
    ledger.reserve("a", SPOT, usd("60"))
    ledger.acknowledged("a", 150)
    ledger.acknowledged("a", 160)
    ledger.acknowledged("unknown", 160)

    ledger.state(SPOT, {"USD": D(40)}, 155)

    assert ledger.free(SPOT, "USD") == 40


def test_an_older_statement_changes_nothing() -> None:
    ledger = stated(USD="100")

    ledger.state(SPOT, {"USD": D(500)}, 99)

    assert ledger.free(SPOT, "USD") == 100


def test_what_came_in_is_not_counted_twice() -> None:
    """The statement after the execution has it already, and the report of the execution comes later."""
    ledger = stated(USD="100", BTC="0")
    ledger.reserve("a", SPOT, usd("60"))
    ledger.acknowledged("a", 150)
    ledger.state(SPOT, {"USD": D(40), "BTC": D("0.5")}, 160)

    ledger.release("a", {"USD": D(-60), "BTC": D("0.5")}, 170)

    assert ledger.free(SPOT, "BTC") == D("0.5")


def test_what_was_given_up_while_the_balance_was_unknown_is_remembered() -> None:
    ledger = stated(USD="100")
    ledger.reserve("a", SPOT, usd("60"))
    ledger.forget(SPOT)
    ledger.release("a", {"USD": D(-60)}, 200)

    ledger.state(SPOT, {"USD": D(100)}, 190)  # asked for before, and read before

    assert ledger.free(SPOT, "USD") == 40


def test_a_lost_connection_does_not_make_an_old_statement_news() -> None:
    ledger = stated(USD="40")
    ledger.forget(SPOT)

    ledger.state(SPOT, {"USD": D(100)}, 99)

    assert ledger.free(SPOT, "USD") is None


def test_a_lost_connection_is_unknown_until_it_is_stated_again() -> None:
    ledger = stated(USD="100")
    ledger.reserve("a", SPOT, usd("60"))

    ledger.forget(SPOT)
    ledger.forget("never seen")

    assert ledger.free(SPOT, "USD") is None
    assert ledger.stated_at(SPOT) is None
    ledger.state(SPOT, {"USD": D(100)}, 300)
    assert ledger.free(SPOT, "USD") == 40


def test_a_reservation_is_taken_back_covered_or_not() -> None:
    ledger = Ledger()
    ledger.restore("a", SPOT, usd("60"), None)
    ledger.restore("b", SPOT, usd("70"), 50)

    ledger.state(SPOT, {"USD": D(30)}, 100)

    assert ledger.free(SPOT, "USD") == -30
    assert not ledger.reserve("c", SPOT, usd("0.01"))
