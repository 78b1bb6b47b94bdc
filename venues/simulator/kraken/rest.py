"""Kraken's REST operations that are played: each decides, none waits.

Source: Kraken Spot REST API, the pages named in the package.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from venues.simulator import clock
from venues.simulator.kraken.desk import KrakenDesk
from venues.simulator.kraken.errors import UNKNOWN_PAIR, KrakenError, invalid
from venues.simulator.kraken.model import Exchange, KrakenAccount, KrakenOrder, NewKrakenOrder
from venues.simulator.kraken.names import asset_id, find_pair, pairs
from venues.simulator.kraken.params import Params
from venues.simulator.kraken.wire import (
    asset_of,
    balances_of,
    depth_of,
    order_of,
    order_text,
    pair_view,
    seconds,
)
from venues.simulator.kraken.wire import trade_of as _trade_of
from venues.simulator.money import ZERO

PREFIX = "/0"
PAGE = 50
_DEPTH_MAX = 500
_DEPTH_DEFAULT = 100
_FLAGS = frozenset({"fciq", "fcib", "viqc", "nompp"})
_USERREF_MAX = 2**31 - 1


@dataclass(frozen=True, slots=True)
class PrivateCall:
    """A private call that was let through."""

    account: KrakenAccount
    params: Params


@dataclass(frozen=True, slots=True)
class Public:
    """A public operation; `queries` are its parameters."""

    name: str
    operation: str
    handler: Callable[[Exchange, Params], object]
    queries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Private:
    """A private operation: its parameters, and the permissions of which a key must have one."""

    name: str
    operation: str
    handler: Callable[[KrakenDesk, PrivateCall], object]
    permissions: tuple[str, ...]
    fields: tuple[str, ...] = ()


def _time(_exchange: Exchange, _params: Params) -> object:
    now = clock.now()
    return {"unixtime": int(now.timestamp()), "rfc1123": now.strftime("%a, %d %b %y %H:%M:%S +0000")}


def _assets(exchange: Exchange, _params: Params) -> object:
    names = {
        name for pair in pairs(exchange.world).values() for name in (pair.product.base, pair.product.quote)
    }
    return {asset_id(name): asset_of(name) for name in sorted(names)}


def _asset_pairs(exchange: Exchange, params: Params) -> object:
    wanted = params.listed("pair")
    # The schedule of fees that is shown is not an account's.
    found = pairs(exchange.world)
    if wanted is None:
        return {pair.id: pair_view(pair, ZERO) for pair in found.values()}
    named = [find_pair(exchange.world, name) for name in wanted]
    if None in named:
        raise KrakenError(UNKNOWN_PAIR)
    return {pair.id: pair_view(pair, ZERO) for pair in named if pair is not None}


def _depth(exchange: Exchange, params: Params) -> object:
    pair = find_pair(exchange.world, params.required("pair"))
    if pair is None:
        raise KrakenError(UNKNOWN_PAIR)
    count = params.number("count", _DEPTH_MAX) or _DEPTH_DEFAULT
    return {pair.id: depth_of(exchange.book(pair.product), pair, count)}


def parse_order(exchange: Exchange, params: Params) -> NewKrakenOrder:
    """Read AddOrder's parameters."""
    pair = find_pair(exchange.world, params.required("pair"))
    if pair is None:
        raise KrakenError(UNKNOWN_PAIR)
    kind = params.choice("ordertype", ("market", "limit")) or params.required("ordertype")
    price = params.amount("price")
    if (price is None) is (kind == "limit"):
        raise invalid("price")
    flags = tuple(params.listed("oflags") or ())
    if not _FLAGS.issuperset(flags) or ("viqc" in flags and kind != "market"):
        raise invalid("oflags")
    client_id, userref = params.client_id(), params.number("userref", _USERREF_MAX)
    if client_id is not None and userref is not None:
        # "cl_ord_id ... is mutually exclusive with userref".
        raise invalid("cl_ord_id")
    side = params.choice("type", ("buy", "sell")) or params.required("type")
    volume = params.amount("volume")
    if volume is None:
        raise invalid("volume")
    policy = params.choice("timeinforce", ("GTC", "IOC", "FOK")) or ("IOC" if kind == "market" else "GTC")
    return NewKrakenOrder(pair, side, kind, volume, price, policy, client_id, flags, userref)


