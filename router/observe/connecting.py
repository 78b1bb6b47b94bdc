"""One function for each thing that happens to a connection as a whole: it logs, and names no credential."""

from router.core.model import Connection
from router.observe.observer import Observer
from router.ports import StoreError


class ConnectingObserver:
    """Tells the log; a connection's condition is told by `Observer.health_changed` and its metrics.

    `account_type`: `exchange` or `custody`.
    """

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._log = observer.log

    def added(self, connection: Connection, account_type: str) -> None:
        """A connection was made."""
        self._log.info("connection_added", **_named(connection, account_type))

    def changed(self, connection: Connection, account_type: str, *, enabled: bool) -> None:
        """A connection is another than before."""
        self._log.info("connection_changed", **_named(connection, account_type), enabled=enabled)

    def removing(self, connection: Connection, account_type: str) -> None:
        """A connection gets no new orders, and is removed when it has none."""
        self._log.info("connection_removing", **_named(connection, account_type))

    def removed(self, connection: Connection, account_type: str) -> None:
        """A connection is gone."""
        self._log.info("connection_removed", **_named(connection, account_type))

    def locked(self, connection: Connection, account_type: str, why: str | None) -> None:
        """A connection cannot be used, and does not trade."""
        self._log.error("connection_locked", **_named(connection, account_type), why=why)

    def passed_over(self, connection_id: str, why: str) -> None:
        """A connection that is kept was not taken up."""
        self._log.error("connection_passed_over", connection=connection_id, why=why)

    def proved(self, connection_id: str) -> None:
        """A connection passed its test."""
        self._log.info("connection_proved", connection=connection_id)

    def test_failed(self, connection_id: str, code: str) -> None:
        """A connection did not pass its test."""
        self._log.warning("connection_test_failed", connection=connection_id, code=code)

    def store_failed(self, operation: str, error: StoreError) -> None:
        """The store could not read or write."""
        self._observer.store_failed(operation, error)


def _named(connection: Connection, account_type: str) -> dict[str, object]:
    return {
        "connection": connection.id,
        "name": connection.name,
        "type": account_type,
        "pts": connection.pts,
    }
