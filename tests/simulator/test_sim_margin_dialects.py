"""Two ways of reading the same margin: the platform's and the one of BitGo Express."""

import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio
from sim_harness import PTS, Client, running
from sim_margin_kit import put, read, wealthy

PLATFORM = ("riskprofile", "risksettings", "netopenpositions")
EXPRESS = ("risk/profile", "risk/settings", "positions")
COMMON = ("collateral/currencies", "collateral/transferred", "netopenpositionlimits", "positions/activity")


@pytest_asyncio.fixture
async def sim() -> AsyncIterator[Client]:
    risk = {"total_short_position_limit": "100000"}
    async with running(wealthy(margin_dialect="both", collateral={"USD": "10000"}, risk=risk)) as client:
        yield client


@pytest.mark.parametrize(
    ("dialect", "spoken", "unknown"),
    [("platform", PLATFORM, EXPRESS), ("express", EXPRESS, PLATFORM), ("both", PLATFORM + EXPRESS, ())],
)
async def test_the_other_dialects_paths_do_not_exist(dialect: str, spoken: Any, unknown: Any) -> None:
    async with running(wealthy(margin_dialect=dialect)) as sim:
        for path in (*spoken, *COMMON):
            assert (await sim.get(f"margin/{path}", PTS)).status == 200, path
        nowhere = await sim.get("margin/nowhere", PTS)
        for path in unknown:
            reply = await sim.get(f"margin/{path}", PTS)
            assert (reply.status, reply.json["error"]) == (404, "backend:common:notFound"), path
            assert {**reply.json, "reqId": ""} == {**nowhere.json, "reqId": ""}
        logged = (await sim.account("GET", "requests", account=PTS))["data"]
        assert [call["status"] for call in logged].count(404) == len(unknown)


async def test_platform_alone_is_the_default() -> None:
    async with running() as sim:
        assert (await sim.get("margin/riskprofile", PTS)).status == 200
        assert (await sim.get("margin/risk/profile", PTS)).status == 404


async def test_the_dialect_can_be_changed_while_it_runs(sim: Client) -> None:
    await put(sim, "margin", {"margin_dialect": "express"})
    assert (await sim.get("margin/riskprofile", PTS)).status == 404
    assert (await sim.get("margin/risk/profile", PTS)).status == 200


async def test_the_express_profile_is_flat_and_in_per_cent(sim: Client) -> None:
    # About the seed's own figures: 5,000 open, 200 lost, 500 required of 9,800.
    await put(sim, "positions", {"BTC": "52"})
    await put(sim, "prices", {"BTC-USD": "96.15"})
    profile = await read(sim, "risk/profile")
    assert profile == {
        "netOpenPosition": {"quantity": "4999.80", "currency": "USD"},
        "collateral": {"quantity": "10000.00", "currency": "USD"},
        "unrealizedPnl": {"quantity": "-200.20", "currency": "USD"},
        "marginBalance": {"quantity": "9799.80", "currency": "USD"},
        "marginRequirement": {"quantity": "499.98", "currency": "USD"},
        "marginUtilizationPercentage": "5.10",
    }


async def test_both_dialects_say_the_same(sim: Client) -> None:
    await sim.place(PTS, quantity="4")
    await sim.place(PTS, side="sell", product="ETH-USD", quantityCurrency="ETH", quantity="2")
    platform, express = (await read(sim, "riskprofile"))["riskProfile"], await read(sim, "risk/profile")
    assert Decimal(platform["marginUtilizationPercentage"]) * 100 == Decimal(
        express["marginUtilizationPercentage"]
    )
    for one, other in (("transferredCollateral", "collateral"), ("unrealizedPnL", "unrealizedPnl")):
        assert Decimal(platform[one]["quantity"]) == Decimal(express[other]["quantity"])
    settings, per_cent = await read(sim, "risksettings"), await read(sim, "risk/settings")
    for name in ("marginCallPercentage", "liquidationThresholdPercentage", "marginRequirementPercentage"):
        assert Decimal(settings[name]) * 100 == Decimal(per_cent[name])
    rows = (await read(sim, "netopenpositions"))["netOpenPositions"]
    assert (await read(sim, "positions"))["data"] == [
        {
            "currency": row["currency"],
            "quantity": row["netOpenPosition"],
            "value": {
                "quantity": format(Decimal(row["netOpenPositionValue"]["quantity"]), ".2f"),
                "currency": "USD",
            },
        }
        for row in rows
    ]


async def test_the_express_settings_are_in_per_cent(sim: Client) -> None:
    assert await read(sim, "risk/settings") == {
        "totalShortPositionLimit": {"quantity": "100000.00", "currency": "USD"},
        "marginCallPercentage": "80.00",
        "liquidationThresholdPercentage": "95.00",
        "marginRequirementPercentage": "10.00",
    }


async def test_without_positions_no_utilisation_is_stated(sim: Client) -> None:
    profile = await read(sim, "risk/profile")
    assert profile["marginUtilizationPercentage"] is None
    assert profile["marginRequirement"] == {"quantity": "0.00", "currency": "USD"}
    assert (await read(sim, "riskprofile"))["riskProfile"]["marginUtilizationPercentage"] is None
    assert await read(sim, "positions") == {"data": []}


async def test_the_platforms_utilisation_can_be_a_json_number(sim: Client) -> None:
    await put(sim, "margin", {"utilization_as_number": True})
    assert (await read(sim, "riskprofile"))["riskProfile"]["marginUtilizationPercentage"] is None
    await put(sim, "collateral", {"USD": "1000"})
    await put(sim, "positions", {"BTC": "85"})
    reply = await sim.get("margin/riskprofile", PTS)
    found = json.loads(reply.text, parse_float=Decimal)["riskProfile"]["marginUtilizationPercentage"]
    assert found == Decimal("0.85")
    assert not isinstance(found, str)
    # The express dialect has a string in every document.
    assert (await read(sim, "risk/profile"))["marginUtilizationPercentage"] == "85.00"


async def test_values_of_positions_can_be_stated_in_another_currency() -> None:
    raw = wealthy(margin_dialect="both", position_value_currency="EUR", position_value_usd="1.25")
    async with running(raw) as sim:
        await put(sim, "positions", {"BTC": "-2"})
        rows = (await read(sim, "netopenpositions?currency=BTC"))["netOpenPositions"]
        assert [row["netOpenPositionValue"] for row in rows] == [{"quantity": "-160", "currency": "EUR"}]
        assert rows[0]["shortMarginPositionNotionalLimit"]["currency"] == "USD"
        (row,) = (await read(sim, "positions"))["data"]
        assert row["value"] == {"quantity": "-160.00", "currency": "EUR"}
        assert (await read(sim, "risk/profile"))["netOpenPosition"]["currency"] == "USD"
