"""Settings that cannot be meant stop the start, and say where, what was expected and what was there."""

import hashlib
import tomllib
from decimal import Decimal
from pathlib import Path

import pytest

from router.core.model import OnCreditFailure
from router.secrets import Secret
from router.settings import (
    CONFIG_VARIABLE,
    AuthMode,
    ConnectionType,
    Scope,
    Settings,
    is_loopback,
    load,
    parse,
)
from router.settings_error import SettingsError

TOKEN = "v2x-the-token-itself"
ACCOUNT = "60e740e7898f7d00064d43769a73dc48"
ENVIRON = {"SPOT_TOKEN": TOKEN, "PTS_TOKEN": "v2x-other", "DESK_KEY": "desk-key", "EMPTY": ""}
SPOT = f"""
[[connections]]
id = "bitgo-spot"
name = "BitGo Treasury"
counterparty = "bitgo_prime"
account_id = "{ACCOUNT}"
token = {{ env = "SPOT_TOKEN" }}
taker_fee_bps = "2.5"
"""
PTS = SPOT.replace("bitgo-spot", "bitgo-pts").replace("SPOT_TOKEN", "PTS_TOKEN") + "pts = true\n"


def read(text: str, environ: dict[str, str] = ENVIRON) -> Settings:
    return parse(tomllib.loads(text), "router.toml", environ)


def refused(text: str, environ: dict[str, str] = ENVIRON) -> str:
    """The message that a text is refused with; whatever it is, it holds no secret."""
    with pytest.raises(SettingsError) as raised:
        read(text, environ)
    said = str(raised.value)
    for secret in filter(None, ENVIRON.values()):
        assert secret not in said
    return said


def test_what_is_left_out_has_the_contracts_defaults() -> None:
    settings = read(SPOT)

    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 8080)
    assert settings.store.url == "sqlite:///var/lib/caas-router/router.db"
    competition = settings.competition
    assert (competition.quote_deadline_ms, competition.book_age_ms_max) == (250, 2000)
    assert (competition.balance_refresh_ms, competition.rfq_ttl_ms, competition.collar_bps) == (
        5000,
        5000,
        500,
    )
    execution = settings.execution
    assert (execution.slippage_bps_max, execution.answer_deadline_ms) == (50, 5000)
    assert execution.on_credit_failure is OnCreditFailure.FAIL
    assert (settings.auth.mode, settings.auth.keys) == (AuthMode.NONE, ())


def test_a_connection_is_spot_unless_it_says_pts() -> None:
    (spot,) = read(SPOT).connections

    assert (spot.connection.id, spot.connection.name) == ("bitgo-spot", "BitGo Treasury")
    assert spot.connection.pts is False
    assert spot.connection.taker_fee_bps == Decimal("2.5")
    assert (spot.type, spot.enabled, spot.account_id) == (ConnectionType.EXCHANGE, True, ACCOUNT)
    assert (spot.base_url, spot.requests_per_second, spot.settling_window_ms) == (
        "https://app.bitgo.com",
        10,
        30_000,
    )
    assert spot.token.reveal() == TOKEN


def test_spot_and_pts_at_one_counterparty_are_two_connections() -> None:
    assert [c.connection.pts for c in read(SPOT + PTS).connections] == [False, True]


def test_what_is_set_is_taken() -> None:
    settings = read(
        '[server]\nhost = "::1"\nport = 0\n[store]\nurl = "sqlite:x.db"\n'
        "[competition]\nquote_deadline_ms = 1\n[execution]\n"
        'slippage_bps_max = 0\non_credit_failure = "next_best"\n' + SPOT + 'base_url = "https://x.example/"\n'
    )

    assert (settings.server.host, settings.server.port, settings.store.url) == ("::1", 0, "sqlite:x.db")
    assert settings.competition.quote_deadline_ms == 1
    assert settings.execution.slippage_bps_max == 0
    assert settings.execution.on_credit_failure is OnCreditFailure.NEXT_BEST
    assert settings.connections[0].base_url == "https://x.example"


def without(key: str) -> str:
    return "".join(line for line in SPOT.splitlines(keepends=True) if not line.startswith(f"{key} "))


def changed(key: str, value: str) -> str:
    return without(key) + f"{key} = {value}\n"


