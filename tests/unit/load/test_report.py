"""The report: what is held against the plan, what the file has, and a page that stands alone."""

import re
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest

from router.load.charts import Axis, Series, latency_axis, line_chart, linear, percent_axis, time_axis
from router.load.outcomes import Answer, Body, Trouble
from router.load.page import BARS_MAX, page
from router.load.plan import Expectations
from router.load.report import OutcomeRow, Report
from router.load.running import Run
from router.load.wording import latency
from tests.unit.load.plans import ACCEPT, ORDER, STAGE, TARGET, read
from tests.unit.load.router_of_test import (
    FILLED,
    PRICED,
    SHED,
    Answering,
    Asked,
    FakeRouter,
    LoopTime,
    after,
    ran,
)
from tests.virtual_loop import run

NO_QUOTES = Answer(422, Body(status=422, code="no_quotes"))
VOID = frozenset({"meta", "link", "br", "hr", "img", "input"})


def report_of(text: str, answering: Answering) -> Report:
    return run(ran(read(TARGET + text), FakeRouter(answering)))


def numbered(*answers: Answer | Trouble) -> Answering:
    """The answers in turn."""
    turns = iter(range(10**6))

    async def answering(_: Asked) -> Answer | Trouble:
        return answers[next(turns) % len(answers)]

    return answering


MIXED = report_of(STAGE + ORDER + ACCEPT, numbered(FILLED, PRICED, NO_QUOTES, SHED, Trouble.CUT_OFF))


def test_a_run_in_which_all_was_sent_and_nothing_expected_is_as_planned() -> None:
    report = report_of(STAGE + ORDER, after(0.01, SHED))
    assert report.as_planned
    assert report.answered
    assert report.verdicts == {"shed": 20}


def test_a_run_without_a_single_answer_says_so() -> None:
    assert not report_of(STAGE + ORDER, after(0.01, Trouble.NOT_CONNECTED)).answered


@pytest.mark.parametrize(
    ("expect", "answer", "met", "was"),
    [
        ("p99_ms_max = 50.0", FILLED, True, "10 ms"),
        ("p99_ms_max = 9.9", FILLED, False, "10 ms"),
        ("p99_ms_max = 50.0", SHED, False, "none: nothing was taken"),
        ("shed_max = 20", SHED, True, "20"),
        ("shed_max = 19", SHED, False, "20"),
        ("unanswered_max = 0", FILLED, True, "0"),
        ("unanswered_max = 19", Trouble.TIMEOUT, False, "20"),
    ],
)
def test_an_expectation_is_met_or_missed(
    expect: str, answer: Answer | Trouble, was: str, *, met: bool
) -> None:
    report = report_of(f"[expect]\n{expect}\n" + STAGE + ORDER, after(0.01, answer))
    (check,) = report.checks
    assert (check.met, check.was) == (met, was)
    assert report.as_planned is met


def test_a_warm_up_is_held_against_no_expectation() -> None:
    warm = STAGE + "measured = false\n" + STAGE.replace("rate = 10", "rate = 1")
    answering = numbered(*[SHED] * 20, FILLED, FILLED)
    report = report_of("[expect]\nshed_max = 0\n" + warm + ORDER, answering)
    assert report.verdicts == {"taken": 2, "shed": 20}
    assert report.as_planned


def test_every_expectation_is_checked() -> None:
    text = "[expect]\n" + "".join(f"{name} = 1\n" for name in Expectations.__struct_fields__)
    report = report_of(text + STAGE + ORDER, after(0.01))
    assert {check.name for check in report.checks} == set(Expectations.__struct_fields__)


def test_counts_add_up_whichever_way_they_are_counted() -> None:
    requests = sum(stage.sent + stage.followed for stage in MIXED.stages)
    assert MIXED.due == MIXED.stages[0].sent == 20
    assert sum(MIXED.verdicts.values()) == requests
    assert sum(outcome.count for outcome in MIXED.outcomes) == requests
    assert sum(sum(window.verdicts.values()) for window in MIXED.windows) == requests
    unanswered = MIXED.verdicts["unanswered"]
    assert MIXED.latencies[0].from_intended.count == requests - unanswered
    assert sum(row.from_sent.count for row in MIXED.latencies[1:]) == requests - unanswered
    assert {row.verdict for row in MIXED.latencies} == {"all", "taken", "refused", "shed"}


def test_the_json_file_has_the_report_as_it_is() -> None:
    told = msgspec.json.decode(msgspec.json.encode(MIXED))
    assert told["version"] == 1
    assert msgspec.convert(told, Report) == MIXED


def test_a_process_that_is_late_itself_is_told() -> None:
    plan, router = read(TARGET + "[expect]\nlag_p99_ms_max = 19.9\n" + STAGE + ORDER), FakeRouter(after(0.01))

    async def late() -> Report:
        running = Run(plan, router, LoopTime(), "run")
        running.recorder.request_sent(0, 20_000_000)
        return await ran(plan, router, run=running)

    assert report_of(STAGE + ORDER, after(0.01)).notes == []
    report = run(late())
    (note,) = report.notes
    assert "this process was late itself: a hundredth of its requests went out 20 ms late" in note
    assert [(check.was, check.met) for check in report.checks] == [("20 ms", False)]


