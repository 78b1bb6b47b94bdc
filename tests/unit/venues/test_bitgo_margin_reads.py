"""How a PTS account stands: both dialects, old forms, and which dialect is asked."""

import asyncio
import json
from typing import Any

import pytest

from router.core.account import (
    Collateral,
    CollateralCurrency,
    Exposure,
    Position,
    RiskProfile,
    RiskSettings,
    Value,
)
from router.ports import OffWireError, VenueUnreachableError
from router.settings import MarginDialect
from tests.unit.build import D
from tests.unit.venues.support import payload
from tests.unit.venues.test_bitgo_account import Answer, books
from venues.bitgo.margin_reads import exposure_of

PLATFORM, EXPRESS = MarginDialect.PLATFORM, MarginDialect.EXPRESS
ON_PLATFORM: dict[str, Answer] = {
    "margin/riskprofile": payload("margin_platform_risk_profile"),
    "margin/risksettings": payload("margin_platform_risk_settings"),
    "margin/netopenpositions": payload("margin_platform_positions"),
    "margin/netopenpositionlimits": payload("margin_platform_limits"),
}
IN_EXPRESS: dict[str, Answer] = {
    "margin/risk/profile": payload("margin_express_risk_profile"),
    "margin/risk/settings": payload("margin_express_risk_settings"),
    "margin/positions": payload("margin_express_positions"),
}


def usd(quantity: str) -> Value:
    return Value(D(quantity), "USD")


async def test_the_platform_s_risk_profile() -> None:
    async with books(ON_PLATFORM, pts=True, dialect=PLATFORM) as (found, _):
        assert await found.margin.risk_profile() == RiskProfile(
            net_open_position=usd("1000000"),
            collateral=usd("500000"),
            unrealized_pnl=usd("200000"),
            margin_balance=usd("700000"),
            margin_requirement=usd("600000"),
            margin_utilization=D("0.85"),
        )


async def test_express_s_risk_profile() -> None:
    async with books(IN_EXPRESS, pts=True, dialect=EXPRESS) as (found, _):
        assert await found.margin.risk_profile() == RiskProfile(
            net_open_position=usd("5000"),
            collateral=usd("10000"),
            unrealized_pnl=usd("-200"),
            margin_balance=usd("9800"),
            margin_requirement=usd("500"),
            margin_utilization=D("0.0510"),
        )


async def test_a_profile_without_a_requirement_has_none_and_no_utilization() -> None:
    profile = payload("margin_platform_risk_profile")["riskProfile"]
    del profile["marginRequirement"]
    profile["marginUtilizationPercentage"] = None
    async with books({"margin/riskprofile": {"riskProfile": profile}}, pts=True) as (found, _):
        read = await found.margin.risk_profile()
        assert (read.margin_requirement, read.margin_utilization) == (None, None)


async def test_the_platform_s_risk_settings() -> None:
    async with books(ON_PLATFORM, pts=True) as (found, _):
        assert await found.margin.risk_settings() == RiskSettings(
            usd("1000000"), D("1.1"), D("1.2"), D("0.2")
        )


async def test_positions_in_both_dialects() -> None:
    async with books(ON_PLATFORM, pts=True) as (found, _):
        assert await found.margin.positions() == [Position("BTC", D("-2.3242"), usd("-124017.22"))]
    async with books(IN_EXPRESS, pts=True) as (found, _):
        assert await found.margin.positions() == [
            Position("BTC", D("0.5"), usd("20000")),
            Position("ETH", D("-2.0"), usd("-6000")),
        ]


async def test_the_same_account_reads_the_same_in_both_dialects() -> None:
    rows = payload("margin_express_positions")["data"]
    as_platform = [
        {
            "currency": row["currency"],
            "netOpenPosition": row["quantity"],
            "netOpenPositionValue": row["value"],
        }
        for row in rows
    ]
    async with (
        books({"margin/netopenpositions": {"netOpenPositions": as_platform}}, pts=True) as (one, _),
        books(IN_EXPRESS, pts=True) as (other, _),
    ):
        assert await one.margin.positions() == await other.margin.positions()


