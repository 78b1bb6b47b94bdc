"""The margin operations that read what is now; those of the past and those that move money stand beside it.

Source: bitgo-prime OpenAPI, paths under /accounts/{accountId}/margin (the `platform` dialect: utilisations
are ratios, positions are `netOpenPositions`).
"""

import msgspec

from .clock import now, to_wire_time
from .desk import Desk
from .gate import Call, Handler, Route
from .margin import Limit
from .margin_wire import position_value, ratio, usd
from .money import to_wire
from .rest import ACCOUNT, currencies
from .wire import currency_of
from .world import World

_MARGIN = ACCOUNT + "/margin"
_PLATFORM = "platform"


def _collateral_currencies(world: World, _desk: Desk, call: Call) -> object:
    """List what is accepted, whether or not a product trades it."""
    known = currencies(world, call.account)
    finest = min(product.tick for product in world.products.values())
    return {
        "availableCurrencies": [
            known[symbol] if symbol in known else currency_of(symbol, finest, world.ids)
            for symbol in call.account.margin_file.accepted
        ]
    }


def _collateral(world: World, _desk: Desk, call: Call) -> object:
    mark = world.marks(call.account)
    return {
        "balances": [
            {"currency": asset, "quantity": to_wire(amount), "balanceValue": usd(amount * mark(asset))}
            for asset, amount in sorted(call.account.margin.collateral.items())
        ]
    }


def _risk_settings(_world: World, _desk: Desk, call: Call) -> object:
    risk = call.account.margin.risk
    return {
        "totalShortPositionLimit": usd(risk.total_short_position_limit),
        "marginCallPercentage": to_wire(risk.margin_call),
        "liquidationThresholdPercentage": to_wire(risk.liquidation),
        "marginRequirementPercentage": to_wire(risk.margin_requirement),
        "minimumTransferredCollateral": usd(risk.minimum_transferred_collateral),
    }


def _positions(world: World, _desk: Desk, call: Call) -> object:
    account = call.account
    margin, mark = account.margin, world.marks(account)
    wanted = call.query.texts("currency")
    rows = []
    for asset in sorted(set(margin.positions) | set(margin.limits)):
        if wanted and asset not in wanted:
            continue
        held = margin.positions.get(asset)
        limit = margin.limits.get(asset, Limit())
        modified = held.modified if held is not None else None
        value, currency = position_value(world, account, asset, margin.quantity(asset))
        rows.append(
            {
                "currency": asset,
                "enterpriseId": account.enterprise_id,
                "netOpenPosition": to_wire(margin.quantity(asset)),
                "netOpenPositionValue": {**usd(value), "currency": currency},
                "shortMarginPositionNotionalLimit": usd(limit.short),
                "longMarginPositionNotionalLimit": usd(limit.long),
                "unrealizedPnL": usd(margin.unrealized(asset, mark)),
                "lastModified": to_wire_time(modified or now()),
            }
        )
    return {"netOpenPositions": rows}


def _limits(_world: World, _desk: Desk, call: Call) -> object:
    account = call.account
    return {
        "netOpenPositionLimits": [
            {
                "enterpriseId": account.enterprise_id,
                "currency": asset,
                "shortMarginPositionNotionalLimit": usd(limit.short),
                "longMarginPositionNotionalLimit": usd(limit.long),
            }
            for asset, limit in sorted(account.margin.limits.items())
        ]
    }


def _risk_profile(world: World, _desk: Desk, call: Call) -> object:
    """Show the margin; without positions there is no requirement and the utilisation is null."""
    margin, mark = call.account.margin, world.marks(call.account)
    collateral, unrealized = margin.collateral_value(mark), margin.unrealized_total(mark)
    gross, used = margin.gross_value(mark), margin.utilisation(mark)
    profile: dict[str, object] = {
        "netOpenPosition": usd(gross),
        "transferredCollateral": usd(collateral),
        "unrealizedPnL": usd(unrealized),
        "marginBalance": usd(collateral + unrealized),
        "marginUtilizationPercentage": None,
    }
    if used is not None:
        profile["marginRequirement"] = usd(gross * margin.risk.margin_requirement)
        shown = to_wire(ratio(used))
        # One of the seeds has the ratio as a JSON number; written out here, so that no float comes between.
        profile["marginUtilizationPercentage"] = (
            msgspec.Raw(shown.encode()) if call.account.margin_file.utilization_as_number else shown
        )
    return {"riskProfile": profile}


def _read(path: str, handler: Handler, dialect: str | None = None, repeated: tuple[str, ...] = ()) -> Route:
    url = f"{_MARGIN}/{path}"
    return Route("GET", url, "margin_read", handler, repeated=repeated, margin=True, dialect=dialect)


ROUTES: tuple[Route, ...] = (
    _read("collateral/currencies", _collateral_currencies),
    _read("collateral/transferred", _collateral),
    _read("risksettings", _risk_settings, _PLATFORM),
    _read("netopenpositions", _positions, _PLATFORM, ("currency",)),
    _read("netopenpositionlimits", _limits),
    _read("riskprofile", _risk_profile, _PLATFORM),
)
