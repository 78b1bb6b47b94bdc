"""After a refusal for want of credit, and only then, the next quote that still stands may have its turn."""

from decimal import Decimal

import pytest

from router.core.errors import Code, OrderError
from router.core.model import OnCreditFailure, OrderStatus
from router.core.order import Phase
from router.ports import ConnectionState, NeverSent, Refused
from tests.fakes.venue import FakeVenue
from tests.fakes.world import World, pts, spot, world
from tests.unit.build import D, request
from tests.virtual_loop import in_virtual_time, pass_time

NO_CREDIT = OrderError(Code.CREDIT_SHORT_LIMIT, "no more")
NEXT_BEST = OnCreditFailure.NEXT_BEST


def three() -> tuple[FakeVenue, FakeVenue, FakeVenue]:
    return pts("a"), spot("b"), spot("c")


def stream(w: World) -> None:
    """`a` is the best, then `b`, then `c`."""
    w["a"].streams("99.00", "100.00")
    w["b"].streams("99.00", "100.10")
    w["c"].streams("99.00", "100.20")


def sent_to(w: World) -> list[str]:
    return [name for name in ("a", "b", "c") if w[name].submitted]


@in_virtual_time
async def test_it_goes_on_when_asked_to() -> None:
    async with world(*three()) as w:
        stream(w)
        w["a"].answers.append(Refused(NO_CREDIT))
        answer = await w.desk.submit(request(on_credit_failure=NEXT_BEST))

        order = answer.order
        assert (order.status, order.error) == (OrderStatus.FILLED, None)
        assert [(each.number, each.connection_id, each.error) for each in order.attempts] == [
            (1, "a", NO_CREDIT),
            (2, "b", None),
        ]
        assert w["b"].submitted[0].venue_client_order_id == f"{order.id}-2-b"
        assert sent_to(w) == ["a", "b"]
        await pass_time(1)
        assert w.journal.kept_events(order.id) == ["Routed", "Refused", "Routed", "Reported"]
        assert w.seen.value("credit_failures_total", connection="a", code="credit_short_limit") == 1


@in_virtual_time
async def test_the_competition_tells_who_refused_the_order_and_who_got_it_then() -> None:
    async with world(*three()) as w:
        stream(w)
        w["a"].answers.append(Refused(NO_CREDIT))
        answer = await w.desk.submit(request(on_credit_failure=NEXT_BEST))
        assert answer.competition is not None
        for wait_s in (0, 60):
            await pass_time(wait_s)
            told = await w.desk.competition(answer.competition.id)
            assert {entry.connection.id: entry.detail for entry in told.entries} == {
                "a": "refused the order, credit_short_limit: no more",
                "b": "got the order after who stood before it had refused it",
                "c": None,
            }
            assert told.winner == "a"


@in_virtual_time
async def test_the_setting_says_so_for_all_and_a_request_may_say_otherwise() -> None:
    async with world(*three(), on_credit_failure=NEXT_BEST) as w:
        stream(w)
        w["a"].answers.extend([Refused(NO_CREDIT), Refused(NO_CREDIT)])
        first = await w.desk.submit(request(client_order_id="1"))
        second = await w.desk.submit(request(client_order_id="2", on_credit_failure=OnCreditFailure.FAIL))
        assert first.order.status is OrderStatus.FILLED
        assert (second.order.status, second.order.error) == (OrderStatus.REJECTED, NO_CREDIT)


@in_virtual_time
async def test_it_does_not_go_on_unasked() -> None:
    async with world(*three()) as w:
        stream(w)
        w["a"].answers.append(Refused(NO_CREDIT))
        answer = await w.desk.submit(request())
        assert (answer.order.status, answer.order.error) == (OrderStatus.REJECTED, NO_CREDIT)
        assert sent_to(w) == ["a"]


@pytest.mark.parametrize(
    "result",
    [Refused(OrderError(Code.VENUE_REJECTED, "no")), NeverSent("down")],
    ids=["refused", "never sent"],
)
def test_another_refusal_never_goes_on(result: Refused | NeverSent) -> None:
    @in_virtual_time
    async def scenario() -> None:
        async with world(*three()) as w:
            stream(w)
            w["a"].answers.append(result)
            answer = await w.desk.submit(request(on_credit_failure=NEXT_BEST))
            assert answer.order.status is OrderStatus.REJECTED
            assert sent_to(w) == ["a"]

    scenario()


