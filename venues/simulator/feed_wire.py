"""The messages of the WebSocket, as bytes.

Source: bitgo-notes, "WebSocket"; the description has no schema for them.
"""

import msgspec

from .account import Account
from .clock import now, to_wire_time
from .market import Book
from .money import ZERO, to_wire
from .orders import Order, Trade
from .wire import level2_of


def acknowledgement(
    status: str, channel: str, account_id: str, product: str | None, session_id: str
) -> bytes:
    """Give the answer to a subscription; `productId` is there where the request had one."""
    message = {
        "type": "subscription_response",
        "channel": channel,
        "status": status,
        "accountId": account_id,
        "session_id": session_id,
    }
    if product is not None:
        message["productId"] = product
    return msgspec.json.encode(message)


def problem(error: str, error_name: str, asked: dict[str, object]) -> bytes:
    """Give an error message, with the fields of the request that it answers; its form is not published."""
    echoed = {name: asked[name] for name in ("channel", "accountId", "productId") if name in asked}
    return msgspec.json.encode({"type": "error", "error": error, "errorName": error_name, **echoed})


def book_message(book: Book, *, cumulative: bool) -> dict[str, object]:
    """Give a whole snapshot; its time is that of sending: it tells a live feed from a dead one."""
    message: dict[str, object] = {"channel": "level2", "type": "snapshot"}
    message.update(level2_of(book, cumulative=cumulative))
    message["time"] = to_wire_time(now())
    return message


def order_message(account: Account, order: Order, exec_type: str, trade: Trade | None) -> dict[str, object]:
    """Give an order event; the fill's fields are empty strings unless the event is a fill."""
    new = order.new
    leaves = to_wire(order.leaves)
    return {
        "channel": "orders",
        "time": to_wire_time(order.updated),
        "creationDate": to_wire_time(order.created),
        "scheduledDate": to_wire_time(new.scheduled) if new.scheduled is not None else None,
        "lastFillDate": to_wire_time(order.last_fill) if order.last_fill is not None else None,
        "completionDate": to_wire_time(order.completed) if order.completed is not None else None,
        "settleDate": None,
        "accountId": account.id,
        "orderId": order.id,
        "clientOrderId": new.client_order_id or "",
        "product": new.product,
        "fundingType": new.funding,
        "status": order.status,
        "execType": exec_type,
        "reason": order.reason,
        "type": new.type,
        "side": new.side,
        "quantity": to_wire(new.quantity),
        "quantityCurrency": new.currency,
        "cumulativeQuantity": to_wire(order.filled),
        "cumulativeQuoteQuantity": to_wire(order.filled_quote),
        "leavesQuantity": None if order.in_quote else leaves,
        "leavesQuoteQuantity": leaves if order.in_quote else None,
        "averagePrice": to_wire(order.average or ZERO),
        "tradeId": trade.id if trade is not None else "",
        "fillQuantity": to_wire(trade.quantity) if trade is not None else "",
        "fillPrice": to_wire(trade.price) if trade is not None else "",
    }
