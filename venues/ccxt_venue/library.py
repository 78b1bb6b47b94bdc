"""The library itself, imported when a connection needs it: it is an extra, and takes two seconds to load.

`ExchangeApi` names what is used of ccxt, in ccxt's own words: its structures are dictionaries of anything.
"""

import functools
import gc
import importlib
from collections.abc import Awaitable, Mapping, Sequence
from types import ModuleType
from typing import Any, Final, Protocol

import aiohttp

TICK_SIZE: Final = 4
DECIMAL_PLACES: Final = 2
"""`precisionMode`: how an exchange's precisions are to be read (ccxt, base/decimal_to_precision)."""
Row = Mapping[str, Any]


class ExchangeApi(Protocol):
    """One of ccxt's exchanges."""

    def __init__(self, config: Row) -> None:
        """Set up with credentials and options."""

    has: Mapping[str, object]
    precisionMode: int  # noqa: N815 - ccxt's name
    requiredCredentials: Mapping[str, bool]  # noqa: N815 - likewise
    urls: dict[str, object]
    markets: Mapping[str, Row]
    currencies: Mapping[str, Row] | None
    session: aiohttp.ClientSession | None
    own_session: bool
    timeout_on_exit: int
    last_http_response: str
    last_json_response: object

    def load_markets(self, reload: bool) -> Awaitable[object]:  # noqa: FBT001 - ccxt's signature
        """Read the markets."""

    def set_markets(self, markets: Row, currencies: Row | None) -> object:
        """Take markets that another instance read."""

    def fetch_order_book(self, symbol: str, limit: int) -> Awaitable[Row]:
        """Read a book."""

    def watch_order_book(self, symbol: str, limit: int | None) -> Awaitable[Row]:
        """Wait for the next state of a streamed book (ccxt.pro)."""

    def fetch_balance(self) -> Awaitable[Row]:
        """Read the balances."""

    def amount_to_precision(self, symbol: str, amount: str) -> object:
        """What ccxt would send for an amount."""

    def price_to_precision(self, symbol: str, price: str) -> object:
        """What ccxt would send for a price."""

    def create_order(
        self, symbol: str, kind: str, side: str, amount: str, price: str | None, params: Row
    ) -> Awaitable[Row]:
        """Send an order."""

    def cancel_order(self, order_id: str, symbol: str) -> Awaitable[Row]:
        """Cancel one."""

    def fetch_order(self, order_id: str | None, symbol: str, params: Row | None = None) -> Awaitable[Row]:
        """Read one."""

    def fetch_open_orders(
        self,
        symbol: str | None = None,
        since: int | None = None,
        limit: int | None = None,
        params: Row | None = None,
    ) -> Awaitable[Sequence[Row]]:
        """List those that are open."""

    def fetch_closed_orders(
        self, symbol: str | None, since: int | None, limit: int | None, params: Row
    ) -> Awaitable[Sequence[Row]]:
        """List those that ended."""

    def fetch_order_trades(
        self, order_id: str, symbol: str, since: int | None, limit: int | None, params: Row
    ) -> Awaitable[Sequence[Row]]:
        """List an order's executions."""

    def fetch_my_trades(
        self, symbol: str | None, since: int | None, limit: int | None, params: Row
    ) -> Awaitable[Sequence[Row]]:
        """List the account's trades."""

    def nonce(self) -> int:
        """The number that a signed request carries."""

    def prepare_request_headers(self, headers: dict[str, str] | None) -> dict[str, str]:
        """The headers of a request."""

    def on_rest_response(
        self,
        code: int,
        reason: str,
        url: str,
        method: str,
        response_headers: Row,
        response_body: str,
        request_headers: Row,
        request_body: object,
    ) -> str:
        """A response's text, as ccxt goes on with it."""

    def parse_json(self, text: str) -> object:
        """JSON, or None."""

    def handle_errors(
        self,
        code: int,
        reason: str,
        url: str,
        method: str,
        headers: Row,
        body: str,
        response: object,
        request_headers: Row,
        request_body: object,
    ) -> object:
        """Raise what the exchange's answer says."""

    def handle_http_status_code(self, code: int, reason: str, url: str, method: str, body: str) -> None:
        """Raise what the status says."""

    def close(self) -> Awaitable[None]:
        """Let go of everything but a session that is not its own."""


@functools.cache
def _library(name: str) -> ModuleType:
    """Import it, once, and take what it brought out of the collector's sight.

    Its modules are hundreds of thousands of objects that never go away, and a full collection that looks at
    all of them held every thread for 380 ms; without them, 40.
    """
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        raise LibraryMissingError("expected the extra ccxt to be installed, was not") from error
    gc.collect()
    gc.freeze()
    return module


class LibraryMissingError(Exception):
    """The library is not installed."""


def exchange_class(name: str, *, streaming: bool = False) -> "type[ExchangeApi] | None":
    """The class of an exchange, with streams (ccxt.pro) or without; None where there is none of that name.

    Raises `LibraryMissingError`.
    """
    module = _library("ccxt.pro" if streaming else "ccxt.async_support")
    if name not in getattr(module, "exchanges", ()):
        return None
    found: type[ExchangeApi] | None = getattr(module, name, None)
    return found
