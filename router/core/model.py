"""The vocabulary: what orders, quotes, books and products are. Frozen; one that exists is valid.

Amounts are `Decimal` (see `money`), times are nanoseconds since the epoch (UTC), `quantity` is in the
currency named beside it, `quantity_base` and `quantity_quote` say theirs. Names are the field's; the map to
FIX tags stands in the contract's glossary.

What is made for every order is `gc=False`: frozen values are parts of no cycle, and what the collector of
cycles does not know of costs it nothing, however many orders are open.
"""

import enum
from decimal import Decimal

import msgspec

from router.core.book import Book as Book  # noqa: PLC0414 - handed on: it is of the vocabulary
from router.core.book import Level as Level  # noqa: PLC0414 - likewise
from router.core.errors import OrderError
from router.core.instruction import Instruction, SteadyPace, Stop, Twap
from router.core.money import BPS, ONE, add, decimals_of, mul
from router.core.once import Once


class Side(enum.StrEnum):
    """Side, FIX 54."""

    BUY = "buy"
    SELL = "sell"


class OrderType(enum.StrEnum):
    """OrdType, FIX 40."""

    MARKET = "market"
    LIMIT = "limit"
    TWAP = "twap"
    STEADY_PACE = "steady_pace"
    STOP = "stop"


_INSTRUCTIONS: dict[OrderType, type] = {
    OrderType.MARKET: type(None),
    OrderType.LIMIT: type(None),
    OrderType.TWAP: Twap,
    OrderType.STEADY_PACE: SteadyPace,
    OrderType.STOP: Stop,
}


