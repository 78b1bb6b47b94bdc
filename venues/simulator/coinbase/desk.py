"""The life of an order, from the request to its end.

    PENDING --> OPEN --> FILLED | CANCELLED | EXPIRED
       |
       +--> FAILED | CANCELLED | EXPIRED           (taken, and failed before it opened)

Source: Coinbase Prime, "Order Types" and the enums OrderStatus, OrderType and TimeInForceType.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

from venues.simulator import clock
from venues.simulator.coinbase import funds
from venues.simulator.coinbase.errors import PrimeError
from venues.simulator.coinbase.faults import OrderTurn
from venues.simulator.coinbase.market import (
    check_price,
    check_size,
    marks,
    mid,
    order_sizes,
    product_of,
)
from venues.simulator.coinbase.model import Fill, NewPrimeOrder, PrimeOrder, Quote, fee_on, with_fee
from venues.simulator.coinbase.portfolio import Portfolio
from venues.simulator.market import Product
from venues.simulator.matching import Plan, plan
from venues.simulator.money import ZERO, floor_to
from venues.simulator.world import World

_SLICED = frozenset({"TWAP", "VWAP"})
_AT_ONCE = frozenset({"IMMEDIATE_OR_CANCEL", "FILL_OR_KILL"})


class PrimeDesk:
    """Takes orders and executes them against the portfolio's own book, or at a quote's price."""

    def __init__(self, world: World) -> None:
        self._world = world
        world.coinbase.on_book = self.on_book

    def submit(self, portfolio: Portfolio, new: NewPrimeOrder) -> PrimeOrder:
        """Take an order or refuse it."""
        product = product_of(self._world, portfolio, new.product, new.side)
        check_price(product, "limit_price", new.limit_price)
        check_price(product, "stop_price", new.stop_price)
        check_size(product, order_sizes(product), new.base_quantity, new.quote_value)
        if new.expiry is not None and new.expiry <= clock.now():
            raise PrimeError("expiry_time must be in the future.")
        return self.take(portfolio, new, product, None)

    def take(
        self, portfolio: Portfolio, new: NewPrimeOrder, product: Product, quote: Quote | None
    ) -> PrimeOrder:
        """Take an order that is well formed, at a quote's price and fee if there is one; refuse for funds."""
        if portfolio.active(new.client_order_id):
            raise PrimeError("client_order_id is that of an active order.")
        moment = clock.now()
        price = quote.price if quote is not None else None
        order = PrimeOrder(
            id=portfolio.draw("order"),
            number=len(portfolio.orders),
            new=new,
            product=product,
            created=moment,
            fee_bps=quote.fee_bps if quote is not None else portfolio.fee_bps,
            turn=OrderTurn(),
            shown_from=moment,
        )
        self._reserve(portfolio, order, price)
        # Asked last, so that an order that was refused does not use up a fault meant for one that is taken.
        order.turn = portfolio.faults.order()
        order.shown_from = moment + timedelta(seconds=order.turn.taken_late_s)
        portfolio.keep_order(order)
        wait_s = order.turn.fill_delay_s
        if order.turn.late_failure is not None:
            order.waiting, order.reason = True, "The order could not be processed."
            self._later(
                order, wait_s, lambda: self._end(portfolio, order, order.turn.late_failure or "FAILED")
            )
        elif wait_s > 0:
            order.status, order.waiting = "OPEN", True
            self._later(order, wait_s, lambda: self._open(portfolio, order, price))
        elif new.start is not None and new.start > moment:
            self._later(order, _seconds(new.start, moment), lambda: self._open(portfolio, order, price))
        else:
            self._open(portfolio, order, price)
        return order

    def cancel(self, portfolio: Portfolio, order: PrimeOrder) -> None:
        """Ask for a cancel: done at once, or after a while in which a fill can overtake it."""
        if order.final:
            raise PrimeError(f"The order is {order.status} and cannot be cancelled.")
        if order.canceling:
            return
        order.canceling = True
        self._later(order, order.turn.cancel_delay_s, lambda: self._end(portfolio, order, "CANCELLED"))

    def advance(self, order: PrimeOrder) -> None:
        """End every wait of an order: what was to come later comes now."""
        order.show(clock.now())
        waits, order.waits = order.waits, []
        for forget, run in waits:
            forget()
            run()
        order.show(clock.now())

    def on_book(self, product: Product) -> None:
        """Let resting and waiting orders see a new book."""
        for portfolio in self._world.coinbase.by_id.values():
            for order in list(portfolio.working.values()):
                if order.product is product and order.status == "OPEN" and not order.waiting:
                    self._look(portfolio, order)

    def _reserve(self, portfolio: Portfolio, order: PrimeOrder, price: Decimal | None) -> None:
        mark = marks(self._world, portfolio)
        struck = portfolio.faults.credit() if portfolio.credit is not None else None
        if portfolio.credit is not None and struck is not None:
            portfolio.credit.strike(struck, mark)
        asset, amount = funds.given_up(order, price if price is not None else self._price(portfolio, order))
        funds.check(portfolio, asset, amount, mark)
        funds.hold(portfolio, order.id, asset, amount)

    def _price(self, portfolio: Portfolio, order: PrimeOrder) -> Decimal:
        """Give the price at which funds are held: the limit, or the worst that a market order meets."""
        if order.new.limit_price is not None:
            return order.new.limit_price
        found = self._plan(portfolio, order, order.size)
        return found.worst if found.worst is not None else mid(portfolio, order.product)

    def _open(self, portfolio: Portfolio, order: PrimeOrder, price: Decimal | None) -> None:
        if order.final:
            return
        order.status, order.waiting = "OPEN", False
        if price is not None:
            self._trade_at(portfolio, order, price)
            return
        moment = clock.now()
        if order.new.expiry is not None:
            expires_s = _seconds(order.new.expiry, moment)
            self._world.timers.after(expires_s, lambda: self._end(portfolio, order, "EXPIRED"))
        if order.new.type in _SLICED:
            self._slice(portfolio, order)
        else:
            self._look(portfolio, order)

    def _trade_at(self, portfolio: Portfolio, order: PrimeOrder, price: Decimal) -> None:
        """Fill an order whole at the price of its quote."""
        funds.release(portfolio, order.id)
        if not funds.affords(portfolio, *funds.given_up(order, price)):
            order.reason = "The balance was no longer sufficient."
            self._end(portfolio, order, "FAILED")
            return
        self._fill(portfolio, order, price, order.leaves)
        self._end(portfolio, order, "FILLED")

    def _look(self, portfolio: Portfolio, order: PrimeOrder) -> None:
        new = order.new
        if new.type == "STOP_LIMIT" and not order.triggered:
            stop, middle = new.stop_price or ZERO, mid(portfolio, order.product)
            order.triggered = middle >= stop if new.side == "BUY" else middle <= stop
            if not order.triggered:
                return
        if new.type not in _SLICED:
            self._execute(portfolio, order)

    def _execute(self, portfolio: Portfolio, order: PrimeOrder) -> None:
        """Fill what can be filled now, then end the order or let it rest, by its time in force."""
        policy = order.new.time_in_force
        share = order.turn.partial_fill if policy != "FILL_OR_KILL" else None
        amount = order.leaves
        if share is not None:
            amount = min(amount, floor_to(order.size * share, _increment(order)))
        if policy == "FILL_OR_KILL" and not self._plan(portfolio, order, amount).complete:
            order.reason = "The order could not be filled as a whole."
            self._end(portfolio, order, "CANCELLED")
            return
        found = self._fill_part(portfolio, order, amount)
        if order.final:
            return
        if found.complete and share is None:
            self._end(portfolio, order, "FILLED")
        elif policy in _AT_ONCE or (share is not None and found.takes):
            order.reason = "What could not be filled at once was cancelled."
            self._end(portfolio, order, "CANCELLED")

    def _slice(self, portfolio: Portfolio, order: PrimeOrder) -> None:
        """Execute one slice of an order that goes on until its expiry, one a minute."""
        if order.status != "OPEN":
            return
        left_s = _seconds(order.new.expiry, clock.now()) if order.new.expiry is not None else 0.0
        minute_s = self._world.minute_s
        slices = max(1, round(left_s / minute_s))
        amount = order.leaves if slices == 1 else floor_to(order.leaves / slices, _increment(order))
        self._fill_part(portfolio, order, amount)
        if order.final:
            return
        if order.leaves < _least(order):
            self._end(portfolio, order, "FILLED")
        else:
            self._world.timers.after(minute_s, lambda: self._slice(portfolio, order))

    def _plan(self, portfolio: Portfolio, order: PrimeOrder, amount: Decimal) -> Plan:
        book = portfolio.maker.book(order.product)
        return plan(
            book.asks if order.new.side == "BUY" else book.bids,
            side=order.new.side.lower(),
            amount=amount,
            in_quote=order.in_quote,
            limit=order.new.limit_price,
            increment=order.product.base_increment,
        )

    def _fill_part(self, portfolio: Portfolio, order: PrimeOrder, amount: Decimal) -> Plan:
        """Take `amount` from the book as far as the limit and the funds reach."""
        found = self._plan(portfolio, order, amount)
        funds.release(portfolio, order.id)
        asset = order.product.quote if order.new.side == "BUY" else order.product.base
        cost = with_fee(found.cost, "BUY", order.fee_bps) if order.new.side == "BUY" else found.quantity
        if not funds.affords(portfolio, asset, cost):
            order.reason = "The balance was no longer sufficient."
            self._end(portfolio, order, "CANCELLED")
            return found
        for take in found.takes:
            take.level.size -= take.quantity
            self._fill(portfolio, order, take.level.price, take.quantity)
        funds.hold(portfolio, order.id, *funds.given_up(order, self._price(portfolio, order)))
        return found

    def _fill(self, portfolio: Portfolio, order: PrimeOrder, price: Decimal, quantity: Decimal) -> None:
        moment = clock.now()
        value = price * quantity
        fill = Fill(
            id=portfolio.draw("fill"),
            order_id=order.id,
            number=len(portfolio.fills),
            product=order.product,
            side=order.new.side,
            time=moment,
            price=price,
            quantity=quantity,
            value=value,
            commission=fee_on(value, order.fee_bps),
            shown_from=moment + timedelta(seconds=order.turn.fills_late_s),
        )
        order.record(fill)
        portfolio.keep_fill(fill)
        funds.release(portfolio, order.id)
        funds.settle(portfolio, fill)

    def _end(self, portfolio: Portfolio, order: PrimeOrder, status: str) -> None:
        if order.final:
            return
        order.status = status
        portfolio.working.pop(order.id, None)
        funds.close(portfolio, order.id)

    def _later(self, order: PrimeOrder, wait_s: float, run: Callable[[], None]) -> None:
        """Do something to an order now, or after a wait that `advance` can end."""
        if wait_s <= 0:
            run()
            return

        def due() -> None:
            order.waits.remove(wait)
            run()

        wait = (self._world.timers.after(wait_s, due), run)
        order.waits.append(wait)


def _increment(order: PrimeOrder) -> Decimal:
    return order.product.quote_increment if order.in_quote else order.product.base_increment


def _least(order: PrimeOrder) -> Decimal:
    """Give what is the least that can still trade, in the order's own currency."""
    if order.in_quote and order.fills:
        return order.fills[-1].price * order.product.base_increment
    return _increment(order)


def _seconds(until: datetime, since: datetime) -> float:
    return max((until - since) / timedelta(seconds=1), 0.0)
