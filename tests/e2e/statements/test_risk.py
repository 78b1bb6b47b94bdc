"""Risk profile and settings of margin accounts, in both dialects, and accounts that get into trouble.

The figures are those of the two documents wherever they agree with each other: in "Margin Trade" an account
that is short of 5,000 dollars, in "View Risk Settings and Profile" one that is long of a million.
"""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.e2e.statements.kit import Desk, amount
from tests.e2e.statements.world import ACCOUNTS, RISK
from tests.e2e.system import entries


async def entered(desk: Desk, name: str, product: str, quantity: str, at: str, now: str) -> None:
    """Give an account a position that was entered at one price and stands at another."""
    await desk.rule(name, "prices", {product: at})
    await desk.rule(name, "positions", {product.partition("-")[0]: quantity})
    await desk.rule(name, "prices", {product: now})


@pytest.fixture
async def express(desk: Desk) -> AsyncIterator[str]:
    """The account of "Margin Trade": short of 5,000 dollars with a loss of 200, collateral of 10,000."""
    await desk.rule("express", "risk", {"total_short_position_limit": "100000"})
    await entered(desk, "express", "BTC-USD", "-50", "96", "100")
    yield "express"
    await desk.flat("express")


@pytest.fixture
async def platform(desk: Desk) -> AsyncIterator[str]:
    """The account of "View Risk Settings and Profile": a million, a gain of 200,000, utilisation of 0.85."""
    risk = {"margin_call": "1.1", "liquidation": "1.2", "margin_requirement": "0.595"}
    await desk.rule("platform", "risk", risk)
    await entered(desk, "platform", "BTC-USD", "10000", "80", "100")
    yield "platform"
    await desk.flat("platform")


@pytest.fixture
async def trouble(desk: Desk) -> AsyncIterator[str]:
    """An account whose collateral of 1,000 dollars bears a long position of 75 BTC at 100, as yet."""
    await desk.rule("trouble", "positions", {"BTC": "75"})
    yield "trouble"
    await desk.flat("trouble")


def dollars(text: str) -> dict[str, str]:
    return {"quantity": text, "currency": "USD"}


async def test_the_risk_profile_has_its_six_values(desk: Desk, express: str) -> None:
    """Net Open Position, Collateral, Unrealized PnL, Margin Balance, Margin Requirement, Utilization."""
    profile = await desk.margin(express, "risk-profile")
    assert amount(profile.pop("margin_utilization")) == amount("0.0510")
    assert profile == {
        "connection": {"id": "express", "name": "BitGo express", "pts": True},
        "net_open_position": dollars("5000.00"),
        "collateral": dollars("10000.00"),
        "unrealized_pnl": dollars("-200.00"),
        "margin_balance": dollars("9800.00"),
        "margin_requirement": dollars("500.00"),
    }
    code, told = await desk.terminal("margin", "profile", express)
    assert code == 0
    lines = [" ".join(line.split()) for line in told.splitlines()]
    assert lines[0].endswith("BitGo express PTS")
    assert {"unrealized PnL -200.00 USD", "margin balance 9800.00 USD"} <= set(lines)
    assert any(line.startswith("margin utilization 0.0510") for line in lines)


async def test_utilisation_in_per_cent_is_shown_as_a_ratio(desk: Desk, express: str) -> None:
    """'"marginUtilizationPercentage": "5.10"': the percentage of available margin currently in use."""
    said = json.loads(await desk.wire(express, "margin/risk/profile"))
    assert said["marginUtilizationPercentage"] == "5.10"
    profile = await desk.margin(express, "risk-profile")
    assert amount(profile["margin_utilization"]) == amount("0.051")
    await desk.flat(express)
    assert (await desk.margin(express, "risk-profile"))["margin_utilization"] is None


async def test_utilisation_as_a_number_or_a_text_is_the_same(desk: Desk, platform: str) -> None:
    """'"marginUtilizationPercentage": 0.85' in the document; a text in the published description."""
    shown = []
    for as_number, said in ((True, "0.85"), (False, '"0.85"')):
        await desk.rule(platform, "margin", {"utilization_as_number": as_number})
        there = await desk.wire(platform, "margin/riskprofile")
        assert f'"marginUtilizationPercentage":{said}' in there.replace(" ", "").replace("0.8500", "0.85")
        shown.append(await desk.margin(platform, "risk-profile"))
    assert shown[0] == shown[1]
    assert amount(shown[0]["margin_utilization"]) == amount("0.85")
    assert shown[0]["net_open_position"]["currency"] == "USD"
    figures = ("net_open_position", "collateral", "unrealized_pnl", "margin_balance")
    assert [amount(shown[0][figure]["quantity"]) for figure in figures] == [
        1_000_000,
        500_000,
        200_000,
        700_000,
    ]