@pytest.mark.parametrize("key", ["id", "name", "counterparty", "account_id", "token", "taker_fee_bps"])
def test_a_missing_key_is_named(key: str) -> None:
    assert refused(without(key)) == f"router.toml: connections[0].{key}: expected a value, was none"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[servr]\n" + SPOT, "servr"),
        ("[server]\nprot = 1\n" + SPOT, "server.prot"),
        ("[competition]\ndeadline = 1\n" + SPOT, "competition.deadline"),
        (SPOT + "fee = 1\n", "connections[0].fee"),
        (SPOT + PTS + "fee = 1\n", "connections[1].fee"),
    ],
)
def test_an_unknown_key_is_named(text: str, key: str) -> None:
    assert refused(text) == f"router.toml: {key}: expected a known key, was an unknown one"


def test_without_connections_the_router_waits_for_those_that_people_make() -> None:
    assert read("").connections == ()
    assert read("connections = []").connections == ()
    assert refused("connections = [1]") == "router.toml: connections[0]: expected object, was 1"


@pytest.mark.parametrize(
    ("table", "key", "value", "expected"),
    [
        ("server", "port", "-1", ">= 0"),
        ("server", "port", "65536", "<= 65535"),
        ("server", "port", '"8080"', "int"),
        ("server", "port", "80.5", "int"),
        ("server", "request_bytes_max", "1", ">= 1024"),
        ("competition", "quote_deadline_ms", "0", ">= 1"),
        ("competition", "quote_deadline_ms", "60001", "<= 60000"),
        ("competition", "book_age_ms_max", "0", ">= 1"),
        ("competition", "balance_refresh_ms", "99", ">= 100"),
        ("competition", "rfq_ttl_ms", "60001", "<= 60000"),
        ("competition", "collar_bps", "0", ">= 1"),
        ("competition", "collar_bps", "10001", "<= 10000"),
        ("execution", "slippage_bps_max", "-1", ">= 0"),
        ("execution", "slippage_bps_max", "5001", "<= 5000"),
        ("execution", "answer_deadline_ms", "0", ">= 1"),
        ("execution", "on_credit_failure", '"retry"', ""),
        ("auth", "mode", '"basic"', ""),
    ],
)
def test_a_value_out_of_bounds_names_key_expectation_and_value(
    table: str, key: str, value: str, expected: str
) -> None:
    said = refused(f"[{table}]\n{key} = {value}\n" + SPOT)

    assert said.startswith(f"router.toml: {table}.{key}: expected ")
    assert expected in said
    assert said.endswith(f", was {value}")


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("id", '"BitGo Spot"', 'expected a slug of 1 to 32 of a-z, 0-9 and -, was "BitGo Spot"'),
        ("id", '""', 'expected a slug of 1 to 32 of a-z, 0-9 and -, was ""'),
        ("id", '"-a"', 'expected a slug of 1 to 32 of a-z, 0-9 and -, was "-a"'),
        ("name", '""', 'was ""'),
        ("counterparty", '"bitstamp"', 'was "bitstamp"'),
        ("account_id", '"123"', 'was "123"'),
        ("taker_fee_bps", '"1e1"', 'expected a decimal string such as "0.5", was "1e1"'),
        ("taker_fee_bps", '"-1"', 'expected a decimal string such as "0.5", was "-1"'),
        ("taker_fee_bps", '"10000"', 'expected less than 10000, was "10000"'),
        ("taker_fee_bps", "10", "was 10"),
        ("requests_per_second", "0", "was 0"),
        ("settling_window_ms", "0", "was 0"),
        ("type", '"wallet"', 'expected "exchange" or "custody", was "wallet"'),
        ("counterparty", '"bitgo"', 'expected "bitgo_prime" where type is "exchange", was "bitgo"'),
        ("name", '" BitGo"', 'expected 1 to 64 printable characters, was " BitGo"'),
        ("margin_dialect", '"express"', 'expected none where pts is not true, was "express"'),
        ("pts", '"yes"', 'was "yes"'),
        ("base_url", '"ftp://x"', "expected a URL such as https://app.bitgo.com, was another text"),
        ("base_url", '"https://user:pw@x"', "expected a URL such as https://app.bitgo.com, was another text"),
        ("base_url", '"https://x/?a=b"', "expected a URL such as https://app.bitgo.com, was another text"),
        (
            "base_url",
            '"http://x.example"',
            'expected https, or plain_http = true, off loopback, was "http://x.example"',
        ),
    ],
)
def test_a_connection_that_cannot_be_meant_says_why(key: str, value: str, said: str) -> None:
    message = refused(changed(key, value))

    assert message.startswith(f"router.toml: connections[0].{key}: expected ")
    assert message.endswith(said)


