"""Closing positions on request: pending → in_progress → completed | failed, one market order to a position.

Source: bitgo-prime OpenAPI, POST margin/positions/close ("asynchronous process to close margin positions by
executing market trades to net positions to zero"), ClosePositionRequestStatus, ClosePositionRequestOrder.
"""

from . import clock
from .account import Account
from .desk import Desk
from .errors import RefusedError
from .margin_file import CloseOrder, CloseRequest
from .market import Product
from .orders import Order
from .world import World

# What a position without a product against a dollar would be closed into.
_DOLLAR = "USD"


class Closer:
    """Takes close requests and follows their orders to the end."""

    def __init__(self, world: World, desk: Desk) -> None:
        self._world = world
        self._desk = desk
        self._followed: dict[str, tuple[Account, CloseRequest, CloseOrder]] = {}
        desk.ended = self._ended

    def request(self, account: Account, currencies: list[str] | None) -> CloseRequest:
        """Take a request for these currencies, or all (None); 409 while another is under way."""
        if any(not one.final for one in account.margin_file.closes.values()):
            raise RefusedError("backend:common:inUse", text="pending close position order already exists")
        found = [asset for asset in account.margin.open_assets() if currencies is None or asset in currencies]
        if not found:
            raise RefusedError("backend:common:invalidRequest", text="no positions to close")
        request = CloseRequest(self._world.ids.move(), account.user_id, clock.now(), tuple(found))
        account.margin_file.closes[request.id] = request
        self._later(account, request)
        return request

    def advance(self, account: Account, request: CloseRequest) -> None:
        """Take the request's next step now: its orders are listed first, and traded at the step after."""
        if request.status == "pending":
            request.status = "in_progress"
            moment = clock.now()
            for currency in request.currencies:
                product = self._world.dollar_product(currency)
                target = product.quote if product is not None else _DOLLAR
                request.orders.append(CloseOrder(currency, target, moment, moment))
            return
        for one in request.orders:
            if request.status == "in_progress" and one.status == "pending":
                self._trade(account, request, one)

    def _later(self, account: Account, request: CloseRequest) -> None:
        """Take both steps, each after the account's pause; one that was taken meanwhile is not repeated."""
        wait_s = account.margin_file.close_step_ms / 1000

        def start() -> None:
            if request.status == "pending":
                self.advance(account, request)
            self._world.timers.after(wait_s, lambda: self.advance(account, request))

        self._world.timers.after(wait_s, start)

    def _trade(self, account: Account, request: CloseRequest, one: CloseOrder) -> None:
        if account.margin.quantity(one.currency) == 0:
            # Covered, traded or liquidated since the request came.
            self._conclude(request, one, "completed")
            return
        product = self._world.dollar_product(one.currency)
        if product is None or not _tradable(account, product):
            self._conclude(request, one, "failed")
            return
        one.status = "in_progress"
        order = self._desk.close_out(account, product)
        one.order_id, one.modified = order.id, clock.now()
        if order.final:
            self._judge(account, request, one, order)
        else:
            self._followed[order.id] = (account, request, one)

    def _ended(self, _account: Account, order: Order) -> None:
        followed = self._followed.pop(order.id, None)
        if followed is not None:
            self._judge(*followed, order)

    def _judge(self, account: Account, request: CloseRequest, one: CloseOrder, order: Order) -> None:
        """An order that filled in part leaves the position open, and has failed."""
        closed = order.status == "completed" or account.margin.quantity(one.currency) == 0
        self._conclude(request, one, "completed" if closed else "failed")

    def _conclude(self, request: CloseRequest, one: CloseOrder, status: str) -> None:
        one.status, one.modified = status, clock.now()
        states = {order.status for order in request.orders}
        if states <= {"completed", "failed"}:
            request.status = "failed" if "failed" in states else "completed"


def _tradable(account: Account, product: Product) -> bool:
    """Whether a close may trade: an account in liquidation is closed by the counterparty alone."""
    side = "sell" if account.margin.quantity(product.base) > 0 else "buy"
    return not (
        account.trading_disabled
        or account.margin.liquidation is not None
        or product.trade_disabled
        or side in product.disabled_sides
    )
