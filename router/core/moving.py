"""The table of states of a move of margin money, and what each event does to its record.

    accepted ──Sent──▶ sent ──Answered──▶ done | rejected
        │               │ ╲──NeverLeft──▶ rejected
        │               ╰──WentInDoubt──▶ in_doubt ──Answered (found, or late)──▶ done | rejected
     Withheld                                 │
        ▼                          ProvedAbsent, FindingRecorded (by a person)
     rejected                                 ▼
                                        done | rejected

`step(operation, event, now)` is total: every (phase, event) pair is in `TRANSITIONS` or raises
`TransitionError`, which is a bug in the caller. A final phase stays; an answer that comes after it and says
otherwise marks a person's finding as contradicted, and changes nothing else.

BitGo takes no id of ours with a move. What shows afterwards is told apart by what it is, how much and when,
so two moves that could leave the same trace are never under way, or in doubt, together (`same_trace`).
"""

import enum
from typing import Final

import msgspec

from router.core.errors import Code, OrderError
from router.core.model import Connection
from router.core.movement import Move, Moved, MoveKind, MoveRefused
from router.core.order import TransitionError


class MovePhase(enum.StrEnum):
    """Where the router stands with a move."""

    ACCEPTED = "accepted"
    """Durable; nothing has been sent."""
    SENT = "sent"
    """The intent is durable: it may have been sent."""
    IN_DOUBT = "in_doubt"
    """Sent and unanswered: it may have been done and is being looked up."""
    DONE = "done"
    REJECTED = "rejected"

    @property
    def is_final(self) -> bool:
        """Whether nothing can happen to it any more."""
        return self in (MovePhase.DONE, MovePhase.REJECTED)


class MoveFound(enum.StrEnum):
    """What a person found out of a move in doubt."""

    DONE = "done"
    """The counterparty did it, or took it on."""
    ABSENT = "absent"
    """The counterparty never took it."""


class MoveFinding(msgspec.Struct, frozen=True):
    """A person's finding, with the name and the reason that it is kept under; `at` in nanoseconds.

    `venue_id`: the counterparty's id of what was done, so that it is not taken for another move.
    `contradicted_at`: since when the counterparty says otherwise.
    """

    found: MoveFound
    operator: str
    reason: str
    at: int
    venue_id: str | None = None
    contradicted_at: int | None = None


class Operation(msgspec.Struct, frozen=True):
    """A move's whole record; replayed from its events it is the same again. Times in nanoseconds.

    `key` is the caller's idempotency key; `result` is what the counterparty answered or showed, `error` why
    nothing was moved.
    """

    id: str
    connection: Connection
    key: str
    move: Move
    created_at: int
    updated_at: int
    phase: MovePhase = MovePhase.ACCEPTED
    sent_at: int | None = None
    doubtful_since: int | None = None
    result: Moved | None = None
    error: OrderError | None = None
    finding: MoveFinding | None = None

    @property
    def in_doubt(self) -> bool:
        """Whether it may have been done and is being looked up."""
        return self.phase is MovePhase.IN_DOUBT

    @property
    def is_final(self) -> bool:
        """Whether nothing can happen to it any more."""
        return self.phase.is_final

    @property
    def is_settled(self) -> bool:
        """Whether a caller need not wait: it has ended, or only time and evidence will tell."""
        return self.is_final or self.in_doubt

    @property
    def venue_ids(self) -> tuple[str, ...]:
        """The counterparty's ids of what it did: evidence of this move and of no other."""
        found = () if self.finding is None or self.finding.venue_id is None else (self.finding.venue_id,)
        return found if self.result is None else (*self.result.venue_ids, *found)


class OperationPage(msgspec.Struct, frozen=True):
    """A page of a connection's operations, newest first. `next_cursor` is None on the last one."""

    data: tuple[Operation, ...]
    next_cursor: str | None


class Submitted(msgspec.Struct, frozen=True):
    """An operation as it stands. `replayed`: its key was known already, and nothing was done."""

    operation: Operation
    replayed: bool = False


# Events: journaled as they are, in the order in which they were decided.
class Sent(msgspec.Struct, frozen=True, tag="sent"):
    """It goes out next."""


class Withheld(msgspec.Struct, frozen=True, tag="withheld"):
    """Nothing was sent and nothing will be."""

    error: OrderError


class Answered(msgspec.Struct, frozen=True, tag="answered"):
    """The counterparty said, or showed afterwards, what it did."""

    outcome: Moved | MoveRefused


class NeverLeft(msgspec.Struct, frozen=True, tag="never_left"):
    """Not a byte of it left us."""

    detail: str


class WentInDoubt(msgspec.Struct, frozen=True, tag="went_in_doubt"):
    """It was sent, or may have been, and no answer that can be relied on came."""

    detail: str


class ProvedAbsent(msgspec.Struct, frozen=True, tag="proved_absent"):
    """No trace of it after the settling window, where it would have left one: it was never taken."""

    detail: str


class FindingRecorded(msgspec.Struct, frozen=True, tag="finding_recorded"):
    """A person found out by other means what became of a move in doubt."""

    finding: MoveFinding


MoveEvent = Sent | Withheld | Answered | NeverLeft | WentInDoubt | ProvedAbsent | FindingRecorded
EVENTS: Final = (Sent, Withheld, Answered, NeverLeft, WentInDoubt, ProvedAbsent, FindingRecorded)

_A, _S, _I = MovePhase.ACCEPTED, MovePhase.SENT, MovePhase.IN_DOUBT
_D, _R = MovePhase.DONE, MovePhase.REJECTED
_END: Final = frozenset({_D, _R})

