"""Connecting accounts: Spot, PTS and custody, each a connection of its own, and how they are told apart."""

import asyncio
from typing import Any

import pytest

from tests.e2e.statements.house import GO_ACCOUNT, TOKENS, HouseDesk, by
from tests.e2e.statements.kit import amount, unused
from tests.e2e.statements.marks import CHANGES, VIEWS, assert_marked, connections_in, one_event
from tests.e2e.system import entries


def trading(desk: HouseDesk, *more: str) -> tuple[str, ...]:
    """Options of `connections add` for the Go Account; the token is told on standard input."""
    account = ("--account-id", GO_ACCOUNT, "--taker-fee-bps", "4", "--requests-per-second", "1000")
    return ("--base-url", desk.system.simulator_url, "--token-file", "-", *account, *more)


def custody(desk: HouseDesk) -> tuple[str, ...]:
    """As `trading`, for custody."""
    minute = ("--requests-per-minute", "60000")
    return ("--type", "custody", "--base-url", desk.system.simulator_url, "--token-file", "-", *minute)


async def test_trading_and_custody_are_two_types_of_connection(unconnected: HouseDesk) -> None:
    """Types: "to execute buy and sell orders", or "to view your assets held in custody"."""
    desk = unconnected
    made = await desk.connect(desk.exchange(id="treasury"))
    code, said = await desk.run(
        "connections", "add", "BitGo Vault", *custody(desk), told=f"{TOKENS['custody']}\n"
    )
    assert code == 0, said
    await desk.up("bitgo-vault")

    assert (made["type"], made["counterparty"]) == ("exchange", "bitgo_prime")
    listed = {row["id"]: (row["type"], row["counterparty"]) for row in await desk.connections()}
    assert listed == {"treasury": ("exchange", "bitgo_prime"), "bitgo-vault": ("custody", "bitgo")}
    for side in ("buy", "sell"):
        await desk.traded("treasury", side=side)
    held = by("asset", (await desk.portfolio("bitgo-vault"))["balances"])
    assert amount(held["btc"]["total"]) == 3
    status, refused = await desk.order(unused("order"), connections=["bitgo-vault"])
    assert (status, refused["code"]) == (400, "invalid_request")


async def test_spot_and_pts_accounts_are_both_connected(unconnected: HouseDesk) -> None:
    """Account types: "you can connect both your Spot account and your Margin Trading account"."""
    desk = unconnected
    await desk.connect(desk.exchange(id="treasury", pts=False))
    await desk.connect(desk.exchange(id="margin", name="BitGo Margin", pts=True))

    for connection, pts, funding in (("treasury", False, "funded"), ("margin", True, "margin")):
        shown = await desk.read(f"/v1/connections/{connection}")
        assert (shown["type"], shown["pts"], shown["state"]) == ("exchange", pts, "ready")
        order = await desk.traded(connection)
        assert (order["connection"]["id"], order["connection"]["pts"]) == (connection, pts)
        assert await paid_from(desk, order) == funding
    status, order = await desk.order(unused("order"))
    assert (status, set(entries(order))) == (200, {"treasury", "margin"})


async def test_spot_and_pts_of_one_account_are_two_connections(unconnected: HouseDesk) -> None:
    """Important: "Each connection is handled independently in both the interface and the reports"."""
    desk = unconnected
    await desk.connect_three()
    listed = by("id", await desk.connections())
    of_the_account = {key for key, row in listed.items() if row["settings"]["account_id"] == GO_ACCOUNT}
    assert of_the_account == {"treasury", "margin"}

    # Each is changed by itself.
    status, changed = await desk.call("PATCH", "/v1/connections/treasury", {"name": "BitGo Spot"})
    assert (status, changed["name"]) == (200, "BitGo Spot")
    assert await named(desk, "margin") == "BitGo Margin"
    status, _ = await desk.call("PATCH", "/v1/connections/treasury", {"enabled": False})
    assert status == 200
    status, refused = await desk.order(unused("order"), connections=["treasury"])
    assert (status, entries(refused)["treasury"]["reason"]) == (422, "disabled")
    credit = await desk.traded("margin")
    assert (await desk.call("PATCH", "/v1/connections/treasury", {"enabled": True}))[0] == 200
    await desk.up("treasury")
    own = await desk.traded("treasury")

    # Each is reported by itself, and every row says whose it is.
    for path in ("/v1/portfolio", "/v1/reports/balances", "/v1/reports/trades"):
        rows = (await desk.read(path))["data"]
        assert {row["connection"]["id"] for row in rows} >= of_the_account, path
        for connection in of_the_account:
            (only,) = {
                (row["connection"]["id"], row["connection"]["pts"])
                for row in (await desk.read(f"{path}?connection={connection}"))["data"]
            }
            assert only == (connection, connection == "margin")
    for connection, order in (("treasury", own), ("margin", credit)):
        (trade,) = await desk.rows(f"/v1/reports/trades?order={order['id']}")
        assert trade["connection"] == {**order["connection"], "name": await named(desk, connection)}