class TimeInForce(enum.StrEnum):
    """TimeInForce, FIX 59."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    GTD = "GTD"

    @property
    def rests(self) -> bool:
        """Whether what does not fill at once goes on working."""
        return self in _RESTING


_RESTING = frozenset({TimeInForce.GTC, TimeInForce.GTD})


class OnCreditFailure(enum.StrEnum):
    """What follows a refusal for want of credit."""

    FAIL = "fail"
    NEXT_BEST = "next_best"


class OrderStatus(enum.StrEnum):
    """OrdStatus, FIX 39, as callers see it."""

    PENDING_NEW = "pending_new"
    NEW = "new"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    PENDING_CANCEL = "pending_cancel"
    CANCELED = "canceled"
    REJECTED = "rejected"
    EXPIRED = "expired"


class Source(enum.StrEnum):
    """Where a quote comes from."""

    BOOK = "book"
    """Read from a streamed book."""
    REQUEST = "request"
    """A price that was asked for."""
    RFQ = "rfq"
    """A firm quote that was asked for."""


class Outcome(enum.StrEnum):
    """What became of a connection in a competition."""

    WON = "won"
    LOST = "lost"
    EXCLUDED = "excluded"
    """Never asked, or asked and not eligible."""
    FAILED = "failed"
    """Asked, and gave no usable quote."""


class Reason(enum.StrEnum):
    """Why a connection was excluded or failed."""

    INSUFFICIENT_BALANCE = "insufficient_balance"
    BALANCE_UNKNOWN = "balance_unknown"
    PRODUCT_UNSUPPORTED = "product_unsupported"
    PRODUCT_DISABLED = "product_disabled"
    SIZE_BELOW_MINIMUM = "size_below_minimum"
    SIZE_ABOVE_MAXIMUM = "size_above_maximum"
    INSUFFICIENT_DEPTH = "insufficient_depth"
    STALE_BOOK = "stale_book"
    TIMEOUT = "timeout"
    INVALID_QUOTE = "invalid_quote"
    QUOTE_EXPIRED = "quote_expired"
    OUTSIDE_COLLAR = "outside_collar"
    RATE_LIMITED = "rate_limited"
    VENUE_ERROR = "venue_error"
    BREAKER_OPEN = "breaker_open"
    DISABLED = "disabled"
    NOT_SELECTED = "not_selected"

    @property
    def outcome(self) -> Outcome:
        """Whether it excludes a connection or means that its quote failed."""
        return Outcome.FAILED if self in _FAILURES else Outcome.EXCLUDED


_FAILURES = frozenset(
    {
        Reason.INSUFFICIENT_DEPTH,
        Reason.STALE_BOOK,
        Reason.TIMEOUT,
        Reason.INVALID_QUOTE,
        Reason.QUOTE_EXPIRED,
        Reason.OUTSIDE_COLLAR,
        Reason.VENUE_ERROR,
    }
)


class Connection(msgspec.Struct, frozen=True, dict=True):
    """An account at a counterparty. `pts`: a Post Trade Settlement account, which trades on credit."""

    id: str
    name: str
    pts: bool
    counterparty: str
    taker_fee_bps: Decimal
    """Fee on the quote notional of a fill, charged in the quote currency; basis points."""

    @Once
    def fee_rate(self) -> Decimal:
        """The fee on a notional of one: 0.001 for 10 basis points."""
        return mul(self.taker_fee_bps, BPS)

    @Once
    def with_fee(self) -> Decimal:
        """What a notional of one comes to with the fee on it: 1.001 for 10 basis points."""
        return add(ONE, self.fee_rate)


class Product(msgspec.Struct, frozen=True, dict=True):
    """A pair as one counterparty trades it. Increments are greater than zero, sizes inclusive."""

    name: str
    base: str
    quote: str
    base_increment: Decimal
    base_size_min: Decimal
    base_size_max: Decimal
    quote_increment: Decimal
    quote_size_min: Decimal
    quote_size_max: Decimal
    price_increment: Decimal
    enabled: bool
    margin_supported: bool

    @Once
    def tick_decimals(self) -> int:
        """Decimals of the price increment."""
        return decimals_of(self.price_increment)


def _check_instruction(kind: OrderType, instruction: Instruction | None) -> None:
    """Raise `ValueError` where a type has not the instruction that belongs to it, and no other."""
    wanted = _INSTRUCTIONS[kind]
    if type(instruction) is not wanted:
        raise ValueError(
            f"instruction: expected {wanted.__name__} in a {kind} order, was {type(instruction).__name__}"
        )


class OrderRequest(msgspec.Struct, frozen=True, omit_defaults=True, dict=True):
    """What a caller asks for, valid as far as it can be without a counterparty's word.

    `duration_minutes` is a limit order's; what the other types are told stands in their `instruction`.
    """

    client_order_id: str
    product: str
    side: Side
    type: OrderType
    quantity: Decimal
    quantity_currency: str
    limit_price: Decimal | None = None
    time_in_force: TimeInForce | None = None
    duration_minutes: int | None = None
    slippage_bps_max: Decimal | None = None
    connections: tuple[str, ...] | None = None
    on_credit_failure: OnCreditFailure | None = None
    instruction: Instruction | None = None

    def __post_init__(self) -> None:
        """Hold type and instruction together."""
        _check_instruction(self.type, self.instruction)

    @property
    def base(self) -> str:
        """The product's base currency."""
        return self.product.split("-", 1)[0]

    @property
    def quote(self) -> str:
        """The product's quote currency."""
        return self.product.split("-", 1)[1]

    @Once
    def in_base(self) -> bool:
        """Whether `quantity` is in the base currency; otherwise it is in the quote currency."""
        return self.quantity_currency == self.base

    @Once
    def time_in_force_meant(self) -> TimeInForce:
        """As asked; unsaid, IOC for a market order, GTC for one that works.

        What has a duration is GTD: a limit order with one, and every TWAP.
        """
        if self.time_in_force is not None:
            return self.time_in_force
        if self.duration_minutes is not None or isinstance(self.instruction, Twap):
            return TimeInForce.GTD
        return TimeInForce.IOC if self.type is OrderType.MARKET else TimeInForce.GTC

    @property
    def works(self) -> bool:
        """Whether it trades over time, at prices that nobody knows when it is decided who gets it."""
        if self.type is OrderType.LIMIT:
            return self.time_in_force is None or self.time_in_force.rests
        return self.instruction is not None

    @property
    def price_bound(self) -> Decimal | None:
        """The price that the caller named for it: the limit, else a stop's trigger."""
        if self.limit_price is None and isinstance(self.instruction, Stop):
            return self.instruction.trigger_price
        return self.limit_price

    @property
    def scheduled_at(self) -> int | None:
        """When it is to begin; None: at once."""
        return self.instruction.scheduled_at if isinstance(self.instruction, Twap | SteadyPace) else None


