"""The operations of Coinbase Prime that are played, and their parameters.

Source: Coinbase Prime REST API: Orders, Balances, Products, Financing (credit).
"""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from venues.simulator import clock
from venues.simulator.coinbase import wire
from venues.simulator.coinbase.credit import credit_from
from venues.simulator.coinbase.desk import PrimeDesk
from venues.simulator.coinbase.errors import PrimeError
from venues.simulator.coinbase.gate import Call, Route
from venues.simulator.coinbase.market import marks, rfq_sizes, tradable_by_rfq
from venues.simulator.coinbase.model import FINAL, Fill, PrimeOrder
from venues.simulator.coinbase.paging import PARAMETERS, page
from venues.simulator.coinbase.requests import parse_accept, parse_order, parse_quote_request
from venues.simulator.coinbase.rfq import QuoteDesk
from venues.simulator.coinbase.settings import CreditSettings
from venues.simulator.query import Query
from venues.simulator.world import World

T = TypeVar("T")

ROOT = "/v1/portfolios"
_PORTFOLIO = ROOT + "/{portfolio}"
_ORDER = _PORTFOLIO + "/orders/{order}"
# "The maximum allowed limit is 3000" (List Portfolio Orders); "the maximum number of orders returned is 5000.
# If a client has more than 5000 open orders, an error is returned" (List Open Orders).
_PAGE_MAX = 3_000
_OPEN_MAX = 5_000
_TYPES = ("MARKET", "LIMIT", "TWAP", "BLOCK", "VWAP", "STOP_LIMIT", "RFQ", "PEG")
_SPANS = ("start_date", "end_date")
_FILTERS = ("order_type", "order_side", *_SPANS, *PARAMETERS)


