"""An order as a counterparty has it: its own truth, which no fault on the way can change."""

from decimal import ROUND_DOWN, Decimal

import msgspec

from router.core.errors import OrderError
from router.core.model import Fill, OrderReport, OutboundOrder, Side, TimeInForce, VenueState
from tests.sim.quotes import BASE_INCREMENT, BPS, HeldQuote

TICK = Decimal("0.01")


class Deal(msgspec.Struct):
    """One order that was taken, at `taken_at`.

    `visible_at`: when look-ups find it first; `held`: what it holds of `asset`. `quote`: the held price that
    it accepted: it trades whole, at that price. `denied`: the router was told that it was refused for credit;
    a counterparty that contradicts itself.
    """

    order: OutboundOrder
    venue_order_id: str
    taken_at: int
    visible_at: int
    asset: str
    held: Decimal
    quote: HeldQuote | None = None
    denied: bool = False
    state: VenueState = VenueState.WORKING
    error: OrderError | None = None
    fills: tuple[Fill, ...] = ()
    heard: int = 0
    """How many of its executions a living router has heard of on the feed."""

    @property
    def in_base(self) -> bool:
        """Whether the size is in the base currency."""
        return self.order.quantity_currency == self.order.product.split("-")[0]

    @property
    def filled_base(self) -> Decimal:
        """What was executed, in base."""
        return sum((fill.quantity_base for fill in self.fills), Decimal(0))

    @property
    def filled_quote(self) -> Decimal:
        """What was executed, in quote."""
        return sum((fill.quantity_quote for fill in self.fills), Decimal(0))

    @property
    def rests(self) -> bool:
        """Whether it works on until it is filled, cancelled or expired."""
        return self.order.time_in_force in (TimeInForce.GTC, TimeInForce.GTD)

    def size_at(self, price: Decimal) -> Decimal:
        """The whole size in base, at a price."""
        if self.quote is not None:
            return self.quote.quantity_base
        if self.in_base:
            return self.order.quantity
        return (self.order.quantity / price).quantize(BASE_INCREMENT, ROUND_DOWN)

    def report(
        self,
        at: int,
        fills: tuple[Fill, ...] = (),
        *,
        counted: tuple[Fill, ...] | None = None,
        with_quote: bool = True,
    ) -> OrderReport:
        """What it says of itself now; `counted`: the executions in its sums, all unless fewer are given."""
        counted = self.fills if counted is None else counted
        base = sum((fill.quantity_base for fill in counted), Decimal(0))
        quote = sum((fill.quantity_quote for fill in counted), Decimal(0))
        return OrderReport(
            venue_client_order_id=self.order.venue_client_order_id,
            venue_order_id=self.venue_order_id,
            state=self.state,
            filled_base=base,
            filled_quote=quote if with_quote else None,
            average_price=None,
            fills=fills,
            error=self.error,
            at=at,
        )


def price_for(order: OutboundOrder, ticks: int) -> Decimal:
    """A price at which it trades: its limit, or so many ticks better."""
    limit = order.limit_price or Decimal(100)
    return limit - ticks * TICK if order.side is Side.BUY else limit + ticks * TICK


def claim_of(order: OutboundOrder, fee_bps: Decimal) -> tuple[str, Decimal]:
    """What it holds of the account: the currency given up and the most that can be taken of it."""
    base, quote = order.product.split("-")
    limit = order.limit_price or Decimal(100)
    in_base = order.quantity_currency == base
    if order.side is Side.SELL:
        size = order.quantity if in_base else -(-order.quantity // (limit * BASE_INCREMENT)) * BASE_INCREMENT
        return base, size
    notional = order.quantity * limit if in_base else order.quantity
    return quote, notional * (1 + fee_bps * BPS)
