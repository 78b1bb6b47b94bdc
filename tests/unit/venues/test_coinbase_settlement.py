"""The settlement summary of an account whose credit is one line over all assets."""

import io

import msgspec
from rich.console import Console

from router.cli.reports.answers import Settlement
from router.cli.reports.tables import show_settlement
from router.core.account import AmountDue, CreditLine, Position, Value
from router.http.reports.sums import SETTLEMENT
from router.http.reports.views import settlement_view
from router.ports.accounts import AccountEntry
from router.reports.rows import Failed, Holding, HoldingKind, Portfolio, SettlementSummary
from tests.unit.build import T0, D
from tests.unit.reports.fakes import DOWN, FakeMargin, FakeTrading, pts, reports, spot

LINE = CreditLine(
    currency="USD",
    limit=D(500_000),
    utilized=D("120000.50"),
    available=D("379999.50"),
    enabled=True,
    frozen=False,
    frozen_reason=None,
    amounts_due=(AmountDue("USD", D("120000.50"), T0), AmountDue("BTC", D(1), None)),
)


class OneLine(FakeTrading):
    """Books with a credit line, and no margin side."""

    def __init__(self, line: CreditLine = LINE) -> None:
        super().__init__()
        self.line = line

    async def credit_line(self) -> CreditLine:
        self.ask("credit_line")
        return self.line

    async def positions(self) -> list[Position]:
        self.ask("positions")
        return [
            Position("USD", D("-120000.50"), None),
            Position("BTC", D(3), None),
            Position("X", D(0), None),
        ]


def entry(books: OneLine) -> AccountEntry:
    return msgspec.structs.replace(pts(FakeMargin()), trading=books)


async def summary(line: CreditLine = LINE) -> SettlementSummary:
    found = await reports(entry(OneLine(line))).settlement_summary("bitgo-pts")
    assert isinstance(found, SettlementSummary)
    return found


async def test_the_line_is_the_one_asset_and_there_is_no_risk() -> None:
    found = await summary()
    (asset,) = found.assets
    assert (asset.asset, asset.position) == ("USD", D("-120000.50"))
    assert asset.long_limit == asset.short_limit == Value(D(500_000), "USD")
    assert asset.used_credit == asset.exposure == Value(D("120000.50"), "USD")
    assert (asset.exposure_usd, found.exposure_usd) == (D("120000.50"), D("120000.50"))
    assert (found.profile, found.settings, found.credit) == (None, None, LINE)


async def test_a_line_in_another_currency_has_no_value_in_dollars() -> None:
    found = await summary(msgspec.structs.replace(LINE, currency="EUR"))
    assert (found.assets[0].exposure_usd, found.exposure_usd) == (None, None)
    assert [total.currency for total in found.totals] == ["EUR"]


async def test_a_line_that_cannot_be_read_is_said_to_be() -> None:
    books = OneLine()
    books.error = DOWN
    served = reports(entry(books), spot(FakeTrading()))
    assert isinstance(await served.settlement_summary("bitgo-pts"), Failed)
    assert books.calls == [("credit_line",)]


async def test_its_positions_are_in_the_portfolio_and_it_shows_no_balances() -> None:
    books = OneLine()
    served = reports(entry(books))
    (row,) = await served.portfolio(None)
    assert isinstance(row, Portfolio)
    assert row.balances is None
    assert row.positions == (Position("BTC", D(3), None), Position("USD", D("-120000.50"), None))
    holdings = served.balances(None, None)
    await holdings.read()
    rows = [holdings.take(), holdings.take()]
    assert [(each.asset, each.kind, each.value_usd) for each in rows if isinstance(each, Holding)] == [
        ("BTC", HoldingKind.POSITION, None),
        ("USD", HoldingKind.POSITION, D("-120000.50")),
    ]
    assert books.calls == [("positions",), ("positions",)]


async def test_it_is_answered_with_the_line_and_without_risk() -> None:
    found = await summary()
    told = msgspec.to_builtins(settlement_view(found))
    assert told["risk"] is None
    assert told["credit"] == {
        "currency": "USD",
        "limit": "500000",
        "utilized": "120000.50",
        "available": "379999.50",
        "enabled": True,
        "frozen": False,
        "frozen_reason": None,
        "amounts_due": [
            {"currency": "USD", "amount": "120000.50", "due_at": "2025-06-15T15:06:40.000000Z"},
            {"currency": "BTC", "amount": "1", "due_at": None},
        ],
    }
    place = SETTLEMENT.header.index("row")
    kinds = [line[place] for line in SETTLEMENT.lines(found)]
    assert kinds == ["asset", "total"]


async def test_people_see_what_is_left_of_the_line() -> None:
    for line, expected in (
        (LINE, "open"),
        (msgspec.structs.replace(LINE, frozen=True, frozen_reason="past due"), "frozen: past due"),
        (msgspec.structs.replace(LINE, enabled=False), "not enabled"),
    ):
        raw = msgspec.json.encode(settlement_view(await summary(line)))
        console = Console(file=io.StringIO(), width=120)
        show_settlement(console, msgspec.json.decode(raw, type=Settlement))
        assert isinstance(console.file, io.StringIO)
        shown = console.file.getvalue()
        assert expected in shown
        assert "379999.50 USD" in shown
        assert "margin balance" not in shown
