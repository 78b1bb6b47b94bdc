"""Settlement: when it is, what it changes, and what can be withdrawn before it."""

from datetime import UTC, datetime

import pytest
from sim_harness import PTS, Client, dec, limit

from venues.simulator.settlement import Settlements, is_test, next_settlement


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("traded", "settles"),
    [
        ("2026-01-14T10:00:00", "2026-01-14T17:00:00"),
        ("2026-01-14T17:00:00", "2026-01-15T17:00:00"),
        ("2026-01-16T18:00:00", "2026-01-19T17:00:00"),
        ("2026-01-17T10:00:00", "2026-01-19T17:00:00"),
        # In summer noon in New York is an hour earlier in UTC: from the second Sunday of March ...
        ("2026-03-06T18:00:00", "2026-03-09T16:00:00"),
        ("2026-07-14T15:59:59", "2026-07-14T16:00:00"),
        # ... to the first of November.
        ("2026-10-30T17:00:00", "2026-11-02T17:00:00"),
    ],
)
def test_trades_settle_at_noon_in_new_york_on_weekdays(traded: str, settles: str) -> None:
    assert next_settlement(moment(traded)) == moment(settles)


def test_what_is_told_to_settle_settles_once() -> None:
    settlements = Settlements()
    early, late = moment("2026-01-01T00:00:00"), moment("2026-01-02T00:00:00")
    settlements.run(late, moment("2026-01-05T00:00:00"))
    settlements.run(late, moment("2026-01-06T00:00:00"))
    assert settlements.date("BTC-USD", early) == moment("2026-01-05T00:00:00")
    assert settlements.date("BTC-USD", late) is None


def test_test_products_never_settle() -> None:
    assert (is_test("TBTC-TUSD*"), is_test("BTC-USD"), is_test("TRX-USD")) == (True, False, False)


async def test_a_trade_and_its_order_settle_when_told_to(sim: Client) -> None:
    order = (await sim.place()).json["id"]
    await sim.place(product="TBTC-TUSD*", quantityCurrency="TBTC", quantity="0.5")
    test, fresh = (await sim.get("trades")).json["data"]
    assert (fresh["settled"], fresh["settleDate"]) == (False, None)
    assert (await sim.order(order))["settleDate"] is None
    done = await sim.account("POST", "settle")
    assert done["trades"] == 1
    (settled,) = (await sim.get("trades?isSettled=true")).json["data"]
    assert settled == {**fresh, "settled": True, "settleDate": settled["settleDate"]}
    assert settled["settleDate"] >= done["before"]
    assert (await sim.order(order))["settleDate"] == settled["settleDate"]
    assert (await sim.get("trades?isSettled=false")).json["data"] == [test]
    # A later settlement does not move the date of an earlier one.
    await sim.account("POST", "settle")
    assert (await sim.get(f"trades/{fresh['id']}")).json == settled


async def test_only_what_was_traded_before_a_time_settles(sim: Client) -> None:
    await sim.place()
    (row,) = (await sim.get("trades")).json["data"]
    assert (await sim.account("POST", "settle", {"before": row["time"]}))["trades"] == 0
    assert (await sim.get("trades?isSettled=true")).json["data"] == []


async def test_proceeds_are_tradable_at_once_and_withdrawable_once_settled(sim: Client) -> None:
    await sim.place(side="sell", quantity="2")
    row = (await sim.balances())["USD"]
    assert (row["balance"], row["tradableBalance"]) == ("1000199.8", "1000199.8")
    assert (row["withdrawableBalance"], row["unsettledHeldBalance"]) == ("1000000", "0")
    asked = (await sim.get("balances?includeUnsettledInAvailable=true")).json["data"]
    assert {one["currency"]: one["withdrawableBalance"] for one in asked}["USD"] == "1000199.8"
    # What was sold is gone at once, settled or not.
    assert (await sim.balances())["BTC"]["withdrawableBalance"] == "8"
    await sim.account("POST", "settle")
    assert (await sim.balances())["USD"]["withdrawableBalance"] == "1000199.8"


async def test_what_was_bought_and_sold_again_leaves_only_the_rest_unsettled(sim: Client) -> None:
    await sim.place(quantity="3")
    await sim.place(side="sell", quantity="2")
    row = (await sim.balances())["BTC"]
    assert (row["tradableBalance"], row["withdrawableBalance"]) == ("11", "10")


async def test_orders_hold_what_has_not_settled_first(sim: Client) -> None:
    await sim.place(side="sell", quantity="1")
    order = (await sim.place(**limit("90", quantity="1"))).json["id"]
    row = (await sim.balances())["USD"]
    assert (row["heldBalance"], row["unsettledHeldBalance"]) == ("90", "90")
    assert (row["tradableBalance"], row["withdrawableBalance"]) == ("1000009.9", "1000000")
    await sim.place(**limit("50", quantity="1"))
    row = (await sim.balances())["USD"]
    assert (row["heldBalance"], row["unsettledHeldBalance"]) == ("140", "99.9")
    assert dec(row["withdrawableBalance"]) == dec(row["tradableBalance"]) == dec("999959.9")
    async with sim.feed() as feed:
        await feed.ask("subscribe", "orders")
        await sim.cancel(order)
        await feed.until(status="canceled")
    row = (await sim.balances())["USD"]
    assert (row["heldBalance"], row["unsettledHeldBalance"]) == ("50", "50")
    await sim.account("POST", "settle")
    assert (await sim.balances())["USD"]["unsettledHeldBalance"] == "0"


async def test_margin_trades_settle_without_moving_balances(sim: Client) -> None:
    await sim.place(PTS)
    before = await sim.balances(PTS)
    assert (await sim.account("POST", "settle", account=PTS))["trades"] == 1
    assert (await sim.get("trades?isSettled=true&fundingType=margin", PTS)).json["data"][0]["settled"]
    assert await sim.balances(PTS) == before
