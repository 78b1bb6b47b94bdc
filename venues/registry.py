"""Counterparty name → adapter; what connections to one account share is made here, once."""

import hashlib
import random
from collections.abc import Sequence
from typing import Final

from router.ports import Clock, Venue
from router.settings import CompetitionSettings, ConnectionSettings, CustodySettings
from venues.bitgo.adapter import BitgoPrime
from venues.bitgo_custody.adapter import BitgoCustody
from venues.transport.budget import RequestBudget
from venues.transport.pace import pace
from venues.transport.timing import Timing

REQUESTS_MAX: Final = 1000
"""More than an account has (`requests_per_second`): giving back what was not taken does nothing."""


class Registry:
    """Builds the connections of one router. An instance belongs to one event loop.

    BitGo counts the requests of an account and not of a connection, so the connections with the same
    `base_url` and `account_id` (a Spot and a PTS one) share one budget: the lower of what they state. The
    platform, where custody is, counts the requests of a user: there, those with the same token share one.
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
        self._custody_budgets: dict[tuple[str, str], RequestBudget] = {}

    def build(self, settings: ConnectionSettings) -> BitgoPrime:
        """The adapter for a connection that trades; it does nothing until it runs."""
        return BitgoPrime(
            settings,
            self._competition,
            self._clock,
            self._budget(settings),
            self._draws,
            self._timing,
        )

    def build_all(self, connections: Sequence[ConnectionSettings]) -> dict[str, BitgoPrime]:
        """The enabled connections by id."""
        return {entry.connection.id: self.build(entry) for entry in connections if entry.enabled}

    def build_custody(self, settings: CustodySettings) -> BitgoCustody:
        """The adapter for a connection in custody; it does nothing until it runs."""
        return BitgoCustody(settings, self._clock, self._custody_budget(settings), self._draws, self._timing)

    def retire(self, venue: Venue) -> None:
        """An adapter has ended: what it took, for orders that another one sent, is the account's again."""
        for _ in range(REQUESTS_MAX):
            venue.return_order_budget()

    def _custody_budget(self, settings: CustodySettings) -> RequestBudget:
        user = (settings.base_url, hashlib.sha256(settings.token.reveal().encode()).hexdigest())
        requests, window_ns = pace(settings.requests_per_minute)
        budget = self._custody_budgets.get(user)
        if budget is None:
            budget = self._custody_budgets[user] = RequestBudget(requests, self._clock, window_ns)
        else:
            budget.limit_to(requests, window_ns)
        return budget

    def _budget(self, settings: ConnectionSettings) -> RequestBudget:
        account = (settings.base_url, settings.account_id)
        budget = self._budgets.get(account)
        if budget is None:
            budget = self._budgets[account] = RequestBudget(settings.requests_per_second, self._clock)
        else:
            budget.limit_to(settings.requests_per_second)
        return budget
