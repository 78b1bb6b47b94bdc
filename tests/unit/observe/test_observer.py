"""One function a domain event: it writes one line and it counts. Lines are asserted whole."""

from collections.abc import Callable

import pytest

from router.core.errors import Code, OrderError, VenueError
from router.core.model import OrderStatus, Outcome, Reason, Side, Source, VenueState
from router.core.order import (
    NotRouted,
    Order,
    ProvedAbsent,
    Refused,
    Reported,
    Routed,
    WentInDoubt,
    step,
)
from router.core.record import CompetitionRecord, EntryRecord, RfqRecord
from router.observe.observer import Observer
from router.ports import ConnectionState, ForeignOrder, Health
from router.secrets import Secret
from tests.fakes.world import Seen
from tests.unit import build
from tests.unit.build import T0, D

NO_CREDIT = OrderError(
    Code.CREDIT_LONG_LIMIT,
    "no more",
    connection_id="pts",
    venue_error=VenueError(
        name="backend:trade:marginLongNOP", message="no", request_id="unk-1", http_status=400
    ),
)


def entry(name: str, outcome: Outcome, reason: Reason | None = None, **changed: object) -> EntryRecord:
    fields: dict[str, object] = {
        "connection": build.connection(name),
        "outcome": outcome,
        "reason": reason,
        "source": None,
        "firm": False,
        "complete": True,
        "late": False,
    }
    nothing = dict.fromkeys(
        (
            *("price", "price_worst", "all_in_price", "fee", "quantity_base", "rank"),
            *("asked_at", "answered_at", "valid_until", "quote_id", "detail"),
        )
    )
    return EntryRecord(**nothing | fields | changed)  # type: ignore[arg-type]  # the fields are named above


def record(*entries: EntryRecord, winner: str | None = None, rfq_id: str | None = None) -> CompetitionRecord:
    return CompetitionRecord(
        id="competition-1",
        order_id=None if rfq_id else "order-1",
        rfq_id=rfq_id,
        request=build.request(),
        slippage_bps_max=D(50),
        collar_bps=D(500),
        opened_at=T0,
        deadline_at=T0,
        closed_at=T0,
        arrival_price=None,
        cover_price=None,
        winner=winner,
        entries=entries,
    )


def walk(seen: Seen, order: Order, *events: object) -> Order:
    """Take an order through events, each observed."""
    for event in events:
        before, order = order, step(order, event, order.updated_at + 1_000_000_000)  # type: ignore[arg-type]  # events
        seen.observer.order_changed(before, order, type(event).__name__)
    return order


def routed(name: str = "bitgo-spot") -> Routed:
    return Routed(
        build.attempt(connection=build.connection(name), outbound=build.outbound(connection_id=name)),
        "c-1",
        None,
    )


def test_a_step_of_an_order_is_a_line_for_who_looks_for_a_fault() -> None:
    seen = Seen()
    walk(seen, build.order(), routed())
    assert seen.lines() == [
        {
            "event": "order_changed",
            "level": "debug",
            "order_id": "order-1",
            "client_order_id": "desk-7-000123",
            "event_type": "Routed",
            "status": "pending_new",
            "in_doubt": False,
            "connection": "bitgo-spot",
            "venue_order_id": None,
            "filled_quantity": "0",
            "code": None,
            "detail": None,
            "venue_error": None,
        }
    ]


def test_a_refusal_is_a_warning_with_the_counterparty_s_own_words() -> None:
    seen = Seen()
    walk(seen, build.order(), routed("pts"), Refused(NO_CREDIT))
    assert seen.lines("order_changed")[-1] == {
        "event": "order_changed",
        "level": "warning",
        "order_id": "order-1",
        "client_order_id": "desk-7-000123",
        "event_type": "Refused",
        "status": "rejected",
        "in_doubt": False,
        "connection": "pts",
        "venue_order_id": None,
        "filled_quantity": "0",
        "code": "credit_long_limit",
        "detail": "no more",
        "venue_error": {
            "name": "backend:trade:marginLongNOP",
            "message": "no",
            "request_id": "unk-1",
            "http_status": 400,
        },
    }
    assert seen.value("orders_total", status="rejected") == 1
    assert seen.value("credit_failures_total", connection="pts", code="credit_long_limit") == 1


