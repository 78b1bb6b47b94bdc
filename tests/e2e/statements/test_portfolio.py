"""Portfolio and balances: what is shown of Spot, of PTS and of custody, as each has it."""

from decimal import Decimal

from tests.e2e.statements.house import HouseDesk, by
from tests.e2e.statements.kit import amount


async def test_a_spot_portfolio_shows_actual_balances(three: HouseDesk) -> None:
    """Portfolio - Balance View, Spot: "Displays actual balances"."""
    await three.traded("treasury")

    row = await three.portfolio("treasury")

    shown = {held["asset"]: amount(held["total"]) for held in row["balances"]}
    assert shown == await three.held()
    printed = await three.shown("report", "portfolio", "--connection", "treasury")
    for held in row["balances"]:
        (line,) = [line for line in printed.splitlines() if f" {held['asset']} " in line]
        assert line.startswith("BitGo Treasury ")
        assert f" {held['total']} " in line


async def test_a_spot_portfolio_shows_what_can_be_withdrawn(three: HouseDesk) -> None:
    """Portfolio - Available balance, Spot: "Shows withdrawable balance from the counterparty"."""
    await three.settle()
    before = by("asset", (await three.portfolio("treasury"))["balances"])["BTC"]
    assert before["withdrawable"] == before["total"]

    # What a trade brought is there at once, and is let go once it has settled.
    await three.traded("treasury", quantity="0.5")
    bought = by("asset", (await three.portfolio("treasury"))["balances"])["BTC"]
    assert amount(bought["total"]) == amount(before["total"]) + Decimal("0.5")
    assert amount(bought["withdrawable"]) == amount(before["withdrawable"])
    await three.settle()
    settled = by("asset", (await three.portfolio("treasury"))["balances"])["BTC"]
    assert amount(settled["withdrawable"]) == amount(bought["total"])


async def test_a_spot_portfolio_shows_what_can_be_traded(three: HouseDesk) -> None:
    """Trade Execution, Spot: "Uses available to trade balance"."""
    before = by("asset", (await three.portfolio("treasury"))["balances"])["USD"]
    assert amount(before["held"]) == 0

    status, resting = await three.order(
        "portfolio-resting", type="limit", limit_price="90.00", quantity="2", connections=["treasury"]
    )
    assert (status, resting["status"]) == (200, "new")
    held = by("asset", (await three.portfolio("treasury"))["balances"])["USD"]
    assert amount(held["total"]) == amount(before["total"])
    assert amount(held["held"]) == Decimal(180)
    assert amount(held["available"]) == amount(before["available"]) - 180

    assert (await three.call("POST", f"/v1/orders/{resting['id']}/cancel"))[0] == 202
    assert (await three.eventually_final(resting["id"]))["status"] == "canceled"
    after = by("asset", (await three.portfolio("treasury"))["balances"])["USD"]
    assert (after["available"], after["held"]) == (before["available"], "0")


async def test_a_pts_portfolio_shows_open_positions(three: HouseDesk) -> None:
    """Portfolio - Balance View, PTS: "Displays open positions with the counterparty"."""
    await three.account("positions", {"BTC": "-2", "TBTC": "3"})

    positions = by("asset", (await three.portfolio("margin"))["positions"])
    assert {asset: amount(row["quantity"]) for asset, row in positions.items()} == {"BTC": -2, "TBTC": 3}
    assert amount(positions["BTC"]["value"]["quantity"]) == -200
    assert positions["BTC"]["value"]["currency"] == "USD"

    await three.traded("margin", quantity="0.5")
    positions = by("asset", (await three.portfolio("margin"))["positions"])
    assert amount(positions["BTC"]["quantity"]) == Decimal("-1.5")
    printed = await three.shown("report", "portfolio", "--connection", "margin")
    (line,) = [line for line in printed.splitlines() if " BTC " in line]
    assert line.startswith("BitGo Margin PTS ")
    assert " -1.5 " in line


async def test_a_pts_portfolio_has_no_available_balance(three: HouseDesk) -> None:
    """Portfolio - Available balance, PTS: "Not displayed. Not available for this account type"."""
    await three.account("positions", {"BTC": "1"})
    assert (await three.held())["USD"] > 0, "the account has balances; they are not of this connection"

    row = await three.portfolio("margin")

    assert set(row) == {"connection", "as_of", "positions"}
    assert [set(position) for position in row["positions"]] == [{"asset", "quantity", "value"}] * len(
        row["positions"]
    )
    lines = await three.csv("/v1/portfolio?connection=margin")
    assert {(line["kind"], line["available"], line["held"], line["withdrawable"]) for line in lines} == {
        ("position", "", "", "")
    }
    assert "USD" not in {line["asset"] for line in lines}
    held = by("asset", (await three.portfolio("treasury"))["balances"])["USD"]
    printed = await three.shown("report", "portfolio", "--connection", "margin")
    assert held["available"] not in printed


async def test_the_balance_report_shows_spot_balances(three: HouseDesk) -> None:
    """Balance Report, Spot: "Shows actual balances"."""
    await three.traded("treasury")

    rows = await three.rows("/v1/reports/balances?connection=treasury")

    assert {row["kind"] for row in rows} == {"balance"}
    shown = {row["asset"]: amount(row["quantity"]) for row in rows}
    assert shown == await three.held()
    assert by("asset", rows)["USD"]["value_usd"] == by("asset", rows)["USD"]["quantity"]
    printed = await three.shown("report", "balances", "--connection", "treasury")
    for row in rows:
        assert [line for line in printed.splitlines() if f" {row['quantity']} " in line], row


async def test_the_balance_report_shows_pts_positions_signed(three: HouseDesk) -> None:
    """Balance Report, PTS: "Shows open positions (positive or negative)"."""
    await three.account("positions", {"BTC": "-2", "TBTC": "3"})

    rows = await three.rows("/v1/reports/balances?connection=margin")

    assert {(row["kind"], row["asset"], amount(row["quantity"])) for row in rows} == {
        ("position", "BTC", Decimal(-2)),
        ("position", "TBTC", Decimal(3)),
    }
    assert amount(by("asset", rows)["BTC"]["value_usd"]) == -200
    printed = await three.shown("report", "balances", "--connection", "margin")
    lines = {line.split()[4]: line.split()[5] for line in printed.splitlines() if " position " in line}
    assert {asset: Decimal(quantity) for asset, quantity in lines.items()} == {"BTC": -2, "TBTC": 3}


async def test_every_row_goes_by_the_type_of_its_connection(three: HouseDesk) -> None:
    """Quick Summary: "Reports and data are displayed based on the connection type"."""
    await three.account("positions", {"BTC": "-2"})

    kinds: dict[str, set[str]] = {}
    for row in await three.rows("/v1/reports/balances"):
        kinds.setdefault(row["connection"]["id"], set()).add(row["kind"])
        assert ("wallet_id" in row) == (row["connection"]["id"] == "vault")
    assert kinds == {"treasury": {"balance"}, "margin": {"position"}, "vault": {"balance"}}

    rows = {row["connection"]["id"]: row for row in (await three.read("/v1/portfolio"))["data"]}
    shown = {name: {"balances", "positions"} & set(row) for name, row in rows.items()}
    assert shown == {"treasury": {"balances"}, "margin": {"positions"}, "vault": {"balances"}}
    assert by("asset", rows["treasury"]["balances"])["BTC"]["withdrawable"] is not None