class Quote(msgspec.Struct, frozen=True, gc=False):
    """A price for the size of a request, before fees. One that is not in a `Ranking` cannot win.

    `quantity_base` at `price` makes `quantity_quote`; `price_worst` is the deepest price that the size
    reaches. `complete`: it covers the whole size. A firm quote has a `quote_id` and a `valid_until`, and
    `all_in_price` where its counterparty states a price with fees.
    """

    connection_id: str
    source: Source
    firm: bool
    price: Decimal
    price_worst: Decimal
    quantity_base: Decimal
    quantity_quote: Decimal
    complete: bool
    quote_id: str | None = None
    valid_until: int | None = None
    all_in_price: Decimal | None = None


class PricedQuote(msgspec.Struct, frozen=True, gc=False):
    """A quote with its fees: what it really costs, or brings, per unit of base."""

    quote: Quote
    fee: Decimal
    all_in_price: Decimal


class Claim(msgspec.Struct, frozen=True, gc=False):
    """What an order can take from a Spot balance at the worst: an amount of the currency given up."""

    asset: str
    amount: Decimal


class Route(msgspec.Struct, frozen=True, gc=False):
    """How the winner is traded with: the one order that would go out. `claim` is None on credit."""

    connection_id: str
    priced: PricedQuote
    limit_price: Decimal | None
    time_in_force: TimeInForce
    claim: Claim | None


class OutboundOrder(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """An order as an adapter sends it; the id is a function of order, connection and attempt.

    `limit_price` is None where the caller set none and the type works without: only then is none sent.
    """

    connection_id: str
    venue_client_order_id: str
    product: str
    side: Side
    type: OrderType
    quantity: Decimal
    quantity_currency: str
    limit_price: Decimal | None
    time_in_force: TimeInForce
    duration_minutes: int | None = None
    quote_id: str | None = None
    instruction: Instruction | None = None

    def __post_init__(self) -> None:
        """Hold type and instruction together."""
        _check_instruction(self.type, self.instruction)


class Fill(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One execution. `id` is the counterparty's trade id (ExecID 17): by it a fill is counted once.

    `fee`: what the counterparty charged for it, in the quote currency; None where it does not say.
    """

    id: str
    price: Decimal
    quantity_base: Decimal
    quantity_quote: Decimal
    at: int
    fee: Decimal | None = None


class VenueState(enum.StrEnum):
    """What a counterparty says of an order, in one vocabulary."""

    PENDING = "pending"
    WORKING = "working"
    PENDING_CANCEL = "pending_cancel"
    DONE = "done"
    """Nothing more will trade and no cancel was said: filled, unless less than ordered was filled."""
    CANCELED = "canceled"
    EXPIRED = "expired"
    FAILED = "failed"
    """It was taken and then ended by the counterparty with an error."""

    @property
    def is_final(self) -> bool:
        """Whether nothing more can trade."""
        return self in _ENDS


_ENDS = frozenset({VenueState.DONE, VenueState.CANCELED, VenueState.EXPIRED, VenueState.FAILED})


class OrderReport(msgspec.Struct, frozen=True, gc=False):
    """What a counterparty says of one order: in an answer, on its feed, or when it was looked up.

    Quantities are cumulative and in base and quote; `filled_quote` is None where it was not said. `fills`
    holds what was said of single executions: none, one (a feed's message) or all (a list of trades).
    `error` says why, where the order failed after it had been taken.
    """

    venue_client_order_id: str
    venue_order_id: str
    state: VenueState
    filled_base: Decimal
    filled_quote: Decimal | None
    average_price: Decimal | None
    fills: tuple[Fill, ...]
    error: OrderError | None
    at: int