async def test_a_position_s_value_as_the_bare_number_that_it_was() -> None:
    text = json.dumps(payload("margin_platform_positions"))
    old = text.replace('{"quantity": "-124017.22", "currency": "USD"}', "-124017.22")
    assert old != text
    async with books({"margin/netopenpositions": old.encode()}, pts=True) as (found, _):
        assert await found.margin.positions() == [Position("BTC", D("-2.3242"), usd("-124017.22"))]


async def test_no_positions() -> None:
    for said in ({}, {"netOpenPositions": None}, {"netOpenPositions": []}):
        async with books({"margin/netopenpositions": said}, pts=True) as (found, _):
            assert await found.margin.positions() == []


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("margin/netopenpositions", {"netOpenPositions": [{"currency": "BTC"}]}),
        ("margin/netopenpositions", {"netOpenPositions": [{"currency": "B", "netOpenPosition": "0"}] * 2}),
        ("margin/netopenpositions", {"netOpenPositions": [{"netOpenPosition": "1"}]}),
        ("margin/netopenpositions", b"<html>"),
    ],
)
async def test_a_position_that_cannot_be_read_fails_the_read(path: str, said: Any) -> None:
    async with books({path: said}, pts=True) as (found, _):
        with pytest.raises(OffWireError):
            await found.margin.positions()


async def test_exposures_are_positions_with_limits_and_limits_without_positions() -> None:
    async with books(ON_PLATFORM, pts=True) as (found, _):
        assert await found.margin.exposures() == [
            Exposure(
                asset="BTC",
                position=D("-2.3242"),
                long_limit=usd("2000000"),
                short_limit=usd("1000000"),
                used_credit=usd("124017.22"),
                exposure=usd("124017.22"),
                exposure_usd=D("124017.22"),
                unrealized_pnl=usd("1200.00"),
            ),
            Exposure(
                asset="ETH",
                position=D(0),
                long_limit=Value(D(400), "ETH"),
                short_limit=Value(D(300), "ETH"),
                used_credit=Value(D(0), "ETH"),
                exposure=Value(D(0), "ETH"),
                exposure_usd=None,
                unrealized_pnl=None,
            ),
        ]


async def test_the_limits_in_a_position_s_own_row_come_first() -> None:
    listed = payload("margin_platform_limits")
    listed["netOpenPositionLimits"][0]["shortMarginPositionNotionalLimit"]["quantity"] = "7"
    async with books({**ON_PLATFORM, "margin/netopenpositionlimits": listed}, pts=True) as (found, _):
        btc, _eth = await found.margin.exposures()
        assert btc.short_limit == usd("1000000")


async def test_express_has_positions_and_limits_only_where_it_lists_them() -> None:
    async with books(IN_EXPRESS, pts=True) as (found, there):
        btc, eth = await found.margin.exposures()
        assert (btc.long_limit, btc.short_limit, btc.used_credit) == (None, None, None)
        assert (btc.exposure, btc.exposure_usd) == (usd("20000"), D("20000"))
        assert eth.exposure == usd("6000")
        assert not found.score.is_open
        there.answers["margin/netopenpositionlimits"] = payload("margin_platform_limits")
        btc, eth = await found.margin.exposures()
        assert (btc.used_credit, btc.long_limit) == (usd("20000"), usd("2000000"))
        assert eth.used_credit == Value(D("2.0"), "ETH")


