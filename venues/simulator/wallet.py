"""The funded side of an account: balances, and what working orders hold of them."""

from decimal import Decimal

from .errors import RefusedError
from .money import ZERO


class Wallet:
    """Balances by asset; an order holds at most one amount of one asset.

    Source: bitgo-prime OpenAPI, POST orders: "funds will be reserved from your Go account for the amount of
    the order"; AccountBalance: the tradable balance is what is not held.
    """

    def __init__(self, balances: dict[str, Decimal]) -> None:
        self.balances = dict(balances)
        self._holds: dict[str, tuple[str, Decimal]] = {}
        self._held: dict[str, Decimal] = {}
        # Signed sums of what trades brought and took and what has not settled yet.
        self._unsettled: dict[str, Decimal] = {}

    def held(self, asset: str) -> Decimal:
        """Give what working orders hold of an asset."""
        return self._held.get(asset, ZERO)

    def held_by(self, order_id: str) -> Decimal:
        """Give what one order holds."""
        return self._holds.get(order_id, ("", ZERO))[1]

    def tradable(self, asset: str) -> Decimal:
        """Give what is left for new orders; never below zero, also when a balance was set below its holds."""
        return max(self.balances.get(asset, ZERO) - self.held(asset), ZERO)

    def defer(self, asset: str, change: Decimal) -> None:
        """Count a signed change as not settled, or with the opposite sign as settled."""
        self._unsettled[asset] = self._unsettled.get(asset, ZERO) + change

    def unsettled(self, asset: str) -> Decimal:
        """Give the part of the balance that trades brought and that has not settled.

        What they took away is out of the balance already: a sale that has not settled leaves nothing here.
        """
        return min(max(self._unsettled.get(asset, ZERO), ZERO), self.balances.get(asset, ZERO))

    def unsettled_held(self, asset: str) -> Decimal:
        """Give what orders hold of the unsettled part: that first, so that more can be withdrawn."""
        return min(self.held(asset), self.unsettled(asset))

    def withdrawable(self, asset: str) -> Decimal:
        """Give what is settled and not held; what can be traded and has not settled cannot leave yet."""
        settled = self.balances.get(asset, ZERO) - self.unsettled(asset)
        return max(settled - (self.held(asset) - self.unsettled_held(asset)), ZERO)

    def hold(self, order_id: str, asset: str, amount: Decimal) -> None:
        """Reserve for a new order, or refuse it for want of funds."""
        if amount > self.tradable(asset):
            raise RefusedError("backend:trade:insufficientFunds")
        self.rehold(order_id, asset, amount)

    def rehold(self, order_id: str, asset: str, amount: Decimal) -> None:
        """Change what a working order holds; zero lets it go."""
        before = self._holds.pop(order_id, None)
        if before is not None:
            self._held[before[0]] = self.held(before[0]) - before[1]
        if amount > 0:
            self._holds[order_id] = (asset, amount)
            self._held[asset] = self.held(asset) + amount

    def move(self, asset: str, change: Decimal) -> None:
        """Add a signed change to a balance."""
        self.balances[asset] = self.balances.get(asset, ZERO) + change

    def assets(self) -> list[str]:
        """List every asset that has a balance or a hold, by name."""
        return sorted(set(self.balances) | set(self._held))
