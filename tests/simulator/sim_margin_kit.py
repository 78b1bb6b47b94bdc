"""Margin accounts with a wallet beside them, and the calls that move their money."""

from typing import Any

from sim_harness import NEVER_MS, PTS, Client, Reply, raw_settings


def wealthy(**account: Any) -> dict[str, Any]:
    """Give settings whose margin account has funds to move, and whose closing waits to be stepped."""
    raw = raw_settings()
    raw["products"].append(
        {
            "name": "ETH-USD",
            "base_currency": "ETH",
            "quote_currency": "USD",
            "mid": "10",
            "tick_ms": NEVER_MS,
            "bids": [["9.90", "50"]],
            "asks": [["10.10", "50"]],
        }
    )
    raw["accounts"][1] |= {
        "price_offset_bps": "0",
        "balances": {"USD": "2000", "BTC": "3", "ETH": "40"},
        "limits": {asset: {"long": "1000000", "short": "1000000"} for asset in ("BTC", "ETH")},
        "close_step_ms": NEVER_MS,
        "liquidation_step_ms": NEVER_MS,
    }
    raw["accounts"][1] |= account
    return raw


async def move(sim: Client, path: str, body: Any) -> Reply:
    return await sim.call("POST", f"margin/{path}", PTS, json=body)


async def read(sim: Client, path: str) -> Any:
    reply = await sim.get(f"margin/{path}", PTS)
    assert reply.status == 200, reply.text
    return reply.json


async def positions(sim: Client) -> dict[str, str]:
    rows = (await read(sim, "netopenpositions"))["netOpenPositions"]
    return {row["currency"]: row["netOpenPosition"] for row in rows if row["netOpenPosition"] != "0"}


async def wallet(sim: Client) -> dict[str, str]:
    return {asset: row["balance"] for asset, row in (await sim.balances(PTS)).items()}


async def collateral(sim: Client) -> dict[str, str]:
    rows = (await read(sim, "collateral/transferred"))["balances"]
    return {row["currency"]: row["quantity"] for row in rows}


async def view(sim: Client) -> dict[str, Any]:
    rows = (await sim.control("GET", "state"))["accounts"]
    return next(row for row in rows if row["id"] == PTS)


async def put(sim: Client, path: str, body: Any, expect: int = 200) -> dict[str, Any]:
    return await sim.account("PUT", path, body, account=PTS, expect=expect)


async def post(sim: Client, path: str, body: Any = None, expect: int = 200) -> dict[str, Any]:
    return await sim.account("POST", path, body, account=PTS, expect=expect)


def refusal(reply: Reply) -> tuple[int, str, Any]:
    return reply.status, reply.error_name, reply.json["error"]
