"""Connections are made, changed and removed while the router runs, and are there after a restart."""

import asyncio

import msgspec
import pytest

from router.core.errors import (
    AccountRefusedError,
    Code,
    ConflictError,
    ConnectionExistsError,
    InvalidRequestError,
    NotFoundError,
    RouterError,
    UnavailableError,
    VenueError,
)
from router.core.model import OrderStatus, Reason
from router.ports import ConnectionState, VenueUnreachableError
from router.ports.accounts import ConnectionTestError
from router.secrets import Secret
from router.service.connecting.connections import (
    ConnectionChange,
    Credentials,
    Fields,
    Lifecycle,
    NewConnection,
    Origin,
)
from router.settings import (
    AccountSettings,
    ConnectionType,
    Counterparty,
    CustodyFields,
    TradingFields,
    account_settings,
)
from router.vault import Vault
from tests.fakes.connections import MemoryConnections, Office, office
from tests.unit.build import request
from tests.virtual_loop import in_virtual_time, pass_time

TOKEN, OTHER = "v2x-the-token", "v2x-another-token"


def spot(name: str = "BitGo", **changed: object) -> TradingFields:
    fields = TradingFields(
        id="",
        name=name,
        counterparty=Counterparty.BITGO_PRIME,
        account_id="5" * 32,
        taker_fee_bps="0",
    )
    return msgspec.structs.replace(fields, **changed)


def pts(**changed: object) -> TradingFields:
    return spot(**{"account_id": "7" * 32, "pts": True, **changed})


def custody(**changed: object) -> CustodyFields:
    fields = CustodyFields(id="", name="BitGo", counterparty=Counterparty.BITGO, type=ConnectionType.CUSTODY)
    return msgspec.structs.replace(fields, **changed)


def new(fields: Fields, token: str = TOKEN) -> NewConnection:
    return NewConnection(fields, Secret(token))


def change(token: str | None = None, **fields: object) -> ConnectionChange:
    return ConnectionChange(fields, None if token is None else Secret(token))


def configured(fields: Fields) -> AccountSettings:
    return account_settings(fields, Secret(TOKEN), "", "router.toml")


def lifecycles(o: Office) -> dict[str, Lifecycle]:
    return {view.connection.id: view.lifecycle for view in o.connections.views()}


# Making


@in_virtual_time
async def test_a_new_connection_is_proved_then_kept_then_trades() -> None:
    async with office() as o:
        view = await o.connections.add(new(spot()))
        await pass_time(0.1)
        submission = await o.desk.submit(request())

        assert (view.connection.id, view.origin) == ("bitgo", Origin.API)
        assert (view.lifecycle, view.credentials) == (Lifecycle.ACTIVE, Credentials.SEALED)
        assert [proved.token.reveal() for proved in o.counterparty.proved] == [TOKEN]
        assert list(o.store.records) == ["bitgo"]
        assert o.counterparty.running == ["bitgo"]
        assert submission.order.status is OrderStatus.FILLED
        entry = o.accounts.entry("bitgo")
        assert entry is not None
        assert (entry.trading is not None, entry.custody) == (True, None)


@in_virtual_time
async def test_spot_pts_and_custody_of_one_name_are_three_connections() -> None:
    async with office() as o:
        views = [await o.connections.add(new(fields)) for fields in (spot(), pts(), custody())]
        await pass_time(0.1)
        submission = await o.desk.submit(request())

        assert [view.connection.id for view in views] == ["bitgo", "bitgo-pts", "bitgo-custody"]
        assert [entry.connection.id for entry in o.accounts.entries()] == list(lifecycles(o))
        assert submission.competition is not None
        names = {entry.connection.id for entry in submission.competition.entries}
        assert names == {"bitgo", "bitgo-pts"}
        assert [view.connection.id for view in o.desk.connections()] == ["bitgo", "bitgo-pts"]


@in_virtual_time
async def test_an_id_is_made_of_the_name() -> None:
    async with office() as o:
        names = ["BitGo  Treasury (EU)", "ÜÖ", "x" * 64, "ÜÖ"]
        ids = [
            (await o.connections.add(new(spot(name, account_id=f"{n}" * 32)))).connection.id
            for n, name in enumerate(names)
        ]

        assert ids == ["bitgo-treasury-eu", "connection", "x" * 32, "connection-spot"]


