"""The composition root: the only module of `router` that knows `venues`. It wires, starts and stops."""

import asyncio
import contextlib
import gc
import os
import signal
import sys
from collections.abc import AsyncIterator
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import NoReturn

import msgspec
import uvloop
from aiohttp import web

from router.core.groups import RoutingGroups
from router.core.ledger import Ledger
from router.http.app import make_app
from router.http.context import Failure, Streaming
from router.http.server import ListenError, serving
from router.journal import open_journal
from router.journal.location import sqlite_path
from router.observe.connecting import ConnectingObserver
from router.observe.events import EventBus
from router.observe.lag import watch_lag
from router.observe.logs import JsonLog
from router.observe.metrics import Metrics
from router.observe.moving import MoveObserver
from router.observe.observer import Observer
from router.observe.sink import Descriptor
from router.open_files import allow_many
from router.ports import Clock, StoreBrokenError, StoreError
from router.ports.records import Store
from router.reports.service import Reports
from router.service.clock import SystemClock
from router.service.connecting.accounts import LiveAccounts, Pace
from router.service.connecting.keeping import Keeper
from router.service.connecting.openings import has_open
from router.service.connecting.references import References
from router.service.connecting.roster import Accounts
from router.service.connecting.service import POLL_S, Connections
from router.service.desk import Desk
from router.service.ids import IdSource
from router.service.moving.service import Moving, MovingRules
from router.service.rules import DeskRules
from router.service.venues import Venues
from router.settings import LogLevel, Settings, load
from router.settings_error import SettingsError
from router.vault import Vault
from venues.proving import prove
from venues.registry import Registry
from venues.transport.timing import Timing

EXIT_SETTINGS = 2
EXIT_STORE = 3
EXIT_NOT_DRAINED = 4
EXIT_STORE_BROKEN = 5
LOG_FLUSH_S = 1.0
"""How long an ended router waits for who reads its log, before it gives up the lines that are left."""
IDS_DRAWN = 64
"""For how many ids random bytes are drawn at once: a draw costs twice what an id does."""
CLOSING_SHARE = 0.1
"""Of the time for a stop: what callers' connections have to close, and then the counterparties'."""
MS = 1_000_000
SHARED_GRACE_S = 3 * POLL_S
"""How long a removed connection is kept at least on a shared store: every router has heard of it by then."""
TAKE_OVER_S = 2.0
"""How often a router on a shared store asks whether another one is gone."""
TAKE_OVER_AFTER_FAILURE_S = 15.0
"""How long it asks for nothing after the store failed: the others could not renew their leases either."""
COLLECTED_AFTER = (5_000, 2, 40)
"""After how many new objects garbage is looked for among them, how many such looks make one among those that
are a little older, and how many of these one among all. The first two take a few milliseconds, whatever the
router holds; what waits for the last is 600,000 objects, some hundred megabytes, at most."""


def simulate(config: str) -> int:
    """Run the simulated counterparties alone, until SIGTERM; the process's exit code."""
    from venues.simulator.main import serve as serve_simulator  # noqa: PLC0415 - production never loads it

    return serve_simulator(Path(config))


def serve(config: str | None) -> int:
    """Run the router until SIGTERM or SIGINT.

    Exit codes: 0 drained; 2 settings that cannot be meant; 3 the store cannot be used; 4 not everything
    reached a durable state within `server.shutdown_deadline_ms`; 5 the store broke while it was used (a flush
    failed): the log event `store_broken` says how.
    """
    try:
        settings = load(config)
    except SettingsError as error:
        sys.stderr.write(f"caas-router: {error}\n")
        return EXIT_SETTINGS
    allow_many()
    clock = SystemClock()
    log = JsonLog(Descriptor(sys.stderr.fileno()), debugging=settings.log.level is LogLevel.DEBUG)
    observer = Observer(log, Metrics(), clock, EventBus(f"{clock.now():x}"))
    try:
        drained = uvloop.run(_serve(settings, observer, clock))
    except StoreError as error:
        sys.stderr.write(f"caas-router: store: {error}\n")
        return EXIT_STORE
    except ExceptionGroup as failures:
        # What ends the process while its tasks run comes in a group.
        found: BaseException | None = failures.subgroup(ListenError)
        while isinstance(found, BaseExceptionGroup):
            found = found.exceptions[0]
        if not isinstance(found, ListenError):
            raise
        where = f"{settings.server.host}:{settings.server.port}"
        sys.stderr.write(f"caas-router: expected to listen on {where}, was: {found.strerror}\n")
        return EXIT_SETTINGS
    finally:
        log.flush(LOG_FLUSH_S)
    return 0 if drained else EXIT_NOT_DRAINED


async def _serve(settings: Settings, observer: Observer, clock: Clock) -> bool:
    stop = asyncio.Event()
    reason: list[str] = []
    loop = asyncio.get_running_loop()

    def stopping(name: str) -> None:
        reason.append(name)
        stop.set()

    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stopping, each.name)
    deadline_s = settings.server.shutdown_deadline_ms / 1000
    closing_s = CLOSING_SHARE * deadline_s
    async with running(settings, observer, clock) as parts:
        app = application(parts, settings, observer, clock)
        _settle()
        server = settings.server
        async with serving(app, server.host, server.port, closing_s) as port:
            observer.listening(server.host, port)
            await stop.wait()
            observer.stopping(reason[0])
            # Those who wait for an answer get one before the server closes their connections.
            stopped = [part.stop(deadline_s - 2 * closing_s) for part in (parts.desk, parts.moving)]
            drained = all(await asyncio.gather(*stopped))
        observer.stopped(drained=drained, in_flight=parts.desk.in_flight)
    return drained


