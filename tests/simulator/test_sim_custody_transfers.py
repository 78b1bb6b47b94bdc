"""Transfers: signs and fees, states and what a change of one shows, filters, pages, the control endpoint."""

from typing import Any

import pytest
from custody_harness import BTC, ETH, ODD, OTHERS, Custody, custody, user

TRANSFERS = f"eth/wallet/{ETH}/transfer"
STATES = [
    "confirmed",
    "failed",
    "initialized",
    "pendingApproval",
    "rejected",
    "removed",
    "replaced",
    "signed",
    "unconfirmed",
]


async def listed(api: Custody, query: str = "", path: str = TRANSFERS) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = (await api.ok(f"{path}?{query}"))["transfers"]
    return rows


async def test_a_send_is_below_zero_and_has_its_fee_in_it() -> None:
    async with custody() as api:
        sent = await api.transfer(type="send", value=str(ODD), fee="21000")
        got = await api.transfer(value=str(ODD))
    assert (sent["valueString"], sent["baseValueString"]) == (str(-ODD - 21_000), str(-ODD))
    assert (sent["feeString"], sent["baseValue"]) == ("21000", 1 - ODD)
    assert (got["valueString"], got["value"], got["feeString"]) == (str(ODD), ODD - 1, "0")
    assert [entry["valueString"] for entry in got["entries"]] == [str(ODD), str(-ODD)]
    assert (got["coin"], got["wallet"], got["state"], len(got["txid"])) == ("eth", ETH, "confirmed", 64)


async def test_a_tokens_fee_is_paid_in_the_wallets_own_coin() -> None:
    async with custody() as api:
        sent = await api.transfer(type="send", value="5", fee="21000", coin="usdc")
        assert (sent["valueString"], sent["feeString"], sent["feeCoin"]) == ("-5", "21000", "eth")
        assert await listed(api) == []
        assert [row["coin"] for row in await listed(api, "allTokens=true")] == ["usdc"]


async def test_a_failed_transfer_changes_nothing_and_still_says_what_was_meant() -> None:
    async with custody() as api:
        failed = await api.transfer(type="send", value="5", fee="1", state="failed")
    assert (failed["valueString"], failed["value"], failed["intendedValueString"]) == ("0", 0, "-6")


async def test_each_state_is_found_by_its_filter_and_two_only_by_it() -> None:
    async with custody() as api:
        ids = {state: (await api.transfer(state=state))["id"] for state in STATES}
        for state in STATES:
            assert [row["id"] for row in await listed(api, f"state={state}")] == [ids[state]]
        usual = {row["state"] for row in await listed(api)}
        assert usual == set(STATES) - {"rejected", "pendingApproval"}
        assert len(await listed(api, "&".join(f"state={state}" for state in STATES))) == len(STATES)


async def test_a_reorganisation_takes_a_transfer_back_and_says_when() -> None:
    async with custody() as api:
        name = (await api.transfer(state="unconfirmed", date="2026-01-05T10:00:00Z"))["id"]
        waiting = (await listed(api))[0]
        assert (waiting["state"], waiting["height"], waiting["confirmations"]) == (
            "unconfirmed",
            999_999_999,
            0,
        )
        confirmed = await api.move(name, "confirmed", date="2026-01-05T10:20:00Z")
        assert confirmed["height"] < 999_999_999
        assert confirmed["confirmations"] > 0
        await api.move(name, "removed", date="2026-01-05T10:30:00Z")
        removed = await api.ok(f"{TRANSFERS}/{name}")
    assert (removed["state"], removed["height"], removed["txid"]) == ("removed", 999_999_999, waiting["txid"])
    assert [(one["action"], one["date"][11:16]) for one in removed["history"]] == [
        ("created", "10:00"),
        ("unconfirmed", "10:00"),
        ("confirmed", "10:20"),
        ("removed", "10:30"),
    ]
    assert (removed["date"], removed["removedTime"]) == ("2026-01-05T10:30:00.000000Z",) * 2


async def test_a_transfer_that_was_not_made_has_no_transaction() -> None:
    async with custody() as api:
        assert (await api.transfer(state="pendingApproval"))["txid"] == ""


async def test_a_transfer_is_found_by_its_transaction_too() -> None:
    async with custody() as api:
        made = await api.transfer(txid="0123abc")
        assert await api.ok(f"{TRANSFERS}/0123abc") == await api.ok(f"{TRANSFERS}/{made['id']}")


async def test_transfers_come_by_height_then_id_unless_asked_otherwise() -> None:
    async with custody() as api:
        for name, state, day in (("1", "confirmed", 3), ("2", "confirmed", 1), ("3", "signed", 2)):
            await api.transfer(id=name * 32, state=state, date=f"2026-01-0{day}T00:00:00Z")
        for query, order in (
            ("", "312"),
            ("reverse=true", "213"),
            ("sortBy=id", "321"),
            ("sortBy=id&reverse=true", "123"),
        ):
            assert [row["id"][0] for row in await listed(api, query)] == list(order)
            pages = await api.pages(f"{TRANSFERS}?{query}&limit=1", "transfers")
            assert [page[0][0] for page in pages] == list(order)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("type=send", "b"),
        ("type=receive", "ac"),
        ("dateGte=2026-01-02T00:00:00Z", "bc"),
        ("dateLt=2026-01-02T00:00:00Z", "a"),
        ("dateGte=2026-01-01T00:00:00Z&dateLt=2026-01-03T00:00:00Z", "ab"),
        ("valueGte=20", "c"),
        ("valueLt=0", "b"),
        (f"id={'c' * 32}&id={'a' * 32}", "ac"),
        ("address=there", "c"),
        ("height=1", ""),
        ("limit=2", "bc"),
    ],
)
async def test_transfers_are_filtered(query: str, expected: str) -> None:
    async with custody() as api:
        for name, kind, value, place in (
            ("a", "receive", "10", "x"),
            ("b", "send", "15", "x"),
            ("c", "receive", "20", "there"),
        ):
            day = "abc".index(name) + 1
            await api.transfer(
                id=name * 32, type=kind, value=value, address=place, date=f"2026-01-0{day}T00:00:00Z"
            )
        assert sorted(row["id"][0] for row in await listed(api, query)) == list(expected)


