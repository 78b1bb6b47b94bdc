"""What makes up an account's unsettled position: the legs of margin fills, and transfers that cover them.

Source: bitgo-prime OpenAPI, GET margin/positions/activity ("unsettled fill legs and position transfers") and
GET margin/netopenpositions/snapshot.  Nothing is ever settled here, so the sum of all legs in a currency is
its unsettled position.  Dollars have legs too, for a fill owes or is owed them, though they are no position
that bears a risk and do not stand among the net open positions.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from .money import ZERO

BASE_LEG = "fill-base-leg"
QUOTE_LEG = "fill-quote-leg"
TRANSFER = "position-transfer"
KINDS = (BASE_LEG, QUOTE_LEG, TRANSFER)


@dataclass(frozen=True, slots=True)
class Leg:
    """One signed contribution to a currency's position; `id` is that of the fill or of the transfer."""

    kind: str
    id: str
    currency: str
    quantity: Decimal
    time: datetime


@dataclass(frozen=True, slots=True)
class SnapshotRow:
    """A currency's position as of a moment; `applied` is what later transfers cover of a short one."""

    currency: str
    position: Decimal
    earliest: datetime
    latest: datetime
    applied: Decimal = ZERO
    latest_applied: datetime | None = None


class Unsettled:
    """The legs of an account in the order in which they came."""

    def __init__(self) -> None:
        self.legs: list[Leg] = []
        self._totals: dict[str, Decimal] = {}

    def total(self, currency: str) -> Decimal:
        """Give the signed unsettled position in a currency."""
        return self._totals.get(currency, ZERO)

    def add(self, leg: Leg) -> None:
        """Take a leg in."""
        self.legs.append(leg)
        self._totals[leg.currency] = self.total(leg.currency) + leg.quantity

    def activity(
        self,
        since: datetime | None,
        before: datetime | None,
        currencies: list[str],
        kinds: list[str],
    ) -> list[Leg]:
        """Give the legs of a time range, the newest first; an empty list of names or kinds means all."""
        return [
            leg
            for leg in reversed(self.legs)
            if (since is None or leg.time >= since)
            and (before is None or leg.time < before)
            and (not currencies or leg.currency in currencies)
            and (not kinds or leg.kind in kinds)
        ]

    def snapshot(
        self, before: datetime, currencies: list[str], *, future_transfers: bool
    ) -> Iterator[SnapshotRow]:
        """Give the positions that the legs before a moment came to, without those that came to nothing."""
        by_currency: dict[str, list[Leg]] = {}
        for leg in self.legs:
            if not currencies or leg.currency in currencies:
                by_currency.setdefault(leg.currency, []).append(leg)
        for currency, legs in sorted(by_currency.items()):
            past = [leg for leg in legs if leg.time < before]
            position = sum((leg.quantity for leg in past), ZERO)
            if position == 0:
                continue
            sent = [leg for leg in legs if leg.kind == TRANSFER and leg.time >= before and leg.quantity > 0]
            covers = future_transfers and position < 0 and bool(sent)
            yield SnapshotRow(
                currency=currency,
                position=position,
                earliest=past[0].time,
                latest=past[-1].time,
                applied=min(-position, sum((leg.quantity for leg in sent), ZERO)) if covers else ZERO,
                latest_applied=sent[-1].time if covers else None,
            )
