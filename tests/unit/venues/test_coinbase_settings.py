"""A portfolio's connection: in the settings file, over HTTP, and as it is kept."""

import json
import tomllib
from typing import Any

import pytest

from router.core.errors import InvalidRequestError
from router.http.connections.requests import connection_change, new_connection
from router.secrets import Secret, parted
from router.service.connecting.connections import decode_doc, encode_doc
from router.service.connecting.known import Known
from router.settings import (
    CoinbaseFields,
    CoinbaseSettings,
    ConnectionType,
    Counterparty,
    Settings,
    account_key,
    account_settings,
    parse,
)
from router.settings.connections import COINBASE_CREDENTIALS, COINBASE_URL
from router.settings_error import SettingsError
from tests.unit.build import D
from tests.unit.venues.coinbase_kit import TOKEN, settings

ENVIRON = {"CB_KEY": "access-key-7", "CB_PHRASE": "pass-phrase-7", "CB_SIGNING": "c2lnbmluZy1rZXktNw=="}
SPOT = """
[[connections]]
id = "cb-spot"
name = "Coinbase Spot"
counterparty = "coinbase_prime"
portfolio_id = "e8bbed13-fa33-41de-86d5-4335d8f08166"
access_key = { env = "CB_KEY" }
passphrase = { env = "CB_PHRASE" }
signing_key = { env = "CB_SIGNING" }
taker_fee_bps = "5"
"""
PTS = SPOT.replace("cb-spot", "cb-pts") + "pts = true\n"
NEW: dict[str, Any] = {
    "name": "Coinbase Spot",
    "counterparty": "coinbase_prime",
    "portfolio_id": "e8bbed13-fa33-41de-86d5-4335d8f08166",
    "taker_fee_bps": "5",
    "credentials": {
        "access_key": "access-key-7",
        "passphrase": "pass-phrase-7",
        "signing_key": "c2lnbmluZy1rZXktNw==",
    },
}


def read(text: str) -> Settings:
    return parse(tomllib.loads(text), "router.toml", ENVIRON)


def refused(text: str) -> str:
    with pytest.raises(SettingsError) as raised:
        read(text)
    said = str(raised.value)
    assert not any(value in said for value in ENVIRON.values())
    return said


def wrong(change: dict[str, Any]) -> dict[str, str]:
    """The fields of a request that are wrong, and what was expected of each."""
    with pytest.raises(InvalidRequestError) as raised:
        new_connection(json.dumps(NEW | change).encode())
    assert not any(value in str(raised.value) for value in ENVIRON.values())
    return {error.field: error.expected for error in raised.value.errors}


def test_a_portfolio_has_its_own_fields_and_defaults() -> None:
    (found,) = read(SPOT).connections
    assert isinstance(found, CoinbaseSettings)
    assert (found.connection.counterparty, found.connection.pts) == ("coinbase_prime", False)
    assert (found.connection.taker_fee_bps, found.base_url) == (D(5), COINBASE_URL)
    assert (found.requests_per_second, found.settling_window_ms) == (25, 30_000)
    assert [part.reveal() for part in parted(found.token, *COINBASE_CREDENTIALS)] == list(ENVIRON.values())
    assert not any(value in repr(found) for value in ENVIRON.values())


def test_spot_and_pts_of_one_portfolio_are_two_connections() -> None:
    spot, pts = read(SPOT + PTS).connections
    assert (spot.connection.pts, pts.connection.pts) == (False, True)
    assert account_key(spot) != account_key(pts)


def test_one_portfolio_is_not_two_connections_of_a_kind() -> None:
    said = refused(SPOT + SPOT.replace("cb-spot", "cb-2"))
    assert "connections[1].portfolio_id: expected an account that no other connection of its kind has" in said


@pytest.mark.parametrize("key", ["portfolio_id", *COINBASE_CREDENTIALS, "taker_fee_bps", "name"])
def test_what_is_missing_is_named(key: str) -> None:
    text = "\n".join(line for line in SPOT.splitlines() if not line.startswith(key))
    assert f"connections[0].{key}: expected a value, was none" in refused(text)


@pytest.mark.parametrize("key", COINBASE_CREDENTIALS)
def test_a_credential_is_a_reference_and_never_repeated(key: str) -> None:
    line = next(line for line in SPOT.splitlines() if line.startswith(key))
    assert f"connections[0].{key}" in refused(SPOT.replace(line, f'{key} = "access-key-7"'))
    assert "(not shown)" in refused(SPOT.replace(line, f'{key} = {{ "access-key-7" = 1 }}'))
    assert f"connections[0].{key}: expected a value in the variable" in refused(
        SPOT.replace(line, f'{key} = {{ env = "NOT_THERE" }}')
    )


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('portfolio_id = "e8', 'portfolio_id = "/e8', "connections[0].portfolio_id"),
        ('counterparty = "c', 'account_id = "1"\ncounterparty = "c', "connections[0].account_id"),
        ('counterparty = "c', 'type = "custody"\ncounterparty = "c', "connections[0]"),
        ('taker_fee_bps = "5"', 'taker_fee_bps = "5"\nmargin_dialect = "express"', "margin_dialect"),
        ('taker_fee_bps = "5"', 'taker_fee_bps = "x"', "connections[0].taker_fee_bps"),
        ('taker_fee_bps = "5"', 'taker_fee_bps = "5"\nbase_url = "http://h"', "connections[0].base_url"),
    ],
)
def test_what_a_portfolio_does_not_take_is_refused(before: str, after: str, said: str) -> None:
    assert said in refused(SPOT.replace(before, after))


