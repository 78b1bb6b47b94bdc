"""The trades of an account as GET trades shows them: those of its orders, planted ones, generated ones.

What happened stays in the orders' own fills; hiding or changing a trade changes only what is shown.
"""

from bisect import bisect_left, insort
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from .generated import GeneratedTrades
from .orders import Trade
from .series import View, page, to_us, view
from .settlement import Settlements


@dataclass(frozen=True, slots=True)
class TradeFilter:
    """The filters of GET trades; None is no filter, `…_since` inclusive, `…_before` exclusive."""

    order_id: str | None = None
    funding: str | None = None
    settled: bool | None = None
    since: datetime | None = None
    before: datetime | None = None
    created_since: datetime | None = None
    created_before: datetime | None = None


@dataclass(slots=True)
class History:
    """The kept trades by time, the generated ones before them, and what is settled."""

    kept: list[Trade] = field(default_factory=list)
    by_id: dict[str, Trade] = field(default_factory=dict)
    generated: GeneratedTrades | None = None
    settlements: Settlements = field(default_factory=Settlements)

    def record(self, trade: Trade) -> None:
        """Keep a trade."""
        insort(self.kept, trade, key=lambda one: one.time)
        self.by_id[trade.id] = trade

    def __len__(self) -> int:
        """How many trades are shown."""
        rows = self._view(TradeFilter())
        return len(self.kept) + (len(rows) if rows is not None else 0)

    def find(self, trade_id: str) -> Trade | None:
        """Give a trade that is shown; None if there is none."""
        kept = self.by_id.get(trade_id)
        if kept is not None or self.generated is None:
            return kept
        index = self.generated.index(trade_id)
        return None if index is None else self.generated.trade(index)

    def settle_date(self, trade: Trade) -> datetime | None:
        """Give the date on which a trade settled; None if it has not."""
        return self.settlements.date(trade.product, trade.time)

    def page(self, wanted: TradeFilter, offset: int, limit: int) -> list[Trade]:
        """Give a page of the trades that pass, newest first."""
        rows = self._view(wanted)
        kept = [trade for trade in reversed(self.kept) if self._passes(trade, wanted)]
        return page(kept, rows, _ahead(rows), self._build, offset, limit)

    def hide(self, trade: Trade) -> None:
        """Show a trade no more."""
        if self.by_id.pop(trade.id, None) is not None:
            self.kept.remove(trade)
        elif self.generated is not None:
            self.generated.hide(trade.id)

    def change(self, trade: Trade, price: Decimal | None, quantity: Decimal | None) -> Trade:
        """Show a trade with another price or quantity; give it as it is shown now."""
        price = price if price is not None else trade.price
        quantity = quantity if quantity is not None else trade.quantity
        changed = replace(trade, price=price, quantity=quantity, quote_quantity=price * quantity)
        self.hide(trade)
        self.record(changed)
        return changed

    def _build(self, index: int) -> Trade:
        if self.generated is None:
            raise LookupError(f"expected a generated trade, was {index}")
        return self.generated.trade(index)

    def _passes(self, trade: Trade, wanted: TradeFilter) -> bool:
        return (
            (wanted.order_id is None or trade.order_id == wanted.order_id)
            and (wanted.funding is None or trade.funding == wanted.funding)
            and (wanted.settled is None or wanted.settled == (self.settle_date(trade) is not None))
            and _within(trade.time, wanted.since, wanted.before)
            and _within(trade.creation, wanted.created_since, wanted.created_before)
        )

    def _view(self, wanted: TradeFilter) -> View | None:
        """Give the generated trades that pass: every filter is a range of indices, or every n-th of them."""
        if self.generated is None:
            return None
        source = self.generated
        since = _latest(wanted.since, source.traded_at(wanted.created_since))
        before = _earliest(wanted.before, source.traded_at(wanted.created_before))
        rows = view(source.series, since, before, source.pick(wanted.funding))
        low, high = rows.low, rows.high
        if wanted.order_id is not None:
            index = source.index_of_order(wanted.order_id)
            low, high = (max(low, index), min(high, index + 1)) if index is not None else (0, 0)
        if wanted.settled is not None:
            border = self._settled_border(source)
            low, high = (low, min(high, border)) if wanted.settled else (max(low, border), high)
        return replace(rows, low=low, high=max(low, high))

    def _settled_border(self, source: GeneratedTrades) -> int:
        """Give the first generated trade that has not settled."""
        if source.never_settle:
            return 0

        def unsettled(index: int) -> bool:
            return self.settle_date(source.trade(index)) is None

        return bisect_left(range(source.series.count), True, key=unsettled)  # noqa: FBT003 - the value looked for


def _ahead(rows: View | None) -> Callable[[Trade], int]:
    def ahead(trade: Trade) -> int:
        return rows.newer_than(to_us(trade.time), rows.series.time_us) if rows is not None else 0

    return ahead


def _within(moment: datetime, since: datetime | None, before: datetime | None) -> bool:
    return (since is None or moment >= since) and (before is None or moment < before)


def _latest(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((moment for moment in (one, other) if moment is not None), default=None)


def _earliest(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((moment for moment in (one, other) if moment is not None), default=None)
