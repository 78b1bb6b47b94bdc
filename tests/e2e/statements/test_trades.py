"""Trade reports: each connection's own trades, reconciled by itself, and what becomes of them."""

from typing import Any

from tests.e2e.statements.house import GO_ACCOUNT, HouseDesk, by, trade_ids


async def test_a_spot_trade_report_shows_spot_trades_alone(three: HouseDesk) -> None:
    """Trade Report, Spot: "Shows only Spot trades"."""
    await only_its_own(three, "treasury", "funded", other="margin")


async def test_a_pts_trade_report_shows_margin_trades_alone(three: HouseDesk) -> None:
    """Trade Report, PTS: "Shows only Margin (PTS) trades"."""
    await only_its_own(three, "margin", "margin", other="treasury")


async def only_its_own(desk: HouseDesk, connection: str, kind: str, other: str) -> None:
    """The account trades both ways, by the router and beside it; a connection's report has its own kind."""
    theirs = "margin" if kind == "funded" else "funded"
    own = trade_ids(await desk.traded(connection)) | {await desk.elsewhere(kind)}
    foreign = trade_ids(await desk.traded(other)) | {await desk.elsewhere(theirs)}

    rows = await desk.rows(f"/v1/reports/trades?connection={connection}")

    ids = set(by("id", rows))
    assert own <= ids
    assert not foreign & ids
    assert {(row["funding_type"], row["connection"]["id"]) for row in rows} == {(kind, connection)}
    assert foreign <= set(by("id", await desk.rows(f"/v1/reports/trades?connection={other}")))
    argv = ("report", "trades", "--connection", connection)
    printed = (await desk.shown(*argv)).splitlines()
    assert len([line for line in printed if f" {kind} " in line]) == len(rows)
    assert not [line for line in printed if f" {theirs} " in line]


async def test_each_connection_is_reconciled_by_itself(three: HouseDesk) -> None:
    """Key differences: "This helps reduce operational risk and simplifies data reconciliation"."""
    known = {name: set(by("trade_id", await differences(three, name))) for name in ("treasury", "margin")}
    spot, credit = await three.traded("treasury"), await three.traded("margin")
    (changed,) = trade_ids(credit)
    external = await three.elsewhere("funded", side="buy", quantity="0.125")
    await three.account(f"trades/{changed}", {"price": "99.00"})

    for name, found in (("treasury", {external: "external"}), ("margin", {changed: "changed"})):
        new = [row for row in await differences(three, name) if row["trade_id"] not in known[name]]
        assert {row["trade_id"]: row["kind"] for row in new} == found
    (row,) = [row for row in await differences(three, "margin") if row["trade_id"] == changed]
    assert row["changed"] == ["price"]
    assert (row["ours"]["price"], row["venue"]["price"]) == (credit["fills"][0]["price"], "99")
    assert row["client_order_id"] == credit["client_order_id"]

    rows = by("id", await three.rows("/v1/reports/trades"))
    assert (rows[external]["source"], rows[external]["order_id"]) == ("external", None)
    for order in (spot, credit):
        for trade in trade_ids(order):
            assert (rows[trade]["source"], rows[trade]["order_id"]) == ("router", order["id"])
    code, printed = await three.run("report", "reconciliation", "treasury")
    assert code == 1
    assert [line for line in printed.splitlines() if "external" in line and external in line]
    assert changed not in printed
    # As it was, for those who reconcile after us.
    await three.account(f"trades/{changed}", {"price": credit["fills"][0]["price"]})


async def differences(desk: HouseDesk, connection: str) -> list[dict[str, Any]]:
    """What differs between our fills and the counterparty's trades."""
    answer = await desk.read(f"/v1/reports/reconciliation?connection={connection}")
    assert answer["complete"] is True
    return list(answer["data"])


async def test_test_orders_are_confirmed_and_not_settled(three: HouseDesk) -> None:
    """Margin Trade: "Trade orders in testnet are confirmed but not settled"."""
    for connection in ("treasury", "margin"):
        order = await three.traded(connection, product="TBTC-TUSD*", quantity_currency="TBTC")
        await three.settle()

        rows = await three.rows(f"/v1/reports/trades?order={order['id']}")

        assert {row["id"] for row in rows} == trade_ids(order)
        assert {(row["settled"], row["settle_date"]) for row in rows} == {(False, None)}


async def test_trades_are_settled_in_production(three: HouseDesk) -> None:
    """Margin Trade: "settlement only occurs in production"."""
    for connection in ("treasury", "margin"):
        order = await three.traded(connection)
        path = f"/v1/reports/trades?order={order['id']}"
        before = await three.rows(path)
        assert {(row["settled"], row["settle_date"]) for row in before} == {(False, None)}
        answer = await three.control("POST", f"/accounts/{GO_ACCOUNT}/settle", {})
        assert answer["trades"] >= 1

        rows = await three.rows(path)

        assert {row["id"] for row in rows} == trade_ids(order)
        for row in rows:
            assert row["settled"] is True
            assert row["settle_date"] > row["time"]
