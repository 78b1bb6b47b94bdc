"""What a test sees and sets of Coinbase Prime from outside; no part of the counterparty's wire."""

from collections.abc import Callable
from decimal import Decimal

from aiohttp import web
from msgspec import to_builtins

from venues.simulator.account import decimals_of
from venues.simulator.clock import to_wire_time
from venues.simulator.coinbase.control_model import CreditChange, PlantedOrder, PortfolioChange
from venues.simulator.coinbase.control_view import order_view, portfolio_view, quote_view
from venues.simulator.coinbase.desk import PrimeDesk
from venues.simulator.coinbase.fault_model import PrimeFaultSet
from venues.simulator.coinbase.market import marks
from venues.simulator.coinbase.planting import plant
from venues.simulator.coinbase.portfolio import Portfolio
from venues.simulator.coinbase.settings import Amount, Symbol
from venues.simulator.control_http import Body, read, served
from venues.simulator.settings import Price, ProductName
from venues.simulator.world import World

_ROOT = "/_simulator/coinbase"
_PORTFOLIO = _ROOT + "/{portfolio}"
_FORGET = PrimeFaultSet()

Handler = Callable[[Portfolio, Body], object]


class CoinbaseControl:
    """The handlers; each is synchronous and answers JSON."""

    def __init__(self, world: World, desk: PrimeDesk) -> None:
        self._world = world
        self._desk = desk

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Put the paths on a router."""
        router.add_route("POST", _ROOT + "/addresses/forgive", served(self._forgive))
        router.add_route("POST", _PORTFOLIO + "/orders/{order}/advance", served(self._advance))
        for method, path, handler in (
            ("GET", "", self._show),
            ("GET", "/requests", self._requests),
            ("POST", "/requests/clear", self._clear),
            ("GET", "/orders", self._orders),
            ("POST", "/orders", self._plant),
            ("GET", "/quotes", self._quotes),
            ("PUT", "/faults", self._set_faults),
            ("DELETE", "/faults", self._clear_faults),
            ("PUT", "/balances", self._balances),
            ("PUT", "/settings", self._settings),
            ("PUT", "/prices", self._prices),
            ("PUT", "/credit", self._credit),
        ):
            router.add_route(method, _PORTFOLIO + path, served(self._named(handler)))

    def _named(self, handler: Handler) -> Callable[[web.Request, Body], object]:
        return lambda request, body: handler(self._portfolio(request), body)

    def _portfolio(self, request: web.Request) -> Portfolio:
        portfolio = self._world.coinbase.by_id.get(request.match_info["portfolio"])
        if portfolio is None:
            raise web.HTTPNotFound(text="expected the id of a portfolio of the settings")
        return portfolio

    def _advance(self, request: web.Request, _body: Body) -> object:
        order = self._portfolio(request).orders_by_id.get(request.match_info["order"])
        if order is None:
            raise web.HTTPNotFound(text="expected the id of an order of the portfolio")
        self._desk.advance(order)
        return order_view(order)

    def _forgive(self, _request: web.Request, _body: Body) -> object:
        self._world.coinbase.addresses.forgive()
        return {}

    def _show(self, portfolio: Portfolio, _body: Body) -> object:
        return portfolio_view(portfolio, marks(self._world, portfolio))

    def _requests(self, portfolio: Portfolio, _body: Body) -> object:
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
                for call in portfolio.log
            ]
        }

    def _clear(self, portfolio: Portfolio, _body: Body) -> object:
        portfolio.log.clear()
        return {}

    def _orders(self, portfolio: Portfolio, _body: Body) -> object:
        return {"data": [order_view(order) for order in portfolio.orders]}

    def _plant(self, portfolio: Portfolio, body: Body) -> object:
        asked = read(body, PlantedOrder)
        product = self._world.products.get(asked.product_id)
        if product is None:
            raise web.HTTPNotFound(text="expected the name of a product of the settings")
        try:
            return order_view(plant(portfolio, product, asked))
        except ValueError as error:
            raise web.HTTPBadRequest(text=str(error)) from error

    def _quotes(self, portfolio: Portfolio, _body: Body) -> object:
        return {"data": [quote_view(quote) for quote in portfolio.quotes.values()]}

    def _set_faults(self, portfolio: Portfolio, body: Body) -> object:
        faults = read(body, PrimeFaultSet)
        problems = faults.problems()
        if problems:
            raise web.HTTPBadRequest(text="; ".join(problems))
        portfolio.faults.replace(faults)
        return to_builtins(faults)

    def _clear_faults(self, portfolio: Portfolio, _body: Body) -> object:
        portfolio.faults.replace(_FORGET)
        return {}

    def _balances(self, portfolio: Portfolio, body: Body) -> object:
        portfolio.wallet.balances.update(decimals_of(read(body, dict[Symbol, Amount])))
        return self._show(portfolio, body)

    def _settings(self, portfolio: Portfolio, body: Body) -> object:
        read(body, PortfolioChange).apply(portfolio)
        for name in self._world.products:
            self._redraw(portfolio, name)
        return self._show(portfolio, body)

    def _prices(self, portfolio: Portfolio, body: Body) -> object:
        """Set the middles of this portfolio's books; null gives one back to the walk."""
        asked = read(body, dict[ProductName, Price | None])
        for name in asked:
            if name not in self._world.products:
                raise web.HTTPNotFound(text="expected the name of a product of the settings")
        for name, price in asked.items():
            if price is None:
                portfolio.maker.mids.pop(name, None)
            else:
                portfolio.maker.mids[name] = Decimal(price)
            self._redraw(portfolio, name)
        return {name: str(mid) for name, mid in sorted(portfolio.maker.mids.items())}

    def _credit(self, portfolio: Portfolio, body: Body) -> object:
        if portfolio.credit is None:
            raise web.HTTPConflict(text="expected a portfolio with credit in the settings")
        read(body, CreditChange).apply(portfolio.credit, marks(self._world, portfolio))
        return self._show(portfolio, body)

    def _redraw(self, portfolio: Portfolio, name: str) -> None:
        portfolio.maker.forget(name)
        self._desk.on_book(self._world.products[name])
