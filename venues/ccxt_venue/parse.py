"""ccxt's structures → the vocabulary of the core. Pure; every amount is read from text, a float is refused.

ccxt is asked for text (`number = str`); an exchange's precision as text can have an exponent (`1e-8`), which
is written out within bounds before the strict parser sees it. What cannot be read raises `OffWireError`.
"""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from router.core.account import AssetBalance, FundingType, VenueTrade
from router.core.errors import AmountError
from router.core.model import Fill, OrderReport, Product, Side, VenueState
from router.core.money import ZERO, add, format_amount, mul, parse_amount, parse_signed, sub
from router.ports import OffWireError
from venues.ccxt_venue.library import TICK_SIZE

_EXPONENT = re.compile(r"(-?)([0-9]{1,24})(?:\.([0-9]{1,18}))?[eE]([+-]?)([0-9]{1,2})")
_NAME = re.compile(r"[A-Za-z0-9.:_*]{1,24}")
_PLACES_MAX: Final = 18
_SIZE_MAX: Final = Decimal(10) ** 15
"""Where an exchange states no largest size."""
MILLISECOND_NS: Final = 1_000_000

STATES: Final = {
    None: VenueState.PENDING,
    "open": VenueState.WORKING,
    "closed": VenueState.DONE,
    "canceling": VenueState.PENDING_CANCEL,
    "canceled": VenueState.CANCELED,
    "expired": VenueState.EXPIRED,
    "rejected": VenueState.FAILED,
}
"""ccxt's unified order status; an answer to an order that only names it has none."""


def written_out(text: str) -> str:
    """A number's text without an exponent; one that is out of bounds is left for the parser to refuse."""
    found = _EXPONENT.fullmatch(text)
    if found is None or int(found[5]) > _PLACES_MAX:
        return text
    return format_amount(Decimal(text))


def amount(value: object, field: str) -> Decimal:
    """An amount that is not below zero."""
    return _read(value, field, signed=False)


def optional(value: object, field: str) -> Decimal | None:
    """An amount that may be left out."""
    return None if value is None else amount(value, field)


def _read(value: object, field: str, *, signed: bool) -> Decimal:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise OffWireError(f"{field}: expected a number as text, was {type(value).__name__}")
    try:
        return (parse_signed if signed else parse_amount)(written_out(value))
    except AmountError as error:
        raise OffWireError(f"{field}: expected {error.expected}") from error


def product_of(market: Mapping[str, Any], mode: int, quote_increment: object) -> Product | None:
    """A Spot market; None for one that is no Spot market. `mode`: the exchange's `precisionMode`.

    `quote_increment`: the precision of the quote currency, if the exchange states one.
    """
    if not market.get("spot") or market.get("contract"):
        return None
    base, quote = market.get("base"), market.get("quote")
    for name in (base, quote):
        if not isinstance(name, str) or _NAME.fullmatch(name) is None:
            raise OffWireError("market: expected the codes of two currencies, was another text")
    precision, limits = market.get("precision") or {}, market.get("limits") or {}
    sizes, costs = limits.get("amount") or {}, limits.get("cost") or {}
    base_increment = _increment(precision.get("amount"), mode, "precision.amount")
    tick = _increment(precision.get("price"), mode, "precision.price")
    step = precision.get("cost") or precision.get("quote") or quote_increment
    product = Product(
        name=f"{base}-{quote}",
        base=str(base),
        quote=str(quote),
        base_increment=base_increment,
        base_size_min=optional(sizes.get("min"), "limits.amount.min") or base_increment,
        base_size_max=optional(sizes.get("max"), "limits.amount.max") or _SIZE_MAX,
        quote_increment=tick if step is None else _increment(step, mode, "precision.cost"),
        quote_size_min=optional(costs.get("min"), "limits.cost.min") or ZERO,
        quote_size_max=optional(costs.get("max"), "limits.cost.max") or _SIZE_MAX,
        price_increment=tick,
        enabled=market.get("active") is not False,
        margin_supported=False,
    )
    if product.base_size_min > product.base_size_max or product.quote_size_min > product.quote_size_max:
        raise OffWireError("limits: expected a least that is no greater than the most")
    return product


def _increment(value: object, mode: int, field: str) -> Decimal:
    """A step: stated itself (TICK_SIZE), or as a number of decimals (DECIMAL_PLACES)."""
    found = amount(value, field)
    if mode == TICK_SIZE:
        if found == 0:
            raise OffWireError(f"{field}: expected a step above zero, was none")
        return found
    if found != int(found) or found > _PLACES_MAX:
        raise OffWireError(f"{field}: expected 0 to {_PLACES_MAX} decimals, was another number")
    return Decimal((0, (1,), -int(found)))


