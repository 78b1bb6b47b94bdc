"""Connections → their answers."""

import msgspec

from router.http.connection_wire import ConnectionDetail, ConnectionSettings
from router.http.records import connection_view
from router.http.views import optional_time
from router.service.connections import AccountView
from router.settings import CoinbaseFields, CustodyFields


def detail_view(shown: AccountView, now: int) -> ConnectionDetail:
    """A connection with its health at `now`, nanoseconds since the epoch."""
    told = msgspec.structs.asdict(connection_view(shown.view, now))
    return ConnectionDetail(
        **told,
        origin=shown.origin,
        lifecycle=shown.lifecycle,
        credentials=shown.credentials,
        settings=_settings(shown),
        created_at=optional_time(shown.made_at),
        updated_at=optional_time(shown.changed_at),
    )


def _settings(shown: AccountView) -> ConnectionSettings:
    fields = shown.fields
    if isinstance(fields, CustodyFields):
        return ConnectionSettings(
            base_url=fields.base_url,
            account_id=None,
            portfolio_id=None,
            taker_fee_bps=None,
            requests_per_second=None,
            settling_window_ms=None,
            margin_dialect=None,
            enterprise_id=fields.enterprise_id,
            requests_per_minute=fields.requests_per_minute,
            decimals=dict(fields.decimals),
        )
    return ConnectionSettings(
        base_url=fields.base_url,
        account_id=None if isinstance(fields, CoinbaseFields) else fields.account_id,
        portfolio_id=fields.portfolio_id if isinstance(fields, CoinbaseFields) else None,
        taker_fee_bps=fields.taker_fee_bps,
        requests_per_second=fields.requests_per_second,
        settling_window_ms=fields.settling_window_ms,
        margin_dialect=None if isinstance(fields, CoinbaseFields) else fields.margin_dialect,
        enterprise_id=None,
        requests_per_minute=None,
        decimals=None,
    )
