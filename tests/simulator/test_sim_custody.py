"""Wallets in custody: their shapes, amounts beyond a double, filters, totals, and who may look."""

import json
from typing import Any

import pytest
from custody_harness import BTC, ENTERPRISE, ETH, HUGE, ODD, OTHERS, TOKEN, custody, user
from sim_harness import PREFIX, SPOT, TOKENS


async def test_a_wallet_shows_its_amounts_as_text_and_as_numbers_that_lost_digits() -> None:
    async with custody() as api:
        text = (await api.get(f"eth/wallet/{ETH}")).text
    shown = json.loads(text, parse_float=str)
    assert (shown["id"], shown["coin"], shown["label"], shown["type"]) == (ETH, "eth", "Cold Ether", "cold")
    assert (shown["balanceString"], shown["confirmedBalanceString"]) == (str(HUGE), str(HUGE - 5))
    assert shown["spendableBalanceString"] == str(ODD)
    # As JavaScript prints them: the nearest double, with an exponent where it has more than 21 digits.
    assert shown["balance"] == "1.2345678901234569e+23"
    assert shown["spendableBalance"] == ODD - 1
    assert "tokens" not in shown


async def test_all_tokens_adds_the_tokens_to_the_wallet_and_to_its_address() -> None:
    async with custody() as api:
        shown = await api.ok(f"eth/wallet/{ETH}?allTokens=true")
    assert list(shown["tokens"]) == ["usdc", "usdt"]
    usdt = shown["tokens"]["usdt"]
    assert (usdt["balanceString"], usdt["confirmedBalanceString"]) == (str(ODD), str(ODD))
    assert (usdt["balance"], usdt["spendableBalanceString"]) == (ODD - 1, "1")
    assert shown["receiveAddress"]["balance"]["tokens"] == shown["tokens"]


async def test_the_list_has_amounts_only_if_they_are_asked_for() -> None:
    async with custody() as api:
        plain = (await api.ok("wallets"))["wallets"]
        full = (await api.ok("wallets?expandBalance=true"))["wallets"]
        settled = (await api.ok("wallets?expandBalance=true&excludeSpendableBalance=true"))["wallets"]
        bare = (await api.ok("wallets?skipReceiveAddress=true"))["wallets"]
    assert [row["id"] for row in plain] == [ETH, BTC]
    assert not [row for row in plain if "balanceString" in row]
    assert [row["balanceString"] for row in full] == [str(HUGE), "250000000"]
    assert [row["spendableBalanceString"] for row in full] == [str(ODD), "200000000"]
    assert not [row for row in settled if "spendableBalanceString" in row]
    assert [("receiveAddress" in row) for row in (*plain, *bare)] == [True, True, False, False]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("coin=btc", [BTC]),
        ("coin=btc&coin=eth", [ETH, BTC]),
        ("type=cold", [ETH]),
        ("type=hot", []),
        (f"id={BTC}", [BTC]),
        (f"enterprise={ENTERPRISE}", [ETH, BTC]),
        (f"enterprise={OTHERS}", []),
        ("labelContains=ether", [ETH]),
        ("deleted=true", []),
        ("offset=1", [BTC]),
        ("limit=1", [ETH]),
        ("limit=100000", [ETH, BTC]),
        ("subType=onPrem", []),
    ],
)
async def test_wallets_are_filtered(query: str, expected: list[str]) -> None:
    async with custody() as api:
        assert [row["id"] for row in (await api.ok(f"wallets?{query}"))["wallets"]] == expected


async def test_total_balances_add_up_over_wallets_and_tokens() -> None:
    more: list[dict[str, Any]] = [
        {"coin": "btc", "label": "Second", "balance": "7", "spendable": "0"},
        {"coin": "sol", "label": "Empty"},
        {"coin": "btc", "label": "Gone", "balance": "1000", "deleted": True},
    ]
    async with custody(user(wallets=[*user()["wallets"], *more])) as api:
        plain = (await api.ok("wallet/balances"))["balances"]
        tokens = (await api.ok("wallet/balances?allTokens=true&excludeEmptyBalances=true"))["balances"]
        one = (await api.ok("wallet/balances?coin=btc&excludeSpendableBalances=true"))["balances"]
    by_coin = {row["coin"]: row for row in plain}
    assert list(by_coin) == ["btc", "eth", "sol"]
    assert by_coin["btc"]["balanceString"] == "250000007"
    assert by_coin["btc"]["spendableBalanceString"] == "200000000"
    assert [row["coin"] for row in tokens] == ["btc", "eth", "usdc", "usdt"]
    assert one == [{"coin": "btc", "balanceString": "250000007", "confirmedBalanceString": "250000007"}]


@pytest.mark.parametrize(
    ("path", "status", "name"),
    [
        ("wallets?colour=red", 400, "InvalidArgument"),
        ("wallets?limit=0", 400, "InvalidArgument"),
        ("wallets?limit=-1", 400, "InvalidArgument"),
        ("wallets?type=lukewarm", 400, "InvalidArgument"),
        ("wallets?expandBalance=1", 400, "InvalidArgument"),
        (f"wallets?prevId={OTHERS}", 400, "InvalidArgument"),
        ("wallets?limit=1&limit=2", 400, "InvalidArgument"),
        ("wallets?permission=view", 400, "NotSimulated"),
        (f"eth/wallet/{ETH}?colour=red", 400, "InvalidArgument"),
        ("eth/wallet/short", 400, "InvalidArgument"),
        (f"btc/wallet/{ETH}", 404, "NotFound"),
        (f"btc/wallet/{OTHERS}", 404, "NotFound"),
        (f"wallet/balances?enterprise={OTHERS}", 403, "Forbidden"),
        ("nothing", 404, "NotFound"),
    ],
)
async def test_a_wrong_question_is_refused_in_the_platforms_words(path: str, status: int, name: str) -> None:
    async with custody() as api:
        reply = await api.get(path)
    assert (reply.status, reply.json["name"]) == (status, name)
    assert set(reply.json) == {"error", "name", "requestId", "context"}


@pytest.mark.parametrize(
    "path", ["wallets", "wallet/balances", f"eth/wallet/{ETH}", f"eth/wallet/{ETH}/transfer"]
)
@pytest.mark.parametrize(
    ("token", "status", "name"),
    [
        (None, 401, "Unauthorized"),
        ("nobody's", 401, "Unauthorized"),
        (TOKENS[SPOT], 403, "Forbidden"),
    ],
)
async def test_wallets_are_shown_to_their_users_alone(
    path: str, token: str | None, status: int, name: str
) -> None:
    async with custody() as api:
        reply = await api.get(path, token)
        assert (reply.status, reply.json["name"]) == (status, name)
        if token is not None:
            assert token not in reply.text


@pytest.mark.parametrize(
    "path", ["/user/current", "/accounts", f"/accounts/{SPOT}/balances", f"/accounts/{SPOT}/trades", "/ws"]
)
async def test_a_custody_token_does_not_trade(path: str) -> None:
    async with custody() as api:
        reply = await api.client.send("GET", PREFIX + path, token=TOKEN)
    assert (reply.status, reply.error_name) == (403, "backend:common:forbidden")


async def test_users_do_not_see_each_others_wallets() -> None:
    async with custody() as api:
        assert OTHERS not in (await api.get("wallets")).text
        assert (await api.get(f"eth/wallet/{ETH}", "simulated-custody-token-of-another")).status == 404
