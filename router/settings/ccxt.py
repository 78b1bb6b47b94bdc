"""A connection through ccxt: which exchange, with which credentials, and which risk somebody took by name.

What is said here is checked as far as it can be without the library; whether ccxt has the exchange, and
whether it can be traded on safely there, is checked when its adapter is made, before anything runs.
"""

import hashlib
import re
from typing import Annotated, Final

import msgspec

from router.core.errors import shown
from router.core.model import Connection
from router.secrets import Reference, Secret, parted
from router.settings.connections import (
    NAME,
    SLUG,
    CcxtSettings,
    ConnectionFields,
    ConnectionType,
    Counterparty,
    RequestsPerSecond,
    Risk,
    WindowMs,
    _fee_bps,
)
from router.settings.hosts import checked_base_url
from router.settings_error import SettingsError

EXCHANGE: Final = re.compile(r"[a-z0-9_]{1,32}")
RISK: Final = re.compile("orders-cannot-be-found-again")
REQUIRED: Final = ("api_key", "secret")
OPTIONAL: Final = "password"


class CcxtFields(ConnectionFields, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account at an exchange that ccxt speaks with. `base_url`: empty, the exchange's own.

    `accept_risk`: an exchange that takes no client order id is traded on all the same; an order whose answer
    is lost there cannot be found again, and stays in doubt until somebody looks.
    """

    exchange: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_]{1,32}$")]
    taker_fee_bps: str
    type: ConnectionType = ConnectionType.EXCHANGE
    pts: bool = False
    base_url: str = ""
    requests_per_second: RequestsPerSecond = 5
    settling_window_ms: WindowMs = 30_000
    accept_risk: Risk | None = None


class RawCcxt(CcxtFields, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table as it stands in the file. `password`: where the exchange wants one."""

    api_key: Reference
    secret: Reference
    password: Reference | None = None


def ccxt_account(fields: CcxtFields, token: Secret, key: str, source: str) -> CcxtSettings:
    """Check the fields and join them with credentials that are one by now (`joined`).

    Those of a connection that is locked are not there, and nothing is made of its settings. Raises
    `SettingsError`.
    """
    try:
        (api_key,) = parted(token, REQUIRED[0])
    except ValueError:
        return ccxt_settings(fields, Secret(""), token, key, source, has_password=False)
    try:
        parted(token, OPTIONAL)
    except ValueError:
        return ccxt_settings(fields, api_key, token, key, source, has_password=False)
    return ccxt_settings(fields, api_key, token, key, source, has_password=True)


def ccxt_settings(
    fields: CcxtFields, api_key: Secret, token: Secret, key: str, source: str, *, has_password: bool
) -> CcxtSettings:
    """Check the fields and join them with the credentials. Raises `SettingsError`."""
    within = f"{key}." if key else ""
    if SLUG.fullmatch(fields.id) is None:
        raise SettingsError(source, f"{within}id", "a slug of 1 to 32 of a-z, 0-9 and -", shown(fields.id))
    if NAME.fullmatch(fields.name) is None:
        raise SettingsError(source, f"{within}name", "1 to 64 printable characters", shown(fields.name))
    if fields.type is not ConnectionType.EXCHANGE:
        raise SettingsError(
            source, f"{within}type", '"exchange" where counterparty is "ccxt"', fields.type.value
        )
    if fields.pts:
        raise SettingsError(
            source, f"{within}pts", 'false where counterparty is "ccxt", which trades Spot alone', "true"
        )
    base_url = fields.base_url
    if base_url:
        base_url = checked_base_url(base_url, f"{within}base_url", source, plain_http=fields.plain_http)
    fingerprint = hashlib.sha256(api_key.reveal().encode()).hexdigest()[:16]
    return CcxtSettings(
        connection=Connection(
            id=fields.id,
            name=fields.name,
            pts=False,
            counterparty=Counterparty.CCXT.value,
            taker_fee_bps=_fee_bps(fields.taker_fee_bps, f"{within}taker_fee_bps", source),
        ),
        type=fields.type,
        enabled=fields.enabled,
        account_id=f"{fields.exchange}-{fingerprint}",
        token=token,
        base_url=base_url,
        requests_per_second=fields.requests_per_second,
        settling_window_ms=fields.settling_window_ms,
        exchange=fields.exchange,
        accept_risk=fields.accept_risk,
        has_password=has_password,
    )
