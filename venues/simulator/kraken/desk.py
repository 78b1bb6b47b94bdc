"""The life of an order at Kraken.

    pending --> open --> closed (filled) | canceled | expired
       |
       +--> canceled                      (taken, and failed before it opened)

Source: Kraken Spot REST API, AddOrder (`timeinforce` GTC, IOC, FOK; `oflags` viqc, fciq, fcib) and the
`status` of an order. What of an IOC order is not filled is cancelled, and so is a whole FOK order.
The fee is charged in the quote currency, whatever `oflags` says of it.
"""

from decimal import Decimal

from venues.simulator import clock
from venues.simulator.errors import RefusedError
from venues.simulator.kraken.errors import (
    CANCEL_ONLY,
    COST_MINIMUM,
    DUPLICATE,
    FUNDS,
    INVALID_PRICE,
    MINIMUM,
    UNKNOWN_ORDER,
    KrakenError,
    invalid,
)
from venues.simulator.kraken.model import Exchange, Execution, KrakenAccount, KrakenOrder, NewKrakenOrder
from venues.simulator.market import Product
from venues.simulator.matching import Plan, plan
from venues.simulator.money import BPS, ONE, ZERO, ceil_to, decimals, floor_to, is_multiple

_AT_ONCE = frozenset({"IOC", "FOK"})


class KrakenDesk:
    """Takes orders and executes them against the exchange's book."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def check(self, account: KrakenAccount, new: NewKrakenOrder) -> None:
        """Refuse what cannot be an order; whether there are funds for it is asked last."""
        product = new.pair.product
        if product.trade_disabled or new.side in product.disabled_sides:
            raise KrakenError(CANCEL_ONLY)
        if new.price is not None and not is_multiple(new.price, product.tick):
            raise KrakenError(
                f"{INVALID_PRICE}:{new.pair.wsname} price can only be specified up to "
                f"{decimals(product.tick)} decimals."
            )
        if new.in_quote:
            if new.volume < Decimal(product.settings.quote_min_size):
                raise KrakenError(COST_MINIMUM)
        elif not is_multiple(new.volume, product.base_increment):
            raise invalid("volume")
        elif new.volume < Decimal(product.settings.base_min_size):
            raise KrakenError(MINIMUM)
        elif new.price is not None and new.volume * new.price < Decimal(product.settings.quote_min_size):
            raise KrakenError(COST_MINIMUM)
        if new.client_id is not None and any(
            order.new.client_id == new.client_id for order in account.working()
        ):
            # "Kraken verifies cl_ord_id uniqueness across open orders for each client."
            raise KrakenError(DUPLICATE)

    def submit(self, account: KrakenAccount, new: NewKrakenOrder) -> KrakenOrder:
        """Take an order or refuse it."""
        self.check(account, new)
        order_id = account.draw("O")
        try:
            account.wallet.hold(order_id, *self._hold(account, new))
        except RefusedError as refused:
            raise KrakenError(FUNDS) from refused
        # Asked last, so that an order that was refused does not use up a fault meant for one that is taken.
        order = KrakenOrder(order_id, new, clock.now(), self._exchange.faults.order_plan())
        account.orders[order.id] = order
        if order.plan.delay_ms > 0:
            self._exchange.world.timers.after(order.plan.delay_ms / 1000, lambda: self._open(account, order))
        else:
            self._open(account, order)
        return order

    def cancel(self, account: KrakenAccount, orders: list[KrakenOrder]) -> int:
        """Cancel what is still open of these; refuse where none is."""
        live = [order for order in orders if not order.final]
        if not live:
            raise KrakenError(UNKNOWN_ORDER)
        for order in live:
            self._end(account, order, "canceled", "User requested")
        return len(live)

    def on_book(self, product: Product) -> None:
        """Let resting orders see a new book."""
        for account in self._exchange.by_id.values():
            for order in account.working():
                if order.new.pair.product is product and order.status == "open":
                    self._execute(account, order)

    def _open(self, account: KrakenAccount, order: KrakenOrder) -> None:
        if order.final:
            return
        order.status = "open"
        if order.plan.fails_late:
            share = order.plan.failure_after_fill
            if share is not None:
                self._fill_part(account, order, floor_to(order.new.volume * share, _step(order.new)))
            self._end(account, order, "canceled", "Out of funds")
            return
        self._execute(account, order)

    def _execute(self, account: KrakenAccount, order: KrakenOrder) -> None:
        """Fill what can be filled now, then end the order or let it rest, by its time in force."""
        new, amount = order.new, order.leaves
        share = order.plan.partial_fill if new.policy != "FOK" else None
        if share is not None:
            amount = min(amount, floor_to(new.volume * share, _step(new)))
        if new.policy == "FOK" and not self._plan(new, amount).complete:
            self._end(account, order, "canceled", "Order could not be filled whole")
            return
        found = self._fill_part(account, order, amount)
        if found.complete and share is None:
            self._end(account, order, "closed", None)
        elif new.policy in _AT_ONCE or new.type == "market" or (share is not None and found.takes):
            self._end(account, order, "canceled", "Immediate or cancel")

    def _fill_part(self, account: KrakenAccount, order: KrakenOrder, amount: Decimal) -> Plan:
        found = self._plan(order.new, amount)
        for take in found.takes:
            take.level.size -= take.quantity
            self._fill(account, order, take.level.price, take.quantity)
        return found

    def _fill(self, account: KrakenAccount, order: KrakenOrder, price: Decimal, volume: Decimal) -> None:
        new, product = order.new, order.new.pair.product
        cost = price * volume
        fee = ceil_to(cost * account.fee_bps / BPS, product.quote_increment)
        execution = Execution(
            account.draw("T"), order.id, new.pair, new.side, new.type, clock.now(), price, volume, cost, fee
        )
        order.executions.append(execution)
        account.executions.append(execution)
        order.executed += volume
        order.cost += cost
        order.fee += fee
        sign = ONE if new.side == "buy" else -ONE
        account.wallet.move(product.base, sign * volume)
        account.wallet.move(product.quote, -sign * cost - fee)
        asset, held = self._hold(account, new, order.leaves)
        account.wallet.rehold(order.id, asset, held)

    def _end(self, account: KrakenAccount, order: KrakenOrder, status: str, reason: str | None) -> None:
        order.status, order.reason, order.closed = status, reason, clock.now()
        account.wallet.rehold(order.id, order.new.pair.product.quote, ZERO)

    def _plan(self, new: NewKrakenOrder, amount: Decimal) -> Plan:
        book = self._exchange.book(new.pair.product)
        return plan(
            book.asks if new.side == "buy" else book.bids,
            side=new.side,
            amount=amount,
            in_quote=new.in_quote,
            limit=new.price,
            increment=new.pair.product.base_increment,
        )

    def _hold(
        self, account: KrakenAccount, new: NewKrakenOrder, volume: Decimal | None = None
    ) -> tuple[str, Decimal]:
        """Give what an order can take at the worst: a buy its cost with the fee, a sale the base."""
        product = new.pair.product
        amount = new.volume if volume is None else volume
        if new.side == "sell":
            return product.base, amount
        if not new.in_quote:
            found = self._plan(new, amount)
            price = new.price if new.price is not None else found.worst or ZERO
            amount *= price
        return product.quote, amount * (ONE + account.fee_bps / BPS)


def _step(new: NewKrakenOrder) -> Decimal:
    product = new.pair.product
    return product.quote_increment if new.in_quote else product.base_increment
