"""Portfolio and reports over HTTP: fields of the contract, filters, formats, what cannot be read."""

import csv
import io
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from router.core.account import AssetBalance, Exposure, FundingType
from router.http.context import Failure
from router.ports import StoreError
from router.reports.service import Reports
from tests.unit import build
from tests.unit.build import T0, D
from tests.unit.reports import fakes

MARGIN = {"funding_type": FundingType.MARGIN}


class Accounts:
    """Three connections, each of a kind, and one more that is down."""

    def __init__(self) -> None:
        order = build.order(
            attempts=(build.attempt(),), venue_order_id="venue-of-mine", fills=(build.fill("mine"),)
        )
        self.trading = fakes.FakeTrading(
            [fakes.venue_trade("mine", T0 + 1), fakes.venue_trade("planted", T0 + 2)]
        )
        self.margin = fakes.FakeMargin()
        self.margin.stated = [
            Exposure(
                "BTC",
                D("-0.5"),
                fakes.usd("1000000"),
                fakes.usd("500000"),
                fakes.usd("20000.00"),
                fakes.usd("20000.00"),
                D("20000.00"),
                fakes.usd("-200"),
            )
        ]
        self.credit = fakes.FakeTrading([fakes.venue_trade("credit", T0, **MARGIN)])
        self.down = fakes.FakeTrading()
        self.down.error = fakes.DOWN
        self.cold = fakes.custody(wallets=3)
        self.journal = fakes.FakeJournal(order)
        self.entries = [
            fakes.spot(self.trading),
            fakes.pts(self.margin, self.credit),
            self.cold,
            fakes.spot(self.down, "down"),
        ]
        self.reports = fakes.reports(*self.entries, journal=self.journal)


@pytest.fixture
def accounts() -> Accounts:
    return Accounts()


@pytest.fixture
def reports(accounts: Accounts) -> Reports:
    return accounts.reports


async def read(client: TestClient, path: str, status: int = 200) -> Any:
    answer = await client.get(path)
    assert answer.status == status, await answer.text()
    return await answer.json(content_type=None)


async def table(client: TestClient, path: str, accept: str = "text/csv") -> list[dict[str, str]]:
    answer = await client.get(path, headers={"Accept": accept})
    assert answer.status == 200, await answer.text()
    assert answer.content_type == "text/csv"
    return list(csv.DictReader(io.StringIO(await answer.text())))


async def test_the_portfolio(client: TestClient) -> None:
    answer = await read(client, "/v1/portfolio")
    assert answer["next_cursor"] is None
    spot, pts, cold, down = answer["data"]
    assert spot == {
        "connection": {"id": "bitgo-spot", "name": "Account bitgo-spot", "pts": False},
        "as_of": "2025-06-15T16:06:40.000000Z",
        "balances": [
            {
                "asset": "USD",
                "total": "1000.50",
                "available": "900.50",
                "held": "100",
                "withdrawable": "900.50",
                "unit": "asset",
            }
        ],
    }
    assert pts["connection"]["pts"] is True
    assert "balances" not in pts
    assert pts["positions"] == [
        {"asset": "BTC", "quantity": "0.5", "value": {"quantity": "20000.00", "currency": "USD"}},
        {"asset": "ETH", "quantity": "-2", "value": None},
    ]
    assert cold["balances"][0]["total"] == "4.5"
    assert "positions" not in cold
    assert list(down) == ["connection", "error"]
    assert (down["error"]["code"], down["error"]["retryable"]) == ("venue_unavailable", True)


async def test_balances_in_pages(client: TestClient) -> None:
    first = await read(client, "/v1/reports/balances?limit=4")
    second = await read(client, f"/v1/reports/balances?limit=4&cursor={first['next_cursor']}")
    rows = first["data"] + second["data"]
    assert second["next_cursor"] is None
    assert [(row["connection"]["id"], row.get("kind"), row.get("wallet_id")) for row in rows] == [
        ("bitgo-spot", "balance", None),
        ("bitgo-pts", "position", None),
        ("bitgo-pts", "position", None),
        ("bitgo-cold", "balance", "wallet-00000"),
        ("bitgo-cold", "balance", "wallet-00001"),
        ("bitgo-cold", "balance", "wallet-00002"),
        ("down", None, None),
    ]


