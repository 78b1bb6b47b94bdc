"""The test of a connection before it is taken: its credentials are good, and the portfolio may do the work.

    balances · products · a cancel of nothing · the credit line (PTS)

Every question is asked once, in a session of its own; nothing is traded or moved. That the credentials may
trade is told by the cancel of an order that cannot exist: a refusal of who asks is a permission that is
missing, and every other answer comes from behind that check.
"""

from typing import Final, NoReturn, TypeVar

import aiohttp

from router.core.errors import Code
from router.ports import VenueUnreachableError
from router.ports.accounts import ConnectionTestError
from router.settings import CoinbaseSettings
from venues.coinbase import wire
from venues.coinbase.encode import address, portfolio_path
from venues.coinbase.errors import RATE_LIMITED, UNAUTHENTICATED, said
from venues.coinbase.sign import keys_of, signed_headers
from venues.transport.reader import decode
from venues.transport.session import LIST_BYTES_MAX, Answered, Lost, NotSent, exchange
from venues.transport.timing import Timing

T = TypeVar("T")
NO_ORDER: Final = "00000000-0000-0000-0000-000000000000"
_REFUSED: Final = (UNAUTHENTICATED, 403)
_NOT_SHOWN: Final = (400, 403, 404)


async def prove_portfolio(
    settings: CoinbaseSettings, session: aiohttp.ClientSession, timing: Timing, now: int
) -> None:
    """Return if the connection would work; `now` is the wall's time, nanoseconds since the epoch.

    Raises `ConnectionTestError`, `VenueUnreachableError`, `OffWireError`; no message carries a credential.
    """
    asking = _Asking(settings, session, timing, now)
    balances = await asking.ask("GET", "balances")
    if balances.status == UNAUTHENTICATED:
        asking.refuse(
            Code.CREDENTIALS_REFUSED,
            "expected an access key, passphrase and signing key that the counterparty accepts, were others",
            balances,
        )
    if balances.status in _NOT_SHOWN:
        asking.refuse(
            Code.ACCOUNT_NOT_FOUND,
            f"portfolio_id: expected a portfolio that the credentials show, was {settings.portfolio_id}",
            balances,
        )
    asking.read(balances, wire.Balances)
    asking.read(await asking.ask("GET", "products"), wire.Products)
    cancel = await asking.ask("POST", "orders", NO_ORDER, "cancel")
    if cancel.status in _REFUSED:
        asking.refuse(Code.SCOPE_MISSING, "expected credentials that may trade, were others", cancel)
    if cancel.status >= 500:
        raise asking.unexpected(cancel)
    if settings.connection.pts:
        await _prove_credit(asking)


async def _prove_credit(asking: "_Asking") -> None:
    answer = await asking.ask("GET", "credit")
    line: wire.Credit | None = None
    if not 400 <= answer.status < 500:
        line = asking.read(answer, wire.CreditAnswer).post_trade_credit
    if line is None or not line.enabled:
        asking.refuse(
            Code.MARGIN_NOT_ENABLED,
            "expected a portfolio with a post-trade credit line that is enabled (PTS), was one without",
            answer,
        )


class _Asking:
    """Questions with one portfolio's credentials."""

    def __init__(
        self, settings: CoinbaseSettings, session: aiohttp.ClientSession, timing: Timing, now: int
    ) -> None:
        self._settings = settings
        self._session = session
        self._timing = timing
        self._now = now
        self._keys = keys_of(settings.token)

    async def ask(self, method: str, *steps: str) -> Answered:
        """One answer, a refusal included; raises `VenueUnreachableError` where it says nothing of us."""
        path = portfolio_path(self._settings.portfolio_id, *steps)
        got = await exchange(
            self._session,
            method,
            address(self._settings.base_url, path),
            headers=signed_headers(self._keys, method, path, None, self._now),
            body=None,
            bytes_max=LIST_BYTES_MAX,
            timeout_ms=self._timing.read_ms,
            timing=self._timing,
        )
        match got:
            case NotSent() | Lost():
                raise VenueUnreachableError(got.detail)
            case Answered() if got.status == RATE_LIMITED:
                raise self.unexpected(got)
            case Answered():
                return got

    def read(self, answer: Answered, kind: type[T]) -> T:
        """What a success says."""
        if answer.status != 200:
            raise self.unexpected(answer)
        return decode(answer.body, kind)

    def refuse(self, code: Code, detail: str, answer: Answered) -> NoReturn:
        """The connection failed its test with this answer."""
        error = None if answer.status == 200 else said(answer, self._keys.all())
        raise ConnectionTestError(code, detail, error)

    def unexpected(self, answer: Answered) -> VenueUnreachableError:
        """An answer that says nothing of the connection."""
        error = said(answer, self._keys.all())
        return VenueUnreachableError(f"answered {answer.status}, {error.message or 'no known body'}", error)
