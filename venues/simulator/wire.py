"""The objects of the wire and how they are printed, field by field as the published schemas have them.

Source: bitgo-prime OpenAPI, TradeUser, Account, AccountBalance, Order, PrimeTrade, Currency, Product,
Level1OrderBookSnapshot, Level2OrderBookSnapshot.  Null stands where the examples show it.
"""

from decimal import Decimal

from msgspec import UNSET, Struct, UnsetType

from .account import Account
from .clock import to_wire_time
from .ids import Ids
from .market import Book, Level, Product
from .money import ZERO, to_wire
from .orders import Order, Trade

_CURRENCY_NAMES = {
    "USD": "US Dollar",
    "BTC": "Bitcoin",
    "ETH": "Ethereum",
    "SOL": "Solana",
    "USDC": "USD Coin",
}


class WireOrder(Struct, rename="camel", frozen=True):
    """Order; `averagePrice` is `"0"` before the first fill, for the schema allows no null there."""

    id: str
    account_id: str
    enterprise_id: str
    initiated_by_user_id: str
    canceled_by_user_id: str | None
    client_order_id: str
    time: str
    creation_date: str
    scheduled_date: str | None
    last_fill_date: str | None
    completion_date: str | None
    settle_date: str | None
    funding_type: str
    type: str
    time_in_force: str | None
    status: str
    reason: str | None
    reason_description: str | None
    product: str
    side: str
    quantity: str
    quantity_currency: str
    filled_quantity: str
    filled_quote_quantity: str
    leaves_quantity: str | None
    leaves_quote_quantity: str | None
    average_price: str
    limit_price: str | None
    trigger_price: str | None
    duration: int | None
    twap_interval: int | None
    rt_id: None
    is_financed: bool
    notes: None
    parameters: dict[str, object] | UnsetType = UNSET


def order_of(order: Order, enterprise_id: str) -> WireOrder:
    """Show an order as GET and POST orders do."""
    new = order.new
    leaves = to_wire(order.leaves)
    return WireOrder(
        id=order.id,
        account_id=order.account_id,
        enterprise_id=enterprise_id,
        initiated_by_user_id=order.initiated_by,
        canceled_by_user_id=order.canceled_by,
        client_order_id=new.client_order_id or "",
        time=to_wire_time(order.updated),
        creation_date=to_wire_time(order.created),
        scheduled_date=to_wire_time(new.scheduled) if new.scheduled is not None else None,
        last_fill_date=to_wire_time(order.last_fill) if order.last_fill is not None else None,
        completion_date=to_wire_time(order.completed) if order.completed is not None else None,
        settle_date=to_wire_time(order.settle_date) if order.settle_date is not None else None,
        funding_type=new.funding,
        type=new.type,
        time_in_force=new.time_in_force,
        status=order.status,
        reason=order.reason,
        reason_description=order.reason_description,
        product=new.product,
        side=new.side,
        quantity=to_wire(new.quantity),
        quantity_currency=new.currency,
        filled_quantity=to_wire(order.filled),
        filled_quote_quantity=to_wire(order.filled_quote),
        leaves_quantity=None if order.in_quote else leaves,
        leaves_quote_quantity=leaves if order.in_quote else None,
        average_price=to_wire(order.average or ZERO),
        limit_price=_or_null(new.limit_price),
        trigger_price=_or_null(new.trigger_price),
        duration=new.duration,
        twap_interval=new.interval,
        rt_id=None,
        is_financed=False,
        notes=None,
        parameters=new.parameters if new.parameters is not None else UNSET,
    )


def _or_null(value: Decimal | None) -> str | None:
    return to_wire(value) if value is not None else None


class WireTrade(Struct, rename="camel", frozen=True):
    """PrimeTrade."""

    id: str
    order_id: str
    time: str
    creation_date: str
    product: str
    side: str
    price: str
    quote_quantity: str
    quantity: str
    funding_type: str
    settled: bool
    settle_date: str | None
    account_id: str
    enterprise_id: str


def trade_of(trade: Trade, account: Account) -> WireTrade:
    """Show a trade as GET trades does."""
    settled = account.history.settle_date(trade)
    return WireTrade(
        id=trade.id,
        order_id=trade.order_id,
        time=to_wire_time(trade.time),
        creation_date=to_wire_time(trade.creation),
        product=trade.product,
        side=trade.side,
        price=to_wire(trade.price),
        quote_quantity=to_wire(trade.quote_quantity),
        quantity=to_wire(trade.quantity),
        funding_type=trade.funding,
        settled=settled is not None,
        settle_date=to_wire_time(settled) if settled is not None else None,
        account_id=account.id,
        enterprise_id=account.enterprise_id,
    )