async def test_trades_tell_ours_from_others(client: TestClient) -> None:
    rows = (await read(client, "/v1/reports/trades"))["data"]
    assert rows[0]["error"]["connection"]["id"] == "down"
    assert [(row["id"], row["source"], row["order_id"]) for row in rows[1:]] == [
        ("planted", "external", None),
        ("mine", "router", "order-1"),
        ("credit", "external", None),
    ]
    assert rows[2] == {
        "connection": {"id": "bitgo-spot", "name": "Account bitgo-spot", "pts": False},
        "id": "mine",
        "time": "2025-06-15T15:06:40.000000Z",
        "product": "BTC-USD",
        "side": "buy",
        "price": "100.00",
        "quantity": "0.5",
        "quote_quantity": "50.000",
        "funding_type": "funded",
        "order_id": "order-1",
        "client_order_id": "desk-7-000123",
        "venue_order_id": "venue-of-mine",
        "settled": False,
        "settle_date": None,
        "source": "router",
    }


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("connection=bitgo-pts", ["credit"]),
        ("connection=bitgo-spot&product=ETH-USD", []),
        ("connection=bitgo-spot&order=order-1", ["mine"]),
        ("connection=bitgo-spot&from=2025-06-15T15:06:41Z", []),
        ("connection=bitgo-spot&to=2025-06-15T15:06:41Z", ["planted", "mine"]),
    ],
)
async def test_trades_are_filtered(client: TestClient, query: str, ids: list[str]) -> None:
    rows = (await read(client, f"/v1/reports/trades?{query}"))["data"]
    assert [row["id"] for row in rows] == ids


async def test_the_settlement_summary(client: TestClient) -> None:
    answer = await read(client, "/v1/reports/settlement-summary?connection=bitgo-pts")
    (asset,) = answer["assets"]
    assert asset["position"] == "-0.5"
    assert asset["used_credit"] == {"quantity": "20000.00", "currency": "USD"}
    assert answer["exposure_usd"] == "20000.00"
    assert answer["totals"] == [
        {"currency": "USD", "used_credit": "20000.00", "exposure": "20000.00", "unrealized_pnl": "-200"}
    ]
    risk = answer["risk"]
    assert (risk["margin_utilization"], risk["margin_call_threshold"]) == ("0.0510", "0.80")
    assert (risk["distance_to_margin_call"], risk["distance_to_liquidation"]) == ("0.7490", "0.8990")


async def test_transactions(client: TestClient) -> None:
    first = await read(client, "/v1/reports/transactions?connection=bitgo-cold&limit=4")
    second = await read(
        client, f"/v1/reports/transactions?connection=bitgo-cold&limit=4&cursor={first['next_cursor']}"
    )
    rows = first["data"] + second["data"]
    assert [row["id"] for row in rows] == [f"wallet-{w:05}-{n}" for w in range(3) for n in range(2)]
    assert (rows[0]["direction"], rows[0]["amount"], rows[0]["unit"]) == ("in", "0.25", "asset")
    one = await read(client, "/v1/reports/transactions?connection=bitgo-cold&wallet=wallet-00001")
    assert {row["wallet_id"] for row in one["data"]} == {"wallet-00001"}


async def test_a_custody_connection_that_is_down_is_a_row(client: TestClient, accounts: Accounts) -> None:
    accounts.cold.custody.error = fakes.DOWN  # type: ignore[union-attr]
    for wallet in ("", "&wallet=wallet-00001"):
        answer = await read(client, f"/v1/reports/transactions?connection=bitgo-cold{wallet}")
        (row,) = answer["data"]
        assert row["error"]["code"] == "venue_unavailable"
        (line,) = await table(client, f"/v1/reports/transactions?connection=bitgo-cold{wallet}")
        assert line["error"].startswith("venue_unavailable: ")


