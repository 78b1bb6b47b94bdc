"""Movements in custody: wallet by wallet, in pages of any size, each once."""

import pytest

from router.core.errors import ConflictError, InvalidRequestError, NotFoundError
from router.reports.rows import Failed, Movement
from router.reports.scroll import page_of
from router.reports.service import Reports
from router.reports.transactions import MovementQuery, Transactions
from tests.unit.build import connection
from tests.unit.reports.fakes import DOWN, FakeCustody, FakeTrading, custody, reports, spot

ALL = MovementQuery()


async def opened(served: Reports, query: MovementQuery = ALL, cursor: str | None = None) -> Transactions:
    found = await served.transactions("bitgo-cold", query, cursor)
    assert isinstance(found, Transactions)
    return found


async def pages(served: Reports, limit: int, reads_max: int = 10) -> list[list[Movement | Failed]]:
    found: list[list[Movement | Failed]] = []
    cursor: str | None = None
    while True:
        rows, cursor = await page_of(await opened(served, ALL, cursor), limit, reads_max)
        found.append(rows)
        if cursor is None:
            return found


@pytest.mark.parametrize(
    ("wallets", "movements", "limit"),
    [(0, 3, 5), (3, 0, 5), (1, 1, 1), (3, 250, 7), (250, 1, 40), (101, 3, 500)],
)
async def test_every_movement_of_every_wallet_is_there_once(wallets: int, movements: int, limit: int) -> None:
    found = [
        row
        for page in await pages(reports(custody(wallets=wallets, movements=movements)), limit)
        for row in page
    ]
    ids = [row.transaction.id for row in found if isinstance(row, Movement)]
    assert ids == [f"wallet-{w:05}-{n}" for w in range(wallets) for n in range(movements)]


async def test_a_page_takes_only_so_many_requests() -> None:
    fake = FakeCustody(connection("bitgo-cold"), wallets=250, movements=0)
    found = await pages(reports(custody(fake)), 10, reads_max=20)
    assert [len(page) for page in found] == [0] * 14
    assert len(fake.calls) <= 14 * 20


async def test_one_wallet() -> None:
    fake = FakeCustody(connection("bitgo-cold"), wallets=9, movements=3)
    scroll = await opened(reports(custody(fake)), MovementQuery("wallet-00004", 1, 2))
    rows, cursor = await page_of(scroll, 50, 10)
    assert [r.transaction.wallet_id for r in rows if isinstance(r, Movement)] == ["wallet-00004"] * 3
    assert cursor is None
    assert fake.calls == [("wallet", "wallet-00004"), ("transactions", "wallet-00004", None, 1, 2)]


async def test_a_failure_is_the_last_row() -> None:
    fake = FakeCustody(connection("bitgo-cold"), wallets=9, movements=1)
    fake.errors = [None, None, DOWN, DOWN, DOWN]
    (rows,) = await pages(reports(custody(fake)), 50)
    assert [type(row) for row in rows] == [Movement, Failed]


async def test_others_are_refused() -> None:
    served = reports(custody(), spot(FakeTrading()))
    with pytest.raises(ConflictError):
        await served.transactions("bitgo-spot", ALL, None)
    with pytest.raises(NotFoundError):
        await served.transactions("bitgo-cold", MovementQuery("nothing"), None)
    _, cursor = await page_of(await opened(served), 1, 10)
    with pytest.raises(InvalidRequestError, match="same filters"):
        await opened(served, MovementQuery(None, 5), cursor)