@pytest.mark.parametrize(
    ("refusal", "kind", "code"),
    [
        (
            ConnectionTestError(Code.SCOPE_MISSING, "expected trade_view", VenueError("Error")),
            AccountRefusedError,
            Code.SCOPE_MISSING,
        ),
        (VenueUnreachableError("no answer"), UnavailableError, Code.VENUE_UNAVAILABLE),
    ],
)
def test_of_a_connection_that_fails_its_test_nothing_is_kept(
    refusal: Exception, kind: type[RouterError], code: Code
) -> None:
    @in_virtual_time
    async def scenario() -> None:
        async with office() as o:
            o.counterparty.refusal = refusal
            with pytest.raises(kind) as raised:
                await o.connections.add(new(spot()))

            assert raised.value.code is code
            assert (o.store.records, o.counterparty.built, lifecycles(o)) == ({}, [], {})
            o.counterparty.refusal = None
            assert (await o.connections.add(new(spot()))).connection.id == "bitgo"

    scenario()


@in_virtual_time
async def test_of_a_connection_that_cannot_be_kept_nothing_runs() -> None:
    async with office() as o:
        o.store.failing = True
        with pytest.raises(UnavailableError) as raised:
            await o.connections.add(new(spot()))
        o.store.failing = False

        assert raised.value.code is Code.STORE_UNAVAILABLE
        assert (o.counterparty.built, lifecycles(o)) == ([], {})


@in_virtual_time
async def test_without_a_key_a_token_is_not_even_tried() -> None:
    async with office(vault=Vault(None)) as o:
        with pytest.raises(UnavailableError) as raised:
            await o.connections.add(new(spot()))

        assert raised.value.code is Code.VAULT_UNAVAILABLE
        assert o.counterparty.proved == []


@in_virtual_time
async def test_the_same_account_and_type_or_the_same_id_twice_is_refused() -> None:
    async with office(configured(spot(id="main", name="Main"))) as o:
        for fields in (spot("Another"), spot(id="main", account_id="6" * 32)):
            with pytest.raises(ConnectionExistsError) as raised:
                await o.connections.add(new(fields))
            assert (raised.value.connection_id, raised.value.name) == ("main", "Main")
        assert o.counterparty.proved == []
        await o.connections.add(new(pts(account_id="5" * 32)))
        await o.connections.add(new(custody()))
        with pytest.raises(ConnectionExistsError):
            await o.connections.add(new(custody(name="Again")))
        await o.connections.add(new(custody(name="Another client"), OTHER))


@in_virtual_time
async def test_of_two_that_are_made_at_once_one_is_refused() -> None:
    async with office() as o:
        o.counterparty.slow = asyncio.get_running_loop().create_future()
        first = asyncio.get_running_loop().create_task(o.connections.add(new(spot())))
        await pass_time(0.1)
        with pytest.raises(ConnectionExistsError):
            await o.connections.add(new(spot("Another")))
        o.counterparty.slow.set_result(None)

        assert (await first).connection.id == "bitgo"
        assert len(o.counterparty.proved) == 1


# A restart


@in_virtual_time
async def test_what_was_made_is_there_after_a_restart() -> None:
    store = MemoryConnections()
    async with office(store=store) as o:
        for fields in (spot(), pts(), custody(decimals={"xyz": 3})):
            await o.connections.add(new(fields))
        before = [view.fields for view in o.connections.views()]
    async with office(configured(spot(id="own", account_id="1" * 32)), store=store) as o:
        assert list(lifecycles(o)) == ["own", "bitgo", "bitgo-pts", "bitgo-custody"]
        assert [view.fields for view in o.connections.views()][1:] == before
        assert {venue.settings.token.reveal() for venue in o.counterparty.built} == {TOKEN}
        assert o.counterparty.proved == []
        assert sorted(o.counterparty.running) == ["bitgo", "bitgo-custody", "bitgo-pts", "own"]


@in_virtual_time
async def test_what_an_older_key_sealed_is_sealed_anew_at_the_start() -> None:
    from tests.fakes.connections import KEY
    from tests.unit.test_vault import NEW

    store = MemoryConnections()
    async with office(store=store) as o:
        await o.connections.add(new(spot()))
    async with office(store=store, vault=Vault(NEW, [KEY])):
        assert store.records["bitgo"].version == 2
    async with office(store=store, vault=Vault(NEW)) as o:
        assert lifecycles(o) == {"bitgo": Lifecycle.ACTIVE}
    async with office(store=store) as o:
        assert lifecycles(o) == {"bitgo": Lifecycle.LOCKED}


