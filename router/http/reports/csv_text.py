"""CSV as spreadsheets read it (RFC 4180): amounts exact, and no text that a spreadsheet would run.

A cell that begins with = + - @ is a formula to a spreadsheet. Names, labels and error texts come from
outside, so such a text gets an apostrophe before it; an amount is a `Decimal` here and stands as it is, minus
and all.
"""

import csv
import io
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from router.core.money import format_amount

Cell = str | Decimal | int | bool | None

_FORMULA: Final = tuple("=+-@＝＋－＠")  # noqa: RUF001 - some spreadsheets take the wide forms for the same
_STEERING: Final = ("\t", "\r", "\n")


def line(cells: Sequence[Cell]) -> str:
    """One record with its end of line."""
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerow([text_of(cell) for cell in cells])
    return written.getvalue()


def text_of(cell: Cell) -> str:
    """A cell's text: amounts in plain notation, None as nothing, texts disarmed."""
    match cell:
        case None:
            return ""
        case bool():
            return "true" if cell else "false"
        case int():
            return str(cell)
        case Decimal():
            return format_amount(cell)
    if cell.startswith(_STEERING) or cell.lstrip().startswith(_FORMULA):
        return f"'{cell}"
    return cell
