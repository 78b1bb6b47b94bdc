"""How connections that people made are kept: a record in the store, its token sealed or a reference."""

from collections.abc import Sequence

import msgspec

from router.core.errors import Code, ConflictError, FieldError, InvalidRequestError, UnavailableError
from router.ports import Clock, StoreError
from router.ports.records import ChangedMeanwhileError, ConnectionStore, StoredConnection
from router.secrets import Reference, Referred, Secret, joined
from router.service.connecting.connections import Fields, StoredDoc, decode_doc, encode_doc
from router.service.connecting.references import References
from router.settings import CcxtFields, account_settings
from router.settings_error import SettingsError
from router.vault import Place, SealedError, Vault, VaultError


class Kept(msgspec.Struct, frozen=True):
    """A record that was read. `token` None: `wrong` says why it cannot be had."""

    record: StoredConnection
    fields: Fields
    reference: Referred | None
    removing: bool
    token: Secret | None
    wrong: str | None


def place_of(connection_id: str, fields: Fields) -> Place:
    """Where credentials go to: sealed for that, they open for nothing else.

    An exchange through ccxt is at its own address unless another is named, so its name is part of the place.
    """
    if isinstance(fields, CcxtFields):
        return Place(connection_id, f"{fields.exchange} {fields.base_url}")
    return Place(connection_id, fields.base_url)


class Keeper:
    """Reads and writes connections. What goes wrong with a write is a `RouterError`."""

    def __init__(self, store: ConnectionStore, vault: Vault, references: References, clock: Clock) -> None:
        self._store = store
        self._vault = vault
        self._references = references
        self._clock = clock

    async def records(self) -> Sequence[StoredConnection]:
        """All records, oldest first. Raises `StoreError`."""
        return await self._store.stored_connections()

    async def read(self, record: StoredConnection) -> Kept | None:
        """Open a record; None where it is no connection that this version knows.

        What an older key sealed is sealed anew. Raises `StoreError`.
        """
        try:
            fields, doc = decode_doc(record.doc)
            # A rule between fields may be another version's too.
            account_settings(fields, Secret(""), "", record.id)
        except (msgspec.DecodeError, SettingsError):
            return None
        if doc.referred is not None:
            return self._read_referenced(record, fields, doc, doc.referred)
        place = place_of(record.id, fields)
        try:
            opened = self._vault.open(record.credentials or b"", place)
        except SealedError as error:
            return Kept(record, fields, None, doc.removing, None, str(error))
        if opened.stale:
            record = await self._seal_anew(record, opened.secret, place)
        return Kept(record, fields, None, doc.removing, opened.secret, None)

    def _read_referenced(
        self, record: StoredConnection, fields: Fields, doc: StoredDoc, reference: Referred
    ) -> Kept:
        try:
            token = self._follow(reference)
        except SettingsError as error:
            return Kept(record, fields, reference, doc.removing, None, str(error))
        return Kept(record, fields, reference, doc.removing, token, None)

    async def _seal_anew(self, record: StoredConnection, token: Secret, place: Place) -> StoredConnection:
        try:
            sealed = self._vault.seal(token, place)
            anew = msgspec.structs.replace(
                record, version=record.version + 1, credentials=sealed, updated_at=self._clock.now()
            )
            await self._store.keep_connection(anew)
        except (VaultError, ChangedMeanwhileError):
            # Another router on the store did it, or will: what was opened is good all the same.
            return record
        return anew

    def _follow(self, reference: Referred) -> Secret:
        """What a reference names; of several, all together as one. Raises `SettingsError`."""
        if isinstance(reference, Reference):
            return self._references.follow(reference, "credentials")
        return joined(
            {name: self._references.follow(part, f"credentials.{name}") for name, part in reference.items()}
        )

    def follow(self, reference: Referred) -> Secret:
        """The credentials that a caller's reference names. Raises `InvalidRequestError`."""
        try:
            return self._follow(reference)
        except SettingsError as error:
            raise InvalidRequestError(FieldError(error.key, error.expected, error.was)) from error

    def check_vault(self) -> None:
        """Raise `UnavailableError` (`vault_unavailable`) where a token could not be sealed."""
        if (problem := self._vault.problem) is not None:
            raise UnavailableError(Code.VAULT_UNAVAILABLE, f"the token cannot be kept: {problem}")

    async def keep(
        self,
        fields: Fields,
        *,
        token: Secret | None = None,
        reference: Referred | None = None,
        before: StoredConnection | None = None,
        removing: bool = False,
    ) -> StoredConnection:
        """Write a new record, or the next version of one; the record as it was written.

        `token`: a new one, to be sealed. Without it and without a reference, what was sealed stays. Raises
        `UnavailableError`, and `ConflictError` where another router changed it meanwhile.
        """
        now = self._clock.now()
        sealed = None if before is None or reference is not None else before.credentials
        try:
            if token is not None:
                sealed = self._vault.seal(token, place_of(fields.id, fields))
            record = StoredConnection(
                id=fields.id,
                version=1 if before is None else before.version + 1,
                doc=encode_doc(fields, reference, removing=removing),
                credentials=sealed,
                created_at=now if before is None else before.created_at,
                updated_at=now,
            )
            await self._store.keep_connection(record)
        except VaultError as error:
            raise UnavailableError(Code.VAULT_UNAVAILABLE, f"the token cannot be kept: {error}") from error
        except StoreError as error:
            raise UnavailableError(Code.STORE_UNAVAILABLE, "the store cannot be written to") from error
        except ChangedMeanwhileError as error:
            raise ConflictError(
                Code.CONNECTION_BUSY,
                "expected the connection as it was read, was changed meanwhile",
                retryable=True,
            ) from error
        return record

    async def forget(self, record: StoredConnection) -> None:
        """Remove a record; one that is gone, or another's, is no error. Raises `StoreError`."""
        try:
            await self._store.forget_connection(record.id, record.version)
        except ChangedMeanwhileError:
            return