class Orders:
    """The private operations; they trade at the exchange that is handed in."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def add(self, desk: KrakenDesk, call: PrivateCall) -> object:
        """AddOrder: with `validate` the order is checked and not sent."""
        new = parse_order(self._exchange, call.params)
        if call.params.flag("validate"):
            desk.check(call.account, new)
            return {"descr": {"order": f"{new.side} {new.pair.altname}"}}
        order = desk.submit(call.account, new)
        return {"descr": {"order": order_text(order)}, "txid": [order.id]}

    def cancel(self, desk: KrakenDesk, call: PrivateCall) -> object:
        """CancelOrder, by `txid` (an order's id) or `cl_ord_id`."""
        client_id, order_id = call.params.client_id(), call.params.text("txid")
        if (client_id is None) is (order_id is None):
            raise invalid("txid")
        found = [
            order
            for order in call.account.orders.values()
            if order.id == order_id or (client_id is not None and order.new.client_id == client_id)
        ]
        return {"count": desk.cancel(call.account, found)}


def _balances(_desk: KrakenDesk, call: PrivateCall) -> object:
    return balances_of(call.account)


def _query(_desk: KrakenDesk, call: PrivateCall) -> object:
    wanted = call.params.listed("txid")
    if wanted is None:
        raise invalid("txid")
    trades = call.params.flag("trades")
    orders = call.account.orders
    return {name: order_of(orders[name], with_trades=trades) for name in wanted if name in orders}


def _open(_desk: KrakenDesk, call: PrivateCall) -> object:
    found = _named(call, [order for order in call.account.orders.values() if not order.final])
    trades = call.params.flag("trades")
    return {"open": {order.id: order_of(order, with_trades=trades) for order in reversed(found)}}


def _closed(_desk: KrakenDesk, call: PrivateCall) -> object:
    ended = [order for order in call.account.orders.values() if order.final]
    by_close = sorted(ended, key=lambda order: (order.closed or order.opened, order.id), reverse=True)
    since, until = _bounds(call.params)
    found = [
        order
        for order in _named(call, by_close)
        if _within(order.opened, since, until) or _within(order.closed, since, until)
    ]
    start = call.params.number("ofs", 10**9) or 0
    trades = call.params.flag("trades")
    page = found[start : start + PAGE]
    return {"closed": {order.id: order_of(order, with_trades=trades) for order in page}, "count": len(found)}


def _named(call: PrivateCall, orders: Sequence[KrakenOrder]) -> list[KrakenOrder]:
    client_id, userref = call.params.client_id(), call.params.number("userref", _USERREF_MAX)
    return [
        order
        for order in orders
        if (client_id is None or order.new.client_id == client_id)
        and (userref is None or order.new.userref == userref)
    ]


def _query_trades(_desk: KrakenDesk, call: PrivateCall) -> object:
    wanted = call.params.listed("txid")
    if wanted is None:
        raise invalid("txid")
    return {one.id: _trade_of(one) for one in call.account.executions if one.id in wanted}


def _trades(_desk: KrakenDesk, call: PrivateCall) -> object:
    since, until = _bounds(call.params)
    found = [one for one in reversed(call.account.executions) if _within(one.time, since, until)]
    start = call.params.number("ofs", 10**9) or 0
    page = found[start : start + PAGE]
    return {"trades": {one.id: _trade_of(one) for one in page}, "count": len(found)}


def _bounds(params: Params) -> tuple[Decimal | None, Decimal | None]:
    """Give `start` (exclusive) and `end` (inclusive), in seconds."""
    return params.amount("start"), params.amount("end")


def _within(moment: datetime | None, since: Decimal | None, until: Decimal | None) -> bool:
    if moment is None:
        return False
    at = Decimal(repr(seconds(moment)))
    return (since is None or at > since) and (until is None or at <= until)


PUBLIC: tuple[Public, ...] = (
    Public("Time", "products", _time),
    Public("Assets", "products", _assets, ("asset", "aclass")),
    Public("AssetPairs", "products", _asset_pairs, ("pair", "info")),
    Public("Depth", "book", _depth, ("pair", "count")),
)
_LIST = ("trades", "userref", "cl_ord_id")
_ORDER = (
    "pair",
    "type",
    "ordertype",
    "volume",
    "price",
    "oflags",
    "timeinforce",
    "cl_ord_id",
    "userref",
    "validate",
)
_WINDOW = ("start", "end", "ofs", "without_count", "consolidate_taker")


def private(exchange: Exchange) -> tuple[Private, ...]:
    """List the private operations of an exchange."""
    orders = Orders(exchange)
    return (
        Private("BalanceEx", "balances", _balances, ("query_funds",)),
        Private("AddOrder", "order", orders.add, ("modify_orders",), _ORDER),
        Private(
            "CancelOrder", "cancel", orders.cancel, ("modify_orders", "cancel_orders"), ("txid", "cl_ord_id")
        ),
        Private(
            "QueryOrders",
            "order_lookup",
            _query,
            ("query_open", "query_closed"),
            ("trades", "userref", "txid", "consolidate_taker"),
        ),
        Private("OpenOrders", "order_lookup", _open, ("query_open",), _LIST),
        Private("ClosedOrders", "order_lookup", _closed, ("query_closed",), (*_LIST, *_WINDOW, "closetime")),
        Private("QueryTrades", "trades", _query_trades, ("query_closed",), ("txid", "trades")),
        Private(
            "TradesHistory", "trades", _trades, ("query_closed",), ("type", "trades", "ledgers", *_WINDOW)
        ),
    )