@in_virtual_time
async def test_what_does_not_open_is_locked_until_it_gets_another_token() -> None:
    store = MemoryConnections()
    async with office(store=store) as o:
        await o.connections.add(new(spot()))
        await o.connections.add(new(pts()))
    stolen = msgspec.structs.replace(
        store.records["bitgo"], credentials=store.records["bitgo-pts"].credentials
    )
    store.records["bitgo"] = stolen
    async with office(store=store) as o:
        await pass_time(0.1)
        assert lifecycles(o) == {"bitgo": Lifecycle.LOCKED, "bitgo-pts": Lifecycle.ACTIVE}
        view = o.connections.view("bitgo").view
        assert view.health.state is ConnectionState.STOPPED
        assert view.health.detail == "expected what was sealed for this connection and address, was not"
        assert o.accounts.entry("bitgo") is None
        with pytest.raises(UnavailableError):
            await o.connections.test("bitgo")
        (logged,) = o.seen.lines("connection_locked")
        assert logged["connection"] == "bitgo"

        mended = await o.connections.change("bitgo", change(OTHER))
        await pass_time(0.1)

        assert mended.lifecycle is Lifecycle.ACTIVE
        assert o.counterparty.built[-1].settings.token.reveal() == OTHER
        assert sorted(o.counterparty.running) == ["bitgo", "bitgo-pts"]


@in_virtual_time
async def test_what_the_settings_have_by_now_is_locked_or_passed_over() -> None:
    store = MemoryConnections()
    async with office(store=store) as o:
        await o.connections.add(new(spot()))
        await o.connections.add(new(pts(id="margin")))
    own = (configured(spot(id="own")), configured(pts(id="margin", account_id="3" * 32)))
    async with office(*own, store=store) as o:
        assert lifecycles(o) == {
            "own": Lifecycle.ACTIVE,
            "margin": Lifecycle.ACTIVE,
            "bitgo": Lifecycle.LOCKED,
        }
        assert o.connections.view("margin").origin is Origin.SETTINGS
        assert o.connections.view("bitgo").view.health.detail == "the connection own has its account"
        assert sorted(o.counterparty.running) == ["margin", "own"]


# Changing


@in_virtual_time
async def test_every_adapter_is_given_back_also_one_that_never_ran_and_one_in_custody() -> None:
    async with office() as o:
        await o.connections.add(new(spot(enabled=False)))
        await o.connections.change("bitgo", change(name="Treasury"))
        assert o.counterparty.retired == o.counterparty.built[:1]
        await o.connections.add(new(custody()))
        await o.connections.remove("bitgo-custody")
        await pass_time(10)
        assert o.counterparty.retired == [o.counterparty.built[0], *o.counterparty.custody]


@in_virtual_time
async def test_a_change_is_kept_and_takes_the_place_of_what_was() -> None:
    async with office() as o:
        await o.connections.add(new(spot()))
        await pass_time(0.1)
        view = await o.connections.change("bitgo", change(name="Treasury", taker_fee_bps="5"))
        submission = await o.desk.submit(request())
        await pass_time(5)

        assert (view.connection.name, view.connection.taker_fee_bps) == ("Treasury", 5)
        assert submission.order.attempt is not None
        assert submission.order.attempt.connection.name == "Treasury"
        assert len(o.counterparty.proved) == 1
        assert [venue.runs for venue in o.counterparty.built] == [0, 1]
        assert o.counterparty.retired == [o.counterparty.built[0]]
        assert o.store.records["bitgo"].version == 2


@in_virtual_time
async def test_another_token_is_proved_and_one_that_fails_changes_nothing() -> None:
    async with office() as o:
        await o.connections.add(new(spot()))
        o.counterparty.refusal = ConnectionTestError(Code.CREDENTIALS_REFUSED, "expected another")
        with pytest.raises(AccountRefusedError):
            await o.connections.change("bitgo", change(OTHER, name="Other"))
        o.counterparty.refusal = None

        assert o.connections.view("bitgo").connection.name == "BitGo"
        assert o.store.records["bitgo"].version == 1
        assert len(o.counterparty.built) == 1
        await o.connections.change("bitgo", change(OTHER))
        assert [each.token.reveal() for each in o.counterparty.proved] == [TOKEN, OTHER, OTHER]
        assert o.counterparty.built[-1].settings.token.reveal() == OTHER


