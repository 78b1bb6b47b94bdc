"""A line of post-trade credit: what is owed, what working orders may come to owe, what is left.

Source: Coinbase Prime, "Get Portfolio Credit Information" (`limit`, `utilized`, `available`, `frozen`,
`enabled`, `amounts_due`).  How utilisation is reckoned is not published: here it is the dollar value of what
trades took beyond the balances, and of what working orders would take so.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from venues.simulator.coinbase.errors import PrimeError
from venues.simulator.coinbase.settings import CreditSettings
from venues.simulator.money import ZERO

# What one of an asset is worth in dollars.
Mark = Callable[[str], Decimal]


@dataclass(slots=True)
class CreditLine:
    """The line's switches and amounts; `other` is what is used beside the portfolio's own trades."""

    enabled: bool
    limit: Decimal
    other: Decimal
    frozen: bool
    frozen_reason: str
    currency: str
    owed: dict[str, Decimal] = field(default_factory=dict)
    _reserved: dict[str, tuple[str, Decimal]] = field(default_factory=dict)

    def utilized(self, mark: Mark) -> Decimal:
        """Give what is used of the line, in its currency; never below zero."""
        return max(self.other + self._own(mark), ZERO)

    def available(self, mark: Mark) -> Decimal:
        """Give what is left of the line, in its currency; never below zero."""
        return max(self.limit - self.utilized(mark), ZERO)

    def use(self, amount: Decimal, mark: Mark) -> None:
        """Set what is used in all, whatever trades have come to."""
        self.other = amount - self._own(mark)

    def strike(self, how: str, mark: Mark) -> None:
        """Let the line go: `freeze`, `disable`, or `exhaust` what is left of it."""
        if how == "freeze":
            self.frozen, self.frozen_reason = True, "Balance outstanding"
        elif how == "disable":
            self.enabled = False
        else:
            self.use(self.limit, mark)

    def check(self, asset: str, amount: Decimal, mark: Mark) -> None:
        """Refuse what the line does not carry."""
        if not self.enabled:
            raise PrimeError("Trading on credit is not enabled for this portfolio.", 403)
        if self.frozen:
            raise PrimeError("The portfolio is frozen. Please contact your account manager.", 403)
        if amount * mark(asset) > self.available(mark):
            raise PrimeError("The order is larger than what the portfolio can trade.")

    def reserve(self, order_id: str, asset: str, amount: Decimal) -> None:
        """Set what an order may come to owe; zero lets it go."""
        self._reserved.pop(order_id, None)
        if amount > 0:
            self._reserved[order_id] = (asset, amount)

    def owe(self, asset: str, amount: Decimal) -> None:
        """Add to what is owed."""
        if amount > 0:
            self.owed[asset] = self.owed.get(asset, ZERO) + amount

    def repay(self, asset: str, amount: Decimal) -> Decimal:
        """Take from what is owed as far as the amount goes; give what is left of it."""
        paid = min(self.owed.get(asset, ZERO), amount)
        if paid > 0:
            self.owed[asset] -= paid
            if not self.owed[asset]:
                del self.owed[asset]
        return amount - paid

    def _own(self, mark: Mark) -> Decimal:
        owed = sum((amount * mark(asset) for asset, amount in self.owed.items()), ZERO)
        return owed + sum((amount * mark(asset) for asset, amount in self._reserved.values()), ZERO)


def credit_from(settings: CreditSettings) -> CreditLine:
    """Set up a line from its settings, whose amounts were checked when they were read."""
    return CreditLine(
        enabled=settings.enabled,
        limit=Decimal(settings.limit),
        other=Decimal(settings.utilized),
        frozen=settings.frozen,
        frozen_reason=settings.frozen_reason,
        currency=settings.currency,
    )
