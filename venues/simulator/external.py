"""Orders that the desk never took: those behind planted and generated trades, as the counterparty lists them.

Each is a market order that one trade filled.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from .account import Account
from .market import Product
from .orders import Order, OrderPlan, Trade
from .series import View, page, to_us, view
from .validate import NewOrder


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """The filters of GET orders; None is no filter, `since` inclusive, `before` exclusive."""

    client_order_id: str | None = None
    status: str | None = None
    funding: str | None = None
    since: datetime | None = None
    before: datetime | None = None


def order_behind(
    account: Account, product: Product, trade: Trade, client_order_id: str | None = None
) -> Order:
    """Give the order that a trade filled."""
    new = NewOrder(
        product=trade.product,
        type="market",
        side=trade.side,
        quantity=trade.quantity,
        currency=product.base,
        funding=trade.funding,
        client_order_id=client_order_id,
        time_in_force="IOC",
    )
    order = Order(
        id=trade.order_id,
        account_id=account.id,
        new=new,
        product=product,
        created=trade.time,
        updated=trade.time,
        initiated_by=account.user_id,
        plan=OrderPlan(),
        status="completed",
        completed=trade.time,
        settle_date=account.history.settle_date(trade),
    )
    order.record(trade)
    return order


def find_order(account: Account, order_id: str) -> Order | None:
    """Give an order of the account, whoever placed it; None if there is none."""
    kept = account.orders_by_id.get(order_id)
    generated = account.history.generated
    if kept is not None or generated is None:
        return kept
    index = generated.index_of_order(order_id)
    return None if index is None else _build(account, index)


def list_orders(account: Account, wanted: OrderFilter, offset: int, limit: int) -> list[Order]:
    """Give a page of the account's orders, newest first; those of generated trades are the oldest."""
    if wanted.client_order_id is None:
        rows = _view(account, wanted)
        kept = list(reversed(account.orders))
    else:
        rows = None
        one = account.orders_by_client_id.get(wanted.client_order_id)
        kept = [one] if one is not None else []

    def passes(order: Order) -> bool:
        return (
            (wanted.status is None or order.status == wanted.status)
            and (wanted.since is None or order.created >= wanted.since)
            and (wanted.before is None or order.created < wanted.before)
            and (wanted.funding is None or order.new.funding == wanted.funding)
        )

    def ahead(order: Order) -> int:
        return rows.newer_than(to_us(order.created), rows.series.time_us) if rows is not None else 0

    kept = [order for order in kept if passes(order)]
    return page(kept, rows, ahead, lambda index: _build(account, index), offset, limit)


def _view(account: Account, wanted: OrderFilter) -> View | None:
    generated = account.history.generated
    if generated is None or wanted.status not in {None, "completed"}:
        return None
    # An order is shown though its trade is hidden.
    shown = replace(generated.series, hidden=[])
    return view(shown, wanted.since, wanted.before, generated.pick(wanted.funding))


def _build(account: Account, index: int) -> Order:
    generated = account.history.generated
    if generated is None:
        raise LookupError(f"expected a generated order, was {index}")
    return order_behind(account, generated.product(index), generated.trade(index))
