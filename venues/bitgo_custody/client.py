"""The calls of the custody wire, one function an address.

Nothing trades here, so that a report may use all of the budget but one request, which is left to the probe:
a report asks for one thing at a time, and of two reports each has its turn.
"""

from collections.abc import Mapping
from typing import Final, TypeVar
from urllib.parse import quote, urlencode

from yarl import URL

from router.ports import Lane, OffWireError, VenueUnreachableError
from router.settings import CustodySettings
from venues.bitgo_custody import wire
from venues.transport.reader import Reader
from venues.transport.times import NANOSECONDS, format_time

WALLETS_MAX: Final = 250
"""Wallets to a page: the description names no bound, and a wallet takes some kilobytes."""
TRANSFERS_MAX: Final = 500
"""Transfers to a page (`limit` of the list of transfers: maximum 500)."""
PAGE_BYTES_MAX: Final = 16 * 1024 * 1024
"""A transfer lists the inputs and outputs of its transaction, and a wallet every token that there is."""
REPORT_LANE: Final = Lane.LOOK_UP
PROBE_LANE: Final = Lane.CANCEL
WAIT_MS: Final = 30_000
"""How long a report waits for its turn: several share six requests a second."""

_WALLETS: Final = "/api/v2/wallets"
_MILLISECOND_NS: Final = NANOSECONDS // 1000
_STATES: Final = (
    "confirmed",
    "failed",
    "initialized",
    "pendingApproval",
    "rejected",
    "removed",
    "replaced",
    "signed",
    "unconfirmed",
)
"""`TransferState`, all of it: without a word, `rejected` and `pendingApproval` are left out."""
_FOUND: Final = frozenset({200, 206})
"""A transfer whose inputs could not all be read comes as partial content; they are not looked at."""

T = TypeVar("T")
Query = Mapping[str, str | tuple[str, ...]]


def address(base_url: str, path: str, query: Query) -> URL:
    """An address below the host; `path` is encoded already, a list is the name again for each value."""
    text = f"{base_url}{path}"
    if query:
        text += "?" + urlencode(query, doseq=True, quote_via=quote, safe="")
    return URL(text, encoded=True)


def wallets_query(settings: CustodySettings, limit: int, **more: str) -> dict[str, str]:
    """What every list of wallets is asked with; addresses are not needed and cost BitGo a look-up each."""
    query = {"limit": str(limit), "skipReceiveAddress": "true"} | more
    if settings.enterprise_id is not None:
        query["enterprise"] = settings.enterprise_id
    return query


def wallets_address(settings: CustodySettings, limit: int, **more: str) -> URL:
    """The address of a list of wallets."""
    return address(settings.base_url, _WALLETS, wallets_query(settings, limit, **more))


def transfers_address(settings: CustodySettings, coin: str, wallet_id: str, query: Query) -> URL:
    """The address of a list of a wallet's transfers."""
    return address(settings.base_url, f"{_path(coin, wallet_id)}/transfer", query)


def _path(coin: str, wallet_id: str) -> str:
    return f"/api/v2/{quote(coin, safe='')}/wallet/{quote(wallet_id, safe='')}"


class Calls:
    """The calls of one connection; each raises `VenueUnreachableError` and kin."""

    def __init__(self, settings: CustodySettings, reader: Reader) -> None:
        self._settings = settings
        self._reader = reader

    async def wallets(self, cursor: str | None, limit: int, *, balances: bool) -> wire.Wallets:
        """A page of wallets. A cursor that is refused is a `ValueError`."""
        more = {"expandBalance": "true"} if balances else {}
        if cursor is not None:
            more["prevId"] = cursor
        url = wallets_address(self._settings, max(1, min(limit, WALLETS_MAX)), **more)
        try:
            page = await self._read("wallets", url, wire.Wallets)
        except VenueUnreachableError as error:
            _refuse_cursor(error, cursor)
            raise
        _refuse_standstill(page.next_batch_prev_id, cursor)
        return page

    async def wallets_with_id(self, wallet_id: str) -> wire.Wallets:
        """The wallets with an id: one, or none."""
        return await self._read("wallets", wallets_address(self._settings, 1, id=wallet_id), wire.Wallets)

    async def wallet(self, coin: str, wallet_id: str) -> wire.Wallet:
        """One wallet, with all of its tokens."""
        url = address(self._settings.base_url, _path(coin, wallet_id), {"allTokens": "true"})
        found = await self._read("wallet", url, wire.Wallet)
        if found.id != wallet_id:
            raise OffWireError("expected the wallet asked for, was another")
        return found

    async def transfers(
        self,
        coin: str,
        wallet_id: str,
        cursor: str | None,
        limit: int,
        *,
        since: int | None,
        until: int | None,
    ) -> wire.Transfers:
        """A page of a wallet's transfers, tokens' included, in every state.

        `since` and `until` are widened to whole milliseconds, which is what the wire is seen to take. A
        cursor that is refused is a `ValueError`.
        """
        query: dict[str, str | tuple[str, ...]] = {
            "limit": str(max(1, min(limit, TRANSFERS_MAX))),
            "allTokens": "true",
            "state": _STATES,
        }
        if since is not None:
            query["dateGte"] = format_time(since, 3)
        if until is not None:
            query["dateLt"] = format_time(until + _MILLISECOND_NS - 1, 3)
        if cursor is not None:
            query["prevId"] = cursor
        url = transfers_address(self._settings, coin, wallet_id, query)
        try:
            page = await self._read("transfers", url, wire.Transfers)
        except VenueUnreachableError as error:
            _refuse_cursor(error, cursor)
            raise
        _refuse_standstill(page.next_batch_prev_id, cursor)
        return page

    async def transfer(self, coin: str, wallet_id: str, transfer_id: str) -> wire.Transfer:
        """One transfer, by its id."""
        path = f"{_path(coin, wallet_id)}/transfer/{quote(transfer_id, safe='')}"
        return await self._reader.read(
            "transfer",
            address(self._settings.base_url, path, {}),
            kind=wire.Transfer,
            lane=REPORT_LANE,
            wait_ms=WAIT_MS,
            accepted=_FOUND,
        )

    async def probe(self) -> None:
        """The cheapest read that there is: one wallet, without its balance."""
        await self._reader.read(
            "probe",
            wallets_address(self._settings, 1),
            kind=wire.Wallets,
            lane=PROBE_LANE,
            wait_ms=WAIT_MS,
        )

    async def _read(self, operation: str, url: URL, kind: type[T]) -> T:
        return await self._reader.read(
            operation, url, kind=kind, lane=REPORT_LANE, wait_ms=WAIT_MS, bytes_max=PAGE_BYTES_MAX
        )


def status_of(error: VenueUnreachableError) -> int | None:
    """What was answered, where something was."""
    return None if error.venue_error is None else error.venue_error.http_status


def _refuse_cursor(error: VenueUnreachableError, cursor: str | None) -> None:
    """A 400 to a request with a cursor is about the cursor: all else in it was taken for the page before."""
    if cursor is not None and status_of(error) == 400:
        raise ValueError("expected a cursor of the counterparty's, was refused") from error


def _refuse_standstill(next_cursor: str | None, cursor: str | None) -> None:
    """A page that leads back to itself would be read for ever."""
    if next_cursor is not None and next_cursor == cursor:
        raise OffWireError("nextBatchPrevId: expected to move on, was the one asked with")
