"""The line of one account: its requests' templates, and the sockets that they go over."""

import ssl
from collections.abc import Awaitable, Callable, Mapping

from venues.transport.http1.connection import Told
from venues.transport.http1.pool import Pool
from venues.transport.http1.request import Origin, Prepared, Template
from venues.transport.session import Exchange, NotSent
from venues.transport.timing import Timing


class Line:
    """Open while the connection runs. Belongs to one event loop. `context`: see `Pool`."""

    def __init__(
        self, base_url: str, user_agent: str, timing: Timing, *, context: ssl.SSLContext | None = None
    ) -> None:
        self._origin = Origin.parse(base_url)
        self._user_agent = user_agent
        self._pool = Pool(self._origin, timing, context=context)

    @property
    def is_open(self) -> bool:
        """Whether anything can be sent."""
        return self._pool.is_open

    def open(self) -> None:
        """Begin to keep connections warm."""
        self._pool.open()

    async def close(self) -> None:
        """Close them; requests are refused as never sent from now on."""
        await self._pool.close()

    def template(self, method: str, target: str, *, json: bool = False) -> Template:
        """See `Template`."""
        return Template(method, self._origin, target, self._user_agent, json=json)

    def prepared(self, method: str, target: str, who: Callable[[], Mapping[str, str]]) -> Prepared:
        """For requests with a JSON body: see `Prepared`."""
        return Prepared(self.template(method, target, json=True), who)

    def send(self, prepared: Prepared, body: bytes, bytes_max: int, timeout_ms: int, told: Told) -> None:
        """Send one request, once: see `Pool.send`."""
        try:
            request = prepared.render(body)
        except ValueError as error:
            told(NotSent(str(error)))
            return
        self._pool.send(request, bytes_max, timeout_ms, told)

    def exchange(
        self, template: Template, who: Mapping[str, str], body: bytes, bytes_max: int, timeout_ms: int
    ) -> Awaitable[Exchange]:
        """Send one request, once: see `Pool.exchange`. `who`: see `Template.render`."""
        try:
            request = template.render(who, body)
        except ValueError as error:
            return _not_sent(str(error))
        return self._pool.exchange(request, bytes_max, timeout_ms)


async def _not_sent(detail: str) -> Exchange:
    return NotSent(detail)
