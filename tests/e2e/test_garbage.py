"""An order leaves nothing behind that only the cycle collector could free: its pauses would be the p99's.

So the collector, which would find nothing, is set to come seldom, and not to walk over what never goes.
"""

import asyncio
import gc
from pathlib import Path

import pytest

from bench.driver import Driver
from bench.process import RouterConfig
from bench.stub import Stub
from router.app import COLLECTED_AFTER, application, running
from router.http.server import serving
from router.observe.events import EventBus, Kind
from router.observe.logs import make_log
from router.observe.metrics import Metrics
from router.observe.observer import Observer
from router.service.clock import SystemClock
from router.settings import load
from tests.e2e.system import ROUTER, Process

CONNECTIONS = 4
ORDERS = 200


@pytest.mark.parametrize("aged", [False, True], ids=["streamed", "asked"])
async def test_an_order_makes_no_cyclic_garbage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, aged: bool
) -> None:
    """Counted over whole orders in one process, from HTTP to the counterparty, the journal and the log."""
    monkeypatch.setenv("BENCH_TOKEN", "bench")
    stub = Stub(CONNECTIONS, aged=aged)
    port = await stub.start(100)
    config = tmp_path / "router.toml"
    config.write_text(RouterConfig(f"sqlite:///{tmp_path}/router.db", (port,) * CONNECTIONS).text())
    settings, clock = load(str(config)), SystemClock()
    with (tmp_path / "log").open("wb") as log:
        observer = Observer(make_log(log), Metrics(), clock, EventBus())
        changes = observer.events.follow(lambda event: event.kind is Kind.CONNECTION)
        async with running(settings, observer, clock) as parts:
            async with serving(
                application(parts, settings, observer, clock), "127.0.0.1", 0, 1.0
            ) as own_port:
                while len([view for view in parts.desk.connections() if view.health.trades]) < CONNECTIONS:
                    await changes.next()
                driver = Driver(own_port, "garbage")
                await driver.closed_loop(50, 8)
                gc.collect()
                gc.disable()
                try:
                    block = await driver.closed_loop(ORDERS, 8)
                    found = gc.collect()
                finally:
                    gc.enable()
                driver.close()
            assert await parts.desk.stop(5.0)
    await stub.stop()
    assert block.wrong == {}
    # The upkeep (feeds, balances) may leave some; what grows with orders may not.
    assert found < ORDERS / 10


async def test_a_router_that_serves_is_seldom_stopped_to_collect(tmp_path: Path) -> None:
    config = tmp_path / "router.toml"
    config.write_text(ROUTER.format(store_url=f"sqlite://{tmp_path}/router.db", extra=""))
    router = Process(str(config), environment={}, module="tests.e2e.collected")
    await asyncio.to_thread(router.until, "listening")
    assert await asyncio.to_thread(router.stop) == 0
    [said] = [line for line in router.log if line["event"] == "collector"]
    assert (said["enabled"], said["threshold"]) == (True, list(COLLECTED_AFTER))
    # All that was imported, and what the router is made of.
    assert said["frozen"] > 30_000
