"""The life of an order, from the request to its last event.

    pending_open --> open --> completed | canceled | error
         |            |
         |            +--> pending_cancel --> canceled   (a fill can overtake the cancel)
         +--> canceled | error                            (taken, and failed before it opened)

Execution types that go with the states, on the feed: created A, accepted 0, fill F, pending cancel 6,
completed I, canceled 4, error 8 (bitgo-notes, "Orders").
"""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

from . import clock, funding
from .account import Account
from .admission import admit
from .errors import RefusedError
from .market import Level, Product
from .matching import Plan, Take, plan
from .money import ZERO, floor_to
from .orders import Order, OrderPlan, Trade
from .validate import NewOrder
from .world import World

Listener = Callable[[Account, Order, str, Trade | None], None]
# Told of an account whose prices moved, or which has traded on margin.
Watcher = Callable[[Account], None]

_SLICED = frozenset({"twap", "steady_pace"})


class Desk:
    """Takes orders, executes them against the account's book, and tells the listener of every event."""

    def __init__(self, world: World, listener: Listener) -> None:
        self._world = world
        self._tell = listener
        # Set by what keeps watch over margin accounts, which needs the desk for its own orders.
        self.prices_moved: Watcher = _nobody
        self.traded: Watcher = _nobody
        self.ended: Callable[[Account, Order], None] = _nothing

    def submit(self, account: Account, new: NewOrder, order_plan: OrderPlan | None = None) -> Order:
        """Take an order or refuse it; without a plan, the account's faults are asked for one."""
        order = self._order(account, new, admit(self._world, account, new), account.user_id)
        order.limit = self._limit(account, order)
        order.hold_price = self._hold_price(account, order)
        funding.reserve(self._world, account, order)
        # Asked last, so that an order that was refused does not use up a fault meant for one that is taken.
        order.plan = account.faults.order_plan() if order_plan is None else order_plan
        self._take(account, order)
        return order

    def close_out(self, account: Account, product: Product, initiated_by: str | None = None) -> Order:
        """Trade an account's position in a product's base to zero by a market order on margin.

        Past the checks of an order that is sent: those of size would leave a remainder open.  Without
        `initiated_by` it is the account's user who closes, under a protective limit and the account's faults;
        otherwise the order takes whatever the book has, at once.
        """
        held = account.margin.quantity(product.base)
        new = NewOrder(
            product=product.name,
            type="market",
            side="sell" if held > 0 else "buy",
            quantity=abs(held),
            currency=product.base,
            funding="margin",
            time_in_force="IOC",
        )
        order = self._order(account, new, product, initiated_by or account.user_id)
        if initiated_by is None:
            order.limit = self._limit(account, order)
            order.plan = account.faults.order_plan()
        order.hold_price = self._hold_price(account, order)
        self._take(account, order, at_once=initiated_by is not None)
        return order

    def end_margin_orders(self, account: Account, canceled_by: str) -> None:
        """Cancel every working margin order at once, as the counterparty does."""
        for order in list(account.working.values()):
            if order.new.funding == "margin":
                order.canceled_by = canceled_by
                self._end(account, order, "canceled")

    def _order(self, account: Account, new: NewOrder, product: Product, initiated_by: str) -> Order:
        moment = clock.now()
        return Order(
            id=self._world.ids.order(),
            account_id=account.id,
            new=new,
            product=product,
            created=moment,
            updated=moment,
            initiated_by=initiated_by,
            plan=OrderPlan(),
        )

    def _take(self, account: Account, order: Order, *, at_once: bool = False) -> None:
        """Take an order into the books and open it, now or when it is time."""
        new = order.new
        account.add(order)
        self._tell(account, order, "A", None)
        wait = (new.scheduled - order.created) / timedelta(seconds=1) if new.scheduled is not None else 0.0
        if at_once:
            self._open(account, order)
        elif wait > 0:
            order.status = "scheduled"
            self._world.timers.after(wait, lambda: self._open(account, order))
        elif account.order_answer == "pending" or order.plan.fails_late or order.plan.delay_ms > 0:
            self._world.timers.after(order.plan.delay_ms / 1000, lambda: self._open(account, order))
        else:
            self._open(account, order)

    def cancel(self, account: Account, order: Order) -> None:
        """Ask for a cancel; it is done a moment later, when the order may have been filled."""
        if order.final:
            raise RefusedError("backend:trade:orderNotCancelable")
        if order.status == "pending_cancel":
            return
        order.status = "pending_cancel"
        order.canceled_by = account.user_id
        order.updated = clock.now()
        self._tell(account, order, "6", None)
        self._world.timers.after(order.plan.delay_ms / 1000, lambda: self._end(account, order, "canceled"))

    def on_book(self, product: Product) -> None:
        """Let resting and waiting orders see a new book."""
        for account in self._world.accounts.values():
            for order in list(account.working.values()):
                if order.product is product and order.status in {"open", "pending_cancel"}:
                    self._look(account, order)
            self.prices_moved(account)

    def _look(self, account: Account, order: Order) -> None:
        if order.new.type == "stop" and not order.triggered:
            self._try_trigger(account, order)
        elif order.new.type not in _SLICED:
            self._execute(account, order)

    def _open(self, account: Account, order: Order) -> None:
        if order.status not in {"pending_open", "scheduled"}:
            return
        if order.plan.fails_late:
            self._fail_late(account, order)
            return
        order.status = "open"
        order.updated = clock.now()
        self._tell(account, order, "0", None)
        if order.new.time_in_force == "GTD" and order.new.duration is not None:
            lasts = order.new.duration * self._world.minute_s
            self._world.timers.after(lasts, lambda: self._end(account, order, "canceled"))
        if order.new.type in _SLICED:
            self._slice(account, order, _slices(order))
        else:
            self._look(account, order)

    def _try_trigger(self, account: Account, order: Order) -> None:
        mid = self._world.mid(account, order.product)
        trigger = order.new.trigger_price or ZERO
        reached = mid >= trigger if order.new.side == "buy" else mid <= trigger
        if reached:
            order.triggered = True
            order.limit = self._limit(account, order)
            self._execute(account, order)

    def _fail_late(self, account: Account, order: Order) -> None:
        fraction = order.plan.failure_after_fill
        if fraction is not None:
            order.status = "open"
            self._tell(account, order, "0", None)
            self._fill_part(account, order, _share(order, fraction))
        if order.final:
            return
        kind = order.plan.late_failure or "canceled_internalError"
        status, _, reason = kind.partition("_")
        order.reason = reason or "internalError"
        order.reason_description = "The order could not be processed."
        self._end(account, order, status)

    def _execute(self, account: Account, order: Order) -> None:
        """Fill what can be filled now, then end the order or let it rest, by its time in force."""
        policy = _policy(order)
        amount = order.leaves
        share = order.plan.partial_fill if policy != "FOK" else None
        if share is not None:
            amount = min(amount, _share(order, share))
        if policy == "FOK" and not self._plan(account, order, amount).complete:
            self._end(account, order, "canceled")
            return
        found = self._fill_part(account, order, amount)
        if order.final:
            return
        if found.complete and share is None:
            self._end(account, order, "completed")
        elif policy in {"IOC", "FOK"} or (share is not None and found.takes):
            self._end(account, order, "canceled")

    def _slice(self, account: Account, order: Order, left: int | None) -> None:
        """Execute one slice of a TWAP (`left` counts down) or steady-pace order (`left` is None)."""
        if order.status != "open":
            return
        order.limit = self._limit(account, order)
        increment = order.product.quote_increment if order.in_quote else order.product.base_increment
        if left is None:
            size = order.new.sub_order_size or ZERO
            swing = order.new.variance * (Decimal(self._world.draws.randrange(-100, 101)) / 100)
            amount = min(order.leaves, max(floor_to(size * (1 + swing), increment), increment))
        else:
            amount = order.leaves if left <= 1 else floor_to(order.leaves / left, increment)
        self._fill_part(account, order, amount)
        if order.final:
            return
        if _satisfied(order):
            self._end(account, order, "completed")
        elif left is not None and left <= 1:
            self._end(account, order, "canceled")
        else:
            pause = float(order.new.slice_minutes or 1) * self._world.minute_s
            following = None if left is None else left - 1
            self._world.timers.after(pause, lambda: self._slice(account, order, following))

    def _plan(self, account: Account, order: Order, amount: Decimal) -> Plan:
        book = self._world.book(account, order.product)
        levels = book.asks if order.new.side == "buy" else book.bids
        return plan(
            levels,
            side=order.new.side,
            amount=amount,
            in_quote=order.in_quote,
            limit=order.limit,
            increment=order.product.base_increment,
        )

    def _fill_part(self, account: Account, order: Order, amount: Decimal) -> Plan:
        """Take `amount` from the book as far as the limit and the funds reach."""
        found = self._plan(account, order, amount)
        if not funding.affordable(account, order, found):
            order.reason = "insufficientFunds"
            order.reason_description = "The order was cancelled due to shortage of funds."
            self._end(account, order, "canceled")
            return found
        for take in found.takes:
            self._fill(account, order, take)
        return found

    def _fill(self, account: Account, order: Order, take: Take) -> None:
        level: Level = take.level
        trade = Trade(
            id=self._world.ids.trade(),
            order_id=order.id,
            time=clock.now(),
            product=order.product.name,
            side=order.new.side,
            price=level.price,
            quantity=take.quantity,
            quote_quantity=level.price * take.quantity,
            funding=order.new.funding,
        )
        level.size -= take.quantity
        order.record(trade)
        account.trades.append(trade)
        account.history.record(trade)
        funding.settle(self._world, account, order, trade)
        self._tell(account, order, "F", trade)
        if order.new.funding == "margin":
            self.traded(account)

    def _end(self, account: Account, order: Order, status: str) -> None:
        if order.final:
            return
        order.status = status
        order.updated = order.completed = clock.now()
        account.working.pop(order.id, None)
        account.wallet.rehold(order.id, order.product.quote, ZERO)
        self._tell(account, order, {"completed": "I", "canceled": "4", "error": "8"}[status], None)
        self.ended(account, order)

    def _limit(self, account: Account, order: Order) -> Decimal:
        """Give the order's limit, or the protective one around the present middle price."""
        if order.new.limit_price is not None:
            return order.new.limit_price
        return funding.protective(order.product, order.new.side, self._world.mid(account, order.product))

    def _hold_price(self, account: Account, order: Order) -> Decimal:
        """Give the price at which funds are reserved: the limit, or the worst that a market order meets."""
        if order.new.limit_price is not None:
            return order.new.limit_price
        if order.new.type == "stop" and order.new.trigger_price is not None:
            return funding.protective(order.product, order.new.side, order.new.trigger_price)
        found = self._plan(account, order, order.new.quantity)
        if order.new.type == "market" and found.complete and found.worst is not None:
            return found.worst
        return order.limit or ZERO


def _nobody(_account: Account) -> None:
    """Keep no watch."""


def _nothing(_account: Account, _order: Order) -> None:
    """Do nothing about the end of an order."""


def _policy(order: Order) -> str:
    """Give the time in force that execution goes by: a triggered stop is a market or a limit order."""
    if order.new.type == "stop":
        return "GTC" if order.new.limit_price is not None else "IOC"
    return order.new.time_in_force or "GTC"


def _share(order: Order, fraction: Decimal) -> Decimal:
    increment = order.product.quote_increment if order.in_quote else order.product.base_increment
    return floor_to(order.new.quantity * fraction, increment)


def _slices(order: Order) -> int | None:
    """How many slices a TWAP has; None for a steady pace, which goes on until it is filled."""
    if order.new.type == "steady_pace":
        return None
    return max(1, int((order.new.duration or 1) / (order.new.slice_minutes or 1)))


def _satisfied(order: Order) -> bool:
    """Whether what is left is nothing, or buys no increment at the last price."""
    if order.in_quote and order.trades:
        return order.leaves < order.trades[-1].price * order.product.base_increment
    return order.leaves <= 0
