"""Margin: positions, limits before execution, collateral, utilisation after it."""

from typing import Any

import pytest
from sim_harness import PTS, Client, limit, raw_settings, running


async def limits(sim: Client, asset: str = "BTC", long: str = "1000000", short: str = "1000000") -> None:
    await sim.account("PUT", "limits", {asset: {"long": long, "short": short}}, account=PTS)


async def refused(sim: Client, name: str, **fields: Any) -> None:
    reply = await sim.place(PTS, **fields)
    assert (400, f"backend:trade:{name}") == (reply.status, reply.error_name)
    assert reply.json["error"] == f"backend:trade:{name}"


async def positions(sim: Client) -> Any:
    rows = (await sim.get("margin/netopenpositions", PTS)).json["netOpenPositions"]
    return {row["currency"]: row for row in rows}


async def profile(sim: Client) -> Any:
    return (await sim.get("margin/riskprofile", PTS)).json["riskProfile"]


async def test_fills_move_the_position_and_touch_no_balance(sim: Client) -> None:
    await sim.place(PTS, quantity="2")
    await sim.place(PTS, quantity="3", side="sell")
    row = (await positions(sim))["BTC"]
    assert (
        row["netOpenPosition"],
        row["netOpenPositionValue"],
    ) == ("-1", {"quantity": "-100", "currency": "USD"})
    assert row["unrealizedPnL"] == {"quantity": "-0.1", "currency": "USD"}
    assert (await sim.get("balances", PTS)).json["data"] == []


async def test_the_profile_follows_the_fills(sim: Client) -> None:
    idle = await profile(sim)
    assert idle["marginUtilizationPercentage"] is None
    assert "marginRequirement" not in idle
    await sim.account("PUT", "collateral", {"USD": "1000"}, account=PTS)
    await sim.place(PTS, quantity="5")
    busy = await profile(sim)
    # 5 x 100 at a tenth is 50, over 1000 less the half dollar that the spread cost.
    assert busy["marginRequirement"]["quantity"] == "50"
    assert busy["unrealizedPnL"]["quantity"] == "-0.5"
    assert busy["marginBalance"]["quantity"] == "999.5"
    assert busy["marginUtilizationPercentage"] == "0.05"


async def test_a_long_beyond_its_limit_is_refused_before_execution(sim: Client) -> None:
    await limits(sim, long="300")
    assert (await sim.place(PTS, quantity="2")).status == 200
    await refused(sim, "marginLongNOP", quantity="1.5")
    assert (await sim.place(PTS, quantity="1")).status == 200
    assert (await positions(sim))["BTC"]["netOpenPosition"] == "3"


async def test_a_short_beyond_its_limit_is_refused_before_execution(sim: Client) -> None:
    await limits(sim, short="300")
    await refused(sim, "marginShortNOP", side="sell", quantity="3.5")
    assert (await sim.place(PTS, side="sell", quantity="3")).status == 200


async def test_what_brings_a_position_back_is_let_through(sim: Client) -> None:
    await sim.place(PTS, quantity="5")
    await limits(sim, long="100")
    await refused(sim, "marginLongNOP", quantity="1")
    assert (await sim.place(PTS, side="sell", quantity="1")).status == 200


async def test_two_resting_orders_cannot_pass_together_what_each_respects(sim: Client) -> None:
    await limits(sim, long="300")
    assert (await sim.place(PTS, **limit("99", quantity="2"))).status == 200
    await refused(sim, "marginLongNOP", **limit("99", quantity="2"))


async def test_an_asset_without_a_limit_cannot_be_traded_on_margin(sim: Client) -> None:
    await refused(sim, "marginLongNOP", product="TBTC-TUSD*", quantityCurrency="TBTC")


async def test_the_sum_of_shorts_has_a_limit_of_its_own() -> None:
    raw = raw_settings()
    raw["accounts"][1]["limits"]["TBTC"] = {"long": "1000", "short": "1000"}
    raw["accounts"][1]["risk"] = {"total_short_position_limit": "500"}
    async with running(raw) as sim:
        assert (await sim.place(PTS, side="sell", quantity="3")).status == 200
        star = {"product": "TBTC-TUSD*", "quantityCurrency": "TBTC"}
        await refused(sim, "marginTotalShortNOP", side="sell", quantity="3", **star)
        assert (await sim.place(PTS, quantity="3", **star)).status == 200
        assert (await sim.place(PTS, side="sell", quantity="1.9")).status == 200


async def test_shorts_that_the_market_took_past_the_limit_can_be_bought_back() -> None:
    raw = raw_settings()
    raw["accounts"][1]["risk"] = {"total_short_position_limit": "500"}
    async with running(raw) as sim:
        assert (await sim.place(PTS, side="sell", quantity="4.9")).status == 200
        dear = {"bids": [["199", "50"]], "asks": [["201", "50"]]}
        await sim.account("PUT", "books/BTC-USD", dear, account=PTS)
        assert (await sim.place(PTS, side="buy", quantity="1")).status == 200
        await refused(sim, "marginTotalShortNOP", side="sell", quantity="0.1")


