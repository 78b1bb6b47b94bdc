"""Every command against a router that answers as told: what is sent, what is said, how it ends."""

import re
import socket
from collections.abc import Iterator

import pytest
from cyclopts import App

from router.cli.app import main, make_app
from tests.unit.cli import samples
from tests.unit.cli.conftest import HANG_UP, FakeRouter, Run

ORDER = ("order", "BTC-USD", "buy", "0.5")


def commands(app: App, at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command of a tree of them, the tree itself first."""
    yield at
    for name in app:
        if not name.startswith("-"):
            yield from commands(app[name], (*at, name))


COMMANDS = tuple(commands(make_app()))


def test_every_command_is_there() -> None:
    """By name, so that none is lost unseen."""
    listed: dict[str, list[str]] = {}
    for command in COMMANDS[1:]:
        listed.setdefault(command[0], []).extend(command[1:])
    assert listed == {
        "serve": [],
        "simulate": [],
        "demo": [],
        "load": [],
        "quote": [],
        "order": [],
        "orders": ["list", "show", "cancel", "resolve"],
        "connections": ["list", "show", "add", "edit", "test", "remove"],
        "events": [],
        "margin": [
            "profile",
            "settings",
            "positions",
            "collateral",
            "snapshot",
            "activity",
            "close-requests",
            "withdrawals",
            "transfer",
            "position-transfer",
            "cover",
            "close",
            "withdraw",
            "operations",
            "resolve",
        ],
        "report": [
            "portfolio",
            "balances",
            "trades",
            "settlement-summary",
            "transactions",
            "execution-quality",
            "reconciliation",
        ],
    }


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(command: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, "--help"]) == 0
    told = capsys.readouterr()
    assert " ".join(("Usage: caas-router", *command)) in told.out
    assert told.err == ""


@pytest.mark.parametrize(
    ("status", "answer", "code"),
    [
        (200, samples.FILLED, 0),
        (200, samples.WORKING, 0),
        (200, samples.CANCELED_IN_PART, 0),
        (200, samples.CANCELED, 1),
        (202, samples.IN_DOUBT, 3),
        (202, samples.WORKING, 3),
        (200, samples.FILLED | {"in_doubt": True}, 3),
        (422, samples.NO_QUOTES, 1),
        (400, samples.INVALID, 1),
        (503, samples.SHUTTING_DOWN, 1),
        (500, samples.FAILED, 3),
        (502, b"<html>bad gateway</html>", 3),
        (200, b'{"id": 7}', 3),
        (200, HANG_UP, 3),
    ],
)
async def test_an_orders_exit_code_says_what_a_script_may_do_next(
    router: FakeRouter, run: Run, status: int, answer: object, code: int
) -> None:
    router.answer("POST", "/v1/orders", status, answer)
    ran = await run(*ORDER, "--client-order-id", "desk-7-000123")
    assert code == ran.code
    assert [asked.method for asked in router.asked] == ["POST"]
    if code == 3:
        assert "caas-router orders show desk-7-000123" in ran.flat


async def test_an_order_is_sent_as_the_contract_has_it(router: FakeRouter, run: Run) -> None:
    router.answer("POST", "/v1/orders", 200, samples.FILLED)
    options = (
        "--type",
        "limit",
        "--limit-price",
        "99.5",
        "--time-in-force",
        "GTD",
        "--duration-minutes",
        "5",
    )
    more = ("--connection", "a", "--connection", "b", "--on-credit-failure", "next_best")
    await run("order", "BTC-USD", "sell", "50", "USD", "--client-order-id", "mine", *options, *more)
    assert router.asked[0].body == {
        "client_order_id": "mine",
        "product": "BTC-USD",
        "side": "sell",
        "type": "limit",
        "quantity": "50",
        "quantity_currency": "USD",
        "limit_price": "99.5",
        "time_in_force": "GTD",
        "duration_minutes": 5,
        "slippage_bps_max": None,
        "connections": ["a", "b"],
        "on_credit_failure": "next_best",
    }


async def test_left_out_the_currency_is_the_base_and_the_client_order_id_a_fresh_one(
    router: FakeRouter, run: Run
) -> None:
    router.answer("POST", "/v1/orders", 200, samples.FILLED)
    await run(*ORDER)
    await run(*ORDER)
    bodies = [asked.body for asked in router.asked]
    assert [body["quantity_currency"] for body in bodies if isinstance(body, dict)] == ["BTC", "BTC"]
    ids = {body["client_order_id"] for body in bodies if isinstance(body, dict)}
    assert len(ids) == 2
    assert all(re.fullmatch("[A-Za-z0-9._:-]{1,64}", one) for one in ids)


async def test_a_filled_order_is_told_with_its_competition(router: FakeRouter, run: Run) -> None:
    router.answer("POST", "/v1/orders", 200, samples.FILLED)
    said = (await run(*ORDER)).flat
    for part in (
        "filled on BitGo Treasury",
        "bought 0.5 BTC at 100.00 USD average, 100.10 all-in, fee 0.05 USD",
        "29.88 bps = 0.15 USD against the cover price 100.40",
        "BitGo Margin PTS",
        "insufficient balance",
        "desk-7-000123",
    ):
        assert part in said


async def test_a_refused_order_is_told_with_the_competition_that_it_keeps(
    router: FakeRouter, run: Run
) -> None:
    router.answer("POST", "/v1/orders", 422, samples.CREDIT)
    router.answer("GET", "/v1/orders/o-1", 200, samples.REJECTED)
    ran = await run(*ORDER)
    assert ran.code == 1
    for part in (
        "credit_long_limit (No credit: long limit)",
        "backend:trade:marginLongNOP: Long limit reached",
        "request id unk-7, HTTP 400",
        "connection BitGo Margin PTS",
        "★ won",
    ):
        assert part in ran.flat


async def test_a_refused_order_that_cannot_be_read_again_is_told_all_the_same(
    router: FakeRouter, run: Run
) -> None:
    router.answer("POST", "/v1/orders", 422, samples.CREDIT)
    ran = await run(*ORDER)
    assert ran.code == 1
    assert "credit_long_limit" in ran.out
    assert "o-1" in ran.out


async def test_wrong_fields_are_told_one_by_one(router: FakeRouter, run: Run) -> None:
    router.answer("POST", "/v1/orders", 400, samples.INVALID)
    ran = await run("order", "BTC-USD", "buy", "many")
    assert re.search(r'quantity +a decimal string +"many"', ran.out)


@pytest.mark.parametrize(
    ("status", "answer"), [(200, samples.FILLED), (202, samples.IN_DOUBT), (422, samples.CREDIT)]
)
async def test_json_prints_the_answer_byte_by_byte(
    router: FakeRouter, run: Run, status: int, answer: object
) -> None:
    raw = router.answer("POST", "/v1/orders", status, answer)
    ran = await run(*ORDER, "--json")
    assert ran.out.encode() == raw + b"\n"
    assert ran.err == ""
    assert len(router.asked) == 1


async def test_a_quote_shows_the_ranking_and_how_long_it_stands(router: FakeRouter, run: Run) -> None:
    router.answer("POST", "/v1/rfqs", 201, samples.RFQ)
    ran = await run("quote", "BTC-USD", "buy", "0.5")
    assert ran.code == 0
    assert "2026-01-02T03:04:10.678901Z" in ran.out
    assert "★ best" in ran.out
    assert [(asked.method, asked.path) for asked in router.asked] == [("POST", "/v1/rfqs")]


async def test_a_quote_that_nobody_gave_is_no_success(router: FakeRouter, run: Run) -> None:
    router.answer("POST", "/v1/rfqs", 201, samples.RFQ | {"best": None, "entries": samples.ENTRIES[:1]})
    assert (await run("quote", "BTC-USD", "buy", "0.5", "--accept")).code == 1
    assert len(router.asked) == 1


@pytest.mark.parametrize(
    ("option", "connection"), [(("--accept",), None), (("--on", "bitgo-pts"), "bitgo-pts")]
)
async def test_a_quote_is_accepted_on_the_best_or_on_the_connection_named(
    router: FakeRouter, run: Run, option: tuple[str, ...], connection: str | None
) -> None:
    quoted = router.answer("POST", "/v1/rfqs", 201, samples.RFQ)
    placed = router.answer("POST", "/v1/rfqs/r-1/accept", 200, samples.FILLED)
    ran = await run("quote", "BTC-USD", "buy", "0.5", *option, "--client-order-id", "mine", "--json")
    assert ran.code == 0
    assert router.asked[1].body == {
        "client_order_id": "mine",
        "connection": connection,
        "on_credit_failure": None,
    }
    assert ran.out.encode() == quoted + b"\n" + placed + b"\n"


async def test_an_accepted_quote_shows_the_competition_once_and_then_the_order(
    router: FakeRouter, run: Run
) -> None:
    router.answer("POST", "/v1/rfqs", 201, samples.RFQ)
    held = {"id": "c-1", "entries": samples.RFQ["entries"]}
    router.answer("POST", "/v1/rfqs/r-1/accept", 200, samples.FILLED | {"competition": held})
    ran = await run("quote", "BTC-USD", "buy", "0.5", "--accept")
    assert ran.out.count("insufficient") == 1
    assert "filled on BitGo Treasury" in ran.flat


async def test_an_order_on_an_rfq_shows_which_quote_was_accepted(router: FakeRouter, run: Run) -> None:
    held = {"id": "c-1", "entries": samples.RFQ["entries"]}
    order = samples.FILLED | {"competition": held, "connection": samples.MARGIN}
    router.answer("GET", "/v1/orders/o-1", 200, order)
    ran = await run("orders", "show", "o-1")
    assert re.search(r"BitGo Margin PTS .*★ accepted", ran.out)
    assert ran.out.count("★") == 1


async def test_an_acceptance_without_an_answer_is_not_known(router: FakeRouter, run: Run) -> None:
    router.answer("POST", "/v1/rfqs", 201, samples.RFQ)
    router.answer("POST", "/v1/rfqs/r-1/accept", 200, HANG_UP)
    assert (await run("quote", "BTC-USD", "buy", "0.5", "--accept")).code == 3


async def test_orders_are_listed(router: FakeRouter, run: Run) -> None:
    router.answer("GET", "/v1/orders?limit=2", 200, samples.page(samples.FILLED, samples.IN_DOUBT))
    ran = await run("orders", "list", "--limit", "2")
    assert ran.code == 0
    assert "pending new, in doubt" in ran.flat


@pytest.mark.parametrize(
    ("answer", "code"), [(samples.FILLED, 0), (samples.REJECTED, 0), (samples.IN_DOUBT, 3)]
)
async def test_showing_an_order_says_whether_its_outcome_is_known(
    router: FakeRouter, run: Run, answer: object, code: int
) -> None:
    router.answer("GET", "/v1/orders/o-1", 200, answer)
    assert code == (await run("orders", "show", "o-1")).code


async def test_what_a_counterparty_executed_that_had_refused_it_is_shown(
    router: FakeRouter, run: Run
) -> None:
    denied = {"connection": samples.MARGIN, "executed_quantity": "0.2", "average_price": "100.2"}
    kept = {"connection": samples.TREASURY, "executed_quantity": "0.5", "average_price": "100"}
    router.answer("GET", "/v1/orders/o-1", 200, samples.FILLED | {"attempts": [denied, kept]})
    assert (
        "and executed 0.2 BTC on BitGo Margin PTS, which had refused it"
        in (await run("orders", "show", "o-1")).flat
    )
    router.answer("GET", "/v1/orders/o-2", 200, samples.FILLED | {"attempts": [kept]})
    assert "which had refused it" not in (await run("orders", "show", "o-2")).flat


async def test_an_order_is_found_by_its_client_order_id(router: FakeRouter, run: Run) -> None:
    router.answer("GET", "/v1/orders/desk-7-000123", 404, samples.NOT_FOUND)
    router.answer("GET", "/v1/orders?client_order_id=desk-7-000123", 200, samples.page(samples.FILLED))
    raw = router.answer("GET", "/v1/orders/o-1", 200, samples.FILLED)
    ran = await run("orders", "show", "desk-7-000123", "--json")
    assert (ran.code, ran.out.encode()) == (0, raw + b"\n")


async def test_an_order_that_nobody_knows_is_refused(router: FakeRouter, run: Run) -> None:
    router.answer("GET", "/v1/orders/x", 404, samples.NOT_FOUND)
    router.answer("GET", "/v1/orders?client_order_id=x", 200, samples.page())
    ran = await run("orders", "show", "x")
    assert ran.code == 1
    assert "not_found" in ran.out


@pytest.mark.parametrize(
    ("status", "answer", "code"),
    [
        (202, samples.WORKING | {"status": "pending_cancel"}, 3),
        (202, samples.CANCELED, 0),
        (409, samples.NOT_FOUND | {"code": "order_not_cancelable", "status": 409}, 1),
        (202, HANG_UP, 3),
    ],
)
async def test_a_cancels_exit_code(
    router: FakeRouter, run: Run, status: int, answer: object, code: int
) -> None:
    router.answer("GET", "/v1/orders/o-1", 200, samples.WORKING)
    router.answer("POST", "/v1/orders/o-1/cancel", status, answer)
    assert code == (await run("orders", "cancel", "o-1")).code


async def test_connections_are_shown_with_the_mark(router: FakeRouter, run: Run) -> None:
    router.answer("GET", "/v1/connections", 200, samples.CONNECTIONS)
    ran = await run("connections")
    assert ran.code == 0
    assert re.search(r"BitGo Margin PTS .* down: no answer", ran.flat)
    assert "BitGo Treasury PTS" not in ran.flat


@pytest.mark.parametrize("command", [("connections",), ("orders", "list"), ORDER, ("quote", *ORDER[1:])])
def test_a_router_that_is_not_there_is_unreachable(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        # Bound and not listening: nobody else can take the port, and nobody answers there.
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        assert main([*command, "--url", url]) == 4
    told = capsys.readouterr()
    assert told.out == ""
    assert "no connection" in " ".join(told.err.split())


async def test_something_else_at_the_address_is_no_router(router: FakeRouter, run: Run) -> None:
    router.answer("GET", "/v1/connections", 200, b"<html>hello</html>")
    assert (await run("connections")).code == 4
    assert (await run("orders", "list")).code == 4


@pytest.mark.parametrize(
    "command",
    [
        ("order", "BTC-USD", "hold", "1"),
        ("order", "BTC-USD"),
        ("order", "BTC-USD", "buy", "1", "--type", "vwap"),
        ("orders", "list", "--limit", "0"),
        ("quote", "BTC-USD", "buy", "1", "--client-order-id", "x"),
        ("connections", "--timeout-s", "0"),
        ("connections", "--unknown"),
        ("nonsense",),
    ],
)
async def test_a_wrong_command_line_asks_nothing(
    router: FakeRouter, run: Run, command: tuple[str, ...]
) -> None:
    ran = await run(*command)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err
    assert router.asked == []
