"""Custody connections, the margin's dialect, and the vault's keys, as they stand in the file."""

import base64
import tomllib
from pathlib import Path

import pytest

from router.core.groups import RoutingGroup
from router.secrets import SealingKey
from router.settings import (
    ConnectionSettings,
    ConnectionType,
    CustodySettings,
    MarginDialect,
    Settings,
    account_key,
    parse,
)
from router.settings_error import SettingsError

ACCOUNT = "60e740e7898f7d00064d43769a73dc48"
KEY, OLD_KEY = b"k" * 32, b"o" * 32
ENVIRON = {
    "TOKEN": "v2x-token",
    "OTHER": "v2x-other",
    "KEY": base64.b64encode(KEY).decode(),
    "KEY_HEX": OLD_KEY.hex(),
    "SHORT": base64.b64encode(b"short").decode(),
}
CUSTODY = """
[[connections]]
id = "vault-1"
name = "BitGo Custody"
type = "custody"
counterparty = "bitgo"
token = { env = "TOKEN" }
"""
PTS = f"""
[[connections]]
id = "pts"
name = "BitGo Margin"
counterparty = "bitgo_prime"
account_id = "{ACCOUNT}"
token = {{ env = "TOKEN" }}
taker_fee_bps = "2"
pts = true
"""


def read(text: str) -> Settings:
    return parse(tomllib.loads(text), "router.toml", ENVIRON)


def refused(text: str) -> str:
    with pytest.raises(SettingsError) as raised:
        read(text)
    said = str(raised.value)
    assert not any(value in said for value in ENVIRON.values())
    return said


def custody(more: str = "") -> CustodySettings:
    (found,) = read(CUSTODY + more).connections
    assert isinstance(found, CustodySettings)
    return found


def test_a_custody_connection_has_neither_account_nor_fee_nor_pts() -> None:
    found = custody()

    assert (found.connection.id, found.connection.pts) == ("vault-1", False)
    assert (found.type, found.enabled, found.base_url) == (
        ConnectionType.CUSTODY,
        True,
        "https://app.bitgo.com",
    )
    assert (found.enterprise_id, found.requests_per_minute, found.decimals) == (None, 360, {})
    assert found.token.reveal() == "v2x-token"
    assert "v2x-token" not in repr(found)


def test_what_a_custody_connection_sets_is_taken() -> None:
    more = 'enterprise_id = "5f-ent"\nrequests_per_minute = 60\ndecimals = { xyz = 12, "sol:abc" = 6 }\n'
    found = custody(more)

    assert (found.enterprise_id, found.requests_per_minute) == ("5f-ent", 60)
    assert found.decimals == {"xyz": 12, "sol:abc": 6}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (f'account_id = "{ACCOUNT}"\n', "account_id: expected a known key, was an unknown one"),
        ("pts = false\n", "pts: expected a known key, was an unknown one"),
        ('taker_fee_bps = "1"\n', "taker_fee_bps: expected a known key, was an unknown one"),
        ("requests_per_second = 1\n", "requests_per_second: expected a known key, was an unknown one"),
        ("requests_per_minute = 0\n", "requests_per_minute: expected int >= 1, was 0"),
        ("decimals = { xyz = 37 }\n", 'decimals: expected int <= 36, was {"xyz":37}'),
        ('decimals = { "x y" = 3 }\n', 'decimals: expected names of coins, was "x y"'),
        ('enterprise_id = "a b"\n', 'enterprise_id: expected 1 to 64 of A-Z, a-z, 0-9, _ and -, was "a b"'),
    ],
)
def test_a_custody_connection_that_cannot_be_meant_says_why(more: str, said: str) -> None:
    message = refused(CUSTODY + more)

    assert message.startswith("router.toml: connections[0].")
    assert message.endswith(said)


def test_custody_is_at_bitgo_and_not_at_bitgo_prime() -> None:
    assert refused(CUSTODY.replace('"bitgo"', '"bitgo_prime"')).endswith(
        'counterparty: expected "bitgo" where type is "custody", was "bitgo_prime"'
    )


def test_spot_pts_and_custody_of_one_client_are_three_connections() -> None:
    spot = PTS.replace('"pts"', '"spot"').replace("pts = true", "")
    found = read(spot + PTS + CUSTODY).connections

    assert [type(entry) for entry in found] == [ConnectionSettings, ConnectionSettings, CustodySettings]
    assert len({account_key(entry) for entry in found}) == 3


