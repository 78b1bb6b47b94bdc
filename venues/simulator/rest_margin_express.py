"""The margin reads of the `express` dialect: flat profiles, percentages in per cent, positions in `data`.

Source: the seed document "Margin Trade": GET margin/risk/profile ("5.10"), GET margin/risk/settings
("80.00"), GET margin/positions.  Its amounts in dollars have two decimals.
"""

from decimal import Decimal

from .desk import Desk
from .gate import Call, Route
from .margin_wire import position_value, ratio
from .money import to_wire
from .rest import ACCOUNT
from .world import World

_CENT = Decimal("0.01")


def _usd(value: Decimal) -> dict[str, str]:
    return {"quantity": format(value.quantize(_CENT), "f"), "currency": "USD"}


def _per_cent(value: Decimal) -> str:
    return format((value * 100).quantize(_CENT), "f")


def _profile(world: World, _desk: Desk, call: Call) -> object:
    margin, mark = call.account.margin, world.marks(call.account)
    collateral, unrealized = margin.collateral_value(mark), margin.unrealized_total(mark)
    gross, used = margin.gross_value(mark), margin.utilisation(mark)
    return {
        "netOpenPosition": _usd(gross),
        "collateral": _usd(collateral),
        "unrealizedPnl": _usd(unrealized),
        "marginBalance": _usd(collateral + unrealized),
        "marginRequirement": _usd(gross * margin.risk.margin_requirement),
        "marginUtilizationPercentage": _per_cent(ratio(used)) if used is not None else None,
    }


def _settings(_world: World, _desk: Desk, call: Call) -> object:
    risk = call.account.margin.risk
    return {
        "totalShortPositionLimit": _usd(risk.total_short_position_limit),
        "marginCallPercentage": _per_cent(risk.margin_call),
        "liquidationThresholdPercentage": _per_cent(risk.liquidation),
        "marginRequirementPercentage": _per_cent(risk.margin_requirement),
    }


def _positions(world: World, _desk: Desk, call: Call) -> object:
    """Show the positions that are open."""
    account = call.account
    rows = []
    for asset in account.margin.open_assets():
        quantity = account.margin.quantity(asset)
        value, currency = position_value(world, account, asset, quantity)
        rows.append(
            {
                "currency": asset,
                "quantity": to_wire(quantity),
                "value": {"quantity": format(value.quantize(_CENT), "f"), "currency": currency},
            }
        )
    return {"data": rows}


ROUTES: tuple[Route, ...] = tuple(
    Route("GET", f"{ACCOUNT}/margin/{path}", "margin_read", handler, margin=True, dialect="express")
    for path, handler in (("risk/profile", _profile), ("risk/settings", _settings), ("positions", _positions))
)
