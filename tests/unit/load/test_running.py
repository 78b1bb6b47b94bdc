"""The open loop in virtual time: who is sent when, whatever the router does, and what is told of it."""

import asyncio

import pytest

from router.load.outcomes import Answer, Body, Priced, Trouble
from router.load.report import LatencyRow, Report
from router.load.running import Run, UnpricedError
from tests.unit.load.plans import ACCEPT, ORDER, RFQ, STAGE, TARGET, read
from tests.unit.load.router_of_test import (
    FILLED,
    PRICED,
    SHED,
    UNPRICED,
    Asked,
    FakeRouter,
    LoopTime,
    after,
    ran,
)
from tests.virtual_loop import in_virtual_time

MS = 1000
"""Of microseconds."""


def row(report: Report, operation: str = "all", verdict: str = "all") -> LatencyRow:
    return next(row for row in report.latencies if (row.operation, row.verdict) == (operation, verdict))


def near(expected_us: int) -> object:
    """Equal within the error of a histogram's bucket."""
    return pytest.approx(expected_us, rel=0.001, abs=1)


@in_virtual_time
async def test_requests_go_out_at_their_times_however_slow_the_answers_are() -> None:
    router = FakeRouter(after(0.95))
    report = await ran(read(), router)
    assert [asked.at_s for asked in router.asked] == [round(n / 10, 6) for n in range(20)]
    assert (report.due, report.held, report.verdicts) == (20, 0, {"taken": 20})
    assert router.most_under_way == report.in_flight_peak == 10
    assert report.as_planned
    assert report.duration_s == pytest.approx(1.9 + 0.95)


@in_virtual_time
async def test_a_stall_is_seen_by_all_who_would_have_called_in_it() -> None:
    """One place under way, so that the stall holds the others back: the mistake of a closed loop."""

    async def stalls_once(asked: Asked) -> Answer:
        await asyncio.sleep(0.95 if asked.at_s == 0 else 0.001)
        return FILLED

    router = FakeRouter(stalls_once)
    report = await ran(read(TARGET + "[run]\nin_flight_max = 1\n" + STAGE + ORDER), router)
    both = row(report)
    # From the send, one request of twenty was slow; from the intended time half of them were.
    assert both.from_sent.p90 == near(1 * MS)
    assert both.from_sent.max == near(950 * MS)
    assert both.from_intended.p90 == near(752 * MS)
    assert both.from_intended.mean > 5 * both.from_sent.mean
    assert report.held == 9
    assert router.most_under_way == 1
    assert any("9 requests found 1 under way (run.in_flight_max)" in note for note in report.notes)


@in_virtual_time
async def test_the_same_stall_with_room_is_as_long_for_each_from_its_send() -> None:
    async def down_for_a_second(asked: Asked) -> Answer:
        await asyncio.sleep(max(0.001, 1.0 - asked.at_s))
        return FILLED

    report = await ran(read(), FakeRouter(down_for_a_second))
    both = row(report)
    assert both.from_sent == both.from_intended
    assert both.from_intended.max == near(1000 * MS)
    assert both.from_intended.p90 == near(800 * MS)


@in_virtual_time
async def test_who_waits_too_long_is_never_sent_and_that_is_counted_as_slow() -> None:
    router = FakeRouter(after(10.0))
    limits = "[run]\nin_flight_max = 2\nwait_ms_max = 500\n"
    report = await ran(read(TARGET + limits + STAGE + ORDER), router)
    assert len(router.asked) == 2
    assert report.verdicts == {"taken": 2, "never_sent": 18}
    assert not report.as_planned
    assert row(report, "order", "never_sent").from_intended.p50 >= 500 * MS
    assert row(report, "order", "never_sent").from_sent.count == 0
    assert row(report).from_intended.count == 20
    assert any("18 of them were never sent" in note for note in report.notes)
    # The line is no longer than what may wait: half a second at 10 a second.
    assert max(window.waiting for window in report.windows) == 6


@in_virtual_time
async def test_the_line_is_first_come_first_served() -> None:
    router = FakeRouter(after(0.35))
    await ran(read(TARGET + "[run]\nin_flight_max = 2\n" + STAGE + ORDER), router)
    numbers = [int(asked.body["client_order_id"].rpartition("-")[2]) for asked in router.asked]
    assert numbers == list(range(1, 21))
    assert router.most_under_way == 2


@in_virtual_time
async def test_who_had_to_wait_is_not_taken_for_a_process_that_is_late() -> None:
    report = await ran(read(TARGET + "[run]\nin_flight_max = 2\n" + STAGE + ORDER), FakeRouter(after(0.35)))
    assert report.held > 0
    assert report.lag.count == report.due - report.held
    assert report.lag.max == 0


@in_virtual_time
async def test_every_request_has_an_id_of_its_own_with_the_runs_prefix() -> None:
    router = FakeRouter(after(0.1))
    plan = read(TARGET + '[run]\nclient_order_id_prefix = "soak"\n' + STAGE + ORDER)
    report = await ran(plan, router)
    ids = [asked.body["client_order_id"] for asked in router.asked]
    assert len(set(ids)) == 20
    assert all(each.startswith(report.client_order_ids) for each in ids)
    assert report.client_order_ids == "soak-run-"