@pytest.mark.parametrize("collateral", ["0", "999.99"])
async def test_too_little_collateral_is_refused(sim: Client, collateral: str) -> None:
    await sim.account("PUT", "collateral", {"USD": collateral}, account=PTS)
    await refused(sim, "marginInsufficientCollateral")


@pytest.mark.parametrize(
    ("requirement", "liquidation", "quantity", "name"),
    [
        ("2", "0.95", "4.9", "willTriggerLiquidation"),
        ("2", "0.95", "6", "marginInsufficientCollateral"),
        ("2", "1.2", "5.2", "marginInsufficientCollateral"),
    ],
)
async def test_a_trade_that_the_collateral_does_not_bear_is_refused(
    requirement: str, liquidation: str, quantity: str, name: str
) -> None:
    raw = raw_settings()
    raw["accounts"][1]["collateral"] = {"USD": "1000"}
    raw["accounts"][1]["risk"] = {"margin_requirement": requirement, "liquidation": liquidation}
    async with running(raw) as sim:
        await refused(sim, name, quantity=quantity)
        assert (await sim.place(PTS, quantity="4")).status == 200


async def test_an_account_that_the_market_moved_into_liquidation_is_blocked_until_it_is_healthy() -> None:
    raw = raw_settings()
    raw["accounts"][1]["collateral"] = {"USD": "1000"}
    raw["accounts"][1]["risk"] = {"margin_requirement": "1", "minimum_transferred_collateral": "0"}
    async with running(raw) as sim:
        assert (await sim.place(PTS, side="sell", quantity="9")).status == 200
        dear = {"bids": [["110.00", "50"]], "asks": [["110.10", "50"]]}
        await sim.account("PUT", "books/BTC-USD", dear, account=PTS)
        assert float((await profile(sim))["marginUtilizationPercentage"]) > 0.95
        await refused(sim, "willTriggerLiquidation", side="sell", quantity="0.01")
        await sim.account("PUT", "collateral", {"USD": "2000"}, account=PTS)
        assert (await sim.place(PTS, side="sell", quantity="0.01")).status == 200


async def test_without_any_margin_balance_the_utilisation_is_a_number_still() -> None:
    raw = raw_settings()
    raw["accounts"][1]["collateral"] = {"USD": "1000"}
    async with running(raw) as sim:
        await sim.place(PTS, quantity="9")
        await sim.account("PUT", "collateral", {"USD": "0"}, account=PTS)
        assert (await profile(sim))["marginUtilizationPercentage"] == "999999"


async def test_margin_switched_off_at_the_product_is_refused(sim: Client) -> None:
    await sim.control("PUT", "products/BTC-USD", {"margin_supported": False})
    await refused(sim, "productMarginTradingDisabled")


async def test_a_margin_account_has_no_funded_orders(sim: Client) -> None:
    reply = await sim.place(PTS, fundingType="funded")
    assert reply.json["error"] == "backend:common:invalidArgument key=fundingType"


async def test_exhausted_credit_refuses_margin_orders_by_the_name_that_was_set(sim: Client) -> None:
    await sim.faults(PTS, credit={"exhausted": True})
    await refused(sim, "marginInsufficientCollateral")
    await sim.faults(PTS, credit={"exhausted": True, "error_name": "backend:trade:marginLongNOP"})
    await refused(sim, "marginLongNOP")
    await sim.account("DELETE", "faults", account=PTS)
    assert (await sim.place(PTS)).status == 200


async def test_a_trade_outside_uses_up_the_limit(sim: Client) -> None:
    await limits(sim, long="300")
    body = {"product": "BTC-USD", "side": "buy", "quantity": "2.5", "funding_type": "margin"}
    trade = await sim.account("POST", "trade", body, account=PTS)
    assert trade["trades"][0]["quantity"] == "2.5"
    await refused(sim, "marginLongNOP")


async def test_a_quote_that_is_no_dollar_has_a_position_too() -> None:
    raw = raw_settings()
    raw["products"].append(
        {
            "name": "ETH-BTC",
            "base_currency": "ETH",
            "quote_currency": "BTC",
            "mid": "0.05",
            "tick_ms": 3600000,
            "quote_display_precision": 5,
            "quote_min_size": "0.0001",
        }
    )
    raw["products"].append(
        {"name": "ETH-USD", "base_currency": "ETH", "quote_currency": "USD", "mid": "5", "tick_ms": 3600000}
    )
    raw["accounts"][1]["limits"]["ETH"] = {"long": "1000", "short": "1000"}
    async with running(raw) as sim:
        order = (await sim.place(PTS, product="ETH-BTC", quantityCurrency="ETH", quantity="1")).json
        held = await positions(sim)
        assert held["ETH"]["netOpenPosition"] == "1"
        assert held["BTC"]["netOpenPosition"] == "-" + order["filledQuoteQuantity"]