def test_a_refusal_that_the_next_best_comes_after_is_a_warning_too() -> None:
    seen = Seen(debugging=False)
    walk(seen, build.order(), routed("pts"), Refused(NO_CREDIT, final=False), routed("other"))
    (line,) = seen.lines()
    assert (line["event"], line["level"], line["status"]) == ("order_changed", "warning", "pending_new")
    assert (line["connection"], line["code"], line["detail"]) == ("pts", "credit_long_limit", "no more")


def test_a_credit_failure_is_counted_once_whatever_follows_it() -> None:
    seen = Seen()
    walk(seen, build.order(), routed("pts"), Refused(NO_CREDIT, final=False), NotRouted(NO_CREDIT))
    assert seen.value("credit_failures_total", connection="pts", code="credit_long_limit") == 1


def test_a_credit_failure_after_the_order_was_taken_is_counted() -> None:
    seen = Seen()
    failed = Reported(build.report(VenueState.FAILED, error=NO_CREDIT))
    walk(seen, build.order(), routed("pts"), Reported(build.report()), failed, failed)
    assert seen.value("credit_failures_total", connection="pts", code="credit_long_limit") == 1


def test_a_refusal_for_another_reason_is_no_credit_failure() -> None:
    seen = Seen()
    walk(seen, build.order(), routed(), Refused(OrderError(Code.VENUE_REJECTED, "no")))
    assert "caas_router_credit_failures_total{" not in seen.metrics.text().decode()


@pytest.mark.parametrize(
    "evidence", [Reported(build.report(VenueState.DONE, build.fill())), ProvedAbsent("not found")]
)
def test_the_gauge_of_orders_in_doubt_goes_up_and_down(evidence: object) -> None:
    seen = Seen()
    doubtful = walk(seen, build.order(), routed(), WentInDoubt("reset", T0), WentInDoubt("again", T0))
    assert seen.value("orders_in_doubt", connection="bitgo-spot") == 1
    assert seen.lines()[-1]["level"] == "warning"
    walk(seen, doubtful, evidence)
    assert seen.value("orders_in_doubt", connection="bitgo-spot") == 0


def test_a_doubt_and_its_end_are_told_at_once() -> None:
    seen = Seen(debugging=False)
    whole = Reported(build.report(VenueState.DONE, build.fill()))
    walk(seen, build.order(), routed(), WentInDoubt("reset", T0), whole)
    told = [(line["event"], line["level"], line.get("in_doubt")) for line in seen.lines()]
    assert told == [
        ("order_changed", "warning", True),
        ("order_changed", "info", False),
        ("order", "info", None),
    ]


def test_the_gauge_counts_orders_that_were_taken_up_in_doubt() -> None:
    order = build.order()
    for event in (routed(), WentInDoubt("reset", T0)):
        order = step(order, event, T0)
    seen = Seen()
    seen.observer.order_taken_up(order)
    assert seen.value("orders_in_doubt", connection="bitgo-spot") == 1
    assert seen.lines() == [
        {
            "event": "order_taken_up",
            "level": "info",
            "order_id": "order-1",
            "client_order_id": "desk-7-000123",
            "phase": "in_doubt",
            "connection": "bitgo-spot",
        }
    ]
    walk(seen, order, ProvedAbsent("not found"))
    assert seen.value("orders_in_doubt", connection="bitgo-spot") == 0


def test_the_end_of_an_order_is_counted_once_with_its_duration() -> None:
    seen = Seen()
    whole = build.report(VenueState.DONE, build.fill())
    late = Reported(build.report(VenueState.DONE, build.fill(), build.fill("trade-2")))
    order = walk(seen, build.order(), routed(), Reported(whole), late)
    assert order.status is OrderStatus.FILLED
    assert seen.value("orders_total", status="filled") == 1
    assert seen.value("order_duration_seconds_count") == 1
    assert seen.value("order_duration_seconds_sum") == 2


