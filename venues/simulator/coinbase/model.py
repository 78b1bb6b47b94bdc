"""What a portfolio has asked for and got: quotes, orders and fills, with the fees that each comes to."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from venues.simulator.coinbase.faults import OrderTurn
from venues.simulator.market import Product
from venues.simulator.money import BPS, ZERO, floor_to

# Statuses of the published enum; these end an order.
FINAL = frozenset({"FILLED", "CANCELLED", "EXPIRED", "FAILED"})
# Averages are divisions: so many digits after the point are kept.
_AVERAGE = Decimal("1E-18")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def fee_on(value: Decimal, fee_bps: Decimal) -> Decimal:
    """Give the commission on a value in quote currency, exactly: fees are always in the quote currency."""
    return value * fee_bps / BPS


def with_fee(value: Decimal, side: str, fee_bps: Decimal) -> Decimal:
    """Give what a buyer pays in all, or what a seller gets in the end, for a value or a price."""
    fee = fee_on(value, fee_bps)
    return value + fee if side == "BUY" else value - fee


@dataclass(slots=True, eq=False)
class Quote:
    """A price that is held until `expires`, for the whole of `base_quantity`."""

    id: str
    client_quote_id: str
    product: Product
    side: str
    base_quantity: Decimal
    price: Decimal
    fee_bps: Decimal
    created: datetime
    expires: datetime
    duration_ms_asked: int
    order_id: str | None = None

    @property
    def price_with_fee(self) -> Decimal:
        """Give the price of one unit with the commission in it."""
        return with_fee(self.price, self.side, self.fee_bps)

    @property
    def total(self) -> Decimal:
        """Give what the buyer pays or the seller gets for all of it, in quote currency."""
        return self.price_with_fee * self.base_quantity


@dataclass(frozen=True, slots=True)
class NewPrimeOrder:
    """A request for an order whose fields are well formed; one of the two amounts is set."""

    product: str
    side: str
    type: str
    client_order_id: str
    base_quantity: Decimal | None = None
    quote_value: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: str = "IMMEDIATE_OR_CANCEL"
    start: datetime | None = None
    expiry: datetime | None = None


@dataclass(slots=True, eq=False)
class Fill:
    """One execution: `value` is the exact product of price and quantity, in quote currency."""

    id: str
    order_id: str
    # Its number among the portfolio's fills.
    number: int
    product: Product
    side: str
    time: datetime
    price: Decimal
    quantity: Decimal
    value: Decimal
    commission: Decimal
    shown_from: datetime

    @property
    def place(self) -> tuple[int, int]:
        """Give what fills are sorted by."""
        return _microseconds(self.time), self.number


@dataclass(slots=True, eq=False)
class PrimeOrder:
    """An order and all that has happened to it."""

    id: str
    # Its number among the portfolio's orders.
    number: int
    new: NewPrimeOrder
    product: Product
    created: datetime
    fee_bps: Decimal
    turn: OrderTurn
    shown_from: datetime
    status: str = "PENDING"
    reason: str = ""
    triggered: bool = False
    canceling: bool = False
    # Taken, and kept from the book for a while.
    waiting: bool = False
    filled: Decimal = ZERO
    value: Decimal = ZERO
    commission: Decimal = ZERO
    fills: list[Fill] = field(default_factory=list)
    # What will happen to it when its time has come: how to take that back, and how to do it.
    waits: list[tuple[Callable[[], None], Callable[[], None]]] = field(default_factory=list)

    @property
    def place(self) -> tuple[int, int]:
        """Give what orders are sorted by."""
        return _microseconds(self.created), self.number

    @property
    def final(self) -> bool:
        """Whether nothing can happen to the order any more."""
        return self.status in FINAL

    @property
    def in_quote(self) -> bool:
        """Whether the order's size is in quote currency."""
        return self.new.base_quantity is None

    @property
    def size(self) -> Decimal:
        """Give what can be filled in all, in the order's own currency, the fee of a buy left out.

        "The trading fee is deducted directly from the specified quote amount" (Trading Fees, quote buy), so
        that a buy by value fills for less than it says; a sell by value sells all of it.
        """
        if self.new.base_quantity is not None:
            return self.new.base_quantity
        asked = self.new.quote_value or ZERO
        if self.new.side == "SELL":
            return asked
        return floor_to(asked * BPS / (BPS + self.fee_bps), self.product.quote_increment)

    @property
    def leaves(self) -> Decimal:
        """Give what can still be filled, in the order's own currency."""
        return max(self.size - (self.value if self.in_quote else self.filled), ZERO)

    @property
    def average(self) -> Decimal:
        """Give the average price of the fills, zero without any."""
        return _average(self.value, self.filled)

    @property
    def net_average(self) -> Decimal:
        """Give the average price with the commission in it, zero without fills."""
        paid = self.value + self.commission if self.new.side == "BUY" else self.value - self.commission
        return _average(paid, self.filled)

    def show(self, moment: datetime) -> None:
        """Show the order and its fills from this moment on, if they were to come later."""
        self.shown_from = min(self.shown_from, moment)
        for fill in self.fills:
            fill.shown_from = min(fill.shown_from, moment)

    def record(self, fill: Fill) -> None:
        """Count a fill."""
        self.fills.append(fill)
        self.filled += fill.quantity
        self.value += fill.value
        self.commission += fill.commission


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _average(value: Decimal, quantity: Decimal) -> Decimal:
    return (value / quantity).quantize(_AVERAGE) if quantity else ZERO
