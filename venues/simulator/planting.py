"""What a test does to an account's trades from outside: plants one, changes one, hides one, settles them."""

from datetime import datetime
from decimal import Decimal
from typing import Literal

from aiohttp import web
from msgspec import Struct

from . import clock
from .account import Account
from .clock import parse_time, to_wire_time
from .control_http import Body, read, served
from .external import order_behind
from .funding import settle_trades
from .orders import Trade
from .settings import Amount, Moment, Price, ProductName, Side
from .wire import order_of, trade_of
from .world import World

_TRADES = "/_simulator/accounts/{account}/trades"


class PlantRequest(Struct, forbid_unknown_fields=True, frozen=True):
    """A trade that the router did not make; `time` defaults to now, `creation_date` to `time`.

    `quantity` is in base currency.  `client_order_id` is that of its order, if someone else gave it one.
    """

    product: ProductName
    side: Side
    price: Price
    quantity: Price
    funding_type: Literal["funded", "margin"] = "funded"
    time: Moment | None = None
    creation_date: Moment | None = None
    client_order_id: str | None = None


class TradeChange(Struct, forbid_unknown_fields=True, frozen=True):
    """What a trade is shown with from here on; null or absent leaves it as it is."""

    price: Price | None = None
    quantity: Amount | None = None


class SettleRequest(Struct, forbid_unknown_fields=True, frozen=True):
    """Up to which time of trade is settled; all without one."""

    before: Moment | None = None


class Planting:
    """The handlers; each is synchronous and answers JSON."""

    def __init__(self, world: World) -> None:
        self._world = world

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Put the paths on a router."""
        for method, path, handler in (
            ("POST", _TRADES, self._plant),
            ("PUT", _TRADES + "/{trade}", self._change),
            ("DELETE", _TRADES + "/{trade}", self._hide),
            ("POST", "/_simulator/accounts/{account}/settle", self._settle),
        ):
            router.add_route(method, path, served(handler))

    def _plant(self, request: web.Request, body: Body) -> object:
        """Put a trade and its order into the books; no money moves, `trade` makes one that moves it."""
        account = self._account(request)
        asked = read(body, PlantRequest)
        product = self._world.products.get(asked.product)
        if product is None:
            raise web.HTTPNotFound(text="expected the name of a product of the settings")
        if asked.client_order_id in account.orders_by_client_id:
            raise web.HTTPBadRequest(text="expected a client_order_id that no order has")
        price, quantity = Decimal(asked.price), Decimal(asked.quantity)
        time = _moment(asked.time)
        trade = Trade(
            id=self._world.ids.planted(),
            order_id=self._world.ids.planted(),
            time=time,
            product=product.name,
            side=asked.side,
            price=price,
            quantity=quantity,
            quote_quantity=price * quantity,
            funding=asked.funding_type,
            created=_moment(asked.creation_date) if asked.creation_date is not None else None,
        )
        account.history.record(trade)
        order = order_behind(account, product, trade, asked.client_order_id)
        account.file(order)
        return {"trade": trade_of(trade, account), "order": order_of(order, account.enterprise_id)}

    def _change(self, request: web.Request, body: Body) -> object:
        account, trade = self._named(request)
        change = read(body, TradeChange)
        changed = account.history.change(
            trade,
            Decimal(change.price) if change.price is not None else None,
            Decimal(change.quantity) if change.quantity is not None else None,
        )
        return trade_of(changed, account)

    def _hide(self, request: web.Request, _body: Body) -> object:
        account, trade = self._named(request)
        account.history.hide(trade)
        return {}

    def _settle(self, request: web.Request, body: Body) -> object:
        account = self._account(request)
        asked = read(body or b"{}", SettleRequest)
        before = _moment(asked.before)
        return {"before": to_wire_time(before), "trades": settle_trades(account, before, clock.now())}

    def _named(self, request: web.Request) -> tuple[Account, Trade]:
        account = self._account(request)
        trade = account.history.find(request.match_info["trade"])
        if trade is None:
            raise web.HTTPNotFound(text="expected the id of a trade that is shown")
        return account, trade

    def _account(self, request: web.Request) -> Account:
        account = self._world.accounts.get(request.match_info["account"])
        if account is None:
            raise web.HTTPNotFound(text="expected the id of an account of the settings")
        return account


def _moment(text: str | None) -> datetime:
    """Read a moment of the past; now without one."""
    now = clock.now()
    if text is None:
        return now
    try:
        moment = parse_time(text)
    except ValueError as error:
        raise web.HTTPBadRequest(text=str(error)) from error
    if moment > now:
        raise web.HTTPBadRequest(text=f"expected a moment that has passed, was {text}")
    return moment
