"""The exposition: it parses, its labels are bounded, connections are shown as they are at the scrape."""

import asyncio
from contextlib import suppress

from prometheus_client.parser import text_string_to_metric_families

from router.core.errors import Code, UnavailableError
from router.core.model import OrderStatus, Outcome, Reason, Side, Source, VenueState
from router.core.movement import MoveKind
from router.observe.lag import watch_lag
from router.observe.metrics import Metrics
from router.ports import ConnectionState, ConnectionView, Health
from tests.fakes.world import Seen, pts, spot, world
from tests.unit import build
from tests.unit.build import T0, D, request
from tests.virtual_loop import in_virtual_time, pass_time

BOUNDED: dict[str, set[str]] = {
    "result": {"won", "rfq", "no_quotes", "no_eligible_counterparty", "done", "rejected"},
    "connection": {"spot", "pts"},
    "outcome": {each.value for each in Outcome},
    "reason": {each.value for each in Reason},
    "source": {each.value for each in Source},
    "status": {each.value for each in OrderStatus},
    "code": {each.value for each in Code},
    "operation": {"accept", "append", "keep_competition", "open_orders", "order"},
    "state": {each.value for each in ConnectionState},
    "order_state": {each.value for each in VenueState},
    "kind": {each.value for each in MoveKind},
}


def view(health: Health) -> ConnectionView:
    return ConnectionView(build.connection("spot"), "exchange", True, health, ())


def samples(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
    }


def test_every_name_has_the_prefix_and_a_unit_or_a_count() -> None:
    families = list(text_string_to_metric_families(Metrics().text().decode()))
    assert len(families) >= 15
    assert all(family.name.startswith("caas_router_") for family in families)
    assert all(family.documentation for family in families)


@in_virtual_time
async def test_a_busy_router_has_no_label_outside_the_contract_s_words() -> None:
    async with world(spot(), pts()) as w:
        w["spot"].streams("99.00", "100.00")
        w["pts"].streams("99.00", "100.20")
        w.journal.fail_at = {5, 9}
        for number in range(20):
            w["spot"].budget = number % 3
            changed = {"side": Side.SELL} if number % 2 else {}
            with suppress(UnavailableError):
                await w.desk.submit(request(client_order_id=f"o-{number}", **changed))
        await w.desk.request_quote(request(client_order_id=""))
        await w.desk.submit(request(client_order_id="nobody", product="ETH-USD", quantity_currency="ETH"))
        w.desk.listener.order_reported("spot", build.report(venue_client_order_id="of-another"))
        await pass_time(3)
        w.seen.metrics.watch(w.members.views, w.clock.now)

        seen: dict[str, set[str]] = {}
        for _, labels in samples(w.seen.metrics):
            for name, value in labels:
                seen.setdefault(name, set()).add(value)
        del seen["le"]
        assert {name: values - BOUNDED[name] for name, values in seen.items()} == {
            name: set() for name in seen
        }
        assert {"result", "reason", "status", "operation", "state"} <= set(seen)


def test_connections_are_shown_as_they_are_at_each_scrape() -> None:
    metrics = Metrics()
    now = [T0]
    shown = [view(Health(ConnectionState.READY, None, True, T0, 7, D(0), None, T0))]
    metrics.watch(lambda: shown, lambda: now[0])
    now[0] += 1_500_000_000
    found = samples(metrics)
    here = (("connection", "spot"),)
    assert found["caas_router_request_budget_left", here] == 7
    assert found["caas_router_feed_age_seconds", here] == 1.5
    assert found["caas_router_connection_state", (*here, ("state", "ready"))] == 1
    assert found["caas_router_connection_state", (*here, ("state", "down"))] == 0

    shown[0] = view(Health(ConnectionState.DOWN, "gone", False, None, 0, D(1), None, T0))
    found = samples(metrics)
    assert ("caas_router_feed_age_seconds", here) not in found
    assert found["caas_router_connection_state", (*here, ("state", "down"))] == 1


@in_virtual_time
async def test_what_alerts_are_made_of_is_there_before_it_happens() -> None:
    async with world(spot(), pts()) as w:
        w.seen.metrics.watch(w.members.views, w.clock.now)
        found = samples(w.seen.metrics)
    on_pts, on_spot = ("connection", "pts"), ("connection", "spot")
    assert found["caas_router_orders_in_doubt", (on_spot,)] == 0
    assert found["caas_router_orders_total", (("status", "rejected"),)] == 0
    assert found["caas_router_competitions_total", (("result", "no_quotes"),)] == 0
    assert found["caas_router_wins_total", (on_pts,)] == 0
    assert found["caas_router_order_round_trip_seconds_count", (on_pts,)] == 0
    assert found["caas_router_credit_failures_total", (("code", "credit_frozen"), on_pts)] == 0
    # A Spot account has no credit that could fail.
    assert ("caas_router_credit_failures_total", (("code", "credit_frozen"), on_spot)) not in found


def test_a_connection_that_is_made_while_it_runs_has_its_series_before_anything_happens_there() -> None:
    metrics = Metrics()
    shown: list[ConnectionView] = []
    metrics.watch(lambda: shown, lambda: T0)
    health = Health(ConnectionState.READY, None, True, T0, 7, D(0), None, T0)
    shown += [
        ConnectionView(build.connection(name, pts=name == "new-pts"), "exchange", True, health, ())
        for name in ("new-spot", "new-pts")
    ]
    found = samples(metrics)
    for name in ("new-spot", "new-pts"):
        here = ("connection", name)
        assert found["caas_router_foreign_orders_total", (here, ("order_state", "done"))] == 0
        assert found["caas_router_contradictions_total", (here,)] == 0
        assert found["caas_router_orders_in_doubt_overdue", (here,)] == 0
    overdue = "caas_router_margin_operations_in_doubt_overdue"
    assert found[overdue, (("connection", "new-pts"), ("kind", "cover"))] == 0
    # Nothing can be moved on a Spot account.
    assert (overdue, (("connection", "new-spot"), ("kind", "cover"))) not in found


@in_virtual_time
async def test_the_loop_s_lag_is_measured_ten_times_a_second_until_cancelled() -> None:
    seen = Seen()
    task = asyncio.create_task(watch_lag(seen.observer))
    await pass_time(1.05)
    task.cancel()
    assert seen.value("event_loop_lag_seconds_count") == 10
    assert seen.value("event_loop_lag_seconds_sum") < 0.000_001
