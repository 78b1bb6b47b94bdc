"""Connections as the fakes show them."""

import msgspec

from router.core.model import Connection
from router.core.money import ZERO, format_amount
from router.ports import ConnectionView
from router.service.connecting.connections import Fields
from router.settings import ConnectionType, Counterparty, CustodyFields, TradingFields
from tests.http import samples
from tests.unit.build import D

ACCOUNT = "60e740e7898f7d00064d43769a73dc48"
NEW = {
    "name": "BitGo Margin",
    "counterparty": "bitgo_prime",
    "pts": True,
    "account_id": ACCOUNT,
    "taker_fee_bps": "2.5",
    "credentials": {"token": "v2x-the-token-itself"},
}
CUSTODY = {
    "name": "BitGo Custody",
    "type": "custody",
    "counterparty": "bitgo",
    "credentials": {"token": "v2x-the-token-itself"},
}


def fields_of(view: ConnectionView) -> Fields:
    """The fields that a connection of the samples would have."""
    connection = view.connection
    return TradingFields(
        id=connection.id,
        name=connection.name,
        counterparty=Counterparty.BITGO_PRIME,
        pts=connection.pts,
        account_id=ACCOUNT,
        taker_fee_bps=format_amount(connection.taker_fee_bps),
    )


def view_of(fields: Fields) -> ConnectionView:
    """How a connection with these fields is shown when it is new."""
    in_custody = isinstance(fields, CustodyFields)
    connection = Connection(
        id=fields.id or "made-of-its-name",
        name=fields.name,
        pts=not in_custody and fields.pts,
        counterparty=fields.counterparty.value,
        taker_fee_bps=ZERO if isinstance(fields, CustodyFields) else D(fields.taker_fee_bps),
    )
    kind = ConnectionType.CUSTODY if in_custody else ConnectionType.EXCHANGE
    return msgspec.structs.replace(samples.view(connection), type=kind.value, enabled=fields.enabled)
