"""What the HTTP surface needs of the router's margin side. Tests implement it with a fake."""

from collections.abc import Callable
from typing import Protocol

from router.core.model import Connection
from router.core.movement import Move
from router.core.moving import MoveFinding, Operation, OperationPage, Submitted
from router.core.record import Doubt
from router.ports.accounts import MarginAccount


class MarginPort(Protocol):
    """Reads margin accounts and moves margin money. Every refusal is a `RouterError`."""

    def account(self, connection_id: str) -> tuple[Connection, MarginAccount]:
        """A PTS connection and its margin side; raises `NotFoundError`, `ConflictError`."""

    async def submit(self, connection_id: str, key: str, move: Move) -> Submitted:
        """Make a move, once; returns by the answer's deadline, or the queue's before it."""

    async def operation(self, connection_id: str, operation_id: str) -> Operation:
        """One operation; raises `NotFoundError`."""

    async def operations(self, connection_id: str, limit: int, cursor: str | None) -> OperationPage:
        """A connection's operations, newest first; raises `ValueError` for a cursor that is none of ours."""

    def doubt(self, operation: Operation) -> Doubt | None:
        """What is known of a move's doubt; None where it is in none."""

    async def record(
        self, connection_id: str, operation_id: str, make: Callable[[Operation, int], MoveFinding]
    ) -> Operation:
        """End a move in doubt by what `make` makes of it at a time.

        Raises `NotFoundError`, `ConflictError`, `UnavailableError`.
        """
