"""Connections with several credentials are kept, opened after a restart, and bound to where they go."""

from pathlib import Path

import msgspec
import pytest

from router.core.errors import InvalidRequestError
from router.ports import Clock
from router.secrets import Reference, Secret, joined, parted
from router.service.connecting.connections import Credentials, Lifecycle, NewConnection
from router.service.connecting.keeping import Keeper
from router.service.connecting.known import Known
from router.service.connecting.references import References
from router.settings import CcxtFields, CcxtSettings, Counterparty, VaultSettings, account_settings
from router.settings_error import SettingsError
from router.vault import Vault
from tests.fakes.connections import KEY, MemoryConnections, office
from tests.virtual_loop import LoopClock, in_virtual_time

FIELDS = CcxtFields(
    id="kraken", name="Kraken", counterparty=Counterparty.CCXT, exchange="kraken", taker_fee_bps="26"
)
KEYS = {"api_key": "kraken-key-7", "secret": "kraken-secret-7", "password": "kraken-word-7"}
TOKEN = joined({name: Secret(text) for name, text in KEYS.items()})
THERE = {"api_key": Reference(env="DESK_KEY"), "secret": Reference(env="DESK_SECRET")}
ENVIRON = {"DESK_KEY": KEYS["api_key"], "DESK_SECRET": KEYS["secret"], "HOME_SECRET": "another"}
ALLOWED = VaultSettings(variables_prefix="DESK_")


def keeper(store: MemoryConnections, environ: dict[str, str] | None = None) -> Keeper:
    clock: Clock = LoopClock()
    return Keeper(store, Vault(KEY), References(ALLOWED, {} if environ is None else environ), clock)


def opened(token: Secret | None, *names: str) -> list[str]:
    assert token is not None
    return [part.reveal() for part in parted(token, *names)]


@in_virtual_time
async def test_what_was_sealed_as_one_is_there_after_a_restart() -> None:
    store = MemoryConnections()
    async with office(store=store) as o:
        view = await o.connections.add(NewConnection(FIELDS, TOKEN))
        assert (view.credentials, view.lifecycle) == (Credentials.SEALED, Lifecycle.ACTIVE)
        [proved] = o.counterparty.proved
        assert isinstance(proved, CcxtSettings)
        assert (proved.exchange, proved.has_password) == ("kraken", True)
        assert opened(proved.token, *KEYS) == list(KEYS.values())
    [record] = await store.stored_connections()
    assert not any(text.encode() in record.doc + (record.credentials or b"") for text in KEYS.values())
    async with office(store=store) as o:
        [built] = o.counterparty.built
        assert built.connection.id == "kraken"


@in_virtual_time
async def test_an_exchange_of_another_name_is_another_place() -> None:
    store = MemoryConnections()
    record = await keeper(store).keep(FIELDS, token=TOKEN)
    moved = msgspec.structs.replace(
        record, doc=record.doc.replace(b'"exchange":"kraken"', b'"exchange":"okx"')
    )
    assert moved.doc != record.doc
    kept = await keeper(store).read(moved)
    assert kept is not None
    assert kept.token is None
    known = Known.made(kept)
    assert (known.account, known.wrong is not None) == (None, True)


@in_virtual_time
async def test_references_are_followed_one_by_one_and_again_at_each_start() -> None:
    store = MemoryConnections()
    async with office(store=store, environ=ENVIRON, allowed=ALLOWED) as o:
        view = await o.connections.add(NewConnection(FIELDS, None, THERE))
        assert view.credentials is Credentials.REFERENCE
    [record] = await store.stored_connections()
    assert record.credentials is None
    kept = await keeper(store, ENVIRON | {"DESK_SECRET": "rotated"}).read(record)
    assert kept is not None
    assert kept.reference == THERE
    assert opened(kept.token, "api_key", "secret") == [KEYS["api_key"], "rotated"]
    gone = await keeper(store).read(record)
    assert gone is not None
    assert (gone.token, "credentials" in (gone.wrong or "")) == (None, True)


@in_virtual_time
async def test_a_reference_that_is_not_allowed_is_named() -> None:
    async with office(environ=ENVIRON, allowed=ALLOWED) as o:
        there = THERE | {"secret": Reference(env="HOME_SECRET")}
        with pytest.raises(InvalidRequestError) as raised:
            await o.connections.add(NewConnection(FIELDS, None, there))
        assert [error.field for error in raised.value.errors] == ["credentials.secret.env"]


@in_virtual_time
async def test_what_only_the_adapter_knows_of_its_settings_is_an_error_of_the_request() -> None:
    async with office() as o:
        o.counterparty.refusal = SettingsError("connection kraken", "exchange", "one that ccxt has", "krakn")
        with pytest.raises(InvalidRequestError) as raised:
            await o.connections.add(NewConnection(FIELDS, TOKEN))
        assert [(e.field, e.expected) for e in raised.value.errors] == [("exchange", "one that ccxt has")]
        assert o.connections.views() == []


@in_virtual_time
async def test_one_that_cannot_be_made_here_is_locked_and_says_why() -> None:
    store = MemoryConnections()
    async with office(store=store) as there, office(store=store) as here:
        await there.connections.add(NewConnection(FIELDS, TOKEN))
        here.counterparty.unbuilt = SettingsError("connection kraken", "exchange", "one that ccxt has", "it")
        await here.connections.refresh()
        view = here.connections.view("kraken")
        assert view.lifecycle is Lifecycle.LOCKED
        assert "one that ccxt has" in (view.view.health.detail or "")


def test_what_is_kept_makes_the_same_settings_again(tmp_path: Path) -> None:
    before = account_settings(FIELDS, TOKEN, "", str(tmp_path))
    known = Known.configured(before)
    assert known.fields == FIELDS
    assert account_settings(known.fields, TOKEN, "", "store") == before
    assert known.account == ("spot", "", before.account_id if isinstance(before, CcxtSettings) else "")


def test_a_password_is_known_to_be_there_or_not() -> None:
    without = joined({name: Secret(KEYS[name]) for name in ("api_key", "secret")})
    found = account_settings(FIELDS, without, "", "request")
    assert isinstance(found, CcxtSettings)
    assert not found.has_password
    with pytest.raises(SettingsError, match="id: expected a slug"):
        account_settings(msgspec.structs.replace(FIELDS, id="A B"), TOKEN, "", "request")