@in_virtual_time
async def test_each_that_has_no_credit_is_recorded_and_the_last_says_no() -> None:
    async with world(pts("a"), pts("b")) as w:
        w["a"].streams("99.00", "100.00")
        w["b"].streams("99.00", "100.10")
        other = OrderError(Code.CREDIT_FROZEN, "frozen")
        w["a"].answers.append(Refused(NO_CREDIT))
        w["b"].answers.append(Refused(other))
        order = (await w.desk.submit(request(on_credit_failure=NEXT_BEST))).order
        assert (order.phase, order.error) == (Phase.FINAL, other)
        assert [each.error for each in order.attempts] == [NO_CREDIT, other]
        assert w.seen.value("credit_failures_total", connection="a", code="credit_short_limit") == 1
        assert w.seen.value("credit_failures_total", connection="b", code="credit_frozen") == 1


def book_is_old(w: World) -> None:
    w["b"].books["BTC-USD"] = (
        w["b"]
        .books["BTC-USD"]
        .__class__(w["b"].books["BTC-USD"].bids, w["b"].books["BTC-USD"].asks, w.clock.now() - 3_000_000_000)
    )


def book_is_gone(w: World) -> None:
    w["b"].books.clear()


def is_down(w: World) -> None:
    w["b"].state = ConnectionState.DOWN


def has_no_budget(w: World) -> None:
    w["b"].budget = 0


def balance_is_spent(w: World) -> None:
    w.ledger.state("b", {}, w.clock.now())


def book_is_thin(w: World) -> None:
    w["b"].streams("99.00", "100.10", size="0.1")


@pytest.mark.parametrize(
    "spoil", [book_is_old, book_is_gone, is_down, has_no_budget, balance_is_spent, book_is_thin]
)
def test_a_quote_that_no_longer_stands_is_passed_over_for_the_one_after_it(spoil: object) -> None:
    assert callable(spoil)

    @in_virtual_time
    async def scenario() -> None:
        async with world(*three()) as w:
            stream(w)
            w["a"].answers.append(Refused(NO_CREDIT))
            w["a"].before_submit = lambda _order: spoil(w)
            order = (await w.desk.submit(request(on_credit_failure=NEXT_BEST))).order
            assert [each.connection_id for each in order.attempts] == ["a", "c"]
            assert order.status is OrderStatus.FILLED
            assert w["b"].unsent == 0

    scenario()


@in_virtual_time
async def test_a_spot_account_that_is_refused_has_its_balance_back_before_the_next_is_tried() -> None:
    async with world(spot("a"), spot("b")) as w:
        w["a"].streams("99.00", "100.00")
        w["b"].streams("99.00", "100.10")
        w["a"].answers.append(Refused(NO_CREDIT))
        reserved: list[tuple[Decimal, Decimal]] = []
        w["b"].before_submit = lambda _order: reserved.append((w.reserved("a"), w.reserved("b")))
        order = (await w.desk.submit(request(on_credit_failure=NEXT_BEST))).order
        assert order.status is OrderStatus.FILLED
        assert reserved == [(D(0), D("50.30"))]
        assert w.ledger.free("a", "USD") == 1_000_000
        assert w.ledger.free("b", "USD") == 1_000_000 - D("50.05")


@in_virtual_time
async def test_with_nobody_left_it_ends_with_the_refusal() -> None:
    async with world(pts("a"), spot("b")) as w:
        w["a"].streams("99.00", "100.00")
        w["b"].streams("99.00", "100.10")
        w["a"].answers.append(Refused(NO_CREDIT))
        w["a"].before_submit = lambda _order: w["b"].books.clear()
        order = (await w.desk.submit(request(on_credit_failure=NEXT_BEST))).order
        assert (order.phase, order.status, order.error) == (Phase.FINAL, OrderStatus.REJECTED, NO_CREDIT)
        assert [each.connection_id for each in order.attempts] == ["a"]


@in_virtual_time
async def test_the_next_price_is_the_one_that_stands_then() -> None:
    async with world(pts("a"), spot("b")) as w:
        w["a"].streams("99.00", "100.00")
        w["b"].streams("99.00", "100.10")
        w["a"].answers.append(Refused(NO_CREDIT))
        w["a"].before_submit = lambda _order: w["b"].streams("99.00", "101.00")
        order = (await w.desk.submit(request(on_credit_failure=NEXT_BEST))).order
        assert str(order.attempts[1].quoted_price) == "101.00"
        assert str(w["b"].submitted[0].limit_price) == "101.50"
