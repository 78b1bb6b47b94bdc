"""Typed settings from TOML, checked whole at start-up: every limit bounded, with its unit in its name.

A setting that cannot be meant (an unknown key, a missing one, a value out of bounds, a duplicate id, a token
that is not there) is a `SettingsError` that names the file, the key, what was expected and what was there. A
secret is a reference, `{ env = "NAME" }` or `{ file = "/path" }`, and has no default; it is read here once
and its `repr` is hidden.
"""

import enum
import hashlib
import ipaddress
import os
import re
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

import msgspec

from router.core.errors import AmountError, shown
from router.core.model import Connection, OnCreditFailure
from router.core.money import parse_amount
from router.secrets import Reference, Secret, secret
from router.settings_error import SettingsError, explained

CONFIG_VARIABLE: Final = "CAAS_ROUTER_CONFIG"
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")
_FEE_BPS_MAX = Decimal(10_000)


Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]
Milliseconds = Annotated[int, msgspec.Meta(ge=1, le=600_000)]


class ServerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the router listens. `port` 0: any free one, told by the log event `listening`."""

    host: str = "127.0.0.1"
    port: Port = 8080
    request_bytes_max: Annotated[int, msgspec.Meta(ge=1024, le=1_048_576)] = 65_536
    shutdown_deadline_ms: Milliseconds = 10_000


class StoreSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the journal is: `sqlite:///absolute/path.db`, `sqlite:relative.db`, `postgresql://user@host/name`."""

    url: str = "sqlite:///var/lib/caas-router/router.db"


class CompetitionSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How prices are collected; the contract says what each means."""

    quote_deadline_ms: Annotated[int, msgspec.Meta(ge=1, le=60_000)] = 250
    book_age_ms_max: Annotated[int, msgspec.Meta(ge=1, le=60_000)] = 2000
    balance_refresh_ms: Annotated[int, msgspec.Meta(ge=100, le=600_000)] = 5000
    balance_age_ms_max: Annotated[int, msgspec.Meta(ge=100, le=3_600_000)] = 60_000
    rfq_ttl_ms: Annotated[int, msgspec.Meta(ge=100, le=60_000)] = 5000
    collar_bps: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 500


class ExecutionSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the winner is traded with; the contract says what each means."""

    slippage_bps_max: Annotated[int, msgspec.Meta(ge=0, le=5000)] = 50
    answer_deadline_ms: Annotated[int, msgspec.Meta(ge=1, le=120_000)] = 5000
    on_credit_failure: OnCreditFailure = OnCreditFailure.FAIL
    in_doubt_alert_ms: Annotated[int, msgspec.Meta(ge=1, le=86_400_000)] = 60_000


class AuthMode(enum.StrEnum):
    """`none` is allowed on loopback only."""

    NONE = "none"
    KEYS = "keys"


class Scope(enum.StrEnum):
    """What an API key may do."""

    READ = "read"
    TRADE = "trade"


class _RawKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    key: Reference
    scopes: Annotated[tuple[Scope, ...], msgspec.Meta(min_length=1)]


class _RawAuth(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    mode: AuthMode = AuthMode.NONE
    keys: tuple[_RawKey, ...] = ()


class ApiKey(msgspec.Struct, frozen=True):
    """A caller: the key itself is not kept, only its SHA-256."""

    name: str
    digest: bytes
    scopes: frozenset[Scope]


class AuthSettings(msgspec.Struct, frozen=True):
    """Who may call."""

    mode: AuthMode = AuthMode.NONE
    keys: tuple[ApiKey, ...] = ()


class Counterparty(enum.StrEnum):
    """The counterparties that there are adapters for."""

    BITGO_PRIME = "bitgo_prime"


class ConnectionType(enum.StrEnum):
    """What the account is for."""

    EXCHANGE = "exchange"


class _RawConnection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    counterparty: Counterparty
    account_id: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}$")]
    token: Reference
    taker_fee_bps: str
    type: ConnectionType = ConnectionType.EXCHANGE
    pts: bool = False
    enabled: bool = True
    base_url: str = "https://app.bitgo.com"
    plain_http: bool = False
    requests_per_second: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 10
    settling_window_ms: Annotated[int, msgspec.Meta(ge=1, le=3_600_000)] = 30_000


class _RawSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    connections: tuple[_RawConnection, ...]
    server: ServerSettings = ServerSettings()
    store: StoreSettings = StoreSettings()
    competition: CompetitionSettings = CompetitionSettings()
    execution: ExecutionSettings = ExecutionSettings()
    auth: _RawAuth = _RawAuth()


class ConnectionSettings(msgspec.Struct, frozen=True):
    """One account at a counterparty, its token resolved."""

    connection: Connection
    type: ConnectionType
    enabled: bool
    account_id: str
    token: Secret
    base_url: str
    requests_per_second: int
    settling_window_ms: int


class Settings(msgspec.Struct, frozen=True):
    """Everything that the process runs by."""

    server: ServerSettings
    store: StoreSettings
    competition: CompetitionSettings
    execution: ExecutionSettings
    auth: AuthSettings
    connections: tuple[ConnectionSettings, ...]


