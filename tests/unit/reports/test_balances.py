"""The portfolio and the balance report: balances, positions, custody, and what cannot be read."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from router.core.account import AssetBalance, Position, WalletPage
from router.core.errors import InvalidRequestError, NotFoundError
from router.reports.rows import Failed, Holding, HoldingKind, Portfolio, Unit
from router.reports.scroll import page_of
from router.reports.service import Reports
from tests.unit.build import D, connection
from tests.unit.reports.fakes import (
    DOWN,
    NOW,
    FakeCustody,
    FakeMargin,
    FakeTrading,
    custody,
    pts,
    reports,
    spot,
    usd,
)


async def everything(served: Reports, limit: int = 7) -> list[Holding | Failed]:
    """Every page, each resumed by its cursor alone."""
    found: list[Holding | Failed] = []
    cursor: str | None = None
    while True:
        rows, cursor = await page_of(served.balances(None, cursor), limit, 10)
        found += rows
        if cursor is None:
            return found


async def test_a_portfolio_has_balances_or_positions() -> None:
    rows = await reports(spot(FakeTrading()), pts(FakeMargin()), custody(wallets=250)).portfolio(None)

    own, credit, cold = [row for row in rows if isinstance(row, Portfolio)]
    assert own.positions is None
    assert own.balances is not None
    assert own.balances[0].balance == AssetBalance("USD", D("1000.50"), D("900.50"), D(100), D("900.50"))
    assert credit.balances is None
    assert credit.positions == (
        Position("BTC", D("0.5"), usd("20000.00")),
        Position("ETH", D("-2"), None),
    )
    assert cold.balances is not None
    assert [held.balance for held in cold.balances] == [
        AssetBalance("BTC", D("375.0"), D("312.50"), D("62.50"), None)
    ]
    assert {row.as_of for row in (own, credit, cold)} == {NOW}


async def test_balances_are_never_asked_of_a_pts_account() -> None:
    trading = FakeTrading()
    await reports(pts(FakeMargin(), trading)).portfolio(None)
    await everything(reports(pts(FakeMargin(), trading)))
    assert trading.calls == []


async def test_an_unknown_part_is_an_unknown_sum() -> None:
    fake = FakeCustody(connection("cold"), wallets=2)
    fake.decimals = None

    (row,) = await reports(custody(fake)).portfolio(None)

    assert isinstance(row, Portfolio)
    assert row.balances is not None
    assert row.balances[0].unit is Unit.BASE_UNITS


async def test_a_closed_position_is_none() -> None:
    margin = FakeMargin()
    margin.held = [Position("BTC", D("0.00"), None)]
    (row,) = await reports(pts(margin)).portfolio(None)
    assert isinstance(row, Portfolio)
    assert row.positions == ()


async def test_what_cannot_be_read_is_a_row_of_the_portfolio() -> None:
    down = FakeTrading()
    down.error = DOWN
    rows = await reports(spot(down, "down"), spot(FakeTrading())).portfolio(None)
    assert rows[0] == Failed(connection("down"), DOWN.detail)
    assert isinstance(rows[1], Portfolio)
    assert len(down.calls) == 1


async def test_a_row_an_asset_and_connection() -> None:
    trading = FakeTrading()
    trading.held = [AssetBalance("USD", D(5), None, None, None), AssetBalance("BTC", D(1), None, None, None)]
    rows = await everything(reports(spot(trading), pts(FakeMargin()), custody(wallets=1)))

    told = [
        (r.connection.id, r.kind, r.asset, r.quantity, r.value_usd, r.wallet_id)
        for r in rows
        if isinstance(r, Holding)
    ]
    assert told == [
        ("bitgo-spot", HoldingKind.BALANCE, "BTC", D(1), None, None),
        ("bitgo-spot", HoldingKind.BALANCE, "USD", D(5), D(5), None),
        ("bitgo-pts", HoldingKind.POSITION, "BTC", D("0.5"), D("20000.00"), None),
        ("bitgo-pts", HoldingKind.POSITION, "ETH", D("-2"), None, None),
        ("bitgo-cold", HoldingKind.BALANCE, "BTC", D("1.5"), None, "wallet-00000"),
    ]


@pytest.mark.parametrize("limit", [1, 99, 100, 101])
async def test_five_hundred_wallets_in_pages_are_each_there_once(limit: int) -> None:
    down = FakeTrading()
    down.error = DOWN
    served = reports(spot(FakeTrading()), spot(down, "down"), custody(wallets=500), pts(FakeMargin()))

    rows = await everything(served, limit)

    wallets = [row.wallet_id for row in rows if isinstance(row, Holding) and row.wallet_id]
    assert wallets == [f"wallet-{n:05}" for n in range(500)]
    assert [row.connection.id for row in rows if isinstance(row, Failed)] == ["down"]
    assert len(rows) == 1 + 1 + 500 + 2
    assert sum((row.quantity for row in rows if isinstance(row, Holding)), Decimal(0)) > 750


async def test_a_page_that_cannot_be_read_ends_its_connection() -> None:
    fake = FakeCustody(connection("bitgo-cold"), wallets=500)
    fake.errors = [None, DOWN, DOWN, DOWN]
    rows = await everything(reports(custody(fake), spot(FakeTrading())), 1000)
    assert [type(row) for row in rows[99:]] == [Holding, Failed, Holding]


async def test_connections_that_are_disabled_are_left_out() -> None:
    entry = replace(spot(FakeTrading()), enabled=False)
    served = reports(entry)
    assert await served.portfolio(None) == []
    assert await everything(served) == []
    assert len(await served.portfolio("bitgo-spot")) == 1


async def test_unknown_connections_and_cursors_are_refused() -> None:
    served = reports(custody(wallets=500))
    with pytest.raises(NotFoundError):
        await served.portfolio("nobody")
    with pytest.raises(NotFoundError):
        served.balances("nobody", None)
    _, cursor = await page_of(served.balances(None, None), 150, 10)
    with pytest.raises(InvalidRequestError, match="still there"):
        reports(spot(FakeTrading())).balances(None, cursor)


async def test_a_cursor_that_the_counterparty_has_forgotten_is_refused() -> None:
    class Forgetful(FakeCustody):
        async def balances(self, cursor: str | None, limit: int) -> WalletPage:
            if cursor is not None:
                raise ValueError(cursor)
            return await super().balances(cursor, limit)

    scroll = reports(custody(Forgetful(connection("bitgo-cold"), wallets=500))).balances(None, None)
    with pytest.raises(InvalidRequestError, match="still knows"):
        await page_of(scroll, 150, 10)
