"""Several credentials of one connection over HTTP: sealed as one or looked up by name; ccxt connections."""

import json
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from router.core.errors import InvalidRequestError
from router.http.connections.requests import connection_change, new_connection
from router.secrets import Reference, parted
from router.settings import CcxtFields, CoinbaseFields, ConnectionType, Counterparty
from tests.http.fakes import FakeConnections

KEYS = {"api_key": "kraken-key-7", "secret": "kraken-secret-7"}
NEW: dict[str, Any] = {
    "name": "Kraken",
    "counterparty": "ccxt",
    "exchange": "kraken",
    "taker_fee_bps": "26",
    "credentials": KEYS,
}
PORTFOLIO: dict[str, Any] = {
    "name": "Coinbase",
    "counterparty": "coinbase_prime",
    "portfolio_id": "p-1",
    "taker_fee_bps": "5",
}
COINBASE = ("access_key", "passphrase", "signing_key")


def wrong(body: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(InvalidRequestError) as raised:
        new_connection(json.dumps(body).encode())
    assert not any(value in repr(raised.value.errors) for value in KEYS.values())
    return {error.field: error.expected for error in raised.value.errors}


def test_an_exchange_through_ccxt_is_a_spot_account_with_its_credentials_as_one() -> None:
    more = {"password": "kraken-word-7", "accept_risk": "orders-cannot-be-found-again"}
    body = NEW | {"accept_risk": more["accept_risk"], "credentials": KEYS | {"password": more["password"]}}
    wanted = new_connection(json.dumps(body).encode())
    assert isinstance(wanted.fields, CcxtFields)
    fields = wanted.fields
    assert (fields.counterparty, fields.exchange, fields.base_url) == (Counterparty.CCXT, "kraken", "")
    assert (fields.taker_fee_bps, fields.pts, fields.accept_risk) == ("26", False, more["accept_risk"])
    assert wanted.token is not None
    parts = parted(wanted.token, "api_key", "secret", "password")
    assert [part.reveal() for part in parts] == [*KEYS.values(), "kraken-word-7"]
    assert not any(value in repr(wanted) for value in KEYS.values())


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"pts": True}, {"pts"}),
        ({"account_id": "6" * 32}, {"account_id"}),
        ({"portfolio_id": "p"}, {"portfolio_id"}),
        ({"margin_dialect": "express"}, {"margin_dialect"}),
        ({"exchange": None}, {"exchange"}),
        ({"exchange": "Kraken!"}, {"exchange"}),
        ({"accept_risk": "any"}, {"accept_risk"}),
        ({"taker_fee_bps": None}, {"taker_fee_bps"}),
        ({"credentials": None}, {"credentials"}),
        ({"credentials": {"api_key": KEYS["api_key"]}}, {"credentials"}),
        ({"credentials": KEYS | {"token": KEYS["secret"]}}, {"credentials"}),
        ({"credentials": KEYS | {"password": "a b"}}, {"credentials.password"}),
        ({"credentials": KEYS | {"password": None}}, {"credentials.password"}),
        ({"credentials": {"api_key": {"env": "K"}, "secret": KEYS["secret"]}}, {"credentials.api_key"}),
        ({"counterparty": {"ccxt": 1}}, {"counterparty", "account_id", "exchange", "credentials"}),
        ({"counterparty": "bitgo"}, {"counterparty", "account_id", "exchange", "credentials"}),
    ],
)
def test_a_field_of_a_connection_through_ccxt_that_is_wrong_is_named(
    change: dict[str, Any], fields: set[str]
) -> None:
    assert set(wrong(NEW | change)) == fields


@pytest.mark.parametrize(
    ("body", "names"), [(NEW, ("api_key", "secret")), (PORTFOLIO, COINBASE)], ids=["ccxt", "coinbase"]
)
def test_references_are_handed_on_by_name(body: dict[str, Any], names: tuple[str, ...]) -> None:
    there = {name: {"env": f"DESK_{name.upper()}"} for name in names}
    there[names[0]] = {"file": "/run/secrets/first"}
    wanted = new_connection(json.dumps(body | {"credentials": there}).encode())
    assert wanted.token is None
    assert wanted.reference == {
        name: Reference(file="/run/secrets/first")
        if name == names[0]
        else Reference(env=f"DESK_{name.upper()}")
        for name in names
    }


@pytest.mark.parametrize("table", [{}, {"env": 7}, {"env": "A", "file": "/b"}, {"path": "/b"}])
def test_a_reference_of_another_shape_is_named(table: dict[str, Any]) -> None:
    there = {"api_key": table, "secret": {"env": "DESK_SECRET"}}
    assert wrong(NEW | {"credentials": there}) == {"credentials.api_key": '{"env": …} or {"file": …}'}


def test_a_change_takes_credentials_of_its_counterparty_and_no_other_exchange() -> None:
    def change(body: dict[str, Any]) -> object:
        return connection_change(json.dumps(body).encode(), ConnectionType.EXCHANGE, "ccxt")

    told = change({"credentials": KEYS, "taker_fee_bps": "20"})
    assert getattr(told, "fields", None) == {"taker_fee_bps": "20"}
    for body in ({"exchange": "okx"}, {"pts": True}, {"credentials": {"token": "x"}}):
        with pytest.raises(InvalidRequestError):
            change(body)


async def test_it_is_shown_with_its_exchange_and_without_a_credential(
    client: TestClient, connections: FakeConnections
) -> None:
    answer = await client.post("/v1/connections", json=NEW)
    text = await answer.text()
    assert answer.status == 201
    assert not any(value in text for value in KEYS.values())
    shown = json.loads(text)["settings"]
    assert (shown["exchange"], shown["base_url"], shown["account_id"], shown["taker_fee_bps"]) == (
        "kraken",
        None,
        None,
        "26",
    )
    (wanted,) = connections.added
    assert isinstance(wanted.fields, CcxtFields)


ASKED = PORTFOLIO | {"credentials": dict.fromkeys(COINBASE, "a-secret-text")}


def test_how_often_a_counterparty_is_asked_for_a_price_is_said_where_it_is_asked() -> None:
    rules = {"quote_notional_min": "1000", "quotes_per_minute": 30}
    wanted = new_connection(json.dumps(ASKED | rules).encode())
    assert isinstance(wanted.fields, CoinbaseFields)
    assert (wanted.fields.quote_notional_min, wanted.fields.quotes_per_minute) == ("1000", 30)

    none = connection_change(
        b'{"quote_notional_min": null, "quotes_per_minute": 5}', ConnectionType.EXCHANGE, "coinbase_prime"
    )

    assert none.fields == {"quote_notional_min": None, "quotes_per_minute": 5}
    assert set(wrong(ASKED | {"quote_notional_min": "1e3", "quotes_per_minute": 0})) == {*rules}
    assert set(wrong(NEW | rules)) == {*rules}
