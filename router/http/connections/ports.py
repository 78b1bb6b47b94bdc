"""What the HTTP surface needs of connections. Tests implement it with a fake."""

from collections.abc import Sequence
from typing import Protocol

from router.service.connecting.connections import AccountView, ConnectionChange, NewConnection


class ConnectionsPort(Protocol):
    """Makes, changes, tests, removes and shows connections. Every refusal is a `RouterError`."""

    def views(self) -> Sequence[AccountView]:
        """Every connection as it is now."""

    def view(self, connection_id: str) -> AccountView:
        """One connection; raises `NotFoundError`."""

    async def add(self, wanted: NewConnection) -> AccountView:
        """Test a connection, keep it, and let it trade."""

    async def change(self, connection_id: str, change: ConnectionChange) -> AccountView:
        """Change a connection, tested first where that says something."""

    async def remove(self, connection_id: str) -> AccountView:
        """Remove a connection, which drains; the same again is the same."""

    async def test(self, connection_id: str) -> AccountView:
        """Test a connection; nothing is changed."""
