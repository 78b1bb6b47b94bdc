"""The shapes of the margin wire, both dialects in one: a field of either is optional, and read leniently.

Sources: the published description (`…/margin/riskprofile` and its kin: `platform`) and the guide to margin
trading over BitGo Express (`…/margin/risk/profile` and its kin: `express`). Amounts are left as they came.
"""

import msgspec

from venues.bitgo.numbers import NULL


class Risk(msgspec.Struct, rename="camel"):
    """A risk profile. `collateral` and `unrealizedPnl` are Express's names."""

    net_open_position: msgspec.Raw = NULL
    transferred_collateral: msgspec.Raw = NULL
    collateral: msgspec.Raw = NULL
    unrealized_pnl_platform: msgspec.Raw = msgspec.field(default=NULL, name="unrealizedPnL")
    unrealized_pnl: msgspec.Raw = NULL
    margin_balance: msgspec.Raw = NULL
    margin_requirement: msgspec.Raw = NULL
    margin_utilization_percentage: msgspec.Raw = NULL


class RiskAnswer(Risk):
    """A risk profile as it is answered: flat in Express, under `riskProfile` on the platform."""

    risk_profile: Risk | None = None


class RiskSettings(msgspec.Struct, rename="camel"):
    """Risk settings; the platform has `minimumTransferredCollateral` besides."""

    total_short_position_limit: msgspec.Raw = NULL
    margin_call_percentage: msgspec.Raw = NULL
    liquidation_threshold_percentage: msgspec.Raw = NULL
    margin_requirement_percentage: msgspec.Raw = NULL


class Position(msgspec.Struct, rename="camel"):
    """`MarginNetOpenPosition`, and a row of Express's positions (`quantity`, `value`)."""

    currency: str
    net_open_position: msgspec.Raw = NULL
    net_open_position_value: msgspec.Raw = NULL
    quantity: msgspec.Raw = NULL
    value: msgspec.Raw = NULL
    short_margin_position_notional_limit: msgspec.Raw = NULL
    long_margin_position_notional_limit: msgspec.Raw = NULL
    unrealized_pnl: msgspec.Raw = msgspec.field(default=NULL, name="unrealizedPnL")


class Positions(msgspec.Struct, rename="camel"):
    """Open positions: `netOpenPositions` on the platform, which may be left out, `data` in Express."""

    net_open_positions: list[Position] | None = None
    data: list[Position] | None = None


class Limit(msgspec.Struct, rename="camel"):
    """`MarginNetOpenPositionLimit`."""

    currency: str
    short_margin_position_notional_limit: msgspec.Raw = NULL
    long_margin_position_notional_limit: msgspec.Raw = NULL


class Limits(msgspec.Struct, rename="camel"):
    """Limits by asset."""

    net_open_position_limits: list[Limit] | None = None


class Balance(msgspec.Struct, rename="camel"):
    """An asset of the collateral account, or a position, after a transfer."""

    currency: str
    quantity: msgspec.Raw
    balance_value: msgspec.Raw = NULL
    transfer_id: str | None = None


class Balances(msgspec.Struct):
    """Several of them."""

    balances: list[Balance] | None = None


class CollateralCurrency(msgspec.Struct, rename="camel"):
    """What is taken as collateral; `minIncrement` is the name before 2026-01-12."""

    symbol: str
    name: str | None = None
    increment: msgspec.Raw = NULL
    min_increment: msgspec.Raw = NULL


class CollateralCurrencies(msgspec.Struct, rename="camel"):
    """All of it."""

    available_currencies: list[CollateralCurrency] | None = None


class CloseRequest(msgspec.Struct, rename="camel"):
    """`ClosePositionRequestResponse`."""

    id: str = msgspec.field(name="closePositionsRequestId")
    status: str
    creation_date: str
    account_id: str | None = None


class CloseOrder(msgspec.Struct, rename="camel"):
    """`ClosePositionOrderResponse`; `orderId` is left out while there is no trade order yet."""

    request_id: str = msgspec.field(name="closePositionsRequestId")
    status: str
    currency: str
    target_currency: str
    creation_date: str
    modified_date: str
    order_id: str | None = None


class CloseOrders(msgspec.Struct):
    """The orders of a request to close."""

    orders: list[CloseOrder]


class Withdrawal(msgspec.Struct, rename="camel"):
    """`CollateralWithdrawalRequestResponse`."""

    id: str
    currency: str
    quantity: msgspec.Raw
    status: str
    creation_date: str
    modified_date: str
    account_id: str | None = None


class Snapshot(msgspec.Struct, rename="camel"):
    """`MarginNetOpenPositionSnapshot`."""

    currency: str
    net_open_position: msgspec.Raw
    applied_future_transfers: msgspec.Raw = NULL
    earliest_transaction_date: str | None = None
    latest_transaction_date: str | None = None
    latest_future_transfer_date: str | None = None


class Snapshots(msgspec.Struct, rename="camel"):
    """Unsettled positions as of a time."""

    net_open_positions: list[Snapshot]


class Activity(msgspec.Struct, rename="camel"):
    """`PositionActivityEntry`."""

    type: str
    id: str
    currency: str
    quantity: msgspec.Raw
    transaction_date: str
    account_id: str | None = None


class Activities(msgspec.Struct, rename="camel"):
    """A page of activity; its rows are read one by one."""

    positions_activity: list[msgspec.Raw]


class Listed(msgspec.Struct, rename="camel"):
    """A page of any list of the margin wire, its rows unread."""

    data: list[msgspec.Raw] | None = None
    positions_activity: list[msgspec.Raw] | None = None
