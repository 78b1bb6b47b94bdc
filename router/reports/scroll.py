"""A report as it is read: rows are taken until a read is needed, and a cursor says where the next one stands.

The reader decides and the caller waits: `take` never does, `read` makes one round of requests at most. So a
page can be bounded in requests, a download can look whether anybody still listens, and whoever holds a
`Scroll` holds a page of each connection and not the report.
"""

from typing import Protocol, TypeVar

from router.reports.rows import Failed

Row_co = TypeVar("Row_co", covariant=True)
Row = TypeVar("Row")


class Reading(Protocol[Row_co]):
    """A report that is read from its beginning to its end."""

    @property
    def done(self) -> bool:
        """Whether no row is left."""

    def take(self) -> Row_co | Failed | None:
        """The next row; None where it must be read first, or none is left."""

    async def read(self) -> None:
        """Make one round of requests. Raises `StoreError`; a counterparty's failure is a row."""


class Scroll(Reading[Row_co], Protocol[Row_co]):
    """A report that can be gone on with: from the place where it was begun, or resumed."""

    def cursor(self) -> str:
        """Where the row after the last taken one stands."""


async def page_of(scroll: Scroll[Row], limit: int, reads_max: int) -> tuple[list[Row | Failed], str | None]:
    """At most `limit` rows, and the cursor of the next page; None after the last.

    A page that took `reads_max` rounds of requests ends there: it may be short, or empty, and go on.
    """
    rows: list[Row | Failed] = []
    for _ in range(reads_max):
        while len(rows) < limit:
            row = scroll.take()
            if row is None:
                break
            rows.append(row)
        at = scroll.cursor()
        if scroll.done:
            return rows, None
        if len(rows) == limit and scroll.take() is not None:
            return rows, at
        await scroll.read()
    while len(rows) < limit:
        row = scroll.take()
        if row is None:
            break
        rows.append(row)
    return rows, None if scroll.done else scroll.cursor()
