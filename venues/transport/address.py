"""The limit that a counterparty sets on an address (of the network), shared by all accounts that use it."""

from collections.abc import Callable
from typing import Final

from venues.transport.slots import SECOND_NS, Slots

PENALTY_S_MAX: Final = 60
"""No penalty is believed past this: see `slots.BLOCK_NS_MAX`."""
TOGETHER_NS: Final = SECOND_NS
"""What is refused this soon after another was on its way already, and says nothing new. An account that was
refused asks for nothing for as long, so that the next refusal is an answer to a later question."""


class AddressLimit:
    """Requests a second from this machine to one counterparty, and the pause that follows one too many.

    A 429 does not say which limit it is about, the account's or the address'. An account's is over in
    moments, and others may be using it too; so the first 429 makes that account wait, and only one that
    follows it, with nothing answered in between, is the address': then every account waits for `penalty_s`.
    A pause stated in the answer that is as long as that decides at once. An instance belongs to one event
    loop.

    `freed`: called, each of them, when a request may have come free.
    """

    def __init__(self, requests_per_second: int, penalty_s: int) -> None:
        if not 1 <= penalty_s <= PENALTY_S_MAX:
            raise ValueError(f"penalty_s: expected 1 to {PENALTY_S_MAX}, was {penalty_s}")
        self.slots = Slots(requests_per_second)
        self.freed: list[Callable[[], None]] = []
        self._penalty_s = penalty_s
        self._suspected_at: int | None = None

    def refused(self, retry_after_s: int | None, now: int) -> None:
        """An answer was 429; `now` in nanoseconds."""
        suspected_at = self._suspected_at
        if retry_after_s is not None and retry_after_s >= self._penalty_s:
            self._block(retry_after_s, now)
        elif suspected_at is None:
            self._suspected_at = now
        elif now - suspected_at >= TOGETHER_NS:
            self._block(self._penalty_s, now)

    def answered(self, now: int, *, refused: bool) -> None:
        """The answer to a request came, or it was given up; `now` in nanoseconds."""
        if not refused and self._suspected_at is not None and now - self._suspected_at >= TOGETHER_NS:
            self._suspected_at = None
        self.slots.answered(now)
        self.tell()

    def tell(self) -> None:
        """Let every account that shares the address look whether it is its turn."""
        for serve in self.freed:
            serve()

    def _block(self, seconds: int, now: int) -> None:
        self.slots.block(seconds, now)
        self._suspected_at = None
