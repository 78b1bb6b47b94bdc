"""The bytes of BitGo's wire that the stub answers with, and what it reads of a request: what it repeats."""

from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

LEVELS: Final = 10
"""Levels of a side, as the published examples have."""
BASE, QUOTE = "BTC", "USD"
PRODUCT: Final = f"{BASE}-{QUOTE}"
_TIME: Final = b"2026-01-01T00:00:00.000Z"


class Placed(NamedTuple):
    """What is read of an order's request; `number` is the stub's own count."""

    number: bytes
    account: bytes
    client_order_id: bytes
    quantity: bytes
    side: bytes
    funding: bytes
    limit_price: bytes
    product: bytes
    rests: bool


def account_id(index: int) -> str:
    """The id of the account with this number: 32 hexadecimal digits."""
    return f"{index:032x}"


def now_text(age_s: float = 0.0) -> str:
    """The time `age_s` seconds ago, as the wire has it."""
    at = datetime.now(UTC) - timedelta(seconds=age_s)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def answer(body: bytes, status: bytes = b"200 OK") -> bytes:
    """A whole HTTP answer."""
    return (
        b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nX-Ratelimit-Remaining: 100000\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (status, len(body), body)
    )


def frame(payload: bytes) -> bytes:
    """A text frame, as a server sends it."""
    length = len(payload)
    if length < 126:
        return bytes((0x81, length)) + payload
    if length < 65_536:
        return b"\x81\x7e" + length.to_bytes(2, "big") + payload
    return b"\x81\x7f" + length.to_bytes(8, "big") + payload


def between(data: bytes, before: bytes, after: bytes = b'"') -> bytes:
    """What stands in `data` from the end of `before` to the next `after`; empty where `before` is not."""
    begin = data.find(before)
    if begin < 0:
        return b""
    begin += len(before)
    return data[begin : data.find(after, begin)]


def placed(number: int, account: bytes, body: bytes) -> Placed:
    """Read an order's request."""
    return Placed(
        b"%016d" % number,
        account,
        between(body, b'"clientOrderId":"'),
        between(body, b'"quantity":"'),
        between(body, b'"side":"'),
        between(body, b'"fundingType":"'),
        between(body, b'"limitPrice":"'),
        between(body, b'"product":"'),
        b'"GTC"' in body,
    )


def order_json(order: Placed) -> bytes:
    """The order as it stands: one that rests is open, every other is filled at the best price."""
    price = b"100.00" if order.side == b"buy" else b"99.90"
    if order.rests:
        return b"%b%b" % (
            _head(order, b"GTC", b"open"),
            b'"filledQuantity":"0","filledQuoteQuantity":"0","leavesQuantity":"%b","averagePrice":null,'
            b'"limitPrice":"%b","duration":null}' % (order.quantity, order.limit_price),
        )
    return b"%b%b" % (
        _head(order, b"IOC", b"completed"),
        b'"filledQuantity":"%b","filledQuoteQuantity":"%b","leavesQuantity":"0","averagePrice":"%b",'
        b'"limitPrice":"%b","duration":null}'
        % (order.quantity, _quote_of(order.quantity, price), price, order.limit_price),
    )


def _head(order: Placed, time_in_force: bytes, status: bytes) -> bytes:
    return (
        b'{"id":"o-%b","accountId":"%b","clientOrderId":"%b","time":"%b","creationDate":"%b",'
        b'"scheduledDate":null,"fundingType":"%b","type":"limit","timeInForce":"%b","status":"%b",'
        b'"reason":null,"reasonDescription":null,"product":"%b","side":"%b","quantity":"%b",'
        b'"quantityCurrency":"%b",'
        % (
            *(order.number, order.account, order.client_order_id, _TIME, _TIME),
            *(order.funding, time_in_force, status, order.product, order.side, order.quantity),
            order.product[: order.product.find(b"-")],
        )
    )


def order_message(order: Placed) -> bytes:
    """What the feed says of it, as a frame."""
    head = (
        b'{"channel":"orders","orderId":"o-%b","clientOrderId":"%b","accountId":"%b","fundingType":"%b",'
        % (*(order.number, order.client_order_id, order.account, order.funding),)
    )
    if order.rests:
        return frame(
            b'%b"time":"%b","status":"open","execType":"0","product":"%b","side":"%b","type":"limit",'
            b'"quantity":"%b","cumulativeQuantity":"0","cumulativeQuoteQuantity":"0"}'
            % (head, _TIME, order.product, order.side, order.quantity)
        )
    price = b"100.00" if order.side == b"buy" else b"99.90"
    return frame(
        b'%b"time":"%b","status":"completed","execType":"F","product":"%b","side":"%b","type":"limit",'
        b'"quantity":"%b","cumulativeQuantity":"%b","cumulativeQuoteQuantity":"%b","averagePrice":"%b",'
        b'"tradeId":"t-%b","fillQuantity":"%b","fillPrice":"%b","lastFillDate":"%b"}'
        % (
            *(head, _TIME, order.product, order.side, order.quantity, order.quantity),
            *(_quote_of(order.quantity, price), price, order.number, order.quantity, price, _TIME),
        )
    )


def trade_json(order: Placed) -> bytes:
    """The one execution of an order that was filled."""
    price = b"100.00" if order.side == b"buy" else b"99.90"
    return (
        b'{"id":"t-%b","orderId":"o-%b","time":"%b","creationDate":"%b","fundingType":"%b",'
        b'"product":"%b","side":"%b","price":"%b","quantity":"%b","quoteQuantity":"%b","settled":false}'
        % (
            *(order.number, order.number, _TIME, _TIME, order.funding, order.product, order.side, price),
            *(order.quantity, _quote_of(order.quantity, price)),
        )
    )


def _quote_of(quantity: bytes, price: bytes) -> bytes:
    return f"{float(quantity) * float(price):.8f}".encode()


def product_json(name: str) -> str:
    """One product."""
    base, _, quote = name.partition("-")
    return (
        f'{{"id":"p","name":"{name}","baseCurrencyId":"b","baseCurrency":"{base}","quoteCurrencyId":"q",'
        f'"quoteCurrency":"{quote}","baseMinSize":"0.0001","baseMaxSize":"100000","baseIncrement":"0.00000001",'
        '"quoteMinSize":"0.01","quoteMaxSize":"100000000","quoteIncrement":"0.01","quoteDisplayPrecision":2,'
        '"isTradeDisabled":false,"isMarginTradeSupported":true}'
    )


def balances_json() -> bytes:
    """More than enough of both currencies."""
    return (
        b'{"data":['
        + b",".join(
            b'{"currencyId":"c","currency":"%b","balance":"1000000000","heldBalance":"0",'
            b'"tradableBalance":"1000000000","withdrawableBalance":"1000000000"}' % each
            for each in (BASE.encode(), QUOTE.encode())
        )
        + b"]}"
    )


def book_json(*, best: bool, product: str = PRODUCT, age_s: float = 0.0) -> bytes:
    """A book whose own best price stands a tenth under the others' where it is the `best`."""
    ask, bid = (10_000, 9_990) if best else (10_010, 9_980)
    asks = ",".join(f'["{(ask + n) / 100:.2f}","1000.00000000"]' for n in range(LEVELS))
    bids = ",".join(f'["{(bid - n) / 100:.2f}","1000.00000000"]' for n in range(LEVELS))
    return f'{{"time":"{now_text(age_s)}","product":"{product}","bids":[{bids}],"asks":[{asks}]}}'.encode()
