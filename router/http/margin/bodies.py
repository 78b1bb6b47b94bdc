"""Requests that move margin money, as they stand in JSON. The names are the schemas' in the description."""

from typing import Annotated, Literal

import msgspec

from router.core.moving import MoveFound
from router.http.bodies import OPERATOR_PATTERN, REASON_PATTERN, Amount, Body
from router.http.wire import ID_PATTERN

CURRENCY_PATTERN = r"^[A-Za-z0-9*.:_-]{1,32}$"
CURRENCIES_MAX = 100
"""Currencies in one request: more than any counterparty lists as margin."""

Currency = Annotated[str, msgspec.Meta(pattern=CURRENCY_PATTERN, examples=["USD"])]


class MarginTransferBody(Body, frozen=True):
    """An amount of one currency. The header `Idempotency-Key` is required."""

    currency: Currency
    quantity: Amount


class MarginPositionsBody(Body, frozen=True):
    """All positions, or those in the currencies named: one of both. `Idempotency-Key` is required."""

    all: Literal[True] | None = None
    currencies: Annotated[
        Annotated[
            list[Currency],
            msgspec.Meta(min_length=1, max_length=CURRENCIES_MAX, extra_json_schema={"uniqueItems": True}),
        ]
        | None,
        msgspec.Meta(description="Each once; in any order it is the same request."),
    ] = None


class MarginFindingBody(Body, frozen=True):
    """What a person found out of an operation in doubt."""

    finding: MoveFound
    operator: Annotated[
        str, msgspec.Meta(pattern=OPERATOR_PATTERN, description="Who found it out.", examples=["J. Doe"])
    ]
    reason: Annotated[
        str, msgspec.Meta(pattern=REASON_PATTERN, description="How, and why that can be relied on.")
    ]
    venue_id: Annotated[
        Annotated[str, msgspec.Meta(pattern=ID_PATTERN)] | None,
        msgspec.Meta(description="The counterparty's id of what was done, if it has one; for `done` alone."),
    ] = None