async def test_the_risk_settings_have_their_four_values(desk: Desk, express: str) -> None:
    """Total Short Position Limit, Margin Call, Liquidation Threshold and Margin Requirement Percentage."""
    settings = await desk.margin(express, "risk-settings")
    assert settings.pop("connection")["id"] == express
    assert settings.pop("total_short_position_limit") == dollars("100000.00")
    assert {field: amount(value) for field, value in settings.items()} == {
        "margin_call_threshold": amount("0.8"),
        "liquidation_threshold": amount("0.95"),
        "margin_requirement_rate": amount("0.1"),
    }
    code, told = await desk.terminal("margin", "settings", express)
    assert code == 0
    lines = {" ".join(line.split()) for line in told.splitlines()}
    assert {
        "risk settings of BitGo express PTS",
        "total short limit 100000.00 USD",
        "margin call at 0.8000 (80.0000 %)",
        "liquidation at 0.9500 (95.0000 %)",
        "margin requirement 0.1000 (10.0000 %)",
    } == lines


async def test_thresholds_of_both_dialects_are_ratios(desk: Desk, express: str, platform: str) -> None:
    """'"marginCallPercentage": "80.00"' in one document, '"marginCallPercentage": "1.1"' in the other."""
    await desk.rule(platform, "risk", {"margin_requirement": "0.2"})
    said = {
        express: json.loads(await desk.wire(express, "margin/risk/settings")),
        platform: json.loads(await desk.wire(platform, "margin/risksettings")),
    }
    names = ("marginCallPercentage", "liquidationThresholdPercentage", "marginRequirementPercentage")
    assert [said[express][name] for name in names] == ["80.00", "95.00", "10.00"]
    assert [said[platform][name] for name in names] == ["1.1", "1.2", "0.2"]
    for connection, expected in ((express, ("0.8", "0.95", "0.1")), (platform, ("1.1", "1.2", "0.2"))):
        shown = await desk.margin(connection, "risk-settings")
        fields = ("margin_call_threshold", "liquidation_threshold", "margin_requirement_rate")
        assert [amount(shown[field]) for field in fields] == [amount(ratio) for ratio in expected]


@pytest.mark.parametrize("dialect", ["express", "platform"])
async def test_net_open_positions_are_signed_and_valued(desk: Desk, dialect: str) -> None:
    """0.5 BTC of 20,000 dollars and -2.0 ETH of -6,000, as in "Net Open Positions"."""
    await desk.rule(dialect, "prices", {"BTC-USD": "40000", "ETH-USD": "3000"})
    await desk.rule(dialect, "positions", {"BTC": "0.5", "ETH": "-2.0"})
    try:
        rows = (await desk.margin(dialect, "positions"))["data"]
        shown = {row["asset"]: row for row in rows if amount(row["quantity"])}
        assert [(asset, amount(row["quantity"])) for asset, row in shown.items()] == [
            ("BTC", amount("0.5")),
            ("ETH", amount("-2")),
        ]
        assert [amount(row["value"]["quantity"]) for row in shown.values()] == [20_000, -6_000]
        assert {row["value"]["currency"] for row in shown.values()} == {"USD"}
        assert {row["connection"]["pts"] for row in rows} == {True}
    finally:
        await desk.flat(dialect)


async def test_express_and_platform_both_work(desk: Desk) -> None:
    """https://$BITGO_EXPRESS_HOST/…/margin/risk/profile, and https://app.bitgo-test.com/…/margin/riskprofile."""
    answers: dict[str, list[Any]] = {}
    try:
        for name in ("express", "platform"):
            await desk.control("PUT", f"/accounts/{ACCOUNTS[name].id}/collateral", {"USD": "10000"})
            await desk.rule(name, "risk", RISK)
            await entered(desk, name, "BTC-USD", "50", "96", "100")
            await desk.control("POST", f"/accounts/{ACCOUNTS[name].id}/requests/clear", {})
            order = await desk.filled(name, quantity="1")
            assert (await desk.sent(order))["fundingType"] == "margin"
            answers[name] = [
                await desk.margin(name, "risk-profile"),
                await desk.margin(name, "risk-settings"),
                [row for row in (await desk.margin(name, "positions"))["data"] if amount(row["quantity"])],
            ]
        assert plain(answers["express"]) == plain(answers["platform"])
        for name, of_one, of_other in (
            ("express", {"risk/profile", "risk/settings", "positions"}, {"risksettings", "netopenpositions"}),
            ("platform", {"riskprofile", "risksettings", "netopenpositions"}, {"risk/profile", "positions"}),
        ):
            requests = await desk.requests(ACCOUNTS[name].id)
            read = {
                request["path"].partition("/margin/")[2] for request in requests if request["status"] == 200
            }
            assert of_one <= read
            assert not of_other & read
            stated = (await desk.read(f"/v1/connections/{name}"))["settings"]
            assert stated["margin_dialect"] == (None if name == "express" else name)
            assert stated["base_url"] == desk.system.simulator_url
    finally:
        for name, collateral in (("express", "10000"), ("platform", "500000")):
            await desk.control("PUT", f"/accounts/{ACCOUNTS[name].id}/collateral", {"USD": collateral})
            await desk.flat(name)


