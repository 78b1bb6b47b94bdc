"""When trades settle.

Source: bitgo-notes, "Settlement is on weekdays at 12:00 Eastern; test orders are never settled"; PrimeTrade,
`settleDate`: "The date when the trade was settled. Null if not yet settled."
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

_DAY = timedelta(days=1)
_SUNDAY = 6


def next_settlement(moment: datetime) -> datetime:
    """Give the first weekday's noon in New York after a moment."""
    day = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    while True:
        noon = day + timedelta(hours=16 if _summer(day) else 17)
        if noon > moment and noon.weekday() < 5:
            return noon
        day += _DAY


def _summer(day: datetime) -> bool:
    """Whether noon of a day in New York is daylight saving time.

    It lasts from the second Sunday of March to the first of November since the Energy Policy Act of 2005;
    a machine without a time zone database knows it too.
    """
    return _sunday(day.year, 3, 2) <= (day.month, day.day) < _sunday(day.year, 11, 1)


def _sunday(year: int, month: int, which: int) -> tuple[int, int]:
    first = datetime(year, month, 1, tzinfo=UTC)
    return month, 1 + (_SUNDAY - first.weekday()) % 7 + 7 * (which - 1)


def is_test(product: str) -> bool:
    """Whether a product is one of the test products, whose orders are never settled."""
    return product.startswith("T") and product.endswith("*")


@dataclass(slots=True)
class Settlements:
    """Which of an account's trades have settled, and when.

    Trades before `standing` settled at the first weekday's noon after them, if that was not after `standing`;
    all others settle when they are told to.
    """

    standing: datetime | None = None
    # (up to which time of trade, when it was done), both ascending.
    runs: list[tuple[datetime, datetime]] = field(default_factory=list)

    def run(self, before: datetime, when: datetime) -> None:
        """Settle every trade before a time that has not settled yet."""
        if not self.runs or before > self.runs[-1][0]:
            self.runs.append((before, when))

    def date(self, product: str, traded: datetime) -> datetime | None:
        """Give the date on which a trade settled; None if it has not."""
        if is_test(product):
            return None
        if self.by_standing(traded):
            return next_settlement(traded)
        for before, when in self.runs:
            if traded < before:
                return when
        return None

    def by_standing(self, traded: datetime) -> bool:
        """Whether a trade had settled when the simulation began."""
        return self.standing is not None and next_settlement(traded) <= self.standing
