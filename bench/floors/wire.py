"""What floors read and write: the order, a book, the counterparty's answer, and the sum that ranks a book."""

from decimal import Decimal
from typing import Final

import msgspec

from bench.stub import LEVELS, account_id

WAYS: Final = ("streamed", "asked", "mixed")
_PATH: Final = "/api/prime/trading/v1/accounts/{account}{what}"


class Body(msgspec.Struct):
    """What an order's body has."""

    client_order_id: str
    product: str
    side: str
    type: str
    quantity: str
    quantity_currency: str


class Level2(msgspec.Struct):
    """A book."""

    bids: list[list[str]]
    asks: list[list[str]]


class Taken(msgspec.Struct, rename="camel"):
    """The counterparty's answer, as far as it is passed on."""

    id: str
    status: str
    filled_quantity: str
    average_price: str


class Answer(msgspec.Struct):
    """What the caller is told."""

    id: str
    client_order_id: str
    status: str
    filled_quantity: str
    average_price: str


BODY: Final = msgspec.json.Decoder(Body)
LEVEL2: Final = msgspec.json.Decoder(Level2)
_TAKEN: Final = msgspec.json.Decoder(Taken)
_ENCODER: Final = msgspec.json.Encoder()


def paths(connections: int, what: str) -> list[str]:
    """The path of each account for what is asked of it."""
    return [_PATH.format(account=account_id(index), what=what) for index in range(connections)]


def asked(connections: int, way: str) -> frozenset[int]:
    """The accounts that are asked for a price; the others stream their books. `mixed`: every other one."""
    if way == "streamed":
        return frozenset()
    return frozenset(range(0, connections, 2 if way == "mixed" else 1))


def streamed_book() -> Level2:
    """A book as a feed has brought it."""
    return Level2(bids=[], asks=[[f"{(10_010 + n) / 100:.2f}", "1000.00000000"] for n in range(LEVELS)])


def cost(book: Level2, quantity: Decimal) -> Decimal | None:
    """What the quantity costs in a book; None where it is too thin."""
    left, total = quantity, Decimal(0)
    for price, size in book.asks:
        take = min(left, Decimal(size))
        total += take * Decimal(price)
        left -= take
        if not left:
            return total
    return None


def order_body(order: Body) -> str:
    """The counterparty's order."""
    return (
        f'{{"clientOrderId":"{order.client_order_id}","product":"{order.product}","type":"limit",'
        f'"fundingType":"funded","side":"{order.side}","quantity":"{order.quantity}",'
        f'"quantityCurrency":"{order.quantity_currency}","limitPrice":"100.50","timeInForce":"IOC"}}'
    )


def caller_answer(raw: bytes, client_order_id: str) -> bytes:
    """The answer to the caller, from the counterparty's."""
    taken = _TAKEN.decode(raw)
    return filled_answer(taken, client_order_id, "filled" if taken.status == "completed" else taken.status)


def filled_answer(taken: Taken, client_order_id: str, status: str) -> bytes:
    """The answer to the caller."""
    return _ENCODER.encode(
        Answer(taken.id, client_order_id, status, taken.filled_quantity, taken.average_price)
    )
