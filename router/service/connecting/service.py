"""Connections as people make them: tested, kept, and trading, without a restart.

A connection is tested at the counterparty before anything is kept of it, then written, then run: one that was
answered for is there after a restart. Removing one writes that it is being removed; it gets no new orders
from then on, those that it has are followed to their end, over restarts, and only then is it forgotten.
Connections of the settings file are shown beside these, and only the file changes them.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, nullcontext
from typing import Final

import msgspec

from router.core.errors import (
    AccountRefusedError,
    Code,
    ConflictError,
    ConnectionExistsError,
    FieldError,
    InvalidRequestError,
    NotFoundError,
    UnavailableError,
)
from router.observe.connecting import ConnectingObserver
from router.ports import StoreError, VenueUnreachableError
from router.ports.accounts import ConnectionTestError
from router.secrets import Secret
from router.service.connecting.accounts import LiveAccounts
from router.service.connecting.connections import (
    AccountView,
    ConnectionChange,
    Fields,
    NewConnection,
    convert_fields,
)
from router.service.connecting.keeping import Keeper, Kept
from router.service.connecting.known import NO_TOKEN, Known
from router.settings import AccountSettings, CustodyFields, account_key, account_settings
from router.settings_error import SettingsError

POLL_S: Final = 2.0
"""How often a router on a shared store looks for what others changed."""
ID_LENGTH_MAX: Final = 32
DRAINING: Final = "it is being removed"
MOVING: Final = "its address is being changed"
PROVED_ANEW: Final = frozenset({"base_url", "plain_http", "margin_dialect"})
"""Fields whose change says something about the counterparty: the connection is tested with them."""

Prove = Callable[[AccountSettings], Awaitable[None]]
"""Tests a connection. Raises `ConnectionTestError`, `VenueUnreachableError`."""


class Connections:
    """Makes, changes, tests, removes and shows connections."""

    def __init__(
        self,
        keeper: Keeper,
        live: LiveAccounts,
        prove: Prove,
        busy: Callable[[str], Awaitable[bool]],
        observer: ConnectingObserver,
    ) -> None:
        self._keeper = keeper
        self._live = live
        self._prove = prove
        self._busy = busy
        self._observer = observer
        self._known: dict[str, Known] = {}
        self._making: dict[str, AccountSettings] = {}

    # at start
    async def load(self, configured: Iterable[AccountSettings]) -> None:
        """Take up the connections of the settings and those that are kept. Raises `StoreError`."""
        for settings in configured:
            self._known[settings.connection.id] = Known.configured(settings)
            self._live.put(settings)
        for record in await self._keeper.records():
            if record.id in self._known:
                self._observer.passed_over(record.id, "the settings have a connection with its id")
                continue
            kept = await self._keeper.read(record)
            if kept is None:
                self._observer.passed_over(record.id, "its record is of another version of the router")
                continue
            self._attach(kept)

    async def follow_others(self) -> None:
        """On a shared store: take up what other routers change, until cancelled."""
        while True:
            await asyncio.sleep(POLL_S)
            try:
                await self.refresh()
            except StoreError as error:
                self._observer.store_failed("connections", error)

    async def refresh(self) -> None:
        """Take up what other routers on the store changed since the last time. Raises `StoreError`."""
        kept_before = {name: known for name, known in self._known.items() if known.record is not None}
        records = {record.id: record for record in await self._keeper.records()}
        for name, record in records.items():
            known = self._known.get(name)
            if name in self._making or (known is not None and not known.is_behind(record)):
                continue
            kept = await self._keeper.read(record)
            if kept is None:
                continue
            if known is None:
                self._attach(kept)
            else:
                async with known.lock:
                    if known.is_behind(kept.record):
                        await self._renew(known, kept)
        # Only what was kept before the records were read can be gone from them: another was made since.
        for name, known in kept_before.items():
            if name not in records and self._known.get(name) is known:
                async with known.lock:
                    self._drain(known)

    # what people do
    def views(self) -> Sequence[AccountView]:
        """Every connection as operators see it."""
        return [known.view(self._live.get(name)) for name, known in self._known.items()]

    def view(self, connection_id: str) -> AccountView:
        """One connection. Raises `NotFoundError`."""
        return self._find(connection_id).view(self._live.get(connection_id))

    async def add(self, wanted: NewConnection) -> AccountView:
        """Test a connection, keep it, and let it trade. Raises `RouterError`: then nothing was kept."""
        fields = wanted.fields
        if not fields.id:
            fields = msgspec.structs.replace(fields, id=self._free_id(fields))
        token = wanted.token
        if wanted.reference is not None:
            token = self._keeper.follow(wanted.reference)
        elif token is not None:
            self._keeper.check_vault()
        settings = checked(fields, NO_TOKEN if token is None else token)
        self._refuse_twice(settings, None)
        self._making[fields.id] = settings
        try:
            await self._test(settings)
            record = await self._keeper.keep(fields, token=wanted.token, reference=wanted.reference)
            kept = Kept(record, fields, wanted.reference, removing=False, token=token, wrong=None)
            known = self._attach(kept)
        finally:
            self._making.pop(fields.id, None)
        self._observer.added(*known.told)
        return known.view(self._live.get(fields.id))

    async def change(self, connection_id: str, change: ConnectionChange) -> AccountView:
        """Change a connection, tested first where that says something.

        Raises `RouterError`: then nothing was changed.
        """
        known = self._own(connection_id)
        async with known.lock:
            record = known.record
            if record is None or known.draining or self._known.get(connection_id) is not known:
                raise _being_removed()
            fields = changed_fields(known.fields, change)
            token = change.token
            if change.reference is not None:
                token = self._keeper.follow(change.reference)
            elif token is not None:
                self._keeper.check_vault()
            moves = fields.base_url != known.fields.base_url
            if moves:
                await self._check_move(connection_id, has_credentials=token is not None)
            used = known.token if token is None else token
            settings = checked(fields, NO_TOKEN if used is None else used)
            if used is not None:
                self._refuse_twice(settings, connection_id)
                if token is not None or known.must_be_proved(fields, PROVED_ANEW):
                    await self._test(settings)
            kept_reference = change.reference if change.token is None else None
            if token is None:
                kept_reference = known.reference
            async with self._vacated(connection_id) if moves else nullcontext():
                record = await self._keeper.keep(
                    fields, token=change.token, reference=kept_reference, before=record
                )
                await self._renew(
                    known, Kept(record, fields, kept_reference, removing=False, token=used, wrong=known.wrong)
                )
        self._observer.changed(*known.told, enabled=known.fields.enabled)
        return known.view(self._live.get(connection_id))

    async def remove(self, connection_id: str) -> AccountView:
        """Remove a connection, which drains; the same again is the same. Raises `RouterError`."""
        known = self._own(connection_id)
        async with known.lock:
            record = known.record
            if record is not None and not known.draining and self._known.get(connection_id) is known:
                known.record = await self._keeper.keep(
                    known.fields, reference=known.reference, before=record, removing=True
                )
                known.removing = True
                self._observer.removing(*known.told)
                self._drain(known)
        return known.view(self._live.get(connection_id))

    async def test(self, connection_id: str) -> AccountView:
        """Test a connection again; nothing is changed. Raises `RouterError`."""
        known = self._find(connection_id)
        if known.token is None:
            raise UnavailableError(Code.VAULT_UNAVAILABLE, f"the connection cannot be used: {known.wrong}")
        await self._test(known.settings)
        return known.view(self._live.get(connection_id))

    # inside
    def _find(self, connection_id: str) -> Known:
        known = self._known.get(connection_id)
        if known is None:
            raise NotFoundError("a connection with this id")
        return known

    def _own(self, connection_id: str) -> Known:
        known = self._find(connection_id)
        if known.record is None:
            raise ConflictError(
                Code.CONNECTION_IN_SETTINGS,
                "expected a connection that was made over HTTP, was one of the settings file",
            )
        return known

    def _free_id(self, fields: Fields) -> str:
        """A slug of the name that no connection has."""
        slug = re.sub(r"[^a-z0-9]+", "-", fields.name.lower()).strip("-")[:ID_LENGTH_MAX].strip("-")
        slug = slug or "connection"
        kind = "custody" if isinstance(fields, CustodyFields) else "pts" if fields.pts else "spot"
        taken = self._known.keys() | self._making.keys()
        endings = ["", f"-{kind}", *(f"-{number}" for number in range(2, len(taken) + 3))]
        names = (slug[: ID_LENGTH_MAX - len(ending)].rstrip("-") + ending for ending in endings)
        return next(name for name in names if name not in taken)

    def _refuse_twice(self, settings: AccountSettings, own_id: str | None) -> None:
        name, account = settings.connection.id, account_key(settings)
        there = {known_id: (known.settings, known.account) for known_id, known in self._known.items()}
        there |= {made: (each, account_key(each)) for made, each in self._making.items()}
        if own_id is None and name in there:
            raise _exists(there[name][0], "an id of its own", name)
        for other, (theirs, their_account) in there.items():
            if other != own_id and their_account == account:
                raise _exists(
                    theirs, "an account that no other connection of its kind has", f"that of {other}"
                )

    async def _check_move(self, connection_id: str, *, has_credentials: bool) -> None:
        if not has_credentials:
            # Else who may change a connection, and may not see its token, could have it sent to an address.
            wrong = FieldError(
                "credentials", "the token again where base_url is another: it goes there", None
            )
            raise InvalidRequestError(wrong)
        await self._refuse_busy(connection_id)

    @asynccontextmanager
    async def _vacated(self, connection_id: str) -> AsyncIterator[None]:
        """A connection that gets nothing new for the length of the block and, at its beginning, has nothing.

        It was looked at before its test; what came since is at the address of before. Raises as that does.
        """
        async with self._live.withheld(connection_id, MOVING):
            await self._refuse_busy(connection_id)
            yield

    async def _refuse_busy(self, connection_id: str) -> None:
        try:
            busy = await self._busy(connection_id)
        except StoreError as error:
            raise UnavailableError(Code.STORE_UNAVAILABLE, "the store cannot be read") from error
        if busy:
            # Looked up elsewhere they would not be found, and be called absent while they are live.
            raise ConflictError(
                Code.CONNECTION_BUSY, "expected no order that is not final where base_url is another, was one"
            )

    async def _test(self, settings: AccountSettings) -> None:
        name = settings.connection.id
        try:
            await self._prove(settings)
        except ConnectionTestError as error:
            self._observer.test_failed(name, error.code.value)
            raise AccountRefusedError(error.code, error.detail, error.venue_error) from error
        except SettingsError as error:
            # What only the adapter can know of its settings: such as an exchange that it has not.
            self._observer.test_failed(name, Code.INVALID_REQUEST.value)
            raise InvalidRequestError(FieldError(error.key, error.expected, error.was)) from error
        except VenueUnreachableError as error:
            self._observer.test_failed(name, Code.VENUE_UNAVAILABLE.value)
            raise UnavailableError(Code.VENUE_UNAVAILABLE, error.detail) from error
        self._observer.proved(name)

    def _attach(self, kept: Kept) -> Known:
        known = Known.made(kept)
        if known.wrong is None:
            rival = next((k for k, other in self._known.items() if other.account == known.account), None)
            if rival is not None:
                known.lock_out(f"the connection {rival} has its account")
        self._known[kept.record.id] = known
        if known.token is not None:
            self._put(known, DRAINING if kept.removing else None)
        if known.wrong is not None:
            self._observer.locked(*known.told, known.wrong)
        elif not known.fields.enabled and not kept.removing:
            self._live.take_up(kept.record.id)
        if kept.removing:
            self._drain(known)
        return known

    def _put(self, known: Known, withdrawn: str | None) -> None:
        try:
            self._live.put(known.settings, withdrawn)
        except SettingsError as error:
            # Such as an exchange that the library on this machine has not: the others trade all the same.
            known.lock_out(str(error))

    async def _renew(self, known: Known, kept: Kept) -> None:
        known.renew(kept)
        name = kept.record.id
        if kept.removing:
            self._drain(known)
        elif known.token is None:
            self._observer.locked(*known.told, known.wrong)
        elif self._live.get(name) is None:
            self._live.put(known.settings)
        else:
            await self._live.replace(known.settings)

    def _drain(self, known: Known) -> None:
        """Let a connection end: at once where nothing can be open on it, else when nothing is."""
        name = known.fields.id
        if known.draining:
            return
        known.draining = True
        if self._live.get(name) is not None:
            self._live.withdraw(name, DRAINING)
        self._live.spawn(self._drained(known))

    async def _drained(self, known: Known) -> None:
        name = known.fields.id
        if not isinstance(known.fields, CustodyFields):
            await self._live.quiet(name)
        while True:
            try:
                if known.record is not None:
                    await self._keeper.forget(known.record)
                break
            except StoreError as error:
                self._observer.store_failed("connections", error)
                await asyncio.sleep(POLL_S)
        await self._live.end(name)
        if self._known.get(name) is known:
            del self._known[name]
        self._observer.removed(*known.told)


def checked(fields: Fields, token: Secret) -> AccountSettings:
    """Settings from fields. Raises `InvalidRequestError`."""
    try:
        return account_settings(fields, token, "", "request")
    except SettingsError as error:
        raise InvalidRequestError(FieldError(error.key, error.expected, error.was)) from error


def changed_fields(fields: Fields, change: ConnectionChange) -> Fields:
    """The fields as they are to be. The change's own have been looked at: what it names can be changed."""
    return convert_fields(msgspec.to_builtins(fields) | dict(change.fields))


def _exists(settings: AccountSettings, expected: str, was: str) -> ConnectionExistsError:
    there = settings.connection
    return ConnectionExistsError(f"expected {expected}, was {was}", there.id, there.name, pts=there.pts)


def _being_removed() -> ConflictError:
    return ConflictError(Code.CONNECTION_BUSY, "expected a connection that stays, was one being removed")