class WireCurrency(Struct, rename="camel", frozen=True):
    """Currency; `increment` was `minIncrement` before 2026-01-12."""

    id: str
    symbol: str
    name: str
    increment: str
    platform_symbol: str


def currency_of(symbol: str, increment: Decimal, ids: Ids) -> WireCurrency:
    """Show a currency."""
    return WireCurrency(
        id=ids.fixed("currency", symbol),
        symbol=symbol,
        name=_CURRENCY_NAMES.get(symbol, symbol),
        increment=to_wire(increment),
        platform_symbol=symbol,
    )


class WireProduct(Struct, rename="camel", frozen=True):
    """Product."""

    id: str
    name: str
    base_currency_id: str
    base_currency: str
    quote_currency_id: str
    quote_currency: str
    base_min_size: str
    base_max_size: str
    base_increment: str
    quote_min_size: str
    quote_max_size: str
    quote_increment: str
    quote_display_precision: int
    is_trade_disabled: bool
    is_margin_trade_supported: bool


def product_of(product: Product, ids: Ids) -> WireProduct:
    """Show a product."""
    settings = product.settings
    return WireProduct(
        id=ids.fixed("product", product.name),
        name=product.name,
        base_currency_id=ids.fixed("currency", product.base),
        base_currency=product.base,
        quote_currency_id=ids.fixed("currency", product.quote),
        quote_currency=product.quote,
        base_min_size=settings.base_min_size,
        base_max_size=settings.base_max_size,
        base_increment=settings.base_increment,
        quote_min_size=settings.quote_min_size,
        quote_max_size=settings.quote_max_size,
        quote_increment=settings.quote_increment,
        quote_display_precision=settings.quote_display_precision,
        is_trade_disabled=product.trade_disabled,
        is_margin_trade_supported=product.margin_supported,
    )


class WireBalance(Struct, rename="camel", frozen=True):
    """AccountBalance."""

    currency_id: str
    currency: str
    balance: str
    held_balance: str
    unsettled_held_balance: str
    tradable_balance: str
    withdrawable_balance: str


def balance_of(account: Account, asset: str, ids: Ids, *, with_unsettled: bool = False) -> WireBalance:
    """Show a balance; what has not settled counts as withdrawable only if it is asked for like that.

    "Withdrawals may be initiated from the unsettled available balance" (includeUnsettledInAvailable).
    """
    wallet = account.wallet
    tradable = to_wire(wallet.tradable(asset))
    return WireBalance(
        currency_id=ids.fixed("currency", asset),
        currency=asset,
        balance=to_wire(wallet.balances.get(asset, ZERO)),
        held_balance=to_wire(wallet.held(asset)),
        unsettled_held_balance=to_wire(wallet.unsettled_held(asset)),
        tradable_balance=tradable,
        withdrawable_balance=tradable if with_unsettled else to_wire(wallet.withdrawable(asset)),
    )


def levels_of(levels: list[Level], *, cumulative: bool) -> list[list[str]]:
    """Show one side of a book: `[price, size]`, or with the running total; empty levels are left out."""
    shown: list[list[str]] = []
    total = ZERO
    for level in levels:
        if level.size <= 0:
            continue
        total += level.size
        row = [format(level.price, "f"), to_wire(level.size)]
        shown.append([*row, to_wire(total)] if cumulative else row)
    return shown


def level1_of(book: Book) -> dict[str, str]:
    """Show the best prices; an empty side is shown as zero, for the schema allows no null there."""
    bids, asks = levels_of(book.bids, cumulative=False), levels_of(book.asks, cumulative=False)
    bid, ask = (bids or [["0", "0"]])[0], (asks or [["0", "0"]])[0]
    return {
        "time": to_wire_time(book.time),
        "product": book.product,
        "bidPrice": bid[0],
        "bidSize": bid[1],
        "askPrice": ask[0],
        "askSize": ask[1],
    }


def level2_of(book: Book, *, cumulative: bool) -> dict[str, object]:
    """Show the whole book."""
    return {
        "time": to_wire_time(book.time),
        "product": book.product,
        "bids": levels_of(book.bids, cumulative=cumulative),
        "asks": levels_of(book.asks, cumulative=cumulative),
    }