@pytest.mark.parametrize(
    "more", ['base_url = "http://127.0.0.1:9000"\n', 'base_url = "http://x.example"\nplain_http = true\n']
)
def test_plain_http_is_for_loopback_or_said(more: str) -> None:
    assert read(SPOT + more).connections[0].base_url.startswith("http://")


def test_two_connections_do_not_share_an_id_or_an_account() -> None:
    same_id = PTS.replace("bitgo-pts", "bitgo-spot")
    assert refused(SPOT + same_id) == (
        'router.toml: connections[1].id: expected an id of its own, was "bitgo-spot"'
    )
    same_account = SPOT.replace("bitgo-spot", "bitgo-second")
    assert refused(SPOT + same_account) == (
        "router.toml: connections[1].account_id: "
        f'expected an account that no other connection of its kind has, was "{ACCOUNT}"'
    )


# Secrets


@pytest.mark.parametrize("environ", [{}, {"SPOT_TOKEN": ""}])
def test_a_token_that_is_not_there_is_named_by_its_variable(environ: dict[str, str]) -> None:
    assert refused(SPOT, environ) == (
        "router.toml: connections[0].token: expected a value in the variable SPOT_TOKEN, was none"
    )


def test_a_token_pasted_in_place_of_its_variables_name_is_not_repeated() -> None:
    said = refused(changed("token", f'{{ env = "{TOKEN}" }}'))

    assert said == "router.toml: connections[0].token.env: expected the name of a variable, was another text"


@pytest.mark.parametrize(
    "value",
    [
        f'"{TOKEN}"',
        f'["{TOKEN}"]',
        f'{{ env = ["{TOKEN}"] }}',
        f'{{ file = {{ x = "{TOKEN}" }} }}',
        "{}",
        f'{{ env = "SPOT_TOKEN", file = "/{TOKEN}" }}',
    ],
)
def test_a_token_in_the_wrong_shape_is_not_repeated(value: str) -> None:
    said = refused(changed("token", value))

    assert said.startswith("router.toml: connections[0].token")
    assert ", was another " in said


def test_a_token_pasted_as_a_key_is_not_repeated() -> None:
    said = refused(changed("token", f'{{ {TOKEN} = "x" }}'))

    assert said == (
        "router.toml: connections[0].token: expected env or file alone, was another key (not shown)"
    )


def test_a_token_is_read_from_a_file_without_its_line_end(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(TOKEN + "\n")

    (spot,) = read(changed("token", f'{{ file = "{path}" }}')).connections

    assert spot.token.reveal() == TOKEN


def test_a_token_file_that_is_not_there_or_empty_is_refused(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.write_text(" \n")
    for path, expected in ((tmp_path / "none", "a file that can be read"), (empty, "a value in the file")):
        said = refused(changed("token", f'{{ file = "{path}" }}'))
        assert said.startswith(f"router.toml: connections[0].token.file: expected {expected}")


@pytest.mark.parametrize("value", ["two words", "line\nend", "tökën", "\x00"])
def test_a_token_that_no_header_can_carry_is_refused_and_not_shown(value: str) -> None:
    said = refused(SPOT, {"SPOT_TOKEN": value})

    assert said.endswith("expected printable ASCII without spaces, was another text (not shown)")
    assert value not in said


def test_a_secret_is_in_no_text() -> None:
    settings = read(SPOT)

    for text in (repr(settings), str(settings), f"{settings}", repr(Secret(TOKEN)), str(Secret(TOKEN))):
        assert TOKEN not in text


# Who may call

KEYS = '[auth]\nmode = "keys"\n[[auth.keys]]\nname = "desk"\nkey = { env = "DESK_KEY" }\nscopes = ["read"]\n'


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.5", "router.example"])  # noqa: S104  what must be refused
def test_off_loopback_there_are_keys_or_no_start(host: str) -> None:
    server = f'[server]\nhost = "{host}"\n'

    assert refused(server + SPOT) == (
        'router.toml: auth.mode: expected "keys" where server.host is not loopback, was "none"'
    )
    assert read(server + KEYS + SPOT).auth.mode is AuthMode.KEYS


def test_of_a_key_only_its_digest_is_kept() -> None:
    (key,) = read(KEYS + SPOT).auth.keys

    assert (key.name, key.scopes) == ("desk", frozenset({Scope.READ}))
    assert key.digest == hashlib.sha256(b"desk-key").digest()
    assert "desk-key" not in repr(key)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[auth]\nmode = "keys"\n', "auth.keys: expected at least one"),
        (KEYS.replace('"keys"', '"none"'), 'auth.keys: expected none while auth.mode is "none", was 1'),
        (KEYS.replace('["read"]', "[]"), "auth.keys[0].scopes: expected"),
        (KEYS.replace('"read"', '"all"'), "auth.keys[0].scopes[0]: expected"),
        (
            KEYS.replace("DESK_KEY", "NOT_THERE"),
            "auth.keys[0].key: expected a value in the variable NOT_THERE",
        ),
        (KEYS.replace('{ env = "DESK_KEY" }', '"desk-key"'), "auth.keys[0].key: expected"),
    ],
)
def test_keys_that_cannot_be_meant_say_why(text: str, said: str) -> None:
    assert said in refused(text + SPOT)


