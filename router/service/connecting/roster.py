"""Every connection that there is, with the books behind it: what reports and margin operations look at."""

from collections.abc import Iterable, Sequence

from router.ports.accounts import AccountEntry


class Accounts:
    """Implements `router.ports.accounts.Roster`: the settings' connections first, then as they were made."""

    def __init__(self, entries: Iterable[AccountEntry] = ()) -> None:
        self._entries: dict[str, AccountEntry] = {entry.connection.id: entry for entry in entries}

    def entries(self) -> Sequence[AccountEntry]:
        """All of them."""
        return tuple(self._entries.values())

    def entry(self, connection_id: str) -> AccountEntry | None:
        """One of them."""
        return self._entries.get(connection_id)

    def put(self, entry: AccountEntry) -> None:
        """Add one, or put it in the place of the one with its id."""
        self._entries[entry.connection.id] = entry

    def drop(self, connection_id: str) -> None:
        """Take one out; nothing happens where it is not there."""
        self._entries.pop(connection_id, None)
