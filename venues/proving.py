"""The test of a connection before it is taken: it is what it is said to be, and its token may do the work.

Every question is asked once, in a session of its own and under one deadline; nothing is traded or moved.

    trading  who am I · accounts · products · balances (Spot) or a margin read (PTS) · a cancel of nothing
    custody  one wallet · its transfers
    Coinbase Prime: see `coinbase.proving`

- That a token may trade is told by the cancel of an order that cannot exist (its id is all zeros), the one
  request with the scope `trade_trade` that changes nothing whatever is answered. The description has 401 and
  403 ("Insufficient permissions") for a token that may not, and 400 for what cannot be cancelled; an order
  that is not there is a 404 where it has one, never a 403. So 401 and 403 are a scope that is missing, and
  any other answer comes from behind the check of scopes.
- The margin reads name no scope of their own, so what they refuse when every other read was granted is the
  account: it has no margin.
- A token that is refused here and taken by the other API of the same host is of the wrong type.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final, NoReturn, TypeVar

import aiohttp
import msgspec
from yarl import URL

from router.core.errors import Code, VenueError
from router.ports import VenueUnreachableError
from router.ports.accounts import ConnectionTestError
from router.settings import (
    AccountSettings,
    CcxtSettings,
    CoinbaseSettings,
    ConnectionSettings,
    CustodySettings,
    MarginDialect,
)
from venues.bitgo.encode import account_url
from venues.bitgo.errors import said as said_by_trading
from venues.bitgo_custody import wire
from venues.bitgo_custody.client import transfers_address, wallets_address
from venues.bitgo_custody.errors import said as said_by_custody
from venues.ccxt_venue.proving import prove_exchange
from venues.coinbase.proving import prove_portfolio
from venues.transport.reader import bearer, decode, user_agent
from venues.transport.session import LIST_BYTES_MAX, Answered, Lost, NotSent, exchange, open_session
from venues.transport.timing import Timing
from venues.transport.wording import masked

DEADLINE_MS: Final = 15_000
"""For all questions together: somebody waits for the answer."""
NO_ORDER: Final = "00000000-0000-0000-0000-000000000000"
VIEW: Final = "trade_view"
TRADE: Final = "trade_trade"
VIEW_WALLETS: Final = "wallet_view_all"

_TRADING: Final = "/api/prime/trading/v1"
_REFUSED: Final = (401, 403)
_RISK: Final = {
    MarginDialect.PLATFORM: ("margin", "riskprofile"),
    MarginDialect.EXPRESS: ("margin", "risk", "profile"),
}
T = TypeVar("T")


class _Account(msgspec.Struct):
    id: str


class _Accounts(msgspec.Struct):
    data: list[_Account]


class _Rows(msgspec.Struct):
    data: list[msgspec.Raw]


class _Object(msgspec.Struct):
    """Any object at all: what is in it is the adapter's to read."""


async def prove(
    settings: AccountSettings, *, timing: Timing | None = None, deadline_ms: int = DEADLINE_MS
) -> None:
    """Return if the connection would work; it is asked at the counterparty.

    Raises `ConnectionTestError`, which says what is wrong with it, and `VenueUnreachableError` (or
    `OffWireError`) where nothing can be said. No message carries the token.
    """
    session = open_session(user_agent())
    try:
        async with asyncio.timeout(deadline_ms / 1000):
            if isinstance(settings, CoinbaseSettings):
                await prove_portfolio(settings, session, timing or Timing(), time.time_ns())
                return
            if isinstance(settings, CcxtSettings):
                await prove_exchange(settings, timing or Timing())
                return
            asking = _Asking(session, settings, timing or Timing())
            if isinstance(settings, CustodySettings):
                await _prove_custody(settings, asking)
            else:
                await _prove_trading(settings, asking)
    except TimeoutError as error:
        raise VenueUnreachableError(
            f"expected all answers within {deadline_ms} ms, one is missing"
        ) from error
    finally:
        await session.close()


class _Asking:
    """Questions with one token."""

    def __init__(self, session: aiohttp.ClientSession, settings: AccountSettings, timing: Timing) -> None:
        self._session = session
        self._settings = settings
        self._timing = timing
        self._said: Callable[[Answered], VenueError] = (
            said_by_custody if isinstance(settings, CustodySettings) else said_by_trading
        )

    async def ask(self, url: URL, method: str = "GET") -> Answered:
        """One answer, a refusal included; raises `VenueUnreachableError` where it says nothing of us."""
        got = await exchange(
            self._session,
            method,
            url,
            headers=bearer(self._settings.token),
            body=None,
            bytes_max=LIST_BYTES_MAX,
            timeout_ms=self._timing.read_ms,
            timing=self._timing,
        )
        match got:
            case NotSent() | Lost():
                raise VenueUnreachableError(got.detail)
            case Answered() if got.status == 429:
                raise self.unexpected(got)
            case Answered():
                return got

    async def takes(self, url: URL, kind: type[object]) -> bool:
        """Whether the token is taken there; anything but a success that can be read is a no."""
        try:
            answer = await self.ask(url)
            if answer.status == 200:
                decode(answer.body, kind)
        except VenueUnreachableError:
            return False
        return answer.status == 200

    def refuse(self, code: Code, detail: str, answer: Answered) -> NoReturn:
        """The connection failed its test with this answer."""
        raise ConnectionTestError(code, detail, self.error(answer))

    def read(self, answer: Answered, kind: type[T], scope: str) -> T:
        """What a success says; a refusal is for want of `scope`, for the token as such was taken before."""
        if answer.status in _REFUSED:
            self.refuse(Code.SCOPE_MISSING, _lacks(scope), answer)
        if answer.status != 200:
            raise self.unexpected(answer)
        return decode(answer.body, kind)

    def unexpected(self, answer: Answered) -> VenueUnreachableError:
        """An answer that says nothing of the connection."""
        error = self.error(answer)
        return VenueUnreachableError(
            f"answered {answer.status}, {error.name or error.message or 'no known body'}", error
        )

    def error(self, answer: Answered) -> VenueError:
        """What an answer that is no success says, without our token."""
        return masked(self._said(answer), self._settings.token)


