"""Thousands of generated wallets and transfers: the same from the same seed, each once, and changeable."""

import sys

from custody_harness import BTC, Custody, custody, user

from venues.simulator.custody.settings import CustodySettings
from venues.simulator.custody.users import User

MANY = user(wallets_generated=1_200, transfers_generated=250)


async def generated(api: Custody, coin: str = "eth") -> str:
    """Give the id of the first generated wallet of a coin."""
    rows = (await api.ok(f"wallets?coin={coin}&labelContains=generated&limit=1"))["wallets"]
    name: str = rows[0]["id"]
    return name


async def test_every_wallet_comes_once_whatever_the_page() -> None:
    async with custody(MANY) as api:
        by_page = [await api.pages(f"wallets?limit={limit}", "wallets") for limit in (500, 401)]
    flat = [[name for page in pages for name in page] for pages in by_page]
    assert [len(page) for page in by_page[0]] == [500, 500, 202]
    assert flat[0] == flat[1]
    assert len(set(flat[0])) == 1_202


async def test_a_page_goes_on_within_its_filter() -> None:
    async with custody(MANY) as api:
        pages = await api.pages("wallets?coin=btc&limit=100", "wallets")
        one = await api.ok(f"btc/wallet/{pages[1][0]}")
    assert [len(page) for page in pages] == [100, 100, 41]
    assert (pages[0][0], one["coin"]) == (BTC, "btc")


async def test_the_largest_page_of_wallets_is_a_setting() -> None:
    async with custody(user(wallets_generated=20, wallets_page_max=7)) as api:
        pages = await api.pages("wallets?limit=500", "wallets")
    assert [len(page) for page in pages] == [7, 7, 7, 1]


async def test_the_same_seed_gives_the_same_wallets_and_transfers() -> None:
    async def seen() -> object:
        async with custody(MANY) as api:
            name = await generated(api)
            path = f"eth/wallet/{name}/transfer?limit=3"
            rows = (await api.ok(path))["transfers"]
            return await api.ok(f"eth/wallet/{name}?allTokens=true"), [row["valueString"] for row in rows]

    assert await seen() == await seen()


async def test_generated_amounts_do_not_all_fit_a_double() -> None:
    async with custody(MANY) as api:
        rows = (await api.ok("wallets?coin=eth&expandBalance=true&limit=500"))["wallets"]
    lost = [row for row in rows if int(row["balanceString"]) != int(row["balance"])]
    assert len(lost) > len(rows) // 2
    assert [row for row in rows if row["balanceString"] == "0"]


async def test_every_generated_transfer_comes_once_the_newest_first() -> None:
    async with custody(MANY) as api:
        path = f"eth/wallet/{await generated(api)}/transfer"
        pages = await api.pages(f"{path}?limit=60", "transfers")
        rows = (await api.ok(f"{path}?limit=500"))["transfers"]
        slow = (await api.ok(f"{path}?limit=500&sortBy=id"))["transfers"]
        sent = (await api.ok(f"{path}?limit=500&type=send"))["transfers"]
        month = (await api.ok(f"{path}?limit=500&dateGte=2025-03-01T00:00:00Z&dateLt=2025-04-01T00:00:00Z"))[
            "transfers"
        ]
    assert [len(page) for page in pages] == [60, 60, 60, 60, 10]
    assert [name for page in pages for name in page] == [row["id"] for row in rows]
    assert slow == rows
    dates = [row["date"] for row in rows]
    assert dates == sorted(dates, reverse=True)
    assert (dates[0][:7], dates[-1][:7]) == ("2025-12", "2025-01")
    assert sent == [row for row in rows if row["type"] == "send"]
    assert month == [row for row in rows if row["date"].startswith("2025-03")]
    assert 0 < len(month) < len(sent) < len(rows)


async def test_a_generated_transfer_that_is_taken_back_takes_its_new_place() -> None:
    async with custody(MANY) as api:
        wallet = await generated(api)
        path = f"eth/wallet/{wallet}/transfer"
        before = [row["id"] for row in (await api.ok(f"{path}?limit=500"))["transfers"]]
        await api.move(before[100], "removed", wallet, date="2026-01-05T10:30:00Z")
        after = (await api.ok(f"{path}?limit=500"))["transfers"]
        pages = await api.pages(f"{path}?limit=60", "transfers")
        removed = (await api.ok(f"{path}?state=removed"))["transfers"]
    # What is in no block comes first.
    assert [row["id"] for row in after] == [before[100], *before[:100], *before[101:]]
    assert [name for page in pages for name in page] == [row["id"] for row in after]
    assert (after[0]["state"], after[1]["state"]) == ("removed", "confirmed")
    assert removed == after[:1]


async def test_a_new_transfer_stands_among_the_generated_ones_by_its_block() -> None:
    async with custody(MANY) as api:
        wallet = await generated(api)
        path = f"eth/wallet/{wallet}/transfer"
        before = (await api.ok(f"{path}?limit=500"))["transfers"]
        made = await api.transfer(wallet, date="2025-07-01T00:00:00Z")
        after = (await api.ok(f"{path}?limit=500"))["transfers"]
        pages = await api.pages(f"{path}?limit=13", "transfers")
    place = sum(1 for row in before if row["height"] > made["height"])
    assert 0 < place < 250
    assert [row["id"] for row in after] == [
        *(row["id"] for row in before[:place]),
        made["id"],
        *(row["id"] for row in before[place:]),
    ]
    assert [name for page in pages for name in page] == [row["id"] for row in after]


async def test_a_generated_balance_is_set_and_stays_set() -> None:
    async with custody(MANY) as api:
        wallet = await generated(api)
        await api.control("PUT", f"wallets/{wallet}/balances", {"balance": "42"})
        rows = (await api.ok(f"wallets?id={wallet}&expandBalance=true"))["wallets"]
        assert [row["balanceString"] for row in rows] == ["42"]
        assert (await api.ok(f"eth/wallet/{wallet}"))["balanceString"] == "42"


async def test_the_totals_are_those_of_the_wallets() -> None:
    async with custody(user(wallets_generated=300)) as api:
        rows = (await api.ok("wallets?coin=btc&expandBalance=true&limit=500"))["wallets"]
        totals = (await api.ok("wallet/balances?coin=btc"))["balances"]
    assert totals[0]["balanceString"] == str(sum(int(row["balanceString"]) for row in rows))
    assert totals[0]["spendableBalanceString"] == str(sum(int(row["spendableBalanceString"]) for row in rows))


def test_what_is_generated_is_not_kept() -> None:
    made = User(
        CustodySettings(id="fund", token="t", wallets_generated=5_000, transfers_generated=1_000_000), seed=7
    )
    wallets = list(made.wallets())
    made.book(wallets[-1])
    held = [value for name, value in vars(made).items() if name.startswith("_") and hasattr(value, "__len__")]
    assert len(wallets) == 5_000
    assert sum(sys.getsizeof(value) for value in held) < 10_000
    assert not [value for value in held if not isinstance(value, str) and len(value)]
