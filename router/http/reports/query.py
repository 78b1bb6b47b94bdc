"""Which rows a report is asked for, read from the query; every filter that is wrong is named."""

import re
from typing import Final

from multidict import MultiMapping

from router.core.errors import FieldError, InvalidRequestError, shown
from router.http.decode import parse_time
from router.http.requests import ID, PAGE_LENGTH
from router.http.wire import PRODUCT_PATTERN
from router.reports.cursor import CURSOR_LENGTH_MAX

ROWS_MAX: Final = 500
"""Rows on a page: two answers of a counterparty, 200 KB of JSON."""
_PRODUCT: Final = re.compile(PRODUCT_PATTERN)
_LIMIT: Final = re.compile("[1-9][0-9]{0,3}", re.ASCII)
_CURSOR: Final = re.compile(f"[A-Za-z0-9_-]{{1,{CURSOR_LENGTH_MAX}}}", re.ASCII)
_WALLET: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}", re.ASCII)


class Filters:
    """Reads a query; a reader of a bad filter notes it and gives None."""

    def __init__(self, query: MultiMapping[str]) -> None:
        self._query = query
        self._errors: list[FieldError] = []

    def connection(self, *, required: bool = False) -> str | None:
        """A connection's id."""
        return self._text("connection", ID, "the id of a connection", required=required)

    def product(self) -> str | None:
        """A pair."""
        return self._text("product", _PRODUCT, "base and quote currency, such as BTC-USD")

    def order(self) -> str | None:
        """One of our orders."""
        return self._text("order", ID, "the id of an order")

    def wallet(self) -> str | None:
        """A wallet in custody."""
        return self._text("wallet", _WALLET, "the id of a wallet")

    def window(self) -> tuple[int | None, int | None]:
        """`from` and `to`, nanoseconds since the epoch."""
        since, until = self._time("from"), self._time("to")
        if since is not None and until is not None and since >= until:
            self._refuse("from", "a time before to", self._query["from"])
        return since, until

    def limit(self) -> int | None:
        """Rows on a page; None where none is named."""
        text = self._query.get("limit")
        if text is None:
            return None
        if _LIMIT.fullmatch(text) is None or int(text) > ROWS_MAX:
            self._refuse("limit", f"a whole number from 1 to {ROWS_MAX}", text)
            return PAGE_LENGTH
        return int(text)

    def cursor(self) -> str | None:
        """Where another page ended."""
        text = self._query.get("cursor")
        if text is not None and _CURSOR.fullmatch(text) is None:
            self._refuse("cursor", "a next_cursor of an answer", text)
            return None
        return text

    def format(self) -> str | None:
        """`json` or `csv`."""
        text = self._query.get("format")
        if text not in (None, "json", "csv"):
            self._refuse("format", "json or csv", text)
            return None
        return text

    def raise_if_any(self) -> None:
        """Raise `InvalidRequestError` with everything that was noted."""
        if self._errors:
            raise InvalidRequestError(*self._errors)

    def _text(
        self, name: str, pattern: re.Pattern[str], expected: str, *, required: bool = False
    ) -> str | None:
        text = self._query.get(name)
        if text is None:
            if required:
                self._errors.append(FieldError(name, expected, None))
            return None
        if pattern.fullmatch(text) is None:
            self._refuse(name, expected, text)
            return None
        return text

    def _time(self, name: str) -> int | None:
        text = self._query.get(name)
        if text is None:
            return None
        try:
            return parse_time(text)
        except ValueError as error:
            self._refuse(name, str(error), text)
            return None

    def _refuse(self, name: str, expected: str, was: str | None) -> None:
        self._errors.append(FieldError(name, expected, shown(was)))
