"""What an operator does: look at the orders in doubt, end one by what was found out, follow what happens."""

import json

import pytest

from tests.unit.cli import samples
from tests.unit.cli import test_margin as margin
from tests.unit.cli.conftest import HANG_UP, FakeRouter, Run

DOUBT = {
    "since": "2026-01-02T03:04:05.678901Z",
    "overdue_ms": 61_500,
    "venue_client_order_id": "o-1-1-bitgo-pts",
    "last_look_up": {"time": "2026-01-02T03:05:07.000000Z", "answer": "HTTP 503"},
}
DOUBTFUL = samples.IN_DOUBT | {"connection": samples.MARGIN, "doubt": DOUBT}
FINDING = {
    "finding": "absent",
    "operator": "J. Doe",
    "reason": "not on their page",
    "recorded_at": "2026-01-02T03:06:00.000000Z",
    "venue_order_id": None,
    "filled_quantity": "0",
    "average_price": None,
    "contradicted_at": None,
}
NOT_TAKEN = samples.FAILED | {"code": "not_taken", "status": 422, "title": "It never took it"}
ENDED = samples.REJECTED | {"finding": FINDING, "error": NOT_TAKEN}
RESOLVE = ("orders", "resolve", "o-1", "--by", "J. Doe", "--reason", "not on their page")


