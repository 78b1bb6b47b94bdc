"""Decimals by coin: what is known, what settings add, and that nothing is guessed."""

import pytest

from venues.bitgo_custody.decimals import _BY_DECIMALS, KNOWN, decimals_of, may_hold_tokens


@pytest.mark.parametrize(
    ("coin", "expected"),
    [
        ("btc", 8),
        ("tbtc4", 8),
        ("dash", 8),
        ("eth", 18),
        ("hteth", 18),
        ("polygon", 18),
        ("tbsc", 18),
        ("sol", 9),
        ("xrp", 6),
        ("xlm", 7),
        ("dot", 10),
        ("near", 24),
        ("hbar", 8),
        ("usdc", 6),
        ("usdt", 6),
        ("ofcusd", 2),
        ("ofcbtc", 8),
        ("ofcusdc", 6),
        ("ofceth", 18),
    ],
)
def test_what_is_known(coin: str, expected: int) -> None:
    assert expected == decimals_of(coin, {})


@pytest.mark.parametrize(
    "coin", ["", "ofc", "usd", "polygon:usdc", "bsc:usdt", "BTC", "tofcbtc", "ofcofcbtc", "btcofc"]
)
def test_what_is_unknown_is_not_guessed(coin: str) -> None:
    assert decimals_of(coin, {}) is None


def test_the_settings_add_and_come_first() -> None:
    added = {"polygon:usdc": 6, "btc": 3, "house": 0}
    assert decimals_of("polygon:usdc", added) == 6
    assert decimals_of("btc", added) == 3
    assert decimals_of("ofcbtc", added) == 3
    assert decimals_of("house", added) == 0
    assert decimals_of("ofchouse", added) == 0
    assert decimals_of("eth", added) == 18


def test_no_coin_is_listed_twice() -> None:
    assert len(KNOWN) == sum(len(coins.split()) for coins in _BY_DECIMALS.values())


@pytest.mark.parametrize(
    ("coin", "expected"), [("btc", False), ("doge", False), ("eth", True), ("ofc", True), ("new", True)]
)
def test_only_a_chain_without_tokens_is_not_asked_for_them(coin: str, *, expected: bool) -> None:
    assert may_hold_tokens(coin) is expected
