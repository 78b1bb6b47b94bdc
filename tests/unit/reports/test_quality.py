"""Execution quality: counted from orders and their competitions, by connection and in all."""

from decimal import Decimal

import msgspec
import pytest

from router.core.errors import Code, OrderError
from router.core.model import OrderStatus, Outcome, Reason, Side
from router.core.order import Order, Phase
from router.core.record import CompetitionRecord, EntryRecord
from router.ports import StoreError
from router.reports.quality import Average, Quality
from tests.unit import build
from tests.unit.build import T0, D
from tests.unit.reports.fakes import NOW, SECOND, FakeJournal, FakeMargin, FakeTrading, pts, reports, spot

MICROSECOND = 1000
SPOT, PTS = build.connection("bitgo-spot", fee_bps="10"), build.connection("bitgo-pts", pts=True)


def entry(outcome: Outcome, latency_us: int | None = None, **changed: object) -> EntryRecord:
    """A connection's line."""
    asked = None if latency_us is None else T0
    fields: dict[str, object] = {
        "connection": SPOT,
        "outcome": outcome,
        "reason": None,
        "asked_at": asked,
        "answered_at": None if asked is None or latency_us is None else asked + latency_us * MICROSECOND,
    }
    blank = dict.fromkeys(EntryRecord.__struct_fields__)
    flags = {"firm": False, "complete": True, "late": False}
    return EntryRecord(**{**blank, **flags, **fields, **changed})  # type: ignore[arg-type]


def competition(name: str, *entries: EntryRecord) -> CompetitionRecord:
    winner = next((e.connection.id for e in entries if e.outcome is Outcome.WON), None)
    return CompetitionRecord(
        name, "o", None, build.request(), D(50), D(500), T0, T0, T0, None, None, winner, entries
    )


def filled(name: str, quote: str = "50.5", at: int = T0, **changed: object) -> Order:
    """Half a Bitcoin quoted at 100 (100.10 all-in, the next best 100.40) and bought for `quote`."""
    fields: dict[str, object] = {
        "id": name,
        "created_at": at,
        "phase": Phase.FINAL,
        "status": OrderStatus.FILLED,
        "attempts": (build.attempt(connection=SPOT),),
        "filled_base": D("0.5"),
        "filled_quote": D(quote),
        "competition_id": f"c-{name}",
    }
    return build.order(**fields | changed)


async def of(*held: tuple[Order, CompetitionRecord | None], **window: int | str | None) -> Quality:
    journal = FakeJournal(*(order for order, _ in held), page=1)
    for order, record in held:
        if record is not None and order.competition_id is not None:
            journal.competitions[order.competition_id] = msgspec.json.encode(record)
    served = reports(spot(FakeTrading()), pts(FakeMargin()), journal=journal)
    asked: dict[str, object] = {"connection_id": None, "since": None, "until": None}
    return await served.execution_quality(**asked | window)  # type: ignore[arg-type]


async def test_competitions_are_counted_by_outcome_and_reason() -> None:
    report = await of(
        (
            filled("a"),
            competition(
                "c-a",
                entry(Outcome.WON, 10),
                entry(Outcome.LOST, 31, connection=PTS),
            ),
        ),
        (
            filled("b"),
            competition(
                "c-b",
                entry(Outcome.EXCLUDED, reason=Reason.INSUFFICIENT_BALANCE),
                entry(Outcome.FAILED, 20, connection=PTS, reason=Reason.TIMEOUT),
            ),
        ),
    )

    lines = {connection.id: tally for connection, tally in report.lines}
    own, credit = lines["bitgo-spot"], lines["bitgo-pts"]
    assert (report.orders, report.competitions) == (2, 2)
    assert (own.joined, own.outcomes[Outcome.WON], own.excluded) == (1, 1, {Reason.INSUFFICIENT_BALANCE: 1})
    assert (credit.joined, credit.failed) == (1, {Reason.TIMEOUT: 1})
    assert (credit.latency_ns.value, credit.latency_ns_max) == (D(25_500), 31_000)
    assert (report.total.joined, report.total.latency_ns_max) == (2, 31_000)
    assert report.total.outcomes == dict.fromkeys(Outcome, 1)


async def test_what_was_paid_is_set_against_what_was_quoted_and_the_next_best() -> None:
    report = await of((filled("a", "50"), None), (filled("b", "50.5"), None))

    ((_, tally),) = report.lines
    # 100.00 and 101.00 on average against 100.00; with 10 bps 100.10 and 101.101 all-in.
    assert (tally.orders, tally.filled, tally.traded) == (2, 2, 2)
    assert tally.slippage_bps.value == D(50)
    assert tally.all_in_bps.value == D(50)
    assert tally.improvement_bps.value == D("-19.98")


async def test_a_sale_counts_the_other_way() -> None:
    order = filled("a", "49.5", request=build.request(side=Side.SELL))
    ((_, tally),) = (await of((order, None))).lines
    assert tally.slippage_bps.value == D(100)


async def test_refusals_and_credit_failures_are_the_connections_own() -> None:
    credit = OrderError(Code.CREDIT_LONG_LIMIT, "no credit", connection_id="bitgo-pts")
    plain = OrderError(Code.VENUE_REJECTED, "no")
    first = build.attempt(connection=PTS, error=credit)
    moved_on = filled("a", attempts=(first, build.attempt(connection=SPOT, number=2)))
    after_taken = filled(
        "b",
        attempts=(build.attempt(connection=PTS),),
        status=OrderStatus.REJECTED,
        filled_base=D(0),
        filled_quote=D(0),
        error=credit,
    )
    rejected = filled("c", status=OrderStatus.REJECTED, filled_base=D(0), filled_quote=D(0), error=plain)

    report = await of((moved_on, None), (after_taken, None), (rejected, None))

    lines = {connection.id: tally for connection, tally in report.lines}
    told = {name: (t.orders, t.filled, t.refused, t.credit_failures) for name, t in lines.items()}
    assert told == {"bitgo-pts": (2, 0, 2, 2), "bitgo-spot": (2, 1, 1, 0)}


async def test_only_the_window_and_the_connection_that_are_asked_for() -> None:
    held = [
        (
            filled(f"o{n}", at=T0 + n * SECOND),
            competition("c", entry(Outcome.WON), entry(Outcome.LOST, connection=PTS)),
        )
        for n in range(6)
    ]
    report = await of(*held, since=T0 + SECOND, until=T0 + 4 * SECOND)
    assert (report.orders, report.since, report.until) == (3, T0 + SECOND, T0 + 4 * SECOND)
    report = await of(*held, connection_id="bitgo-pts")
    assert [connection.id for connection, _ in report.lines] == ["bitgo-pts"]
    assert report.total.outcomes == {Outcome.LOST: 6}
    day = 24 * 3600 * SECOND
    report = await of((filled("old", at=NOW - day - 1), None), (filled("in", at=NOW - day), None))
    assert (report.orders, report.until - report.since) == (1, day)


async def test_nothing_is_nothing() -> None:
    report = await of()
    assert (report.orders, report.lines, report.total.slippage_bps.value) == (0, (), None)


async def test_a_record_that_cannot_be_read_is_the_stores_failure() -> None:
    journal = FakeJournal(filled("a"))
    journal.competitions["c-a"] = b"{}"
    with pytest.raises(StoreError):
        await reports(journal=journal).execution_quality(None, None, None)


def test_a_cost_is_rounded_up_and_a_gain_down() -> None:
    for up, mean in ((True, "3.34"), (False, "3.33")):
        average = Average(up=up)
        for value in ("3", "3", "4"):
            average.add(Decimal(value))
        assert average.value == D(mean)
