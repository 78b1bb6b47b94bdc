"""What the control endpoint shows of a portfolio: everything, as it truly is."""

from venues.simulator.clock import to_wire_time
from venues.simulator.coinbase.credit import Mark
from venues.simulator.coinbase.model import PrimeOrder, Quote
from venues.simulator.coinbase.portfolio import Portfolio
from venues.simulator.coinbase.wire import credit_of, fill_of
from venues.simulator.money import to_wire


def portfolio_view(portfolio: Portfolio, mark: Mark) -> dict[str, object]:
    """Show a portfolio's money and counts; its keys are not shown."""
    wallet = portfolio.wallet
    return {
        "portfolio_id": portfolio.id,
        "name": portfolio.name,
        "balances": {asset: to_wire(amount) for asset, amount in sorted(wallet.balances.items())},
        "held": {asset: to_wire(wallet.held(asset)) for asset in wallet.assets() if wallet.held(asset) > 0},
        "credit": credit_of(portfolio.id, portfolio.credit, mark) if portfolio.credit is not None else None,
        "quotes": len(portfolio.quotes),
        "quotes_accepted": sum(quote.order_id is not None for quote in portfolio.quotes.values()),
        "orders": len(portfolio.orders),
        "working": len(portfolio.working),
        "fills": len(portfolio.fills),
        "faults_applied": dict(portfolio.faults.calls.applied),
    }


def quote_view(quote: Quote) -> dict[str, object]:
    """Show a quote and what became of it."""
    return {
        "quote_id": quote.id,
        "client_quote_id": quote.client_quote_id,
        "product_id": quote.product.name,
        "side": quote.side,
        "base_quantity": to_wire(quote.base_quantity),
        "price": to_wire(quote.price),
        "created_at": to_wire_time(quote.created),
        "expires_at": to_wire_time(quote.expires),
        "order_id": quote.order_id,
    }


def order_view(order: PrimeOrder) -> dict[str, object]:
    """Show an order as it truly is, whatever the wire said about it."""
    new = order.new
    return {
        "id": order.id,
        "client_order_id": new.client_order_id,
        "product_id": order.product.name,
        "side": new.side,
        "type": new.type,
        "time_in_force": new.time_in_force,
        "base_quantity": to_wire(new.base_quantity) if new.base_quantity is not None else None,
        "quote_value": to_wire(new.quote_value) if new.quote_value is not None else None,
        "limit_price": to_wire(new.limit_price) if new.limit_price is not None else None,
        "status": order.status,
        "reason": order.reason,
        "filled_quantity": to_wire(order.filled),
        "filled_value": to_wire(order.value),
        "commission": to_wire(order.commission),
        "created_at": to_wire_time(order.created),
        "fills": [fill_of(fill, new.type) for fill in order.fills],
    }
