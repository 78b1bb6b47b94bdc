"""What of an order is done: each fill counted once, and cumulative quantities that only grow."""

from decimal import Decimal
from functools import reduce
from operator import attrgetter

from router.core.model import Fill, OrderReport
from router.core.money import ZERO, add, mul

_id_of = attrgetter("id")
_base_of = attrgetter("quantity_base")
_quote_of = attrgetter("quantity_quote")


def counted(
    fills: tuple[Fill, ...], base: Decimal, quote: Decimal, report: OrderReport
) -> tuple[tuple[Fill, ...], Decimal, Decimal]:
    """Fills, base and quote quantities after a report: whatever shows more of the order done.

    `fills`, `base` and `quote` are what was known before it. A fill is known by the counterparty's trade id.
    """
    new = report.fills
    if new and (fills or len(new) > 1):
        known = set(map(_id_of, fills))
        if known.issuperset(map(_id_of, new)):
            new = ()
        else:
            new = tuple({fill.id: fill for fill in new if fill.id not in known}.values())
    told_base, told_quote = report.filled_base, report.filled_quote
    if told_base > base or (told_base == base and told_quote is not None):
        base = told_base
        if told_quote is not None:
            quote = told_quote
        elif report.average_price is not None:
            quote = mul(report.average_price, base)
    if not new:
        return fills, base, quote
    fills = (*fills, *new)
    by_fill_base = reduce(add, map(_base_of, fills))
    # What the counterparty sums up itself goes before our sum, if it is the sum of as much.
    stated = told_quote is not None and told_base == base
    if by_fill_base > base or (by_fill_base == base and not stated):
        base, quote = by_fill_base, reduce(add, map(_quote_of, fills))
    return fills, base, quote


def all_listed(fills: tuple[Fill, ...], base: Decimal) -> bool:
    """Whether fills make up all of a quantity in base: then the sum in quote is known as well."""
    return reduce(add, map(_base_of, fills), ZERO) >= base


def fees_stated(fills: tuple[Fill, ...], base: Decimal) -> Decimal | None:
    """What the counterparty charged for a quantity in base, in the quote currency, by what its fills say.

    None where it does not say: the fills do not make up the quantity, or one of them states no fee.
    """
    total = ZERO
    for fill in fills:
        if fill.fee is None:
            return None
        total = add(total, fill.fee)
    return total if fills and all_listed(fills, base) else None
