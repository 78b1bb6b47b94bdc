"""The settlement summary: sums by currency, and how far an account is from a margin call."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from router.core.account import Exposure, Value
from router.core.errors import ConflictError
from router.reports.rows import CurrencyTotal, Failed, SettlementSummary
from router.reports.settlement import summary_of
from tests.unit import build
from tests.unit.build import D
from tests.unit.reports.fakes import DOWN, NOW, FakeMargin, FakeTrading, pts, reports, spot, usd

BTC = Exposure("BTC", D("-1"), usd("100"), usd("200"), usd("50"), usd("50"), D(50), usd("-3"))
EUR = Exposure("ETH", D(2), None, None, None, Value(D(7), "EUR"), None, Value(D(1), "EUR"))


def summary(*exposures: Exposure, **risk: Decimal | None) -> SettlementSummary:
    margin = FakeMargin()
    profile = replace(margin.profile, margin_utilization=risk.get("utilization", D("0.85")))
    settings = replace(
        margin.settings, margin_call_threshold=risk.get("call", D("0.8")), liquidation_threshold=D("0.95")
    )
    return summary_of(build.connection(pts=True), exposures, profile, settings, NOW)


def test_sums_are_by_currency_and_unknown_where_a_part_is() -> None:
    made = summary(EUR, BTC)
    assert [asset.asset for asset in made.assets] == ["BTC", "ETH"]
    assert made.totals == (
        CurrencyTotal("EUR", None, D(7), D(1)),
        CurrencyTotal("USD", D(50), D(50), D(-3)),
    )
    assert made.exposure_usd is None
    assert summary(BTC, replace(BTC, asset="LTC")).exposure_usd == D(100)
    assert summary().exposure_usd == 0


def test_a_distance_below_zero_was_passed() -> None:
    made = summary()
    assert (made.distance_to_margin_call, made.distance_to_liquidation) == (D("-0.05"), D("0.10"))


@pytest.mark.parametrize("risk", [{"utilization": None}, {"call": None}])
def test_a_distance_from_what_is_unknown_is_unknown(risk: dict[str, None]) -> None:
    assert summary(**risk).distance_to_margin_call is None


async def test_it_is_read_one_request_after_another_whole_or_not_at_all() -> None:
    margin = FakeMargin()
    served = reports(pts(margin), spot(FakeTrading()))
    assert isinstance(await served.settlement_summary("bitgo-pts"), SettlementSummary)
    assert margin.calls == [("exposures",), ("risk_profile",), ("risk_settings",)]
    for step in range(3):
        margin.errors = [None] * step + [DOWN] * 3
        assert isinstance(await served.settlement_summary("bitgo-pts"), Failed)
    with pytest.raises(ConflictError):
        await served.settlement_summary("bitgo-spot")