async def test_the_reconciliation(client: TestClient) -> None:
    answer = await read(client, "/v1/reports/reconciliation?connection=bitgo-spot")
    assert [(row["kind"], row["trade_id"]) for row in answer["data"]] == [("external", "planted")]
    assert answer["complete"] is True
    assert answer["totals"] == [
        {
            "product": "BTC-USD",
            "side": "buy",
            "ours": {"trades": 1, "quantity": "0.5", "quote_quantity": "50.000"},
            "venue": {"trades": 2, "quantity": "1.0", "quote_quantity": "100.000"},
        }
    ]
    lines = await table(client, "/v1/reports/reconciliation?connection=bitgo-spot")
    assert [line["kind"] for line in lines] == ["external", "total"]
    assert (lines[1]["our_trades"], lines[1]["venue_trades"]) == ("1", "2")


async def test_the_execution_quality(client: TestClient) -> None:
    answer = await read(client, "/v1/reports/execution-quality?from=2025-06-15T00:00:00Z")
    assert (answer["orders"], answer["data"][0]["orders"], answer["total"]["orders"]) == (1, 1, 1)
    assert answer["from"] == "2025-06-15T00:00:00.000000Z"
    lines = await table(client, "/v1/reports/execution-quality")
    assert [line["connection_id"] for line in lines] == ["bitgo-spot", "total"]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/portfolio?connection=nobody", 404, "not_found"),
        ("/v1/reports/balances?connection=nobody", 404, "not_found"),
        ("/v1/reports/trades?connection=nobody", 404, "not_found"),
        ("/v1/reports/trades?order=nothing", 404, "not_found"),
        ("/v1/reports/trades?connection=bitgo-cold", 409, "not_a_trading_connection"),
        ("/v1/reports/settlement-summary?connection=nobody", 404, "not_found"),
        ("/v1/reports/settlement-summary?connection=bitgo-spot", 409, "not_a_pts_connection"),
        ("/v1/reports/transactions?connection=bitgo-spot", 409, "not_a_custody_connection"),
        ("/v1/reports/transactions?connection=nobody", 404, "not_found"),
        ("/v1/reports/transactions?connection=bitgo-cold&wallet=nothing", 404, "not_found"),
        ("/v1/reports/execution-quality?connection=nobody", 404, "not_found"),
        ("/v1/reports/reconciliation?connection=bitgo-cold", 409, "not_a_trading_connection"),
    ],
)
@pytest.mark.parametrize("accept", ["application/json", "text/csv"])
async def test_refusals(client: TestClient, path: str, status: int, code: str, accept: str) -> None:
    answer = await client.get(path, headers={"Accept": accept})
    assert (answer.status, answer.content_type) == (status, "application/problem+json")
    assert (await answer.json())["code"] == code


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/v1/portfolio?format=xml&connection=a%20b", {"format", "connection"}),
        ("/v1/reports/balances?limit=0&cursor=", {"limit", "cursor"}),
        ("/v1/reports/balances?limit=501", {"limit"}),
        ("/v1/reports/balances?cursor=abc", {"cursor"}),
        (
            "/v1/reports/trades?product=BTC&from=today&to=2025-02-30T00:00:00Z&order=%20",
            {"product", "from", "to", "order"},
        ),
        ("/v1/reports/trades?from=2025-06-16T00:00:00Z&to=2025-06-15T00:00:00Z", {"from"}),
        ("/v1/reports/settlement-summary", {"connection"}),
        ("/v1/reports/transactions?wallet=a%2Fb", {"connection", "wallet"}),
        ("/v1/reports/reconciliation", {"connection"}),
        ("/v1/reports/execution-quality?asset=BTC", {"asset"}),
    ],
)
async def test_every_bad_filter_is_named(client: TestClient, path: str, fields: set[str]) -> None:
    problem = await read(client, path, 400)
    assert problem["code"] == "invalid_request"
    assert {error["field"] for error in problem["errors"]} == fields


async def test_a_summary_that_cannot_be_read_is_503(client: TestClient, accounts: Accounts) -> None:
    accounts.margin.error = fakes.DOWN
    problem = await read(client, "/v1/reports/settlement-summary?connection=bitgo-pts", 503)
    assert (problem["code"], problem["connection"]["id"]) == ("venue_unavailable", "bitgo-pts")


