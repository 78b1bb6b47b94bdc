"""What the kills are played on: a simulator that lives long, and a router that does not."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import aiohttp

from tests.kill.files import ACCOUNTS, TOKENS, router_file, simulator_file

START_S = 30.0
LINE_BYTES_MAX = 4 * 1024 * 1024

Event = Mapping[str, Any]
NOTHING: Final[Mapping[str, str]] = {}


class Command:
    """A `caas-router` command, a process of its own; what it logs goes into a file and to `heard`."""

    def __init__(self, log: Path, heard: Callable[[Event], None]) -> None:
        self.log = log
        self.events: list[Event] = []
        self.spawned_at = 0.0
        self._heard = heard
        self._more = asyncio.Condition()
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._ended = False

    async def start(
        self, *arguments: str, environment: Mapping[str, str] = NOTHING, module: str = "router"
    ) -> None:
        """Start it; `spawned_at` is in seconds since the epoch. `module`: what becomes the command."""
        self.spawned_at = time.time()
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module, *arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            limit=LINE_BYTES_MAX,
            env={**os.environ, **environment},
        )
        self._reading = asyncio.create_task(self._read())

    @property
    def pid(self) -> int:
        """The process's id."""
        assert self._process is not None
        return self._process.pid

    def count(self, name: str) -> int:
        """How often it logged an event."""
        return sum(event["event"] == name for event in self.events)

    async def until(self, name: str, times: int = 1, **fields: object) -> Event:
        """The event of this name with these fields, logged so often; fails if the process ends first."""
        async with asyncio.timeout(START_S), self._more:
            while True:
                found = [e for e in self.events if e["event"] == name and fields.items() <= e.items()]
                if len(found) >= times:
                    return found[times - 1]
                assert not self._ended, f"it ended before {name}: {self.events[-5:]}"
                await self._more.wait()

    async def end(self, number: int) -> int:
        """Signal it and wait until it is gone and its log is read; its exit code."""
        assert self._process is not None
        if self._process.returncode is None:
            # Not by the process's own method: it reaps a child that is dead already, and its code is lost.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, number)
        return await self.ended()

    async def ended(self) -> int:
        """Wait until it is gone and its log is read; its exit code."""
        assert self._process is not None
        assert self._reading is not None
        async with asyncio.timeout(START_S):
            code = await self._process.wait()
            await self._reading
        return code

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        with self.log.open("ab") as file:
            async for line in self._process.stderr:
                file.write(line)
                try:
                    event = json.loads(line)
                except ValueError:
                    event = {"event": "text", "text": line.decode(errors="replace")}
                async with self._more:
                    self.events.append(event)
                    self._heard(event)
                    self._more.notify_all()
        async with self._more:
            self._ended = True
            self._more.notify_all()


class Stage:
    """One simulator with a Spot and a PTS account, and the settings of the router over them."""

    def __init__(self, directory: Path, store_url: str | None = None, **settings: Any) -> None:
        """`settings`: of the router, as `router_file` takes them."""
        self.directory = directory
        self._settings = settings
        self.store_url = store_url or f"sqlite://{directory}/router.db"
        self.config = directory / "router.toml"
        self.url = ""
        self._control = ""
        self._simulator = Command(directory / "simulator.log", lambda _: None)
        self._session: aiohttp.ClientSession | None = None
        self._routers: list[Command] = []

    async def start(self) -> None:
        """Start the simulator."""
        path = self.directory / "simulator.toml"
        path.write_text(simulator_file())
        await self._simulator.start("simulate", "--config", str(path), environment=NOTHING)
        listening = await self._simulator.until("listening")
        venue = f"http://127.0.0.1:{listening['port']}"
        self._control = f"{venue}/_simulator"
        self._session = aiohttp.ClientSession()
        self.config.write_text(router_file(self.store_url, venue, **self._settings))

    async def stop(self) -> None:
        """Stop the simulator, and whatever router is left."""
        for router in self._routers:
            await router.end(signal.SIGKILL)
        if self._session is not None:
            await self._session.close()
        await self._simulator.end(signal.SIGTERM)

    async def router(
        self, heard: Callable[[Event], None] = lambda _: None, module: str = "router"
    ) -> Command:
        """Start a router; it has begun, and nothing more."""
        router = Command(self.directory / f"router-{len(self._routers):05d}.log", heard)
        self._routers.append(router)
        await router.start("serve", "--config", str(self.config), environment=TOKENS, module=module)
        return router

    async def listening(self, router: Command) -> None:
        """Wait until a router answers; `url` is where."""
        self.url = f"http://127.0.0.1:{(await router.until('listening'))['port']}"

    async def serving(self, module: str = "router") -> Command:
        """Start a router and wait until it trades."""
        router = await self.router(module=module)
        await self.listening(router)
        await ready(router)
        return router

    async def control(self, method: str, path: str, body: object = None) -> Any:
        """Call the simulator's control endpoint."""
        assert self._session is not None
        async with self._session.request(method, self._control + path, json=body) as response:
            assert response.status < 300, await response.text()
            return await response.json(content_type=None)

    async def faults(self, connection: str, faults: Mapping[str, object]) -> None:
        """Replace the faults of an account."""
        await self.control("PUT", f"/accounts/{ACCOUNTS[connection]}/faults", faults)

    async def ledger(self, connection: str) -> list[dict[str, Any]]:
        """Every order that a counterparty took."""
        return list((await self.control("GET", f"/accounts/{ACCOUNTS[connection]}/orders"))["data"])

    async def new_requests(self, connection: str) -> list[dict[str, Any]]:
        """Every request that a counterparty got since this was asked last."""
        account = f"/accounts/{ACCOUNTS[connection]}/requests"
        found = list((await self.control("GET", account))["data"])
        await self.control("POST", f"{account}/clear")
        return found


async def ready(router: Command) -> None:
    """Wait until every connection of a router can trade."""
    for connection in ACCOUNTS:
        await router.until("health_changed", connection=connection, state="ready")