@in_virtual_time
async def test_another_address_needs_the_token_again_and_no_order_there() -> None:
    async with office() as o:
        await o.connections.add(new(spot()))
        elsewhere = "https://x.example"
        with pytest.raises(InvalidRequestError) as raised:
            await o.connections.change("bitgo", change(base_url=elsewhere))
        assert raised.value.errors[0].field == "credentials"
        o.open.add("bitgo")
        with pytest.raises(ConflictError) as busy:
            await o.connections.change("bitgo", change(TOKEN, base_url=elsewhere))
        assert busy.value.code is Code.CONNECTION_BUSY
        o.open.clear()
        await o.connections.change("bitgo", change(TOKEN, base_url=elsewhere))

        assert o.counterparty.proved[-1].base_url == elsewhere
        assert o.counterparty.built[-1].settings.base_url == elsewhere


@in_virtual_time
async def test_a_change_that_another_router_overtook_is_refused() -> None:
    async with office() as o:
        await o.connections.add(new(spot()))
        record = o.store.records["bitgo"]
        o.store.records["bitgo"] = msgspec.structs.replace(record, version=2)
        with pytest.raises(ConflictError) as raised:
            await o.connections.change("bitgo", change(name="Other"))

        assert (raised.value.code, raised.value.retryable) == (Code.CONNECTION_BUSY, True)
        assert o.connections.view("bitgo").connection.name == "BitGo"


@in_virtual_time
async def test_a_disabled_connection_ends_its_orders_first() -> None:
    async with office() as o:
        await o.connections.add(new(spot()))
        await pass_time(0.1)
        o.open.add("bitgo")
        await o.connections.change("bitgo", change(enabled=False))
        submission = await o.desk.submit(request())
        await pass_time(30)

        assert submission.competition is not None
        assert [entry.reason for entry in submission.competition.entries] == [Reason.DISABLED]
        assert o.counterparty.running == ["bitgo"]
        o.open.clear()
        await pass_time(10)
        assert o.counterparty.running == []
        await o.connections.change("bitgo", change(enabled=True))
        assert len(o.counterparty.proved) == 2
        await pass_time(0.1)
        again = await o.desk.submit(request(client_order_id="again"))
        assert again.order.status is OrderStatus.FILLED


@in_virtual_time
async def test_a_disabled_connection_with_orders_of_before_a_restart_ends_them() -> None:
    store = MemoryConnections()
    async with office(store=store) as o:
        await o.connections.add(new(spot(enabled=False)))
        assert o.counterparty.running == []
    async with office(store=store, still_open=["bitgo"]) as o:
        await pass_time(1)
        assert o.counterparty.running == ["bitgo"]
        assert o.venues["bitgo"].enabled is False
        o.open.clear()
        await pass_time(10)
        assert o.counterparty.running == []
        assert lifecycles(o) == {"bitgo": Lifecycle.ACTIVE}


# Removing


@in_virtual_time
async def test_one_that_is_removed_drains_and_then_is_gone() -> None:
    async with office() as o:
        await o.connections.add(new(spot()))
        await pass_time(0.1)
        rfq = await o.desk.request_quote(request(client_order_id=""))
        o.open.add("bitgo")
        first = await o.connections.remove("bitgo")
        second = await o.connections.remove("bitgo")
        meanwhile = await o.desk.submit(request())
        accepted = await o.desk.accept(rfq.id, "accepted-late", None, None)
        readiness = await o.desk.readiness()
        await pass_time(60)

        for view in (first, second):
            assert (view.lifecycle, view.view.health.state) == (Lifecycle.DRAINING, ConnectionState.STOPPED)
        assert meanwhile.competition is not None
        assert [entry.reason for entry in meanwhile.competition.entries] == [Reason.DISABLED]
        assert accepted.order.status is OrderStatus.REJECTED
        assert readiness["connections"] == "no connection can trade"
        assert o.counterparty.built[0].submitted == []
        assert (o.counterparty.running, list(o.store.records)) == (["bitgo"], ["bitgo"])
        with pytest.raises(ConflictError) as raised:
            await o.connections.change("bitgo", change(name="Other"))
        assert raised.value.code is Code.CONNECTION_BUSY
        with pytest.raises(ConnectionExistsError):
            await o.connections.add(new(spot("Again")))

        o.open.clear()
        await pass_time(10)
        assert (o.counterparty.running, o.store.records, lifecycles(o)) == ([], {}, {})
        assert (o.accounts.entries(), o.venues.get("bitgo")) == ((), None)
        with pytest.raises(NotFoundError):
            await o.connections.remove("bitgo")
        assert (await o.connections.add(new(spot()))).connection.id == "bitgo"


