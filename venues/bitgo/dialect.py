"""Which of the two forms of the margin reads a counterparty speaks: stated, or found out by asking, once.

    platform   app.bitgo.com: `riskprofile`, `risksettings`, `netopenpositions`; ratios
    express    a self-hosted BitGo Express: `risk/profile`, `risk/settings`, `positions`; per cent

The paths that move money are the same in both.
"""

import asyncio
from typing import TypeVar

from router.ports import Lane, VenueUnreachableError
from router.settings import MarginDialect
from venues.bitgo.client import Client

T = TypeVar("T")


class Dialects:
    """Asks in the dialect that is spoken. Belongs to one event loop.

    One that is not stated is found out by the first answer of 200 to a path that only one dialect has, and
    kept for as long as the process lives. An answer of 404 leads to the other path; nothing else decides
    anything: not a failure, and not an answer that cannot be read.
    """

    def __init__(self, client: Client, stated: MarginDialect | None) -> None:
        self._client = client
        self._finding = asyncio.Lock()
        self.known = stated

    async def read(
        self, operation: str, kind: type[T], *, platform: tuple[str, ...], express: tuple[str, ...]
    ) -> tuple[T, MarginDialect]:
        """What is answered, and in which dialect; paths are steps below the account. Raises as reads do."""
        paths = {MarginDialect.PLATFORM: platform, MarginDialect.EXPRESS: express}
        if self.known is None:
            async with self._finding:
                # Another may have found out while this one waited.
                if self.known is None:
                    return await self._find_out(operation, kind, paths)
        dialect = self.known
        found = await self._client.read(operation, *paths[dialect], kind=kind, lane=Lane.REST, scored=False)
        return found, dialect

    async def _find_out(
        self, operation: str, kind: type[T], paths: dict[MarginDialect, tuple[str, ...]]
    ) -> tuple[T, MarginDialect]:
        for dialect, steps in paths.items():
            found = await self._client.read_if_there(operation, *steps, kind=kind, lane=Lane.REST)
            if found is not None:
                self.known = dialect
                return found, dialect
        raise VenueUnreachableError(
            "expected an answer in one of the two dialects of the margin reads, was 404 in both"
        )