def test_the_curve_goes_no_finer_than_there_are_requests() -> None:
    percents = [point.percent for point in MIXED.curve]
    assert percents[:2] == ["0", "5"]
    assert percents[-2:] == ["98", "100"]
    assert [point.from_intended for point in MIXED.curve] == sorted(
        point.from_intended for point in MIXED.curve
    )


class _Page(HTMLParser):
    """Every element closed, and what it refers to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.count: dict[str, int] = {}
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.count[tag] = self.count.get(tag, 0) + 1
        self.attributes.extend((name, value or "") for name, value in attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.count[tag] = self.count.get(tag, 0) + 1
        self.attributes.extend((name, value or "") for name, value in attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_the_page_is_whole_and_fetches_nothing() -> None:
    text = page(MIXED)
    parsed = _Page(text)
    assert parsed.open == []
    assert parsed.count["figure"] == 5
    assert "script" not in parsed.count
    assert "link" not in parsed.count
    assert not {"src", "href", "srcset", "action"} & {name for name, _ in parsed.attributes}
    assert not re.search(r"url\(|@import", text)
    assert "default-src 'none'" in text
    assert "prefers-color-scheme: dark" in text


def test_the_page_shows_every_outcome_and_stage() -> None:
    said = " ".join(_Page(page(MIXED)).texts)
    assert len(MIXED.outcomes) == 10
    for text in (
        "order 200 filled",
        "order 503 store_unavailable",
        "order cut_off",
        "rfq 201 priced",
        "rfq 200 not priced",
        "accept 422 no_quotes",
        "stage 1",
        "from the actual send",
    ):
        assert text in said


def test_what_comes_from_outside_is_never_markup() -> None:
    evil = "<script>alert(1)</script>&\"'"
    outcomes = [OutcomeRow("order", "refused", 400, evil, evil, 1)]
    stages = [msgspec.structs.replace(MIXED.stages[0], name=evil)]
    report = msgspec.structs.replace(
        MIXED, plan=evil, target=evil, notes=[evil], outcomes=outcomes, stages=stages
    )
    parsed = _Page(page(report))
    assert "script" not in parsed.count
    assert "".join(parsed.texts).count(evil) >= 6


def test_more_outcomes_than_fit_are_one_bar() -> None:
    outcomes = [OutcomeRow("order", "refused", 400, f"code-{n}", None, 1) for n in range(BARS_MAX + 5)]
    said = " ".join(_Page(page(msgspec.structs.replace(MIXED, outcomes=outcomes))).texts)
    assert "6 others" in said
    assert f"code-{BARS_MAX - 2}" in said
    assert f"code-{BARS_MAX - 1} " not in said


def test_a_run_in_which_nothing_came_has_a_page() -> None:
    empty = msgspec.structs.replace(
        MIXED, windows=[], curve=[], latencies=[], outcomes=[], stages=[], verdicts={}
    )
    assert _Page(page(empty)).open == []


@pytest.mark.parametrize(
    ("axis", "values"),
    [
        (linear("n", 0), [0, 1]),
        (linear("n", 7), [0, 3.5, 7]),
        (linear("n", 1234), [0, 1, 1234]),
        (time_axis(0.2), [0, 0.1, 0.2]),
        (time_axis(86_400), [0, 100, 86_400]),
        (latency_axis([]), [1, 10]),
        (latency_axis([0, 55, 60_000_000]), [0, 1, 55, 60_000_000]),
        (percent_axis(99.99), [0, 50, 99, 99.9, 99.99, 100]),
        (percent_axis(50), [0, 50, 100]),
    ],
)
def test_an_axis_places_its_values_in_order_within_the_picture(axis: Axis, values: list[float]) -> None:
    places = [axis.place(value) for value in values]
    assert places == sorted(places)
    assert places[0] >= 0
    assert places[-1] <= 1 + 1e-9
    assert 2 <= len(axis.ticks) <= 12
    assert all(-1e-9 <= axis.place(tick.at) <= 1 + 1e-9 for tick in axis.ticks)


def test_a_gap_in_a_line_is_not_drawn_over() -> None:
    series = [Series("s", ((0, 1), (1, 2), (2, None), (3, 1), (4, 1)))]
    drawn = line_chart("t", time_axis(4), linear("n", 2), series)
    (path,) = re.findall(r'class="line series-1" d="([^"]*)"', drawn)
    assert path.count("M") == 2
    assert path.count("L") == 2


@pytest.mark.parametrize(
    ("value_us", "said"),
    [
        (0, "0 µs"),
        (999, "999 µs"),
        (1000, "1 ms"),
        (12_345, "12.3 ms"),
        (999_499, "999 ms"),
        (999_999, "1 s"),
        (1_500_000, "1.5 s"),
    ],
)
def test_a_latency_is_told_in_three_digits(value_us: int, said: str) -> None:
    assert latency(value_us) == said
