"""What an order reserves, what a fill moves: balances for funded orders, positions for margin orders.

Source: bitgo-prime OpenAPI, POST orders: funded orders reserve from the Go account, margin orders need
available margin (NOP limits); "a protective marketable limit price derived from the current reference price".
"""

from datetime import datetime
from decimal import Decimal

from .account import Account
from .market import Product
from .matching import Plan
from .money import BPS, ZERO, ceil_to, floor_to
from .orders import Order, Trade
from .unsettled import BASE_LEG, QUOTE_LEG, Leg
from .world import World

# How far from the middle the protective limit of an order without a limit lies; the figure is not published.
PROTECTIVE_BPS = Decimal(500)


def protective(product: Product, side: str, reference: Decimal) -> Decimal:
    """Give the limit of an order that has none, on the product's tick."""
    if side == "buy":
        return ceil_to(reference * (1 + PROTECTIVE_BPS / BPS), product.tick)
    return max(floor_to(reference * (1 - PROTECTIVE_BPS / BPS), product.tick), product.tick)


def reserve(world: World, account: Account, order: Order) -> None:
    """Reserve what a new order may come to, or refuse it."""
    if order.new.funding == "margin":
        working: dict[str, Decimal] = {}
        for other in account.working.values():
            if other.new.funding == "margin" and other.new.side == order.new.side:
                for asset, change in _changes(other).items():
                    working[asset] = working.get(asset, ZERO) + change
        account.margin.check(_changes(order), working, lambda asset: world.mark(account, asset))
        return
    account.wallet.hold(order.id, *_hold(order))


def affordable(account: Account, order: Order, found: Plan) -> bool:
    """Whether the account can pay for the fills: a book that moved may cost more than was reserved."""
    if order.new.funding == "margin" or not found.takes:
        return True
    given_up, needed = (
        (order.product.quote, found.cost) if order.new.side == "buy" else (order.product.base, found.quantity)
    )
    free = account.wallet.balances.get(given_up, ZERO) - account.wallet.held(given_up)
    return needed <= account.wallet.held_by(order.id) + free


def settle(world: World, account: Account, order: Order, trade: Trade) -> None:
    """Move what a fill moves, and keep reserved what the rest of the order may come to."""
    base, quote = order.product.base, order.product.quote
    sign = 1 if trade.side == "buy" else -1
    changes = {base: sign * trade.quantity, quote: -sign * trade.quote_quantity}
    if order.new.funding == "margin":
        quote_mark = world.mark(account, quote)
        account.margin.apply(changes, {base: trade.price * quote_mark, quote: quote_mark}, trade.time)
        for kind, asset in ((BASE_LEG, base), (QUOTE_LEG, quote)):
            account.margin.unsettled.add(Leg(kind, trade.id, asset, changes[asset], trade.time))
        return
    for asset, change in changes.items():
        account.wallet.move(asset, change)
        account.wallet.defer(asset, change)
    account.wallet.rehold(order.id, *_hold(order))


def settle_trades(account: Account, before: datetime, when: datetime) -> int:
    """Settle the trades made before a time; give how many of the account's own orders' trades that were."""
    history, wallet = account.history, account.wallet
    open_before = [trade for trade in account.trades if history.settle_date(trade) is None]
    history.settlements.run(before, when)
    settled = [trade for trade in open_before if history.settle_date(trade) is not None]
    for trade in settled:
        if trade.funding == "funded":
            product = account.orders_by_id[trade.order_id].product
            sign = 1 if trade.side == "buy" else -1
            wallet.defer(product.base, -sign * trade.quantity)
            wallet.defer(product.quote, sign * trade.quote_quantity)
    for order in account.orders:
        if order.final and order.trades:
            order.settle_date = history.settle_date(order.trades[-1])
    return len(settled)


def _hold(order: Order) -> tuple[str, Decimal]:
    """Give the asset and the amount that the unfilled part reserves."""
    leaves, price = order.leaves, order.hold_price or ZERO
    if order.new.side == "buy":
        return order.product.quote, leaves if order.in_quote else leaves * price
    return order.product.base, _base_of(order, leaves, price)


def _base_of(order: Order, leaves: Decimal, price: Decimal) -> Decimal:
    if not order.in_quote:
        return leaves
    return ceil_to(leaves / price, order.product.base_increment) if price > 0 else ZERO


def _changes(order: Order) -> dict[str, Decimal]:
    """Give the signed change that the unfilled part of a margin order would make to each position."""
    price = order.hold_price or ZERO
    quantity = _base_of(order, order.leaves, price)
    sign = 1 if order.new.side == "buy" else -1
    return {order.product.base: sign * quantity, order.product.quote: -sign * quantity * price}
