"""The vocabulary of connections as people make them: what is asked for, what is kept, what is shown."""

import enum
from collections.abc import Mapping

import msgspec

from router.core.model import Connection
from router.ports import ConnectionView
from router.secrets import Reference, Referred, Secret
from router.settings import (
    AccountFields,
    CcxtFields,
    CoinbaseFields,
    ConnectionType,
    Counterparty,
    CustodyFields,
    TradingFields,
)

Fields = AccountFields


class Origin(enum.StrEnum):
    """Where a connection was made: the file is not written over HTTP."""

    SETTINGS = "settings"
    API = "api"


class Lifecycle(enum.StrEnum):
    """How far a connection is from its beginning to its end."""

    ACTIVE = "active"
    DRAINING = "draining"
    """It was removed: it is in no new competition, and its orders are followed to their end."""
    LOCKED = "locked"
    """It cannot be used: its credentials do not open, or a connection of the settings has its account."""


class Credentials(enum.StrEnum):
    """How a connection's credentials are kept."""

    SEALED = "sealed"
    REFERENCE = "reference"


class NewConnection(msgspec.Struct, frozen=True):
    """A connection to be made. `fields.id` empty: made from its name. It has a token, or a reference.

    Where a counterparty knows its client by several credentials, they are one token, `secrets.joined`.
    """

    fields: Fields
    token: Secret | None = None
    reference: Referred | None = None


class ConnectionChange(msgspec.Struct, frozen=True):
    """What of a connection is to be another: fields by name, and, one at most, another token or reference."""

    fields: Mapping[str, object]
    token: Secret | None = None
    reference: Referred | None = None


class AccountView(msgspec.Struct, frozen=True):
    """A connection as operators see it, whatever it is for. Never with its credentials.

    `made_at`, `changed_at`: nanoseconds since the epoch; None for those of the settings file.
    """

    view: ConnectionView
    origin: Origin
    lifecycle: Lifecycle
    credentials: Credentials
    fields: Fields
    made_at: int | None
    changed_at: int | None

    @property
    def connection(self) -> Connection:
        """Who it is."""
        return self.view.connection


class StoredDoc(msgspec.Struct, frozen=True):
    """What the store keeps of a connection, as JSON, beside its sealed token."""

    fields: Mapping[str, object]
    reference: Reference | None = None
    removing: bool = False
    references: Mapping[str, Reference] | None = None

    @property
    def referred(self) -> Referred | None:
        """Where its credentials are; None where they are sealed."""
        return self.reference if self.references is None else self.references


_DOC = msgspec.json.Decoder(StoredDoc)


def encode_doc(fields: Fields, reference: Referred | None, *, removing: bool = False) -> bytes:
    """A connection as the store keeps it."""
    one = reference if isinstance(reference, Reference) else None
    several = None if isinstance(reference, Reference) else reference
    return msgspec.json.encode(StoredDoc(msgspec.to_builtins(fields), one, removing, several))


def decode_doc(raw: bytes) -> tuple[Fields, StoredDoc]:
    """What the store kept. Raises `msgspec.ValidationError` for what is no connection of this version."""
    doc = _DOC.decode(raw)
    return convert_fields(doc.fields), doc


def convert_fields(table: Mapping[str, object]) -> Fields:
    """Fields from their names and values. Raises `msgspec.ValidationError`."""
    kind: type[Fields] = TradingFields
    if table.get("type") == ConnectionType.CUSTODY.value:
        kind = CustodyFields
    elif table.get("counterparty") == Counterparty.COINBASE_PRIME.value:
        kind = CoinbaseFields
    elif table.get("counterparty") == Counterparty.CCXT.value:
        kind = CcxtFields
    return msgspec.convert(table, kind)
