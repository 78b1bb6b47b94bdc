"""Walking a book: what an order would take from it, level by level.  Pure: nothing is changed here."""

from dataclasses import dataclass
from decimal import Decimal

from .market import Level
from .money import ZERO, floor_to


@dataclass(frozen=True, slots=True)
class Take:
    """What is taken from one level, in base currency."""

    level: Level
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Plan:
    """The walk's result: what is taken, and whether that satisfies the order."""

    takes: tuple[Take, ...]
    complete: bool

    @property
    def cost(self) -> Decimal:
        """Give the quote currency that the takes come to."""
        return sum((take.level.price * take.quantity for take in self.takes), ZERO)

    @property
    def quantity(self) -> Decimal:
        """Give the base currency that the takes come to."""
        return sum((take.quantity for take in self.takes), ZERO)

    @property
    def worst(self) -> Decimal | None:
        """Give the price of the last level that is taken."""
        return self.takes[-1].level.price if self.takes else None


def plan(
    levels: list[Level],
    *,
    side: str,
    amount: Decimal,
    in_quote: bool,
    limit: Decimal | None,
    increment: Decimal,
) -> Plan:
    """Walk `levels` from the best until `amount` is satisfied or `limit` stops it.

    `amount` is in quote currency if `in_quote`: then each level gives floor(remaining / price) to the base
    increment, and the order is satisfied when what remains does not buy one increment at the level's price.
    """
    takes: list[Take] = []
    left = amount
    for level in levels:
        if left <= 0 or (limit is not None and _beyond(level.price, limit, side)):
            break
        wanted = floor_to(left / level.price, increment) if in_quote else left
        # A division that was rounded up must not spend more than there is.
        if in_quote and wanted * level.price > left:
            wanted -= increment
        if wanted <= 0:
            return Plan(tuple(takes), complete=True)
        taken = min(wanted, floor_to(level.size, increment))
        if taken > 0:
            takes.append(Take(level, taken))
            left -= taken * level.price if in_quote else taken
    if in_quote and takes and left < takes[-1].level.price * increment:
        left = ZERO
    return Plan(tuple(takes), complete=left <= 0)


def _beyond(price: Decimal, limit: Decimal, side: str) -> bool:
    return price > limit if side == "buy" else price < limit
