"""How a PTS account stands: positions, limits, risk, collateral. Advisory: no competition looks at it."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from router.core.account import (
    Collateral,
    CollateralCurrency,
    Exposure,
    Position,
    RiskProfile,
    RiskSettings,
    Value,
)
from router.core.money import ZERO
from router.ports import Lane, OffWireError
from router.settings import MarginDialect
from venues.bitgo import margin_wire as wire
from venues.bitgo.client import Client
from venues.bitgo.dialect import Dialects
from venues.bitgo.margin_parse import (
    collateral_currency_of,
    collateral_of,
    limits_of,
    position_of,
    risk_profile_of,
    risk_settings_of,
    rows_of,
)
from venues.bitgo.numbers import value

_DOLLAR: Final = "USD"
_MARGIN: Final = "margin"


class MarginReads:
    """The reads that differ by dialect, and those of collateral. An unreadable row fails the whole read.

    A position that was left out would make the account look safer than it is.
    """

    def __init__(self, client: Client, dialects: Dialects) -> None:
        self._client = client
        self._dialects = dialects

    async def positions(self) -> Sequence[Position]:
        """Open positions, signed."""
        rows, dialect = await self._rows()
        return [position_of(row, dialect) for row in rows]

    async def exposures(self) -> Sequence[Exposure]:
        """Limits, credit used and exposure of every asset with a limit or a position.

        The limits of a position's own row, where it has some, else those of the list of limits.
        """
        rows, dialect = await self._rows()
        limits = await self._limits()
        found = []
        for row in rows:
            position = position_of(row, dialect)
            listed = limits.pop(row.currency, (None, None))
            long_limit, short_limit = (
                own or other for own, other in zip(limits_of(row), listed, strict=True)
            )
            pnl = value(row.unrealized_pnl, "unrealizedPnL")
            found.append(exposure_of(position, long_limit, short_limit, pnl))
        for asset, (long_limit, short_limit) in limits.items():
            found.append(exposure_of(Position(asset, ZERO, None), long_limit, short_limit, None))
        return found

    async def risk_profile(self) -> RiskProfile:
        """How the account stands."""
        return risk_profile_of(
            *await self._dialects.read(
                "risk_profile",
                wire.RiskAnswer,
                platform=(_MARGIN, "riskprofile"),
                express=(_MARGIN, "risk", "profile"),
            )
        )

    async def risk_settings(self) -> RiskSettings:
        """The limits set for it."""
        return risk_settings_of(
            *await self._dialects.read(
                "risk_settings",
                wire.RiskSettings,
                platform=(_MARGIN, "risksettings"),
                express=(_MARGIN, "risk", "settings"),
            )
        )

    async def collateral(self) -> Sequence[Collateral]:
        """What was handed over as collateral."""
        found = await self._client.read(
            "collateral",
            *(_MARGIN, "collateral", "transferred"),
            kind=wire.Balances,
            lane=Lane.REST,
            scored=False,
        )
        if found.balances is None:
            raise OffWireError("balances: expected a list, was nothing")
        return [collateral_of(row) for row in found.balances]

    async def collateral_currencies(self) -> Sequence[CollateralCurrency]:
        """What would be taken as collateral."""
        found = await self._client.read(
            "collateral_currencies",
            *(_MARGIN, "collateral", "currencies"),
            kind=wire.CollateralCurrencies,
            lane=Lane.REST,
            scored=False,
        )
        return [collateral_currency_of(row) for row in found.available_currencies or ()]

    async def _rows(self) -> tuple[list[wire.Position], MarginDialect]:
        answer, dialect = await self._dialects.read(
            "positions",
            wire.Positions,
            platform=(_MARGIN, "netopenpositions"),
            express=(_MARGIN, "positions"),
        )
        rows = rows_of(answer, dialect)
        if len({row.currency for row in rows}) < len(rows):
            raise OffWireError("expected every currency once among the positions, was one twice")
        return rows, dialect

    async def _limits(self) -> dict[str, tuple[Value | None, Value | None]]:
        """The long and the short limit by asset; none where the counterparty has no such list."""
        found = await self._client.read_if_there(
            "position_limits", _MARGIN, "netopenpositionlimits", kind=wire.Limits, lane=Lane.REST
        )
        rows = [] if found is None else found.net_open_position_limits or []
        return {row.currency: limits_of(row) for row in rows}


def exposure_of(
    position: Position, long_limit: Value | None, short_limit: Value | None, pnl: Value | None
) -> Exposure:
    """What an open position is worth, and what it takes of the limit of its side. Nothing is converted.

    A limit may be stated in a currency, or in the asset itself; one in a third currency is compared with
    nothing. No position has no exposure, in whatever currency its limits are.
    """
    exposure = _size(position.value)
    if position.quantity == 0:
        limit = long_limit or short_limit
        if exposure is None and limit is not None:
            exposure = Value(ZERO, limit.currency)
    else:
        limit = short_limit if position.quantity < 0 else long_limit
    used = None
    if limit is not None and exposure is not None and exposure.currency == limit.currency:
        used = exposure
    elif limit is not None and limit.currency == position.asset:
        used = Value(position.quantity.copy_abs(), position.asset)
    return Exposure(
        asset=position.asset,
        position=position.quantity,
        long_limit=long_limit,
        short_limit=short_limit,
        used_credit=used,
        exposure=exposure,
        exposure_usd=_dollars(position, exposure),
        unrealized_pnl=pnl,
    )


def _size(stated: Value | None) -> Value | None:
    return None if stated is None else Value(stated.quantity.copy_abs(), stated.currency)


def _dollars(position: Position, exposure: Value | None) -> Decimal | None:
    """What the counterparty states in dollars; a position in dollars is stated in them by itself."""
    if exposure is not None and exposure.currency == _DOLLAR:
        return exposure.quantity
    return position.quantity.copy_abs() if position.asset == _DOLLAR else None
