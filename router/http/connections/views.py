"""Connections → their answers."""

import msgspec

from router.http.connections.wire import ConnectionDetail, ConnectionSettings
from router.http.records import connection_view
from router.http.texts import optional_time
from router.service.connecting.connections import AccountView


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
    told = msgspec.structs.asdict(shown.fields)
    named = {name: told.get(name) for name in ConnectionSettings.__struct_fields__}
    # Empty where the counterparty is at no one address.
    return ConnectionSettings(**{**named, "base_url": told["base_url"] or None})