TRANSITIONS: Final[dict[tuple[MovePhase, type], frozenset[MovePhase]]] = {
    (_A, Sent): frozenset({_S}),
    (_A, Withheld): frozenset({_R}),
    (_S, Answered): _END,
    (_S, NeverLeft): frozenset({_R}),
    (_S, WentInDoubt): frozenset({_I}),
    (_I, Answered): _END,
    # The send was waited for in vain, and then said that it had never begun.
    (_I, NeverLeft): frozenset({_R}),
    (_I, WentInDoubt): frozenset({_I}),
    (_I, ProvedAbsent): frozenset({_R}),
    (_I, FindingRecorded): _END,
    # What was still being asked, or still being sent, when a person or a look-up ended the doubt.
    **{(end, event): frozenset({end}) for end in (_D, _R) for event in (Answered, NeverLeft, WentInDoubt)},
}
"""Which phases an event can lead to from where; a pair that is not here cannot happen."""

_LISTED: Final = frozenset(
    {MoveKind.CLOSE, MoveKind.COLLATERAL_WITHDRAWAL, MoveKind.POSITION_TRANSFER, MoveKind.COVER}
)
_TRACES: Final = {
    MoveKind.COLLATERAL_TRANSFER: "collateral",
    MoveKind.COLLATERAL_WITHDRAWAL: "withdrawal",
    MoveKind.CLOSE: "close",
    # Both show as a transfer onto a position, and as nothing else.
    MoveKind.POSITION_TRANSFER: "position",
    MoveKind.COVER: "position",
}


def leaves_trace(kind: MoveKind) -> bool:
    """Whether the counterparty lists what was done, so that not being listed says something.

    A transfer of collateral only changes a balance, which other things change too.
    """
    return kind in _LISTED


def same_trace(one: Move, other: Move) -> bool:
    """Whether what one move leaves behind could be taken for the other's."""
    if _TRACES[one.kind] != _TRACES[other.kind]:
        return False
    mine, theirs = _currencies(one), _currencies(other)
    return mine is None or theirs is None or any(currency in theirs for currency in mine)


def differing_field(move: Move, other: Move) -> str | None:
    """The first field in which a repeated request is another than the first; None if it is the same."""
    for field in move.__struct_fields__:
        if getattr(move, field) != getattr(other, field):
            return field
    return None


def step(operation: Operation, event: MoveEvent, now: int) -> Operation:
    """The operation after an event; `now` in nanoseconds since the epoch. Raises `TransitionError`."""
    allowed = TRANSITIONS.get((operation.phase, type(event)))
    untold = isinstance(event, ProvedAbsent) and not leaves_trace(operation.move.kind)
    if allowed is None or untold:
        raise TransitionError(
            f"expected no {type(event).__name__} of a {operation.move.kind} in phase {operation.phase}, "
            f"operation {operation.id}"
        )
    after = _apply(operation, event, now)
    if after.phase not in allowed:
        raise TransitionError(
            f"expected {type(event).__name__} to lead from {operation.phase} to {sorted(allowed)}, "
            f"was {after.phase}, operation {operation.id}"
        )
    if after == operation:
        return operation
    return msgspec.structs.replace(after, updated_at=max(now, operation.updated_at))


def _apply(operation: Operation, event: MoveEvent, now: int) -> Operation:
    replace = msgspec.structs.replace
    match event:
        case Sent():
            return replace(operation, phase=_S, sent_at=now)
        case Withheld(error=error):
            return replace(operation, phase=_R, error=error)
        case Answered(outcome=outcome):
            if operation.is_final:
                return _contradicted(operation, outcome, now)
            return _answered(operation, outcome)
        case NeverLeft(detail=detail):
            if operation.is_final:
                return operation
            return replace(operation, phase=_R, error=_error(operation, Code.VENUE_UNAVAILABLE, detail))
        case WentInDoubt():
            if operation.phase is not _S:
                return operation
            return replace(operation, phase=_I, doubtful_since=now)
        case ProvedAbsent(detail=detail):
            return replace(operation, phase=_R, error=_error(operation, Code.NOT_TAKEN, detail))
        case FindingRecorded(finding=finding):
            if finding.found is MoveFound.DONE:
                return replace(operation, phase=_D, finding=finding)
            detail = f"found absent by {finding.operator}: {finding.reason}"
            error = _error(operation, Code.NOT_TAKEN, detail)
            return replace(operation, phase=_R, finding=finding, error=error)


def _answered(operation: Operation, outcome: Moved | MoveRefused) -> Operation:
    if isinstance(outcome, Moved):
        return msgspec.structs.replace(operation, phase=_D, result=outcome)
    return msgspec.structs.replace(operation, phase=_R, error=outcome.error)


def _contradicted(operation: Operation, outcome: Moved | MoveRefused, now: int) -> Operation:
    """What was final stays so; a finding that the counterparty denies is marked."""
    finding = operation.finding
    if finding is None or finding.contradicted_at is not None:
        return operation
    if isinstance(outcome, Moved) and finding.found is MoveFound.DONE:
        return msgspec.structs.replace(operation, result=operation.result or outcome)
    if isinstance(outcome, MoveRefused) and finding.found is MoveFound.ABSENT:
        return operation
    marked = msgspec.structs.replace(finding, contradicted_at=now)
    return msgspec.structs.replace(operation, finding=marked)


def _currencies(move: Move) -> tuple[str, ...] | None:
    return move.currencies if move.currency is None else (move.currency,)


def _error(operation: Operation, code: Code, detail: str) -> OrderError:
    return OrderError(code, detail, retryable=True, connection_id=operation.connection.id)
