"""Firm quotes against streamed books: Coinbase Prime and BitGo compete, in processes of their own.

Every test names the connections that it is about; their prices stand in `rivals`.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import aiohttp
import pytest

from tests.e2e.rivals import CREDIT, PORTFOLIOS, PTS, RARE, SPOT, Desk, Rivals
from tests.e2e.system import entries


@pytest.fixture(scope="module")
def rivals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rivals]:
    """A simulator and a router over both counterparties."""
    system = Rivals(tmp_path_factory.mktemp("rivals"))
    try:
        yield system
    finally:
        codes = system.stop()
    assert codes == (0, 0), (system.router.log[-10:], system.simulator.log[-10:])


@pytest.fixture
async def desk(rivals: Rivals) -> AsyncIterator[Desk]:
    """The system with healthy counterparties that quote as they did at first."""
    async with aiohttp.ClientSession() as session:
        desk = Desk(rivals, session)
        for portfolio in PORTFOLIOS.values():
            await desk.control("DELETE", f"/coinbase/{portfolio}/faults")
            await desk.set_prime(
                portfolio,
                "settings",
                {"price_offset_bps": "0", "quote_duration_ms": 3000, "quote_delay_ms": 0},
            )
        await desk.set_prime(PTS, "credit", CREDIT)
        await desk.until_all("ready")
        yield desk


def outcome(entry: Mapping[str, Any]) -> tuple[str, str | None]:
    return entry["outcome"], entry["reason"]


async def test_a_firm_quote_wins_and_is_accepted_by_its_id(desk: Desk) -> None:
    status, order = await desk.buy("firm-1", "bitgo", "cb-spot", "cb-pts")
    assert (status, order["status"], order["connection"]["id"]) == (200, "filled", "cb-spot")
    _, held = await desk.record(order["competition_id"])
    assert [held[name]["rank"] for name in ("cb-spot", "cb-pts", "bitgo")] == [1, 2, 3]
    assert [held[name]["firm"] for name in ("cb-spot", "cb-pts", "bitgo")] == [True, True, False]
    assert [held[name]["source"] for name in ("cb-spot", "cb-pts", "bitgo")] == ["rfq", "rfq", "book"]
    assert held["bitgo"]["valid_until"] is None
    [accept] = await desk.accepts(SPOT, order["id"])
    assert accept["body"]["quote_id"] == held["cb-spot"]["quote_id"]
    [taken] = await desk.taken(SPOT, order["id"])
    assert (taken["type"], taken["status"], taken["filled_quantity"]) == ("RFQ", "FILLED", "1")
    assert (order["average_price"], order["slippage_bps"]) == ("100.05", "0")


async def test_a_quote_that_ends_before_the_send_is_not_accepted_late(desk: Desk) -> None:
    # The best quote comes at once and ends while the competition still waits for the other desk.
    await desk.set_prime(SPOT, "settings", {"quote_duration_ms": 300})
    await desk.set_prime(PTS, "settings", {"quote_delay_ms": 600})
    status, order = await desk.buy("ended-1", "cb-spot", "cb-pts", "bitgo")
    assert (status, order["connection"]["id"]) == (200, "cb-pts")
    record, held = await desk.record(order["competition_id"])
    assert outcome(held["cb-spot"]) == ("failed", "quote_expired")
    assert held["cb-spot"]["answered_at"] < held["cb-spot"]["valid_until"] < record["closed_at"]
    assert await desk.accepts(SPOT, order["id"]) == []
    assert await desk.taken(SPOT, order["id"]) == []


async def test_a_losing_quote_leaves_nothing_behind(desk: Desk) -> None:
    await desk.set_prime(SPOT, "settings", {"price_offset_bps": "50"})
    before = await desk.control("GET", f"/coinbase/{SPOT}")
    came = len(await desk.prime(SPOT, "requests"))
    _, order = await desk.buy("lost-1", "bitgo", "cb-spot")
    assert (order["status"], order["connection"]["id"]) == ("filled", "bitgo")
    _, held = await desk.record(order["competition_id"])
    assert outcome(held["cb-spot"]) == ("lost", None)
    [quote] = [q for q in await desk.prime(SPOT, "quotes") if q["quote_id"] == held["cb-spot"]["quote_id"]]
    assert quote["order_id"] is None
    after = await desk.control("GET", f"/coinbase/{SPOT}")
    unchanged = ("balances", "held", "orders", "working", "fills", "quotes_accepted")
    assert [after[name] for name in unchanged] == [before[name] for name in unchanged]
    posts = [call for call in (await desk.prime(SPOT, "requests"))[came:] if call["method"] == "POST"]
    assert [call["path"].rsplit("/", 1)[1] for call in posts] == ["rfq"]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ({"frozen": True, "frozen_reason": "Overdue"}, "credit_frozen"),
        ({"enabled": False}, "credit_unavailable"),
        ({"limit": "1"}, "credit_unavailable"),
    ],
    ids=["frozen", "not-enabled", "too-small"],
)
async def test_a_refusal_for_credit_at_acceptance_has_its_code_and_next_best_goes_on(
    desk: Desk, line: Mapping[str, object], code: str
) -> None:
    await desk.set_prime(PTS, "credit", line)
    name = "-".join(line)
    status, problem = await desk.buy(f"credit-{name}", "bitgo", "cb-pts")
    assert (status, problem["code"], problem["connection"]["id"]) == (422, code, "cb-pts")
    assert problem["venue_error"]["http_status"] in (400, 403)
    assert len(await desk.accepts(PTS, problem["order_id"])) == 1
    status, order = await desk.buy(f"next-{name}", "bitgo", "cb-pts", on_credit_failure="next_best")
    assert (status, order["status"], order["connection"]["id"]) == (200, "filled", "bitgo")
    assert [(a["connection"]["id"], (a["error"] or {}).get("code")) for a in order["attempts"]] == [
        ("cb-pts", code),
        ("bitgo", None),
    ]
    assert len(await desk.accepts(PTS, order["id"])) == 1
    assert await desk.taken(PTS, order["id"]) == []


async def test_an_answer_lost_after_acceptance_is_found_by_listing(desk: Desk) -> None:
    fault = {"kind": "lost_after", "operation": "accept_quote", "count": 1}
    await desk.set_prime(SPOT, "faults", {"rest": [fault]})
    came = len(await desk.prime(SPOT, "requests"))
    status, answer = await desk.buy("listed-1", "cb-spot", "bitgo")
    assert status in (200, 202)
    order = await desk.eventually_final(answer["id"])
    assert (order["status"], order["filled_quantity"], order["connection"]["id"]) == (
        "filled",
        "1",
        "cb-spot",
    )
    calls = (await desk.prime(SPOT, "requests"))[came:]
    assert {"open_orders", "orders"} <= {call["path"].rsplit("/", 1)[1] for call in calls}
    assert len(await desk.accepts(SPOT, order["id"])) == 1
    assert len(await desk.taken(SPOT, order["id"])) == 1


async def test_a_rival_that_hangs_costs_the_others_the_deadline_and_no_more(desk: Desk) -> None:
    fault = {"kind": "hang_before", "operation": "rfq", "count": 1}
    await desk.set_prime(PTS, "faults", {"rest": [fault]})
    status, order = await desk.buy("hang-1", "cb-spot", "cb-pts", "bitgo")
    assert (status, order["status"], order["connection"]["id"]) == (200, "filled", "cb-spot")
    record, held = await desk.record(order["competition_id"])
    assert outcome(held["cb-pts"]) == ("failed", "timeout")
    assert outcome(held["bitgo"]) == ("lost", None)
    assert held["cb-pts"]["answered_at"] is None
    assert held["cb-spot"]["answered_at"] < record["deadline_at"]
    # It hangs for that question alone: the next competition has all of them, and no deadline to wait for.
    _, order = await desk.buy("hang-2", "cb-spot", "cb-pts", "bitgo")
    record, held = await desk.record(order["competition_id"])
    assert outcome(held["cb-pts"]) == ("lost", None)
    assert record["closed_at"] < record["deadline_at"]


async def test_a_routing_group_keeps_an_asset_from_the_others(desk: Desk) -> None:
    came = {name: len(await desk.prime(portfolio, "quotes")) for name, portfolio in PORTFOLIOS.items()}
    status, order = await desk.order("group-1", product="ETH-USD", quantity_currency="ETH")
    assert (status, order["connection"]["id"]) == (200, "bitgo")
    left_out = {name: outcome(entry) for name, entry in entries(order).items() if name != "bitgo"}
    assert left_out == dict.fromkeys(PORTFOLIOS, ("excluded", "not_selected"))
    assert {n: len(await desk.prime(p, "quotes")) for n, p in PORTFOLIOS.items()} == came


async def test_rules_keep_small_orders_and_too_many_questions_from_a_desk(desk: Desk) -> None:
    small = await desk.rfq("cb-rare", "bitgo", quantity="0.1")
    _, held = await desk.record(small["competition_id"])
    assert outcome(held["cb-rare"]) == ("excluded", "size_below_minimum")
    assert await desk.prime(RARE, "quotes") == []
    outcomes = []
    for _ in range(3):
        rfq = await desk.rfq("cb-rare", "bitgo")
        outcomes.append((await desk.record(rfq["competition_id"]))[1]["cb-rare"])
    assert [outcome(entry) for entry in outcomes] == [
        ("won", None),
        ("won", None),
        ("excluded", "rate_limited"),
    ]
    assert len(await desk.prime(RARE, "quotes")) == 2


async def test_an_rfq_stands_as_long_as_its_firm_best_quote_and_is_accepted_by_its_id(desk: Desk) -> None:
    rfq = await desk.rfq("cb-spot", "bitgo")
    assert rfq["best"]["connection"]["id"] == "cb-spot"
    _, held = await desk.record(rfq["competition_id"])
    assert rfq["valid_until"] == held["cb-spot"]["valid_until"]
    accept = f"/v1/rfqs/{rfq['id']}/accept"
    status, order = await desk.call("POST", accept, {"client_order_id": "rfq-1"})
    assert (status, order["status"], order["average_price"]) == (200, "filled", "100.05")
    [accepted] = await desk.accepts(SPOT, order["id"])
    assert accepted["body"]["quote_id"] == held["cb-spot"]["quote_id"]
    again, same = await desk.call("POST", accept, {"client_order_id": "rfq-1"})
    assert (again, same["id"]) == (200, order["id"])
    assert len(await desk.taken(SPOT, order["id"])) == 1


async def test_an_rfq_is_led_by_a_quote_that_still_stands_and_ends_with_it(desk: Desk) -> None:
    await desk.set_prime(SPOT, "settings", {"quote_duration_ms": 300})
    alone = await desk.rfq("cb-spot")
    # Until the other desk has answered, both quotes of the first one have ended.
    await desk.set_prime(PTS, "settings", {"quote_delay_ms": 600})
    rfq = await desk.rfq("cb-spot", "cb-pts")
    _, held = await desk.record(rfq["competition_id"])
    assert outcome(held["cb-spot"]) == ("failed", "quote_expired")
    assert rfq["best"]["connection"]["id"] == "cb-pts"
    assert rfq["valid_until"] == held["cb-pts"]["valid_until"]
    accept = f"/v1/rfqs/{alone['id']}/accept"
    status, problem = await desk.call("POST", accept, {"client_order_id": "rfq-late"})
    assert (status, problem["code"]) == (410, "rfq_expired")
    accept = f"/v1/rfqs/{rfq['id']}/accept"
    status, order = await desk.call("POST", accept, {"client_order_id": "rfq-in-time"})
    assert (status, order["status"], order["connection"]["id"]) == (200, "filled", "cb-pts")


async def test_a_kill_after_the_accept_was_sent_finds_it_and_never_accepts_twice(
    desk: Desk, rivals: Rivals
) -> None:
    fault = {"kind": "hang_after", "operation": "accept_quote", "count": 1}
    await desk.set_prime(SPOT, "faults", {"rest": [fault]})
    status, order = await desk.buy("kill-1", "cb-spot", "bitgo")
    assert (status, order["status"]) == (202, "pending_new")
    assert len(await desk.taken(SPOT, order["id"])) == 1
    assert await asyncio.to_thread(rivals.router.stop, signal.SIGKILL) == -signal.SIGKILL
    await asyncio.to_thread(rivals.start_router)
    found = await desk.eventually_final(order["id"])
    assert (found["status"], found["filled_quantity"], found["connection"]["id"]) == (
        "filled",
        "1",
        "cb-spot",
    )
    again, same = await desk.buy("kill-1", "cb-spot", "bitgo")
    assert (again, same["id"]) == (200, order["id"])
    assert len(await desk.accepts(SPOT, order["id"])) == 1
    assert len(await desk.taken(SPOT, order["id"])) == 1
