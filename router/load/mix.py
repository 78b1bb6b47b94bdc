"""What a run asks for: kinds of requests by weight, with sides, sizes and limits drawn from a seed."""

import enum
import itertools
import random
from collections.abc import Mapping, Sequence
from decimal import Decimal

import msgspec

from router.core.money import BPS, ONE, add, format_amount, mul, round_down, round_up, sub


class Kind(enum.StrEnum):
    """What is sent."""

    ORDER = "order"
    RFQ = "rfq"
    ACCEPT = "accept"
    """An RFQ, and its best quote accepted."""


class Sizes(msgspec.Struct, frozen=True):
    """Quantities from `low` in `steps` further steps of `step`."""

    low: Decimal
    step: Decimal
    steps: int

    def draw(self, chance: random.Random) -> str:
        """One of them, each as likely as the others."""
        if not self.steps:
            return format_amount(self.low)
        return format_amount(add(self.low, mul(self.step, Decimal(chance.randint(0, self.steps)))))


class Limit(msgspec.Struct, frozen=True):
    """Limits from `offset_bps_min` to `offset_bps_max` beyond a reference price, rounded to `price_step`.

    Beyond is where it trades: above the reference for a buy, below for a sell. `reference_price`: None takes
    what the router last said of the product in this run.
    """

    offset_bps_min: int
    offset_bps_max: int
    price_step: Decimal
    reference_price: Decimal | None = None

    def price(self, reference: Decimal, offset_bps: int, side: str) -> Decimal:
        """A limit; rounded against what it may pay, so that it is never beyond the offset."""
        offset = mul(Decimal(offset_bps), BPS)
        if side == "buy":
            return round_down(mul(reference, add(ONE, offset)), self.price_step)
        return round_up(mul(reference, sub(ONE, offset)), self.price_step)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of request. `fields`: what else its body says, as it stands in the plan."""

    name: str
    weight: int
    kind: Kind
    product: str
    sides: tuple[str, ...]
    sizes: Sizes
    quantity_currency: str
    type: str | None = None
    limit: Limit | None = None
    accept_after_ms: int = 0
    fields: Mapping[str, object] = {}


class Drawn(msgspec.Struct, frozen=True):
    """A request of a run, but for what is known only when it is sent: the price that a limit refers to."""

    number: int
    entry: Entry
    side: str
    quantity: str
    offset_bps: int

    def body(self, client_order_id: str, reference: Decimal | None) -> dict[str, object]:
        """The body of the order, or of the RFQ. `reference`: the product's price, where a limit wants one."""
        entry = self.entry
        body: dict[str, object] = {
            "product": entry.product,
            "side": self.side,
            "quantity": self.quantity,
            "quantity_currency": entry.quantity_currency,
        }
        if entry.kind is Kind.ORDER:
            body |= {"client_order_id": client_order_id, "type": entry.type}
            limit = entry.limit
            if limit is not None:
                price = limit.reference_price or reference
                if price is None:
                    raise ValueError(f"expected a price of {entry.product} for its limits, was none")
                body["limit_price"] = format_amount(limit.price(price, self.offset_bps, self.side))
        return {**body, **entry.fields}


class Mix:
    """Draws requests; the same seed draws the same ones, whatever the answers are."""

    def __init__(self, entries: Sequence[Entry], chance: random.Random) -> None:
        self._entries = entries
        self._bounds = list(itertools.accumulate(entry.weight for entry in entries))
        self._chance = chance
        self._number = 0

    def draw(self) -> Drawn:
        """The next request."""
        chance = self._chance
        entry = chance.choices(self._entries, cum_weights=self._bounds)[0]
        limit = entry.limit
        self._number += 1
        return Drawn(
            self._number,
            entry,
            chance.choice(entry.sides),
            entry.sizes.draw(chance),
            0 if limit is None else chance.randint(limit.offset_bps_min, limit.offset_bps_max),
        )