def test_two_custody_connections_are_told_apart_by_enterprise_or_by_token() -> None:
    second = CUSTODY.replace("vault-1", "vault-2")
    assert refused(CUSTODY + second).endswith(
        "connections[1].token: expected an account that no other connection of its kind has, was another's"
    )
    assert len(read(CUSTODY + second.replace("TOKEN", "OTHER")).connections) == 2
    named = 'enterprise_id = "ent"\n'
    said = refused(CUSTODY + named + second.replace("TOKEN", "OTHER") + named)
    assert "connections[1].enterprise_id: expected an account that no other connection of its kind" in said


@pytest.mark.parametrize("dialect", ["platform", "express"])
def test_a_pts_connection_may_name_the_dialect_of_its_margin(dialect: str) -> None:
    (found,) = read(PTS + f'margin_dialect = "{dialect}"\n').connections

    assert isinstance(found, ConnectionSettings)
    assert found.margin_dialect is MarginDialect(dialect)
    (left_out,) = read(PTS).connections
    assert isinstance(left_out, ConnectionSettings)
    assert left_out.margin_dialect is None
    assert refused(PTS + 'margin_dialect = "other"\n').endswith(
        'margin_dialect: expected "platform" or "express", was "other"'
    )


# The vault


def test_the_vaults_keys_are_base64_or_hexadecimal_and_are_not_shown() -> None:
    text = '[vault]\nkey = { env = "KEY" }\nprevious_keys = [{ env = "KEY_HEX" }]\n'
    vault = read(text).vault

    assert vault.key is not None
    assert vault.key.reveal() == KEY
    assert [key.reveal() for key in vault.previous_keys] == [OLD_KEY]
    assert vault.key.id != vault.previous_keys[0].id
    assert "kkk" not in repr(vault)
    assert repr(vault.key) == str(vault.key) == "SealingKey(…)"


def test_without_a_vault_table_nothing_is_configured() -> None:
    vault = read("").vault

    assert (vault.key, vault.previous_keys, vault.files_under, vault.variables_prefix) == (
        None,
        (),
        None,
        None,
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('key = { env = "SHORT" }', "vault.key: expected 32 bytes in base64 or hexadecimal, was 5 bytes"),
        (
            'key = { env = "TOKEN" }',
            "vault.key: expected 32 bytes in base64 or hexadecimal, was another text (not shown)",
        ),
        ('key = { env = "NONE" }', "vault.key: expected a value in the variable NONE, was none"),
        ('key = "kkkk"', "vault.key: expected object | null, was another value (not shown)"),
        ('previous_keys = [{ env = "KEY" }]', "vault.previous_keys: expected none without vault.key, was 1"),
        (
            'previous_keys = ["kkkk"]',
            "vault.previous_keys[0]: expected object, was another value (not shown)",
        ),
        (
            'key = { env = "KEY" }\nprevious_keys = [{ env = "KEY" }]',
            "vault.previous_keys[0]: expected a key of its own, was another's",
        ),
        (
            'files_under = "secrets"',
            'vault.files_under: expected an absolute directory, not /, was "secrets"',
        ),
        ('files_under = "/"', 'vault.files_under: expected an absolute directory, not /, was "/"'),
        ('variables_prefix = ""', "vault.variables_prefix: expected the beginning of variables' names, was"),
    ],
)
def test_a_vault_that_cannot_be_meant_says_why(text: str, said: str) -> None:
    assert said in refused(f"[vault]\n{text}\n")


def test_where_references_over_http_may_point_is_said_or_nowhere() -> None:
    vault = read('[vault]\nfiles_under = "/run/secrets"\nvariables_prefix = "BITGO_"\n').vault

    assert (vault.files_under, vault.variables_prefix) == (Path("/run/secrets"), "BITGO_")


def test_a_key_of_another_length_is_none() -> None:
    with pytest.raises(ValueError, match="expected 32 bytes in base64 or hexadecimal, was 31 bytes"):
        SealingKey(b"x" * 31)


GROUP = """
[[routing_groups]]
name = "majors"
assets = ["BTC", "TUSD*"]
connections = ["bitgo-spot"]
"""


def test_routing_groups_are_read() -> None:
    assert read(PTS + GROUP).routing_groups == (
        RoutingGroup("majors", frozenset({"BTC", "TUSD*"}), frozenset({"bitgo-spot"})),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GROUP + GROUP, 'routing_groups[1].name: expected a name of its own, was "majors"'),
        (
            GROUP.replace('"BTC"', '"btc"'),
            'routing_groups[0].assets[0]: expected an asset such as BTC, was "btc"',
        ),
        (GROUP.replace('["bitgo-spot"]', "[]"), "routing_groups[0].connections"),
    ],
)
def test_a_group_that_cannot_be_meant_is_refused(text: str, said: str) -> None:
    assert said in refused(PTS + text)