def _settle() -> None:
    """Let the collector of cycles pass over what stands as long as the process, and come less often.

    An order leaves no cyclic garbage (a test counts it): what the collector does on its way is to walk in
    vain over the new objects every dozen orders, and now and then over all that was ever imported, which
    stops the loop for fifty milliseconds. Connections that closed and exceptions do make cycles, and these
    are collected as before, but later. What stands now and becomes such garbage is not: it is bounded by
    what stands now.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTED_AFTER)


class Parts(msgspec.Struct, frozen=True):
    """What a router is made of, as far as its callers reach it."""

    desk: Desk
    connections: Connections
    accounts: Accounts
    store: Store
    moving: Moving


def application(parts: Parts, settings: Settings, observer: Observer, clock: Clock) -> web.Application:
    """The HTTP surface of a router."""
    return make_app(
        parts.desk,
        settings,
        metrics=observer.metrics.text,
        now=clock.now,
        failed=lambda failure: _failed(observer, failure),
        refused=observer.overloaded,
        roster=parts.accounts,
        connections=parts.connections,
        margin=parts.moving,
        reports=Reports(parts.accounts, parts.store, clock.now),
        streaming=Streaming(observer.events),
    )


@contextlib.asynccontextmanager
async def running(settings: Settings, observer: Observer, clock: Clock) -> AsyncIterator[Parts]:
    """A desk over the connections that there are and the store, its accounts running."""
    store = await open_journal(settings.store.url, lambda error: _store_broke(observer, error))
    stop_ms = int(CLOSING_SHARE * settings.server.shutdown_deadline_ms)
    registry = Registry(settings.competition, clock, timing=Timing(stop_ms=stop_ms))
    ledger, accounts = Ledger(), Accounts()
    venues = Venues(
        (),
        ledger,
        clock,
        book_age_ns=settings.competition.book_age_ms_max * MS,
        balance_age_ns=settings.competition.balance_age_ms_max * MS,
        groups=RoutingGroups(settings.routing_groups),
    )
    busy = partial(has_open, store)
    pace = Pace(grace_s=SHARED_GRACE_S) if store.shared else Pace()
    live = LiveAccounts(venues, accounts, registry, busy, observer, pace)
    keeper = Keeper(
        store, _vault(settings, shared=store.shared), References(settings.vault, os.environ), clock
    )
    connections = Connections(keeper, live, prove, busy, ConnectingObserver(observer))
    ids = IdSource(clock, os.urandom, drawn=IDS_DRAWN)
    desk = Desk(venues, ledger, store, observer, clock, ids, desk_rules(settings))
    moving = Moving(accounts, store, MoveObserver(observer), clock, ids, moving_rules(settings))
    try:
        await connections.load(settings.connections)
        observer.metrics.watch(venues.views, clock.now)
        await desk.start()
        await moving.start()
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(watch_lag(observer)), group.create_task(live.run(desk.listener))]
            if store.shared:
                running.append(group.create_task(_take_over(desk, moving, observer)))
                running.append(group.create_task(connections.follow_others()))
            try:
                yield Parts(desk, connections, accounts, store, moving)
            finally:
                for task in running:
                    task.cancel()
    finally:
        await moving.stop(0)
        live.close()
        await store.close()


def _vault(settings: Settings, *, shared: bool) -> Vault:
    """The vault; its key file is beside the database, where the database is this router's alone."""
    key_file = None
    if not shared:
        path = sqlite_path(settings.store.url)
        key_file = path.with_name(path.name + ".key")
    return Vault(settings.vault.key, settings.vault.previous_keys, key_file)


async def _take_over(desk: Desk, moving: Moving, observer: Observer) -> None:
    """Take up the orders and moves of routers that are gone, until cancelled."""
    pause_s = TAKE_OVER_S
    while True:
        await asyncio.sleep(pause_s)
        try:
            await desk.take_over()
            await moving.take_over()
        except StoreError as error:
            observer.store_failed("open_orders", error)
            pause_s = TAKE_OVER_AFTER_FAILURE_S
        else:
            pause_s = TAKE_OVER_S


def desk_rules(settings: Settings) -> DeskRules:
    """The desk's rules from the settings, in its units."""
    competition, execution = settings.competition, settings.execution
    return DeskRules(
        quote_deadline_ns=competition.quote_deadline_ms * MS,
        rfq_ttl_ns=competition.rfq_ttl_ms * MS,
        collar_bps=Decimal(competition.collar_bps),
        slippage_bps_max=Decimal(execution.slippage_bps_max),
        answer_deadline_ns=execution.answer_deadline_ms * MS,
        on_credit_failure=execution.on_credit_failure,
        in_doubt_alert_ns=execution.in_doubt_alert_ms * MS,
    )


def moving_rules(settings: Settings) -> MovingRules:
    """The rules of moves from the settings, in their units; one waits for its turn as for its answer."""
    execution = settings.execution
    return MovingRules(
        answer_deadline_ns=execution.answer_deadline_ms * MS,
        queue_deadline_ns=execution.answer_deadline_ms * MS,
        in_doubt_alert_ns=execution.in_doubt_alert_ms * MS,
    )


def _store_broke(observer: Observer, error: StoreBrokenError) -> NoReturn:
    """End at once, from whichever thread: an orderly end would send, answer and write on what is not known.

    It is the end that a kill makes, and the next start is as after one: every order is looked up.
    """
    observer.store_broken(error)
    os._exit(EXIT_STORE_BROKEN)


def _failed(observer: Observer, failure: Failure) -> None:
    observer.request_failed(failure.id, failure.method, failure.route, failure.error)