def test_a_connection_over_http_has_its_three_credentials_as_one() -> None:
    wanted = new_connection(json.dumps(NEW | {"pts": True, "requests_per_second": 10}).encode())
    assert isinstance(wanted.fields, CoinbaseFields)
    assert (wanted.fields.portfolio_id, wanted.fields.pts) == (NEW["portfolio_id"], True)
    assert (wanted.fields.base_url, wanted.fields.requests_per_second) == (COINBASE_URL, 10)
    assert wanted.reference is None
    assert wanted.token is not None
    assert [part.reveal() for part in parted(wanted.token, *COINBASE_CREDENTIALS)] == list(ENVIRON.values())
    assert not any(value in repr(wanted) for value in ENVIRON.values())


@pytest.mark.parametrize(
    "credentials",
    [
        None,
        {},
        {"token": "access-key-7"},
        {"access_key": "access-key-7"},
        NEW["credentials"] | {"more": "access-key-7"},
        "access-key-7",
    ],
)
def test_credentials_of_another_shape_are_refused(credentials: Any) -> None:
    said = wrong({"credentials": credentials})
    assert said == {
        "credentials": (
            'an object with "access_key", "passphrase" and "signing_key", each a string or, all of them, '
            '{"env": …} or {"file": …}'
        )
    }


@pytest.mark.parametrize("name", COINBASE_CREDENTIALS)
@pytest.mark.parametrize("value", ["", "a b", 7, None, {"env": "CB_KEY"}])
def test_a_credential_that_is_none_is_named_and_not_repeated(name: str, value: Any) -> None:
    said = wrong({"credentials": NEW["credentials"] | {name: value}})
    assert said == {f"credentials.{name}": "1 to 4096 printable ASCII characters without spaces"}


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"account_id": "6" * 32}, {"account_id"}),
        ({"margin_dialect": "express"}, {"margin_dialect"}),
        ({"decimals": {}}, {"decimals"}),
        ({"portfolio_id": None}, {"portfolio_id"}),
        ({"portfolio_id": "a/b"}, {"portfolio_id"}),
        ({"taker_fee_bps": None}, {"taker_fee_bps"}),
        ({"access_key": "access-key-7"}, {"access_key"}),
    ],
)
def test_a_field_that_a_portfolio_does_not_take_is_named(change: dict[str, Any], fields: set[str]) -> None:
    assert set(wrong(change)) == fields


def test_another_counterparty_does_not_take_a_portfolio() -> None:
    assert set(wrong({"counterparty": "bitgo_prime"})) == {"portfolio_id", "account_id", "credentials"}


def test_a_change_takes_new_credentials_of_the_same_shape() -> None:
    body = {"name": "Other", "credentials": NEW["credentials"]}
    change = connection_change(json.dumps(body).encode(), ConnectionType.EXCHANGE, "coinbase_prime")
    assert change.fields == {"name": "Other"}
    assert change.token is not None
    assert parted(change.token, "passphrase")[0].reveal() == "pass-phrase-7"
    for body in ({"portfolio_id": "other"}, {"credentials": {"token": "x"}}, {"margin_dialect": None}):
        with pytest.raises(InvalidRequestError):
            connection_change(json.dumps(body).encode(), ConnectionType.EXCHANGE, "coinbase_prime")


@pytest.mark.parametrize("pts", [False, True])
def test_what_is_kept_of_a_connection_makes_it_again(*, pts: bool) -> None:
    before = settings("https://h", pts=pts)
    known = Known.configured(before)
    fields, doc = decode_doc(encode_doc(known.fields, None))
    assert isinstance(fields, CoinbaseFields)
    assert fields.counterparty is Counterparty.COINBASE_PRIME
    assert "access-key" not in json.dumps(doc.fields)
    again = account_settings(fields, TOKEN, "", "store")
    assert again == before


def test_fields_of_a_portfolio_are_at_no_other_counterparty() -> None:
    known = Known.configured(settings("https://h"))
    assert isinstance(known.fields, CoinbaseFields)
    table = CoinbaseFields(
        id="x",
        name="x",
        counterparty=Counterparty.BITGO_PRIME,
        portfolio_id="p",
        taker_fee_bps="0",
    )
    with pytest.raises(SettingsError, match='expected "coinbase_prime" where type is "exchange"'):
        account_settings(table, Secret(""), "", "request")
