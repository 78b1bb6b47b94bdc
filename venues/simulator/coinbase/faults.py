"""The faults of a portfolio while they last: those of its calls, and those of quotes, orders and credit."""

from dataclasses import dataclass
from decimal import Decimal
from random import Random

from venues.simulator.coinbase.fault_model import PrimeFaultSet, QuoteFault
from venues.simulator.faults import Faults


@dataclass(frozen=True, slots=True)
class OrderTurn:
    """What the faults have in store for one order; the default is nothing."""

    taken_late_s: float = 0.0
    fill_delay_s: float = 0.0
    fills_late_s: float = 0.0
    cancel_delay_s: float = 0.0
    partial_fill: Decimal | None = None
    late_failure: str | None = None


class PrimeFaults:
    """The fault set of one portfolio, with what is left of each count."""

    def __init__(self, faults: PrimeFaultSet, draws: Random) -> None:
        self.calls = Faults(faults.calls(), draws)
        self._set = faults
        self._left: dict[str, int | None] = {}
        self._recount(faults)

    def replace(self, faults: PrimeFaultSet) -> None:
        """Put another fault set in the place of the present one."""
        self.calls.replace(faults.calls())
        self._recount(faults)

    def quote(self) -> QuoteFault:
        """Give what is wrong with the next quote; it is counted down."""
        fault = self._set.quotes
        return fault if fault is not None and self._use("quotes") else QuoteFault()

    def order(self) -> OrderTurn:
        """Give what the next order has coming; it is counted down."""
        fault = self._set.orders
        if fault is None or not self._use("orders"):
            return OrderTurn()
        return OrderTurn(
            taken_late_s=(fault.taken_late_ms or 0.0) / 1000,
            fill_delay_s=(fault.fill_delay_ms or 0.0) / 1000,
            fills_late_s=(fault.fills_late_ms or 0.0) / 1000,
            cancel_delay_s=(fault.cancel_delay_ms or 0.0) / 1000,
            partial_fill=Decimal(fault.partial_fill) if fault.partial_fill is not None else None,
            late_failure=fault.late_failure,
        )

    def credit(self) -> str | None:
        """Give what becomes of the credit line at this order, if anything; it is counted down."""
        fault = self._set.credit
        return fault.on_order if fault is not None and self._use("credit") else None

    def _recount(self, faults: PrimeFaultSet) -> None:
        self._set = faults
        self._left = {
            "quotes": faults.quotes.count if faults.quotes is not None else None,
            "orders": faults.orders.count if faults.orders is not None else None,
            "credit": faults.credit.count if faults.credit is not None else None,
        }

    def _use(self, part: str) -> bool:
        left = self._left[part]
        if left == 0:
            return False
        if left is not None:
            self._left[part] = left - 1
        self.calls.applied[part] += 1
        return True
