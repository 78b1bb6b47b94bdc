"""Answers about connections as they stand in JSON; see `wire`."""

from typing import Annotated

import msgspec

from router.http.wire import Answer, AnswerAmount, Connection, Time
from router.service.connecting.connections import Credentials, Lifecycle, Origin
from router.settings import MarginDialect
from router.settings.connections import Risk


class ConnectionSettings(Answer, frozen=True):
    """What a connection is run by; null where its type has no such setting. Never its credentials."""

    base_url: Annotated[
        str | None, msgspec.Meta(description="Null through ccxt where none was named: the exchange's own.")
    ]
    account_id: str | None
    portfolio_id: str | None
    exchange: str | None
    accept_risk: Risk | None
    taker_fee_bps: AnswerAmount | None
    requests_per_second: int | None
    settling_window_ms: int | None
    quote_notional_min: AnswerAmount | None
    quotes_per_minute: int | None
    margin_dialect: MarginDialect | None
    enterprise_id: str | None
    requests_per_minute: int | None
    decimals: dict[str, int] | None


class ConnectionDetail(Connection, frozen=True):
    """A connection with where it was made and how far it is from its end."""

    origin: Annotated[
        Origin, msgspec.Meta(description="`settings`: it stands in the file, and only that changes it.")
    ]
    lifecycle: Annotated[
        Lifecycle,
        msgspec.Meta(
            description="`draining`: being removed. `locked`: it cannot be used; `health.detail` says why."
        ),
    ]
    credentials: Annotated[Credentials, msgspec.Meta(description="How they are kept; they are never shown.")]
    settings: ConnectionSettings
    created_at: Time | None
    updated_at: Time | None


class ConnectionDetailPage(Answer, frozen=True):
    """Every connection; `next_cursor` is always null."""

    data: list[ConnectionDetail]
    next_cursor: str | None
