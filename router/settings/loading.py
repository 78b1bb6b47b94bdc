"""From a TOML file to settings."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from router.core.errors import shown
from router.core.groups import RoutingGroup
from router.secrets import Reference, joined, secret
from router.settings.auth import AuthSettings, RawAuth, auth_settings
from router.settings.ccxt import OPTIONAL, REQUIRED, RawCcxt, ccxt_settings
from router.settings.connections import (
    COINBASE_CREDENTIALS,
    AccountSettings,
    CoinbaseFields,
    CoinbaseSettings,
    ConnectionType,
    Counterparty,
    CustodyFields,
    CustodySettings,
    TradingFields,
    account_key,
    account_settings,
)
from router.settings.groups import RawGroup, routing_groups
from router.settings.tables import (
    CompetitionSettings,
    ExecutionSettings,
    LogSettings,
    ServerSettings,
    StoreSettings,
)
from router.settings.vault import RawVault, VaultSettings, vault_settings
from router.settings_error import SettingsError, explained

CONFIG_VARIABLE: Final = "CAAS_ROUTER_CONFIG"


class _RawTrading(TradingFields, frozen=True, kw_only=True, forbid_unknown_fields=True):
    token: Reference


class _RawCustody(CustodyFields, frozen=True, kw_only=True, forbid_unknown_fields=True):
    token: Reference


class _RawCoinbase(CoinbaseFields, frozen=True, kw_only=True, forbid_unknown_fields=True):
    access_key: Reference
    passphrase: Reference
    signing_key: Reference


class _RawSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    connections: tuple[dict[str, object], ...] = ()
    server: ServerSettings = ServerSettings()
    store: StoreSettings = StoreSettings()
    competition: CompetitionSettings = CompetitionSettings()
    execution: ExecutionSettings = ExecutionSettings()
    auth: RawAuth = RawAuth()
    vault: RawVault = RawVault()
    routing_groups: tuple[RawGroup, ...] = ()
    log: LogSettings = LogSettings()


class Settings(msgspec.Struct, frozen=True):
    """Everything that the process runs by. `connections`: those that trade and those in custody."""

    server: ServerSettings
    store: StoreSettings
    competition: CompetitionSettings
    execution: ExecutionSettings
    auth: AuthSettings
    connections: tuple[AccountSettings, ...]
    vault: VaultSettings = VaultSettings()
    routing_groups: tuple[RoutingGroup, ...] = ()
    log: LogSettings = LogSettings()


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
    _refuse_duplicates(connections, source)
    return Settings(
        server=raw.server,
        store=raw.store,
        competition=raw.competition,
        execution=raw.execution,
        auth=auth_settings(raw.auth, raw.server.host, source, environ),
        connections=connections,
        vault=vault_settings(raw.vault, source, environ),
        routing_groups=routing_groups(raw.routing_groups, source),
        log=raw.log,
    )


def _connection(
    table: dict[str, object], key: str, source: str, environ: Mapping[str, str]
) -> AccountSettings:
    kind: type[_RawCustody | _RawTrading | _RawCoinbase | RawCcxt] = _RawTrading
    if table.get("type") == ConnectionType.CUSTODY.value:
        kind = _RawCustody
    elif table.get("counterparty") == Counterparty.COINBASE_PRIME.value:
        kind = _RawCoinbase
    elif table.get("counterparty") == Counterparty.CCXT.value:
        kind = RawCcxt
    try:
        raw = msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        raise explained(error, table, source, kind, key) from error
    if isinstance(raw, RawCcxt):
        return _ccxt(raw, key, source, environ)
    if isinstance(raw, _RawCoinbase):
        parts = {
            name: secret(getattr(raw, name), f"{key}.{name}", source, environ)
            for name in COINBASE_CREDENTIALS
        }
        return account_settings(raw, joined(parts), key, source)
    return account_settings(raw, secret(raw.token, f"{key}.token", source, environ), key, source)


def _ccxt(raw: RawCcxt, key: str, source: str, environ: Mapping[str, str]) -> AccountSettings:
    references = {name: getattr(raw, name) for name in (*REQUIRED, OPTIONAL)}
    parts = {
        name: secret(reference, f"{key}.{name}", source, environ)
        for name, reference in references.items()
        if reference is not None
    }
    return ccxt_settings(raw, parts["api_key"], joined(parts), key, source, has_password=OPTIONAL in parts)


def _refuse_duplicates(connections: tuple[AccountSettings, ...], source: str) -> None:
    ids: set[str] = set()
    accounts: set[tuple[str, ...]] = set()
    for index, entry in enumerate(connections):
        if entry.connection.id in ids:
            raise SettingsError(
                source, f"connections[{index}].id", "an id of its own", shown(entry.connection.id)
            )
        account = account_key(entry)
        if account in accounts:
            expected = "an account that no other connection of its kind has"
            field, was = "account_id", ""
            if isinstance(entry, CustodySettings):
                named = entry.enterprise_id
                field, was = ("token", "another's") if named is None else ("enterprise_id", shown(named))
            elif isinstance(entry, CoinbaseSettings):
                field, was = "portfolio_id", shown(entry.portfolio_id)
            else:
                was = shown(entry.account_id)
            raise SettingsError(source, f"connections[{index}].{field}", expected, was)
        ids.add(entry.connection.id)
        accounts.add(account)
