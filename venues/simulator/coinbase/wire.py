"""What the portfolio's resources look like on the wire: money and quantities as strings, absent texts empty.

Source: Coinbase Prime OpenAPI: CreateQuoteResponse, Order, Fill, Balance, Product and
PostTradeCreditInformation.
"""

from datetime import datetime, timedelta
from decimal import Decimal

from venues.simulator import clock
from venues.simulator.clock import to_wire_time
from venues.simulator.coinbase.credit import CreditLine, Mark
from venues.simulator.coinbase.market import Sizes
from venues.simulator.coinbase.model import Fill, PrimeOrder, Quote
from venues.simulator.coinbase.portfolio import Portfolio
from venues.simulator.market import Product
from venues.simulator.money import ZERO, to_wire

_VENUE = {"RFQ": "Market maker"}
_STAKING = (
    "bonded_amount",
    "reserved_amount",
    "unbonding_amount",
    "unvested_amount",
    "pending_rewards_amount",
    "past_rewards_amount",
    "bondable_amount",
    "unbondable_amount",
)
_DUE_AFTER = timedelta(days=2)


def quote_of(quote: Quote) -> dict[str, object]:
    """Show a quote; the duration is the one that was asked for, an int64 and so a string."""
    return {
        "quote_id": quote.id,
        "expiration_time": to_wire_time(quote.expires),
        "best_price": to_wire(quote.price),
        "order_total": to_wire(quote.total),
        "price_inclusive_of_fees": to_wire(quote.price_with_fee),
        "quote_duration_ms": str(quote.duration_ms_asked),
    }


def order_of(order: PrimeOrder, portfolio: Portfolio, user_id: str) -> dict[str, object]:
    """Show an order."""
    new = order.new
    return {
        "id": order.id,
        "user_id": user_id,
        "portfolio_id": portfolio.id,
        "product_id": order.product.name,
        "side": new.side,
        "client_order_id": new.client_order_id,
        "type": new.type,
        "base_quantity": _text(new.base_quantity),
        "quote_value": _text(new.quote_value),
        "limit_price": _text(new.limit_price),
        "stop_price": _text(new.stop_price),
        "start_time": _time(new.start),
        "expiry_time": _time(new.expiry),
        "status": order.status,
        "time_in_force": new.time_in_force,
        "created_at": to_wire_time(order.created),
        "filled_quantity": to_wire(order.filled),
        "filled_value": to_wire(order.value),
        "average_filled_price": to_wire(order.average),
        "commission": to_wire(order.commission),
        "exchange_fee": "0",
        "net_average_filled_price": to_wire(order.net_average),
        "historical_pov": "",
        "user_context": order.reason,
        "client_product_id": order.product.name,
        "post_only": False,
        "is_raise_exact": False,
        "display_size": "",
        "product_type": "SPOT",
    }


def fill_of(fill: Fill, kind: str) -> dict[str, object]:
    """Show a fill; `kind` is the type of its order."""
    return {
        "id": fill.id,
        "order_id": fill.order_id,
        "product_id": fill.product.name,
        "client_product_id": fill.product.name,
        "side": fill.side,
        "filled_quantity": to_wire(fill.quantity),
        "filled_value": to_wire(fill.value),
        "price": to_wire(fill.price),
        "time": to_wire_time(fill.time),
        "commission": to_wire(fill.commission),
        "venue": _VENUE.get(kind, "Coinbase Exchange"),
        "venue_fees": "0",
        "ces_commission": "",
    }


def balance_of(portfolio: Portfolio, asset: str, mark: Mark) -> dict[str, object]:
    """Show a balance; what is tradable is `amount` less `holds`."""
    amount = portfolio.wallet.balances.get(asset, ZERO)
    return {
        "symbol": asset,
        "amount": to_wire(amount),
        "holds": to_wire(portfolio.wallet.held(asset)),
        **dict.fromkeys(_STAKING, "0"),
        "withdrawable_amount": to_wire(portfolio.wallet.tradable(asset)),
        "fiat_amount": to_wire(amount * mark(asset)),
    }


def product_of(product: Product, sizes: Sizes, *, tradable: bool) -> dict[str, object]:
    """Show a product; `sizes` are those for quotes, whose notional sizes are deprecated and empty."""
    settings = product.settings
    permissions = ["PRODUCT_PERMISSION_READ"]
    if not product.trade_disabled:
        permissions.append("PRODUCT_PERMISSION_TRADE")
    return {
        "id": product.name,
        "base_increment": to_wire(product.base_increment),
        "quote_increment": to_wire(product.quote_increment),
        "price_increment": to_wire(product.tick),
        "base_min_size": to_wire(Decimal(settings.base_min_size)),
        "base_max_size": to_wire(Decimal(settings.base_max_size)),
        "quote_min_size": to_wire(Decimal(settings.quote_min_size)),
        "quote_max_size": to_wire(Decimal(settings.quote_max_size)),
        "permissions": permissions,
        "product_type": "SPOT",
        "rfq_product_details": {
            "tradable": tradable,
            "min_notional_size": "",
            "max_notional_size": "",
            "min_base_size": to_wire(sizes.min_base),
            "max_base_size": to_wire(sizes.max_base),
            "min_quote_size": to_wire(sizes.min_quote),
            "max_quote_size": to_wire(sizes.max_quote),
        },
    }


def credit_of(portfolio_id: str, credit: CreditLine, mark: Mark) -> dict[str, object]:
    """Show a credit line; what is owed is due two days from now."""
    utilized = to_wire(credit.utilized(mark))
    due = to_wire_time(clock.now() + _DUE_AFTER)
    return {
        "portfolio_id": portfolio_id,
        "currency": credit.currency,
        "limit": to_wire(credit.limit),
        "utilized": utilized,
        "available": to_wire(credit.available(mark)),
        "frozen": credit.frozen,
        "frozen_reason": credit.frozen_reason,
        "amounts_due": [
            {"currency": asset, "amount": to_wire(amount), "due_date": due}
            for asset, amount in sorted(credit.owed.items())
        ],
        "enabled": credit.enabled,
        "adjusted_credit_utilized": utilized,
        "adjusted_portfolio_equity": "0",
    }


def _text(amount: Decimal | None) -> str:
    return to_wire(amount) if amount is not None else ""


def _time(moment: datetime | None) -> str | None:
    return to_wire_time(moment) if moment is not None else None
