"""The margin side of an account: signed positions, limits, collateral, and the check before a trade.

Source: bitgo-prime OpenAPI, MarginNetOpenPosition, GET margin/risksettings and margin/riskprofile, and the
margin errors of POST orders.  What the description leaves open, and what is done here:

- a fill moves the position in the base asset, and in the quote asset too unless that counts as a dollar;
- positions are valued at the middle of the account's own book against a dollar, dollars at one;
- the requirement is the margin requirement's ratio of the sum of all positions' absolute values;
- profit that a reducing fill realizes is kept apart until settlement, which is not simulated: it counts
  neither as collateral nor in the margin balance;
- an asset without a limit has a limit of zero;
- after each execution the limits are worked out again: one that is breached then refuses all that does not
  reduce positions, under its own name, until none is breached; the margin-call ratio counts among them as a
  want of collateral.  ("If a trade causes the account to violate margin limits, further trades are blocked
  until the account returns to a healthy state.")
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from .errors import RefusedError
from .market import USD_LIKE
from .money import ONE, ZERO
from .unsettled import Unsettled

# Gives an asset's price in US dollars.
Marks = Callable[[str], Decimal]


@dataclass(slots=True)
class Risk:
    """Risk settings of an account; the percentages are ratios, the rest US dollars."""

    total_short_position_limit: Decimal
    margin_call: Decimal
    liquidation: Decimal
    margin_requirement: Decimal
    minimum_transferred_collateral: Decimal


@dataclass(slots=True)
class Limit:
    """Net open position limits of an asset, in US dollars."""

    long: Decimal = ZERO
    short: Decimal = ZERO


@dataclass(slots=True)
class Position:
    """A signed position, what it was entered at in US dollars (signed alike), and when it last moved."""

    quantity: Decimal = ZERO
    entry_value: Decimal = ZERO
    modified: datetime | None = None

    def move(self, change: Decimal, price_usd: Decimal, when: datetime) -> Decimal:
        """Apply a fill; give the profit it realizes."""
        self.modified = when
        realized = ZERO
        if self.quantity * change < 0:
            # The part that closes gives back its share of the entry value, what goes beyond opens anew.
            closing = min(abs(change), abs(self.quantity))
            signed = closing if self.quantity > 0 else -closing
            released = self.entry_value * closing / abs(self.quantity)
            realized = signed * price_usd - released
            self.entry_value -= released
            self.quantity -= signed
            change += signed
        self.quantity += change
        self.entry_value += change * price_usd
        if self.quantity == 0:
            self.entry_value = ZERO
        return realized


@dataclass(slots=True, eq=False)
class Liquidation:
    """A liquidation under way: asked for from outside or not, with or without closing, begun or not."""

    forced: bool = False
    closes: bool = True
    begun: bool = False


@dataclass(slots=True)
class MarginBook:
    """Positions, limits, collateral and risk settings of one account, and how it stands.

    `blocked` is the name of the refusal that the last execution left behind; `called` says that the account
    is in margin call.
    """

    risk: Risk
    limits: dict[str, Limit]
    collateral: dict[str, Decimal]
    positions: dict[str, Position] = field(default_factory=dict)
    realized: Decimal = ZERO
    unsettled: Unsettled = field(default_factory=Unsettled)
    liquidation: Liquidation | None = None
    liquidations: int = 0
    called: bool = False
    margin_calls: int = 0
    blocked: str | None = None

    @property
    def state(self) -> str:
        """Give `healthy`, `margin_call` or `liquidation`."""
        if self.liquidation is not None:
            return "liquidation"
        return "margin_call" if self.called else "healthy"

    def open_assets(self) -> list[str]:
        """List the assets that have a position, by name."""
        return sorted(asset for asset, held in self.positions.items() if held.quantity != 0)

    def quantity(self, asset: str) -> Decimal:
        """Give the signed position in an asset."""
        held = self.positions.get(asset)
        return held.quantity if held is not None else ZERO

    def apply(self, changes: dict[str, Decimal], marks: dict[str, Decimal], when: datetime) -> None:
        """Move positions by a fill; `marks` are the prices in dollars at which it traded."""
        for asset, change in changes.items():
            if asset in USD_LIKE:
                continue
            position = self.positions.setdefault(asset, Position())
            self.realized += position.move(change, marks[asset], when)

    def collateral_value(self, mark: Marks) -> Decimal:
        """Give the collateral's value in dollars."""
        return sum((amount * mark(asset) for asset, amount in self.collateral.items()), ZERO)

    def unrealized(self, asset: str, mark: Marks) -> Decimal:
        """Give a position's value now less its value when it was entered."""
        held = self.positions.get(asset)
        return held.quantity * mark(asset) - held.entry_value if held is not None else ZERO

    def unrealized_total(self, mark: Marks) -> Decimal:
        """Give the sum of unrealized profits and losses."""
        return sum((self.unrealized(asset, mark) for asset in self.positions), ZERO)

    def gross_value(self, mark: Marks, changes: dict[str, Decimal] | None = None) -> Decimal:
        """Give the sum of all positions' absolute values, after `changes` if there are any."""
        moved = self._after(changes or {})
        return sum((abs(quantity * mark(asset)) for asset, quantity in moved.items()), ZERO)

    def utilisation(self, mark: Marks, changes: dict[str, Decimal] | None = None) -> Decimal | None:
        """Give requirement over margin balance; None without a requirement, infinite without a balance."""
        requirement = self.gross_value(mark, changes) * self.risk.margin_requirement
        if requirement == 0:
            return None
        balance = self.collateral_value(mark) + self.unrealized_total(mark)
        return requirement / balance if balance > 0 else Decimal("Infinity")

    def violation(self, mark: Marks) -> str | None:
        """Give the name of the refusal for the first limit that is breached as things stand, or None."""
        values = {asset: held.quantity * mark(asset) for asset, held in self.positions.items()}
        for asset, value in values.items():
            limit = self.limits.get(asset, Limit())
            if value > limit.long:
                return "backend:trade:marginLongNOP"
            if -value > limit.short:
                return "backend:trade:marginShortNOP"
        short = -sum((value for value in values.values() if value < 0), ZERO)
        if short > self.risk.total_short_position_limit:
            return "backend:trade:marginTotalShortNOP"
        used = self.utilisation(mark)
        if used is not None and (used > ONE or used >= self.risk.margin_call):
            return "backend:trade:marginInsufficientCollateral"
        return None

    def _reduces(self, moves: dict[str, Decimal]) -> bool:
        """Whether a trade brings every position that it moves nearer to zero and none beyond it."""
        return all(
            self.quantity(asset) * change < 0 and abs(change) <= abs(self.quantity(asset))
            for asset, change in moves.items()
        )

    def check(self, changes: dict[str, Decimal], working: dict[str, Decimal], mark: Marks) -> None:
        """Refuse a trade of signed `changes` by asset that the limits or the collateral do not bear.

        `working` is what other working margin orders would add in the same direction, so that two resting
        orders cannot together pass a limit that each respects.
        """
        moves = {asset: change for asset, change in changes.items() if asset not in USD_LIKE}
        if self.liquidation is not None:
            # "Account is in liquidation, or trade would trigger liquidation" (400 example).
            raise RefusedError("backend:trade:willTriggerLiquidation")
        if self.blocked is not None and not self._reduces(moves):
            raise RefusedError(self.blocked)
        for asset, change in moves.items():
            value = (self.quantity(asset) + working.get(asset, ZERO) + change) * mark(asset)
            limit = self.limits.get(asset, Limit())
            # Only the direction of the trade is checked: what brings a position back is let through.
            if change > 0 and value > limit.long:
                raise RefusedError("backend:trade:marginLongNOP")
            if change < 0 and -value > limit.short:
                raise RefusedError("backend:trade:marginShortNOP")
        after = self._after({asset: change + working.get(asset, ZERO) for asset, change in moves.items()})
        shorts = sum((-qty * mark(asset) for asset, qty in after.items() if qty < 0), ZERO)
        before = self._after({})
        shorts_before = sum((-qty * mark(asset) for asset, qty in before.items() if qty < 0), ZERO)
        if shorts > self.risk.total_short_position_limit and shorts > shorts_before:
            raise RefusedError("backend:trade:marginTotalShortNOP")
        self._check_collateral(moves, mark)

    def _check_collateral(self, moves: dict[str, Decimal], mark: Marks) -> None:
        collateral = self.collateral_value(mark)
        if collateral <= 0 or collateral < self.risk.minimum_transferred_collateral:
            raise RefusedError("backend:trade:marginInsufficientCollateral")
        now = self.utilisation(mark) or ZERO
        if now >= self.risk.liquidation:
            raise RefusedError("backend:trade:willTriggerLiquidation")
        after = self.utilisation(mark, moves) or ZERO
        if after <= now:
            return
        if after > ONE:
            raise RefusedError("backend:trade:marginInsufficientCollateral")
        if after >= self.risk.liquidation:
            raise RefusedError("backend:trade:willTriggerLiquidation")

    def _after(self, changes: dict[str, Decimal]) -> dict[str, Decimal]:
        moved = {asset: held.quantity for asset, held in self.positions.items()}
        for asset, change in changes.items():
            if asset not in USD_LIKE:
                moved[asset] = moved.get(asset, ZERO) + change
        return moved