@pytest.mark.parametrize("command", [("orders",), ("orders", "list")])
async def test_the_orders_in_doubt_are_listed_with_all_that_is_needed_to_find_them(
    router: FakeRouter, run: Run, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    router.answer("GET", "/v1/orders?limit=20&in_doubt=true", 200, samples.page(DOUBTFUL))
    ran = await run(*command, "--in-doubt")
    assert ran.code == 0
    for part in (
        "BitGo Margin PTS",
        "2026-01-02 03:04:05",
        "61 s",
        "o-1-1-bitgo-pts",
        "desk-7-000123",
        "03:05:07 HTTP 503",
    ):
        assert part in ran.flat


async def test_one_that_is_not_overdue_yet_and_was_not_looked_up(router: FakeRouter, run: Run) -> None:
    young = DOUBTFUL | {"doubt": DOUBT | {"overdue_ms": None, "last_look_up": None}}
    router.answer("GET", "/v1/orders?limit=20&in_doubt=true", 200, samples.page(young))
    assert " no " in (await run("orders", "--in-doubt")).flat


async def test_orders_alone_is_the_list(router: FakeRouter, run: Run) -> None:
    router.answer("GET", "/v1/orders?limit=20", 200, samples.page(samples.FILLED))
    ran = await run("orders")
    assert (ran.code, "desk-7-000123" in ran.out) == (0, True)


async def test_absent_is_recorded_with_the_name_and_the_reason(router: FakeRouter, run: Run) -> None:
    router.answer("GET", "/v1/orders/o-1", 200, DOUBTFUL)
    router.answer("POST", "/v1/orders/o-1/finding", 200, ENDED)
    ran = await run(*RESOLVE, "--found", "absent")
    assert ran.code == 0
    assert router.asked[-1].body == {
        "finding": "absent",
        "operator": "J. Doe",
        "reason": "not on their page",
        "venue_order_id": None,
        "filled_quantity": None,
        "average_price": None,
        "final_status": None,
    }
    assert "absent, by J. Doe: not on their page" in ran.flat
    assert "the counterparty says otherwise" not in ran.flat


async def test_executed_is_recorded_by_the_client_order_id_too(router: FakeRouter, run: Run) -> None:
    router.answer("GET", "/v1/orders/desk-7-000123", 404, samples.NOT_FOUND)
    router.answer("GET", "/v1/orders?client_order_id=desk-7-000123", 200, samples.page(DOUBTFUL))
    router.answer("GET", "/v1/orders/o-1", 200, DOUBTFUL)
    router.answer("POST", "/v1/orders/o-1/finding", 200, samples.FILLED)
    said = ("--venue-order-id", "v-9", "--filled-quantity", "0.5", "--average-price", "100.10")
    command = ("orders", "resolve", "desk-7-000123", *RESOLVE[3:], "--found", "executed", *said)
    assert (await run(*command, "--final-status", "filled")).code == 0
    body = router.asked[-1].body
    assert isinstance(body, dict)
    assert [body[name] for name in ("finding", "venue_order_id", "filled_quantity", "average_price")] == [
        "executed",
        "v-9",
        "0.5",
        "100.10",
    ]
    assert body["final_status"] == "filled"


@pytest.mark.parametrize(
    ("status", "answer", "code"),
    [
        (409, samples.NOT_FOUND | {"code": "order_not_in_doubt", "status": 409}, 1),
        (400, samples.INVALID, 1),
        (200, HANG_UP, 3),
    ],
)
async def test_a_findings_exit_code(
    router: FakeRouter, run: Run, status: int, answer: object, code: int
) -> None:
    router.answer("GET", "/v1/orders/o-1", 200, DOUBTFUL)
    router.answer("POST", "/v1/orders/o-1/finding", status, answer)
    assert (await run(*RESOLVE, "--found", "absent")).code == code


async def test_an_order_that_nobody_knows_cannot_be_resolved(router: FakeRouter, run: Run) -> None:
    router.answer("GET", "/v1/orders/o-1", 404, samples.NOT_FOUND)
    router.answer("GET", "/v1/orders?client_order_id=o-1", 200, samples.page())
    assert (await run(*RESOLVE, "--found", "absent")).code == 1
    assert {asked.method for asked in router.asked} == {"GET"}


@pytest.mark.parametrize("left_out", ["--found", "--by", "--reason"])
async def test_a_finding_needs_a_name_and_a_reason(router: FakeRouter, run: Run, left_out: str) -> None:
    command = [*RESOLVE, "--found", "absent"]
    place = command.index(left_out)
    assert (await run(*command[:place], *command[place + 2 :])).code == 2
    assert router.asked == []


async def test_a_finding_that_was_contradicted_is_shown_as_such(router: FakeRouter, run: Run) -> None:
    denied = ENDED | {"finding": FINDING | {"contradicted_at": "2026-01-02T03:07:00.000000Z"}}
    router.answer("GET", "/v1/orders/o-1", 200, denied)
    assert (
        "the counterparty says otherwise, since 2026-01-02 03:07:00"
        in (await run("orders", "show", "o-1")).flat
    )


def event(number: int, name: str, data: object) -> str:
    return f"id: e-{number}\nevent: {name}\ndata: {json.dumps(data)}\n\n"


HELD = {
    "id": "c-1",
    "order_id": "o-1",
    "rfq_id": None,
    "winner": samples.MARGIN,
    "entries": samples.ENTRIES,
}
OPERATION = margin.DOUBTFUL | {
    "kind": "cover",
    "currency": None,
    "quantity": None,
    "currencies": ["BTC", "ETH"],
}
FOREIGN = {
    "connection": samples.MARGIN,
    "venue_order_id": "v-9",
    "venue_client_order_id": None,
    "product": "BTC-USD",
    "side": "sell",
    "state": "done",
    "filled_quantity": "0.5",
    "time": "2026-01-02T03:04:05.678901Z",
}
STREAM = (
    "retry: 1000\n\nid: e-6\n\n"
    + event(7, "competition", HELD)
    + ": keep-alive\n\n"
    + event(8, "order", DOUBTFUL)
    + event(9, "order", ENDED)
    + event(10, "connection", samples.CONNECTIONS["data"][1])  # type: ignore[index]  # a list of objects
    + event(11, "reset", {"detail": "events were missed"})
    + event(12, "operation", OPERATION)
    + event(13, "foreign_order", FOREIGN)
    + event(14, "news", {"of": "a later version"})
).encode()


async def test_events_are_a_line_each(router: FakeRouter, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    router.answer("GET", "/v1/events", 200, STREAM)
    ran = await run("events")
    assert [line.split(" · ")[0] for line in ran.out.splitlines()] == [
        "competition BitGo Margin PTS won among 3",
        "order       desk-7-000123 pending new on BitGo Margin PTS, in doubt",
        "order       desk-7-000123 rejected on BitGo Margin PTS, found absent by J. Doe, not_taken",
        "connection  BitGo Margin PTS is down: no answer",
        'reset       {"detail": "events were missed"}',
        "operation   cover pending on BitGo Margin PTS, in doubt, BTC, ETH",
        "not ours    done on BitGo Margin PTS: sell BTC-USD, 0.5 filled",
        'news        {"of": "a later version"}',
    ]
    assert ran.code == 4
    assert "go on with --after e-14" in ran.err


async def test_events_as_json_are_the_data_as_it_came(router: FakeRouter, run: Run) -> None:
    router.answer("GET", "/v1/events?order_id=o-1&types=order%2Ccompetition", 200, STREAM)
    ran = await run("events", "--order", "o-1", "--types", "order", "competition", "--after", "e-6", "--json")
    assert [json.loads(line) for line in ran.out.splitlines()][1] == DOUBTFUL


@pytest.mark.parametrize(
    ("status", "answer", "code"),
    [
        (429, samples.FAILED | {"code": "too_many_requests", "status": 429}, 1),
        (200, b"<html>no router</html>", 4),
        (200, HANG_UP, 4),
    ],
)
async def test_events_that_do_not_come(
    router: FakeRouter, run: Run, status: int, answer: object, code: int
) -> None:
    router.answer("GET", "/v1/events", status, answer)
    assert (await run("events")).code == code
