"""The real thing for tests: a router and a simulator, each in its own process, over real sockets."""

import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import aiohttp

START_S = 20.0
STOP_S = 15.0
FEW_FILES = 128

SPOT, POOR, PTS = "5" * 32, "6" * 32, "7" * 32
ACCOUNTS = {"spot": SPOT, "poor": POOR, "pts": PTS}
TOKENS = {"SPOT_TOKEN": "simulated-spot", "POOR_TOKEN": "simulated-poor", "PTS_TOKEN": "simulated-pts"}

SIMULATOR = """
seed = 11
[server]
requests_per_second = {requests_per_second}
minute_ms = {minute_ms}
[[products]]
name = "BTC-USD"
base_currency = "BTC"
quote_currency = "USD"
mid = "100.00"
step_bps = "0"
tick_ms = 50
level_size = "50"
[[products]]
name = "TBTC-TUSD*"
base_currency = "TBTC"
quote_currency = "TUSD*"
mid = "100.00"
step_bps = "0"
tick_ms = 50
level_size = "50"
[[accounts]]
id = "{spot}"
name = "Spot"
token = "simulated-spot"
spread_bps = "10"
balances = {{ USD = "1000", BTC = "10", "TUSD*" = "100000", TBTC = "1000" }}
[[accounts]]
id = "{poor}"
name = "Poor"
token = "simulated-poor"
spread_bps = "2"
balances = {{ USD = "1" }}
[[accounts]]
id = "{pts}"
name = "Margin"
token = "simulated-pts"
funded = false
margin = true
spread_bps = "20"
collateral = {{ USD = "500000" }}
[accounts.limits]
BTC = {{ long = "1000000", short = "1000000" }}
TBTC = {{ long = "1000000", short = "1000000" }}
"""

ROUTER = """
[server]
port = 0
[store]
url = "{store_url}"
[execution]
answer_deadline_ms = 2000
{extra}
"""

CONNECTION = """
[[connections]]
id = "{id}"
name = "BitGo {id}"
counterparty = "bitgo_prime"
pts = {pts}
account_id = "{account}"
base_url = "{url}"
token = {{ env = "{token}" }}
taker_fee_bps = "4"
requests_per_second = {requests_per_second}
settling_window_ms = 1500
"""


@contextmanager
def few_files() -> Iterator[None]:
    """What is started now may have `FEW_FILES` files open, as from a shell that gives few."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (FEW_FILES, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


class Process:
    """A `caas-router` command; its JSON log lines are kept and can be waited for.

    `module`: another one that is run, and that has more to say.
    """

    def __init__(self, *arguments: str, environment: Mapping[str, str], module: str = "router") -> None:
        self.log: list[dict[str, Any]] = []
        self._lines: Queue[dict[str, Any] | None] = Queue()
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**os.environ, **environment},
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            try:
                event = json.loads(line)
            except ValueError:
                event = {"event": "text", "text": line.decode(errors="replace")}
            self.log.append(event)
            self._lines.put(event)
        self._lines.put(None)

    def until(self, name: str, **fields: object) -> dict[str, Any]:
        """The next event of this name with these fields; fails with the log if the process ends first."""
        while True:
            try:
                event = self._lines.get(timeout=START_S)
            except Empty:
                raise AssertionError(f"no {name} {fields} within {START_S} s: {self.log[-20:]}") from None
            if event is None:
                raise AssertionError(f"it ended before {name}: {self.log[-20:]}")
            if event["event"] == name and all(event.get(key) == value for key, value in fields.items()):
                return event

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Signal the process and give its exit code."""
        if self._process.poll() is None:
            self._process.send_signal(number)
        return self.ended()

    def ended(self) -> int:
        """Wait for the process to end by itself and give its exit code."""
        try:
            code = self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise AssertionError(f"it did not stop: {self.log[-20:]}") from None
        self._reader.join(STOP_S)
        if self._process.stderr is not None:
            self._process.stderr.close()
        return code