def free_of(balances: Mapping[str, Any]) -> tuple[dict[str, Decimal], int]:
    """What can be traded of each asset, and how many assets could not be read."""
    stated: dict[str, Decimal] = {}
    unread = 0
    for asset, value in (balances.get("free") or {}).items():
        try:
            if value is not None:
                stated[asset] = _read(value, "free", signed=True)
        except OffWireError:
            # An asset that is not stated counts as zero: the safe side.
            unread += 1
    return stated, unread


def balances_of(balances: Mapping[str, Any]) -> list[AssetBalance]:
    """Every asset that can be read and is not nothing, for a report."""
    found = []
    for asset, value in (balances.get("total") or {}).items():
        try:
            total = _read(value, "total", signed=True)
            free = balances["free"].get(asset)
            available = None if free is None else _read(free, "free", signed=True)
        except OffWireError:
            continue
        if total:
            held = None if available is None else sub(total, available)
            found.append(AssetBalance(asset, total, available, held, None))
    return found


def report_of(order: Mapping[str, Any], client_order_id: str, now: int) -> OrderReport:
    """What ccxt's order says of how it stands, without its executions.

    Its `cost` is not taken: where the library does not read the exchange's own (Kraken), it is an average
    that was rounded, times what was filled. What was paid is the sum of the executions (`with_fills`).
    """
    state = STATES.get(order.get("status"))
    if state is None:
        raise OffWireError("status: expected one of ccxt's, was another")
    filled = optional(order.get("filled"), "filled") or ZERO
    return OrderReport(
        venue_client_order_id=client_order_id,
        venue_order_id=id_of(order),
        state=state,
        filled_base=filled,
        filled_quote=None,
        average_price=optional(order.get("average"), "average") if filled > 0 else None,
        fills=(),
        error=None,
        at=now,
    )


def with_fills(report: OrderReport, fills: Sequence[Fill]) -> OrderReport:
    """The report with its executions; where they make up all that was filled, what they come to counts."""
    base, quote = ZERO, ZERO
    for fill in fills:
        base, quote = add(base, fill.quantity_base), add(quote, fill.quantity_quote)
    return msgspec.structs.replace(
        report, fills=tuple(fills), filled_quote=quote if fills and base == report.filled_base else None
    )


def id_of(row: Mapping[str, Any]) -> str:
    """The exchange's id of an order or a trade."""
    found = row.get("id")
    if not isinstance(found, str) or not found:
        raise OffWireError("id: expected an id, was none")
    return found


def is_whole(trade: Mapping[str, Any]) -> bool:
    """Whether a trade says what was traded, and not only its id."""
    return trade.get("price") is not None and trade.get("amount") is not None


def fill_of(trade: Mapping[str, Any]) -> Fill:
    """An execution of an order; its fee where it was charged in the quote currency."""
    price, quantity = amount(trade.get("price"), "price"), amount(trade.get("amount"), "amount")
    if not price or not quantity:
        raise OffWireError("trade: expected a price and an amount above zero")
    cost = optional(trade.get("cost"), "cost")
    fee, quote = trade.get("fee") or {}, str(trade.get("symbol")).partition("/")[2]
    return Fill(
        id=id_of(trade),
        price=price,
        quantity_base=quantity,
        quantity_quote=mul(price, quantity) if cost is None else cost,
        at=at_of(trade),
        fee=optional(fee.get("cost"), "fee") if fee.get("currency") == quote else None,
    )


def at_of(row: Mapping[str, Any]) -> int:
    """When it was, in nanoseconds since the epoch."""
    stamp = row.get("timestamp")
    if not isinstance(stamp, int):
        raise OffWireError("timestamp: expected milliseconds, was another thing")
    return stamp * MILLISECOND_NS


def trade_of(trade: Mapping[str, Any], product: str) -> VenueTrade:
    """A trade of the account, for a report."""
    fill = fill_of(trade)
    side = next((one for one in Side if one.value == trade.get("side")), None)
    if side is None:
        raise OffWireError("side: expected buy or sell, was another text")
    order_id = trade.get("order")
    return VenueTrade(
        id=fill.id,
        venue_order_id=order_id if isinstance(order_id, str) else "",
        at=fill.at,
        product=product,
        side=side,
        price=fill.price,
        quantity=fill.quantity_base,
        quote_quantity=fill.quantity_quote,
        funding_type=FundingType.FUNDED,
        # An exchange settles as it trades.
        settled=True,
        settled_at=fill.at,
    )
