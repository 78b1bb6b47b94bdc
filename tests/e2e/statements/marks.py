"""The mark PTS: every command that shows the name of a PTS connection, and how the mark is looked for."""

import asyncio
import sys
from collections.abc import Iterator
from typing import Any

from tests.e2e.statements.house import HouseDesk

CHANGES = (
    "connections edit margin --taker-fee-bps 5",
    "connections test margin",
    "margin transfer margin USD 1 --yes",
    "margin withdraw margin USD 1 --yes",
    "margin position-transfer margin BTC 0.1 --yes",
    "margin cover margin BTC --yes",
    "margin close margin TBTC --yes",
    "quote BTC-USD buy 0.1 --on margin",
    "order BTC-USD buy 0.1 --connection margin",
)
"""Commands of a PTS connection that change something, or could; one after another."""

VIEWS = (
    "connections",
    "connections show margin",
    "quote BTC-USD buy 0.1",
    "orders list",
    "orders show {order}",
    "orders cancel {resting}",
    "report portfolio",
    "report balances",
    "report trades",
    "report settlement-summary margin",
    "report execution-quality",
    "report reconciliation margin",
    "margin profile margin",
    "margin settings margin",
    "margin positions margin",
    "margin collateral margin",
    "margin collateral margin --currencies",
    "margin snapshot margin",
    "margin activity margin",
    "margin close-requests margin",
    "margin withdrawals margin",
    "margin operations margin",
)
"""Commands that show the name of a PTS connection, in any order."""


def assert_marked(said: str, command: str) -> None:
    """The PTS connection is named, always with its mark; nothing else has the mark."""
    assert "BitGo Margin PTS" in said, (command, said)
    assert said.count("BitGo Margin") == said.count("BitGo Margin PTS"), (command, said)
    assert "BitGo Treasury PTS" not in said, (command, said)
    assert "BitGo Vault PTS" not in said, (command, said)


def connections_in(answer: Any) -> Iterator[Any]:
    """Every connection in an answer, wherever it stands; one is known by its id, name and mark."""
    if isinstance(answer, list):
        for row in answer:
            yield from connections_in(row)
    elif isinstance(answer, dict):
        if {"id", "name"} <= set(answer):
            yield answer
        for key, value in answer.items():
            if key == "connection" and value is not None:
                assert {"id", "name", "pts"} <= set(value), value
            yield from connections_in(value)


async def one_event(desk: HouseDesk) -> str:
    """What `caas-router events` prints of an order on margin; it is ended then."""
    argv = (sys.executable, "-m", "router", "events", "--types", "order", "--url", desk.system.url)
    follower = await asyncio.create_subprocess_exec(
        *argv, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    stdout = follower.stdout
    assert stdout is not None

    async def naming() -> str:
        while line := (await stdout.readline()).decode():
            if "BitGo" in line:
                return line
        raise AssertionError("the events ended before one named a connection")

    named = asyncio.create_task(naming())
    try:

        async def followed() -> bool:
            await desk.traded("margin", quantity="0.01")
            return named.done()

        await desk.eventually(followed)
        return await named
    finally:
        named.cancel()
        follower.terminate()
        await follower.wait()
