"""Wallets and transfers of the wire → the vocabulary of accounts; amounts exactly."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.core.account import Direction, Transaction, Wallet, WalletBalance
from router.core.money import format_amount, parse_signed
from router.ports import OffWireError
from tests.unit.build import D
from tests.unit.venues.custody_platform import BTC_WALLET, ETH_WALLET, GO_WALLET, custody_payload
from venues.bitgo_custody import wire
from venues.bitgo_custody.parse import balances_of, transaction_of, units, wallet_of

ETH = Wallet(ETH_WALLET, "eth", "Settlement")
GO = Wallet(GO_WALLET, "ofc", "Go Account")
BASE_UNITS = st.integers(min_value=-(10**40), max_value=10**40)


@given(BASE_UNITS, st.integers(min_value=0, max_value=24))
def test_any_base_units_come_back_exactly(base: int, decimals: int) -> None:
    found = units(str(base), decimals, "balanceString")
    text = format_amount(found)
    whole, _, rest = text.removeprefix("-").partition(".")
    assert len(rest) <= decimals
    assert int(whole + rest.ljust(decimals, "0")) == abs(base)
    assert (base < 0) == text.startswith("-")
    assert not rest.endswith("0")
    assert parse_signed(text) == found


@given(BASE_UNITS)
def test_without_decimals_they_stay_base_units(base: int) -> None:
    assert format_amount(units(str(base), None, "balanceString")) == str(base)


@pytest.mark.parametrize(
    ("text", "decimals", "expected"),
    [
        ("0", 8, "0"),
        ("-0", 8, "0"),
        ("007", 0, "7"),
        ("1", 18, "0.000000000000000001"),
        ("150000000", 8, "1.5"),
    ],
)
def test_units(text: str, decimals: int, expected: str) -> None:
    assert expected == format_amount(units(text, decimals, "valueString"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "+1",
        "1.5",
        "1e3",
        "NaN",
        "Infinity",
        " 1",
        "1 ",
        "1_000",
        "0x10",
        "--1",
        "\N{ARABIC-INDIC DIGIT ONE}",
        "1" * 65,
        "null",
    ],
)
def test_what_is_no_whole_number_is_off_the_wire(text: str) -> None:
    with pytest.raises(OffWireError, match=r"^valueString: expected whole base units"):
        units(text, 8, "valueString")


def wallet(name: str = "wallet_eth", **changed: Any) -> wire.Wallet:
    return msgspec.convert(custody_payload(name, **changed), wire.Wallet)


def balances(row: wire.Wallet, **added: int) -> list[WalletBalance]:
    return list(balances_of(row, row.tokens or {}, added))


def test_a_wallet_and_its_tokens_are_assets_of_their_own() -> None:
    assert balances(wallet()) == [
        WalletBalance(ETH, "eth", D("123.456789012345678901"), D("123.456789012345678901"), D(0), 18),
        WalletBalance(ETH, "strange", D(77), D(77), D(0), None),
        WalletBalance(ETH, "usdc", D("2.5"), D("1.5"), D(1), 6),
    ]


def test_decimals_of_the_settings_are_used() -> None:
    assert balances(wallet(), strange=3)[1] == WalletBalance(ETH, "strange", D("0.077"), D("0.077"), D(0), 3)


def test_a_go_account_is_its_assets_and_not_ofc() -> None:
    assert balances(wallet("wallet_ofc")) == [
        WalletBalance(GO, "ofcbtc", D("1.5"), D("1.5"), D(0), 8),
        WalletBalance(GO, "ofcusd", D("1000000.01"), D("1000000.01"), D(0), 2),
    ]


def test_an_ofc_that_is_there_after_all_is_shown_in_base_units() -> None:
    found = balances(wallet("wallet_ofc", balanceString="3", tokens={}))
    assert [(entry.asset, entry.total, entry.decimals) for entry in found] == [("ofc", D(3), None)]


def test_a_wallet_with_nothing_in_it_is_shown() -> None:
    row = wallet(balanceString="0", spendableBalanceString="0", tokens={})
    assert balances(row) == [WalletBalance(ETH, "eth", D(0), D(0), D(0), 18)]


@pytest.mark.parametrize(
    ("changed", "total", "available", "held"),
    [
        ({"balanceString": "30", "spendableBalanceString": "10"}, D(30), D(10), D(20)),
        ({"balanceString": "30", "spendableBalanceString": "30"}, D(30), D(30), D(0)),
        ({"balanceString": "30", "spendableBalanceString": "31"}, D(30), D(31), None),
        ({"balanceString": "30", "spendableBalanceString": ...}, D(30), None, None),
        (
            {"balanceString": ..., "confirmedBalanceString": "20", "spendableBalanceString": "5"},
            D(20),
            D(5),
            D(15),
        ),
        (
            {"balanceString": "30", "confirmedBalanceString": "20", "spendableBalanceString": "20"},
            D(30),
            D(20),
            D(10),
        ),
        ({"balanceString": "-3", "spendableBalanceString": "0"}, D(-3), D(0), None),
    ],
)
def test_total_available_held(changed: dict[str, Any], total: Any, available: Any, held: Any) -> None:
    (found,) = balances(wallet(coin="house", tokens={}, **changed), house=0)
    assert (found.total, found.available, found.held) == (total, available, held)


def test_the_numbers_beside_the_texts_are_never_read() -> None:
    (found,) = balances(wallet(balance=1, spendableBalance=1, confirmedBalance=1, tokens={}))
    assert found.total == D("123.456789012345678901")


@pytest.mark.parametrize(
    "changed",
    [
        {"balanceString": ..., "confirmedBalanceString": ...},
        {"balanceString": "1.5"},
        {"spendableBalanceString": "many"},
        {"tokens": {"usdc": {"balanceString": "1e9"}}},
        {"tokens": {"usdc": {}}},
    ],
)
def test_a_balance_that_cannot_be_read_takes_the_page_along_and_names_its_wallet(
    changed: dict[str, Any],
) -> None:
    with pytest.raises(OffWireError, match=f"^wallet {ETH_WALLET}, (eth|usdc): .*String"):
        balances(wallet(**changed))


def test_a_wallet_without_an_id_or_a_coin_is_none() -> None:
    for changed in ({"id": ""}, {"coin": ""}, {"id": "a" * 65}):
        with pytest.raises(OffWireError, match="expected a wallet with an id and a coin"):
            wallet_of(wallet(**changed))


def test_a_label_is_fit_to_be_shown() -> None:
    assert wallet_of(wallet(label="a\x1b[31mb")).label == "a [31mb"
    assert wallet_of(wallet(label="")).label == ""
    assert wallet_of(wallet("wallets", **custody_payload("wallets")["wallets"][0])).id == BTC_WALLET


def transfer(index: int = 0, **changed: Any) -> wire.Transfer:
    row = custody_payload("transfers")["transfers"][index] | changed
    return msgspec.convert({key: value for key, value in row.items() if value is not ...}, wire.Transfer)


def test_what_was_sent() -> None:
    assert transaction_of(transfer(), ETH, {}) == Transaction(
        id="6500aa01aa01aa01aa01aa01aa01aa01",
        wallet_id=ETH_WALLET,
        asset="eth",
        direction=Direction.OUT,
        amount=D("1.000000000000000001"),
        fee=D("0.000021"),
        state="unconfirmed",
        txid="0xb8a828b98dbf32d9fd1875cbace9640ceb8c82626716b4a64203fdc79bb46d26",
        at=1_774_699_200_250_000_000,
        decimals=18,
        fee_asset="eth",
        fee_decimals=18,
    )


def test_a_token_that_came_in_has_a_fee_in_the_coin_of_its_chain() -> None:
    found = transaction_of(transfer(1), ETH, {})
    assert (found.asset, found.direction, found.amount, found.decimals) == ("usdc", Direction.IN, D("2.5"), 6)
    assert (found.fee_asset, found.fee, found.fee_decimals) == ("eth", D("0.000042"), 18)


def test_a_fee_coin_that_is_said_counts() -> None:
    found = transaction_of(transfer(feeCoin="polygon:usdc", feeString="1500"), ETH, {})
    assert (found.fee_asset, found.fee, found.fee_decimals) == ("polygon:usdc", D(1500), None)
    found = transaction_of(transfer(feeCoin="polygon:usdc", feeString="1500"), ETH, {"polygon:usdc": 6})
    assert (found.fee, found.fee_decimals) == (D("0.0015"), 6)


def test_a_go_accounts_fee_is_in_what_moves() -> None:
    found = transaction_of(transfer(wallet=GO_WALLET, coin="ofcbtc", feeString="1000"), GO, {})
    assert (found.fee_asset, found.fee) == ("ofcbtc", D("0.00001"))


def test_no_fee_said_is_none_and_not_zero() -> None:
    for nothing in (..., None, ""):
        found = transaction_of(transfer(feeString=nothing), ETH, {})
        assert (found.fee, found.fee_asset, found.fee_decimals) == (None, None, None)
    assert transaction_of(transfer(feeString="0"), ETH, {}).fee == 0


@pytest.mark.parametrize(
    ("value", "kind"), [("-5", "send"), ("5", "send"), ("5", "receive"), ("-5", "receive")]
)
def test_the_direction_is_the_types_and_the_amount_has_no_sign(value: str, kind: str) -> None:
    found = transaction_of(transfer(valueString=value, type=kind), ETH, {"eth": 0})
    assert found.amount == 5
    assert found.direction is (Direction.OUT if kind == "send" else Direction.IN)


def test_the_number_beside_the_value_is_never_read() -> None:
    assert transaction_of(transfer(value=7), ETH, {}).amount == D("1.000000000000000001")


def test_an_unknown_token_is_in_base_units() -> None:
    found = transaction_of(transfer(1, coin="strange"), ETH, {})
    assert (found.amount, found.decimals) == (D(2500000), None)


@pytest.mark.parametrize("state", ["confirmed", "removed", "replaced", "pendingApproval", "a_new_one"])
def test_a_state_is_the_counterpartys_word(state: str) -> None:
    assert transaction_of(transfer(state=state), ETH, {}).state == state


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (
            {
                "subType": "ofc_withdrawal",
                "metadata": [{"key": "rtId", "value": "x"}, {"key": "onChainTxId", "value": "0xc"}],
            },
            "0xc",
        ),
        ({"subType": "ofc_withdrawal", "metadata": []}, None),
        ({"subType": "ofc_withdrawal"}, None),
        ({"subType": "ofc_deposit", "metadata": [{"key": "onChainTxId", "value": "0xc"}]}, "ofc:front"),
        ({"subType": ...}, "ofc:front"),
        ({"txid": ""}, None),
        ({"txid": ...}, None),
    ],
)
def test_a_txid_is_one_that_is_on_the_chain(changed: dict[str, Any], expected: str | None) -> None:
    assert transaction_of(transfer(**({"txid": "ofc:front"} | changed)), ETH, {}).txid == expected


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"type": "swap"}, "type"),
        ({"state": ""}, "state"),
        ({"date": "yesterday"}, "date"),
        ({"date": "2026-02-30T00:00:00Z"}, "date"),
        ({"valueString": "-1.5"}, "valueString"),
        ({"feeString": "1e5"}, "feeString"),
        ({"wallet": BTC_WALLET}, "of the wallet asked for"),
        ({"id": ""}, "of the wallet asked for"),
    ],
)
def test_a_transfer_that_cannot_be_read_says_what_of_it(changed: dict[str, Any], what: str) -> None:
    with pytest.raises(OffWireError, match=what):
        transaction_of(transfer(**changed), ETH, {})
