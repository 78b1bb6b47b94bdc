"""The adapter against a host on loopback: pages, tokens, windows, what is refused, the breaker, the end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from router.core.account import Wallet
from router.ports import ConnectionState, OffWireError, VenueUnreachableError
from router.ports.accounts import CustodyAccount
from tests.unit.build import D
from tests.unit.venues.custody_platform import (
    BTC_WALLET,
    ETH_WALLET,
    GO_WALLET,
    TOKEN,
    Asked,
    Listening,
    Platform,
    Said,
    custody_payload,
    custody_settings,
    served,
)
from tests.unit.venues.support import WallClock, draws
from venues.bitgo_custody.adapter import BitgoCustody
from venues.bitgo_custody.client import TRANSFERS_MAX, WALLETS_MAX
from venues.transport.budget import RequestBudget
from venues.transport.timing import Timing

WALLETS = "/api/v2/wallets"
ETH = Wallet(ETH_WALLET, "eth", "Settlement")
TRANSFERS = f"/api/v2/eth/wallet/{ETH_WALLET}/transfer"
SENT = "6500aa01aa01aa01aa01aa01aa01aa01"


def stocked() -> Platform:
    """Three wallets on two pages, and the transfers of one."""
    platform = Platform()

    def wallets(asked: Asked) -> Said:
        if "id" in asked.query:
            rows = custody_payload("wallets")["wallets"]
            return 200, {"wallets": [row for row in rows if row["id"] == asked.query["id"]]}, {}
        match asked.query.get("prevId"):
            case None:
                return 200, custody_payload("wallets"), {}
            case found if found == ETH_WALLET:
                return 200, custody_payload("wallets_last"), {}
        return 400, {"error": "invalid prevId", "requestId": "r", "context": {}, "name": "Invalid"}, {}

    platform.answers(WALLETS, wallets)
    platform.says(f"/api/v2/eth/wallet/{ETH_WALLET}", custody_payload("wallet_eth"))
    platform.says(f"/api/v2/ofc/wallet/{GO_WALLET}", custody_payload("wallet_ofc"))
    platform.says(TRANSFERS, custody_payload("transfers"))
    platform.says(f"{TRANSFERS}/{SENT}", custody_payload("transfers")["transfers"][0])
    return platform


@asynccontextmanager
async def account(
    platform: Platform, *, requests: int = 100, **settings: Any
) -> AsyncIterator[tuple[BitgoCustody, Listening]]:
    """The adapter, probed once, and its listener; what it was asked for until then is forgotten."""
    async with served(platform) as base_url:
        clock, listening = WallClock(), Listening()
        timing = Timing(read_ms=2000, connect_ms=500, backoff_ms_min=1, backoff_ms_max=2)
        found = BitgoCustody(
            custody_settings(**{"base_url": base_url} | settings),
            clock,
            RequestBudget(requests, clock),
            draws(),
            timing,
        )
        running = asyncio.create_task(found.run(listening))
        try:
            await listening.until(lambda told: bool(told.requests))
            platform.asked.clear()
            listening.requests.clear()
            yield found, listening
        finally:
            running.cancel()
            await asyncio.wait({running})
            assert running.cancelled()


async def test_it_is_a_custody_account() -> None:
    async with account(stocked()) as (found, _):
        port: CustodyAccount = found
        assert port.connection.id == "vault"


async def test_balances_page_by_page_with_tokens() -> None:
    platform = stocked()
    async with account(platform) as (found, _):
        first = await found.balances(None, 2)
        second = await found.balances(first.next_cursor, 2)
    assert [(row.wallet.id, row.asset, row.total) for row in first.data] == [
        (BTC_WALLET, "btc", D("21000000.00000001")),
        (ETH_WALLET, "eth", D("123.456789012345678901")),
        (ETH_WALLET, "strange", D(77)),
        (ETH_WALLET, "usdc", D("2.5")),
    ]
    assert [(row.wallet.id, row.asset, row.total) for row in second.data] == [
        (GO_WALLET, "ofcbtc", D("1.5")),
        (GO_WALLET, "ofcusd", D("1000000.01")),
    ]
    assert (first.next_cursor, second.next_cursor) == (ETH_WALLET, None)
    listed, single = platform.asked[0], platform.asked[1]
    assert listed.line == f"GET {WALLETS}"
    assert dict(listed.query) == {"limit": "2", "expandBalance": "true", "skipReceiveAddress": "true"}
    assert listed.authorization == f"Bearer {TOKEN}"
    # A wallet of a chain without tokens is not asked for them.
    assert single.line == f"GET /api/v2/eth/wallet/{ETH_WALLET}"
    assert dict(single.query) == {"allTokens": "true"}
    assert platform.asked[2].query["prevId"] == ETH_WALLET
    assert len(platform.asked) == 4


async def test_tokens_that_the_list_states_are_not_asked_for_again() -> None:
    platform = Platform()
    platform.says(WALLETS, {"wallets": [custody_payload("wallet_eth")]})
    async with account(platform) as (found, _):
        page = await found.balances(None, 5)
    assert [row.asset for row in page.data] == ["eth", "strange", "usdc"]
    assert platform.lines() == [f"GET {WALLETS}"]


async def test_only_the_enterprises_wallets_are_asked_for() -> None:
    platform = stocked()
    async with account(platform, enterprise_id="5ad1f4a25007a239fb00282ed480da1f") as (found, _):
        await found.wallets(None, 5)
        await found.wallet(ETH_WALLET)
    assert [asked.query["enterprise"] for asked in platform.asked] == ["5ad1f4a25007a239fb00282ed480da1f"] * 2


async def test_decimals_come_from_the_settings_too() -> None:
    async with account(stocked(), decimals={"strange": 1}) as (found, _):
        page = await found.balances(None, 5)
    assert [(row.total, row.decimals) for row in page.data if row.asset == "strange"] == [(D("7.7"), 1)]


async def test_wallets_without_their_balances() -> None:
    platform = stocked()
    async with account(platform) as (found, _):
        wallets, cursor = await found.wallets(None, 1000)
        limit = platform.asked[0].query["limit"]
        await found.wallets(None, 0)
    assert wallets == (Wallet(BTC_WALLET, "btc", "Treasury, cold"), ETH)
    assert cursor == ETH_WALLET
    assert "expandBalance" not in platform.asked[0].query
    assert (limit, platform.asked[1].query["limit"]) == (str(WALLETS_MAX), "1")


async def test_one_wallet() -> None:
    platform = stocked()
    async with account(platform) as (found, _):
        assert await found.wallet(ETH_WALLET) == ETH
        assert await found.wallet("0" * 32) is None
        asked = len(platform.asked)
        assert await found.wallet("../secret") is None
    assert asked == len(platform.asked) == 2


async def test_a_list_that_does_not_keep_to_the_id_names_no_other_wallet() -> None:
    platform = Platform()
    platform.says(WALLETS, custody_payload("wallets"))
    async with account(platform) as (found, _):
        assert await found.wallet(GO_WALLET) is None


@pytest.mark.parametrize("cursor", ["", "a b", "a/b", "é", "a" * 257, "a&b=c"])
async def test_a_cursor_that_cannot_be_one_is_refused_here(cursor: str) -> None:
    platform = stocked()
    async with account(platform) as (found, _):
        with pytest.raises(ValueError, match="expected a cursor"):
            await found.balances(cursor, 5)
        with pytest.raises(ValueError, match="expected a cursor"):
            await found.transactions(ETH, cursor, 5, since=None, until=None)
    assert platform.asked == []


async def test_a_cursor_that_the_counterparty_refuses_is_refused() -> None:
    platform = stocked()
    platform.says(TRANSFERS, {"error": "invalid prevId"}, 400)
    async with account(platform) as (found, _):
        with pytest.raises(ValueError, match="was refused"):
            await found.wallets("0" * 32, 5)
        with pytest.raises(ValueError, match="was refused"):
            await found.transactions(ETH, "0" * 32, 5, since=None, until=None)
        with pytest.raises(VenueUnreachableError, match="answered 400, invalid prevId"):
            await found.transactions(ETH, None, 5, since=None, until=None)


async def test_a_page_that_leads_back_to_itself_is_off_the_wire() -> None:
    platform = Platform()
    platform.says(WALLETS, custody_payload("wallets"))
    platform.says(TRANSFERS, custody_payload("transfers", nextBatchPrevId=SENT))
    async with account(platform) as (found, _):
        with pytest.raises(OffWireError, match="nextBatchPrevId"):
            await found.wallets(ETH_WALLET, 5)
        with pytest.raises(OffWireError, match="nextBatchPrevId"):
            await found.transactions(ETH, SENT, 5, since=None, until=None)


async def test_another_wallet_than_asked_for_is_off_the_wire() -> None:
    platform = stocked()
    platform.says(f"/api/v2/eth/wallet/{ETH_WALLET}", custody_payload("wallet_eth", id=GO_WALLET))
    async with account(platform) as (found, _):
        with pytest.raises(OffWireError, match="expected the wallet asked for"):
            await found.balances(None, 5)


async def test_transactions_in_every_state_with_those_of_tokens() -> None:
    platform = stocked()
    async with account(platform) as (found, _):
        page = await found.transactions(ETH, None, 9999, since=None, until=None)
        await found.transactions(ETH, page.next_cursor and SENT, 3, since=None, until=None)
    assert [(row.id, row.asset) for row in page.data] == [
        (SENT, "eth"),
        ("6500aa02aa02aa02aa02aa02aa02aa02", "usdc"),
    ]
    assert page.next_cursor == "6500aa02aa02aa02aa02aa02aa02aa02"
    query = platform.asked[0].query
    assert query["allTokens"] == "true"
    assert query["limit"] == str(TRANSFERS_MAX)
    assert {"pendingApproval", "rejected", "confirmed"} <= set(query.getall("state"))
    assert len(query.getall("state")) == 9
    assert not {"dateGte", "dateLt", "prevId"} & set(query)
    assert (platform.asked[1].query["prevId"], platform.asked[1].query["limit"]) == (SENT, "3")


SENT_AT = 1_774_699_200_250_000_000
"""2026-03-28T12:00:00.250Z, the newer of the two."""
RECEIVED_AT = 1_774_695_600_000_000_000


@pytest.mark.parametrize(
    ("since", "until", "expected", "asked"),
    [
        (SENT_AT, None, 1, ("2026-03-28T12:00:00.250Z", None)),
        (SENT_AT + 1, None, 0, ("2026-03-28T12:00:00.250Z", None)),
        (None, SENT_AT, 1, (None, "2026-03-28T12:00:00.250Z")),
        (None, SENT_AT + 1, 2, (None, "2026-03-28T12:00:00.251Z")),
        (RECEIVED_AT, SENT_AT + 1, 2, ("2026-03-28T11:00:00.000Z", "2026-03-28T12:00:00.251Z")),
        (RECEIVED_AT - 1, RECEIVED_AT, 0, ("2026-03-28T10:59:59.999Z", "2026-03-28T11:00:00.000Z")),
    ],
)
async def test_a_window_is_exact_to_the_nanosecond(
    since: int | None, until: int | None, expected: int, asked: tuple[str | None, str | None]
) -> None:
    platform = stocked()
    async with account(platform) as (found, _):
        page = await found.transactions(ETH, None, 5, since=since, until=until)
    assert len(page.data) == expected
    query = platform.asked[0].query
    assert (query.get("dateGte"), query.get("dateLt")) == asked


async def test_one_transaction() -> None:
    platform = stocked()
    platform.says(f"{TRANSFERS}/wrong", custody_payload("transfers")["transfers"][0])
    platform.says(f"{TRANSFERS}/bad", custody_payload("error_invalid_transfer_id"), 400)
    platform.says(f"{TRANSFERS}/down", b"<html>", 503)
    platform.says(f"{TRANSFERS}/part", custody_payload("transfers")["transfers"][0] | {"id": "part"}, 206)
    async with account(platform) as (found, _):
        one = await found.transaction(ETH, SENT)
        assert one is not None
        assert one.id == SENT
        assert await found.transaction(ETH, "gone") is None
        assert await found.transaction(ETH, "bad") is None
        assert await found.transaction(ETH, "../x") is None
        part = await found.transaction(ETH, "part")
        assert part is not None
        with pytest.raises(OffWireError, match="expected the transfer asked for"):
            await found.transaction(ETH, "wrong")
        with pytest.raises(VenueUnreachableError, match="answered 503"):
            await found.transaction(ETH, "down")


async def test_a_transfers_hash_finds_it_too() -> None:
    platform = stocked()
    row = custody_payload("transfers")["transfers"][0]
    platform.says(f"{TRANSFERS}/{row['txid']}", row)
    async with account(platform) as (found, _):
        one = await found.transaction(ETH, row["txid"])
    assert one is not None
    assert one.id == SENT


async def test_a_coin_goes_into_the_path_whole() -> None:
    platform = Platform()
    seen: list[str] = []
    platform.says(WALLETS, {"wallets": []})
    async with account(platform) as (found, _):
        with pytest.raises(VenueUnreachableError, match="answered 404"):
            await found.transactions(Wallet("w", "a/b:c", ""), None, 5, since=None, until=None)
        seen += platform.lines()
    assert seen == ["GET /api/v2/a/b:c/wallet/w/transfer"]


async def test_a_refusal_says_what_and_carries_no_token() -> None:
    platform = stocked()
    body = custody_payload("error_unauthorized", error=f"no session for {TOKEN}")
    platform.says(TRANSFERS, body, 401)
    async with account(platform) as (found, listening):
        with pytest.raises(VenueUnreachableError) as caught:
            await found.transactions(ETH, None, 5, since=None, until=None)
        assert listening.requests == [("transfers", "refused", "cl5kp4gbf00000000000000000")]
    error = caught.value.venue_error
    assert error is not None
    assert (error.name, error.message, error.http_status) == ("Unauthorized", "no session for …", 401)
    assert TOKEN not in caught.value.detail


async def test_a_429_is_waited_out() -> None:
    platform = stocked()
    left = [(429, {"error": "slow down"}, {"Retry-After": "0"})]

    def transfers(_: Asked) -> Said:
        return left.pop() if left else (200, custody_payload("transfers"), {})

    platform.answers(TRANSFERS, transfers)
    async with account(platform) as (found, listening):
        page = await found.transactions(ETH, None, 5, since=None, until=None)
        assert [result for _, result, _ in listening.requests] == ["rate_limited", "ok"]
    assert len(page.data) == 2


async def test_a_429_that_does_not_end_is_not_asked_for_ever() -> None:
    platform = stocked()
    platform.says(TRANSFERS, {"error": "slow down"}, 429, Retry_After="0")
    async with account(platform) as (found, _):
        with pytest.raises(VenueUnreachableError, match="answered 429, slow down"):
            await found.transactions(ETH, None, 5, since=None, until=None)
    assert len(platform.asked) == 3


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"\xff",
        b"[]",
        b"{}",
        b'{"wallets": [{"id": 1}]}',
        b'{"wallets": [], "x": ' + b"[" * 100_000,
    ],
)
async def test_an_answer_that_cannot_be_read_is_off_the_wire(body: bytes) -> None:
    platform = stocked()
    async with account(platform) as (found, listening):
        platform.says(WALLETS, body)
        with pytest.raises(OffWireError):
            await found.balances(None, 5)
        assert listening.requests == [("wallets", "off_wire", None)]


async def test_it_is_ready_once_it_was_answered_and_stopped_at_the_end() -> None:
    platform = stocked()
    async with account(platform) as (found, listening):
        await listening.until(lambda told: told.states == [ConnectionState.READY])
        health = found.health()
        assert (health.state, health.feed_up, health.detail) == (ConnectionState.READY, False, None)
        assert health.budget_left == 99
    assert listening.states == [ConnectionState.READY, ConnectionState.STOPPED]
    with pytest.raises(VenueUnreachableError, match="not running"):
        await found.balances(None, 5)


async def test_a_counterparty_that_does_not_answer_is_down_and_comes_back_by_a_probe() -> None:
    platform = stocked()
    platform.says(WALLETS, b"<html>", 502)
    async with account(platform) as (found, listening):
        await listening.until(lambda told: told.states == [ConnectionState.DOWN])
        with pytest.raises(VenueUnreachableError, match=r"it does not answer|answered 502"):
            await found.transactions(ETH, None, 5, since=None, until=None)
        assert f"GET {TRANSFERS}" not in platform.lines()
        platform.says(WALLETS, custody_payload("wallets"))
        await listening.until(lambda told: told.states == [ConnectionState.DOWN, ConnectionState.READY])
        page = await found.transactions(ETH, None, 5, since=None, until=None)
    assert len(page.data) == 2


async def test_failures_of_reports_open_the_breaker_and_wake_the_probe() -> None:
    platform = stocked()
    platform.says(TRANSFERS, b"<html>", 502)
    async with account(platform) as (found, listening):
        await listening.until(lambda told: told.states == [ConnectionState.READY])
        for _ in range(5):
            with pytest.raises(VenueUnreachableError):
                await found.transactions(ETH, None, 5, since=None, until=None)
        expected = [ConnectionState.READY, ConnectionState.DOWN, ConnectionState.READY]
        await listening.until(lambda told: told.states == expected)
        assert listening.requests[-1][:2] == ("probe", "ok")


async def test_a_token_that_is_refused_for_good_is_down() -> None:
    platform = Platform()
    platform.says(WALLETS, custody_payload("error_unauthorized"), 401)
    async with account(platform) as (found, listening):
        await listening.until(lambda told: told.states == [ConnectionState.DOWN])
        await listening.until(lambda _: "answered 401" in (found.health().detail or ""))


async def test_before_it_runs_it_is_connecting_and_reads_nothing() -> None:
    clock = WallClock()
    settings = custody_settings("http://127.0.0.1:1")
    found = BitgoCustody(settings, clock, RequestBudget(1, clock), draws(), Timing())
    assert found.health().state is ConnectionState.CONNECTING
    with pytest.raises(VenueUnreachableError, match="not running"):
        await found.wallets(None, 5)


async def test_requests_that_never_left_are_given_back_to_the_budget() -> None:
    # The breaker takes five failures to open: with fewer requests it would not get there if one were kept.
    async with account(Platform(), base_url="http://127.0.0.1:1", requests=3) as (found, listening):
        await listening.until(lambda told: told.states == [ConnectionState.DOWN])
        assert found.health().error_rate == 1
    assert {entry[:2] for entry in listening.requests} <= {("probe", "never_sent")}


async def test_a_report_that_is_cancelled_leaves_the_connection_well() -> None:
    platform = stocked()
    async with account(platform) as (found, listening):
        report = asyncio.create_task(found.transactions(ETH, None, 5, since=None, until=None))
        await asyncio.sleep(0)
        report.cancel()
        await asyncio.wait({report})
        assert report.cancelled()
        page = await found.transactions(ETH, None, 5, since=None, until=None)
        await listening.until(lambda told: ("transfers", "ok", None) in told.requests)
    assert len(page.data) == 2
