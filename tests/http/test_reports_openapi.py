"""What reports really answer fits the description, also where a connection cannot be read."""

import pytest
from aiohttp.test_utils import TestClient

from router.reports.service import Reports
from tests.http.test_openapi import declared
from tests.http.test_reports import PATHS, Accounts

NAMES = (
    "get_portfolio",
    "report_balances",
    "report_trades",
    "report_settlement_summary",
    "report_transactions",
    "report_execution_quality",
    "report_reconciliation",
)


@pytest.fixture
def reports() -> Reports:
    return Accounts().reports


@pytest.mark.parametrize(("name", "path"), list(zip(NAMES, PATHS, strict=True)))
async def test_a_report_fits_its_description(client: TestClient, name: str, path: str) -> None:
    document = await (await client.get("/openapi.json")).json()
    answer = await client.get(path)
    body = await answer.json()
    validator = declared(document, name, 200, "application/json")
    validator.validate(body)
    assert not validator.is_valid({**body, "data": [{"connection": 1}], "assets": 1})


@pytest.mark.parametrize(("name", "path"), list(zip(NAMES, PATHS, strict=True)))
async def test_a_reports_csv_is_described_too(client: TestClient, name: str, path: str) -> None:
    document = await (await client.get("/openapi.json")).json()
    answer = await client.get(path, headers={"Accept": "text/csv"})
    assert answer.content_type == "text/csv"
    declared(document, name, 200, answer.content_type).validate(await answer.text())