def test_a_competition_is_one_line_and_a_count_for_each_connection() -> None:
    seen = Seen()
    won = entry("a", Outcome.WON, source=Source.REQUEST, asked_at=T0, answered_at=T0 + 2_000_000, rank=1)
    seen.observer.competition_closed(
        record(won, entry("b", Outcome.EXCLUDED, Reason.RATE_LIMITED), winner="a")
    )
    assert seen.lines() == [
        {
            "event": "competition_closed",
            "level": "debug",
            "competition_id": "competition-1",
            "order_id": "order-1",
            "rfq_id": None,
            "product": "BTC-USD",
            "side": "buy",
            "result": "won",
            "winner": "a",
            "entries": {"a": "won", "b": "rate_limited"},
        }
    ]
    assert seen.value("competitions_total", result="won") == 1
    assert seen.value("quotes_total", connection="a", outcome="won") == 1
    assert seen.value("quotes_total", connection="b", outcome="excluded") == 1
    assert seen.value("exclusions_total", connection="b", reason="rate_limited") == 1
    assert seen.value("wins_total", connection="a") == 1
    assert seen.value("quote_latency_seconds_sum", connection="a", source="request") == 0.002


@pytest.mark.parametrize(
    ("made", "result"),
    [
        (record(entry("a", Outcome.LOST), rfq_id="rfq-1"), "rfq"),
        (record(entry("a", Outcome.FAILED, Reason.TIMEOUT)), "no_quotes"),
        (record(entry("a", Outcome.EXCLUDED, Reason.DISABLED)), "no_eligible_counterparty"),
    ],
)
def test_a_competition_counts_by_its_result(made: CompetitionRecord, result: str) -> None:
    seen = Seen()
    seen.observer.competition_closed(made)
    assert seen.value("competitions_total", result=result) == 1


HEALTH = Health(ConnectionState.DOWN, "no answer", False, None, 0, D(1), None, T0)
RFQ = RfqRecord("rfq-1", record(entry("a", Outcome.LOST, rank=1), rfq_id="rfq-1"), T0, T0)
LINES: list[tuple[Callable[[Observer], None], dict[str, object]]] = [
    (
        lambda o: o.listening("127.0.0.1", 8080),
        {"event": "listening", "level": "info", "host": "127.0.0.1", "port": 8080},
    ),
    (lambda o: o.stopping("SIGTERM"), {"event": "stopping", "level": "info", "signal": "SIGTERM"}),
    (
        lambda o: o.stopped(drained=False, in_flight=2),
        {"event": "stopped", "level": "info", "drained": False, "in_flight": 2},
    ),
    (
        lambda o: o.recovered(looked_up=2, interrupted=1),
        {"event": "recovered", "level": "info", "looked_up": 2, "interrupted": 1},
    ),
    (
        lambda o: o.store_failed("append", OSError("full")),
        {"event": "store_failed", "level": "error", "operation": "append", "error": "full"},
    ),
    (
        lambda o: o.store_broken(OSError("no flush")),
        {"event": "store_broken", "level": "error", "error": "no flush"},
    ),
    (
        lambda o: o.quote_came_late("c-1", "pts", 1_500_000),
        {
            "event": "quote_came_late",
            "level": "debug",
            "competition_id": "c-1",
            "connection": "pts",
            "late_ms": 1,
        },
    ),
    (
        lambda o: o.rfq_quoted(RFQ),
        {
            "event": "rfq_quoted",
            "level": "info",
            "rfq_id": "rfq-1",
            "competition_id": "competition-1",
            "product": "BTC-USD",
            "side": "buy",
            "best": "a",
            "entries": {"a": "lost"},
        },
    ),
    (
        lambda o: o.evidence_ignored("pts", "x-1", "not ours"),
        {
            "event": "evidence_ignored",
            "level": "warning",
            "connection": "pts",
            "venue_client_order_id": "x-1",
            "why": "not ours",
        },
    ),
    (
        lambda o: o.look_up_failed("order-1", "pts", "a time-out"),
        {
            "event": "look_up_failed",
            "level": "warning",
            "order_id": "order-1",
            "connection": "pts",
            "detail": "a time-out",
        },
    ),
    (
        lambda o: o.health_changed("pts", HEALTH),
        {
            "event": "health_changed",
            "level": "warning",
            "connection": "pts",
            "state": "down",
            "detail": "no answer",
        },
    ),
    (
        lambda o: o.request_answered("pts", "submit", "timeout", 5_000_000_000, "unk-1"),
        {
            "event": "request_answered",
            "level": "warning",
            "connection": "pts",
            "operation": "submit",
            "result": "timeout",
            "latency_ms": 5000,
            "request_id": "unk-1",
        },
    ),
    (
        lambda o: o.foreign_order(
            "pts", ForeignOrder("v-9", None, "BTC-USD", Side.SELL, VenueState.DONE, D("0.5"), T0)
        ),
        {
            "event": "foreign_order",
            "level": "warning",
            "connection": "pts",
            "venue_order_id": "v-9",
            "venue_client_order_id": None,
            "product": "BTC-USD",
            "side": "sell",
            "state": "done",
            "filled_quantity": "0.5",
        },
    ),
    (
        lambda o: o.bad_data("pts", "BTC-USD", "crossed"),
        {
            "event": "bad_data",
            "level": "warning",
            "connection": "pts",
            "product": "BTC-USD",
            "what": "crossed",
        },
    ),
]