def load(path: str | None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings from `path`, else from the file that `CAAS_ROUTER_CONFIG` names.

    Raises `SettingsError`.
    """
    chosen = path or environ.get(CONFIG_VARIABLE)
    if not chosen:
        raise SettingsError(
            "command line", "--config", f"a file, or the variable {CONFIG_VARIABLE}", "neither"
        )
    try:
        raw = Path(chosen).read_bytes()
    except OSError as error:
        raise SettingsError(chosen, "file", "a file that can be read", error.strerror) from error
    try:
        table = tomllib.loads(raw.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(chosen, "file", "TOML in UTF-8", str(error)) from error
    return parse(table, chosen, environ)


def parse(table: Mapping[str, object], source: str, environ: Mapping[str, str]) -> Settings:
    """Check a settings table; `source` is what messages call it. Raises `SettingsError`."""
    try:
        raw = msgspec.convert(table, _RawSettings)
    except msgspec.ValidationError as error:
        raise explained(error, table, source, _RawSettings) from error
    connections = tuple(
        _connection(entry, f"connections[{index}]", source, environ)
        for index, entry in enumerate(raw.connections)
    )
    if not connections:
        raise SettingsError(source, "connections", "at least one [[connections]] table", "none")
    _refuse_duplicates(connections, source)
    return Settings(
        server=raw.server,
        store=raw.store,
        competition=raw.competition,
        execution=raw.execution,
        auth=_auth(raw, source, environ),
        connections=connections,
    )


def _connection(raw: _RawConnection, key: str, source: str, environ: Mapping[str, str]) -> ConnectionSettings:
    if _SLUG.fullmatch(raw.id) is None:
        raise SettingsError(source, f"{key}.id", "a slug of 1 to 32 of a-z, 0-9 and -", shown(raw.id))
    try:
        fee = parse_amount(raw.taker_fee_bps)
    except AmountError as error:
        raise SettingsError(source, f"{key}.taker_fee_bps", error.expected, shown(error.was)) from error
    if fee >= _FEE_BPS_MAX:
        raise SettingsError(source, f"{key}.taker_fee_bps", "less than 10000", shown(raw.taker_fee_bps))
    _check_base_url(raw, f"{key}.base_url", source)
    return ConnectionSettings(
        connection=Connection(
            id=raw.id,
            name=raw.name,
            pts=raw.pts,
            counterparty=raw.counterparty.value,
            taker_fee_bps=fee,
        ),
        type=raw.type,
        enabled=raw.enabled,
        account_id=raw.account_id,
        token=secret(raw.token, f"{key}.token", source, environ),
        base_url=raw.base_url.rstrip("/"),
        requests_per_second=raw.requests_per_second,
        settling_window_ms=raw.settling_window_ms,
    )


def _check_base_url(raw: _RawConnection, key: str, source: str) -> None:
    expected = "a URL such as https://app.bitgo.com"
    try:
        url = urlsplit(raw.base_url)
        known = url.scheme in ("http", "https") and url.hostname is not None and url.port != 0
    except ValueError as error:  # brackets that do not close, a port that is none
        raise SettingsError(source, key, expected, "another text") from error
    host = url.hostname
    plain = raw.base_url.isascii() and raw.base_url.isprintable() and " " not in raw.base_url
    if not known or not plain or host is None or "@" in url.netloc or url.query or url.fragment:
        # What is no address may hold a credential: it is not repeated.
        raise SettingsError(source, key, expected, "another text")
    if url.scheme == "http" and not raw.plain_http and not is_loopback(host):
        # A token over plain http is readable on the way: somebody must have said that the way is private.
        raise SettingsError(source, key, "https, or plain_http = true, off loopback", shown(raw.base_url))


def _refuse_duplicates(connections: tuple[ConnectionSettings, ...], source: str) -> None:
    ids: set[str] = set()
    accounts: set[tuple[str, str, bool]] = set()
    for index, entry in enumerate(connections):
        if entry.connection.id in ids:
            raise SettingsError(
                source, f"connections[{index}].id", "an id of its own", shown(entry.connection.id)
            )
        account = (entry.base_url, entry.account_id, entry.connection.pts)
        if account in accounts:
            raise SettingsError(
                source,
                f"connections[{index}].account_id",
                "an account that no other connection of its kind has",
                shown(entry.account_id),
            )
        ids.add(entry.connection.id)
        accounts.add(account)


def _auth(raw: _RawSettings, source: str, environ: Mapping[str, str]) -> AuthSettings:
    if raw.auth.mode is AuthMode.NONE:
        if not is_loopback(raw.server.host):
            raise SettingsError(
                source, "auth.mode", '"keys" where server.host is not loopback', shown(raw.auth.mode)
            )
        if raw.auth.keys:
            raise SettingsError(
                source, "auth.keys", 'none while auth.mode is "none"', str(len(raw.auth.keys))
            )
        return AuthSettings()
    if not raw.auth.keys:
        raise SettingsError(source, "auth.keys", 'at least one [[auth.keys]] table with mode "keys"', "none")
    keys = tuple(
        ApiKey(
            name=key.name,
            digest=hashlib.sha256(
                secret(key.key, f"auth.keys[{index}].key", source, environ).reveal().encode()
            ).digest(),
            scopes=frozenset(key.scopes),
        )
        for index, key in enumerate(raw.auth.keys)
    )
    for index, key in enumerate(keys):
        # Of two keys that are the same, which one's scopes would hold? Of two of one name, whose is it?
        if any(key.name == other.name for other in keys[:index]):
            raise SettingsError(source, f"auth.keys[{index}].name", "a name of its own", shown(key.name))
        if any(key.digest == other.digest for other in keys[:index]):
            raise SettingsError(source, f"auth.keys[{index}].key", "a key of its own", "another's")
    return AuthSettings(AuthMode.KEYS, keys)


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
