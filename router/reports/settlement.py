"""The settlement summary of a PTS connection: limits, credit used and exposure by asset, and the risk.

Where the account's credit is one line over all assets, the line is the one asset, in its own currency: what
is utilized is owed, a short position in it, and there is no risk profile.

Advisory only: a PTS connection joins a competition whatever stands here.
"""

from collections.abc import Sequence
from decimal import Decimal

from router.core.account import CreditLine, Exposure, RiskProfile, RiskSettings, Value
from router.core.model import Connection
from router.core.money import ZERO, add, sub
from router.ports.accounts import CreditAccount, MarginAccount
from router.reports.portfolio import sum_known
from router.reports.reading import Reader
from router.reports.rows import CurrencyTotal, Failed, SettlementSummary


async def settlement_summary(
    connection: Connection, margin: MarginAccount, reader: Reader, now: int
) -> SettlementSummary | Failed:
    """How the account stands, in three reads one after another; all of it, or that it could not be read."""
    exposures = await reader.read(connection, margin.exposures, patient=False)
    if isinstance(exposures, Failed):
        return exposures
    profile = await reader.read(connection, margin.risk_profile, patient=True)
    if isinstance(profile, Failed):
        return profile
    settings = await reader.read(connection, margin.risk_settings, patient=True)
    if isinstance(settings, Failed):
        return settings
    return summary_of(connection, exposures, profile, settings, now)


async def credit_summary(
    connection: Connection, account: CreditAccount, reader: Reader, now: int
) -> SettlementSummary | Failed:
    """How an account with one credit line stands, in one read; or that it could not be read."""
    line = await reader.read(connection, account.credit_line, patient=False)
    return line if isinstance(line, Failed) else summary_of_line(connection, line, now)


def summary_of_line(connection: Connection, line: CreditLine, now: int) -> SettlementSummary:
    """A credit line as the summary's one asset. One limit bounds both sides."""
    limit, used = Value(line.limit, line.currency), Value(line.utilized, line.currency)
    in_usd = line.utilized if line.currency == "USD" else None
    asset = Exposure(
        asset=line.currency,
        position=sub(ZERO, line.utilized),
        long_limit=limit,
        short_limit=limit,
        used_credit=used,
        exposure=used,
        exposure_usd=in_usd,
        unrealized_pnl=None,
    )
    return SettlementSummary(
        connection=connection,
        as_of=now,
        assets=(asset,),
        totals=(_total(line.currency, (asset,)),),
        exposure_usd=in_usd,
        profile=None,
        settings=None,
        distance_to_margin_call=None,
        distance_to_liquidation=None,
        credit=line,
    )


def summary_of(
    connection: Connection,
    exposures: Sequence[Exposure],
    profile: RiskProfile,
    settings: RiskSettings,
    now: int,
) -> SettlementSummary:
    """What was read, with its sums and distances."""
    assets = tuple(sorted(exposures, key=lambda exposure: exposure.asset))
    currencies = sorted({value.currency for asset in assets for value in _values(asset)})
    return SettlementSummary(
        connection=connection,
        as_of=now,
        assets=assets,
        totals=tuple(_total(currency, assets) for currency in currencies),
        exposure_usd=sum_known(*(asset.exposure_usd for asset in assets)),
        profile=profile,
        settings=settings,
        distance_to_margin_call=_distance(settings.margin_call_threshold, profile),
        distance_to_liquidation=_distance(settings.liquidation_threshold, profile),
    )


def _distance(threshold: Decimal | None, profile: RiskProfile) -> Decimal | None:
    """Both are ratios of the margin requirement to the margin balance, so they can be compared."""
    if threshold is None or profile.margin_utilization is None:
        return None
    return sub(threshold, profile.margin_utilization)


def _values(asset: Exposure) -> list[Value]:
    amounts = (asset.used_credit, asset.exposure, asset.unrealized_pnl)
    return [value for value in amounts if value is not None]


def _total(currency: str, assets: Sequence[Exposure]) -> CurrencyTotal:
    """The sums of what is in `currency`, over the assets that state anything in it."""
    own = [asset for asset in assets if any(value.currency == currency for value in _values(asset))]
    return CurrencyTotal(
        currency,
        _sum(currency, [asset.used_credit for asset in own]),
        _sum(currency, [asset.exposure for asset in own]),
        _sum(currency, [asset.unrealized_pnl for asset in own]),
    )


def _sum(currency: str, values: Sequence[Value | None]) -> Decimal | None:
    total = ZERO
    for value in values:
        if value is None or value.currency != currency:
            return None
        total = add(total, value.quantity)
    return total