@pytest.mark.parametrize(
    ("path", "status", "name"),
    [
        (f"{TRANSFERS}?limit=501", 400, "InvalidArgument"),
        (f"{TRANSFERS}?limit=0", 400, "InvalidArgument"),
        (f"{TRANSFERS}?state=lost", 400, "InvalidArgument"),
        (f"{TRANSFERS}?dateGte=yesterday", 400, "InvalidArgument"),
        (f"{TRANSFERS}?prevId={OTHERS}", 400, "InvalidArgument"),
        (f"{TRANSFERS}?valueGte=1.5", 400, "InvalidArgument"),
        (f"{TRANSFERS}?colour=red", 400, "InvalidArgument"),
        (f"{TRANSFERS}?memoId=1", 400, "NotSimulated"),
        (f"eth/wallet/{OTHERS}/transfer", 404, "NotFound"),
        (f"eth/wallet/{OTHERS}/transfer/{OTHERS}", 400, "InvalidWalletId"),
        (f"{TRANSFERS}/{OTHERS}", 400, "InvalidTransferId"),
    ],
)
async def test_a_wrong_question_about_transfers_is_refused(path: str, status: int, name: str) -> None:
    async with custody() as api:
        reply = await api.get(path)
    assert (reply.status, reply.json["name"]) == (status, name)


async def test_settings_bring_transfers_of_their_own() -> None:
    given = [
        {"type": "send", "value": "7", "state": "removed", "date": "2026-02-01T00:00:00Z", "id": "d" * 32},
        {"type": "receive", "value": "9"},
    ]
    wallet = {"id": BTC, "coin": "btc", "label": "Vault", "transfers": given}
    async with custody(user(wallets=[wallet])) as api:
        rows = await listed(api, path=f"btc/wallet/{BTC}/transfer")
    assert [(row["valueString"], row["state"]) for row in rows] == [("-7", "removed"), ("9", "confirmed")]
    # Without a date it is as old as what is generated is new.
    assert rows[1]["date"] == "2026-01-01T00:00:00.000000Z"


async def test_balances_are_set_from_outside() -> None:
    async with custody() as api:
        body = {"balance": "9", "spendable": "4", "tokens": {"dai": {"balance": "3"}}}
        await api.control("PUT", f"wallets/{ETH}/balances", body)
        shown = await api.ok(f"eth/wallet/{ETH}?allTokens=true")
        assert (shown["balanceString"], shown["confirmedBalanceString"]) == ("9", "9")
        assert (shown["spendableBalanceString"], list(shown["tokens"])) == ("4", ["dai", "usdc", "usdt"])
        await api.control("PUT", f"wallets/{ETH}/balances", {"confirmed": "8"})
        shown = await api.ok(f"eth/wallet/{ETH}")
    assert (shown["balanceString"], shown["confirmedBalanceString"]) == ("9", "8")


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", f"wallets/{ETH}/transfers", {"type": "receive", "value": "-1"}, 400),
        ("POST", f"wallets/{ETH}/transfers", {"type": "receive", "value": "1", "colour": 1}, 400),
        (
            "POST",
            f"wallets/{ETH}/transfers",
            {"type": "receive", "value": "1", "date": "2026-13-01T00:00:00Z"},
            400,
        ),
        ("POST", f"wallets/{OTHERS}/transfers", {"type": "receive", "value": "1"}, 404),
        ("PUT", f"wallets/{ETH}/transfers/{OTHERS}", {"state": "removed"}, 404),
        ("PUT", f"wallets/{ETH}/balances", {"balance": "1.5"}, 400),
        ("POST", "wallets", {"coin": "btc", "label": "Twice", "id": ETH}, 400),
        ("PUT", "settings", {"requests_per_minute": 0}, 400),
        ("PUT", "faults", {"orders": {}}, 400),
        ("PUT", "faults", {"rest": [{"kind": "status"}]}, 400),
    ],
)
async def test_a_wrong_control_request_says_why(method: str, path: str, body: Any, status: int) -> None:
    async with custody() as api:
        assert (await api.control(method, path, body, expect=status))["error"]


async def test_a_wallet_is_added_while_it_runs() -> None:
    async with custody() as api:
        made = await api.control("POST", "wallets", {"coin": "sol", "label": "New", "balance": "5"})
        assert (await api.ok(f"sol/wallet/{made['id']}"))["balanceString"] == "5"
        assert [row["label"] for row in (await api.ok("wallets"))["wallets"]] == [
            "Cold Ether",
            "Vault",
            "New",
        ]
