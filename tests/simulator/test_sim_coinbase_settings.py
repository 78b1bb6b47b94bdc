"""Settings of the Coinbase part that cannot be used, and that no secret is in what is said about them."""

from typing import Any

import pytest
from test_sim_coinbase_kit import CB_PTS, KEYS, pts, spot, with_coinbase

from venues.simulator.coinbase.sign import Credentials
from venues.simulator.settings import SettingsError, build


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"unknown": 1}, "coinbase[0]"),
        ({"portfolio_id": "a b"}, "coinbase[0].portfolio_id"),
        ({"quote_duration_ms": 30_001}, "coinbase[0].quote_duration_ms"),
        ({"quote_duration_ms": 0}, "coinbase[0].quote_duration_ms"),
        ({"fee_bps": "0.001"}, "coinbase[0].fee_bps"),
        ({"fee_bps": 5}, "coinbase[0].fee_bps"),
        ({"balances": {"USD": "-1"}}, "coinbase[0].balances"),
        ({"products": []}, "coinbase[0].products"),
        ({"products": [{"name": "DOGE-USD"}]}, "coinbase[0].products[0].name"),
        (
            {"products": [{"name": "BTC-USD", "rfq_min_base": "2", "rfq_max_base": "1"}]},
            "coinbase[0].products[0].rfq_min_base: expected at most rfq_max_base, was '2'",
        ),
        (
            {"credit": {"currency": "EUR"}},
            "coinbase[0].credit.currency: expected USD, USDC or USDT, was 'EUR'",
        ),
        ({"credit": {"limit": "-5"}}, "coinbase[0].credit.limit"),
        ({"faults": {"rest": [{"kind": "status"}]}}, "coinbase[0].faults: rest: expected status"),
        ({"faults": {"quotes": {"off_bps": "-10000"}}}, "coinbase[0].faults: quotes: expected off_bps above"),
        ({"portfolio_id": CB_PTS}, "coinbase: expected unique portfolio_ids, was one of them twice"),
        ({"access_key": KEYS[CB_PTS][0]}, "coinbase: expected unique access_keys, was one of them twice"),
    ],
)
def test_a_key_that_is_wrong_is_named(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        build(with_coinbase(spot(**changes), pts()))
    assert says in str(caught.value)
    assert all(secret not in str(caught.value) for secret in KEYS[CB_PTS])


@pytest.mark.parametrize("key", ["portfolio_id", "name", "access_key", "passphrase", "signing_key"])
def test_a_key_that_is_missing_is_named(key: str) -> None:
    raw = spot()
    del raw[key]
    with pytest.raises(SettingsError, match=key):
        build(with_coinbase(raw))


@pytest.mark.parametrize("key", ["access_key", "passphrase", "signing_key"])
def test_a_secret_that_is_wrong_is_named_and_not_shown(key: str) -> None:
    with pytest.raises(
        SettingsError, match=rf"coinbase\[0\]\.{key}: .*, was a value that is not shown"
    ) as caught:
        build(with_coinbase(spot(**{key: "se cret"})))
    assert "cret" not in str(caught.value).partition("was")[2]


def test_credentials_are_not_shown() -> None:
    shown = repr(Credentials("key", "the passphrase", "the signing key"))
    assert "the" not in shown
