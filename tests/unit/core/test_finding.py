"""What a person found out ends an order in doubt; evidence counts on, and marks what it contradicts."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.core.errors import Code, InvalidRequestError, OrderError
from router.core.finding import Finding, Found, executed
from router.core.model import Fill, OrderStatus, VenueState
from router.core.order import Event, FindingRecorded, Order, Phase, Reported, Routed, WentInDoubt, step
from router.journal.codec import decode_event, decode_order, encode
from tests.unit import build
from tests.unit.build import T0, D

ROUTED = Routed(build.attempt(), "competition-1", D("99.90"))
DOUBT = WentInDoubt("reset", T0)
ABSENT = FindingRecorded(Finding(Found.ABSENT, "J. Doe", "not on the page", T0 + 5))


def found(base: str = "0.5", price: str | None = "100.00", **changed: object) -> FindingRecorded:
    """The finding that so much was executed."""
    fields: dict[str, object] = {
        "operator": "J. Doe",
        "reason": "the page shows it",
        "at": T0 + 5,
        "venue_order_id": "venue-1",
        "filled_base": D(base),
        "average_price": None if price is None else D(price),
        "status": None,
    }
    request = changed.pop("request", build.request())
    return FindingRecorded(executed(request, **fields | changed))  # type: ignore[arg-type]  # fields by name


def after(*events: Event) -> Order:
    order = build.order()
    for number, event in enumerate((ROUTED, DOUBT, *events), start=1):
        order = step(order, event, T0 + number)
    return order


def test_absent_ends_it_as_never_taken_with_the_name_and_the_reason() -> None:
    order = after(ABSENT)

    assert (order.phase, order.status, order.in_doubt) == (Phase.FINAL, OrderStatus.REJECTED, False)
    assert order.error == OrderError(
        Code.NOT_TAKEN,
        "found absent by J. Doe: not on the page",
        retryable=True,
        connection_id="bitgo-spot",
    )
    assert order.finding == ABSENT.finding


@pytest.mark.parametrize(
    ("finding", "status", "quote"),
    [
        pytest.param(found(), OrderStatus.FILLED, "50.000", id="whole"),
        pytest.param(found("0.2"), OrderStatus.CANCELED, "20.000", id="in part"),
        pytest.param(found("0", None), OrderStatus.CANCELED, "0", id="taken, nothing traded"),
        pytest.param(found(status=OrderStatus.CANCELED), OrderStatus.CANCELED, "50.000", id="as it was said"),
        pytest.param(
            found("0.2", request=build.request(quantity=D(20), quantity_currency="USD")),
            OrderStatus.FILLED,
            "20.000",
            id="an amount in quote",
        ),
    ],
)
def test_executed_ends_it_with_the_quantities_given(
    finding: FindingRecorded, status: OrderStatus, quote: str
) -> None:
    order = after(finding)

    assert (order.phase, order.status, order.error) == (Phase.FINAL, status, None)
    assert (order.filled_base, order.filled_quote) == (finding.finding.filled_base, D(quote))
    assert order.venue_order_id == "venue-1"


@pytest.mark.parametrize(
    ("field", "changed"),
    [
        ("filled_quantity", {"base": "0.6"}),
        ("average_price", {"base": "0.5", "price": None}),
        ("average_price", {"base": "0", "price": "100"}),
        ("final_status", {"base": "0.2", "status": OrderStatus.FILLED}),
        ("final_status", {"base": "0", "price": None, "status": OrderStatus.FILLED}),
    ],
)
def test_a_finding_that_cannot_be_this_orders_is_refused(field: str, changed: dict[str, object]) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        found(**changed)  # type: ignore[arg-type]  # fields by name

    assert [error.field for error in refused.value.errors] == [field]


def report(state: VenueState, *fills: Fill, **changed: object) -> Reported:
    return Reported(build.report(state, *fills, **changed))


def contradicted(order: Order) -> bool:
    return order.finding is not None and order.finding.contradicted_at is not None


def test_executions_after_absent_are_counted_and_the_finding_is_contradicted() -> None:
    order = after(ABSENT, report(VenueState.DONE, build.fill("a", "0.5")))

    assert (order.status, order.filled_base, order.filled_quote) == (
        OrderStatus.REJECTED,
        D("0.5"),
        D("50.00"),
    )
    assert [fill.id for fill in order.fills] == ["a"]
    assert order.finding == msgspec.structs.replace(ABSENT.finding, contradicted_at=T0 + 4)


@pytest.mark.parametrize(
    ("finding", "told", "expected"),
    [
        pytest.param(ABSENT, report(VenueState.WORKING), True, id="absent, and it is working"),
        pytest.param(found(), report(VenueState.DONE, build.fill("a", "0.5")), False, id="as it was found"),
        pytest.param(found(), report(VenueState.WORKING, build.fill("a", "0.2")), False, id="of before"),
        pytest.param(found(), report(VenueState.DONE, build.fill("a", "0.2")), True, id="less"),
        pytest.param(found("0.2"), report(VenueState.WORKING, build.fill("a", "0.3")), True, id="more"),
        pytest.param(
            found(), report(VenueState.WORKING, venue_order_id="venue-2"), True, id="another one's id"
        ),
        pytest.param(
            found("0", None), report(VenueState.CANCELED), False, id="taken and cancelled without a trade"
        ),
    ],
)
def test_what_contradicts_a_finding(finding: FindingRecorded, told: Reported, *, expected: bool) -> None:
    order = after(finding, told)

    assert contradicted(order) is expected
    assert (order.status, order.phase) == (finding.finding.status, Phase.FINAL)


def test_when_it_was_first_contradicted_stays() -> None:
    told = report(VenueState.WORKING, build.fill("a", "0.2"))
    order = after(ABSENT, told, report(VenueState.DONE, build.fill("b", "0.3")))

    assert order.finding is not None
    assert (order.finding.contradicted_at, order.filled_base) == (T0 + 4, D("0.5"))
    assert step(order, told, T0 + 50) is order


def test_the_single_executions_of_what_was_found_are_not_counted_again() -> None:
    order = after(
        found(),
        report(VenueState.WORKING, build.fill("a", "0.2"), filled_base=D(0), filled_quote=None),
        report(VenueState.DONE, build.fill("b", "0.3", "101.00"), filled_base=D("0.5")),
    )

    assert (order.filled_base, [fill.id for fill in order.fills]) == (D("0.5"), ["a", "b"])
    assert not contradicted(order)


SIZES = st.integers(1, 50).map(lambda cents: D(cents) * D("0.01"))


@st.composite
def stories(draw: st.DrawFn) -> list[Event]:
    """A finding, and whatever the counterparty says after it, in any order."""
    finding = draw(st.sampled_from([ABSENT, found(), found("0.2"), found("0", None)]))
    fills = [build.fill(f"t-{number}", str(size)) for number, size in enumerate(draw(st.lists(SIZES)))]
    reports = [build.report(draw(st.sampled_from(list(VenueState))), fill) for fill in fills]
    again = draw(st.lists(st.sampled_from(reports), max_size=3)) if reports else []
    told = draw(st.permutations([*reports, *again]))
    return [ROUTED, DOUBT, finding, *(Reported(each) for each in told)]


@given(stories())
def test_a_replay_from_the_journal_gives_the_same_order(events: list[Event]) -> None:
    order = replayed = build.order()
    base, quote = Decimal(0), Decimal(0)
    for number, event in enumerate(events):
        order = step(order, event, T0 + number)
        replayed = step(decode_order(encode(replayed)), decode_event(encode(event)), T0 + number)
        assert replayed == order
        assert (order.filled_base >= base, order.is_final) == (True, number >= 2)
        base, quote = order.filled_base, order.filled_quote

    assert order.finding is not None
    assert order.status is order.finding.status
    assert quote >= 0
    if order.filled_base > order.finding.filled_base:
        assert contradicted(order)
