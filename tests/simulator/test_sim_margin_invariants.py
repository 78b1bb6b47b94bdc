"""Whatever is traded, moved, closed and liquidated: what is owed, what is held and what is shown agree."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from sim_harness import PTS
from sim_margin_kit import wealthy

from venues.simulator.account import Account
from venues.simulator.clock import Timers
from venues.simulator.closing import Closer
from venues.simulator.desk import Desk
from venues.simulator.errors import RefusedError
from venues.simulator.health import Health
from venues.simulator.money import exact
from venues.simulator.settings import build
from venues.simulator.transfers import cover, set_position, transfer_collateral, transfer_position
from venues.simulator.unsettled import TRANSFER
from venues.simulator.validate import NewOrder
from venues.simulator.world import World

ASSETS = ("BTC", "ETH")
REFUSALS = {
    None,
    "backend:trade:insufficientFunds",
    "backend:trade:marginInsufficientCollateral",
    "backend:trade:willTriggerLiquidation",
    "backend:trade:marginLongNOP",
    "backend:trade:marginShortNOP",
    "backend:trade:marginTotalShortNOP",
    "backend:common:inUse",
    "backend:common:invalidRequest",
}


class HeldTimers(Timers):
    """Timers that go off when the test says so, in the order in which they were set."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[Callable[[], None]] = []

    def after(self, delay_s: float, run: Callable[[], None]) -> Callable[[], None]:
        self.waiting.append(run)
        return lambda: None

    def go_off(self) -> None:
        due, self.waiting = self.waiting, []
        for run in due:
            run()


amounts = st.decimals(min_value="0.001", max_value="9", places=4)
# Of the first price: far enough to be liquidated by, in either direction.
factors = st.sampled_from([Decimal(text) for text in ("0.8", "0.95", "1.05", "1.25")])
steps = st.lists(
    st.one_of(
        st.tuples(st.just("trade"), st.sampled_from(ASSETS), st.sampled_from(["buy", "sell"]), amounts),
        st.tuples(st.just("rest"), st.sampled_from(ASSETS), st.sampled_from(["buy", "sell"]), amounts),
        st.tuples(st.sampled_from(["position", "collateral"]), st.just("BTC"), st.just(""), amounts),
        st.tuples(st.sampled_from(["cover", "close", "timers", "tick"]), st.just(""), st.just(""), amounts),
        st.tuples(st.just("price"), st.sampled_from(ASSETS), st.just(""), factors),
    ),
    max_size=14,
)


class Party:
    """A margin account with its desk, in virtual time."""

    def __init__(self, entered: str) -> None:
        raw = wealthy(
            collateral={"USD": "200"},
            risk={"margin_requirement": "0.5", "minimum_transferred_collateral": "0"},
        )
        # Prices move when a step says so and at no tick, which only fills the books again.
        raw["products"][0] |= {"bids": None, "asks": None, "step_bps": "0"}
        raw["products"][2] |= {"bids": None, "asks": None, "step_bps": "0", "level_size": "20"}
        self.world = World(build(raw))
        self.timers = self.world.timers = HeldTimers()
        self.desk = Desk(self.world, lambda *_event: None)
        self.health = Health(self.world, self.desk)
        self.closer = Closer(self.world, self.desk)
        self.account: Account = self.world.accounts[PTS]
        set_position(self.world, self.account, "BTC", Decimal(entered))

    def do(self, kind: str, asset: str, side: str, amount: Decimal) -> None:
        world, account = self.world, self.account
        if kind == "trade":
            self.desk.submit(account, _order(asset, side, amount))
        elif kind == "rest":
            mid = world.mid(account, world.products[f"{asset}-USD"])
            price = (mid * (Decimal("0.99") if side == "buy" else Decimal("1.01"))).quantize(Decimal("0.01"))
            self.desk.submit(account, _order(asset, side, amount, type="limit", limit_price=price))
        elif kind == "position":
            transfer_position(world, account, asset, amount)
        elif kind == "collateral":
            transfer_collateral(world, account, asset, amount)
        elif kind == "cover":
            cover(world, account, None)
        elif kind == "close":
            self.closer.request(account, None)
        elif kind == "timers":
            self.timers.go_off()
        elif kind == "price":
            name = f"{asset}-USD"
            account.maker.mids[name] = world.products[name].mid * amount
            self.tick()
        else:
            self.tick()
        self.health.look(account)

    def tick(self) -> None:
        for product in self.world.products.values():
            product.step()
            self.desk.on_book(product)


def _order(asset: str, side: str, amount: Decimal, **more: Any) -> NewOrder:
    fields = {"type": "market", "time_in_force": "GTC" if more else "IOC", "funding": "margin", **more}
    return NewOrder(product=f"{asset}-USD", side=side, quantity=amount, currency=asset, **fields)


def _refusal(party: Party, step: Any) -> str | None:
    try:
        party.do(*step)
    except RefusedError as refused:
        return refused.name
    return None


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["0", "3", "-3"]), steps)
def test_positions_legs_and_money_agree_and_trouble_ends(entered: str, wanted: list[Any]) -> None:
    with exact():
        party = Party(entered)
        account, margin = party.account, party.account.margin
        owned = {asset: _owned(account, asset) for asset in (*ASSETS, "USD")}
        for step in wanted:
            before = len(account.orders)
            troubled = margin.liquidation is not None
            assert _refusal(party, step) in REFUSALS
            if troubled and step[0] in {"trade", "rest"}:
                assert len(account.orders) == before
            _check(account, owned)
        for _ in range(40):
            if margin.liquidation is None and all(one.final for one in account.margin_file.closes.values()):
                break
            party.timers.go_off()
            party.tick()
        assert all(one.final for one in account.margin_file.closes.values())
        assert margin.state != "liquidation"
        _check(account, owned)


def _owned(account: Account, asset: str) -> Decimal:
    """Give what of an asset is the account's own, wherever it lies; fills on margin do not change it."""
    sent = sum(
        (
            leg.quantity
            for leg in account.margin.unsettled.legs
            if (leg.kind, leg.currency) == (TRANSFER, asset)
        ),
        Decimal(0),
    )
    zero = Decimal(0)
    return account.wallet.balances.get(asset, zero) + account.margin.collateral.get(asset, zero) + sent


def _check(account: Account, owned: dict[str, Decimal]) -> None:
    assert {asset: _owned(account, asset) for asset in owned} == owned
    for asset in ASSETS:
        assert account.margin.unsettled.total(asset) == account.margin.quantity(asset)
    spent = sum(((1 if one.side == "buy" else -1) * one.quote_quantity for one in account.trades), Decimal(0))
    assert account.margin.unsettled.total("USD") == -spent
    assert all(balance >= 0 for balance in account.wallet.balances.values())
    assert all(amount >= 0 for amount in account.margin.collateral.values())
