"""The composition root: the only module of `router` that knows `venues`. It wires, starts and stops."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import uvloop

from router.core.ledger import Ledger
from router.http.app import make_app
from router.http.context import Failure
from router.http.server import ListenError, serving
from router.journal import open_journal
from router.observe.lag import watch_lag
from router.observe.logs import make_log
from router.observe.metrics import Metrics
from router.observe.observer import Observer
from router.ports import Clock, StoreError
from router.service.clock import SystemClock
from router.service.desk import Desk, DeskRules
from router.service.ids import IdSource
from router.service.venues import Member, Venues
from router.settings import Settings, load
from router.settings_error import SettingsError
from venues.registry import Registry

EXIT_SETTINGS = 2
EXIT_STORE = 3
EXIT_NOT_DRAINED = 4
MS = 1_000_000


def simulate(config: str) -> int:
    """Run the simulated counterparties alone, until SIGTERM; the process's exit code."""
    from venues.simulator.main import serve as serve_simulator  # noqa: PLC0415 - production never loads it

    return serve_simulator(Path(config))


def serve(config: str | None) -> int:
    """Run the router until SIGTERM or SIGINT.

    Exit codes: 0 drained; 2 settings that cannot be meant; 3 the store cannot be used; 4 not everything
    reached a durable state within `server.shutdown_deadline_ms`.
    """
    try:
        settings = load(config)
    except SettingsError as error:
        sys.stderr.write(f"caas-router: {error}\n")
        return EXIT_SETTINGS
    observer = Observer(make_log(sys.stderr.buffer), Metrics())
    try:
        drained = uvloop.run(_serve(settings, observer))
    except StoreError as error:
        sys.stderr.write(f"caas-router: store: {error}\n")
        return EXIT_STORE
    except ExceptionGroup as failures:
        found: BaseException | None = failures.subgroup(ListenError)
        while isinstance(found, BaseExceptionGroup):
            found = found.exceptions[0]
        if not isinstance(found, ListenError):
            raise
        where = f"{settings.server.host}:{settings.server.port}"
        sys.stderr.write(f"caas-router: expected to listen on {where}, was: {found.strerror}\n")
        return EXIT_SETTINGS
    return 0 if drained else EXIT_NOT_DRAINED


async def _serve(settings: Settings, observer: Observer) -> bool:
    stop = asyncio.Event()
    reason: list[str] = []
    loop = asyncio.get_running_loop()

    def stopping(name: str) -> None:
        reason.append(name)
        stop.set()

    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stopping, each.name)
    clock = SystemClock()
    deadline_s = settings.server.shutdown_deadline_ms / 1000
    async with _desk(settings, observer, clock) as desk:
        app = make_app(
            desk,
            settings,
            metrics=observer.metrics.text,
            now=clock.now,
            failed=lambda failure: _failed(observer, failure),
        )
        server = settings.server
        async with serving(app, server.host, server.port, deadline_s) as port:
            observer.listening(server.host, port)
            await stop.wait()
            observer.stopping(reason[0])
            # Those who wait for an answer get one before the server closes their connections.
            drained = await desk.stop(deadline_s)
        observer.stopped(drained=drained, in_flight=desk.in_flight)
    return drained


@contextlib.asynccontextmanager
async def _desk(settings: Settings, observer: Observer, clock: Clock) -> AsyncIterator[Desk]:
    """A desk over the configured connections and store, its venues running."""
    journal = await open_journal(settings.store.url)
    registry = Registry(settings.competition, clock)
    ledger = Ledger()
    members = [
        Member(
            venue=registry.build(entry),
            type=entry.type.value,
            enabled=entry.enabled,
            settling_window_ns=entry.settling_window_ms * MS,
        )
        for entry in settings.connections
    ]
    venues = Venues(
        members,
        ledger,
        clock,
        book_age_ns=settings.competition.book_age_ms_max * MS,
        balance_age_ns=settings.competition.balance_age_ms_max * MS,
    )
    observer.metrics.watch(venues.views, clock.now)
    desk = Desk(venues, ledger, journal, observer, clock, IdSource(clock, os.urandom), desk_rules(settings))
    try:
        await desk.start()
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(watch_lag(observer))]
            running += [
                group.create_task(member.venue.run(desk.listener)) for member in members if member.enabled
            ]
            try:
                yield desk
            finally:
                for task in running:
                    task.cancel()
    finally:
        await journal.close()


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
    )


def _failed(observer: Observer, failure: Failure) -> None:
    observer.request_failed(failure.id, failure.method, failure.route, failure.error)