async def test_spot_pts_and_custody_of_one_client_are_three_connections(unconnected: HouseDesk) -> None:
    """FAQ 2: "Each account type must be connected individually"."""
    desk = unconnected
    forms = {
        "treasury": desk.exchange(id="treasury"),
        "margin": desk.exchange(id="margin", name="BitGo Margin", pts=True),
        "vault": desk.custody(id="vault"),
    }
    for body in forms.values():
        await desk.connect(body)

    assert {row["id"]: (row["type"], row["pts"]) for row in await desk.connections()} == {
        "treasury": ("exchange", False),
        "margin": ("exchange", True),
        "vault": ("custody", False),
    }
    for there, body in forms.items():
        status, refused = await desk.call("POST", "/v1/connections", {**body, "id": "again", "name": "Again"})
        assert (status, refused["code"]) == (409, "connection_exists"), refused
        assert refused["connection"]["id"] == there
    assert len(await desk.connections()) == len(forms)


async def test_an_exchange_connection_takes_type_counterparty_name_and_token(unconnected: HouseDesk) -> None:
    """Connecting: "choose Exchange", "choose BitGo Prime", "Account Name", "Credentials > Token"."""
    desk = unconnected
    body = desk.exchange()
    for field in ("counterparty", "name", "credentials"):
        rest = {key: value for key, value in body.items() if key != field}
        await refused_for(desk, rest, field)
    await refused_for(desk, {**body, "counterparty": "bitgo"}, "counterparty")

    async with desk.session.post(f"{desk.system.url}/v1/connections", json=body) as answer:
        text = await answer.text()
        made = await answer.json()
        assert (answer.status, answer.headers["Location"]) == (201, f"/v1/connections/{made['id']}")
    assert TOKENS["exchange"] not in text
    assert (made["type"], made["counterparty"], made["name"], made["credentials"]) == (
        "exchange",
        "bitgo_prime",
        "BitGo Treasury",
        "sealed",
    )
    await desk.up(made["id"])
    await desk.traded(made["id"])

    await desk.disconnect_all()
    form = ("--type", "exchange", "--counterparty", "bitgo_prime")
    code, said = await desk.run(
        "connections", "add", "BitGo Treasury", *form, *trading(desk), told=f"{TOKENS['exchange']}\n"
    )
    assert code == 0, said
    assert "BitGo Treasury" in said
    assert "bitgo prime (exchange)" in said
    await desk.up("bitgo-treasury")
    await desk.traded("bitgo-treasury")


async def test_the_pts_switch_makes_a_margin_connection(unconnected: HouseDesk) -> None:
    """Connecting: "make sure to enable the PTS Account (Post Trade Settlement) option"."""
    desk = unconnected
    made = await desk.connect(desk.exchange(name="BitGo Margin", pts=True))
    assert made["pts"] is True
    assert await paid_from(desk, await desk.traded(made["id"])) == "margin"
    assert (await desk.read(f"/v1/connections/{made['id']}/margin/risk-profile"))["collateral"]
    assert "positions" in await desk.portfolio(made["id"])

    await desk.disconnect_all()
    code, said = await desk.run(
        "connections", "add", "BitGo Margin", *trading(desk, "--pts"), told=f"{TOKENS['exchange']}\n"
    )
    assert code == 0, said
    assert "BitGo Margin PTS" in said
    await desk.up("bitgo-margin")
    assert await paid_from(desk, await desk.traded("bitgo-margin")) == "margin"


async def test_without_the_switch_everything_is_of_the_spot_account(unconnected: HouseDesk) -> None:
    """FAQ 1: without the option, "All displayed information" and "Any trades" are the Spot account's."""
    desk = unconnected
    body = desk.exchange(id="treasury")
    assert "pts" not in body
    # The account has positions and trades on margin, too; none of them is shown.
    await desk.account("positions", {"BTC": "-2"})
    foreign = await desk.elsewhere("margin")

    made = await desk.connect(body)

    assert made["pts"] is False
    order = await desk.traded("treasury")
    assert await paid_from(desk, order) == "funded"
    row = await desk.portfolio("treasury")
    assert "positions" not in row
    assert {held["asset"]: amount(held["total"]) for held in row["balances"]} == await desk.held()
    rows = await desk.rows("/v1/reports/balances")
    assert {(row["kind"], row["connection"]["pts"]) for row in rows} == {("balance", False)}
    trades = by("id", await desk.rows("/v1/reports/trades"))
    assert {row["funding_type"] for row in trades.values()} == {"funded"}
    assert foreign not in trades
    status, refused = await desk.call("GET", "/v1/connections/treasury/margin/positions")
    assert (status, refused["code"]) == (409, "not_a_pts_connection")


