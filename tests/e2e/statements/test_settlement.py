"""The settlement summary of a PTS account: limits, used credit and exposure by asset, and its collateral."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from tests.e2e.statements.kit import Desk, amount
from tests.e2e.statements.world import ACCOUNTS

AT = "/v1/reports/settlement-summary?connection=summary"
LIMITS = {
    "BTC": {"long": "50000", "short": "20000"},
    "ETH": {"long": "30000", "short": "4000"},
    "TBTC": {"long": "10000000", "short": "10000000"},
}


@pytest.fixture
async def summary(desk: Desk) -> AsyncIterator[Desk]:
    """An account that is long of 120 BTC at 100 dollars and short of 40 ETH at 50."""
    await desk.rule("summary", "limits", LIMITS)
    await desk.rule("summary", "positions", {"BTC": "120", "ETH": "-40"})
    await desk.rule("summary", "margin", {"position_value_currency": "USD", "position_value_usd": "1"})
    yield desk
    await desk.rule("summary", "positions", {"BTC": "0", "ETH": "0"})


async def assets(desk: Desk) -> dict[str, Any]:
    """The summary's assets by name."""
    return {asset["asset"]: asset for asset in (await desk.read(AT))["assets"]}


def dollars(value: Any) -> Decimal:
    """An amount that is stated in US dollars."""
    assert value["currency"] == "USD"
    return amount(value["quantity"])


async def test_limits_and_credit_are_seen_in_the_settlement_summary(summary: Desk) -> None:
    """Monitor your credit limits and current exposure through the Settlement Summary report, by API."""
    answer = await summary.read(AT)
    assert answer["connection"] == {"id": "summary", "name": "BitGo summary", "pts": True}
    assert {asset["asset"] for asset in answer["assets"]} == {"BTC", "ETH", "TBTC"}
    told = {"asset", "position", "long_limit", "short_limit", "used_credit", "exposure", "exposure_usd"}
    assert all(told <= set(asset) for asset in answer["assets"])
    [total] = answer["totals"]
    assert (total["currency"], amount(total["used_credit"])) == ("USD", Decimal(14_000))

    code, text = await summary.terminal("report", "settlement-summary", "summary")
    assert code == 0
    assert "BitGo summary PTS" in text
    [line] = [" ".join(line.split()) for line in text.splitlines() if "BTC" in line and "12000" in line]
    assert line.startswith("BTC")
    for figure in ("120", "50000", "20000", "12000"):
        assert figure in line

    # The report is of PTS connections: a Spot account has no credit.
    status, problem = await summary.call("GET", AT.replace("=summary", "=treasury"))
    assert (status, problem["code"]) == (409, "not_a_pts_connection")


async def test_each_asset_has_its_long_and_short_limit(summary: Desk) -> None:
    """Maximum margin limits for long and short positions per asset."""
    shown = await assets(summary)
    assert {
        name: (dollars(asset["long_limit"]), dollars(asset["short_limit"])) for name, asset in shown.items()
    } == {name: (amount(limit["long"]), amount(limit["short"])) for name, limit in LIMITS.items()}
    await summary.rule("summary", "limits", {"ETH": {"long": "30000", "short": "2500"}})
    assert dollars((await assets(summary))["ETH"]["short_limit"]) == 2_500


async def test_used_credit_is_what_open_positions_take(summary: Desk) -> None:
    """Used credit, showing how much of your margin is already allocated to open positions."""
    shown = await assets(summary)
    assert {name: dollars(asset["used_credit"]) for name, asset in shown.items()} == {
        "BTC": 12_000,
        "ETH": 2_000,
        "TBTC": 0,
    }
    await summary.filled("summary", quantity="10", side="sell")
    shown = await assets(summary)
    assert (amount(shown["BTC"]["position"]), dollars(shown["BTC"]["used_credit"])) == (
        Decimal(110),
        Decimal(11_000),
    )


async def test_each_asset_has_its_exposure(summary: Desk) -> None:
    """Current exposure per asset."""
    shown = await assets(summary)
    assert {
        name: (amount(asset["position"]), dollars(asset["exposure"])) for name, asset in shown.items()
    } == {
        "BTC": (Decimal(120), Decimal(12_000)),
        "ETH": (Decimal(-40), Decimal(2_000)),
        "TBTC": (Decimal(0), Decimal(0)),
    }
    # Current: it moves with the price.
    try:
        await summary.rule("summary", "prices", {"BTC-USD": "110"})
        assert dollars((await assets(summary))["BTC"]["exposure"]) == 13_200
    finally:
        await summary.rule("summary", "prices", {"BTC-USD": None})


async def test_exposure_is_in_usd_where_the_counterparty_gives_it(summary: Desk) -> None:
    """Amounts converted to USD when available from the counterparty."""
    answer = await summary.read(AT)
    given = {asset["asset"]: amount(asset["exposure_usd"]) for asset in answer["assets"]}
    assert given == {"BTC": 12_000, "ETH": 2_000, "TBTC": 0}
    assert amount(answer["exposure_usd"]) == 14_000

    await summary.rule("summary", "margin", {"position_value_currency": "EUR", "position_value_usd": "1.25"})
    answer = await summary.read(AT)
    shown = {asset["asset"]: asset for asset in answer["assets"]}
    assert (shown["BTC"]["exposure"]["currency"], shown["BTC"]["exposure_usd"]) == ("EUR", None)
    assert amount(shown["BTC"]["exposure"]["quantity"]) == 9_600
    assert answer["exposure_usd"] is None


async def test_collateral_details_come_by_api(summary: Desk) -> None:
    """Credit limits, usage, and collateral details via API."""
    risk = (await summary.read(AT))["risk"]
    assert dollars(risk["collateral"]) == 10_200
    held = (await summary.margin("summary", "collateral"))["data"]
    assert {row["asset"]: (amount(row["quantity"]), dollars(row["value"])) for row in held} == {
        "USD": (Decimal(10_000), Decimal(10_000)),
        "BTC": (Decimal(2), Decimal(200)),
    }
    account = ACCOUNTS["summary"].id
    try:
        await summary.control("PUT", f"/accounts/{account}/collateral", {"BTC": "3"})
        assert dollars((await summary.read(AT))["risk"]["collateral"]) == 10_300
    finally:
        await summary.control("PUT", f"/accounts/{account}/collateral", {"BTC": "2"})