async def _prove_trading(settings: ConnectionSettings, asking: _Asking) -> None:
    def account(*steps: str) -> URL:
        return account_url(settings.base_url, settings.account_id, *steps)

    known = await asking.ask(URL(f"{settings.base_url}{_TRADING}/user/current", encoded=True))
    if known.status in _REFUSED:
        wallets = URL(f"{settings.base_url}/api/v2/wallets?limit=1", encoded=True)
        if await asking.takes(wallets, wire.Wallets):
            asking.refuse(
                Code.WRONG_ACCOUNT_TYPE,
                "expected a token for trading, was one for custody: the counterparty takes it for wallets "
                "and not for trading",
                known,
            )
        if known.status == 401:
            asking.refuse(Code.CREDENTIALS_REFUSED, _NOT_ACCEPTED, known)
    asking.read(known, _Object, VIEW)
    listed = await asking.ask(URL(f"{settings.base_url}{_TRADING}/accounts", encoded=True))
    if settings.account_id not in {row.id for row in asking.read(listed, _Accounts, VIEW).data}:
        asking.refuse(
            Code.ACCOUNT_NOT_FOUND,
            f"account_id: expected one of the accounts that the token shows, was {settings.account_id}",
            listed,
        )
    asking.read(await asking.ask(account("products")), _Rows, VIEW)
    if settings.connection.pts:
        await _prove_margin(settings, asking)
    else:
        asking.read(await asking.ask(account("balances")), _Rows, VIEW)
    cancel = await asking.ask(account("orders", NO_ORDER, "cancel"), "PUT")
    if cancel.status in _REFUSED:
        asking.refuse(Code.SCOPE_MISSING, _lacks(TRADE), cancel)
    if cancel.status > 500:  # a gateway's; 500 is a documented answer of the counterparty itself
        raise asking.unexpected(cancel)


async def _prove_margin(settings: ConnectionSettings, asking: _Asking) -> None:
    """In the dialect that is set, else in whichever there is: a path that is not there is the other one's."""
    stated = settings.margin_dialect
    answer = None
    for dialect in _RISK if stated is None else (stated,):
        answer = await asking.ask(account_url(settings.base_url, settings.account_id, *_RISK[dialect]))
        if answer.status != 404:
            break
    if answer is None or 400 <= answer.status < 500:
        raise ConnectionTestError(
            Code.MARGIN_NOT_ENABLED,
            "expected an account with margin (PTS), was one whose margin the counterparty does not show",
            None if answer is None else asking.error(answer),
        )
    asking.read(answer, _Object, VIEW)


async def _prove_custody(settings: CustodySettings, asking: _Asking) -> None:
    answer = await asking.ask(wallets_address(settings, 1))
    if answer.status in _REFUSED:
        trading = URL(f"{settings.base_url}{_TRADING}/user/current", encoded=True)
        if await asking.takes(trading, _Object):
            asking.refuse(
                Code.WRONG_ACCOUNT_TYPE,
                "expected a token for custody, was one for trading: the counterparty takes it for trading "
                "and not for wallets",
                answer,
            )
        if answer.status == 401:
            asking.refuse(Code.CREDENTIALS_REFUSED, _NOT_ACCEPTED, answer)
    if answer.status in (400, 404) and settings.enterprise_id is not None:
        asking.refuse(
            Code.ACCOUNT_NOT_FOUND,
            f"enterprise_id: expected an enterprise that the token shows, was {settings.enterprise_id}",
            answer,
        )
    for wallet in asking.read(answer, wire.Wallets, VIEW_WALLETS).wallets[:1]:
        query = {"limit": "1"}
        transfers = await asking.ask(transfers_address(settings, wallet.coin, wallet.id, query))
        asking.read(transfers, wire.Transfers, VIEW_WALLETS)


_NOT_ACCEPTED: Final = "expected a token that the counterparty accepts, was one that it refuses"


def _lacks(scope: str) -> str:
    return f"expected a token with the scope {scope}, was one without"
