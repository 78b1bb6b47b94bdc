"""Takes an order through its competition, or an accepted RFQ's quote, and on to its execution.

Its acceptance is being written meanwhile. Where no price has to be asked for, the decision is there before
that is durable: the intent is then queued behind the acceptance, and one flush keeps both. The journal keeps
no intent of an order that it did not keep, and nothing is sent before its intent is durable.
"""

from functools import partial

from router.core.competition import Rules
from router.core.model import Reason, Route
from router.core.order import NotRouted
from router.core.record import CompetitionRecord
from router.core.routing import Terms
from router.observe.observer import Observer
from router.ports import Clock
from router.service.competing import Competing, Held
from router.service.executing import Executing, Plan, no_winner, not_executable
from router.service.ids import IdSource
from router.service.orders import LiveOrder, Orders
from router.service.quoting import make_record
from router.service.rules import DeskRules


class Deciding:
    """Decides who gets an order."""

    def __init__(
        self,
        orders: Orders,
        competing: Competing,
        executing: Executing,
        observer: Observer,
        clock: Clock,
        ids: IdSource,
        rules: DeskRules,
    ) -> None:
        self._orders = orders
        self._competing = competing
        self._executing = executing
        self._observer = observer
        self._clock = clock
        self._ids = ids
        self._rules = rules
        # What is reckoned from them, and kept with a book, is the same for every order without its own.
        self._usual = self.rules(Terms(rules.slippage_bps_max))

    def rules(self, terms: Terms) -> Rules:
        """What a competition is run by."""
        return Rules(self._rules.quote_deadline_ns, self._rules.collar_bps, terms)

    async def compete_and_execute(self, live: LiveOrder) -> None:
        """Run the order's competition, reserve for its winner and send the order there."""
        request, rules = live.order.request, self._usual
        if request.slippage_bps_max is not None:
            rules = self.rules(Terms(request.slippage_bps_max))
        competition_id = self._ids.new()
        held = await self._competing.hold(
            request,
            rules,
            competition_id,
            to_trade=True,
            ready=live.accepting,
            late=partial(self._came_late, live),
        )
        competition, now = held.competition, self._clock.now()
        routed = competition.award(partial(self._executing.reserve, live.order.id), now)
        record = self._keep_record(live, held, now)
        self._tell_closed(live, record)
        if routed is None:
            # What refuses an order is kept of one that is kept.
            await self._accepted(live)
            error = no_winner(live.order, anyone_was_asked=competition.anyone_was_asked)
            self._orders.note(live, NotRouted(error, competition_id, held.arrival_price))
            return
        ranking = competition.ranking.quotes
        # By their place: names take a struct several times as long, and every order has one.
        plan = Plan(
            rules.terms,
            competition_id,
            held.arrival_price,
            held.contenders,
            ranking,
            ranking,
            request.on_credit_failure or self._rules.on_credit_failure,
        )
        await self._executing.execute(live, routed, plan)

    async def execute_accepted(self, live: LiveOrder, plan: Plan) -> None:
        """Send an accepted RFQ's order to the first of the plan, at its quoted price."""
        if live.record is not None:
            # The competition is told of its order from now on; the RFQ's own record stays as it was quoted.
            self._orders.keep_record(live, live.record)
        reason: Reason | None = None
        for priced in plan.ranking[:1]:
            routed = self._executing.route_now(live.order.request, plan, priced)
            reason = routed if isinstance(routed, Reason) else self._executing.reserve(live.order.id, routed)
            if isinstance(routed, Route) and reason is None:
                await self._executing.execute(live, routed, plan)
                return
        await self._accepted(live)
        error = not_executable(reason, plan.ranking[0].quote.connection_id)
        self._orders.note(live, NotRouted(error, plan.competition_id, plan.arrival_price))

    @staticmethod
    async def _accepted(live: LiveOrder) -> None:
        """Wait until the order is durable; raises what its acceptance failed with."""
        if live.accepting is not None:
            await live.accepting

    def _tell_closed(self, live: LiveOrder, record: CompetitionRecord) -> None:
        """Tell of a competition once its order is durable: a repeat of a known key is none that traded."""
        if live.accepting is None:
            self._observer.competition_closed(record)
        else:
            live.closed = record

    def _keep_record(self, live: LiveOrder, held: Held, closed_at: int) -> CompetitionRecord:
        record = make_record(held, order_id=live.order.id, rfq_id=None, closed_at=closed_at)
        self._orders.keep_record(live, record)
        return record

    def _came_late(self, live: LiveOrder, held: Held, connection_id: str) -> None:
        late_ns = self._clock.now() - held.opened_at - self._rules.quote_deadline_ns
        self._observer.quote_came_late(held.id, connection_id, late_ns)
        if live.record is not None:
            # It changes an entry, not the time of the decision.
            self._keep_record(live, held, live.record.closed_at)
