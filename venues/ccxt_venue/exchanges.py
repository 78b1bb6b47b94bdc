"""What is known of which exchange, and whether it can be traded on safely.

Safely: an order whose answer was lost can be found again by an id that we gave it. Where that is so,
ccxt does not say (`features` lists no client order id), so it stands here, read from ccxt's own request code
and from the exchanges' documentation; an exchange that is not here needs the risk accepted by name.
"""

import enum
import uuid
from collections.abc import Mapping
from typing import Final

import msgspec

from router.core.errors import Code
from venues.ccxt_venue.library import DECIMAL_PLACES, TICK_SIZE, ExchangeApi

RISK: Final = "orders-cannot-be-found-again"
_NEEDED: Final = ("createOrder", "fetchOrder", "cancelOrder", "fetchBalance", "fetchOrderBook")


class Find(enum.StrEnum):
    """How an order is found by the client order id."""

    ASKED = "asked"
    """`fetchOrder` takes it in place of the exchange's id."""
    LISTED = "listed"
    """The lists of open and of closed orders take it as a filter, and show it."""
    NONE = "none"


class Refusal(msgspec.Struct, frozen=True):
    """A text of the exchange that is a definite no, and what it means."""

    text: str
    code: Code
    retryable: bool = False


class Known(msgspec.Struct, frozen=True):
    """An exchange. `serial`: its nonce must grow from call to call, so private calls go one after another.

    `order_params`: what each order says besides; `options`: what ccxt is told about the exchange.
    `offset_param`: of its lists of orders and trades. `trades_of_order`: `fetchOrderTrades` wants the ids
    that the order lists. `stream_depth`: levels to subscribe, None for ccxt's own number. `refusals` add to
    what ccxt's exceptions tell. `wrapper`: the field that every answer of its REST wire stands in, None
    where it answers with the thing itself.
    """

    find: Find
    serial: bool = False
    order_params: Mapping[str, str] = {}
    options: Mapping[str, object] = {}
    offset_param: str | None = None
    trades_of_order: bool = False
    stream_depth: int | None = None
    refusals: tuple[Refusal, ...] = ()
    wrapper: str | None = None


_KRAKEN_REFUSALS: Final = (
    Refusal("EAPI:Invalid nonce", Code.VENUE_UNAVAILABLE, retryable=True),
    Refusal("EAPI:Rate limit exceeded", Code.VENUE_UNAVAILABLE, retryable=True),
    Refusal("EOrder:Rate limit exceeded", Code.VENUE_UNAVAILABLE, retryable=True),
    Refusal("EOrder:Domain rate limit exceeded", Code.VENUE_UNAVAILABLE, retryable=True),
    Refusal("EGeneral:Too many requests", Code.VENUE_UNAVAILABLE, retryable=True),
    Refusal("EGeneral:Temporary lockout", Code.VENUE_UNAVAILABLE, retryable=True),
    Refusal("EService:Market in cancel_only mode", Code.TRADING_DISABLED),
    Refusal("EService:Market in post_only mode", Code.TRADING_DISABLED),
    Refusal("EService:Market in limit_only mode", Code.TRADING_DISABLED),
    Refusal("EOrder:Invalid price", Code.INVALID_LIMIT_PRICE),
    Refusal("EOrder:Order minimum not met", Code.INVALID_QUANTITY),
    Refusal("EOrder:Cost minimum not met", Code.INVALID_QUANTITY),
    Refusal("EGeneral:Invalid arguments:volume", Code.INVALID_QUANTITY),
    Refusal("EGeneral:Invalid arguments:price", Code.INVALID_LIMIT_PRICE),
    Refusal("EAPI:Invalid signature", Code.VENUE_REJECTED),
    Refusal("EOrder:Orders limit exceeded", Code.VENUE_REJECTED),
    Refusal("EOrder:Trading agreement required", Code.KYC_NOT_APPROVED),
)

KNOWN: Final[Mapping[str, Known]] = {
    # Kraken takes a fee in either currency; the connection's is one in the quote currency.
    "kraken": Known(
        Find.LISTED,
        serial=True,
        order_params={"oflags": "fciq"},
        offset_param="ofs",
        trades_of_order=True,
        stream_depth=25,
        refusals=_KRAKEN_REFUSALS,
        wrapper="result",
    ),
    # Its markets of futures are other hosts' and cost many requests.
    "binance": Known(Find.ASKED, options={"fetchMarkets": {"types": ["spot"]}}),
    "binanceus": Known(Find.ASKED),
    "bitget": Known(Find.ASKED),
    "bitstamp": Known(Find.ASKED),
    "kucoin": Known(Find.ASKED),
    "mexc": Known(Find.ASKED),
    "okx": Known(Find.ASKED),
}
_UNKNOWN: Final = Known(Find.NONE)


class UnsafeError(Exception):
    """An exchange that cannot be traded on: which key of the settings, what was expected, what was there."""

    def __init__(self, key: str, expected: str, was: str) -> None:
        super().__init__(f"{key}: expected {expected}, was {was}")
        self.key = key
        self.expected = expected
        self.was = was


def known_exchange(name: str, exchange: ExchangeApi, accept_risk: str | None) -> Known:
    """What is known of an exchange, given an instance of its class. Raises `UnsafeError`."""
    has = exchange.has
    lacking = [method for method in _NEEDED if not has.get(method)]
    if lacking:
        raise UnsafeError("exchange", f"one that ccxt has {', '.join(lacking)} for", name)
    if exchange.precisionMode not in (TICK_SIZE, DECIMAL_PLACES):
        raise UnsafeError("exchange", "one whose prices have a tick or a number of decimals", name)
    found = KNOWN.get(name)
    if found is not None:
        lists = has.get("fetchOpenOrders") and has.get("fetchClosedOrders")
        if found.find is Find.LISTED and not lists:
            raise UnsafeError("exchange", "one that ccxt has its lists of orders for", name)
        return found
    if accept_risk != RISK:
        raise UnsafeError(
            "accept_risk",
            f'"{RISK}" for an exchange whose orders are not known to be found by a client order id',
            "none",
        )
    return _UNKNOWN


_NAMESPACE: Final = uuid.UUID("6f1f3f0a-6b0e-5f43-9a51-1f0c3a0f5d11")


def wire_id(venue_client_order_id: str) -> str:
    """Our order's id as exchanges take it: a UUID without hyphens, a function of the id alone.

    Ours is longer than most take; 32 hexadecimal digits fit all that are known (Binance and KuCoin 36 and 40
    characters, OKX 32 letters or digits, Kraken a UUID with or without hyphens).
    """
    return uuid.uuid5(_NAMESPACE, venue_client_order_id).hex
