"""Connections as people make them: over HTTP and in the terminal, on a router that goes on running.

A router without one connection in its settings, and a counterparty with the accounts of one client: Spot,
PTS and custody. Nothing that either process wrote may hold a token.
"""

import asyncio
import base64
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.e2e.system import PTS, SIMULATOR, SPOT, Client, Process, entries

MORE = """
[[accounts]]
id = "{blind}"
name = "Blind"
token = "simulated-blind"
scopes = ["trade_view"]
balances = {{ USD = "1000" }}
[[custody]]
id = "client-1"
token = "simulated-custody"
[[custody.wallets]]
coin = "btc"
label = "Cold storage"
balance = "250000000"
"""
BLIND = "8" * 32
TOKENS = ("simulated-spot", "simulated-pts", "simulated-custody", "simulated-blind", "simulated-rotated")
ROUTER = """
[server]
port = 0
[store]
url = "sqlite://{directory}/router.db"
{extra}
"""


class Desk:
    """A simulator and a router that begins without connections; both outlive a restart of the router."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.logs: list[dict[str, Any]] = []
        self.environment = {"BITGO_SPOT": "simulated-spot", "OTHER_TOKEN": "simulated-spot"}
        file = directory / "simulator.toml"
        accounts = {"spot": SPOT, "poor": "6" * 32, "pts": PTS}
        text = SIMULATOR.format(requests_per_second=1000, minute_ms=60_000, **accounts)
        file.write_text(text + MORE.format(blind=BLIND))
        self.simulator = Process("simulate", "--config", str(file), environment={})
        self.simulator_url = f"http://127.0.0.1:{self.simulator.until('listening')['port']}"
        self.start()

    def start(self, extra: str = "", **environment: str) -> None:
        """Start the router."""
        config = self.directory / "router.toml"
        config.write_text(ROUTER.format(directory=self.directory, extra=extra))
        self.router = Process("serve", "--config", str(config), environment=self.environment | environment)
        self.url = f"http://127.0.0.1:{self.router.until('listening')['port']}"

    def stop_router(self, number: int = signal.SIGTERM) -> int:
        """Stop the router; its log is kept."""
        code = self.router.stop(number)
        self.logs += self.router.log
        return code

    def stop(self) -> tuple[int, int]:
        """Stop both; their exit codes."""
        return self.stop_router(), self.simulator.stop()

    def written(self) -> Iterator[tuple[str, bytes]]:
        """Everything that the router wrote: its log, and its files."""
        yield "log", repr(self.logs + self.router.log).encode()
        for path in self.directory.rglob("*"):
            if path.is_file() and path.name not in ("simulator.toml", "router.toml", "token"):
                yield str(path), path.read_bytes()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    made = await asyncio.to_thread(Desk, tmp_path)
    try:
        yield made
    finally:
        assert await asyncio.to_thread(made.stop) == (0, 0)
    for where, content in made.written():
        for token in TOKENS:
            assert token.encode() not in content, where


@pytest.fixture
async def client(desk: Desk) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as session:
        yield Client(desk, session)  # type: ignore[arg-type]  # of a system it needs two addresses


def spot(desk: Desk, **changed: object) -> dict[str, object]:
    return {
        "name": "BitGo",
        "counterparty": "bitgo_prime",
        "account_id": SPOT,
        "base_url": desk.simulator_url,
        "taker_fee_bps": "4",
        "settling_window_ms": 1500,
        "requests_per_second": 1000,
        "credentials": {"token": "simulated-spot"},
        **changed,
    }


def pts(desk: Desk, **changed: object) -> dict[str, object]:
    return spot(desk, account_id=PTS, pts=True, credentials={"token": "simulated-pts"}) | changed


def custody(desk: Desk, **changed: object) -> dict[str, object]:
    return {
        "name": "BitGo",
        "type": "custody",
        "counterparty": "bitgo",
        "base_url": desk.simulator_url,
        "credentials": {"token": "simulated-custody"},
        **changed,
    }


async def add(client: Client, body: dict[str, object]) -> str:
    """Add a connection and wait until it is up; its id."""
    status, added = await client.call("POST", "/v1/connections", body)
    assert status == 201, added
    return await ready(client, added["id"])


async def ready(client: Client, connection_id: str) -> str:
    async def up() -> bool:
        _, shown = await client.call("GET", f"/v1/connections/{connection_id}")
        return bool(shown["state"] == "ready")

    await client.eventually(up)
    return connection_id


async def gone(client: Client, connection_id: str) -> None:
    async def is_gone() -> bool:
        status, _ = await client.call("GET", f"/v1/connections/{connection_id}")
        return status == 404

    await client.eventually(is_gone)


async def test_three_connections_of_one_client_are_made_and_two_trade(desk: Desk, client: Client) -> None:
    assert (await client.call("GET", "/v1/connections"))[1] == {"data": [], "next_cursor": None}
    status, nobody = await client.order("before")
    assert status in (400, 422), nobody

    ids = [await add(client, spot(desk)), await add(client, pts(desk)), await add(client, custody(desk))]

    assert ids == ["bitgo", "bitgo-pts", "bitgo-custody"]
    _, listed = await client.call("GET", "/v1/connections")
    assert [(row["id"], row["type"], row["pts"], row["origin"]) for row in listed["data"]] == [
        ("bitgo", "exchange", False, "api"),
        ("bitgo-pts", "exchange", True, "api"),
        ("bitgo-custody", "custody", False, "api"),
    ]
    status, order = await client.order("first")
    assert (status, order["status"]) == (200, "filled")
    assert set(entries(order)) == {"bitgo", "bitgo-pts"}
    status, order = await client.order("on-credit", connections=["bitgo-pts"], quantity="1")
    assert (status, order["connection"]["pts"]) == (200, True)
    status, refused = await client.order("in-custody", connections=["bitgo-custody"])
    assert (status, refused["code"]) == (400, "invalid_request")


async def test_the_same_account_and_type_twice_is_refused(desk: Desk, client: Client) -> None:
    await add(client, spot(desk, id="treasury", name="Treasury"))

    for body in (spot(desk), spot(desk, id="another"), spot(desk, id="treasury", account_id=PTS)):
        status, refused = await client.call("POST", "/v1/connections", body)
        assert (status, refused["code"]) == (409, "connection_exists"), refused
        assert refused["connection"] == {"id": "treasury", "name": "Treasury", "pts": False}


@pytest.mark.parametrize(
    ("kind", "changed", "code"),
    [
        ("spot", {"credentials": {"token": "simulated-nobody"}}, "credentials_refused"),
        (
            "spot",
            {"account_id": BLIND, "credentials": {"token": "simulated-blind"}},
            "scope_missing",
        ),
        ("spot", {"account_id": "9" * 32}, "account_not_found"),
        ("spot", {"pts": True}, "margin_not_enabled"),
        ("spot", {"credentials": {"token": "simulated-custody"}}, "wrong_account_type"),
        ("custody", {"credentials": {"token": "simulated-spot"}}, "wrong_account_type"),
        ("custody", {"credentials": {"token": "simulated-nobody"}}, "credentials_refused"),
    ],
)
async def test_a_connection_that_fails_its_test_is_not_kept(
    desk: Desk, client: Client, kind: str, changed: dict[str, object], code: str
) -> None:
    body = (spot if kind == "spot" else custody)(desk, **changed)
    status, refused = await client.call("POST", "/v1/connections", body)

    assert (status, refused["code"]) == (422, code), refused
    assert (await client.call("GET", "/v1/connections"))[1]["data"] == []


async def test_a_counterparty_that_does_not_answer_leaves_nothing(desk: Desk, client: Client) -> None:
    status, refused = await client.call("POST", "/v1/connections", spot(desk, base_url="http://127.0.0.1:9"))

    assert (status, refused["code"], refused["retryable"]) == (503, "venue_unavailable", True)
    assert (await client.call("GET", "/v1/connections"))[1]["data"] == []


async def test_a_reference_over_http_is_followed_only_where_the_settings_say(
    desk: Desk, client: Client
) -> None:
    token = desk.directory / "secrets" / "token"
    token.parent.mkdir()
    token.write_text("simulated-spot\n")
    for reference in ({"file": str(token)}, {"file": "/etc/hostname"}, {"env": "OTHER_TOKEN"}):
        status, refused = await client.call(
            "POST", "/v1/connections", spot(desk, credentials={"token": reference})
        )
        assert (status, refused["code"]) == (400, "invalid_request")
        (wrong,) = refused["errors"]
        assert "the settings name no vault." in wrong["expected"]
    assert await asyncio.to_thread(desk.stop_router) == 0
    allowed = f'[vault]\nfiles_under = "{token.parent}"\nvariables_prefix = "BITGO_"\n'
    await asyncio.to_thread(desk.start, allowed)

    escaping = str(token.parent / ".." / "router.toml")
    for reference in ({"file": escaping}, {"file": "/etc/hostname"}, {"env": "OTHER_TOKEN"}):
        status, refused = await client.call(
            "POST", "/v1/connections", spot(desk, credentials={"token": reference})
        )
        assert status == 400, refused
    assert await add(client, spot(desk, credentials={"token": {"file": str(token)}})) == "bitgo"
    _, shown = await client.call("GET", "/v1/connections/bitgo")
    assert shown["credentials"] == "reference"
    assert (await client.call("DELETE", "/v1/connections/bitgo"))[0] == 202
    await gone(client, "bitgo")
    assert await add(client, spot(desk, credentials={"token": {"env": "BITGO_SPOT"}})) == "bitgo"


async def test_what_was_made_is_there_after_a_restart_and_after_a_new_key(desk: Desk, client: Client) -> None:
    await add(client, spot(desk))
    await add(client, pts(desk))
    await add(client, custody(desk))
    key_file = desk.directory / "router.db.key"
    assert key_file.stat().st_mode & 0o777 == 0o600
    _, before = await client.call("GET", "/v1/connections/bitgo-pts")

    assert await asyncio.to_thread(desk.stop_router, signal.SIGKILL) == -signal.SIGKILL
    await asyncio.to_thread(desk.start)
    for name in ("bitgo", "bitgo-pts", "bitgo-custody"):
        await ready(client, name)
    assert (await client.order("after-restart"))[0] == 200
    _, after = await client.call("GET", "/v1/connections/bitgo-pts")
    assert [after[field] for field in ("created_at", "settings", "credentials")] == [
        before[field] for field in ("created_at", "settings", "credentials")
    ]

    # The key moves from its file to the settings, and then to another one.
    assert await asyncio.to_thread(desk.stop_router) == 0
    second = base64.b64encode(b"2" * 32).decode()
    with_second = '[vault]\nkey = { env = "KEY_2" }\n'
    await asyncio.to_thread(desk.start, with_second, KEY_2=second)
    await ready(client, "bitgo-pts")
    assert await asyncio.to_thread(desk.stop_router) == 0
    key_file.unlink()
    rotated = '[vault]\nkey = { env = "KEY_3" }\nprevious_keys = [{ env = "KEY_2" }]\n'
    await asyncio.to_thread(desk.start, rotated, KEY_2=second, KEY_3=b"3".hex() * 32)
    await ready(client, "bitgo-pts")
    assert await asyncio.to_thread(desk.stop_router) == 0
    await asyncio.to_thread(desk.start, '[vault]\nkey = { env = "KEY_3" }\n', KEY_3=b"3".hex() * 32)
    await ready(client, "bitgo-pts")
    assert (await client.order("after-rotation", connections=["bitgo-pts"]))[0] == 200


async def test_a_lost_key_locks_what_it_sealed_and_nothing_else(desk: Desk, client: Client) -> None:
    await add(client, spot(desk))
    assert await asyncio.to_thread(desk.stop_router) == 0
    (desk.directory / "router.db.key").unlink()
    await asyncio.to_thread(desk.start)

    _, shown = await client.call("GET", "/v1/connections/bitgo")
    assert (shown["lifecycle"], shown["state"]) == ("locked", "stopped")
    assert "that sealed it, was not among those here" in shown["health"]["detail"]
    status, refused = await client.call("POST", "/v1/connections/bitgo/test")
    assert (status, refused["code"]) == (503, "vault_unavailable")
    await add(client, pts(desk))
    status, order = await client.order("without-it")
    assert (status, set(entries(order))) == (200, {"bitgo-pts"})

    status, mended = await client.call(
        "PATCH", "/v1/connections/bitgo", {"credentials": {"token": "simulated-spot"}}
    )
    assert (status, mended["lifecycle"]) == (200, "active")
    await ready(client, "bitgo")
    _, order = await client.order("with-it-again")
    assert set(entries(order)) == {"bitgo", "bitgo-pts"}


async def test_a_connection_is_edited_without_a_restart(desk: Desk, client: Client) -> None:
    await add(client, spot(desk))
    _, order = await client.order("at-4-bps")
    dearer = order["all_in_price"]

    status, shown = await client.call(
        "PATCH", "/v1/connections/bitgo", {"name": "Treasury", "taker_fee_bps": "0"}
    )
    assert (status, shown["name"], shown["settings"]["taker_fee_bps"]) == (200, "Treasury", "0")
    status, order = await client.order("at-0-bps")
    assert (status, order["connection"]["name"]) == (200, "Treasury")
    assert Decimal(order["all_in_price"]) < Decimal(dearer)

    status, refused = await client.call(
        "PATCH", "/v1/connections/bitgo", {"credentials": {"token": "simulated-nobody"}}
    )
    assert (status, refused["code"]) == (422, "credentials_refused")
    status, refused = await client.call("PATCH", "/v1/connections/bitgo", {"base_url": "http://127.0.0.1:9"})
    assert (status, refused["errors"][0]["field"]) == (400, "credentials")
    assert (await client.order("still"))[0] == 200

    assert (await client.call("PATCH", "/v1/connections/bitgo", {"enabled": False}))[0] == 200
    status, refused = await client.order("disabled")
    assert status == 422
    assert entries(refused)["bitgo"]["reason"] == "disabled"
    assert (await client.call("PATCH", "/v1/connections/bitgo", {"enabled": True}))[0] == 200
    await ready(client, "bitgo")
    assert (await client.order("enabled"))[0] == 200


async def test_one_that_is_removed_drains(desk: Desk, client: Client) -> None:
    await add(client, spot(desk))
    await add(client, pts(desk))
    status, resting = await client.order(
        "resting", type="limit", limit_price="90.00", connections=["bitgo"], quantity="0.5"
    )
    assert (status, resting["status"]) == (200, "new")

    for _ in range(2):
        status, shown = await client.call("DELETE", "/v1/connections/bitgo")
        assert (status, shown["lifecycle"], shown["state"]) == (202, "draining", "stopped")
    _, order = await client.order("meanwhile")
    assert entries(order)["bitgo"]["reason"] == "disabled"
    assert order["connection"]["id"] == "bitgo-pts"
    status, refused = await client.call("PATCH", "/v1/connections/bitgo", {"name": "x"})
    assert (status, refused["code"]) == (409, "connection_busy")

    # A restart in the middle does not bring it back, and does not lose its order.
    assert await asyncio.to_thread(desk.stop_router, signal.SIGKILL) == -signal.SIGKILL
    await asyncio.to_thread(desk.start)
    await ready(client, "bitgo-pts")
    _, shown = await client.call("GET", "/v1/connections/bitgo")
    assert shown["lifecycle"] == "draining"

    async def cancelled() -> bool:
        return (await client.call("POST", f"/v1/orders/{resting['id']}/cancel"))[0] == 202

    await client.eventually(cancelled)
    assert (await client.eventually_final(resting["id"]))["status"] == "canceled"
    await gone(client, "bitgo")
    assert (await client.call("DELETE", "/v1/connections/bitgo"))[0] == 404
    assert await add(client, spot(desk)) == "bitgo"
    assert (await client.order("made-anew", connections=["bitgo"]))[0] == 200


def terminal(desk: Desk, *arguments: str, told: str = "", **environment: str) -> tuple[int, str]:
    """Run a command of the desk; its exit code and all that it printed."""
    ran = subprocess.run(
        [sys.executable, "-m", "router", *arguments, "--url", desk.url],
        input=told,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "COLUMNS": "160", **environment},
    )
    said = ran.stdout + ran.stderr
    assert not any(token in said for token in TOKENS)
    return ran.returncode, said


async def test_connections_are_made_in_the_terminal(desk: Desk, client: Client) -> None:
    where = ("--base-url", desk.simulator_url, "--taker-fee-bps", "4")
    token_file = desk.directory / "token"
    token_file.write_text("simulated-spot\n")

    def session() -> None:
        code, said = terminal(
            desk,
            "connections",
            "add",
            "BitGo Treasury",
            "--account-id",
            SPOT,
            *where,
            "--token-file",
            str(token_file),
        )
        assert code == 0, said
        code, said = terminal(
            desk,
            "connections",
            "add",
            "BitGo Margin",
            "--account-id",
            PTS,
            "--pts",
            *where,
            "--token-env",
            "PTS_TOKEN",
            PTS_TOKEN="simulated-pts",
        )
        assert code == 0, said
        assert "BitGo Margin PTS" in said
        code, said = terminal(
            desk,
            "connections",
            "add",
            "BitGo Custody",
            "--type",
            "custody",
            "--base-url",
            desk.simulator_url,
            "--token-file",
            "-",
            told="simulated-custody\n",
        )
        assert code == 0, said
        code, said = terminal(desk, "connections")
        assert code == 0
        assert all(name in said for name in ("BitGo Treasury", "BitGo Margin PTS", "BitGo Custody"))
        code, said = terminal(
            desk, "connections", "edit", "bitgo-margin", "--name", "Margin", "--taker-fee-bps", "1"
        )
        assert (code, "Margin PTS" in said) == (0, True), said
        code, said = terminal(desk, "connections", "show", "bitgo-margin")
        assert code == 0
        assert "Margin PTS" in said
        assert "made over HTTP" in said
        assert terminal(desk, "connections", "test", "bitgo-custody")[0] == 0
        code, said = terminal(
            desk,
            "connections",
            "add",
            "Wrong",
            "--account-id",
            SPOT,
            "--pts",
            *where,
            "--token-file",
            str(token_file),
        )
        assert code != 0
        assert "margin_not_enabled" in said
        code, said = terminal(desk, "connections", "remove", "bitgo-custody", "--yes")
        assert code == 0, said

    await asyncio.to_thread(session)
    await gone(client, "bitgo-custody")
    token_file.unlink()
    status, order = await client.order("from-the-terminal")
    assert (status, set(entries(order))) == (200, {"bitgo-treasury", "bitgo-margin"})
