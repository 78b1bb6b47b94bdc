"""The order's table, pair by pair; and evidence in any order, any number of times, counted once."""

import itertools
from decimal import Decimal
from typing import get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.core.attempt import Attempt, make_attempt, venue_client_order_id
from router.core.errors import Code, OrderError
from router.core.finding import Finding, Found
from router.core.model import (
    Claim,
    Fill,
    OrderReport,
    OrderStatus,
    OrderType,
    Route,
    Side,
    TimeInForce,
    VenueState,
)
from router.core.order import (
    TRANSITIONS,
    CancelRefused,
    CancelRequested,
    Contradicted,
    Event,
    FindingRecorded,
    NotRouted,
    Order,
    Phase,
    ProvedAbsent,
    Refused,
    Reported,
    Routed,
    TransitionError,
    WentInDoubt,
    step,
)
from router.core.pricing import price_quote
from tests.unit import build
from tests.unit.build import T0

D = Decimal
ERROR = OrderError(Code.CREDIT_LONG_LIMIT, "no credit", connection_id="bitgo-pts")
ROUTED = Routed(build.attempt(), "competition-1", D("99.90"))
RESTING = Routed(
    build.attempt(outbound=build.outbound(time_in_force=TimeInForce.GTC)), "competition-1", D("99.90")
)
WORKING = Reported(build.report(VenueState.WORKING))
REFUSED = Refused(ERROR, final=False)
SECOND = Routed(build.attempt(number=2), "competition-1", D("99.90"))


def after(*events: Event, order: Order | None = None) -> Order:
    """An order after events, each a nanosecond later."""
    order = build.order() if order is None else order
    for number, event in enumerate(events, start=1):
        order = step(order, event, T0 + number)
    return order


IN_PHASE: dict[Phase, list[Order]] = {
    Phase.ACCEPTED: [build.order(), after(ROUTED, REFUSED), after(ROUTED, REFUSED, SECOND, REFUSED)],
    Phase.ROUTED: [after(ROUTED), after(ROUTED, CancelRequested()), after(ROUTED, REFUSED, SECOND)],
    Phase.IN_DOUBT: [
        after(ROUTED, WentInDoubt("reset", T0)),
        after(ROUTED, REFUSED, SECOND, WentInDoubt("reset", T0)),
    ],
    Phase.WORKING: [
        after(ROUTED, REFUSED, SECOND, WORKING),
        after(ROUTED, WORKING),
        after(ROUTED, WORKING, CancelRequested()),
        after(ROUTED, Reported(build.report(VenueState.WORKING, build.fill(quantity="0.2")))),
    ],
    Phase.FINAL: [
        after(ROUTED, Reported(build.report(VenueState.DONE, build.fill()))),
        after(ROUTED, Reported(build.report(VenueState.CANCELED))),
        after(ROUTED, Refused(ERROR)),
        after(NotRouted(ERROR)),
        after(ROUTED, REFUSED, SECOND, Reported(build.report(VenueState.DONE, build.fill()))),
        after(ROUTED, WentInDoubt("reset", T0), ProvedAbsent("not found")),
        after(
            ROUTED,
            WentInDoubt("reset", T0),
            FindingRecorded(Finding(Found.ABSENT, "J. Doe", "asked them", T0)),
        ),
    ],
}
SAMPLES: list[Event] = [
    ROUTED,
    NotRouted(ERROR),
    Refused(ERROR),
    Refused(ERROR, final=False),
    WentInDoubt("reset", T0),
    *(Reported(build.report(state)) for state in VenueState),
    *(Reported(build.report(state, build.fill(quantity="0.2"))) for state in VenueState),
    ProvedAbsent("not found"),
    FindingRecorded(Finding(Found.ABSENT, "J. Doe", "asked them", T0)),
    Contradicted(1, build.report(VenueState.DONE, build.fill("theirs"))),
    CancelRequested(),
    CancelRefused("done already"),
]


def test_the_samples_are_of_every_event_and_the_orders_of_every_phase() -> None:
    assert {type(event) for event in SAMPLES} == set(get_args(Event))
    assert set(IN_PHASE) == set(Phase)
    for phase, orders in IN_PHASE.items():
        assert {order.phase for order in orders} == {phase}


