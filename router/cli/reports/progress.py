"""How far a long download is, on stderr: in place on a terminal, a line now and then elsewhere."""

from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.status import Status
from rich.text import Text

ROWS_IN_PLACE: Final = 500
ROWS_A_LINE: Final = 20_000


class Progress:
    """Counts rows. Nothing is said of a report that is short."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._rows = 0
        self._status: Status | None = None

    def __enter__(self) -> Self:
        """Begin to count."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the terminal as it was."""
        if self._status is not None:
            self._status.stop()

    def advance(self) -> None:
        """Another row has come."""
        self._rows += 1
        if self._console.is_terminal and self._rows % ROWS_IN_PLACE == 0:
            if self._status is None:
                self._status = self._console.status("")
                self._status.start()
            self._status.update(Text(f"{self._rows} rows"))
        elif not self._console.is_terminal and self._rows % ROWS_A_LINE == 0:
            self._console.print(Text(f"caas-router: {self._rows} rows"))
