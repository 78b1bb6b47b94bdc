"""A portfolio that trades on post-trade credit."""

from decimal import Decimal
from typing import Any

import pytest
from test_sim_coinbase_kit import CB_PTS, LIMITS, Prime, message, prime, pts, spot


async def _refused(api: Prime, status: int, says: str, **fields: Any) -> None:
    """Refuse the acceptance of a quote and a plain order alike; neither leaves anything."""
    credit = await api.credit()
    quote = await api.quote(**fields)
    accepted = await api.accept(quote["quote_id"], side=fields.get("side", "BUY"))
    placed = await api.place(**fields)
    for reply in (accepted, placed):
        assert reply.status == status, reply.text
        assert says in message(reply)
    assert (await api.control("GET", "orders"))["data"] == []
    assert await api.credit() == credit


async def test_the_line_is_shown_as_described() -> None:
    credit = {"limit": "1000", "utilized": "250.5"}
    async with prime(pts(credit=credit)) as api:
        shown = await api.of(CB_PTS).credit()
    assert shown == {
        "portfolio_id": CB_PTS,
        "currency": "USD",
        "limit": "1000",
        "utilized": "250.5",
        "available": "749.5",
        "frozen": False,
        "frozen_reason": "",
        "amounts_due": [],
        "enabled": True,
        "adjusted_credit_utilized": "250.5",
        "adjusted_portfolio_equity": "0",
    }


async def test_a_portfolio_on_its_own_money_has_a_line_that_is_not_enabled() -> None:
    async with prime(spot()) as api:
        shown = await api.credit()
        assert (shown["enabled"], shown["limit"], shown["available"]) == (False, "0", "0")
        await api.control("PUT", "credit", {"limit": "5"}, expect=409)


async def test_what_is_bought_is_owed_and_what_is_sold_pays_it_back() -> None:
    async with prime(pts(fee_bps="10")) as first:
        api = first.of(CB_PTS)
        quote = await api.quote(base_quantity="2")
        await api.accepted(quote["quote_id"])
        credit = await api.credit()
        assert (credit["utilized"], credit["available"]) == ("200.4002", "799.5998")
        assert [(due["currency"], due["amount"]) for due in credit["amounts_due"]] == [("USD", "200.4002")]
        assert (await api.balance("BTC"))[0] == "2"
        back = await api.quote(side="SELL", base_quantity="2")
        await api.accepted(back["quote_id"], side="SELL")
        left = await api.credit()
    assert Decimal(left["utilized"]) == Decimal("200.4002") - Decimal(back["order_total"])


async def test_what_is_sold_and_not_there_is_owed_at_the_price_of_the_moment() -> None:
    async with prime(pts()) as first:
        api = first.of(CB_PTS)
        await api.placed(side="SELL", base_quantity="3")
        credit = await api.credit()
        assert credit["amounts_due"][0]["currency"] == "BTC"
        assert (credit["amounts_due"][0]["amount"], credit["utilized"]) == ("3", "300")
        await api.control("PUT", "prices", {"BTC-USD": "110"})
        assert (await api.credit())["utilized"] == "330"


async def test_the_balance_goes_first() -> None:
    async with prime(pts(balances={"USD": "100"}, credit={"limit": "101"})) as first:
        api = first.of(CB_PTS)
        await api.placed(base_quantity="2")
        assert (await api.balance("USD"))[0] == "0"
        assert (await api.credit())["utilized"] == "100.2"


async def test_working_orders_use_the_line_and_give_it_back() -> None:
    async with prime(pts()) as first:
        api = first.of(CB_PTS)
        order = await api.placed(type="LIMIT", limit_price="90", base_quantity="10")
        assert (await api.credit())["available"] == "100"
        assert (await api.place(base_quantity="1")).status == 400
        await api.call("POST", f"orders/{order['id']}/cancel")
        assert (await api.credit())["available"] == "1000"