@in_virtual_time
async def test_a_restart_in_the_middle_of_a_removal_goes_on_with_it() -> None:
    store = MemoryConnections()
    async with office(store=store) as o:
        await o.connections.add(new(spot()))
        o.open.add("bitgo")
        await o.connections.remove("bitgo")
    async with office(store=store, still_open=["bitgo"]) as o:
        await pass_time(5)
        assert (lifecycles(o), o.counterparty.running) == ({"bitgo": Lifecycle.DRAINING}, ["bitgo"])
        o.open.clear()
        await pass_time(10)
        assert (lifecycles(o), store.records) == ({}, {})


@in_virtual_time
async def test_one_that_was_disabled_is_run_to_its_end_too() -> None:
    store = MemoryConnections()
    async with office(store=store) as o:
        await o.connections.add(new(spot()))
        o.open.add("bitgo")
        await o.connections.change("bitgo", change(enabled=False))
        await o.connections.remove("bitgo")
    async with office(store=store, still_open=["bitgo"]) as o:
        await pass_time(5)
        assert (lifecycles(o), o.counterparty.running) == ({"bitgo": Lifecycle.DRAINING}, ["bitgo"])


@in_virtual_time
async def test_a_store_that_fails_delays_the_end_and_does_not_lose_it() -> None:
    async with office() as o:
        await o.connections.add(new(custody()))
        await o.connections.remove("bitgo")
        o.store.failing = True
        await pass_time(5)
        assert lifecycles(o) == {"bitgo": Lifecycle.DRAINING}
        o.store.failing = False
        await pass_time(5)
        assert (lifecycles(o), o.store.records, o.counterparty.running) == ({}, {}, [])


@in_virtual_time
async def test_the_settings_own_are_neither_changed_nor_removed_but_tested() -> None:
    async with office(configured(spot(id="own"))) as o:
        for attempt in (o.connections.change("own", change(name="x")), o.connections.remove("own")):
            with pytest.raises(ConflictError) as raised:
                await attempt
            assert raised.value.code is Code.CONNECTION_IN_SETTINGS
        await o.connections.test("own")

        assert [proved.connection.id for proved in o.counterparty.proved] == ["own"]
        assert o.store.records == {}


# Other routers on the store


@in_virtual_time
async def test_what_another_router_changes_is_taken_up() -> None:
    store = MemoryConnections()
    async with office(store=store) as ours, office(store=store) as theirs:
        await theirs.connections.add(new(spot()))
        await ours.connections.refresh()
        await pass_time(0.1)
        assert (lifecycles(ours), ours.counterparty.running) == ({"bitgo": Lifecycle.ACTIVE}, ["bitgo"])

        await theirs.connections.change("bitgo", change(name="Treasury"))
        await ours.connections.refresh()
        assert ours.connections.view("bitgo").connection.name == "Treasury"
        assert ours.counterparty.proved == []
        built = len(ours.counterparty.built)
        await ours.connections.refresh()
        assert len(ours.counterparty.built) == built

        ours.open.add("bitgo")
        theirs.open.add("bitgo")
        await theirs.connections.remove("bitgo")
        await ours.connections.refresh()
        assert lifecycles(ours) == {"bitgo": Lifecycle.DRAINING}
        theirs.open.clear()
        await pass_time(10)
        assert (lifecycles(theirs), store.records) == ({}, {})
        await ours.connections.refresh()
        assert lifecycles(ours) == {"bitgo": Lifecycle.DRAINING}
        ours.open.clear()
        await pass_time(10)
        assert (lifecycles(ours), ours.counterparty.running) == ({}, [])


@in_virtual_time
async def test_no_log_holds_a_token() -> None:
    async with office() as o:
        await o.connections.add(new(spot()))
        await o.connections.change("bitgo", change(OTHER, name="Other"))
        await o.connections.remove("bitgo")
        await pass_time(10)

        events = [line["event"] for line in o.seen.lines()]
        assert [event for event in events if event.startswith("connection_")] == [
            "connection_proved",
            "connection_added",
            "connection_proved",
            "connection_changed",
            "connection_removing",
            "connection_removed",
        ]
        assert TOKEN not in o.seen.text
        assert OTHER not in o.seen.text
