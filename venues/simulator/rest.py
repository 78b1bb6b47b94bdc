"""The REST operations of the trading wire, outside margin: each decides, none waits.

Source: bitgo-prime OpenAPI, paths under /api/prime/trading/v1.
"""

from .account import Account
from .desk import Desk
from .errors import NOT_FOUND, RefusedError
from .external import OrderFilter, find_order, list_orders
from .fields import Fields
from .gate import Call, Route
from .history import TradeFilter
from .market import Product
from .orders import Order
from .query import path_id
from .validate import parse_order
from .wire import (
    WireCurrency,
    balance_of,
    currency_of,
    level1_of,
    level2_of,
    order_of,
    product_of,
    trade_of,
)
from .world import World

PREFIX = "/api/prime/trading/v1"
ACCOUNT = PREFIX + "/accounts/{account}"
_STATUSES = ("pending_open", "open", "completed", "pending_cancel", "canceled", "error", "scheduled")
_FUNDING = ("margin", "funded")
_PAGE = ("offset", "limit", "dateGte", "dateLt", "fundingType")


def _user(_world: World, _desk: Desk, call: Call) -> object:
    return {
        "id": call.account.user_id,
        "firstName": "Simulated",
        "lastName": "Trader",
        "email": "trader@example.com",
    }


def _accounts(_world: World, _desk: Desk, call: Call) -> object:
    return {"data": [{"id": account.id, "name": account.name} for account in call.accounts]}


def _balances(world: World, _desk: Desk, call: Call) -> object:
    with_unsettled = call.query.flag("includeUnsettledInAvailable") or False
    account = call.account
    return {
        "data": [
            balance_of(account, asset, world.ids, with_unsettled=with_unsettled)
            for asset in account.wallet.assets()
        ]
    }


def _place(_world: World, desk: Desk, call: Call) -> object:
    order = desk.submit(call.account, parse_order(call.body))
    return order_of(order, call.account.enterprise_id)


def _limits(world: World, call: Call) -> tuple[int, int]:
    """Give offset and limit; a limit above the largest page is refused, for no cap is documented."""
    most = world.settings.server.page_max
    return call.query.number("offset", 0, 10**9 - 1), call.query.number("limit", most, most)


def _orders(world: World, _desk: Desk, call: Call) -> object:
    query = call.query
    wanted = OrderFilter(
        client_order_id=query.text("clientOrderId"),
        status=query.choice("status", _STATUSES),
        funding=query.choice("fundingType", _FUNDING),
        since=query.time("dateGte"),
        before=query.time("dateLt"),
    )
    account = call.account
    rows = list_orders(account, wanted, *_limits(world, call))
    return {"data": [order_of(order, account.enterprise_id) for order in rows]}


def _find(call: Call) -> Order:
    order_id = path_id(call.params["order"], "orderID")
    order = find_order(call.account, order_id)
    if order is None:
        raise RefusedError(NOT_FOUND, key="orderID")
    return order


def _order(_world: World, _desk: Desk, call: Call) -> object:
    return order_of(_find(call), call.account.enterprise_id)


def _cancel(_world: World, desk: Desk, call: Call) -> object:
    if call.body:
        Fields.from_json(call.body).only(())
    desk.cancel(call.account, _find(call))
    # "The successful response confirms the request submission only": 200 without content.
    return None


def _trades(world: World, _desk: Desk, call: Call) -> object:
    query = call.query
    order_id = query.text("orderId")
    wanted = TradeFilter(
        order_id=path_id(order_id, "orderId") if order_id is not None else None,
        funding=query.choice("fundingType", _FUNDING),
        settled=query.flag("isSettled"),
        since=query.time("dateGte"),
        before=query.time("dateLt"),
        created_since=query.time("creationDateGte"),
        created_before=query.time("creationDateLt"),
    )
    rows = call.account.history.page(wanted, *_limits(world, call))
    return {"data": [trade_of(trade, call.account) for trade in rows]}


def _trade(_world: World, _desk: Desk, call: Call) -> object:
    trade = call.account.history.find(path_id(call.params["trade"], "tradeID"))
    if trade is None:
        raise RefusedError(NOT_FOUND, key="tradeID")
    return trade_of(trade, call.account)


def currencies(world: World, account: Account) -> dict[str, WireCurrency]:
    """Give every currency of a product or of the account, by symbol."""
    found: dict[str, WireCurrency] = {}
    for product in world.products.values():
        for symbol, increment in (
            (product.base, product.base_increment),
            (product.quote, product.quote_increment),
        ):
            found.setdefault(symbol, currency_of(symbol, increment, world.ids))
    for symbol in [*account.wallet.assets(), *sorted(account.margin.collateral)]:
        found.setdefault(
            symbol, currency_of(symbol, min(one.tick for one in world.products.values()), world.ids)
        )
    return found


def _currencies(world: World, _desk: Desk, call: Call) -> object:
    return {"data": list(currencies(world, call.account).values())}


def _products(world: World, _desk: Desk, _call: Call) -> object:
    return {"data": [product_of(product, world.ids) for product in world.products.values()]}


def _product(world: World, call: Call) -> Product:
    product = world.products.get(call.params["product"])
    if product is None:
        raise RefusedError(NOT_FOUND, key="product")
    return product


def _level1(world: World, _desk: Desk, call: Call) -> object:
    return level1_of(world.book(call.account, _product(world, call)))


def _level2(world: World, _desk: Desk, call: Call) -> object:
    cumulative = call.query.flag("includeCumulative") or False
    return level2_of(world.book(call.account, _product(world, call)), cumulative=cumulative)


ROUTES: tuple[Route, ...] = (
    Route("GET", PREFIX + "/user/current", "user", _user),
    Route("GET", PREFIX + "/accounts", "accounts", _accounts),
    Route("GET", ACCOUNT + "/balances", "balances", _balances, queries=("includeUnsettledInAvailable",)),
    Route("POST", ACCOUNT + "/orders", "order", _place, scope="trade_trade"),
    Route("GET", ACCOUNT + "/orders", "order_lookup", _orders, queries=(*_PAGE, "clientOrderId", "status")),
    Route("GET", ACCOUNT + "/orders/{order}", "order_lookup", _order),
    Route("PUT", ACCOUNT + "/orders/{order}/cancel", "cancel", _cancel, scope="trade_trade"),
    Route(
        "GET",
        ACCOUNT + "/trades",
        "trades",
        _trades,
        queries=(*_PAGE, "orderId", "creationDateGte", "creationDateLt", "isSettled"),
    ),
    Route("GET", ACCOUNT + "/trades/{trade}", "trades", _trade),
    Route("GET", ACCOUNT + "/currencies", "products", _currencies),
    Route("GET", ACCOUNT + "/products", "products", _products),
    Route("GET", ACCOUNT + "/products/{product}/level1", "book", _level1),
    Route("GET", ACCOUNT + "/products/{product}/level2", "book", _level2, queries=("includeCumulative",)),
)
