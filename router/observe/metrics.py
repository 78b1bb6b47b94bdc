"""The metrics, in a registry of their own. Every label takes its values from a bounded set.

Labels are connections (as configured), products never, and the contract's codes, reasons and states. What an
order counts in is bound once (`bound`), all that is counted is made of plain integers (`families`); the
library shows how connections are at each scrape.
"""

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from router.core.errors import Code
from router.core.model import Connection, OrderStatus, VenueState
from router.core.movement import MoveKind
from router.core.moving import MovePhase
from router.observe.bound import Answers, Seats
from router.observe.families import Counts, Gauges, Histograms
from router.ports import ConnectionState, ConnectionView

_FAST = (0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)
FINAL_STATUSES = (OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.EXPIRED)
_SLOW = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


STORE_OPERATIONS = ("accept", "append", "keep_competition", "open_orders", "order")
"""What `Observer.store_failed` is told of."""


class Metrics:
    """Every series of the router. Names carry the unit; totals end in `_total`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._families: list[Counts | Gauges | Histograms] = []
        self._connections: Callable[[], Iterable[ConnectionView]] = tuple
        self._expected: set[Connection] = set()
        prefix = "caas_router_"

        def counter(name: str, text: str, *labels: str) -> Counts:
            family = Counts(prefix + name, text, *labels)
            self._families.append(family)
            return family

        def gauge(name: str, text: str, *labels: str) -> Gauges:
            family = Gauges(prefix + name, text, *labels)
            self._families.append(family)
            return family

        def histogram(
            name: str, text: str, bounds_s: tuple[float, ...], *labels: str, quiet: bool = False
        ) -> Histograms:
            family = Histograms(prefix + name, text, bounds_s, *labels, quiet=quiet)
            self._families.append(family)
            return family

        self.competitions = counter("competitions", "Competitions by result", "result")
        self.quotes = counter("quotes", "What became of connections in competitions", "connection", "outcome")
        self.quote_latency = histogram(
            *("quote_latency_seconds", "From the question to the quote", _FAST, "connection", "source"),
            quiet=True,
        )
        self.wins = counter("wins", "Competitions won", "connection")
        self.exclusions = counter(
            "exclusions", "Connections that were out, by reason", "connection", "reason"
        )
        self.orders = counter("orders", "Orders by final status", "status")
        self.order_round_trip = histogram(
            "order_round_trip_seconds", "From the send to the counterparty's answer", _SLOW, "connection"
        )
        self.order_duration = histogram(
            "order_duration_seconds", "From the acceptance to the end of an order", _SLOW
        ).of()
        self.credit_failures = counter(
            "credit_failures", "Orders refused for want of credit", "connection", "code"
        )
        self.contradictions = counter(
            "contradictions", "Reports of orders as other than they had ended", "connection"
        )
        self.orders_in_doubt = gauge(
            "orders_in_doubt", "Orders that may be live and are being looked up", "connection"
        )
        self.orders_in_doubt_overdue = gauge(
            "orders_in_doubt_overdue",
            "Orders in doubt for longer than their settling window and the bound: somebody must look",
            "connection",
        )
        self.margin_operations = counter(
            "margin_operations", "Margin operations by what became of them", "kind", "result"
        )
        self.margin_operations_in_doubt = gauge(
            "margin_operations_in_doubt",
            "Margin operations that may have been done and are being looked up",
            *("connection", "kind"),
        )
        self.margin_operations_in_doubt_overdue = gauge(
            "margin_operations_in_doubt_overdue",
            "Margin operations in doubt for longer than they should be: somebody must look",
            *("connection", "kind"),
        )
        self.venue_requests = counter(
            "venue_requests", "Requests to counterparties", "connection", "operation", "result"
        )
        self.venue_request = histogram(
            "venue_request_seconds", "Answer times of counterparties", _SLOW, "connection", "operation"
        )
        self.bad_data = counter(
            "bad_data", "Messages dropped because they cannot be true", "connection", "what"
        )
        self.foreign_orders = counter(
            "foreign_orders",
            "Reports of orders that this router did not send, by state",
            *("connection", "order_state"),
        )
        self.store_failures = counter("store_failures", "Journal writes that failed", "operation")
        self.overloads = counter("overload_refusals", "Orders and RFQs that there was no room for").of()
        self.loop_lag = histogram("event_loop_lag_seconds", "How late the event loop runs", _FAST).of()
        self.seats = Seats(self.quotes, self.exclusions, self.quote_latency, self.wins, self.order_round_trip)
        self.answers = Answers(self.venue_requests, self.venue_request)

    def watch(self, connections: Callable[[], Iterable[ConnectionView]], now: Callable[[], int]) -> None:
        """Show the connections' condition as it is at each scrape, and every series that has to be there.

        A series that first appears with its first event has no increase then, and no alert hears of it.
        """
        self._connections = connections
        self.registry.register(_ConnectionCollector(connections, now))
        for result in ("won", "no_quotes", "no_eligible_counterparty", "rfq"):
            self.competitions.of(result)
        for status in FINAL_STATUSES:
            self.orders.of(status.value)
        for operation in STORE_OPERATIONS:
            self.store_failures.of(operation)
        for kind in MoveKind:
            for end in (MovePhase.DONE, MovePhase.REJECTED):
                self.margin_operations.of(kind.value, end.value)

    def text(self) -> bytes:
        """The exposition, in Prometheus' text format."""
        # Also of connections that were made since the last scrape.
        for view in self._connections():
            self._expect(view.connection)
        own = "".join(line for family in self._families for line in family.lines())
        return own.encode() + generate_latest(self.registry)

    def _expect(self, connection: Connection) -> None:
        """Have the series of a connection before anything happens there."""
        name = connection.id
        if connection in self._expected:
            return
        self._expected.add(connection)
        self.orders_in_doubt.of(name)
        self.orders_in_doubt_overdue.of(name)
        self.contradictions.of(name)
        self.seats.of(name)
        for state in VenueState:
            self.foreign_orders.of(name, state.value)
        if not connection.pts:
            return
        for code in Code:
            if code.is_credit:
                self.credit_failures.of(name, code.value)
        for kind in MoveKind:
            self.margin_operations_in_doubt.of(name, kind.value)
            self.margin_operations_in_doubt_overdue.of(name, kind.value)


class _ConnectionCollector(Collector):
    def __init__(self, connections: Callable[[], Iterable[ConnectionView]], now: Callable[[], int]) -> None:
        self._connections = connections
        self._now = now

    def collect(self) -> Iterable[Metric]:
        budget = GaugeMetricFamily(
            "caas_router_request_budget_left", "Requests that could go out now", labels=("connection",)
        )
        age = GaugeMetricFamily(
            "caas_router_feed_age_seconds", "Since the last message of the feed", labels=("connection",)
        )
        state = GaugeMetricFamily(
            "caas_router_connection_state", "1 for the state it is in", labels=("connection", "state")
        )
        now = self._now()
        for view in self._connections():
            name, health = view.connection.id, view.health
            budget.add_metric((name,), health.budget_left)
            if health.feed_at is not None:
                age.add_metric((name,), max(0, now - health.feed_at) / 1e9)
            for each in ConnectionState:
                state.add_metric((name, each.value), 1 if health.state is each else 0)
        return (budget, age, state)
