"""Connections: their fields as people write them, in the file or over HTTP, and what they come to.

The fields (`TradingFields`, `CustodyFields`) are the shape of a `[[connections]]` table without its
credentials, and of the record that the store keeps of a connection that was made over HTTP. One check
(`account_settings`) makes settings of them, so that both ways in obey the same rules.
"""

import enum
import hashlib
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Final, Literal

import msgspec

from router.core.errors import AmountError, shown
from router.core.model import Connection
from router.core.money import ZERO, parse_amount
from router.secrets import Secret
from router.settings.hosts import checked_base_url
from router.settings_error import SettingsError

SLUG: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")
NAME: Final = re.compile(r"(?!\s)[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,64}(?<!\s)")
ACCOUNT_ID: Final = re.compile(r"[0-9a-f]{32}")
"""The id of a Go Account wallet (facts of the published description: `accountId`)."""
ENTERPRISE_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
COIN: Final = re.compile(r"[A-Za-z0-9:._*-]{1,64}")
PORTFOLIO_ID: Final = re.compile(r"[A-Za-z0-9-]{1,64}")
"""A portfolio at Coinbase Prime; its examples are UUIDs, and no form is documented."""
BASE_URL: Final = "https://app.bitgo.com"
COINBASE_URL: Final = "https://api.prime.coinbase.com"
COINBASE_CREDENTIALS: Final = ("access_key", "passphrase", "signing_key")
DECIMALS_MAX: Final = 36
"""Twice of what any coin has: more is a slip of the key."""
_FEE_BPS_MAX = Decimal(10_000)

RequestsPerSecond = Annotated[int, msgspec.Meta(ge=1, le=100_000)]
RequestsPerMinute = Annotated[int, msgspec.Meta(ge=1, le=60_000)]
QuotesPerMinute = Annotated[int, msgspec.Meta(ge=1, le=6000)]
WindowMs = Annotated[int, msgspec.Meta(ge=1, le=3_600_000)]
Decimals = Annotated[int, msgspec.Meta(ge=0, le=DECIMALS_MAX)]


class Counterparty(enum.StrEnum):
    """The counterparties that there are adapters for."""

    BITGO_PRIME = "bitgo_prime"
    COINBASE_PRIME = "coinbase_prime"
    CCXT = "ccxt"
    BITGO = "bitgo"


class ConnectionType(enum.StrEnum):
    """What the account is for."""

    EXCHANGE = "exchange"
    CUSTODY = "custody"


Risk = Literal["orders-cannot-be-found-again"]
"""What of an exchange through ccxt can be accepted by name; see `router.settings.ccxt`."""


class MarginDialect(enum.StrEnum):
    """How a counterparty's margin reads are worded: the hosted platform's, or a self-hosted Express's."""

    PLATFORM = "platform"
    EXPRESS = "express"


COUNTERPARTIES: Final = {
    ConnectionType.EXCHANGE: Counterparty.BITGO_PRIME,
    ConnectionType.CUSTODY: Counterparty.BITGO,
}


class ConnectionFields(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every connection has. `plain_http`: somebody said that the way there is private."""

    id: str
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    counterparty: Counterparty
    enabled: bool = True
    base_url: str = BASE_URL
    plain_http: bool = False


class TradingFields(ConnectionFields, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A connection that trades, Spot or PTS."""

    account_id: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}$")]
    taker_fee_bps: str
    type: ConnectionType = ConnectionType.EXCHANGE
    pts: bool = False
    requests_per_second: RequestsPerSecond = 10
    settling_window_ms: WindowMs = 30_000
    margin_dialect: MarginDialect | None = None


