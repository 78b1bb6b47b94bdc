"""What the control endpoint shows of accounts, orders and products."""

from .account import Account
from .clock import to_wire_time
from .market import Product
from .money import to_wire
from .orders import Order
from .world import World


def product_view(product: Product) -> dict[str, object]:
    """Show a product's switches and where its walk is."""
    return {
        "name": product.name,
        "mid": to_wire(product.mid),
        "ticks": product.ticks,
        "pinned": product.pin is not None,
        "trade_disabled": product.trade_disabled,
        "disabled_sides": product.disabled_sides,
        "algo_disabled": product.algo_disabled,
        "margin_supported": product.margin_supported,
    }


def account_view(world: World, account: Account) -> dict[str, object]:
    """Show an account's money, exactly, without holding it against the published schemas."""
    wallet, margin = account.wallet, account.margin
    used = margin.utilisation(lambda asset: world.mark(account, asset))
    return {
        "id": account.id,
        "name": account.name,
        "balances": {asset: to_wire(amount) for asset, amount in sorted(wallet.balances.items())},
        "held": {asset: to_wire(wallet.held(asset)) for asset in wallet.assets() if wallet.held(asset) > 0},
        "collateral": {asset: to_wire(amount) for asset, amount in sorted(margin.collateral.items())},
        "positions": {asset: to_wire(held.quantity) for asset, held in sorted(margin.positions.items())},
        "margin_state": margin.state,
        "blocked_by": margin.blocked,
        "margin_calls": margin.margin_calls,
        "liquidations": margin.liquidations,
        "realized_pnl": to_wire(margin.realized),
        "utilization": None if used is None else str(used) if not used.is_finite() else to_wire(used),
        "orders": len(account.orders),
        "working": len(account.working),
        "trades": len(account.history),
    }


def order_view(order: Order) -> dict[str, object]:
    """Show an order as it truly is, whatever the wire said about it."""
    return {
        "id": order.id,
        "client_order_id": order.new.client_order_id,
        "product": order.new.product,
        "type": order.new.type,
        "side": order.new.side,
        "funding_type": order.new.funding,
        "time_in_force": order.new.time_in_force,
        "quantity": to_wire(order.new.quantity),
        "quantity_currency": order.new.currency,
        "limit_price": to_wire(order.new.limit_price) if order.new.limit_price is not None else None,
        "status": order.status,
        "reason": order.reason,
        "filled_quantity": to_wire(order.filled),
        "filled_quote_quantity": to_wire(order.filled_quote),
        "created_at": to_wire_time(order.created),
        "fills": [
            {
                "id": trade.id,
                "time": to_wire_time(trade.time),
                "price": to_wire(trade.price),
                "quantity": to_wire(trade.quantity),
                "quote_quantity": to_wire(trade.quote_quantity),
            }
            for trade in order.trades
        ],
    }
