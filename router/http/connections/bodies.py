"""Requests about connections as they stand in JSON; see `bodies`."""

from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from router.http.bodies import Amount, Body
from router.settings import ConnectionType, Counterparty, MarginDialect
from router.settings.connections import (
    BASE_URL,
    Decimals,
    RequestsPerMinute,
    RequestsPerSecond,
    Risk,
    WindowMs,
)

SLUG_PATTERN = "^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$"
NAME_PATTERN = r"^(?!\s)[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,64}(?<!\s)$"
TOKEN_PATTERN = "^[!-~]{1,4096}$"  # noqa: S105 - what a token looks like

AccountName = Annotated[
    str,
    msgspec.Meta(
        pattern=NAME_PATTERN,
        description="The account's name, as people know it.",
        examples=["BitGo Treasury"],
    ),
]
BaseUrl = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=2048,
        description="Where the counterparty is; https, off loopback. Another one needs the token again.",
        examples=[BASE_URL],
    ),
]
Dialect = Annotated[
    MarginDialect | None, msgspec.Meta(description="Of a PTS account's margin reads; null: found out.")
]
CoinDecimals = Annotated[
    dict[str, Decimals], msgspec.Meta(description="Custody: decimals of coins over those that are known.")
]


class TokenReference(Body, frozen=True):
    """Where a credential is: a variable or file of the router's machine, as far as the settings allow it."""

    env: str | None = None
    file: str | None = None


Credential = Annotated[str, msgspec.Meta(pattern=TOKEN_PATTERN)]


class CredentialsBody(Body, frozen=True):
    """What the counterparty knows the account's owner by; it is kept sealed and never shown.

    `token` (BitGo): the access token. `access_key`, `passphrase` and `signing_key`, together (Coinbase
    Prime). `api_key`, `secret` and, where the exchange wants one, `password` (ccxt). Each is the text itself,
    or all of them are references.
    """

    token: Credential | TokenReference | UnsetType = UNSET
    access_key: Credential | TokenReference | UnsetType = UNSET
    passphrase: Credential | TokenReference | UnsetType = UNSET
    signing_key: Credential | TokenReference | UnsetType = UNSET
    api_key: Credential | TokenReference | UnsetType = UNSET
    secret: Credential | TokenReference | UnsetType = UNSET
    password: Credential | TokenReference | UnsetType = UNSET


QuoteNotional = Annotated[
    Amount | None,
    msgspec.Meta(description="The smallest order that it is asked for a firm price by, in quote currency."),
]
QuotesPerMinute = Annotated[
    Annotated[int, msgspec.Meta(ge=1, le=6000)] | None,
    msgspec.Meta(description="How often it is asked for a firm price at most."),
]


class NewConnectionBody(Body, frozen=True):
    """A connection to be made. A field that its type does not take is refused.

    Exchange: `account_id`, `taker_fee_bps`, `pts`, `requests_per_second`, `settling_window_ms`,
    `margin_dialect`; at Coinbase Prime `portfolio_id`, `quote_notional_min`, `quotes_per_minute` in place of
    `account_id` and `margin_dialect`; through ccxt `exchange` and `accept_risk` in place of these and `pts`,
    for it trades Spot alone. Custody: `enterprise_id`, `requests_per_minute`, `decimals`.
    """

    name: AccountName
    counterparty: Counterparty
    credentials: CredentialsBody
    type: ConnectionType = ConnectionType.EXCHANGE
    id: Annotated[
        Annotated[str, msgspec.Meta(pattern=SLUG_PATTERN)] | None,
        msgspec.Meta(description="Made of the name, if left out."),
    ] = None
    pts: Annotated[
        bool, msgspec.Meta(description="A Post Trade Settlement account, trading on credit; else Spot.")
    ] = False
    enabled: bool = True
    account_id: Annotated[
        Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")] | None,
        msgspec.Meta(description="The Go Account's id; a connection to BitGo Prime must have it."),
    ] = None
    portfolio_id: Annotated[
        Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9-]{1,64}$")] | None,
        msgspec.Meta(description="The portfolio's id; a connection to Coinbase Prime must have it."),
    ] = None
    exchange: Annotated[
        Annotated[str, msgspec.Meta(pattern="^[a-z0-9_]{1,32}$")] | None,
        msgspec.Meta(description="ccxt's name of the exchange; a connection through ccxt must have it."),
    ] = None
    accept_risk: Annotated[
        Risk | None,
        msgspec.Meta(description="Trade where an order whose answer was lost cannot be found; ccxt only."),
    ] = None
    taker_fee_bps: Annotated[
        Amount | None,
        msgspec.Meta(description="Basis points of the quote notional; an exchange connection must have it."),
    ] = None
    base_url: BaseUrl | None = None
    plain_http: Annotated[bool, msgspec.Meta(description="The way there is private.")] = False
    requests_per_second: RequestsPerSecond | None = None
    settling_window_ms: WindowMs | None = None
    quote_notional_min: QuoteNotional = None
    quotes_per_minute: QuotesPerMinute = None
    margin_dialect: Dialect = None
    enterprise_id: Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_-]{1,64}$")] | None = None
    requests_per_minute: RequestsPerMinute | None = None
    decimals: CoinDecimals | None = None


class ConnectionChangeBody(Body, frozen=True):
    """What of a connection is to be another; what is left out stays.

    A limit of requests holds at once; of several connections of one account the lowest counts.
    """

    name: AccountName | None = None
    credentials: CredentialsBody | None = None
    enabled: bool | None = None
    taker_fee_bps: Amount | None = None
    base_url: BaseUrl | None = None
    plain_http: bool | None = None
    requests_per_second: RequestsPerSecond | None = None
    settling_window_ms: WindowMs | None = None
    quote_notional_min: QuoteNotional = None
    quotes_per_minute: QuotesPerMinute = None
    margin_dialect: Dialect = None
    requests_per_minute: RequestsPerMinute | None = None
    decimals: CoinDecimals | None = None
