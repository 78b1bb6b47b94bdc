"""An order as the counterparty keeps it, and the trades that its fills make."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from .market import Product
from .money import ZERO
from .validate import NewOrder

# OrderStatus of the published description; these three end an order.
FINAL = frozenset({"completed", "canceled", "error"})


@dataclass(frozen=True, slots=True)
class Trade:
    """One match: `quantity` in base currency, `quote_quantity` its exact product with the price."""

    id: str
    order_id: str
    time: datetime
    product: str
    side: str
    price: Decimal
    quantity: Decimal
    quote_quantity: Decimal
    funding: str
    # When it came into the counterparty's books, if that was not at once.
    created: datetime | None = None

    @property
    def creation(self) -> datetime:
        """Give when it came into the counterparty's books."""
        return self.created if self.created is not None else self.time


@dataclass(frozen=True, slots=True)
class OrderPlan:
    """What the faults have in store for one order; the default is nothing."""

    partial_fill: Decimal | None = None
    late_failure: str | None = None
    failure_after_fill: Decimal | None = None
    delay_ms: float = 0.0
    duplicate_messages: bool = False
    reorder_messages: bool = False
    drop_messages: bool = False

    @property
    def fails_late(self) -> bool:
        """Whether the order is taken and then fails."""
        return self.late_failure is not None or self.failure_after_fill is not None


@dataclass(slots=True, eq=False)
class Order:
    """An order and all that has happened to it."""

    id: str
    account_id: str
    new: NewOrder
    product: Product
    created: datetime
    updated: datetime
    initiated_by: str
    plan: OrderPlan
    status: str = "pending_open"
    reason: str | None = None
    reason_description: str | None = None
    canceled_by: str | None = None
    limit: Decimal | None = None
    hold_price: Decimal | None = None
    filled: Decimal = ZERO
    filled_quote: Decimal = ZERO
    last_fill: datetime | None = None
    completed: datetime | None = None
    settle_date: datetime | None = None
    triggered: bool = False
    trades: list[Trade] = field(default_factory=list)

    @property
    def in_quote(self) -> bool:
        """Whether the quantity is in quote currency."""
        return self.new.currency == self.product.quote

    @property
    def final(self) -> bool:
        """Whether nothing can happen to the order any more."""
        return self.status in FINAL

    @property
    def leaves(self) -> Decimal:
        """Give what is not filled, in the order's own currency; a completed order leaves nothing.

        An order in quote currency completes when the rest does not buy one increment, so the rest is no
        more than that and is shown as zero, as in the published example of Order.
        """
        if self.status == "completed":
            return ZERO
        return max(self.new.quantity - (self.filled_quote if self.in_quote else self.filled), ZERO)

    @property
    def average(self) -> Decimal | None:
        """Give the average price of the fills, with four decimals more than a price has."""
        if self.filled == 0:
            return None
        return (self.filled_quote / self.filled).quantize(self.product.tick / 10_000)

    def record(self, trade: Trade) -> None:
        """Count a fill."""
        self.trades.append(trade)
        self.filled += trade.quantity
        self.filled_quote += trade.quote_quantity
        self.last_fill = self.updated = trade.time