class CoinbaseFields(ConnectionFields, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A portfolio at Coinbase Prime, Spot or on post-trade credit (PTS)."""

    portfolio_id: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9-]{1,64}$")]
    taker_fee_bps: str
    type: ConnectionType = ConnectionType.EXCHANGE
    pts: bool = False
    base_url: str = COINBASE_URL
    requests_per_second: RequestsPerSecond = 25
    settling_window_ms: WindowMs = 30_000
    quote_notional_min: str | None = None
    quotes_per_minute: QuotesPerMinute | None = None


class CustodyFields(ConnectionFields, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A connection in custody, which is looked at. `decimals` adds to what is known of coins."""

    type: ConnectionType
    enterprise_id: str | None = None
    requests_per_minute: RequestsPerMinute = 360
    decimals: dict[str, Decimals] = {}


class ConnectionSettings(msgspec.Struct, frozen=True):
    """One account that trades, its token resolved.

    `margin_dialect`: of a PTS account; None leaves it to be found out.
    """

    connection: Connection
    type: ConnectionType
    enabled: bool
    account_id: str
    token: Secret
    base_url: str
    requests_per_second: int
    settling_window_ms: int
    margin_dialect: MarginDialect | None = None


class CustodySettings(msgspec.Struct, frozen=True):
    """One account in custody, its token resolved.

    `enterprise_id`: whose wallets alone are meant; None: all that the token shows. `decimals`: by coin, over
    those that are known.
    """

    connection: Connection
    type: ConnectionType
    enabled: bool
    token: Secret
    base_url: str
    enterprise_id: str | None = None
    requests_per_minute: int = 360
    decimals: Mapping[str, int] = {}


class CoinbaseSettings(msgspec.Struct, frozen=True):
    """One portfolio at Coinbase Prime, its credentials resolved.

    `token`: access key, passphrase and signing key, joined (`router.secrets.joined`). It is asked for a firm
    price by orders of at least `quote_notional_min` of the quote currency, `quotes_per_minute` times at most.
    """

    connection: Connection
    type: ConnectionType
    enabled: bool
    portfolio_id: str
    token: Secret
    base_url: str
    requests_per_second: int
    settling_window_ms: int
    quote_notional_min: Decimal | None = None
    quotes_per_minute: int | None = None


class CcxtSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One account at an exchange that ccxt speaks with, its credentials resolved.

    `token`: api key, secret and, where there is one, password, joined (`router.secrets.joined`). `account_id`
    names the account by the exchange and a fingerprint of the key, which is not the key. `base_url`: empty,
    the exchange's own. `accept_risk`: see `router.settings.ccxt`.
    """

    connection: Connection
    type: ConnectionType
    enabled: bool
    account_id: str
    token: Secret
    base_url: str
    requests_per_second: int
    settling_window_ms: int
    exchange: str
    has_password: bool
    accept_risk: Risk | None = None
    margin_dialect: None = None


TradingSettings = ConnectionSettings | CoinbaseSettings | CcxtSettings
AccountSettings = TradingSettings | CustodySettings


def account_settings(
    fields: TradingFields | CoinbaseFields | CustodyFields, token: Secret, key: str, source: str
) -> AccountSettings:
    """Check a connection's fields and join them with its token. Raises `SettingsError`.

    `key` names the table in messages, `connections[0]`; empty, the fields stand alone.
    """
    within = f"{key}." if key else ""
    if SLUG.fullmatch(fields.id) is None:
        raise SettingsError(source, f"{within}id", "a slug of 1 to 32 of a-z, 0-9 and -", shown(fields.id))
    if NAME.fullmatch(fields.name) is None:
        raise SettingsError(source, f"{within}name", "1 to 64 printable characters", shown(fields.name))
    counterparty = expected_counterparty(fields.type, fields)
    if fields.counterparty is not counterparty:
        raise SettingsError(
            source,
            f"{within}counterparty",
            f'"{counterparty.value}" where type is "{fields.type.value}"',
            shown(fields.counterparty),
        )
    base_url = checked_base_url(fields.base_url, f"{within}base_url", source, plain_http=fields.plain_http)
    if isinstance(fields, CustodyFields):
        return _custody(fields, token, base_url, within, source)
    if isinstance(fields, CoinbaseFields):
        return _coinbase(fields, token, base_url, within, source)
    if fields.margin_dialect is not None and not fields.pts:
        raise SettingsError(
            source, f"{within}margin_dialect", "none where pts is not true", shown(fields.margin_dialect)
        )
    return ConnectionSettings(
        connection=Connection(
            id=fields.id,
            name=fields.name,
            pts=fields.pts,
            counterparty=fields.counterparty.value,
            taker_fee_bps=_fee_bps(fields.taker_fee_bps, f"{within}taker_fee_bps", source),
        ),
        type=fields.type,
        enabled=fields.enabled,
        account_id=fields.account_id,
        token=token,
        base_url=base_url,
        requests_per_second=fields.requests_per_second,
        settling_window_ms=fields.settling_window_ms,
        margin_dialect=fields.margin_dialect,
    )


def expected_counterparty(
    kind: ConnectionType, fields: TradingFields | CoinbaseFields | CustodyFields
) -> Counterparty:
    """Whom a connection with these fields can be at."""
    if isinstance(fields, CoinbaseFields) and kind is ConnectionType.EXCHANGE:
        return Counterparty.COINBASE_PRIME
    return COUNTERPARTIES[kind]


def _coinbase(
    fields: CoinbaseFields, token: Secret, base_url: str, within: str, source: str
) -> CoinbaseSettings:
    return CoinbaseSettings(
        connection=Connection(
            id=fields.id,
            name=fields.name,
            pts=fields.pts,
            counterparty=fields.counterparty.value,
            taker_fee_bps=_fee_bps(fields.taker_fee_bps, f"{within}taker_fee_bps", source),
        ),
        type=fields.type,
        enabled=fields.enabled,
        portfolio_id=fields.portfolio_id,
        token=token,
        base_url=base_url,
        requests_per_second=fields.requests_per_second,
        settling_window_ms=fields.settling_window_ms,
        quote_notional_min=_notional(fields.quote_notional_min, f"{within}quote_notional_min", source),
        quotes_per_minute=fields.quotes_per_minute,
    )


def _custody(
    fields: CustodyFields, token: Secret, base_url: str, within: str, source: str
) -> CustodySettings:
    enterprise = fields.enterprise_id
    if enterprise is not None and ENTERPRISE_ID.fullmatch(enterprise) is None:
        raise SettingsError(
            source, f"{within}enterprise_id", "1 to 64 of A-Z, a-z, 0-9, _ and -", shown(enterprise)
        )
    for coin in fields.decimals:
        if COIN.fullmatch(coin) is None:
            raise SettingsError(source, f"{within}decimals", "names of coins", shown(coin))
    return CustodySettings(
        connection=Connection(
            id=fields.id,
            name=fields.name,
            pts=False,
            counterparty=fields.counterparty.value,
            taker_fee_bps=ZERO,
        ),
        type=fields.type,
        enabled=fields.enabled,
        token=token,
        base_url=base_url,
        enterprise_id=enterprise,
        requests_per_minute=fields.requests_per_minute,
        decimals=dict(fields.decimals),
    )


def _notional(text: str | None, key: str, source: str) -> Decimal | None:
    if text is None:
        return None
    try:
        return parse_amount(text)
    except AmountError as error:
        raise SettingsError(source, key, error.expected, shown(error.was)) from error


def _fee_bps(text: str, key: str, source: str) -> Decimal:
    try:
        fee = parse_amount(text)
    except AmountError as error:
        raise SettingsError(source, key, error.expected, shown(error.was)) from error
    if fee >= _FEE_BPS_MAX:
        raise SettingsError(source, key, "less than 10000", shown(text))
    return fee


def account_key(settings: AccountSettings) -> tuple[str, ...]:
    """What two connections may not have in common: the same account, used in the same way. Not to be shown.

    A custody connection has no account id. Without an enterprise it is all that its token shows, so the
    token tells it from another: two clients of one custodian are two connections.
    """
    if isinstance(settings, CustodySettings):
        shows = settings.enterprise_id or hashlib.sha256(settings.token.reveal().encode()).hexdigest()
        return ("custody", settings.base_url, shows)
    kind = "pts" if settings.connection.pts else "spot"
    account_id = settings.portfolio_id if isinstance(settings, CoinbaseSettings) else settings.account_id
    return (kind, settings.base_url, account_id)
