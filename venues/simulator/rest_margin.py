"""The margin operations that read; those that move money have their place beside them in `ROUTES`.

Source: bitgo-prime OpenAPI, paths under /accounts/{accountId}/margin (the `platform` dialect: utilisations
are ratios, positions are `netOpenPositions`).
"""

from decimal import Decimal

from .account import Account
from .clock import now, to_wire_time
from .desk import Desk
from .gate import Call, Route
from .margin import Limit, Marks
from .money import to_wire
from .rest import PREFIX, currencies
from .world import World

_MARGIN = PREFIX + "/accounts/{account}/margin"
# Amounts in dollars are shown to the hundredth of a cent: the exact ones have dozens of digits.
_SHOWN = Decimal("0.0001")


def _usd(value: Decimal) -> dict[str, str]:
    """Show dollars as the schema Amount3."""
    return {"quantity": to_wire(value.quantize(_SHOWN)), "currency": "USD"}


def _marks(world: World, account: Account) -> Marks:
    return lambda asset: world.mark(account, asset)


def _collateral_currencies(world: World, _desk: Desk, call: Call) -> object:
    known = currencies(world, call.account)
    accepted = sorted(call.account.margin.collateral) or sorted(known)
    return {"availableCurrencies": [known[symbol] for symbol in accepted]}


def _collateral(world: World, _desk: Desk, call: Call) -> object:
    mark = _marks(world, call.account)
    return {
        "balances": [
            {"currency": asset, "quantity": to_wire(amount), "balanceValue": _usd(amount * mark(asset))}
            for asset, amount in sorted(call.account.margin.collateral.items())
        ]
    }


def _risk_settings(_world: World, _desk: Desk, call: Call) -> object:
    risk = call.account.margin.risk
    return {
        "totalShortPositionLimit": _usd(risk.total_short_position_limit),
        "marginCallPercentage": to_wire(risk.margin_call),
        "liquidationThresholdPercentage": to_wire(risk.liquidation),
        "marginRequirementPercentage": to_wire(risk.margin_requirement),
        "minimumTransferredCollateral": _usd(risk.minimum_transferred_collateral),
    }


def _positions(world: World, _desk: Desk, call: Call) -> object:
    account = call.account
    margin, mark = account.margin, _marks(world, account)
    wanted = call.query.texts("currency")
    rows = []
    for asset in sorted(set(margin.positions) | set(margin.limits)):
        if wanted and asset not in wanted:
            continue
        held = margin.positions.get(asset)
        limit = margin.limits.get(asset, Limit())
        modified = held.modified if held is not None else None
        rows.append(
            {
                "currency": asset,
                "enterpriseId": account.enterprise_id,
                "netOpenPosition": to_wire(margin.quantity(asset)),
                "netOpenPositionValue": _usd(margin.quantity(asset) * mark(asset)),
                "shortMarginPositionNotionalLimit": _usd(limit.short),
                "longMarginPositionNotionalLimit": _usd(limit.long),
                "unrealizedPnL": _usd(margin.unrealized(asset, mark)),
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
                "shortMarginPositionNotionalLimit": _usd(limit.short),
                "longMarginPositionNotionalLimit": _usd(limit.long),
            }
            for asset, limit in sorted(account.margin.limits.items())
        ]
    }


def _risk_profile(world: World, _desk: Desk, call: Call) -> object:
    """Show the margin; without positions there is no requirement and the utilisation is null."""
    margin, mark = call.account.margin, _marks(world, call.account)
    collateral, unrealized = margin.collateral_value(mark), margin.unrealized_total(mark)
    gross, used = margin.gross_value(mark), margin.utilisation(mark)
    profile: dict[str, object] = {
        "netOpenPosition": _usd(gross),
        "transferredCollateral": _usd(collateral),
        "unrealizedPnL": _usd(unrealized),
        "marginBalance": _usd(collateral + unrealized),
        "marginUtilizationPercentage": None,
    }
    if used is not None:
        profile["marginRequirement"] = _usd(gross * margin.risk.margin_requirement)
        # A balance at or below zero has no ratio; the pattern allows no infinity, so a large number stands.
        shown = used.quantize(_SHOWN) if used.is_finite() else Decimal(999_999)
        profile["marginUtilizationPercentage"] = to_wire(shown)
    return {"riskProfile": profile}


ROUTES: tuple[Route, ...] = (
    Route("GET", _MARGIN + "/collateral/currencies", "margin", _collateral_currencies),
    Route("GET", _MARGIN + "/collateral/transferred", "margin", _collateral),
    Route("GET", _MARGIN + "/risksettings", "margin", _risk_settings),
    Route("GET", _MARGIN + "/netopenpositions", "margin", _positions, repeated=("currency",)),
    Route("GET", _MARGIN + "/netopenpositionlimits", "margin", _limits),
    Route("GET", _MARGIN + "/riskprofile", "margin", _risk_profile),
)