def plain(answer: Any) -> Any:
    """An answer whose amounts are numbers, without the connection that gave it."""
    if isinstance(answer, dict):
        return {field: plain(value) for field, value in answer.items() if field != "connection"}
    if isinstance(answer, list):
        return [plain(value) for value in answer]
    try:
        return amount(answer).normalize()
    except (ArithmeticError, AssertionError):
        return answer


async def test_the_summary_tells_how_far_the_thresholds_are(desk: Desk, platform: str) -> None:
    """The risk profile can help you make trading decisions to prevent a margin call or liquidation."""
    risk = (await desk.read(f"/v1/reports/settlement-summary?connection={platform}"))["risk"]
    assert amount(risk["margin_utilization"]) == amount("0.85")
    assert amount(risk["distance_to_margin_call"]) == amount("0.25")
    assert amount(risk["distance_to_liquidation"]) == amount("0.35")
    await desk.rule(platform, "prices", {"BTC-USD": "95"})
    risk = (await desk.read(f"/v1/reports/settlement-summary?connection={platform}"))["risk"]
    # 950,000 x 0.595 over 500,000 + 150,000.
    assert amount(risk["margin_utilization"]) == amount("0.8696")
    assert amount(risk["distance_to_margin_call"]) == amount("0.2304")
    code, told = await desk.terminal("report", "settlement-summary", platform)
    assert code == 0
    assert "0.2304" in told
    assert "0.3304" in told


async def test_a_margin_call_is_seen(desk: Desk, trouble: str) -> None:
    """Margin Call Percentage: the margin utilization level at which a margin call is issued."""

    async def seen() -> tuple[str, bool, bool, bool]:
        profile = await desk.margin(trouble, "risk-profile")
        settings = await desk.margin(trouble, "risk-settings")
        risk = (await desk.read(f"/v1/reports/settlement-summary?connection={trouble}"))["risk"]
        return (
            (await desk.standing(trouble))["margin_state"],
            amount(profile["margin_utilization"]) >= amount(settings["margin_call_threshold"]),
            amount(risk["distance_to_margin_call"]) <= 0,
            amount(risk["distance_to_liquidation"]) <= 0,
        )

    assert await seen() == ("healthy", False, False, False)
    await desk.rule(trouble, "prices", {"BTC-USD": "98"})
    assert await seen() == ("margin_call", True, True, False)


async def test_a_liquidation_closes_positions_and_is_shown(desk: Desk, trouble: str) -> None:
    """If you reach this limit, BitGo automatically closes all your positions at the best available rate."""
    book = {"bids": [["95.90", "50"], ["95.80", "50"]], "asks": [["96.10", "50"]]}
    before = await desk.read(f"/v1/reports/trades?connection={trouble}&limit=500")
    known = {row["id"] for row in before["data"]}
    assert await desk.positions(trouble) == {"BTC": 75}

    await desk.control("PUT", f"/accounts/{ACCOUNTS[trouble].id}/books/BTC-USD", book)

    async def closed() -> bool:
        return await desk.positions(trouble) == {}

    await desk.eventually(closed)
    after = await desk.read(f"/v1/reports/trades?connection={trouble}&limit=500")
    shown = [row for row in after["data"] if row["id"] not in known]
    assert sorted((row["side"], amount(row["price"]), amount(row["quantity"])) for row in shown) == [
        ("sell", amount("95.80"), amount("25")),
        ("sell", amount("95.90"), amount("50")),
    ]
    told = ("source", "order_id", "client_order_id", "funding_type")
    assert {tuple(row[field] for field in told) for row in shown} == {("external", None, None, "margin")}
    assert all(row["connection"]["pts"] and row["venue_order_id"] for row in shown)


async def test_orders_fail_typed_while_the_account_is_liquidated(desk: Desk, trouble: str) -> None:
    """The counterparty will always join; without credit at the moment of execution the trade fails."""
    at = f"/accounts/{ACCOUNTS[trouble].id}/liquidation"
    await desk.control("POST", at, {"active": True, "close": False})
    for _ in range(2):
        status, problem = await desk.on(trouble, quantity="0.1")
        assert (status, problem["code"]) == (422, "credit_liquidation")
        assert problem["venue_error"]["name"] == "backend:trade:willTriggerLiquidation"
        assert problem["connection"]["id"] == trouble
        order = await desk.read(f"/v1/orders/{problem['order_id']}")
        assert (order["status"], order["filled_quantity"]) == ("rejected", "0")
        assert (entries(order)[trouble]["outcome"], entries(order)[trouble]["reason"]) == ("won", None)
    await desk.control("POST", at, {"active": False})
    assert (await desk.filled(trouble, quantity="0.1"))["connection"]["id"] == trouble
