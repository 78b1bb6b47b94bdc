"""The order's table of states, and what each event does to the record.

    accepted ──Routed──▶ routed ──Reported──▶ working ──Reported──▶ final
        │                  │  ╲                  │  ▲
        │                  │   WentInDoubt──▶ in_doubt ──Reported──┘
     NotRouted          Refused                  │
        ▼                  ▼                  ProvedAbsent, FindingRecorded (by a person)
      final     final, or accepted again         ▼
                (another counterparty)         final

`step(order, event, now)` is total: every (phase, event) pair is in `TRANSITIONS` or raises `TransitionError`,
which is a bug in the caller and never a counterparty's doing. Evidence is never refused: a report is taken
in every phase in which the order may have been sent, in any order and any number of times. Fills are counted
once, by the counterparty's trade id; cumulative quantities only grow; a final status stays.
"""

import enum
from decimal import Decimal
from operator import attrgetter
from typing import Final

import msgspec

from router.core.attempt import Attempt
from router.core.counting import counted
from router.core.errors import Code, OrderError
from router.core.finding import Finding
from router.core.model import Fill, OrderReport, OrderRequest, OrderStatus, VenueState
from router.core.money import ZERO


class Phase(enum.StrEnum):
    """Where the router stands with an order; `Order.status` is what callers see of it."""

    ACCEPTED = "accepted"
    """Durable; nothing has been sent, or all that was sent was definitely refused."""
    ROUTED = "routed"
    """The intent is recorded: the order may have been sent."""
    IN_DOUBT = "in_doubt"
    """Sent and unanswered: it may be live and is being looked up."""
    WORKING = "working"
    """The counterparty has it."""
    FINAL = "final"


# Looked up once: the name of an enumeration's member costs as much as an addition.
_A, _R, _D, _W, _F = Phase.ACCEPTED, Phase.ROUTED, Phase.IN_DOUBT, Phase.WORKING, Phase.FINAL
_DONE, _FILLED = VenueState.DONE, OrderStatus.FILLED