async def test_a_custody_connection_takes_type_counterparty_name_and_token(unconnected: HouseDesk) -> None:
    """Connecting: "Counterparty Type to Custody", "BitGo", "Account Name", "Credentials > Token"."""
    desk = unconnected
    body = desk.custody()
    for field in ("counterparty", "name", "credentials"):
        rest = {key: value for key, value in body.items() if key != field}
        await refused_for(desk, rest, field)
    await refused_for(desk, {**body, "counterparty": "bitgo_prime"}, "counterparty")

    made = await desk.connect(body)
    assert (made["type"], made["counterparty"], made["name"], made["credentials"]) == (
        "custody",
        "bitgo",
        "BitGo Vault",
        "sealed",
    )
    assert (await desk.portfolio(made["id"]))["balances"]

    await desk.disconnect_all()
    form = ("--counterparty", "bitgo")
    code, said = await desk.run(
        "connections", "add", "BitGo Vault", *form, *custody(desk), told=f"{TOKENS['custody']}\n"
    )
    assert code == 0, said
    assert "bitgo (custody)" in said
    await desk.up("bitgo-vault")
    assert (await desk.portfolio("bitgo-vault"))["balances"]


async def test_the_pts_mark_stands_beside_the_name_in_every_command(unconnected: HouseDesk) -> None:
    """FAQ 4: "Wherever the counterparty name appears in the interface, this flag will indicate" PTS."""
    desk = unconnected
    await desk.connect_three()
    order = await desk.traded("margin")
    _, resting = await desk.order(
        unused("order"), type="limit", limit_price="90.00", connections=["margin"], quantity="0.1"
    )
    ids = {"order": order["id"], "resting": resting["id"]}

    await desk.account("positions", {"BTC": "-1", "TBTC": "1"})
    for command in CHANGES:
        assert_marked(await desk.shown(*command.split()), command)
        await desk.up("margin")
    a_few = asyncio.Semaphore(3)

    async def marked(command: str) -> None:
        async with a_few:
            _, said = await desk.run(*command.format(**ids).split())
        assert_marked(said, command)

    await asyncio.gather(*map(marked, VIEWS))
    assert_marked(await one_event(desk), "events")
    await desk.faults(GO_ACCOUNT, credit={"exhausted": True})
    code, said = await desk.run("order", "BTC-USD", "buy", "0.1", "--connection", "margin")
    assert (code, "credit_insufficient_collateral" in said) == (1, True), said
    assert_marked(said, "order, refused")

    for path in (
        "connections/margin",
        f"orders/{order['id']}",
        f"competitions/{order['competition_id']}",
        *("orders", "connections", "portfolio"),
        *(f"reports/{name}" for name in ("balances", "trades", "execution-quality")),
        *(f"reports/{name}?connection=margin" for name in ("settlement-summary", "reconciliation")),
        *(f"connections/margin/margin/{name}" for name in ("risk-profile", "risk-settings", "positions")),
    ):
        found = list(connections_in(await desk.read(f"/v1/{path}")))
        assert [row for row in found if row["pts"] is True], path
        assert [row for row in found if row["pts"] is not (row["name"] == "BitGo Margin")] == [], path


@pytest.mark.parametrize("kind", ["exchange", "custody"])
async def test_a_wrong_token_is_told_when_the_connection_is_made(unconnected: HouseDesk, kind: str) -> None:
    """Connecting: "Enter the access token from BitGo"; another one is told of at once."""
    desk = unconnected
    body = desk.exchange() if kind == "exchange" else desk.custody()
    wrong = {"credentials": {"token": "not-of-this-client"}}
    status, refused = await desk.call("POST", "/v1/connections", body | wrong)
    assert (status, refused["code"], refused["retryable"]) == (422, "credentials_refused", False), refused
    assert refused["venue_error"]["http_status"] == 401
    assert "not-of-this-client" not in str(refused)
    options = trading(desk) if kind == "exchange" else custody(desk)
    code, said = await desk.run("connections", "add", "Wrong", *options, told="not-of-this-client\n")
    assert (code, "credentials_refused" in said) == (1, True), said
    assert "not-of-this-client" not in said
    assert await desk.connections() == []

    # A right one passes the test; a wrong one does not take its place.
    made = await desk.connect(body)
    path = f"/v1/connections/{made['id']}"
    status, refused = await desk.call("PATCH", path, wrong)
    assert (status, refused["code"]) == (422, "credentials_refused")
    assert "passed" in await desk.shown("connections", "test", made["id"])


async def refused_for(desk: HouseDesk, body: dict[str, object], field: str) -> None:
    """The form is refused, and this field is named."""
    status, refused = await desk.call("POST", "/v1/connections", body)
    assert (status, refused["code"]) == (400, "invalid_request"), refused
    assert [error["field"] for error in refused["errors"]] == [field], refused
    assert await desk.connections() == []


async def paid_from(desk: HouseDesk, order: dict[str, Any]) -> str:
    """What the counterparty took an order to be paid from: `funded` or `margin`."""
    (taken,) = [row for row in await desk.ledger(GO_ACCOUNT) if row["id"] == order["venue_order_id"]]
    return str(taken["funding_type"])


async def named(desk: HouseDesk, connection: str) -> str:
    """A connection's name."""
    return str((await desk.read(f"/v1/connections/{connection}"))["name"])
