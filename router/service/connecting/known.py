"""A connection that the router knows, in memory: its fields, its credentials, and how it stands."""

import asyncio
from collections.abc import Collection

import msgspec

from router.core.model import Connection
from router.core.money import ZERO, format_amount
from router.ports import ConnectionState, ConnectionView, Health
from router.ports.records import StoredConnection
from router.secrets import Referred, Secret
from router.service.connecting.accounts import Live
from router.service.connecting.connections import AccountView, Credentials, Fields, Lifecycle, Origin
from router.service.connecting.keeping import Kept
from router.settings import (
    AccountSettings,
    CcxtFields,
    CcxtSettings,
    CoinbaseFields,
    CoinbaseSettings,
    Counterparty,
    CustodyFields,
    CustodySettings,
    TradingFields,
    account_key,
    account_settings,
)

NO_TOKEN = Secret("")
"""In the place of a token that cannot be had: nothing is built with it."""


class Known:
    """One connection. `record` None: it stands in the settings file. `token` None: `wrong` says why."""

    def __init__(self, fields: Fields, settings: AccountSettings, token: Secret | None) -> None:
        self.fields = fields
        self.settings = settings
        self.token = token
        self.wrong: str | None = None
        self.record: StoredConnection | None = None
        self.reference: Referred | None = None
        self.removing = False
        self.draining = False
        self.lock = asyncio.Lock()

    @classmethod
    def configured(cls, settings: AccountSettings) -> "Known":
        """One of the settings file."""
        return cls(fields_of(settings), settings, settings.token)

    @classmethod
    def made(cls, kept: Kept) -> "Known":
        """One that was made over HTTP."""
        token = NO_TOKEN if kept.token is None else kept.token
        known = cls(kept.fields, account_settings(kept.fields, token, "", kept.record.id), kept.token)
        known.renew(kept)
        return known

    @property
    def told(self) -> tuple[Connection, str]:
        """What the log names it by: the connection, and its type."""
        return self.settings.connection, self.settings.type.value

    @property
    def account(self) -> tuple[str, ...] | None:
        """What no other connection may have; None where it cannot be said without a token."""
        if self.token is None and isinstance(self.settings, CustodySettings | CcxtSettings):
            return None
        return account_key(self.settings)

    def is_behind(self, record: StoredConnection) -> bool:
        """Whether a record is a later version of this connection's, or of one made anew with its id."""
        if self.record is None or self.draining:
            return False
        return (record.created_at, record.version) > (self.record.created_at, self.record.version)

    def renew(self, kept: Kept) -> None:
        """Become what was kept."""
        token = NO_TOKEN if kept.token is None else kept.token
        self.settings = account_settings(kept.fields, token, "", kept.record.id)
        self.fields = kept.fields
        self.token = kept.token
        self.wrong = None if kept.token is not None else kept.wrong
        self.record = kept.record
        self.reference = kept.reference
        self.removing = kept.removing

    def lock_out(self, why: str) -> None:
        """Do without it until it is changed."""
        self.token = None
        self.wrong = why

    def must_be_proved(self, fields: Fields, names: Collection[str]) -> bool:
        """Whether becoming these fields says something about the counterparty."""
        if fields.enabled and not self.fields.enabled:
            return True
        before, after = msgspec.to_builtins(self.fields), msgspec.to_builtins(fields)
        return any(before.get(name) != after.get(name) for name in names)

    def view(self, live: Live | None) -> AccountView:
        """As operators see it."""
        record, settings = self.record, self.settings
        if live is not None:
            view = live.view()
        else:
            at = 0 if record is None else record.updated_at
            health = Health(
                state=ConnectionState.STOPPED,
                detail=self.wrong,
                feed_up=False,
                feed_at=None,
                budget_left=0,
                error_rate=ZERO,
                latency_ns=None,
                changed_at=at,
            )
            view = ConnectionView(settings.connection, settings.type.value, settings.enabled, health, ())
        lifecycle = Lifecycle.ACTIVE
        if self.removing or self.draining:
            lifecycle = Lifecycle.DRAINING
        elif self.token is None:
            lifecycle = Lifecycle.LOCKED
        by_reference = record is None or self.reference is not None
        return AccountView(
            view=view,
            origin=Origin.SETTINGS if record is None else Origin.API,
            lifecycle=lifecycle,
            credentials=Credentials.REFERENCE if by_reference else Credentials.SEALED,
            fields=self.fields,
            made_at=None if record is None else record.created_at,
            changed_at=None if record is None else record.updated_at,
        )


def fields_of(settings: AccountSettings) -> Fields:
    """The fields of a connection of the settings file, as one over HTTP has them."""
    connection = settings.connection
    if isinstance(settings, CustodySettings):
        return CustodyFields(
            id=connection.id,
            name=connection.name,
            counterparty=Counterparty(connection.counterparty),
            type=settings.type,
            enabled=settings.enabled,
            base_url=settings.base_url,
            enterprise_id=settings.enterprise_id,
            requests_per_minute=settings.requests_per_minute,
            decimals=dict(settings.decimals),
        )
    if isinstance(settings, CoinbaseSettings):
        return CoinbaseFields(
            id=connection.id,
            name=connection.name,
            counterparty=Counterparty(connection.counterparty),
            type=settings.type,
            pts=connection.pts,
            enabled=settings.enabled,
            base_url=settings.base_url,
            portfolio_id=settings.portfolio_id,
            taker_fee_bps=format_amount(connection.taker_fee_bps),
            requests_per_second=settings.requests_per_second,
            settling_window_ms=settings.settling_window_ms,
            quote_notional_min=None
            if settings.quote_notional_min is None
            else format_amount(settings.quote_notional_min),
            quotes_per_minute=settings.quotes_per_minute,
        )
    if isinstance(settings, CcxtSettings):
        return CcxtFields(
            id=connection.id,
            name=connection.name,
            counterparty=Counterparty(connection.counterparty),
            type=settings.type,
            enabled=settings.enabled,
            base_url=settings.base_url,
            exchange=settings.exchange,
            taker_fee_bps=format_amount(connection.taker_fee_bps),
            requests_per_second=settings.requests_per_second,
            settling_window_ms=settings.settling_window_ms,
            accept_risk=settings.accept_risk,
        )
    return TradingFields(
        id=connection.id,
        name=connection.name,
        counterparty=Counterparty(connection.counterparty),
        type=settings.type,
        pts=connection.pts,
        enabled=settings.enabled,
        base_url=settings.base_url,
        account_id=settings.account_id,
        taker_fee_bps=format_amount(connection.taker_fee_bps),
        requests_per_second=settings.requests_per_second,
        settling_window_ms=settings.settling_window_ms,
        margin_dialect=settings.margin_dialect,
    )