@pytest.mark.parametrize(
    ("host", "is_it"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("[::1]", True),
        ("0.0.0.0", False),  # noqa: S104  what must not pass
        ("::", False),
        ("localhost.example", False),
        ("", False),
    ],
)
def test_loopback(host: str, is_it: bool) -> None:
    assert is_loopback(host) == is_it


# The file


def test_the_file_is_the_one_given_else_the_one_that_the_variable_names(tmp_path: Path) -> None:
    path = tmp_path / "router.toml"
    path.write_text(SPOT)

    given = load(str(path), ENVIRON | {CONFIG_VARIABLE: "/nowhere"})
    named = load(None, ENVIRON | {CONFIG_VARIABLE: str(path)})

    assert given.connections[0].connection == named.connections[0].connection
    assert named.connections[0].connection.id == "bitgo-spot"


def test_neither_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"--config: expected a file.*CAAS_ROUTER_CONFIG, was neither"):
        load(None, {})


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"[server\n", "expected TOML in UTF-8"),
        (b"\xff\xfe", "expected TOML in UTF-8"),
        (None, "expected a file that can be read"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(raw: bytes | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / "router.toml"
    if raw is not None:
        path.write_bytes(raw)

    with pytest.raises(SettingsError) as raised:
        load(str(path), {})

    assert str(raised.value).startswith(f"{path}: file: {said}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '[execution]\non_credit_failure = "retry"\n' + SPOT,
            'execution.on_credit_failure: expected "fail" or "next_best", was "retry"',
        ),
        ('[auth]\nmode = "basic"\n' + SPOT, 'auth.mode: expected "none" or "keys", was "basic"'),
        (
            KEYS.replace('"read"', '"read", "all"') + SPOT,
            'auth.keys[0].scopes[1]: expected "read" or "trade" or "admin", was "all"',
        ),
        (
            SPOT.replace('"bitgo_prime"', '"another"'),
            (
                'connections[0].counterparty: expected "bitgo_prime" or "coinbase_prime" or "ccxt" or '
                '"bitgo", was "another"'
            ),
        ),
    ],
)
def test_of_a_choice_every_value_is_named(text: str, said: str) -> None:
    assert said in refused(text)


@pytest.mark.parametrize(
    "url",
    [
        "https://x.example:99999",
        "https://x.example:port",
        "https://[::1",
        "https://:token@x.example",
        "https://x.example/a b",
        "https://x.example\\tb",
    ],
)
def test_an_address_that_could_never_be_reached_stops_the_start(url: str) -> None:
    said = refused(SPOT + f'base_url = "{url}"\n')
    assert "connections[0].base_url: expected a URL such as https://app.bitgo.com" in said
    assert "x.example" not in said


def test_two_callers_have_neither_one_name_nor_one_key() -> None:
    second = KEYS.split("\n", 2)[2]
    assert 'auth.keys[1].name: expected a name of its own, was "desk"' in refused(KEYS + second + SPOT)
    renamed = second.replace('"desk"', '"risk"')
    assert "auth.keys[1].key: expected a key of its own" in refused(KEYS + renamed + SPOT)
    ours = renamed.replace("DESK_KEY", "SPOT_TOKEN")
    assert [key.name for key in read(KEYS + ours + SPOT).auth.keys] == ["desk", "risk"]
