"""Counterparty name → adapter; what connections to one account share is made here, once."""

import hashlib
import random
from typing import Final, overload

from router.ports import Clock, Venue
from router.ports.accounts import CustodyAccount
from router.settings import (
    CcxtSettings,
    CoinbaseSettings,
    CompetitionSettings,
    ConnectionSettings,
    CustodySettings,
    TradingSettings,
)
from venues.bitgo.adapter import BitgoPrime
from venues.bitgo_custody.adapter import BitgoCustody
from venues.ccxt_venue.adapter import CcxtVenue
from venues.coinbase.adapter import CoinbasePrime
from venues.transport.address import AddressLimit
from venues.transport.budget import RequestBudget, burst
from venues.transport.pace import pace
from venues.transport.timing import Timing

REQUESTS_MAX: Final = 1000
"""More than an account has (`requests_per_second`): giving back what was not taken does nothing."""

COINBASE_BURST_S: Final = 2
"""Coinbase Prime lets a portfolio use two seconds' requests at once: 25 a second, bursts of 50."""
COINBASE_ADDRESS_PER_SECOND: Final = 100
COINBASE_PENALTY_S: Final = 30
"""Past 100 requests a second from one address, every request of it is refused for this long."""


class Registry:
    """Builds the connections of one router. An instance belongs to one event loop.

    BitGo counts the requests of an account and not of a connection, so the connections with the same
    `base_url` and `account_id` (a Spot and a PTS one) share one budget: the lowest of what they state, each
    from when its adapter is built, and until it is retired or another is built under its id. The platform,
    where custody is, counts the requests of a user: there, those with the same token share one.
    Coinbase Prime counts those of a portfolio, and on top of it all that come from one address.
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
        self._addresses: dict[str, AddressLimit] = {}
        self._held: dict[Venue | CustodyAccount, tuple[RequestBudget, str]] = {}
        """Each adapter that has not ended, with the budget to which its connection states a limit."""

    @overload
    def build(self, settings: CcxtSettings) -> CcxtVenue: ...

    @overload
    def build(self, settings: ConnectionSettings) -> BitgoPrime: ...

    @overload
    def build(self, settings: CoinbaseSettings) -> CoinbasePrime: ...

    @overload
    def build(self, settings: TradingSettings) -> BitgoPrime | CoinbasePrime | CcxtVenue: ...

    def build(self, settings: TradingSettings) -> BitgoPrime | CoinbasePrime | CcxtVenue:
        """The adapter for a connection that trades; it does nothing until it runs."""
        venue: BitgoPrime | CoinbasePrime | CcxtVenue
        if isinstance(settings, CcxtSettings):
            budget = self._budget(settings)
            venue = CcxtVenue(settings, self._competition, self._clock, budget, self._draws, self._timing)
        elif isinstance(settings, CoinbaseSettings):
            budget = self._portfolio_budget(settings)
            venue = CoinbasePrime(settings, self._competition, self._clock, budget, self._draws, self._timing)
        else:
            budget = self._budget(settings)
            venue = BitgoPrime(settings, self._competition, self._clock, budget, self._draws, self._timing)
        self._held[venue] = (budget, settings.connection.id)
        return venue

    def build_custody(self, settings: CustodySettings) -> BitgoCustody:
        """The adapter for a connection in custody; it does nothing until it runs."""
        budget = self._custody_budget(settings)
        custody = BitgoCustody(settings, self._clock, budget, self._draws, self._timing)
        self._held[custody] = (budget, settings.connection.id)
        return custody

    def retire(self, venue: Venue) -> None:
        """An adapter has ended: what it took, for orders that another one sent, is the account's again.

        So is the limit that it stated, unless another adapter stands for the same connection.
        """
        for _ in range(REQUESTS_MAX):
            venue.return_order_budget()
        self._let_go(venue)

    def retire_custody(self, custody: CustodyAccount) -> None:
        """An adapter has ended: the limit that it stated holds no more."""
        self._let_go(custody)

    def _let_go(self, adapter: Venue | CustodyAccount) -> None:
        held = self._held.pop(adapter, None)
        if held is not None and held not in self._held.values():
            budget, connection_id = held
            budget.unstate(connection_id)

    def _custody_budget(self, settings: CustodySettings) -> RequestBudget:
        user = (settings.base_url, hashlib.sha256(settings.token.reveal().encode()).hexdigest())
        requests, window_ns = pace(settings.requests_per_minute)
        budget = self._custody_budgets.get(user)
        if budget is None:
            budget = self._custody_budgets[user] = RequestBudget(requests, self._clock, window_ns)
        budget.state(settings.connection.id, requests, window_ns)
        return budget

    def _portfolio_budget(self, settings: CoinbaseSettings) -> RequestBudget:
        account = (settings.base_url, settings.portfolio_id)
        requests, window_ns = burst(settings.requests_per_second, COINBASE_BURST_S)
        budget = self._budgets.get(account)
        if budget is None:
            address = self._addresses.get(settings.base_url)
            if address is None:
                address = AddressLimit(COINBASE_ADDRESS_PER_SECOND, COINBASE_PENALTY_S)
                self._addresses[settings.base_url] = address
            budget = RequestBudget(requests, self._clock, window_ns, address)
            self._budgets[account] = budget
        budget.state(settings.connection.id, requests, window_ns)
        return budget

    def _budget(self, settings: ConnectionSettings | CcxtSettings) -> RequestBudget:
        account = (settings.base_url, settings.account_id)
        budget = self._budgets.get(account)
        if budget is None:
            budget = self._budgets[account] = RequestBudget(settings.requests_per_second, self._clock)
        budget.state(settings.connection.id, settings.requests_per_second)
        return budget
