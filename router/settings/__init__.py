"""Typed settings from TOML, checked whole at start-up: every limit bounded, with its unit in its name.

A setting that cannot be meant (an unknown key, a missing one, a value out of bounds, a duplicate id, a token
that is not there) is a `SettingsError` that names the file, the key, what was expected and what was there. A
secret is a reference, `{ env = "NAME" }` or `{ file = "/path" }`, and has no default; it is read here once
and its `repr` is hidden.
"""

from router.settings.accounts import AccountFields, account_settings
from router.settings.auth import ApiKey, AuthMode, AuthSettings, Scope
from router.settings.ccxt import CcxtFields
from router.settings.connections import (
    AccountSettings,
    CcxtSettings,
    CoinbaseFields,
    CoinbaseSettings,
    ConnectionFields,
    ConnectionSettings,
    ConnectionType,
    Counterparty,
    CustodyFields,
    CustodySettings,
    MarginDialect,
    TradingFields,
    TradingSettings,
    account_key,
)
from router.settings.hosts import is_loopback
from router.settings.loading import CONFIG_VARIABLE, Settings, load, parse
from router.settings.tables import (
    CompetitionSettings,
    ExecutionSettings,
    LogLevel,
    LogSettings,
    Milliseconds,
    Port,
    ServerSettings,
    StoreSettings,
)
from router.settings.vault import VaultSettings

__all__ = [
    "CONFIG_VARIABLE",
    "AccountFields",
    "AccountSettings",
    "ApiKey",
    "AuthMode",
    "AuthSettings",
    "CcxtFields",
    "CcxtSettings",
    "CoinbaseFields",
    "CoinbaseSettings",
    "CompetitionSettings",
    "ConnectionFields",
    "ConnectionSettings",
    "ConnectionType",
    "Counterparty",
    "CustodyFields",
    "CustodySettings",
    "ExecutionSettings",
    "LogLevel",
    "LogSettings",
    "MarginDialect",
    "Milliseconds",
    "Port",
    "Scope",
    "ServerSettings",
    "Settings",
    "StoreSettings",
    "TradingFields",
    "TradingSettings",
    "VaultSettings",
    "account_key",
    "account_settings",
    "is_loopback",
    "load",
    "parse",
]