@pytest.mark.parametrize(
    ("query", "accept", "media_type"),
    [
        ("", None, "application/json"),
        ("", "*/*", "application/json"),
        ("", "text/*", "text/csv"),
        ("", "TEXT/CSV", "text/csv"),
        ("", "text/csv;q=0.5, application/json", "application/json"),
        ("", "application/json;q=0.5, text/csv;q=0.8", "text/csv"),
        ("", "text/csv;q=0, */*", "application/json"),
        ("", "*/*;q=0.1, text/csv;q=0.2", "text/csv"),
        ("", "text/csv;q=2", "application/json"),
        ("", "image/png", "application/json"),
        ("?format=csv", "application/json", "text/csv"),
        ("?format=json", "text/csv", "application/json"),
    ],
)
async def test_the_format_that_is_wanted_most(
    client: TestClient, query: str, accept: str | None, media_type: str
) -> None:
    headers = {} if accept is None else {"Accept": accept}
    answer = await client.get(f"/v1/portfolio{query}", headers=headers)
    assert (answer.status, answer.content_type) == (200, media_type)
    assert answer.headers["Vary"] == "Accept"


PATHS = [
    "/v1/portfolio",
    "/v1/reports/balances",
    "/v1/reports/trades",
    "/v1/reports/settlement-summary?connection=bitgo-pts",
    "/v1/reports/transactions?connection=bitgo-cold",
    "/v1/reports/execution-quality",
    "/v1/reports/reconciliation?connection=bitgo-spot",
]


@pytest.mark.parametrize("path", PATHS)
async def test_every_record_of_csv_has_every_column(client: TestClient, path: str) -> None:
    answer = await client.get(path, headers={"Accept": "text/csv"})
    text = await answer.text()
    header, *lines = list(csv.reader(io.StringIO(text)))
    assert len(set(header)) == len(header)
    assert lines
    assert {len(line) for line in lines} == {len(header)}
    assert text.endswith("\r\n")
    assert header[:3] == ["connection_id", "connection_name", "pts"]
    assert answer.headers["Content-Disposition"].endswith('.csv"')


@pytest.mark.parametrize("path", PATHS)
async def test_a_head_has_no_body(client: TestClient, path: str) -> None:
    for accept in ("text/csv", "application/json"):
        answer = await client.head(path, headers={"Accept": accept})
        assert (answer.status, await answer.read()) == (200, b"")


async def test_csv_marks_pts_and_keeps_every_digit(client: TestClient, accounts: Accounts) -> None:
    exact = "123456789012345678901234567890.000000000000000010"
    accounts.trading.held = [AssetBalance("=1+1", D(exact), None, None, None)]
    lines = await table(client, "/v1/reports/balances")
    assert lines[0]["asset"] == "'=1+1"
    assert lines[0]["quantity"] == exact
    assert [line["pts"] for line in lines[:3]] == ["", "PTS", "PTS"]
    assert lines[2]["quantity"] == "-2"
    assert lines[-1]["connection_id"] == "down"
    assert lines[-1]["error"] == f"venue_unavailable: {fakes.DOWN.detail}"


async def test_csv_without_a_limit_is_the_whole_report(client: TestClient, accounts: Accounts) -> None:
    accounts.cold.custody.count = 777  # type: ignore[union-attr]
    path = "/v1/reports/balances?connection=bitgo-cold"
    assert len(await table(client, path)) == 777
    answer = await client.get(f"{path}&limit=500&format=csv")
    assert len((await answer.text()).splitlines()) == 501
    rest = answer.links["next"]["url"]
    answer = await client.get(str(rest.relative()))
    assert len((await answer.text()).splitlines()) == 278
    assert "Link" not in answer.headers


async def test_a_store_that_fails_at_once_is_a_problem(
    client: TestClient, accounts: Accounts, failures: list[Failure]
) -> None:
    accounts.journal.error = StoreError("gone")
    answer = await client.get("/v1/reports/trades?format=csv")
    assert (answer.status, (await answer.json())["code"]) == (503, "store_unavailable")
    assert failures == []
