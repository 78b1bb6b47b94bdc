"""How long callers wait: all equally long, so that one timer, for whoever came first, does for all."""

import asyncio
from collections import OrderedDict

from router.service.live import Waiter, time_out


class Patience:
    """Lets those who wait go once they have waited for `wait_s` seconds."""

    def __init__(self, wait_s: float) -> None:
        self._wait_s = wait_s
        # Ordered: a plain dict finds its first again behind all that was taken from its front.
        self._until: OrderedDict[Waiter, float] = OrderedDict()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, waiter: Waiter) -> None:
        """Somebody waits from now on."""
        loop = waiter.get_loop()
        until = self._until[waiter] = loop.time() + self._wait_s
        if self._timer is None:
            self._timer = loop.call_at(until, self._look, loop)

    def end(self, waiter: Waiter) -> None:
        """They wait no more, whether they were let go or not."""
        self._until.pop(waiter, None)

    def close(self) -> None:
        """Let everybody go now: of what they wait for nobody will tell them any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._until:
            waiter, _ = self._until.popitem(last=False)
            time_out(waiter)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let those go whose time is up, and look again when the next one's is."""
        self._timer, now = None, loop.time()
        while self._until:
            waiter, until = next(iter(self._until.items()))
            if until > now:
                self._timer = loop.call_at(until, self._look, loop)
                return
            del self._until[waiter]
            time_out(waiter)