class System:
    """Three BitGo Prime accounts (Spot with balance, Spot without, PTS) and a router over them.

    The accounts allow 1,000 requests a second, so that one test does not spend the budget of the next.
    """

    def __init__(
        self,
        directory: Path,
        extra: str = "",
        requests_per_second: int = 1000,
        store_url: str | None = None,
        minute_ms: int = 60_000,
    ) -> None:
        self.directory = directory
        sim_file = directory / "simulator.toml"
        sim_file.write_text(
            SIMULATOR.format(requests_per_second=requests_per_second, minute_ms=minute_ms, **ACCOUNTS)
        )
        self.simulator = Process("simulate", "--config", str(sim_file), environment={})
        self.simulator_url = f"http://127.0.0.1:{self.simulator.until('listening')['port']}"
        connections = "".join(
            CONNECTION.format(
                id=name,
                account=account,
                url=self.simulator_url,
                token=f"{name.upper()}_TOKEN",
                pts=str(name == "pts").lower(),
                requests_per_second=requests_per_second,
            )
            for name, account in ACCOUNTS.items()
        )
        self.config = directory / "router.toml"
        self.config.write_text(
            ROUTER.format(store_url=store_url or f"sqlite://{directory}/router.db", extra=extra) + connections
        )
        self.start_router()

    def start_router(self) -> None:
        """Start the router, and wait until every connection can trade."""
        self.router, self.url = self.another_router()

    def another_router(self) -> tuple[Process, str]:
        """Start a router of the same settings, wait until every connection can trade; and its URL."""
        router = Process("serve", "--config", str(self.config), environment=TOKENS)
        url = f"http://127.0.0.1:{router.until('listening')['port']}"
        waiting = set(ACCOUNTS)
        while waiting:
            waiting.discard(router.until("health_changed", state="ready")["connection"])
        return router, url

    def stop(self) -> tuple[int, int]:
        """Stop both; their exit codes."""
        return self.router.stop(), self.simulator.stop()


class Client:
    """One test's view of a system: the router's HTTP and the simulator's control endpoint."""

    def __init__(self, system: System, session: aiohttp.ClientSession) -> None:
        self.system = system
        self.session = session

    async def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Call the router; status and decoded JSON."""
        async with self.session.request(method, self.system.url + path, json=body) as response:
            return response.status, await response.json(content_type=None)

    async def order(self, client_order_id: str, **fields: object) -> tuple[int, Any]:
        """Send an order: by default a market order to buy 1 BTC for USD."""
        return await self.call("POST", "/v1/orders", order_body(client_order_id, **fields))

    async def control(self, method: str, path: str, body: object = None) -> Any:
        """Call the simulator's control endpoint."""
        url = f"{self.system.simulator_url}/_simulator{path}"
        async with self.session.request(method, url, json=body) as response:
            assert response.status < 300, await response.text()
            return await response.json(content_type=None)

    async def faults(self, account: str, **faults: object) -> None:
        """Replace the faults of an account."""
        await self.control("PUT", f"/accounts/{account}/faults", faults)

    async def ledger(self, account: str) -> list[dict[str, Any]]:
        """Every order that the counterparty took."""
        return list((await self.control("GET", f"/accounts/{account}/orders"))["data"])

    async def requests(self, account: str) -> list[dict[str, Any]]:
        """Every request that the counterparty got."""
        return list((await self.control("GET", f"/accounts/{account}/requests"))["data"])

    async def eventually_final(self, order_id: str) -> Any:
        """An order as it is when it has ended."""

        async def ended() -> Any:
            _, order = await self.call("GET", f"/v1/orders/{order_id}")
            return order if order["status"] in ("filled", "canceled", "rejected", "expired") else None

        return await self.eventually(ended)

    async def until_all(self, state: str) -> None:
        """Wait until every connection is in a state: a breaker that a test opened closes by itself."""

        async def reached() -> bool:
            _, connections = await self.call("GET", "/v1/connections")
            return all(connection["state"] == state for connection in connections["data"])

        await self.eventually(reached)

    @staticmethod
    async def eventually(look: Callable[[], Awaitable[Any]]) -> Any:
        """Look again until there is something; two processes have no event to await between them."""
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if found := await look():
                return found
            await asyncio.sleep(0.02)
        raise AssertionError(f"not within {START_S} s")


def order_body(client_order_id: str, **fields: object) -> dict[str, object]:
    """The body of a market order to buy 1 BTC for USD, with changes."""
    return {
        "client_order_id": client_order_id,
        "product": "BTC-USD",
        "side": "buy",
        "type": "market",
        "quantity": "1",
        "quantity_currency": "BTC",
        **fields,
    }


def entries(order: Mapping[str, Any]) -> dict[str, Any]:
    """The competition's entries by connection."""
    return {entry["connection"]["id"]: entry for entry in order["competition"]["entries"]}


def running(directory: Path, extra: str = "", minute_ms: int = 60_000) -> Iterator[System]:
    """A system for the length of a fixture; both processes must end well.

    `minute_ms`: how long a minute of an order's duration lasts at the counterparty.
    """
    system = System(directory, extra, minute_ms=minute_ms)
    try:
        yield system
    finally:
        codes = system.stop()
    assert codes == (0, 0), (system.router.log[-10:], system.simulator.log[-10:])
