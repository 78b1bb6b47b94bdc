"""Moves between the wallet and the margin: collateral in, collateral back, positions covered.

Source: bitgo-prime OpenAPI, POST margin/collateral/transfer, POST margin/positions/transfer, POST
margin/positions/cover, and the withdrawal requests.  Each is done whole or not at all.
"""

from dataclasses import dataclass
from decimal import Decimal

from . import clock
from .account import Account
from .errors import INVALID_ARGUMENT, RefusedError
from .margin import Position
from .margin_file import WITHDRAWAL_FINAL, Withdrawal
from .market import USD_LIKE
from .money import ZERO
from .unsettled import TRANSFER, Leg
from .world import World


@dataclass(frozen=True, slots=True)
class Moved:
    """What a transfer came to: the quantity is the balance, or the net position, after it."""

    transfer_id: str
    currency: str
    quantity: Decimal


def transfer_collateral(world: World, account: Account, currency: str, quantity: Decimal) -> Moved:
    """Move funds from the wallet to the collateral."""
    if currency not in account.margin_file.accepted:
        raise not_supported()
    _pay(account, {currency: quantity})
    collateral = account.margin.collateral
    collateral[currency] = collateral.get(currency, ZERO) + quantity
    return Moved(world.ids.move(), currency, collateral[currency])


def transfer_position(world: World, account: Account, currency: str, quantity: Decimal) -> Moved:
    """Move funds from the wallet into a position; what is more than the short makes it long."""
    _pay(account, {currency: quantity})
    return _into_position(world, account, currency, quantity)


def cover(world: World, account: Account, currencies: list[str] | None) -> list[Moved]:
    """Move the exact amounts that are short; all of them, without currencies (None).

    All are those among the net open positions: dollars that fills owe are covered only by name.
    """
    wanted = account.margin.open_assets() if currencies is None else currencies
    shorts = {asset: -net_position(account, asset) for asset in wanted if net_position(account, asset) < 0}
    _pay(account, shorts)
    return [_into_position(world, account, asset, amount) for asset, amount in shorts.items()]


def net_position(account: Account, asset: str) -> Decimal:
    """Give the signed position in an asset; of a dollar, what its fills and transfers came to."""
    return account.margin.unsettled.total(asset) if asset in USD_LIKE else account.margin.quantity(asset)


def set_position(world: World, account: Account, asset: str, quantity: Decimal) -> None:
    """Put a position where it is wanted, entered at the present price."""
    change = quantity - net_position(account, asset)
    moment = clock.now()
    if change != 0:
        account.margin.unsettled.add(Leg(TRANSFER, world.ids.move(), asset, change, moment))
    if asset not in USD_LIKE:
        entry = quantity * world.mark(account, asset)
        account.margin.positions[asset] = Position(quantity, entry, moment)


def ask_withdrawal(world: World, account: Account, currency: str, quantity: Decimal) -> Withdrawal:
    """Take a request to give collateral back; one that is pending in the same currency is a 409."""
    file = account.margin_file
    if currency not in file.accepted:
        raise not_supported()
    alike = [one for one in file.withdrawals.values() if one.currency == currency]
    if any(one.status == "pending" for one in alike):
        raise RefusedError("backend:common:inUse", key="Currency")
    promised = sum((one.quantity for one in alike if one.status == "approved"), ZERO)
    if quantity > account.margin.collateral.get(currency, ZERO) - promised:
        raise RefusedError("backend:trade:insufficientFunds", text="insufficient collateral balance")
    moment = clock.now()
    request = Withdrawal(world.ids.move(), currency, quantity, account.user_id, moment, moment)
    file.withdrawals[request.id] = request
    return request


def cancel_withdrawal(account: Account, request: Withdrawal) -> None:
    """Cancel a request that is pending; the refusal of any other is not documented."""
    if request.status != "pending":
        raise RefusedError("backend:common:invalidRequest", key="requestID")
    request.status, request.canceled_by, request.modified = "cancelled", account.user_id, clock.now()


def decide_withdrawal(account: Account, request: Withdrawal, status: str) -> str | None:
    """Approve, reject or complete a request as the counterparty's staff; give what forbids it, or None."""
    if request.status in WITHDRAWAL_FINAL:
        return f"status: expected a request that is pending or approved, was {request.status!r}"
    if status == "completed":
        held = account.margin.collateral.get(request.currency, ZERO)
        if held < request.quantity:
            return f"quantity: expected collateral of at least {request.quantity}, was {held}"
        account.margin.collateral[request.currency] = held - request.quantity
        account.wallet.move(request.currency, request.quantity)
    request.status, request.modified = status, clock.now()
    return None


def not_supported() -> RefusedError:
    """Give the refusal of a currency, whose example has no key."""
    return RefusedError(INVALID_ARGUMENT, text="currency not supported")


def _pay(account: Account, amounts: dict[str, Decimal]) -> None:
    """Take funds out of the wallet: all of them, or none if one of them is short."""
    for asset, amount in amounts.items():
        if amount > account.wallet.tradable(asset):
            raise RefusedError("backend:trade:insufficientFunds")
    for asset, amount in amounts.items():
        account.wallet.move(asset, -amount)


def _into_position(world: World, account: Account, asset: str, quantity: Decimal) -> Moved:
    moment, transfer_id = clock.now(), world.ids.move()
    account.margin.apply({asset: quantity}, {asset: world.mark(account, asset)}, moment)
    account.margin.unsettled.add(Leg(TRANSFER, transfer_id, asset, quantity, moment))
    return Moved(transfer_id, asset, net_position(account, asset))
