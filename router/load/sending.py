"""One request over HTTP: sent once, without redirects, retries, proxies or cookies, to one router alone."""

from types import TracebackType
from typing import Final, Self

import aiohttp
import msgspec

from router.load.outcomes import Answer, Body, Trouble
from router.load.plan import Target

_DECODER: Final = msgspec.json.Decoder(Body)
_HEADERS: Final = {
    "Content-Type": "application/json",
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "User-Agent": "caas-router-load",
}


class HttpSender:
    """Posts to a router over kept connections, as many as there are requests under way.

    `timeout_s`: for a request from its connection to the end of its answer.
    """

    def __init__(self, target: Target, timeout_s: float) -> None:
        self._base = target.url
        self._headers = dict(_HEADERS)
        if target.key is not None:
            self._headers["Authorization"] = f"Bearer {target.key.reveal()}"
        # The run bounds what is under way; an idle connection is kept longer than any pause of a plan's.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60.0),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=timeout_s),
            trust_env=False,
            auto_decompress=False,
        )

    async def __aenter__(self) -> Self:
        """Connections are made as they are needed."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close them all."""
        await self._session.close()

    async def post(self, path: str, body: bytes) -> Answer | Trouble:
        """Post JSON, once: aiohttp sends again only what HTTP calls idempotent, and no POST."""
        try:
            async with self._session.post(
                self._base + path, data=body, headers=self._headers, allow_redirects=False
            ) as response:
                content = await response.read()
        except aiohttp.ClientConnectorError:
            return Trouble.NOT_CONNECTED
        except TimeoutError:
            return Trouble.TIMEOUT
        except aiohttp.ClientResponseError:
            return Trouble.NOT_HTTP
        except (aiohttp.ClientError, OSError):
            return Trouble.CUT_OFF
        try:
            read = _DECODER.decode(content)
        except msgspec.MsgspecError:
            read = None
        return Answer(response.status, read, "Retry-After" in response.headers)

    async def ready(self) -> str | None:
        """Ask the router whether it is ready for orders; what is wrong where it is not."""
        try:
            async with self._session.get(f"{self._base}/readyz", allow_redirects=False) as response:
                return None if response.status == 200 else f"GET /readyz: expected 200, was {response.status}"
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return f"GET /readyz: expected an answer, was {type(error).__name__}"
