"""GET trades: its filters and pages, trades planted, changed and hidden from outside, who may read them."""

from typing import Any

import pytest
from sim_harness import PREFIX, PTS, SPOT, TOKENS, Client, raw_settings, running

PLANTED = {"product": "BTC-USD", "side": "sell", "price": "99.5", "quantity": "0.25"}


async def plant(sim: Client, account: str = SPOT, **fields: Any) -> dict[str, Any]:
    return await sim.account("POST", "trades", {**PLANTED, **fields}, account)


async def listed(sim: Client, query: str = "", account: str = SPOT) -> list[dict[str, Any]]:
    reply = await sim.get(f"trades?{query}", account)
    assert reply.status == 200, reply.text
    rows: list[dict[str, Any]] = reply.json["data"]
    return rows


async def test_trades_come_newest_first_and_each_is_found_by_its_id(sim: Client) -> None:
    orders = [(await sim.place()).json["id"] for _ in range(3)]
    rows = await listed(sim)
    assert [row["orderId"] for row in rows] == orders[::-1]
    for row in rows:
        assert (await sim.get(f"trades/{row['id']}")).json == row


async def test_trades_are_paged_by_offset_and_limit(sim: Client) -> None:
    for _ in range(5):
        await sim.place()
    ids = [row["id"] for row in await listed(sim)]
    pages = [[row["id"] for row in await listed(sim, f"offset={at}&limit=2")] for at in (0, 2, 4, 6)]
    assert pages == [ids[:2], ids[2:4], ids[4:], []]


async def test_a_limit_above_the_largest_page_is_refused() -> None:
    async with running(raw_settings(page_max=2)) as sim:
        for _ in range(3):
            await sim.place()
        assert len(await listed(sim)) == 2
        for path in ("trades?limit=3", "orders?limit=3"):
            refused = await sim.get(path)
            assert (refused.status, refused.error_name) == (400, "backend:common:invalidArgument")
            assert refused.json["context"]["message"] == "limit must be an integer from 0 to 2."


async def test_a_planted_trade_has_an_order_that_no_router_placed(sim: Client) -> None:
    before = await sim.balances()
    made = await plant(sim, time="2026-01-05T10:00:00Z", creation_date="2026-01-06T10:00:00Z")
    ours = (await sim.place(clientOrderId="ours")).json["id"]
    assert [row["id"] for row in await listed(sim)][1:] == [made["trade"]["id"]]
    trade = (await sim.get(f"trades/{made['trade']['id']}")).json
    assert trade == made["trade"]
    assert (trade["price"], trade["quantity"], trade["quoteQuantity"]) == ("99.5", "0.25", "24.875")
    assert (trade["time"][:10], trade["creationDate"][:10]) == ("2026-01-05", "2026-01-06")
    order = await sim.order(trade["orderId"])
    assert order == made["order"]
    assert (order["clientOrderId"], order["status"], order["filledQuantity"]) == ("", "completed", "0.25")
    assert [row["id"] for row in (await sim.get("orders")).json["data"]] == [ours, order["id"]]
    await sim.cancel(ours)
    assert (await sim.balances())["BTC"]["balance"] == str(int(before["BTC"]["balance"]) + 1)


async def test_the_order_of_a_planted_trade_stands_where_its_time_belongs_and_is_over(sim: Client) -> None:
    ours = (await sim.place()).json["id"]
    late = (await plant(sim, time="2026-01-05T10:00:00Z"))["order"]["id"]
    early = (await plant(sim, time="2026-01-04T10:00:00Z"))["order"]["id"]
    assert [row["id"] for row in (await sim.get("orders")).json["data"]] == [ours, late, early]
    spot = (await sim.control("GET", "state"))["accounts"][0]
    assert (spot["working"], spot["orders"], spot["trades"]) == (0, 3, 3)


async def test_a_planted_trade_may_have_someones_client_order_id(sim: Client) -> None:
    made = await plant(sim, client_order_id="theirs")
    (found,) = (await sim.get("orders?clientOrderId=theirs")).json["data"]
    assert found["id"] == made["order"]["id"]
    reused = await sim.place(clientOrderId="theirs")
    assert (reused.status, reused.error_name) == (409, "backend:common:inUse")
    await sim.account("POST", "trades", {**PLANTED, "client_order_id": "theirs"}, expect=400)


async def test_a_hidden_trade_is_missing_and_its_order_is_not(sim: Client) -> None:
    order = (await sim.place()).json
    (row,) = await listed(sim)
    await sim.account("DELETE", f"trades/{row['id']}")
    assert await listed(sim) == []
    gone = await sim.get(f"trades/{row['id']}")
    assert (gone.status, gone.json["error"]) == (404, "backend:common:notFound key=tradeID")
    assert (await sim.order(order["id"]))["filledQuantity"] == "1"
    assert len((await sim.ledger())[0]["fills"]) == 1


