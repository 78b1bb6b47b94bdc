"""Kraken's JSON: assets, pairs, books, orders, trades; amounts are strings, times seconds with a fraction."""

from datetime import datetime
from decimal import Decimal

from venues.simulator.kraken.model import Execution, KrakenAccount, KrakenOrder
from venues.simulator.kraken.names import Pair, altname, asset_id
from venues.simulator.market import Book, Level
from venues.simulator.money import ZERO, decimals, to_wire

_LOT_DECIMALS = 8


def seconds(moment: datetime | None) -> float:
    """Give a time as Kraken writes it; 0 for none."""
    return 0 if moment is None else round(moment.timestamp(), 4)


def fixed(value: Decimal, places: int) -> str:
    """Print with so many decimals, cut down."""
    return format(value.quantize(Decimal((0, (1,), -places)), rounding="ROUND_DOWN"), "f")


def asset_of(asset: str) -> dict[str, object]:
    """Give the entry of an asset in Assets."""
    return {
        "aclass": "currency",
        "altname": altname(asset),
        "decimals": 4 if asset_id(asset).startswith("Z") else 10,
        "display_decimals": 2 if asset_id(asset).startswith("Z") else 5,
        "status": "enabled",
    }


def pair_view(pair: Pair, fee_bps: Decimal) -> dict[str, object]:
    """Give the entry of a pair in AssetPairs."""
    product = pair.product
    fee = float(fee_bps / 100)
    return {
        "altname": pair.altname,
        "wsname": pair.wsname,
        "aclass_base": "currency",
        "base": asset_id(product.base),
        "aclass_quote": "currency",
        "quote": asset_id(product.quote),
        "lot": "unit",
        "cost_decimals": decimals(product.quote_increment),
        "pair_decimals": decimals(product.tick),
        "lot_decimals": decimals(product.base_increment),
        "lot_multiplier": 1,
        "leverage_buy": [],
        "leverage_sell": [],
        "fees": [[0, fee]],
        "fees_maker": [[0, fee]],
        "fee_volume_currency": "ZUSD",
        "margin_call": 80,
        "margin_stop": 40,
        "ordermin": to_wire(Decimal(product.settings.base_min_size)),
        "costmin": to_wire(Decimal(product.settings.quote_min_size)),
        "tick_size": to_wire(product.tick),
        "status": "cancel_only" if product.trade_disabled else "online",
    }


def depth_of(book: Book, pair: Pair, count: int) -> dict[str, object]:
    """Give a book: `[price, volume, time of the last change]`, best first; no level of nothing."""
    places, at = decimals(pair.product.tick), int(book.time.timestamp())

    def side(levels: list[Level]) -> list[object]:
        shown = [level for level in levels if level.size > 0][:count]
        return [[fixed(level.price, places), fixed(level.size, _LOT_DECIMALS), at] for level in shown]

    return {"asks": side(book.asks), "bids": side(book.bids)}


def balances_of(account: KrakenAccount) -> dict[str, object]:
    """Give the answer of BalanceEx."""
    wallet = account.wallet
    return {
        asset_id(asset): {
            "balance": to_wire(wallet.balances.get(asset, ZERO)),
            "hold_trade": to_wire(wallet.held(asset)),
        }
        for asset in wallet.assets()
    }


def order_text(order: KrakenOrder) -> str:
    """Give an order's description: `buy 1.25000000 XBTUSD @ limit 27500.0`."""
    new = order.new
    price = "" if new.price is None else f" {fixed(new.price, decimals(new.pair.product.tick))}"
    return f"{new.side} {fixed(new.volume, _LOT_DECIMALS)} {new.pair.altname} @ {new.type}{price}"


def order_of(order: KrakenOrder, *, with_trades: bool) -> dict[str, object]:
    """Give an order's entry in OpenOrders, ClosedOrders and QueryOrders."""
    new, product = order.new, order.new.pair.product
    places = decimals(product.tick)
    average = order.cost / order.executed if order.executed else ZERO
    found: dict[str, object] = {
        "refid": None,
        "userref": new.userref if new.userref is not None else 0,
        "cl_ord_id": new.client_id,
        "status": order.status,
        "opentm": seconds(order.opened),
        "starttm": 0,
        "expiretm": 0,
        "descr": {
            "pair": new.pair.altname,
            "aclass": "forex",
            "type": new.side,
            "ordertype": new.type,
            "price": "0" if new.price is None else fixed(new.price, places),
            "price2": "0",
            "leverage": "none",
            "order": order_text(order),
            "close": "",
        },
        "vol": fixed(new.volume, _LOT_DECIMALS),
        "vol_exec": fixed(order.executed, _LOT_DECIMALS),
        # Longer than a price, so that cost and volume make it up again.
        "cost": to_wire(order.cost),
        "fee": to_wire(order.fee),
        "price": fixed(average, places + 4),
        "stopprice": fixed(ZERO, places),
        "limitprice": fixed(ZERO, places),
        "misc": "",
        "oflags": ",".join(new.flags) or ("fciq" if new.side == "buy" else "fcib"),
    }
    if order.final:
        found |= {"reason": order.reason, "closetm": seconds(order.closed)}
    if with_trades:
        found["trades"] = [execution.id for execution in order.executions]
    return found


def trade_of(execution: Execution) -> dict[str, object]:
    """Give a trade's entry in QueryTrades and TradesHistory."""
    return {
        "ordertxid": execution.order_id,
        "postxid": "TKH2SE-M7IF5-CFI7LT",
        "pair": execution.pair.id,
        "aclass": "forex",
        "time": seconds(execution.time),
        "type": execution.side,
        "ordertype": execution.type,
        "price": fixed(execution.price, decimals(execution.pair.product.tick)),
        "cost": to_wire(execution.cost),
        "fee": to_wire(execution.fee),
        "vol": fixed(execution.volume, _LOT_DECIMALS),
        "margin": "0.00000",
        "leverage": "0",
        "misc": "",
        "trade_id": 0,
        "maker": False,
    }
