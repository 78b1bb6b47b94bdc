"""What an order's type is told on the command line, and how an order's terms read."""

from dataclasses import dataclass, fields
from typing import Annotated, Final, Literal

from cyclopts import Group, Parameter

from router.cli.access import Flag
from router.cli.answers import Terms
from router.cli.paper import plain, words

OrderTypeName = Literal["market", "limit", "twap", "steady_pace", "stop"]
_ALGORITHMS: Final = Group("TWAP, steady pace, stop", sort_key=5)


@Parameter(name="*", group=_ALGORITHMS)
@dataclass(frozen=True, kw_only=True)
class Working:
    """What the types that work over time are told."""

    interval_minutes: int | None = None
    "twap: minutes between two slices, at most the duration; --time-sliced must have it."

    time_sliced: Flag = False
    "twap: one sub-order an interval."

    bounds: Literal["narrow", "standard", "wide"] | None = None
    "twap that is not time-sliced: how strictly it keeps to its schedule."

    sub_order_size: str | None = None
    "steady_pace: the size of each sub-order, less than the quantity."

    interval: int | None = None
    "steady_pace: how many interval units lie between two sub-orders."

    interval_unit: Annotated[Literal["second", "minute", "hour"] | None, Parameter(show_default=False)] = None
    "steady_pace: the unit of the interval; minute if left out."

    variance: str | None = None
    "steady_pace: how much the sub-orders' sizes vary, 0 to 1 with at most two decimals."

    trigger_price: str | None = None
    "stop: the price that activates it; with --limit-price a stop-limit order, else a stop-market order."

    scheduled_at: str | None = None
    "twap, steady_pace: when to begin, such as 2026-01-02T03:04:05Z; at once if left out."

    def body(self) -> dict[str, object]:
        """The fields that were given: a router that does not know the others is not told of them."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in given.items() if value is not None and value is not False}


def terms_text(terms: Terms) -> str:
    """An order's terms in a line; empty where there are none."""
    said: list[str] = []
    for name in terms.__struct_fields__:
        value = getattr(terms, name)
        if value is None:
            continue
        label = words(name)
        if isinstance(value, bool):
            said.append(label if value else f"not {label}")
        else:
            said.append(f"{label} {value}")
    return plain(", ".join(said))