async def test_a_changed_trade_is_shown_changed_and_the_truth_stays(sim: Client) -> None:
    await sim.place()
    (row,) = await listed(sim)
    await sim.account("PUT", f"trades/{row['id']}", {"price": "101"})
    await sim.account("PUT", f"trades/{row['id']}", {"quantity": "0.5"})
    (changed,) = await listed(sim)
    assert changed == {**row, "price": "101", "quantity": "0.5", "quoteQuantity": "50.5"}
    assert (await sim.ledger())[0]["fills"][0]["price"] == "100.1"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("dateGte=2026-01-02T00:00:00Z", "cb"),
        ("dateLt=2026-01-02T00:00:00Z", "a"),
        ("dateGte=2026-01-01T00:00:00Z&dateLt=2026-01-03T00:00:00Z", "ba"),
        ("creationDateGte=2026-01-10T00:00:00Z", "b"),
        ("creationDateLt=2026-01-10T00:00:00Z", "ca"),
        ("fundingType=margin", "a"),
        ("fundingType=funded", "cb"),
        ("isSettled=false", "cba"),
        ("isSettled=true", ""),
        ("limit=1", "c"),
        ("offset=1&limit=1", "b"),
        ("offset=9", ""),
        ("limit=0", ""),
    ],
)
async def test_trades_are_filtered(sim: Client, query: str, expected: str) -> None:
    names = {}
    for name, day, extra in (
        ("c", 3, {}),
        ("a", 1, {"funding_type": "margin"}),
        ("b", 2, {"creation_date": "2026-01-11T00:00:00Z"}),
    ):
        made = await plant(sim, time=f"2026-01-0{day}T00:00:00Z", **extra)
        names[made["trade"]["id"]] = name
    assert "".join(names[row["id"]] for row in await listed(sim, query)) == expected


async def test_trades_of_one_order(sim: Client) -> None:
    order = (await sim.place(quantity="6")).json["id"]
    await plant(sim)
    rows = await listed(sim, f"orderId={order}")
    assert [(row["orderId"], row["price"]) for row in rows] == [(order, "100.2"), (order, "100.1")]


@pytest.mark.parametrize(
    "query",
    [
        "orderId=short",
        "dateGte=yesterday",
        "isSettled=1",
        "fundingType=free",
        "colour=red",
        "limit=-1",
        "limit=501",
    ],
)
async def test_a_wrong_filter_is_refused(sim: Client, query: str) -> None:
    refused = await sim.get(f"trades?{query}")
    assert (refused.status, refused.error_name) == (400, "backend:common:invalidArgument")


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "trades", {**PLANTED, "colour": "red"}, 400),
        ("POST", "trades", {**PLANTED, "price": "0"}, 400),
        ("POST", "trades", {**PLANTED, "time": "2999-01-01T00:00:00Z"}, 400),
        ("POST", "trades", {**PLANTED, "time": "2026-02-30T00:00:00Z"}, 400),
        ("POST", "trades", {**PLANTED, "product": "XRP-USD"}, 404),
        ("PUT", "trades/nothing", {"price": "1"}, 404),
        ("DELETE", "trades/nothing", None, 404),
        ("POST", "settle", {"before": "soon"}, 400),
    ],
)
async def test_a_wrong_control_request_says_why(
    sim: Client, method: str, path: str, body: Any, status: int
) -> None:
    assert (await sim.account(method, path, body, expect=status))["error"]


async def test_who_the_token_belongs_to_and_which_accounts_it_has() -> None:
    raw = raw_settings()
    raw["accounts"][1]["token"] = TOKENS[SPOT]
    async with running(raw) as sim:
        user = (await sim.send("GET", f"{PREFIX}/user/current", token=TOKENS[SPOT])).json
        accounts = (await sim.send("GET", f"{PREFIX}/accounts", token=TOKENS[SPOT])).json["data"]
    assert set(user) == {"id", "firstName", "lastName", "email"}
    assert accounts == [{"id": SPOT, "name": "Treasury"}, {"id": PTS, "name": "Margin"}]


@pytest.mark.parametrize(
    ("scopes", "reads", "places"), [(["trade_view"], 200, 403), (["trade_trade"], 403, 200), ([], 403, 403)]
)
async def test_each_operation_wants_its_scope(scopes: list[str], reads: int, places: int) -> None:
    raw = raw_settings()
    raw["accounts"][0]["scopes"] = scopes
    async with running(raw) as sim:
        for path in ("balances", "trades", "orders", "products"):
            reply = await sim.get(path)
            assert reply.status == reads, path
        for path in ("user/current", "accounts"):
            assert (await sim.send("GET", f"{PREFIX}/{path}", token=TOKENS[SPOT])).status == reads
        placed = await sim.place()
        assert placed.status == places
        if places == 403:
            assert placed.error_name == "backend:common:forbidden"


async def test_a_token_reads_no_other_account(sim: Client) -> None:
    for path in ("balances", "trades", "margin/riskprofile"):
        reply = await sim.send("GET", f"{PREFIX}/accounts/{PTS}/{path}", token=TOKENS[SPOT])
        assert (reply.status, reply.error_name) == (403, "backend:common:forbidden")


async def test_an_account_without_margin_has_no_margin_to_read(sim: Client) -> None:
    for path in ("riskprofile", "risksettings", "netopenpositions", "collateral/transferred"):
        reply = await sim.get(f"margin/{path}")
        assert (reply.status, reply.error_name) == (403, "backend:common:forbidden")