@pytest.mark.parametrize(
    ("position", "limit", "used", "dollars"),
    [
        # A limit in the asset itself is used by the position, one in a third currency by nothing known.
        (Position("BTC", D("-2"), usd("-90")), Value(D(5), "BTC"), Value(D(2), "BTC"), D(90)),
        (Position("BTC", D("-2"), usd("-90")), Value(D(5), "EUR"), None, D(90)),
        (Position("BTC", D("-2"), Value(D(-80), "EUR")), usd("5"), None, None),
        (Position("BTC", D("-2"), None), usd("5"), None, None),
        (Position("USD", D("-7"), None), usd("9"), usd("7"), D(7)),
    ],
)
def test_nothing_is_converted(position: Position, limit: Value, used: Value | None, dollars: Any) -> None:
    found = exposure_of(position, None, limit, None)
    assert (found.used_credit, found.exposure_usd) == (used, dollars)


def test_the_limit_of_the_other_side_is_not_used() -> None:
    found = exposure_of(Position("BTC", D(1), usd("90")), None, usd("100"), None)
    assert found.used_credit is None
    assert exposure_of(Position("BTC", D(1), usd("90")), usd("95"), None, None).used_credit == usd("90")


def test_exposure_keeps_every_digit() -> None:
    digits = "1234567890123456789012345678.901234567890123"
    found = exposure_of(Position("BTC", D(f"-{digits}"), usd(f"-{digits}")), None, None, None)
    assert found.exposure == usd(digits)


async def test_the_dialect_is_found_out_by_one_answer_and_remembered() -> None:
    async with books(IN_EXPRESS, pts=True) as (found, there):
        await found.margin.risk_settings()
        await found.margin.risk_profile()
        await found.margin.positions()
        assert there.paths == [
            "margin/risksettings",
            "margin/risk/settings",
            "margin/risk/profile",
            "margin/positions",
        ]


async def test_readers_at_once_find_out_once() -> None:
    async with books(IN_EXPRESS, pts=True) as (found, there):
        await asyncio.gather(*(found.margin.risk_profile() for _ in range(3)))
        assert there.paths.count("margin/riskprofile") == 1


async def test_a_stated_dialect_is_asked_and_no_other() -> None:
    async with books(ON_PLATFORM, pts=True, dialect=EXPRESS) as (found, there):
        with pytest.raises(VenueUnreachableError, match="404"):
            await found.margin.risk_profile()
        assert there.paths == ["margin/risk/profile"]


@pytest.mark.parametrize("said", [(500, {}), (403, payload("error_unauthorized")), b"<html>"], ids=str)
async def test_a_failure_decides_no_dialect(said: Answer) -> None:
    async with books({**IN_EXPRESS, "margin/riskprofile": said}, pts=True) as (found, there):
        with pytest.raises(VenueUnreachableError):
            await found.margin.risk_profile()
        assert there.paths == ["margin/riskprofile"]
        there.answers.pop("margin/riskprofile")
        assert (await found.margin.risk_profile()).margin_utilization == D("0.0510")


async def test_an_account_that_answers_in_no_dialect() -> None:
    async with books(pts=True) as (found, there):
        for _ in range(2):
            with pytest.raises(VenueUnreachableError, match="both"):
                await found.margin.positions()
        assert there.paths == ["margin/netopenpositions", "margin/positions"] * 2
        assert [result for _, result, _ in found.listener.requests] == ["refused"] * 4


async def test_collateral_and_what_would_be_taken_as_such() -> None:
    balance = payload("margin_cover")
    currencies = {
        "availableCurrencies": [
            {"id": "1", "symbol": "BTC", "name": "Bitcoin", "increment": "0.00000001"},
            {"id": "2", "symbol": "USD", "name": "US Dollar", "minIncrement": "0.01"},
            {"id": "3", "symbol": "USDC"},
        ]
    }
    answers = {"margin/collateral/transferred": balance, "margin/collateral/currencies": currencies}
    async with books(answers, pts=True) as (found, _):
        assert await found.margin.collateral() == [Collateral("BTC", D(2), usd("1000000"))]
        assert await found.margin.collateral_currencies() == [
            CollateralCurrency("BTC", "Bitcoin", D("0.00000001")),
            CollateralCurrency("USD", "US Dollar", D("0.01")),
            CollateralCurrency("USDC", "USDC", None),
        ]
