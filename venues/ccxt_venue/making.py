"""ccxt's objects for one connection: made and checked at start-up, before anything runs."""

from decimal import Decimal
from typing import Final
from urllib.parse import urlsplit

import msgspec

from router.core.errors import shown
from router.ports import Clock
from router.secrets import Secret, parted
from router.settings import CcxtSettings
from router.settings.ccxt import OPTIONAL, REQUIRED
from router.settings_error import SettingsError
from venues.ccxt_venue.exchanges import KNOWN, Known, UnsafeError, known_exchange
from venues.ccxt_venue.library import ExchangeApi, LibraryMissingError, exchange_class
from venues.ccxt_venue.wire import Plug, plugged
from venues.transport.timing import Timing

_CREDENTIALS: Final = {"api_key": "apiKey", "secret": "secret", "password": "password"}
"""Our name of a credential → the library's."""


class Made(msgspec.Struct, frozen=True):
    """What a connection is made of. `streaming`: an instance for streamed books, where there are any."""

    exchange: ExchangeApi
    streaming: ExchangeApi | None
    known: Known
    plug: Plug
    secrets: tuple[Secret, ...]


def make(settings: CcxtSettings, clock: Clock, timing: Timing) -> Made:
    """Make them. Raises `SettingsError`, which names the connection and the key."""
    source, name = f"connection {settings.connection.id}", settings.exchange
    try:
        base = exchange_class(name)
        streaming_base = exchange_class(name, streaming=True)
    except LibraryMissingError as error:
        raise SettingsError(source, "counterparty", "the extra ccxt to be installed", "not there") from error
    if base is None:
        raise SettingsError(source, "exchange", "one that ccxt has", shown(name))
    shape = KNOWN.get(name)
    plug = Plug(
        clock,
        timing,
        counts=shape is not None and shape.serial,
        wrapper=None if shape is None else shape.wrapper,
    )
    exchange = _instance(plugged(base, plug), settings, str)
    for key, named in _CREDENTIALS.items():
        if exchange.requiredCredentials.get(named) and not getattr(exchange, named, None):
            raise SettingsError(source, key, f"a credential, which {name} wants", "none")
    try:
        known = known_exchange(name, exchange, settings.accept_risk)
    except UnsafeError as error:
        raise SettingsError(source, error.key, error.expected, error.was) from error
    streaming = None
    if streaming_base is not None:
        # A streamed book is kept sorted by its prices, which are numbers therefore, and never floats.
        streaming = _instance(plugged(streaming_base, plug), settings, Decimal)
        if not streaming.has.get("watchOrderBook"):
            streaming = None
    return Made(exchange, streaming, known, plug, _secrets(settings))


def _secrets(settings: CcxtSettings) -> tuple[Secret, ...]:
    return parted(settings.token, *REQUIRED, *((OPTIONAL,) if settings.has_password else ()))


def _instance(kind: type[ExchangeApi], settings: CcxtSettings, number: type) -> ExchangeApi:
    """An instance that neither waits, nor tries again, nor asks for what is no Spot market."""
    named = zip(_CREDENTIALS.values(), _secrets(settings), strict=False)
    known = KNOWN.get(settings.exchange)
    exchange = kind(
        {
            **{name: secret.reveal() for name, secret in named},
            "enableRateLimit": False,
            "number": number,
            "options": {
                "defaultType": "spot",
                "maxRetriesOnFailure": 0,
                **({} if known is None else known.options),
            },
        }
    )
    exchange.timeout_on_exit = 0
    if settings.base_url:
        exchange.urls["api"] = _at(exchange.urls["api"], settings.base_url)
    return exchange


def _at(urls: object, base_url: str) -> object:
    """The same addresses at another host, sockets with its scheme's counterpart."""
    if isinstance(urls, dict):
        return {name: _at(value, base_url) for name, value in urls.items()}
    if not isinstance(urls, str):
        return urls
    parts = urlsplit(urls)
    socket = parts.scheme in ("ws", "wss")
    return ("ws" + base_url.removeprefix("http") if socket else base_url) + parts.path.rstrip("/")
