"""Money is neither made nor lost: whatever is asked for, in whatever order."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st
from test_sim_coinbase_kit import CB_PTS, CB_SPOT, pts, spot, with_coinbase

from venues.simulator.coinbase.desk import PrimeDesk
from venues.simulator.coinbase.errors import PrimeError
from venues.simulator.coinbase.market import marks
from venues.simulator.coinbase.model import NewPrimeOrder
from venues.simulator.coinbase.portfolio import Portfolio
from venues.simulator.coinbase.requests import AcceptRequest, QuoteRequest
from venues.simulator.coinbase.rfq import QuoteDesk
from venues.simulator.money import exact
from venues.simulator.settings import build
from venues.simulator.world import World

AMOUNTS = st.integers(1, 80_000).map(lambda units: Decimal(units) / 10_000)
PRICES = st.integers(9_000, 11_000).map(lambda cents: Decimal(cents) / 100)
SIDES = st.sampled_from(["BUY", "SELL"])
POLICIES = st.sampled_from(["GOOD_UNTIL_CANCELLED", "IMMEDIATE_OR_CANCEL", "FILL_OR_KILL"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("market"), SIDES, AMOUNTS, st.booleans()),
        st.tuples(st.just("limit"), SIDES, AMOUNTS, PRICES, POLICIES),
        st.tuples(st.just("quote"), SIDES, AMOUNTS),
        st.tuples(st.just("cancel"), st.integers(0, 20)),
        st.tuples(st.just("price"), PRICES),
    ),
    max_size=25,
)


class Trader:
    """A portfolio and its desks, without a server."""

    def __init__(self, identity: str, fee_bps: str) -> None:
        raw = with_coinbase(spot(fee_bps=fee_bps, balances={"USD": "900", "BTC": "9"}), pts(fee_bps=fee_bps))
        self.world = World(build(raw))
        self.desk = PrimeDesk(self.world)
        self.quotes = QuoteDesk(self.world, self.desk)
        self.portfolio: Portfolio = self.world.coinbase.by_id[identity]
        self.began = dict(self.portfolio.wallet.balances)
        self.asked = 0

    def do(self, step: tuple[Any, ...]) -> None:
        match step:
            case ("market", side, amount, in_quote):
                name, size = (
                    ("quote_value", amount.quantize(Decimal("0.01")))
                    if in_quote
                    else (
                        "base_quantity",
                        amount,
                    )
                )
                self._submit(side, "MARKET", **{name: size})
            case ("limit", side, amount, price, policy):
                self._submit(side, "LIMIT", base_quantity=amount, limit_price=price, time_in_force=policy)
            case ("quote", side, amount):
                self.asked += 1
                limit = Decimal(120 if side == "BUY" else 80)
                asked = QuoteRequest("BTC-USD", side, str(UUID(int=self.asked)), limit, amount, None, 0)
                quote = self.quotes.quote(self.portfolio, asked)
                self.quotes.accept(
                    self.portfolio, AcceptRequest("BTC-USD", side, f"quote-{self.asked}", quote.id)
                )
            case ("cancel", place):
                orders = list(self.portfolio.working.values())
                if orders:
                    self.desk.cancel(self.portfolio, orders[place % len(orders)])
            case ("price", price):
                self.portfolio.maker.mids["BTC-USD"] = price
                self.world.coinbase.redraw(self.world.products["BTC-USD"])

    def _submit(self, side: str, kind: str, **fields: Any) -> None:
        self.asked += 1
        new = NewPrimeOrder("BTC-USD", side, kind, f"order-{self.asked}", **fields)
        self.desk.submit(self.portfolio, new)

    def moved(self, asset: str) -> Decimal:
        """Give what fills have brought of an asset, fees counted."""
        total = Decimal(0)
        for fill in self.portfolio.fills:
            buys = fill.side == "BUY"
            if asset == "BTC":
                total += fill.quantity if buys else -fill.quantity
            else:
                total -= fill.value + fill.commission if buys else fill.commission - fill.value
        return total

    def owed(self, asset: str) -> Decimal:
        credit = self.portfolio.credit
        return credit.owed.get(asset, Decimal(0)) if credit is not None else Decimal(0)


def _run(trader: Trader, steps: list[tuple[Any, ...]]) -> None:
    wallet, credit = trader.portfolio.wallet, trader.portfolio.credit
    mark = marks(trader.world, trader.portfolio)
    for step in steps:
        before = credit.utilized(mark) if credit is not None else Decimal(0)
        try:
            trader.do(step)
        except PrimeError:
            assert credit is None or credit.utilized(mark) == before
        for asset in ("USD", "BTC"):
            held = wallet.balances.get(asset, Decimal(0)) - trader.owed(asset)
            assert held == trader.began.get(asset, Decimal(0)) + trader.moved(asset)
            assert 0 <= wallet.held(asset) <= wallet.balances.get(asset, Decimal(0))
            assert not (credit is not None and trader.owed(asset) > 0 and wallet.tradable(asset) > 0)
        if credit is not None and step[0] not in {"price", "cancel"}:
            assert credit.utilized(mark) <= max(before, credit.limit)
    for order in trader.portfolio.orders:
        assert order.filled == sum(fill.quantity for fill in order.fills)
        if order.in_quote:
            # What is left of a value buys no increment.
            assert order.status != "FILLED" or order.leaves < order.product.base_increment * 120
        else:
            assert (order.status == "FILLED") == (order.leaves == 0)
    for order in list(trader.portfolio.working.values()):
        trader.desk.cancel(trader.portfolio, order)
    assert [wallet.held(asset) for asset in ("USD", "BTC")] == [0, 0]
    if credit is not None:
        assert credit.utilized(mark) == sum(amount * mark(asset) for asset, amount in credit.owed.items())


FEES = st.sampled_from(["0", "2.5", "60", "0.01"])


@settings(max_examples=60, deadline=None)
@given(fee_bps=FEES, steps=STEPS)
def test_own_money_adds_up(fee_bps: str, steps: list[tuple[Any, ...]]) -> None:
    with exact():
        _run(Trader(CB_SPOT, fee_bps), steps)


@settings(max_examples=60, deadline=None)
@given(fee_bps=FEES, steps=STEPS)
def test_what_is_owed_adds_up(fee_bps: str, steps: list[tuple[Any, ...]]) -> None:
    with exact():
        _run(Trader(CB_PTS, fee_bps), steps)
