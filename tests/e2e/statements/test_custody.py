"""Custody: what is held, what moved, and that nothing is traded there."""

from decimal import Decimal
from typing import Any

from tests.e2e.statements.house import FUND, HouseDesk, by
from tests.e2e.statements.kit import amount, unused
from tests.e2e.system import entries

BALANCES = {
    ("Cold storage", "btc"): "2.5",
    ("Warm storage", "btc"): "0.5",
    ("Ether", "eth"): "123.456789012345678901",
    ("Ether", "usdc"): "1.5",
}
"""What the wallets of `house` hold, in units of the asset."""


async def wallet(desk: HouseDesk, label: str) -> str:
    """A wallet's id."""
    rows = await desk.rows("/v1/reports/balances?connection=vault")
    (found,) = {row["wallet_id"] for row in rows if row["wallet_label"] == label}
    return str(found)


async def test_balances_in_custody_are_shown_by_wallet_and_asset(three: HouseDesk) -> None:
    """Custody: "View balances of assets held in custody"."""
    rows = await three.rows("/v1/reports/balances?connection=vault")
    assert {(row["wallet_label"], row["asset"]): row["quantity"] for row in rows} == BALANCES
    assert {(row["kind"], row["unit"]) for row in rows} == {("balance", "asset")}

    held = by("asset", (await three.portfolio("vault"))["balances"])
    assert {asset: amount(row["total"]) for asset, row in held.items()} == {
        "btc": Decimal(3),
        "eth": Decimal(BALANCES["Ether", "eth"]),
        "usdc": Decimal("1.5"),
    }
    printed = (await three.shown("report", "balances", "--connection", "vault")).splitlines()
    for (label, asset), quantity in BALANCES.items():
        (line,) = [line for line in printed if label in line and f" {asset} " in line]
        assert f" {quantity} " in line


async def test_custody_is_consolidated_in_the_balance_report(three: HouseDesk) -> None:
    """Custody: "Monitor changes and consolidate data in the Balances report"."""
    warm = await wallet(three, "Warm storage")
    before = await three.rows("/v1/reports/balances")
    assert {row["connection"]["id"] for row in before} >= {"treasury", "vault"}
    path = f"/custody/{FUND}/wallets/{warm}/balances"
    await three.control("PUT", path, {"balance": "75000001"})
    try:
        after = await three.rows("/v1/reports/balances")
        changed = [row for row in after if row not in before]
        assert [(row["wallet_id"], row["quantity"]) for row in changed] == [(warm, "0.75000001")]
        assert len(after) == len(before)
        held = by("asset", (await three.portfolio("vault"))["balances"])
        assert amount(held["btc"]["total"]) == Decimal("3.25000001")
        lines = await three.csv("/v1/reports/balances")
        (line,) = [line for line in lines if line["wallet_id"] == warm]
        assert (line["connection_id"], line["quantity"]) == ("vault", "0.75000001")
        assert {line["connection_id"] for line in lines} >= {"treasury", "vault"}
    finally:
        await three.control("PUT", path, {"balance": "50000000"})


async def test_transfers_are_tracked_in_the_transactions_report(three: HouseDesk) -> None:
    """Custody: "Track transfers and consolidate information in the Transactions report"."""

    async def report() -> dict[str, Any]:
        return by("id", await three.rows("/v1/reports/transactions?connection=vault"))

    before = await report()
    (receipt,) = [row for row in before.values() if row["txid"] == "a1b2c3d4e5f6"]
    assert (receipt["direction"], receipt["asset"], receipt["amount"]) == ("in", "btc", "2.5")
    assert (receipt["state"], receipt["time"]) == ("confirmed", "2026-01-05T00:00:00.000000Z")
    assert receipt["connection"]["id"] == "vault"
    ether = await wallet(three, "Ether")
    path = f"/custody/{FUND}/wallets/{ether}/transfers"
    sent = await three.control(
        "POST",
        path,
        {"type": "send", "value": "9007199254740993", "fee": "21000", "state": "unconfirmed"},
    )

    (row,) = [row for key, row in (await report()).items() if key not in before]
    assert (row["wallet_id"], row["direction"], row["asset"]) == (ether, "out", "eth")
    # By what the wallet changed: what was sent, and the network's fee in the same coin.
    assert (row["amount"], row["fee"]) == ("0.009007199254761993", "0.000000000000021")
    assert row["state"] == "unconfirmed"
    await three.control("PUT", f"{path}/{sent['id']}", {"state": "confirmed"})
    assert (await report())[row["id"]]["state"] == "confirmed"
    printed = (await three.shown("report", "transactions", "vault")).splitlines()
    (line,) = [line for line in printed if row["amount"] in line]
    assert [word for word in ("out", "eth", "confirmed", row["fee"], ether) if word not in line] == []


async def test_a_custody_connection_never_trades(three: HouseDesk) -> None:
    """Custody: "to view your assets held in custody"."""
    await three.control("POST", f"/custody/{FUND}/requests/clear", {})

    status, order = await three.order(unused("order"), quantity="0.5")
    assert (status, set(entries(order))) == (200, {"treasury", "margin"})
    quote = {"product": "BTC-USD", "side": "buy", "quantity": "1", "quantity_currency": "BTC"}
    status, rfq = await three.call("POST", "/v1/rfqs", quote)
    assert (status, {entry["connection"]["id"] for entry in rfq["entries"]}) == (201, {"treasury", "margin"})
    for path, body in (
        (
            "/v1/orders",
            {**quote, "client_order_id": unused("order"), "type": "market", "connections": ["vault"]},
        ),
        ("/v1/rfqs", {**quote, "connections": ["vault"]}),
    ):
        status, refused = await three.call("POST", path, body)
        assert (status, refused["code"]) == (400, "invalid_request"), refused
        assert [error["field"] for error in refused["errors"]] == ["connections[0]"]
    code, said = await three.run("order", "BTC-USD", "buy", "1", "--connection", "vault")
    assert (code, "connections" in said) == (1, True), said

    await three.read("/v1/portfolio?connection=vault")
    log = (await three.control("GET", f"/custody/{FUND}/requests"))["data"]
    assert {call["method"] for call in log} == {"GET"}
