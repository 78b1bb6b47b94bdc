"""ccxt's `fetch` over the router's transport: one exchange for one request, and the evidence of each.

ccxt's own follows redirects, has no limit of an answer's length and one time-out for everything, and what it
raises does not say whether a byte left. Ours replaces it in a subclass; what comes before (signing) and after
(the exchange's errors, the status) is ccxt's. JSON numbers are kept as the text that they came as.
"""

import contextvars
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

import aiohttp
import msgspec
from yarl import URL

from router.ports import Clock, OffWireError
from venues.ccxt_venue.library import ExchangeApi
from venues.transport.session import LIST_BYTES_MAX, Answered, Exchange, Lost, NotSent, exchange
from venues.transport.timing import Timing

_TRUSTED: Final = frozenset({"GET", "HEAD"})


class NothingSentError(Exception):
    """No connection came about."""


class LostError(Exception):
    """The request may have arrived, and no answer came."""


@dataclass(slots=True)
class Trail:
    """What happened on the wire during one call of ccxt's: every request, in order.

    `until`: the deadline. `admit` is asked before each request, and told how it ended.
    """

    until: int
    admit: Callable[[], Awaitable[Callable[[Exchange | None], None]]]
    steps: list[tuple[str, Exchange]] = field(default_factory=list)

    @property
    def left(self) -> bool:
        """Whether a byte of any request left us."""
        return any(not isinstance(got, NotSent) for _, got in self.steps)

    @property
    def last(self) -> Answered | None:
        """The last answer, if the last request had one."""
        got = self.steps[-1][1] if self.steps else None
        return got if isinstance(got, Answered) else None

    @property
    def lost(self) -> Lost | None:
        """The first request that was lost."""
        return next((got for _, got in self.steps if isinstance(got, Lost)), None)

    @property
    def decides(self) -> bool:
        """Whether the last answer is that to the one request which could have changed something."""
        left = [place for place, (_, got) in enumerate(self.steps) if not isinstance(got, NotSent)]
        # Where all is asked with GET, any of several could be the order.
        writes = [place for place in left if self.steps[place][0] not in _TRUSTED] or left
        return self.last is not None and writes == [len(self.steps) - 1]


TRAIL: contextvars.ContextVar[Trail] = contextvars.ContextVar("ccxt_trail")


class Plug:
    """What the replaced methods need: the session, which belongs to the thread's loop, and the last nonce.

    `counts`: whether the exchange's nonce must grow from call to call. `wrapper`: see `exchanges.Known`.
    """

    def __init__(self, clock: Clock, timing: Timing, *, counts: bool, wrapper: str | None = None) -> None:
        self.wrapper = wrapper
        self.counts = counts
        self.nonce = 0
        self.clock = clock
        self.timing = timing
        self.session: aiohttp.ClientSession | None = None

    async def send(self, method: str, url: str, headers: dict[str, str], body: object) -> Answered:
        """One request, once. Raises `NothingSentError`, `LostError`."""
        trail = TRAIL.get()
        if self.session is None:
            raise NothingSentError("the connection is not running")
        if body is not None and not isinstance(body, str | bytes):
            raise NothingSentError("expected a body of text, was another thing")
        told = await trail.admit()
        got: Exchange | None = None
        try:
            got = await self._once(trail, method, url, headers, body)
        finally:
            told(got)
        trail.steps.append((method, got))
        match got:
            case NotSent():
                raise NothingSentError(got.detail)
            case Lost():
                raise LostError(got.detail)
            case Answered():
                return got

    async def _once(
        self, trail: Trail, method: str, url: str, headers: dict[str, str], body: str | bytes | None
    ) -> Exchange:
        timeout_ms = (trail.until - self.clock.now()) // 1_000_000
        if self.session is None or timeout_ms < 1:
            return NotSent("no time was left")
        return await exchange(
            self.session,
            method,
            URL(url, encoded=True),
            headers=headers,
            body=body.encode() if isinstance(body, str) else body,
            bytes_max=LIST_BYTES_MAX,
            timeout_ms=timeout_ms,
            timing=self.timing,
        )


_JSON: Final = msgspec.json.Decoder(float_hook=str)


def numbers_as_text(body: str) -> object:
    """JSON whose numbers with a fraction or an exponent are the text that they came as: no float is made."""
    return _JSON.decode(body)


def _is_answer(found: object, wrapper: str | None) -> bool:
    if wrapper is None:
        return isinstance(found, dict | list)
    return isinstance(found, dict) and wrapper in found


def plugged(base: type[ExchangeApi], plug: Plug) -> type[ExchangeApi]:
    """A subclass of an exchange's class that sends through a plug."""

    async def fetch(
        self: ExchangeApi,
        url: str,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        body: object = None,
    ) -> object:
        sent = self.prepare_request_headers(headers)
        # Which encodings can be read is for the transport to say.
        sent.pop("Accept-Encoding", None)
        got = await plug.send(method, url, sent, body)
        text, back = got.body.decode("utf-8", "replace"), dict(got.headers)
        shown = self.on_rest_response(got.status, "", url, method, back, text, sent, body)
        found = self.parse_json(shown)
        self.last_http_response, self.last_json_response = shown, found
        self.handle_errors(got.status, "", url, method, back, shown, found, sent, body)
        self.handle_http_status_code(got.status, "", url, method, shown)
        # ccxt makes an empty list, or no balance, of a text that is no answer of the exchange's at all.
        if not _is_answer(found, plug.wrapper):
            raise OffWireError(f"expected an answer of the exchange's form, was another with {got.status}")
        return found

    def nonce(self: ExchangeApi) -> int:
        # Of two calls within one of its units (a millisecond at Kraken) the later one would be refused; not
        # every version of the library counts on by itself.
        plug.nonce = max(base.nonce(self), plug.nonce + 1)
        return plug.nonce

    members = {
        "fetch": fetch,
        "on_json_response": staticmethod(numbers_as_text),
        **({"nonce": nonce} if plug.counts else {}),
    }
    return type(f"Plugged{base.__name__.capitalize()}", (base,), members)
