"""However seldom balances are read, and whatever happens within a reading: what is free is never too much."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from router.core.ledger import Ledger
from router.core.model import Claim

SPOT = "spot"
PRICE, SIZE = Decimal(10), Decimal(1)
BUY, SELL = ("USD", PRICE, "BTC", SIZE), ("BTC", SIZE, "USD", PRICE)
"""What an order gives up, and what it brings."""


class Account:
    """The counterparty's side and the router's: orders are sent, executed, heard of; statements are read.

    Each step is later than the one before. A statement is asked for, made up at the counterparty some time
    after that, and heard some time after that.
    """

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.now = 0
        self.orders = 0
        self.total = {"USD": Decimal(25), "BTC": Decimal(2)}
        self.open: dict[str, tuple[str, Decimal, str, Decimal]] = {}
        self.executed: dict[str, tuple[str, Decimal, str, Decimal]] = {}
        self.asked_at: int | None = None
        self.stated: dict[str, Decimal] | None = None
        self.read()

    def tradable(self) -> dict[str, Decimal]:
        """What there is, less what open orders may still take: the counterparty holds it for them."""
        left = dict(self.total)
        for gives, amount, _, _ in self.open.values():
            left[gives] -= amount
        return left

    def can(self) -> list[str]:
        """The steps that there are now."""
        steps = ["buy", "sell"]
        steps += ["acknowledge", "execute"] if self.open else []
        steps += ["hear"] if self.executed else []
        return [*steps, "ask" if self.asked_at is None else "make up" if self.stated is None else "told"]

    def step(self, what: str) -> None:
        self.now += 1
        match what:
            case "buy" | "sell":
                order = BUY if what == "buy" else SELL
                name = f"order-{self.orders}"
                if self.ledger.reserve(name, SPOT, Claim(order[0], order[1])):
                    self.orders += 1
                    self.open[name] = order
            case "acknowledge":
                self.ledger.acknowledged(next(iter(self.open)), self.now)
            case "execute":
                name = next(iter(self.open))
                gives, given, brings, brought = self.executed[name] = self.open.pop(name)
                self.total[gives] -= given
                self.total[brings] += brought
            case "hear":
                name = next(iter(self.executed))
                gives, given, brings, brought = self.executed.pop(name)
                self.ledger.release(name, {gives: -given, brings: brought}, self.now)
            case "ask":
                self.asked_at = self.now
            case "make up":
                self.stated = self.tradable()
            case "told":
                assert self.asked_at is not None
                assert self.stated is not None
                self.ledger.state(SPOT, self.stated, self.asked_at)
                self.asked_at = self.stated = None

    def read(self) -> None:
        for what in ("ask", "make up", "told"):
            self.step(what)

    def free(self) -> dict[str, Decimal | None]:
        return {asset: self.ledger.free(SPOT, asset) for asset in self.total}


@settings(max_examples=300)
@given(st.lists(st.integers(0, 59), min_size=30, max_size=60))
def test_what_is_free_is_never_more_than_there_is_and_all_of_it_once_everything_was_heard(
    draws: list[int],
) -> None:
    account = Account()
    for draw in draws:
        steps = account.can()
        what = steps[draw % len(steps)]
        account.step(what)
        for asset, left in account.tradable().items():
            free = account.ledger.free(SPOT, asset)
            assert free is not None
            assert free <= left, f"after {what}, {asset}"
    while account.open:
        account.step("execute")
    while account.executed:
        account.step("hear")
    while account.asked_at is not None:
        account.step(account.can()[-1])
    account.read()
    assert account.free() == account.total


def test_proceeds_are_spent_before_any_statement_has_them_and_are_not_there_twice_after_it() -> None:
    account = Account()
    for what in ("buy", "execute", "hear"):
        account.step(what)
    assert account.free() == {"USD": Decimal(15), "BTC": Decimal(3)}
    account.read()
    assert account.free() == {"USD": Decimal(15), "BTC": Decimal(3)}
