"""How the margin's amounts, requests and moves are printed, field by field as the schemas have them.

Source: bitgo-prime OpenAPI, Amount3, ClosePositionRequest, ClosePositionRequestOrder,
CollateralWithdrawalRequestResponse, the answers of the transfers.
"""

from decimal import Decimal

from .account import Account
from .clock import to_wire_time
from .margin_file import CloseOrder, CloseRequest, Withdrawal
from .money import to_wire
from .transfers import Moved
from .world import World

# Amounts in dollars are shown to the hundredth of a cent: the exact ones have dozens of digits.
SHOWN = Decimal("0.0001")
# A balance at or below zero has no ratio; the pattern allows no infinity, so a large number stands.
_ENDLESS = Decimal(999_999)


def usd(value: Decimal) -> dict[str, str]:
    """Show dollars as the schema Amount3."""
    return {"quantity": to_wire(value.quantize(SHOWN)), "currency": "USD"}


def ratio(used: Decimal) -> Decimal:
    """Give a utilisation as it is shown: to four decimals, and finite."""
    return used.quantize(SHOWN) if used.is_finite() else _ENDLESS


def position_value(world: World, account: Account, asset: str, quantity: Decimal) -> tuple[Decimal, str]:
    """Give a position's value and the currency that the account states such values in."""
    file = account.margin_file
    return quantity * world.mark(account, asset) / file.value_usd, file.value_currency


def moved_of(world: World, account: Account, moved: Moved) -> dict[str, object]:
    """Show what a transfer came to; the value is in dollars."""
    return {
        "transferId": moved.transfer_id,
        "currency": moved.currency,
        "quantity": to_wire(moved.quantity),
        "balanceValue": usd(moved.quantity * world.mark(account, moved.currency)),
    }


def close_request_of(account: Account, request: CloseRequest) -> dict[str, str]:
    """Show a close request."""
    return {
        "closePositionsRequestId": request.id,
        "accountId": account.id,
        "enterpriseId": account.enterprise_id,
        "status": request.status,
        "bitgoUserId": request.user_id,
        "creationDate": to_wire_time(request.created),
    }


def close_order_of(request: CloseRequest, order: CloseOrder) -> dict[str, str]:
    """Show one order of a close request; `orderId` is left out until there is one."""
    shown = {
        "closePositionsRequestId": request.id,
        "status": order.status,
        "currency": order.currency,
        "targetCurrency": order.target,
        "creationDate": to_wire_time(order.created),
        "modifiedDate": to_wire_time(order.modified),
    }
    return shown if order.order_id is None else {**shown, "orderId": order.order_id}


def withdrawal_of(account: Account, request: Withdrawal) -> dict[str, str | None]:
    """Show a withdrawal request."""
    return {
        "id": request.id,
        "accountId": account.id,
        "enterpriseId": account.enterprise_id,
        "currency": request.currency,
        "quantity": to_wire(request.quantity),
        "status": request.status,
        "createdBy": request.created_by,
        "canceledBy": request.canceled_by,
        "creationDate": to_wire_time(request.created),
        "modifiedDate": to_wire_time(request.modified),
    }