async def test_what_a_cancelled_order_held_pays_what_is_owed_of_it() -> None:
    async with prime(pts(balances={"BTC": "1"})) as first:
        api = first.of(CB_PTS)
        order = await api.placed(type="LIMIT", side="SELL", limit_price="110")
        await api.placed(side="SELL", base_quantity="0.4")
        assert [due["currency"] for due in (await api.credit())["amounts_due"]] == ["BTC"]
        await api.call("POST", f"orders/{order['id']}/cancel")
        assert (await api.credit())["amounts_due"] == []
        assert await api.balance("BTC") == ("0.6", "0")


async def test_an_order_beyond_what_is_available_is_refused() -> None:
    async with prime(pts(credit={"limit": "1000", "utilized": "950"})) as first:
        api = first.of(CB_PTS)
        await _refused(api, 400, "larger", base_quantity="0.5")
        await _refused(api, 400, "larger", side="SELL", base_quantity="0.51")
        assert (await api.place(base_quantity="0.4")).status == 200


async def test_all_of_the_line_can_be_used() -> None:
    async with prime(pts(credit={"limit": "50.05"})) as first:
        api = first.of(CB_PTS)
        await api.accepted((await api.quote())["quote_id"])
        assert (await api.credit())["available"] == "0"


@pytest.mark.parametrize(
    ("change", "status", "says"),
    [
        ({"frozen": True, "frozen_reason": "Balance outstanding"}, 403, "frozen"),
        ({"enabled": False}, 403, "not enabled"),
        ({"limit": "10"}, 400, "larger"),
        ({"utilized": "999"}, 400, "larger"),
    ],
)
async def test_the_line_is_changed_from_outside(change: dict[str, Any], status: int, says: str) -> None:
    back = {"frozen": False, "enabled": True, "limit": "1000", "utilized": "0"}
    async with prime(pts()) as first:
        api = first.of(CB_PTS)
        await api.control("PUT", "credit", change)
        shown = await api.credit()
        assert {name: shown[name] for name in change} == change
        await _refused(api, status, says)
        await api.control("PUT", "credit", back)
        assert (await api.credit())["frozen_reason"] == ""
        assert (await api.place()).status == 200


async def test_what_is_used_can_be_set_after_trades() -> None:
    async with prime(pts()) as first:
        api = first.of(CB_PTS)
        await api.placed()
        for used in ("0", "700", "40.5"):
            await api.control("PUT", "credit", {"utilized": used})
            assert (await api.credit())["utilized"] == used


@pytest.mark.parametrize("side", list(LIMITS))
async def test_a_frozen_line_refuses_what_would_use_none_of_it_too(side: str) -> None:
    money = {"USD": "1000", "BTC": "10"}
    async with prime(pts(balances=money, credit={"limit": "1000", "frozen": True})) as first:
        await _refused(first.of(CB_PTS), 403, "frozen", side=side)


@pytest.mark.parametrize(
    ("strike", "shows"),
    [
        ("freeze", {"frozen": True, "frozen_reason": "Balance outstanding"}),
        ("disable", {"enabled": False}),
        ("exhaust", {"available": "0", "utilized": "1000"}),
    ],
)
async def test_credit_can_go_between_the_quote_and_its_acceptance(strike: str, shows: dict[str, Any]) -> None:
    async with prime(pts()) as first:
        api = first.of(CB_PTS)
        await api.faults(credit={"on_order": strike, "count": 1})
        quote = await api.quote()
        assert (await api.credit())["available"] == "1000"
        reply = await api.accept(quote["quote_id"])
        assert (reply.status in {400, 403}, bool(message(reply))) == (True, True)
        credit = await api.credit()
        assert {name: credit[name] for name in shows} == shows
        assert (await api.control("GET", "orders"))["data"] == []


async def test_a_line_is_looked_at_with_the_quote_where_that_is_set() -> None:
    async with prime(pts(funds_checked_at_quote=True, credit={"limit": "50"})) as first:
        api = first.of(CB_PTS)
        assert (await api.rfq()).status == 400
        assert (await api.rfq(base_quantity="0.4")).status == 200
