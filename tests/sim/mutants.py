"""Nine routers that break a rule each: the simulation must find every one of them out.

A mutant is the router as it is, one part of which is of another class. Nothing in the router knows of them.
"""

from collections import Counter
from decimal import Decimal
from operator import attrgetter

import msgspec

from router.core.competition import Competition
from router.core.errors import OrderError
from router.core.model import OnCreditFailure, OrderReport
from router.core.order import Event, Order, ProvedAbsent, Reported, WentInDoubt
from router.core.record import RfqRecord
from router.core.routing import Terms
from router.ports import Cover, Taken
from router.service.desk import Desk
from router.service.executing import Executing, Plan
from router.service.firm import FirmAsking, FirmQuestion
from router.service.following import Following
from router.service.orders import LiveOrder, Orders
from router.service.quoting import Quoting
from router.service.venues import Member
from tests.sim.life import Refit

POLLS_MAX = 3


class SendsAgain(Executing):
    """Sends an order again that was not answered."""

    async def _send(self, live: LiveOrder, sent_at: int) -> OrderError | None:
        refusal = await super()._send(live, sent_at)
        if live.order.in_doubt:
            attempt = live.order.attempts[-1]
            venue = self._venues[attempt.connection_id].venue
            venue.take_order_budget()
            result = await venue.submit(attempt.outbound)
            if isinstance(result, Taken):
                self._orders.note(live, Reported(result.report))
        return refusal


class SendsFirst(Orders):
    """Writes the intent behind: it is sent before it is durable."""

    async def intend(self, live: LiveOrder, event: Event, cover: Cover | None = None) -> bool:
        self.note(live, event)
        return True


class CountsPolls(Following):
    """Takes three look-ups without a find for a proof of absence."""

    async def look_up(self, live: LiveOrder) -> Order:
        before = live.order
        after = await super().look_up(live)
        if after is before and after.in_doubt:
            # Made by whoever asks first: the object was of its parent's class when it was made.
            polls: Counter[str] = vars(self).setdefault("polls", Counter())
            polls[after.id] += 1
            if polls[after.id] >= POLLS_MAX:
                return self._orders.note(live, ProvedAbsent("not found three times"))
        return after


class ReleasesInDoubt(Orders):
    """Gives a reservation back when the answer does not come."""

    def _become(self, live: LiveOrder, after: Order, event: Event) -> None:
        super()._become(live, after, event)
        if isinstance(event, WentInDoubt):
            self._ledger.release(after.id, {}, self._clock.now())


class CountsMessages(Orders):
    """Counts a fill as often as it is told."""

    def note(self, live: LiveOrder, event: Event) -> Order:
        if isinstance(event, Reported) and event.report.fills and not live.intent:
            event = Reported(_as_new(live.order, event))
        return super().note(live, event)


class AcceptsLate(Executing):
    """Does not look, before it sends, whether the quote is still held."""

    def _too_late(self, live: LiveOrder, now: int) -> OrderError | None:
        return None if live.order.attempts[-1].quote_valid_until is not None else super()._too_late(live, now)


class AcceptsForWork(FirmAsking):
    """Accepts a quote with every order, also with one that has a limit or works over time."""

    def ask(
        self, member: Member, competition_id: str, competition: Competition, reference_price: Decimal | None
    ) -> FirmQuestion:
        question = super().ask(member, competition_id, competition, reference_price)
        question._accepted = True
        return question


class AcceptsTwice(Quoting):
    """Takes an RFQ for as many orders as accept it."""

    async def consume(self, rfq: RfqRecord, client_order_id: str) -> None:
        self._accepted.clear()
        await super().consume(msgspec.structs.replace(rfq, accepted_by=None), client_order_id)


class Slips(Quoting):
    """Lets an accepted RFQ slip as any market order may."""

    def plan(self, rfq: RfqRecord, connection_id: str | None, on_credit_failure: OnCreditFailure) -> Plan:
        plan = super().plan(rfq, connection_id, on_credit_failure)
        return msgspec.structs.replace(plan, terms=Terms(plan.terms.slippage_bps_max))


def _as_new(order: Order, event: Reported) -> OrderReport:
    """The report with its fills under ids that nobody has heard of, on top of what is known."""
    told = len(order.fills)
    fills = tuple(
        msgspec.structs.replace(fill, id=f"{fill.id}#{told + number}")
        for number, fill in enumerate(event.report.fills)
    )
    base = sum((fill.quantity_base for fill in fills), order.filled_base)
    return msgspec.structs.replace(event.report, fills=fills, filled_base=base)


def _of_class(part: str, kind: type) -> Refit:
    def refit(desk: Desk) -> None:
        attrgetter(part)(desk).__class__ = kind

    return refit


MUTANTS: dict[str, Refit] = {
    "sends again when in doubt": _of_class("_executing", SendsAgain),
    "sends before the intent is durable": _of_class("_orders", SendsFirst),
    "takes polls for a proof of absence": _of_class("_following", CountsPolls),
    "releases the reservation at the time-out": _of_class("_orders", ReleasesInDoubt),
    "counts a fill once a message": _of_class("_orders", CountsMessages),
    "accepts a quote past its end": _of_class("_executing", AcceptsLate),
    "accepts a firm quote for a working order": _of_class("_competing._firm", AcceptsForWork),
    "takes an RFQ for two orders": _of_class("_quoting", AcceptsTwice),
    "lets an accepted RFQ slip": _of_class("_quoting", Slips),
}
