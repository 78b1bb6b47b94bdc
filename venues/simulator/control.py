"""The control endpoint: what a test sees and sets from outside.  No part of the counterparty's wire.

It lives under /_simulator on the same port, wants no token and takes no part in the rate limit.
"""

from decimal import Decimal

import msgspec
from aiohttp import web

from .account import Account, decimals_of
from .clock import to_wire_time
from .control_http import Body
from .control_http import read as _read
from .control_http import served as _served
from .control_model import (
    AccountChange,
    BookRequest,
    LimitRequest,
    ProductChange,
    TradeRequest,
)
from .control_view import account_view, order_view, product_view
from .desk import Desk
from .fault_model import FaultSet
from .feed import Feed
from .margin import Limit
from .market import Product, pin_from
from .orders import OrderPlan
from .settings import Amount, Symbol
from .validate import NewOrder
from .wire import order_of, trade_of
from .world import World

_ACCOUNT = "/_simulator/accounts/{account}"
_FORGET = FaultSet()


class Control:
    """The handlers; each is synchronous and answers JSON."""

    def __init__(self, world: World, desk: Desk, feed: Feed) -> None:
        self._world = world
        self._desk = desk
        self._feed = feed

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Put the endpoint's paths on a router."""
        for method, path, handler in (
            ("GET", "/_simulator/state", self._state),
            ("PUT", "/_simulator/products/{product}", self._product),
            ("GET", _ACCOUNT + "/requests", self._requests),
            ("POST", _ACCOUNT + "/requests/clear", self._clear),
            ("GET", _ACCOUNT + "/orders", self._orders),
            ("PUT", _ACCOUNT + "/faults", self._set_faults),
            ("DELETE", _ACCOUNT + "/faults", self._clear_faults),
            ("PUT", _ACCOUNT + "/balances", self._balances),
            ("PUT", _ACCOUNT + "/collateral", self._collateral),
            ("PUT", _ACCOUNT + "/limits", self._limits),
            ("PUT", _ACCOUNT + "/settings", self._settings),
            ("PUT", _ACCOUNT + "/books/{product}", self._pin),
            ("DELETE", _ACCOUNT + "/books/{product}", self._unpin),
            ("POST", _ACCOUNT + "/trade", self._trade),
            ("POST", _ACCOUNT + "/disconnect", self._disconnect),
        ):
            router.add_route(method, path, _served(handler))

    def _state(self, _request: web.Request, _body: Body) -> object:
        counters = self._world.counters
        applied: dict[str, int] = {}
        for account in self._world.accounts.values():
            for kind, count in account.faults.applied.items():
                applied[kind] = applied.get(kind, 0) + count
        return {
            "products": [product_view(one) for one in self._world.products.values()],
            "accounts": [account_view(self._world, one) for one in self._world.accounts.values()],
            "coinbase": [
                {"portfolio_id": one.id, "name": one.name} for one in self._world.coinbase.by_id.values()
            ],
            "counters": {
                "requests": {
                    name.removeprefix("requests:"): count
                    for name, count in sorted(counters.items())
                    if name.startswith("requests:")
                },
                "rate_limited": counters["429"],
                "ws_connects": counters["ws_connects"],
                "faults_applied": applied,
            },
        }

    def _product(self, request: web.Request, body: Body) -> object:
        product = self._named_product(request)
        change = _read(body, ProductChange)
        if change.trade_disabled is not None:
            product.trade_disabled = change.trade_disabled
        if change.disabled_sides is not None:
            product.disabled_sides = list(change.disabled_sides)
        if change.algo_disabled is not None:
            product.algo_disabled = change.algo_disabled
        if change.margin_supported is not None:
            product.margin_supported = change.margin_supported
        if change.mid is not None:
            product.mid = product.began = Decimal(change.mid)
            self._show(product, None)
        return product_view(product)

    def _requests(self, request: web.Request, _body: Body) -> object:
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
                for call in self._account(request).log
            ]
        }

    def _clear(self, request: web.Request, _body: Body) -> object:
        self._account(request).log.clear()
        return {}

    def _orders(self, request: web.Request, _body: Body) -> object:
        return {"data": [order_view(order) for order in self._account(request).orders]}

    def _set_faults(self, request: web.Request, body: Body) -> object:
        account = self._account(request)
        faults = _read(body, FaultSet)
        problems = faults.problems()
        if problems:
            raise web.HTTPBadRequest(text="; ".join(problems))
        account.faults.replace(faults)
        self._feed.apply_faults(account)
        return msgspec.to_builtins(faults)

    def _clear_faults(self, request: web.Request, _body: Body) -> object:
        self._account(request).faults.replace(_FORGET)
        return {}

    def _balances(self, request: web.Request, body: Body) -> object:
        account = self._account(request)
        account.wallet.balances.update(decimals_of(_read(body, dict[Symbol, Amount])))
        return account_view(self._world, account)

    def _collateral(self, request: web.Request, body: Body) -> object:
        account = self._account(request)
        account.margin.collateral.update(decimals_of(_read(body, dict[Symbol, Amount])))
        self._desk.prices_moved(account)
        return account_view(self._world, account)

    def _limits(self, request: web.Request, body: Body) -> object:
        account = self._account(request)
        for asset, limit in _read(body, dict[Symbol, LimitRequest]).items():
            account.margin.limits[asset] = Limit(Decimal(limit.long), Decimal(limit.short))
        self._desk.prices_moved(account)
        return account_view(self._world, account)

    def _settings(self, request: web.Request, body: Body) -> object:
        account = self._account(request)
        change = _read(body, AccountChange)
        change.apply(account)
        for product in self._world.products.values():
            self._show(product, account)
        return account_view(self._world, account)

    def _pin(self, request: web.Request, body: Body) -> object:
        account, product = self._account(request), self._named_product(request)
        asked = _read(body, BookRequest)
        account.maker.pins[product.name] = pin_from(asked.bids, asked.asks)
        self._show(product, account)
        return {}

    def _unpin(self, request: web.Request, _body: Body) -> object:
        account, product = self._account(request), self._named_product(request)
        account.maker.pins.pop(product.name, None)
        self._show(product, account)
        return {}

    def _show(self, product: Product, account: Account | None) -> None:
        """Draw the book anew and publish it at once."""
        for one in self._world.accounts.values() if account is None else (account,):
            one.maker.forget(product.name)
        if account is None:
            self._world.coinbase.redraw(product)
        self._desk.on_book(product)
        self._feed.publish_book(product, account)

    def _trade(self, request: web.Request, body: Body) -> object:
        """Trade at the account's book without the router: no fault of the order's life applies."""
        account = self._account(request)
        asked = _read(body, TradeRequest)
        product = self._world.products.get(asked.product)
        new = NewOrder(
            product=asked.product,
            type="market",
            side=asked.side,
            quantity=Decimal(asked.quantity),
            currency=product.base if product is not None else "",
            funding=asked.funding_type,
            time_in_force="IOC",
        )
        order = self._desk.submit(account, new, OrderPlan())
        return {
            "order": order_of(order, account.enterprise_id),
            "trades": [trade_of(trade, account) for trade in order.trades],
        }

    def _disconnect(self, request: web.Request, _body: Body) -> object:
        return {"dropped": self._feed.disconnect(self._account(request))}

    def _account(self, request: web.Request) -> Account:
        account = self._world.accounts.get(request.match_info["account"])
        if account is None:
            raise web.HTTPNotFound(text="expected the id of an account of the settings")
        return account

    def _named_product(self, request: web.Request) -> Product:
        product = self._world.products.get(request.match_info["product"])
        if product is None:
            raise web.HTTPNotFound(text="expected the name of a product of the settings")
        return product