@pytest.mark.parametrize(("tell", "line"), LINES, ids=[str(line["event"]) for _, line in LINES])
def test_an_event_is_one_line(tell: Callable[[Observer], None], line: dict[str, object]) -> None:
    seen = Seen()
    tell(seen.observer)
    assert seen.lines() == [line]


def test_a_request_that_went_well_is_counted_and_not_written() -> None:
    seen = Seen()
    seen.observer.request_answered("pts", "submit", "ok", 20_000_000, None)
    assert seen.lines() == []
    assert seen.value("venue_requests_total", connection="pts", operation="submit", result="ok") == 1
    assert seen.value("venue_request_seconds_sum", connection="pts", operation="submit") == 0.02


def test_what_is_only_counted() -> None:
    seen = Seen()
    seen.observer.order_sent("order-1", "pts", T0, T0 + 30_000_000)
    seen.observer.loop_lagged(-5)
    seen.observer.loop_lagged(2_000_000)
    seen.observer.store_failed("accept", OSError("full"))
    seen.observer.bad_data("pts", "BTC-USD", "crossed")
    assert seen.value("order_round_trip_seconds_sum", connection="pts") == 0.03
    assert seen.value("event_loop_lag_seconds_sum") == 0.002
    assert seen.value("store_failures_total", operation="accept") == 1
    assert seen.value("bad_data_total", connection="pts", what="crossed") == 1


def test_an_order_of_somebody_else_is_counted_by_its_state() -> None:
    seen = Seen()
    seen.observer.foreign_order("pts", ForeignOrder("v-9", None, None, None, VenueState.WORKING, D(0), T0))
    assert seen.value("foreign_orders_total", connection="pts", order_state="working") == 1


def caught() -> Exception:
    try:
        return ValueError(1 // 0)
    except ZeroDivisionError as error:
        return error


@pytest.mark.parametrize("name", ["task_failed", "request_failed"])
def test_a_bug_is_an_error_with_its_traceback(name: str) -> None:
    seen = Seen()
    error = caught()
    if name == "task_failed":
        seen.observer.task_failed("execution", error)
    else:
        seen.observer.request_failed("f-1", "POST", "/v1/orders", error)
    (line,) = seen.lines(name)
    assert line["level"] == "error"
    assert "Traceback" in line["exception"]
    assert "ZeroDivisionError" in line["exception"]
    assert "exc_info" not in line


def test_a_secret_is_in_no_line() -> None:
    seen = Seen()
    token = Secret("v2x-do-not-print")
    seen.observer.log.info("careless", token=token, nested={"token": token}, listed=[token])
    assert "do-not-print" not in seen.text
    assert seen.lines()[0]["token"] == "Secret(…)"
