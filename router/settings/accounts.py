"""A connection's fields and its credentials become settings, whatever its counterparty is."""

from router.secrets import Secret
from router.settings import connections
from router.settings.ccxt import CcxtFields, ccxt_account
from router.settings.connections import AccountSettings, CoinbaseFields, CustodyFields, TradingFields

AccountFields = TradingFields | CoinbaseFields | CcxtFields | CustodyFields


def account_settings(fields: AccountFields, token: Secret, key: str, source: str) -> AccountSettings:
    """Check a connection's fields and join them with its token. Raises `SettingsError`.

    `key` names the table in messages, `connections[0]`; empty, the fields stand alone.
    """
    if isinstance(fields, CcxtFields):
        return ccxt_account(fields, token, key, source)
    return connections.account_settings(fields, token, key, source)
