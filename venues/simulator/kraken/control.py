"""What a test sees and sets of Kraken from outside; no part of the exchange's wire."""

from aiohttp import web
from msgspec import Struct, to_builtins

from venues.simulator.account import decimals_of
from venues.simulator.clock import to_wire_time
from venues.simulator.control_http import Body, read, served
from venues.simulator.control_model import BookRequest
from venues.simulator.fault_model import FaultSet
from venues.simulator.kraken.desk import KrakenDesk
from venues.simulator.kraken.feed import KrakenFeed
from venues.simulator.kraken.model import Exchange, KrakenAccount
from venues.simulator.kraken.settings import Amount, Permission, Symbol
from venues.simulator.kraken.wire import balances_of, order_of
from venues.simulator.market import Product, pin_from

_KRAKEN = "/_simulator/kraken"
_ACCOUNT = _KRAKEN + "/accounts/{account}"


class AccountChange(Struct, forbid_unknown_fields=True, frozen=True):
    """What can be changed about an account; absent leaves it as it is."""

    permissions: list[Permission] | None = None


class KrakenControl:
    """The handlers; each is synchronous and answers JSON."""

    def __init__(self, exchange: Exchange, desk: KrakenDesk, feed: KrakenFeed) -> None:
        self._exchange = exchange
        self._desk = desk
        self._feed = feed

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Put the endpoint's paths on a router."""
        for method, path, handler in (
            ("GET", _KRAKEN + "/requests", self._requests),
            ("POST", _KRAKEN + "/requests/clear", self._clear),
            ("PUT", _KRAKEN + "/faults", self._set_faults),
            ("DELETE", _KRAKEN + "/faults", self._clear_faults),
            ("POST", _KRAKEN + "/disconnect", self._disconnect),
            ("PUT", _KRAKEN + "/books/{product}", self._pin),
            ("DELETE", _KRAKEN + "/books/{product}", self._unpin),
            ("GET", _ACCOUNT + "/orders", self._orders),
            ("PUT", _ACCOUNT + "/balances", self._balances),
            ("PUT", _ACCOUNT + "/settings", self._settings),
        ):
            router.add_route(method, path, served(handler))

    def _requests(self, _request: web.Request, _body: Body) -> object:
        """List the calls that came; a call's signature and nonce are not kept."""
        return {
            "data": [
                {
                    "time": to_wire_time(call.time),
                    "method": call.method,
                    "path": call.path,
                    "query": call.query,
                    "status": call.status,
                    "client_order_id": call.client_order_id,
                    "body": call.body,
                }
                for call in self._exchange.log
            ]
        }

    def _clear(self, _request: web.Request, _body: Body) -> object:
        self._exchange.log.clear()
        return {}

    def _set_faults(self, _request: web.Request, body: Body) -> object:
        faults = read(body, FaultSet)
        problems = faults.problems()
        if problems:
            raise web.HTTPBadRequest(text="; ".join(problems))
        self._exchange.faults.replace(faults)
        if any(fault.kind == "disconnect" for fault in faults.feeds()):
            self._feed.disconnect()
        return to_builtins(faults)

    def _clear_faults(self, _request: web.Request, _body: Body) -> object:
        self._exchange.faults.replace(FaultSet())
        return {}

    def _disconnect(self, _request: web.Request, _body: Body) -> object:
        return {"dropped": self._feed.disconnect()}

    def _pin(self, request: web.Request, body: Body) -> object:
        product = self._product(request)
        asked = read(body, BookRequest)
        self._exchange.maker.pins[product.name] = pin_from(asked.bids, asked.asks)
        self._show(product)
        return {}

    def _unpin(self, request: web.Request, _body: Body) -> object:
        product = self._product(request)
        self._exchange.maker.pins.pop(product.name, None)
        self._show(product)
        return {}

    def _show(self, product: Product) -> None:
        """Draw the book anew and publish it at once."""
        self._exchange.maker.forget(product.name)
        self._desk.on_book(product)
        self._feed.publish(product)

    def _orders(self, request: web.Request, _body: Body) -> object:
        orders = self._account(request).orders
        return {"data": [{"id": one.id, **order_of(one, with_trades=True)} for one in orders.values()]}

    def _balances(self, request: web.Request, body: Body) -> object:
        account = self._account(request)
        account.wallet.balances.update(decimals_of(read(body, dict[Symbol, Amount])))
        return balances_of(account)

    def _settings(self, request: web.Request, body: Body) -> object:
        account = self._account(request)
        change = read(body, AccountChange)
        if change.permissions is not None:
            account.permissions = frozenset(change.permissions)
        return {}

    def _account(self, request: web.Request) -> KrakenAccount:
        account = self._exchange.by_id.get(request.match_info["account"])
        if account is None:
            raise web.HTTPNotFound(text="expected the id of an account of the settings")
        return account

    def _product(self, request: web.Request) -> Product:
        product = self._exchange.world.products.get(request.match_info["product"])
        if product is None:
            raise web.HTTPNotFound(text="expected the name of a product of the settings")
        return product
