"""Counterparty name → adapter; what connections to one account share is made here, once."""

import random
from collections.abc import Sequence

from router.ports import Clock, Venue
from router.settings import CompetitionSettings, ConnectionSettings, Counterparty
from venues.bitgo.adapter import BitgoPrime
from venues.transport.budget import RequestBudget
from venues.transport.timing import Timing


class Registry:
    """Builds the connections of one router. An instance belongs to one event loop.

    BitGo counts the requests of an account and not of a connection, so the connections with the same
    `base_url` and `account_id` (a Spot and a PTS one) share one budget: the lower of what they state.
    """

    def __init__(
        self,
        competition: CompetitionSettings,
        clock: Clock,
        draws: random.Random | None = None,
        timing: Timing | None = None,
    ) -> None:
        self._competition = competition
        self._clock = clock
        # It spreads reconnects, nothing else: no secret depends on it.
        self._draws = random.Random() if draws is None else draws  # noqa: S311
        self._timing = Timing() if timing is None else timing
        self._budgets: dict[tuple[str, str], RequestBudget] = {}

    def build(self, settings: ConnectionSettings) -> Venue:
        """The adapter for a connection; it does nothing until it runs."""
        match Counterparty(settings.connection.counterparty):
            case Counterparty.BITGO_PRIME:
                return BitgoPrime(
                    settings,
                    self._competition,
                    self._clock,
                    self._budget(settings),
                    self._draws,
                    self._timing,
                )

    def build_all(self, connections: Sequence[ConnectionSettings]) -> dict[str, Venue]:
        """The enabled connections by id."""
        return {entry.connection.id: self.build(entry) for entry in connections if entry.enabled}

    def _budget(self, settings: ConnectionSettings) -> RequestBudget:
        account = (settings.base_url, settings.account_id)
        budget = self._budgets.get(account)
        if budget is None:
            budget = self._budgets[account] = RequestBudget(settings.requests_per_second, self._clock)
        else:
            budget.limit_to(settings.requests_per_second)
        return budget
