"""Orders that were there before, or that someone else has made in the portfolio: for look-ups and lists."""

from decimal import Decimal

from venues.simulator import clock
from venues.simulator.clock import parse_time
from venues.simulator.coinbase.control_model import PlantedOrder
from venues.simulator.coinbase.faults import OrderTurn
from venues.simulator.coinbase.model import Fill, NewPrimeOrder, PrimeOrder, fee_on
from venues.simulator.coinbase.portfolio import Portfolio
from venues.simulator.market import Product
from venues.simulator.money import ZERO


def plant(portfolio: Portfolio, product: Product, asked: PlantedOrder) -> PrimeOrder:
    """Put an order with its fill into the books; `ValueError` for amounts or a time that cannot be."""
    quantity, price = Decimal(asked.base_quantity), Decimal(asked.price)
    filled = quantity if asked.status == "FILLED" else ZERO
    if asked.filled_quantity is not None:
        filled = Decimal(asked.filled_quantity)
    if filled > quantity:
        raise ValueError(f"expected filled_quantity at most base_quantity, was {asked.filled_quantity}")
    created = parse_time(asked.created_at) if asked.created_at is not None else clock.now()
    if created > clock.now():
        raise ValueError(f"expected created_at in the past, was {asked.created_at}")
    order = PrimeOrder(
        id=portfolio.draw("planted"),
        number=len(portfolio.orders),
        new=NewPrimeOrder(
            product=product.name,
            side=asked.side,
            type=asked.type,
            client_order_id=asked.client_order_id,
            base_quantity=quantity,
            limit_price=price if asked.type != "MARKET" else None,
        ),
        product=product,
        created=created,
        fee_bps=portfolio.fee_bps,
        turn=OrderTurn(),
        shown_from=created,
        status=asked.status,
        waiting=True,
    )
    if filled:
        value = price * filled
        fill = Fill(
            id=portfolio.draw("planted"),
            order_id=order.id,
            number=len(portfolio.fills),
            product=product,
            side=asked.side,
            time=created,
            price=price,
            quantity=filled,
            value=value,
            commission=fee_on(value, order.fee_bps),
            shown_from=created,
        )
        order.record(fill)
        portfolio.keep_fill(fill)
    portfolio.keep_order(order)
    return order
