"""Refusals come back typed: the contract's code, the connection, the counterparty's own words."""

import pytest

from tests.e2e.system import PTS, SPOT, Client

CREDIT = {
    "backend:trade:marginShortNOP": "credit_short_limit",
    "backend:trade:marginLongNOP": "credit_long_limit",
    "backend:trade:marginTotalShortNOP": "credit_total_short_limit",
    "backend:trade:marginInsufficientCollateral": "credit_insufficient_collateral",
    "backend:trade:willTriggerLiquidation": "credit_liquidation",
    "backend:trade:productMarginTradingDisabled": "credit_margin_disabled",
    "backend:trade:insufficientFunds": "credit_unavailable",
    "backend:trade:velocityLimitBreached": "velocity_limit",
}
SPOT_CODES = {
    "backend:trade:insufficientFunds": "insufficient_funds",
    "backend:trade:velocityLimitBreached": "velocity_limit",
}
CASES = [("pts", PTS, *row) for row in CREDIT.items()] + [("spot", SPOT, *row) for row in SPOT_CODES.items()]


@pytest.mark.parametrize(("connection", "account", "error_name", "code"), CASES)
async def test_a_refusal_has_its_code_and_can_be_read_again(
    client: Client, connection: str, account: str, error_name: str, code: str
) -> None:
    fault = {"kind": "refuse", "operation": "order", "error_name": error_name, "count": 1}
    await client.faults(account, rest=[fault])
    name = f"refused-{connection}-{code}-{error_name[-8:]}"
    status, problem = await client.order(name, quantity="0.5", connections=[connection])
    assert (status, problem["code"]) == (422, code)
    assert problem["type"] == f"urn:caas-router:problem:{code}"
    assert problem["connection"] == {
        "id": connection,
        "name": f"BitGo {connection}",
        "pts": connection == "pts",
    }
    assert problem["venue_error"]["name"] == error_name
    assert problem["venue_error"]["request_id"].startswith("unk-")
    assert problem["venue_error"]["http_status"] == 400
    _, order = await client.call("GET", f"/v1/orders/{problem['order_id']}")
    assert (order["status"], order["filled_quantity"]) == ("rejected", "0")
    assert order["error"] == problem
    again, same = await client.order(name, quantity="0.5", connections=[connection])
    assert (again, same) == (422, problem)


@pytest.mark.parametrize(
    ("connection", "account", "failure", "code"),
    [
        ("pts", PTS, "canceled_insufficientFunds", "credit_unavailable"),
        ("spot", SPOT, "canceled_insufficientFunds", "insufficient_funds"),
        ("pts", PTS, "canceled_internalError", "venue_rejected"),
        ("spot", SPOT, "error", "venue_rejected"),
    ],
)
async def test_a_refusal_that_comes_after_the_order_was_taken_is_as_typed(
    client: Client, connection: str, account: str, failure: str, code: str
) -> None:
    await client.faults(account, orders={"late_failure": failure, "count": 1})
    status, problem = await client.order(
        f"late-{connection}-{failure}", quantity="0.5", connections=[connection]
    )
    assert (status, problem["code"], problem["connection"]["id"]) == (422, code, connection)
    _, order = await client.call("GET", f"/v1/orders/{problem['order_id']}")
    assert (order["status"], order["error"]["code"]) == ("rejected", code)
    assert order["venue_order_id"] is not None


async def test_an_order_that_fails_after_a_part_of_it_traded_keeps_what_traded(client: Client) -> None:
    fault = {"late_failure": "canceled_insufficientFunds", "late_failure_after_fill": "0.4", "count": 1}
    await client.faults(PTS, orders=fault)
    status, order = await client.order("late-part-1", connections=["pts"])
    assert (status, order["status"], order["filled_quantity"]) == (200, "canceled", "0.4")
    assert order["error"]["code"] == "credit_unavailable"


async def test_a_real_limit_refuses_by_its_name(client: Client) -> None:
    limits = {"BTC": {"long": "150", "short": "1000000"}}
    await client.control("PUT", f"/accounts/{PTS}/limits", limits)
    try:
        status, problem = await client.order("limit-1", quantity="40", connections=["pts"])
        assert (status, problem["code"]) == (422, "credit_long_limit")
    finally:
        await client.control(
            "PUT", f"/accounts/{PTS}/limits", {"BTC": {"long": "1000000", "short": "1000000"}}
        )


async def test_next_best_goes_on_after_a_credit_refusal_only(client: Client) -> None:
    await client.control(
        "PUT", f"/accounts/{PTS}/books/BTC-USD", {"bids": [["99.99", "50"]], "asks": [["100.01", "50"]]}
    )
    refusal = {"kind": "refuse", "operation": "order", "count": 1}
    try:
        await client.faults(PTS, rest=[{**refusal, "error_name": "backend:trade:marginLongNOP"}])
        status, order = await client.order("next-1", quantity="0.5", on_credit_failure="next_best")
        assert (status, order["status"], order["connection"]["id"]) == (200, "filled", "spot")
        await client.faults(PTS, rest=[{**refusal, "error_name": "backend:trade:velocityLimitBreached"}])
        status, problem = await client.order("next-2", quantity="0.5", on_credit_failure="next_best")
        assert (status, problem["code"]) == (422, "velocity_limit")
    finally:
        await client.control("DELETE", f"/accounts/{PTS}/books/BTC-USD")
