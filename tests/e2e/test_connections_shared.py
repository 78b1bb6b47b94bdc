"""Connections on a store that several routers share: what one is told, the others do."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.e2e.system import Client, Process
from tests.e2e.test_connections import Desk, gone, pts, ready, spot

VAULT = '[vault]\nkey = { env = "VAULT_KEY" }\n'


class SharedDesk(Desk):
    """As `Desk`, its routers on a database that others may be on too."""

    def __init__(self, directory: Path, store_url: str) -> None:
        self.store_url = store_url
        super().__init__(directory)
        self.environment["VAULT_KEY"] = "5a" * 32

    def another(self, extra: str) -> tuple[Process, str]:
        """Start a router on the database; and its URL."""
        config = self.directory / "router.toml"
        config.write_text(f'[server]\nport = 0\n[store]\nurl = "{self.store_url}"\n{extra}')
        router = Process("serve", "--config", str(config), environment=self.environment)
        return router, f"http://127.0.0.1:{router.until('listening')['port']}"

    def start(self, extra: str = "", **environment: str) -> None:
        self.environment |= environment
        self.router, self.url = self.another(extra)


@pytest.fixture
async def desk(tmp_path: Path, database_url: str) -> AsyncIterator[SharedDesk]:
    made = await asyncio.to_thread(SharedDesk, tmp_path, database_url)
    try:
        yield made
    finally:
        assert await asyncio.to_thread(made.stop) == (0, 0)


async def test_what_one_router_is_told_the_others_do(desk: SharedDesk) -> None:
    async with aiohttp.ClientSession() as session:
        here = Client(desk, session)  # type: ignore[arg-type]  # of a system it needs two addresses
        status, refused = await here.call("POST", "/v1/connections", spot(desk))
        assert (status, refused["code"]) == (503, "vault_unavailable")
        assert await asyncio.to_thread(desk.stop_router) == 0
        await asyncio.to_thread(desk.start, VAULT)
        other, url = await asyncio.to_thread(desk.another, VAULT)
        try:
            for body in (spot(desk), pts(desk)):
                assert (await here.call("POST", "/v1/connections", body))[0] == 201
            first, desk.url = desk.url, url
            there = Client(desk, session)  # type: ignore[arg-type]  # as above

            async def seen() -> bool:
                _, listed = await there.call("GET", "/v1/connections")
                return [row["state"] for row in listed["data"]] == ["ready", "ready"]

            await there.eventually(seen)
            status, order = await there.order("from-the-other")
            assert (status, order["status"]) == (200, "filled")
            assert (await there.call("PATCH", "/v1/connections/bitgo", {"name": "Treasury"}))[0] == 200
            assert (await there.call("DELETE", "/v1/connections/bitgo-pts"))[0] == 202
            await gone(there, "bitgo-pts")
            desk.url = first
            await gone(here, "bitgo-pts")
            await ready(here, "bitgo")
            _, shown = await here.call("GET", "/v1/connections/bitgo")
            assert shown["name"] == "Treasury"
        finally:
            assert await asyncio.to_thread(other.stop) == 0