@pytest.mark.parametrize("kind", get_args(Event), ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("phase", list(Phase))
def test_every_pair_is_decided(phase: Phase, kind: type) -> None:
    reached = set()
    for order, event in itertools.product(IN_PHASE[phase], SAMPLES):
        if not isinstance(event, kind):
            continue
        never_sent = phase is Phase.ACCEPTED and kind is Reported and not order.attempts
        no_earlier = kind is Contradicted and len(order.attempts) < 2
        if (phase, kind) not in TRANSITIONS or never_sent or no_earlier:
            with pytest.raises(TransitionError, match=f"expected no {kind.__name__} in phase {phase}"):
                step(order, event, T0 + 100)
            continue
        reached.add(step(order, event, T0 + 100).phase)
    # Nothing in the table is unreachable, and nothing off it is reached.
    assert reached == TRANSITIONS.get((phase, kind), frozenset())


@pytest.mark.parametrize("event", SAMPLES, ids=lambda event: type(event).__name__)
def test_a_final_order_stays_as_it_ended(event: Event) -> None:
    for order in IN_PHASE[Phase.FINAL]:
        no_earlier = isinstance(event, Contradicted) and len(order.attempts) < 2
        if (Phase.FINAL, type(event)) in TRANSITIONS and not no_earlier:
            later = step(order, event, T0 + 100)
            assert (later.phase, later.status, later.error) == (order.phase, order.status, order.error)
            assert later.filled_base >= order.filled_base


def test_what_a_refused_attempt_executed_is_kept_apart_from_the_next_ones() -> None:
    """The counterparty went against its word: the money is in the record, and nobody's fills are mixed."""
    order = after(ROUTED, REFUSED, SECOND, Reported(build.report(VenueState.DONE, build.fill())))
    shown = Contradicted(1, build.report(VenueState.DONE, build.fill("theirs", "0.3")))
    later = step(order, shown, T0 + 100)
    first, second = later.attempts
    assert (first.executed_base, first.executed_quote) == (D("0.3"), D(30))
    assert first.executed_fills == (build.fill("theirs", "0.3"),)
    assert (later.fills, later.filled_base, second) == (order.fills, D("0.5"), order.attempts[1])
    assert step(later, shown, T0 + 200) is later


@pytest.mark.parametrize("number", [-1, 0, 2, 3])
def test_only_an_attempt_before_the_last_can_be_contradicted(number: int) -> None:
    order = after(ROUTED, REFUSED, SECOND)
    with pytest.raises(TransitionError, match="expected no Contradicted"):
        step(order, Contradicted(number, build.report()), T0 + 100)


def test_fills_that_complete_a_sum_make_its_quote_whatever_an_older_report_says() -> None:
    """The end came without a sum in quote; the last fill comes with an overtaken report that has one."""
    first, second = build.fill("a", "0.2", "100.00"), build.fill("b", "0.3", "90.00")
    order = after(
        ROUTED,
        Reported(build.report(VenueState.DONE, first, filled_base=D("0.5"), filled_quote=None)),
        Reported(build.report(VenueState.WORKING, second, filled_base=D("0.3"), filled_quote=D(27))),
    )
    assert (order.filled_base, order.filled_quote) == (D("0.5"), D(47))


@pytest.mark.parametrize("state", [VenueState.WORKING, VenueState.DONE])
def test_what_was_said_before_gives_the_same_order(state: VenueState) -> None:
    told = Reported(build.report(state, build.fill("a", "0.2")))
    order = after(ROUTED, told)

    again = step(order, told, T0 + 100)

    assert again is order
    assert again.updated_at == T0 + 2


@pytest.mark.parametrize(
    ("order", "settled"),
    [
        (build.order(), False),
        (after(ROUTED), False),
        (after(ROUTED, WentInDoubt("reset", T0)), False),
        (after(ROUTED, WORKING), False),  # immediate-or-cancel: its end is near
        (after(ROUTED, Reported(build.report(VenueState.CANCELED))), True),
        (after(RESTING, WORKING), True),
        (after(RESTING, Reported(build.report(VenueState.PENDING))), False),
        (after(RESTING, Reported(build.report(VenueState.WORKING, build.fill("a", "0.2")))), True),
        (after(RESTING, WORKING, CancelRequested()), False),
    ],
)
def test_a_caller_need_not_wait_for_an_order_that_rests(order: Order, settled: bool) -> None:
    assert order.is_settled == settled


def test_time_does_not_go_back() -> None:
    order = after(ROUTED)

    assert step(order, WORKING, T0 - 5).updated_at == order.updated_at


def test_routed_keeps_what_is_needed_to_find_the_order() -> None:
    order = after(ROUTED)

    assert order.attempt == ROUTED.attempt
    assert (order.competition_id, order.arrival_price) == ("competition-1", D("99.90"))
    assert (order.status, order.in_doubt, order.is_final) == (OrderStatus.PENDING_NEW, False, False)


def test_not_routed_ends_it_with_the_error() -> None:
    order = after(NotRouted(ERROR, "competition-1", D("99.90")))

    assert (order.status, order.error, order.is_final) == (OrderStatus.REJECTED, ERROR, True)
    assert (order.competition_id, order.arrival_price) == ("competition-1", D("99.90"))
    assert order.attempt is None


def test_a_refusal_that_is_not_final_leaves_room_for_another_counterparty() -> None:
    order = after(ROUTED, Refused(ERROR, final=False))

    assert (order.phase, order.status, order.error) == (Phase.ACCEPTED, OrderStatus.PENDING_NEW, None)
    assert [attempt.error for attempt in order.attempts] == [ERROR]
    second = build.attempt(number=2, connection=build.connection("bitgo-pts", pts=True))
    order = after(Routed(second, "competition-1", None), Refused(ERROR), order=order)
    assert [attempt.error for attempt in order.attempts] == [ERROR, ERROR]
    assert (order.status, order.error) == (OrderStatus.REJECTED, ERROR)


def test_in_doubt_is_said_and_ends_by_evidence_or_by_proved_absence() -> None:
    doubted = after(ROUTED, WentInDoubt("reset", T0 + 7))
    assert doubted.in_doubt
    assert doubted.status is OrderStatus.PENDING_NEW
    assert doubted.attempt is not None
    assert doubted.attempt.sent_at == T0 + 7

    found = after(WORKING, order=doubted)
    assert (found.in_doubt, found.status) == (False, OrderStatus.NEW)

    absent = after(ProvedAbsent("not found in 30 s"), order=doubted)
    assert absent.status is OrderStatus.REJECTED
    assert absent.error == OrderError(
        Code.NOT_TAKEN, "not found in 30 s", retryable=True, connection_id="bitgo-spot"
    )


def test_evidence_is_taken_from_a_counterparty_that_had_refused() -> None:
    order = after(ROUTED, Refused(ERROR, final=False), Reported(build.report(VenueState.DONE, build.fill())))

    assert (order.status, order.filled_base) == (OrderStatus.FILLED, D("0.5"))


def test_a_fill_before_the_orders_answer() -> None:
    order = after(ROUTED, Reported(build.report(VenueState.WORKING, build.fill("a", "0.2"))))
    assert (order.status, order.filled_base) == (OrderStatus.PARTIALLY_FILLED, D("0.2"))

    # The answer to the order, read last, says that nothing has happened yet.
    order = after(Reported(build.report(VenueState.PENDING)), order=order)
    assert (order.status, order.filled_base) == (OrderStatus.PARTIALLY_FILLED, D("0.2"))


def test_an_answer_that_cannot_be_read_does_not_undo_what_the_feed_said() -> None:
    order = after(ROUTED, WORKING)

    assert after(WentInDoubt("HTML", T0), order=order) == order


def test_a_fill_that_overtakes_the_cancel() -> None:
    order = after(ROUTED, WORKING, CancelRequested())
    assert order.status is OrderStatus.PENDING_CANCEL

    partly = after(Reported(build.report(VenueState.WORKING, build.fill("a", "0.2"))), order=order)
    assert partly.status is OrderStatus.PENDING_CANCEL

    whole = after(Reported(build.report(VenueState.DONE, build.fill("b", "0.5"))), order=order)
    assert (whole.status, whole.is_final) == (OrderStatus.FILLED, True)
    assert after(CancelRefused("done"), order=whole) == whole

    # It says cancelled, and everything had traded before: it is filled.
    told = after(Reported(build.report(VenueState.CANCELED, build.fill("b", "0.5"))), order=order)
    assert told.status is OrderStatus.FILLED


def test_a_cancelled_order_keeps_its_fills() -> None:
    part = build.report(VenueState.WORKING, build.fill("a", "0.2"))
    order = after(ROUTED, Reported(part), CancelRequested(), Reported(build.report(VenueState.CANCELED)))

    assert (order.status, order.error, order.filled_base) == (OrderStatus.CANCELED, None, D("0.2"))


@pytest.mark.parametrize(
    ("before", "status"),
    [
        (WORKING, OrderStatus.NEW),
        (Reported(build.report(VenueState.WORKING, build.fill("a", "0.2"))), OrderStatus.PARTIALLY_FILLED),
    ],
)
def test_a_cancel_that_is_refused_leaves_the_order_as_it_was(before: Event, status: OrderStatus) -> None:
    order = after(ROUTED, before, CancelRequested(), CancelRefused("too late"))

    assert (order.status, order.cancel_requested) == (status, False)


def test_a_cancel_asked_for_before_the_answer_is_remembered() -> None:
    order = after(ROUTED, CancelRequested())
    assert order.status is OrderStatus.PENDING_NEW

    assert after(WORKING, order=order).status is OrderStatus.PENDING_CANCEL


@pytest.mark.parametrize("state", [VenueState.CANCELED, VenueState.FAILED])
def test_a_reason_that_comes_after_it_was_taken(state: VenueState) -> None:
    nothing = after(ROUTED, Reported(build.report(state, error=ERROR)))
    assert (nothing.status, nothing.error) == (OrderStatus.REJECTED, ERROR)

    # With fills it is no rejection: what traded, traded.
    partly = after(ROUTED, Reported(build.report(state, build.fill("a", "0.2"), error=ERROR)))
    assert (partly.status, partly.error, partly.filled_base) == (OrderStatus.CANCELED, ERROR, D("0.2"))


USD = {"quantity": D(50), "quantity_currency": "USD"}


@pytest.mark.parametrize(
    ("changed", "fills", "status"),
    [
        pytest.param({}, ["0.5"], OrderStatus.FILLED, id="whole"),
        pytest.param({}, ["0.2", "0.3"], OrderStatus.FILLED, id="whole in parts"),
        pytest.param({}, ["0.2"], OrderStatus.CANCELED, id="fewer fills than ordered"),
        pytest.param({}, [], OrderStatus.CANCELED, id="none"),
        pytest.param(USD, ["0.4999"], OrderStatus.FILLED, id="an amount in quote, to the increment"),
        pytest.param(USD, [], OrderStatus.CANCELED, id="an amount in quote, none"),
    ],
)
def test_what_completed_means(changed: dict[str, object], fills: list[str], status: OrderStatus) -> None:
    told = build.report(
        VenueState.DONE, *(build.fill(f"{number}", size) for number, size in enumerate(fills))
    )

    order = after(ROUTED, Reported(told), order=build.order(request=build.request(**changed)))

    assert (order.status, order.is_final) == (status, True)


def test_expired() -> None:
    order = after(ROUTED, Reported(build.report(VenueState.EXPIRED, build.fill("a", "0.2"))))

    assert (order.status, order.filled_base, order.is_final) == (OrderStatus.EXPIRED, D("0.2"), True)


@pytest.mark.parametrize("state", [VenueState.CANCELED, VenueState.DONE])
def test_a_protected_order_that_traded_nothing_says_that_the_price_moved(state: VenueState) -> None:
    order = after(ROUTED, Reported(build.report(state)), order=build.order(protected=True))

    assert order.status is OrderStatus.REJECTED
    assert order.error == OrderError(
        Code.PRICE_MOVED,
        "expected 0.5 BTC at 100.00 or better, nothing traded",
        retryable=True,
        connection_id="bitgo-spot",
    )


def test_the_first_answer_is_the_acknowledgement() -> None:
    order = after(ROUTED, Reported(build.report(at=T0 + 5)), Reported(build.report(at=T0 + 9)))

    assert (order.acknowledged_at, order.venue_order_id) == (T0 + 5, "venue-1")


# Evidence in any order

PARTS = st.lists(st.tuples(st.integers(1, 40), st.integers(9000, 11000)), min_size=1, max_size=5)


@st.composite
def tellings(draw: st.DrawFn) -> tuple[list[Fill], list[OrderReport]]:
    """Fills of one order, and reports that tell each at least once: shuffled, repeated, each its own way."""
    fills = [
        build.fill(f"trade-{number}", str(D(size) * D("0.01")), str(D(price) * D("0.01")))
        for number, (size, price) in enumerate(draw(PARTS))
    ]
    reports: list[OrderReport] = []
    for upto in range(1, len(fills) + 1):
        so_far = fills[:upto]
        base = sum((fill.quantity_base for fill in so_far), D(0))
        quote = sum((fill.quantity_quote for fill in so_far), D(0))
        reports += [
            # A feed's message with its fill, cumulative quantities beside it or not.
            build.report(VenueState.WORKING, fills[upto - 1], filled_base=base, filled_quote=quote)
            if draw(st.booleans())
            else build.report(VenueState.WORKING, fills[upto - 1], filled_base=D(0), filled_quote=None),
        ]
        if draw(st.booleans()):  # an answer that counts and lists nothing
            reports.append(build.report(VenueState.WORKING, filled_base=base, filled_quote=quote))
    if draw(st.booleans()):  # looked up at the end, all of it
        reports.append(build.report(VenueState.DONE, *fills))
    repeated = draw(st.lists(st.sampled_from(reports), max_size=4))
    return fills, draw(st.permutations([*reports, *repeated]))


@settings(max_examples=300)
@given(tellings())
def test_whatever_order_evidence_comes_in_each_fill_counts_once(
    telling: tuple[list[Fill], list[OrderReport]],
) -> None:
    fills, reports = telling
    whole = sum((fill.quantity_base for fill in fills), D(0))
    order = after(ROUTED, order=build.order(request=build.request(quantity=whole)))
    seen_base, final_status = D(0), None

    for report in reports:
        order = step(order, Reported(report), T0)
        assert order.filled_base >= seen_base
        seen_base = order.filled_base
        if final_status is not None:
            assert (order.status, order.phase) == (final_status, Phase.FINAL)
        elif order.is_final:
            final_status = order.status

    assert sorted(fill.id for fill in order.fills) == [fill.id for fill in fills]
    assert order.filled_base == whole
    assert order.filled_quote == sum((fill.quantity_quote for fill in fills), D(0))


def test_quantities_without_fills_are_counted_by_the_average() -> None:
    told = build.report(filled_base=D("0.2"), filled_quote=None, average_price=D("100.05"))

    order = after(ROUTED, Reported(told))

    assert (order.filled_base, order.filled_quote, order.fills) == (D("0.2"), D("20.010"), ())
    assert order.reported_average == D("100.05")


def test_fills_that_show_more_than_the_count_are_believed() -> None:
    told = build.report(VenueState.WORKING, build.fill("a", "0.3"), filled_base=D("0.1"), filled_quote=D(10))

    order = after(ROUTED, Reported(told))

    assert (order.filled_base, order.filled_quote) == (D("0.3"), D("30"))


def test_one_report_may_list_a_fill_twice() -> None:
    told = build.report(VenueState.DONE, build.fill("a", "0.2"), build.fill("a", "0.2"), filled_base=D("0.2"))

    assert len(after(ROUTED, Reported(told)).fills) == 1


def test_a_late_fill_is_kept_by_a_final_order() -> None:
    order = after(ROUTED, Reported(build.report(VenueState.CANCELED)))

    late = after(Reported(build.report(VenueState.CANCELED, build.fill("a", "0.1"))), order=order)

    assert (late.status, late.filled_base, late.filled_quote) == (OrderStatus.CANCELED, D("0.1"), D("10"))
    assert [fill.id for fill in late.fills] == ["a"]


# The attempt


def test_the_counterpartys_id_is_a_function_of_order_connection_and_attempt() -> None:
    ids = {
        venue_client_order_id(order, connection, attempt)
        for order in ("a", "b")
        for connection in ("x", "y")
        for attempt in (1, 2)
    }
    assert len(ids) == 8
    assert venue_client_order_id("a", "x", 1) == "a-1-x"


def attempt_for(limit: str | None, time_in_force: TimeInForce, **changed: object) -> Attempt:
    order = build.order(request=build.request(**changed))
    quote = msgspec.structs.replace(build.quote(), quote_id="quote-1")
    priced = price_quote(quote, D(10), Side.BUY, build.product())
    route = Route(
        "bitgo-spot", priced, None if limit is None else D(limit), time_in_force, Claim("USD", D(51))
    )
    return make_attempt(
        order.id,
        order.request,
        len(order.attempts) + 1,
        route,
        build.connection(),
        build.product(),
        D("100.40"),
        T0 + 3,
    )


def test_an_indicative_market_order_goes_out_as_a_limit() -> None:
    attempt = attempt_for("100.50", TimeInForce.IOC)

    assert (attempt.outbound.type, attempt.outbound.limit_price) == (OrderType.LIMIT, D("100.50"))
    assert attempt.outbound.venue_client_order_id == "order-1-1-bitgo-spot"
    assert (attempt.number, attempt.routed_at, attempt.sent_at) == (1, T0 + 3, None)
    assert (attempt.quoted_price, attempt.quoted_all_in_price) == (D("100.00"), D("100.10"))
    assert (attempt.cover_price, attempt.claim) == (D("100.40"), Claim("USD", D(51)))
    assert attempt.outbound.quote_id == "quote-1"


def test_without_a_limit_the_order_goes_out_as_asked() -> None:
    assert attempt_for(None, TimeInForce.IOC).outbound.type is OrderType.MARKET


@pytest.mark.parametrize(("time_in_force", "minutes"), [(TimeInForce.GTD, 30), (TimeInForce.FOK, None)])
def test_a_duration_goes_out_with_gtd_alone(time_in_force: TimeInForce, minutes: int | None) -> None:
    attempt = attempt_for("100", time_in_force, type=OrderType.LIMIT, limit_price=D(100), duration_minutes=30)

    assert attempt.outbound.duration_minutes == minutes
