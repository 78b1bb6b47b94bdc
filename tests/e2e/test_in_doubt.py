"""An order whose answer is lost is in doubt: it is looked up by its client id and never sent again."""

import pytest

from tests.e2e.system import PTS, Client

TAKEN = [
    {"kind": "lost_after"},
    {"kind": "hang_after"},
    {"kind": "truncated"},
    {"kind": "garbage"},
    {"kind": "html", "processed": True},
    {"kind": "status", "status": 500, "processed": True},
    {"kind": "status", "status": 502, "body": "html", "processed": True},
]
NEVER_TAKEN = [
    {"kind": "lost_before"},
    {"kind": "reset"},
    {"kind": "status", "status": 503, "body": "empty"},
]


def named(fault: dict[str, object]) -> str:
    return "-".join(str(value) for value in fault.values())


async def sent_count(client: Client, order_id: str) -> int:
    """How many times the order reached the counterparty, taken or not."""
    requests = await client.requests(PTS)
    return sum(r["method"] == "POST" and order_id in str(r["client_order_id"]) for r in requests)


@pytest.mark.parametrize("fault", TAKEN, ids=named)
async def test_an_order_that_was_taken_is_found_and_was_sent_once(
    client: Client, fault: dict[str, object]
) -> None:
    await client.faults(PTS, rest=[{"operation": "order", "count": 1, **fault}])
    status, answer = await client.order(f"taken-{named(fault)}", quantity="0.5", connections=["pts"])
    assert status in (200, 202)
    order = await client.eventually_final(answer["id"])
    assert (order["status"], order["in_doubt"], order["filled_quantity"]) == ("filled", False, "0.5")
    assert len([o for o in await client.ledger(PTS) if order["id"] in str(o["client_order_id"])]) == 1
    # A request that still hangs is not in the log yet; what was taken is in the ledger at once.
    assert await sent_count(client, order["id"]) <= 1


@pytest.mark.parametrize("fault", NEVER_TAKEN, ids=named)
async def test_an_order_that_was_never_taken_is_called_so_after_the_settling_window(
    client: Client, fault: dict[str, object]
) -> None:
    await client.faults(PTS, rest=[{"operation": "order", "count": 1, **fault}])
    status, answer = await client.order(f"absent-{named(fault)}", quantity="0.5", connections=["pts"])
    order_id = answer.get("order_id") or answer["id"]
    assert status in (202, 422)
    order = await client.eventually_final(order_id)
    assert (order["status"], order["error"]["code"]) == ("rejected", "not_taken")
    assert not [o for o in await client.ledger(PTS) if order["id"] in str(o["client_order_id"])]
    assert await sent_count(client, order["id"]) == 1


async def test_a_caller_is_told_of_the_doubt_at_the_answer_deadline(client: Client) -> None:
    hidden = {"kind": "status", "status": 503, "operation": "order_lookup", "count": None}
    await client.control(
        "PUT",
        f"/accounts/{PTS}/faults",
        {
            "rest": [{"kind": "lost_after", "operation": "order", "count": 1}, hidden],
            "orders": {"drop_messages": True},
        },
    )
    status, order = await client.order("doubt-1", quantity="0.5", connections=["pts"])
    assert (status, order["status"], order["in_doubt"]) == (202, "pending_new", True)
    async with client.session.get(client.system.url + "/metrics") as response:
        assert 'caas_router_orders_in_doubt{connection="pts"} 1.0' in (await response.text())
    await client.control("DELETE", f"/accounts/{PTS}/faults")
    ended = await client.eventually_final(order["id"])
    assert (ended["status"], ended["filled_quantity"]) == ("filled", "0.5")
    assert await sent_count(client, order["id"]) == 1