@in_virtual_time
async def test_an_rfq_is_accepted_when_it_has_a_price() -> None:
    async def answering(asked: Asked) -> Answer:
        await asyncio.sleep(0.01)
        return FILLED if asked.path.endswith("/accept") else PRICED

    router = FakeRouter(answering)
    report = await ran(read(TARGET + STAGE + ACCEPT + "accept_after_ms = 40\n"), router)
    assert [(asked.at_s, asked.path) for asked in router.asked[:2]] == [
        (0, "/v1/rfqs"),
        (pytest.approx(0.05), "/v1/rfqs/r/accept"),
    ]
    assert set(router.asked[1].body) == {"client_order_id"}
    assert "client_order_id" not in router.asked[0].body
    assert row(report, "rfq", "taken").from_intended.p50 == near(10 * MS)
    # An acceptance was intended when its RFQ had been answered, and after its pause.
    assert row(report, "accept", "taken").from_intended.p50 == near(10 * MS)
    assert (report.due, report.stages[0].sent, report.stages[0].followed) == (20, 20, 20)
    assert {(outcome.operation, outcome.result, outcome.count) for outcome in report.outcomes} == {
        ("rfq", "priced", 20),
        ("accept", "filled", 20),
    }


@pytest.mark.parametrize("answer", [UNPRICED, SHED, Trouble.TIMEOUT, Answer(201, None)])
def test_an_rfq_without_a_price_is_not_accepted(answer: Answer | Trouble) -> None:
    @in_virtual_time
    async def run() -> None:
        router = FakeRouter(after(0.01, answer))
        await ran(read(TARGET + STAGE + ACCEPT), router)
        assert {asked.path for asked in router.asked} == {"/v1/rfqs"}

    run()


@in_virtual_time
async def test_a_warm_up_is_sent_and_not_measured() -> None:
    stages = STAGE + "measured = false\n" + STAGE
    report = await ran(read(TARGET + stages + ORDER), FakeRouter(after(0.01)))
    assert report.due == 40
    assert row(report).from_intended.count == 20
    assert sum(outcome.count for outcome in report.outcomes) == 20
    assert [stage.verdicts for stage in report.stages] == [{"taken": 20}, {"taken": 20}]


@in_virtual_time
async def test_each_second_is_told_as_it_ends() -> None:
    windows = []
    report = await ran(read(), FakeRouter(after(0.95)), windows.append)
    assert [(window.due, sum(window.verdicts.values())) for window in windows] == [(10, 1), (10, 10)]
    assert [window.in_flight for window in windows] == [10, 10]
    # The course goes on to the last answer.
    assert sum(window.due for window in report.windows) == 20
    assert sum(window.verdicts["taken"] for window in report.windows) == 20
    assert report.windows[-1].to_s == pytest.approx(2.85)


@in_virtual_time
async def test_a_long_run_has_longer_windows_and_no_more_of_them() -> None:
    stage = "[[stages]]\nrate = 0.1\nduration_s = 3000\n"
    seconds = []
    report = await ran(read(TARGET + stage + ORDER), FakeRouter(after(0.1)), seconds.append)
    assert len(seconds) == 3000
    assert len(report.windows) == 600
    assert report.windows[1].from_s == pytest.approx(5, abs=0.001)
    assert sum(window.due for window in report.windows) == report.due == 300


@in_virtual_time
async def test_stopped_it_sends_nothing_more_and_waits_for_what_is_under_way() -> None:
    router = FakeRouter(after(0.5))
    run = Run(read(), router, LoopTime(), "run")
    asyncio.get_running_loop().call_later(0.95, run.stop)
    report = await ran(read(), router, run=run)
    assert len(router.asked) == 10
    assert report.verdicts == {"taken": 10}
    assert report.interrupted
    assert not report.as_planned
    assert report.duration_s == pytest.approx(1.4)


@in_virtual_time
async def test_stopped_twice_it_waits_for_nothing_and_counts_what_it_left() -> None:
    router = FakeRouter(after(100.0))
    limits = "[run]\nin_flight_max = 4\n"
    run = Run(read(TARGET + limits + STAGE + ORDER), router, LoopTime(), "run")
    loop = asyncio.get_running_loop()
    loop.call_later(0.95, run.stop)
    loop.call_later(1.55, run.stop)
    report = await ran(read(), router, run=run)
    assert report.duration_s == pytest.approx(1.55)
    assert report.verdicts == {"unanswered": 4, "never_sent": 6}
    assert {(outcome.code, outcome.count) for outcome in report.outcomes} == {("abandoned", 4), (None, 6)}
    assert router.under_way == 0


@in_virtual_time
async def test_stopped_before_a_quote_came_it_is_not_accepted() -> None:
    router = FakeRouter(after(0.2, PRICED))
    run = Run(read(TARGET + STAGE + ACCEPT), router, LoopTime(), "run")
    asyncio.get_running_loop().call_later(0.15, run.stop)
    report = await ran(read(), router, run=run)
    assert {asked.path for asked in router.asked} == {"/v1/rfqs"}
    assert report.verdicts == {"taken": 2}


