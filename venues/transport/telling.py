"""What an adapter has to tell, and whom: nobody before it runs."""

from collections.abc import Mapping
from decimal import Decimal

from router.core.model import OrderReport
from router.ports import ForeignOrder, Health, VenueListener


class Telling:
    """The listener of one connection, once there is one; what comes before that is told to nobody."""

    def __init__(self, connection_id: str) -> None:
        self._connection_id = connection_id
        self.listener: VenueListener | None = None

    def order(self, report: OrderReport) -> None:
        """Something was said of an order."""
        if self.listener is not None:
            self.listener.order_reported(self._connection_id, report)

    def foreign_order(self, order: ForeignOrder) -> None:
        """Something was said of an order that this router did not send."""
        if self.listener is not None:
            self.listener.foreign_order(self._connection_id, order)

    def balances(self, stated: Mapping[str, Decimal], asked_at: int) -> None:
        """Balances were stated to a request sent at `asked_at`."""
        if self.listener is not None:
            self.listener.balances_stated(self._connection_id, stated, asked_at)

    def bad_data(self, product: str, what: str) -> None:
        """Something was dropped; `what` is one of a few words."""
        if self.listener is not None:
            self.listener.bad_data(self._connection_id, product, what)

    def health(self, health: Health) -> None:
        """The connection's state is another than before."""
        if self.listener is not None:
            self.listener.health_changed(self._connection_id, health)

    def request(self, operation: str, result: str, latency_ns: int, request_id: str | None) -> None:
        """One request ended."""
        if self.listener is not None:
            self.listener.request_answered(self._connection_id, operation, result, latency_ns, request_id)