class PrimeRest:
    """The handlers; each is synchronous."""

    def __init__(self, world: World, desk: PrimeDesk, quotes: QuoteDesk) -> None:
        self._world = world
        self._desk = desk
        self._quotes = quotes

    def routes(self) -> tuple[Route, ...]:
        """Give the operations."""
        return (
            Route("POST", _PORTFOLIO + "/rfq", "rfq", self._rfq, waits_for_makers=True),
            Route("POST", _PORTFOLIO + "/accept_quote", "accept_quote", self._accept),
            Route("POST", _PORTFOLIO + "/order", "order", self._order),
            Route("POST", _ORDER + "/cancel", "cancel", self._cancel),
            Route("GET", _ORDER, "order_lookup", self._one),
            Route("GET", _ORDER + "/fills", "fills", self._fills_of, queries=PARAMETERS),
            Route(
                "GET",
                _PORTFOLIO + "/open_orders",
                "open_orders",
                self._open_orders,
                queries=_FILTERS,
                repeated=("product_ids",),
            ),
            Route(
                "GET",
                _PORTFOLIO + "/orders",
                "orders",
                self._orders,
                queries=_FILTERS,
                repeated=("product_ids", "order_statuses"),
            ),
            Route("GET", _PORTFOLIO + "/fills", "fills", self._fills, queries=(*_SPANS, *PARAMETERS)),
            Route(
                "GET",
                _PORTFOLIO + "/balances",
                "balances",
                self._balances,
                queries=("balance_type",),
                repeated=("symbols",),
            ),
            Route("GET", _PORTFOLIO + "/products", "products", self._products, queries=PARAMETERS),
            Route("GET", _PORTFOLIO + "/credit", "credit", self._credit),
        )

    def _rfq(self, call: Call) -> object:
        return wire.quote_of(
            self._quotes.quote(call.portfolio, parse_quote_request(call.body, call.portfolio.id))
        )

    def _accept(self, call: Call) -> object:
        return {
            "order_id": self._quotes.accept(call.portfolio, parse_accept(call.body, call.portfolio.id)).id
        }

    def _order(self, call: Call) -> object:
        return {"order_id": self._desk.submit(call.portfolio, parse_order(call.body, call.portfolio.id)).id}

    def _cancel(self, call: Call) -> object:
        if call.body not in {b"", b"{}"}:
            raise PrimeError("A cancel has no body.")
        order = self._find(call)
        self._desk.cancel(call.portfolio, order)
        return {"id": order.id}

    def _one(self, call: Call) -> object:
        return {"order": self._shown(call, self._find(call))}

    def _fills_of(self, call: Call) -> object:
        return self._fill_page(call, self._find(call).fills)

    def _fills(self, call: Call) -> object:
        return self._fill_page(call, within(call.query, call.portfolio.fills, lambda fill: fill.time))

    def _open_orders(self, call: Call) -> object:
        rows = [order for order in self._listed(call) if not order.final]
        if len(rows) > _OPEN_MAX:
            raise PrimeError(f"There are more than {_OPEN_MAX} open orders.")
        return self._order_page(call, rows, _OPEN_MAX, _OPEN_MAX)

    def _orders(self, call: Call) -> object:
        """List the orders that are over: "currently, you cannot query open orders with this endpoint"."""
        wanted = call.query.texts("order_statuses")
        for status in wanted:
            if status not in FINAL:
                raise PrimeError(f"order_statuses must be of {', '.join(sorted(FINAL))}, not {status[:40]}.")
        rows = [
            order for order in self._listed(call) if order.final and (not wanted or order.status in wanted)
        ]
        return self._order_page(call, rows, call.portfolio.page_default, _PAGE_MAX)

    def _balances(self, call: Call) -> object:
        kind = call.query.choice("balance_type", ("TRADING_BALANCES", "TOTAL_BALANCES")) or "TRADING_BALANCES"
        symbols = call.query.texts("symbols")
        wallet, mark = call.portfolio.wallet, marks(self._world, call.portfolio)
        rows = [
            wire.balance_of(call.portfolio, asset, mark)
            for asset in wallet.assets()
            if not symbols or asset in symbols
        ]
        return {"balances": rows, "type": kind}

    def _products(self, call: Call) -> object:
        own = list(enumerate(call.portfolio.products.values()))
        found, pagination = page(call.query, own, lambda row: (row[0], 0), _PAGE_MAX, _PAGE_MAX)
        rows = []
        for _, one in found:
            product = self._world.products[one.name]
            rows.append(
                wire.product_of(product, rfq_sizes(product, one), tradable=tradable_by_rfq(product, one))
            )
        return {"products": rows, "pagination": pagination}

    def _credit(self, call: Call) -> object:
        credit = call.portfolio.credit
        if credit is None:
            # A portfolio that trades on its own money has a line that is not enabled.
            credit = credit_from(CreditSettings(enabled=False))
        mark = marks(self._world, call.portfolio)
        return {"post_trade_credit": wire.credit_of(call.portfolio.id, credit, mark)}

    def _find(self, call: Call) -> PrimeOrder:
        order = call.portfolio.orders_by_id.get(call.params["order"])
        if order is None or order.shown_from > clock.now():
            raise PrimeError("There is no such order.", 404)
        return order

    def _listed(self, call: Call) -> list[PrimeOrder]:
        """Give the orders that the filters let through, in the order of their arrival."""
        products = call.query.texts("product_ids")
        kind = call.query.choice("order_type", _TYPES)
        side = call.query.choice("order_side", ("BUY", "SELL"))
        moment = clock.now()
        return [
            order
            for order in within(call.query, call.portfolio.orders, lambda order: order.created)
            if order.shown_from <= moment
            and (not products or order.product.name in products)
            and kind in {None, order.new.type}
            and side in {None, order.new.side}
        ]

    def _order_page(self, call: Call, rows: list[PrimeOrder], default: int, most: int) -> object:
        found, pagination = page(call.query, rows, lambda order: order.place, default, most)
        return {"orders": [self._shown(call, order) for order in found], "pagination": pagination}

    def _fill_page(self, call: Call, fills: list[Fill]) -> object:
        moment = clock.now()
        rows = [fill for fill in fills if fill.shown_from <= moment]
        found, pagination = page(
            call.query, rows, lambda fill: fill.place, call.portfolio.page_default, _PAGE_MAX
        )
        orders = call.portfolio.orders_by_id
        return {
            "fills": [wire.fill_of(fill, orders[fill.order_id].new.type) for fill in found],
            "pagination": pagination,
        }

    def _shown(self, call: Call, order: PrimeOrder) -> dict[str, object]:
        return wire.order_of(order, call.portfolio, self._world.ids.fixed("coinbase:user", call.portfolio.id))


def within(query: Query, rows: list[T], time: Callable[[T], datetime]) -> list[T]:
    """Give the rows from `start_date` on and before `end_date`."""
    start, end = query.time("start_date"), query.time("end_date")
    return [row for row in rows if (start is None or time(row) >= start) and (end is None or time(row) < end)]