class Order(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """An order's whole record; replayed from its events it is the same again."""

    id: str
    request: OrderRequest
    candidates: tuple[str, ...]
    created_at: int
    updated_at: int
    protected: bool = False
    phase: Phase = Phase.ACCEPTED
    status: OrderStatus = OrderStatus.PENDING_NEW
    attempts: tuple[Attempt, ...] = ()
    competition_id: str | None = None
    arrival_price: Decimal | None = None
    venue_order_id: str | None = None
    filled_base: Decimal = ZERO
    filled_quote: Decimal = ZERO
    reported_average: Decimal | None = None
    fills: tuple[Fill, ...] = ()
    cancel_requested: bool = False
    acknowledged_at: int | None = None
    error: OrderError | None = None
    finding: Finding | None = None
    """What a person found out of it, where that ended it."""

    @property
    def attempt(self) -> Attempt | None:
        """The counterparty that the order is with, or was with last."""
        return self.attempts[-1] if self.attempts else None

    @property
    def in_doubt(self) -> bool:
        """Whether the order may be live at the counterparty and is being looked up there."""
        return self.phase is _D

    @property
    def is_final(self) -> bool:
        """Whether nothing can happen to it any more."""
        return self.phase is _F

    @property
    def is_settled(self) -> bool:
        """Whether a caller need not wait: it is final, or it rests at the counterparty as asked."""
        phase = self.phase
        if phase is not _W:
            return phase is _F
        working = self.status in (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)
        return working and self.attempts[-1].outbound.time_in_force.rests


# Events: journaled as they are, in the order in which they were decided.
class Routed(msgspec.Struct, frozen=True, tag="routed", gc=False):
    """A counterparty won; the order goes out to it next."""

    attempt: Attempt
    competition_id: str
    arrival_price: Decimal | None


class NotRouted(msgspec.Struct, frozen=True, tag="not_routed", gc=False):
    """Nothing was sent and nothing will be."""

    error: OrderError
    competition_id: str | None = None
    arrival_price: Decimal | None = None


class Refused(msgspec.Struct, frozen=True, tag="refused", gc=False):
    """A definite no, or it never left us: nothing is live. `final`: no other counterparty follows."""

    error: OrderError
    final: bool = True


class WentInDoubt(msgspec.Struct, frozen=True, tag="went_in_doubt", gc=False):
    """It was sent, or may have been, and no answer that can be relied on came."""

    detail: str
    sent_at: int


class Reported(msgspec.Struct, frozen=True, tag="reported", gc=False):
    """The counterparty said something of the order."""

    report: OrderReport


class ProvedAbsent(msgspec.Struct, frozen=True, tag="proved_absent"):
    """Not found after the settling window, on a connection that answered: it was never taken."""

    detail: str


class FindingRecorded(msgspec.Struct, frozen=True, tag="finding_recorded"):
    """A person found out by other means what became of an order in doubt."""

    finding: Finding


class Contradicted(msgspec.Struct, frozen=True, tag="contradicted"):
    """A counterparty that had refused the order shows it after all, and another one has it by now.

    `number`: the attempt's, from 1. What it says was executed is recorded there: the order's own quantities
    are those of its last attempt.
    """

    number: int
    report: OrderReport


class CancelRequested(msgspec.Struct, frozen=True, tag="cancel_requested"):
    """A caller asked for it to be cancelled."""


class CancelRefused(msgspec.Struct, frozen=True, tag="cancel_refused"):
    """The counterparty would not cancel: it goes on as it was, or ended before."""

    detail: str


_Others = (
    Routed
    | NotRouted
    | Refused
    | WentInDoubt
    | ProvedAbsent
    | FindingRecorded
    | Contradicted
    | CancelRequested
    | CancelRefused
)
Event = Reported | _Others


_replace = msgspec.structs.replace


class TransitionError(Exception):
    """An event that cannot happen in this phase was handed in: a bug in the caller."""


TRANSITIONS: Final[dict[tuple[Phase, type], frozenset[Phase]]] = {
    (_A, Routed): frozenset({_R}),
    (_A, NotRouted): frozenset({_F}),
    (_A, CancelRequested): frozenset({_A}),
    # About an attempt that was given up as refused: the counterparty contradicts itself; what traded counts.
    (_A, Reported): frozenset({_W, _F}),
    (_R, Refused): frozenset({_A, _F}),
    (_R, WentInDoubt): frozenset({_D}),
    (_R, Reported): frozenset({_W, _F}),
    (_R, CancelRequested): frozenset({_R}),
    (_D, Reported): frozenset({_W, _F}),
    (_D, ProvedAbsent): frozenset({_F}),
    (_D, FindingRecorded): frozenset({_F}),
    (_D, WentInDoubt): frozenset({_D}),
    (_D, CancelRequested): frozenset({_D}),
    (_D, CancelRefused): frozenset({_D}),
    (_W, Reported): frozenset({_W, _F}),
    (_W, CancelRequested): frozenset({_W}),
    (_W, CancelRefused): frozenset({_W}),
    # The feed was faster than the answer that now cannot be read, or than the refused cancel's answer.
    (_W, WentInDoubt): frozenset({_W}),
    (_F, WentInDoubt): frozenset({_F}),
    (_F, Reported): frozenset({_F}),
    (_F, CancelRefused): frozenset({_F}),
    # About an earlier attempt, whatever became of the order since.
    **{(phase, Contradicted): frozenset({phase}) for phase in Phase},
}
"""Which phases an event can lead to from where; a pair that is not here cannot happen."""


def step(order: Order, event: Event, now: int) -> Order:
    """The order after an event; `now` in nanoseconds since the epoch. Raises `TransitionError`."""
    phase = order.phase
    allowed = TRANSITIONS.get((phase, type(event)))
    if allowed is None:
        raise _unexpected(order, event)
    after = _reported(order, event, now) if isinstance(event, Reported) else _apply(order, event)
    if after is order:
        return order
    if after.phase not in allowed:
        raise TransitionError(
            f"expected {type(event).__name__} to lead from {phase} to {sorted(allowed)}, "
            f"was {after.phase}, order {order.id}"
        )
    if after.phase is phase and after == order:
        return order  # said before: a feed repeats itself, and so does a look-up of an order that rests
    return _replace(after, updated_at=max(now, order.updated_at))


def _unexpected(order: Order, event: Event) -> TransitionError:
    return TransitionError(f"expected no {type(event).__name__} in phase {order.phase}, order {order.id}")


def _apply(order: Order, event: _Others) -> Order:
    """The order with what the event says of it, but for the time; itself where that is nothing new."""
    match event:
        case Routed():
            return _replace(
                order,
                phase=_R,
                attempts=(*order.attempts, event.attempt),
                competition_id=event.competition_id,
                arrival_price=event.arrival_price,
            )
        case NotRouted():
            return _replace(
                order,
                phase=_F,
                status=OrderStatus.REJECTED,
                error=event.error,
                competition_id=event.competition_id or order.competition_id,
                arrival_price=order.arrival_price if event.arrival_price is None else event.arrival_price,
            )
        case Refused():
            attempts = (*order.attempts[:-1], _replace(order.attempts[-1], error=event.error))
            if event.final:
                return _replace(
                    order, phase=_F, status=OrderStatus.REJECTED, attempts=attempts, error=event.error
                )
            return _replace(order, phase=_A, attempts=attempts)
        case WentInDoubt():
            if order.phase in (_W, _F):
                return order
            attempts = (*order.attempts[:-1], _replace(order.attempts[-1], sent_at=event.sent_at))
            return _replace(order, phase=_D, attempts=attempts)
        case ProvedAbsent():
            at = order.attempts[-1].connection_id
            error = OrderError(Code.NOT_TAKEN, event.detail, retryable=True, connection_id=at)
            return _replace(order, phase=_F, status=OrderStatus.REJECTED, error=error)
        case FindingRecorded(finding=finding):
            return _replace(
                order,
                phase=_F,
                status=finding.status,
                venue_order_id=order.venue_order_id or finding.venue_order_id,
                filled_base=finding.filled_base,
                filled_quote=finding.filled_quote,
                error=finding.error(order.attempts[-1].connection_id),
                finding=finding,
            )
        case Contradicted():
            return _contradicted(order, event)
        case CancelRequested():
            status = OrderStatus.PENDING_CANCEL if order.phase is _W else order.status
            return _replace(order, cancel_requested=True, status=status)
        case CancelRefused():
            if order.phase is _F:
                return order
            return _replace(
                order, cancel_requested=False, status=_working_status(order.filled_base, pending=False)
            )


_COUNTED: Final = ("fills", "filled_base", "filled_quote", "reported_average", "venue_order_id", "finding")
"""What reports that come after an order's end may still change of it."""
_counted_of = attrgetter(*_COUNTED)


def _reported(order: Order, event: Reported, now: int) -> Order:
    if order.phase is _A and not order.attempts:
        # A report about an order that was sent to nobody can be about another only.
        raise _unexpected(order, event)
    report = event.report
    fills, base, quote = counted(order.fills, order.filled_base, order.filled_quote, report)
    average = order.reported_average if report.average_price is None else report.average_price
    venue_order_id = order.venue_order_id or report.venue_order_id
    if order.phase is _F:
        # What was final stays so; a late execution's detail is kept, and nothing that traded is forgotten.
        finding = order.finding
        if finding and not finding.contradicted_at and finding.denied_by(report, base):
            finding = _replace(finding, contradicted_at=now)
        told = (fills, base, quote, average, venue_order_id, finding)
        known = _counted_of(order)
        if told == known:
            return order
        # What is the same stays as it was written first.
        pairs = zip(_COUNTED, told, known, strict=True)
        return _replace(order, **{name: said for name, said, was in pairs if said != was})
    status, error = _status_after(order, report, base)
    return _replace(
        order,
        phase=_F if report.state.is_final else _W,
        status=status,
        error=error,
        fills=fills,
        filled_base=base,
        filled_quote=quote,
        venue_order_id=venue_order_id,
        acknowledged_at=report.at if order.acknowledged_at is None else order.acknowledged_at,
        reported_average=average,
    )


def _contradicted(order: Order, event: Contradicted) -> Order:
    if not 0 < event.number < len(order.attempts):
        raise _unexpected(order, event)
    attempt = order.attempts[event.number - 1]
    fills, base, quote = counted(
        attempt.executed_fills, attempt.executed_base, attempt.executed_quote, event.report
    )
    shown = _replace(attempt, executed_fills=fills, executed_base=base, executed_quote=quote)
    before, after = order.attempts[: event.number - 1], order.attempts[event.number :]
    return _replace(order, attempts=(*before, shown, *after))


def _status_after(
    order: Order, report: OrderReport, filled_base: Decimal
) -> tuple[OrderStatus, OrderError | None]:
    request = order.request
    if report.state is _DONE and filled_base > 0:
        short = request.in_base and filled_base < request.quantity
        return (OrderStatus.CANCELED if short else _FILLED), None
    match report.state:
        case VenueState.EXPIRED:
            return OrderStatus.EXPIRED, None
        case VenueState.CANCELED | VenueState.FAILED | VenueState.DONE:
            if request.in_base and filled_base == request.quantity:
                return OrderStatus.FILLED, None
            if report.error is not None:
                # Refused after it was taken. With fills it is no rejection: what traded, traded.
                return (OrderStatus.REJECTED if filled_base == 0 else OrderStatus.CANCELED), report.error
            if order.protected and filled_base == 0:
                return OrderStatus.REJECTED, price_moved(order)
            return OrderStatus.CANCELED, None
        case VenueState.PENDING_CANCEL:
            return OrderStatus.PENDING_CANCEL, None
        case VenueState.PENDING if filled_base == 0 and not order.cancel_requested:
            # A report that was overtaken by a later one does not take an order back.
            return (order.status if order.phase is _W else OrderStatus.PENDING_NEW), None
        case VenueState.PENDING | VenueState.WORKING:
            return _working_status(filled_base, pending=order.cancel_requested), None


def _working_status(filled_base: Decimal, *, pending: bool) -> OrderStatus:
    if pending:
        return OrderStatus.PENDING_CANCEL
    return OrderStatus.NEW if filled_base == 0 else OrderStatus.PARTIALLY_FILLED


def price_moved(order: Order) -> OrderError:
    """What an accepted RFQ ends with when its fill-or-kill order traded nothing."""
    attempt = order.attempts[-1]
    return OrderError(
        Code.PRICE_MOVED,
        f"expected {order.request.quantity:f} {order.request.quantity_currency} at "
        f"{attempt.quoted_price:f} or better, nothing traded",
        retryable=True,
        connection_id=attempt.connection_id,
    )