@in_virtual_time
async def test_stopped_between_a_quote_and_its_acceptance_it_trades_nothing() -> None:
    router = FakeRouter(after(0.01, PRICED))
    run = Run(read(TARGET + STAGE + ACCEPT + "accept_after_ms = 5000\n"), router, LoopTime(), "run")
    asyncio.get_running_loop().call_later(0.5, run.stop)
    await ran(read(), router, run=run)
    assert {asked.path for asked in router.asked} == {"/v1/rfqs"}


@pytest.mark.parametrize(
    ("answer", "count"),
    [
        (Trouble.TIMEOUT, 20),
        (Trouble.CUT_OFF, 20),
        (Answer(500, Body(code="internal_error")), 20),
        (Answer(200, None), 20),
        (Trouble.NOT_CONNECTED, 0),
        (SHED, 0),
        (FILLED, 0),
        (Answer(422, Body(code="no_quotes")), 0),
    ],
)
def test_orders_that_may_have_been_taken_are_told_by_their_ids(answer: Answer | Trouble, count: int) -> None:
    @in_virtual_time
    async def run() -> None:
        report = await ran(read(), FakeRouter(after(0.01, answer)))
        assert report.orders_unanswered == count
        assert report.orders_unanswered_ids == [f"load-run-{number}" for number in range(1, count + 1)]
        assert any("may have been taken" in note for note in report.notes) is (count > 0)

    run()


@in_virtual_time
async def test_an_acceptance_may_have_been_taken_and_an_rfq_may_not() -> None:
    async def answering(asked: Asked) -> Answer | Trouble:
        await asyncio.sleep(0.01)
        lost = asked.at_s >= 1 or asked.path.endswith("/accept")
        return Trouble.TIMEOUT if lost else PRICED

    report = await ran(read(TARGET + STAGE + ACCEPT), FakeRouter(answering))
    assert report.verdicts["unanswered"] > report.orders_unanswered == report.stages[0].followed == 10


@in_virtual_time
async def test_cancelled_it_leaves_nothing_behind() -> None:
    router = FakeRouter(after(100.0))
    task = asyncio.create_task(ran(read(), router))
    await asyncio.sleep(0.35)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert router.under_way == 0
    assert len(router.asked) == 4


@in_virtual_time
async def test_an_error_of_the_program_ends_the_run_and_is_raised() -> None:
    async def broken(asked: Asked) -> Answer:
        await asyncio.sleep(0.01)
        raise LookupError(asked.path)

    router = FakeRouter(broken)
    with pytest.raises(LookupError):
        await ran(read(), router)
    assert len(router.asked) == 1


REFERRING = 'sides = ["buy"]\nlimit = { offset_bps = 100 }\n'


@in_virtual_time
async def test_a_limit_refers_to_what_the_router_last_said() -> None:
    async def moving(asked: Asked) -> Answer:
        await asyncio.sleep(0.01)
        if asked.path == "/v1/rfqs":
            return Answer(201, Body(id="r", best=Priced("100")))
        return Answer(200, Body(id="o", status="filled", arrival_price=str(200 + 100 * int(asked.at_s * 10))))

    router = FakeRouter(moving)
    run = Run(read(TARGET + STAGE + ORDER + REFERRING), router, LoopTime(), "run")
    await run.price()
    assert [asked.path for asked in router.asked] == ["/v1/rfqs"]
    assert router.asked[0].body == {
        "product": "BTC-USD",
        "side": "buy",
        "quantity": "0.5",
        "quantity_currency": "BTC",
    }
    report = await ran(read(), router, run=run)
    limits = [asked.body["limit_price"] for asked in router.asked[1:4]]
    assert limits == ["101.00", "202.00", "303.00"]
    assert report.due == 20  # the one before the run is not counted in it


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (UNPRICED, "was 201 not priced"),
        (SHED, "was 503 store_unavailable"),
        (Trouble.TIMEOUT, "no answer timeout"),
    ],
)
def test_a_limit_with_nothing_to_refer_to_stops_the_start(answer: Answer | Trouble, said: str) -> None:
    @in_virtual_time
    async def run() -> None:
        running = Run(
            read(TARGET + STAGE + ORDER + REFERRING), FakeRouter(after(0.01, answer)), LoopTime(), "run"
        )
        with pytest.raises(UnpricedError, match=said):
            await running.price()

    run()


@in_virtual_time
async def test_a_product_is_asked_for_its_price_once() -> None:
    router = FakeRouter(after(0.01, PRICED))
    await Run(read(TARGET + STAGE + (ORDER + REFERRING) * 2), router, LoopTime(), "run").price()
    assert len(router.asked) == 1


@in_virtual_time
async def test_a_limit_with_a_reference_of_the_plan_asks_nobody() -> None:
    router = FakeRouter(after(0.01))
    text = ORDER + 'limit = { offset_bps = 0, reference_price = "10" }\n' + RFQ
    await Run(read(TARGET + STAGE + text), router, LoopTime(), "run").price()
    assert router.asked == []
