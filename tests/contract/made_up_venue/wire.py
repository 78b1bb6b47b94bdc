"""What Tern says, field by field as on the wire: amounts are still texts here."""

import msgspec


class Instrument(msgspec.Struct, frozen=True):
    """`GET /instruments`. `lot` is the step of a size, `tick` that of a price."""

    symbol: str
    lot: str
    tick: str
    min: str
    max: str
    open: bool


class Instruments(msgspec.Struct, frozen=True):
    instruments: list[msgspec.Raw]


class Depth(msgspec.Struct, frozen=True):
    """`GET /depth`: price and size of each level, best first."""

    symbol: str
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]
    time: str


class Funds(msgspec.Struct, frozen=True):
    """`GET /funds`: what of each asset is free to be traded."""

    free: dict[str, str]


class Deal(msgspec.Struct, frozen=True):
    id: str
    price: str
    qty: str
    time: str


class Order(msgspec.Struct, frozen=True):
    """An order as it stands, in every answer about it. `state`: `live`, `done` or `gone` (cancelled)."""

    id: str
    ref: str
    symbol: str
    side: str
    state: str
    deals: list[Deal]


class Orders(msgspec.Struct, frozen=True):
    orders: list[Order]


class Fault(msgspec.Struct, frozen=True):
    """The body of every answer that is no success."""

    fault: str
    text: str = ""
