"""Requests as they stand in JSON: names, order and nulls of the contract.

As with answers (`wire`), the classes' names are the schemas' names in the OpenAPI document, their docstrings
its descriptions.
"""

from typing import Annotated

import msgspec

from router.core.finding import Found
from router.core.instruction import Bounds, IntervalUnit
from router.core.model import OnCreditFailure, OrderStatus, OrderType, Side, TimeInForce
from router.core.money import AMOUNT_LENGTH_MAX
from router.http.wire import ID_PATTERN, PRODUCT_PATTERN, ClientOrderId, Time

OPERATOR_PATTERN = r"^(?!\s)[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,64}(?<!\s)$"
REASON_PATTERN = r"^(?!\s)[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,500}(?<!\s)$"
DURATION_MINUTES_MAX = 525_600
"""A year: BitGo's bound is not published, and no order should outlive the memory of who placed it."""

Amount = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(?:0|[1-9][0-9]*)(?:\.[0-9]+)?$",
        max_length=AMOUNT_LENGTH_MAX,
        description="A decimal string: digits with at most one point, no sign, no exponent.",
        examples=["0.5"],
    ),
]
Minutes = Annotated[int, msgspec.Meta(ge=1, le=DURATION_MINUTES_MAX)]
ProductName = Annotated[str, msgspec.Meta(pattern=PRODUCT_PATTERN, examples=["BTC-USD"])]
ConnectionIds = Annotated[
    list[Annotated[str, msgspec.Meta(pattern=ID_PATTERN)]],
    msgspec.Meta(
        min_length=1,
        description="Ids of the connections to ask, each once; null: all.",
        extra_json_schema={"uniqueItems": True},
    ),
]


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a caller sends; a field that is not known is refused."""


class OrderBody(Body, frozen=True):
    """An order. A field that the type does not take is refused where it is not null."""

    client_order_id: ClientOrderId
    product: ProductName
    side: Side
    type: OrderType
    quantity: Amount
    quantity_currency: Annotated[
        str, msgspec.Meta(description="The product's base or quote currency.", examples=["BTC"])
    ]
    limit_price: Annotated[
        Amount | None,
        msgspec.Meta(
            description="The worst price to trade at, quote per base. Limit orders must have it; twap, "
            "steady_pace and stop may."
        ),
    ] = None
    time_in_force: Annotated[
        TimeInForce | None,
        msgspec.Meta(
            description="Market: IOC, FOK; null is IOC. Limit: any; null is GTC, or GTD with a duration. "
            "Stop: GTC. Others take none."
        ),
    ] = None
    duration_minutes: Annotated[
        Minutes | None,
        msgspec.Meta(
            description="How long a GTD limit order works, and GTD must have it; over how long a twap is "
            "spread, and a twap must have it."
        ),
    ] = None
    interval_minutes: Annotated[
        Minutes | None,
        msgspec.Meta(
            description="twap: minutes between two slices, at most the duration; time_sliced must have it."
        ),
    ] = None
    time_sliced: Annotated[
        bool | None, msgspec.Meta(description="twap: one sub-order an interval; null is false.")
    ] = None
    bounds: Annotated[
        Bounds | None,
        msgspec.Meta(
            description="twap that is not time_sliced: how strictly it keeps to its schedule; null is "
            "standard."
        ),
    ] = None
    sub_order_size: Annotated[
        Amount | None,
        msgspec.Meta(
            description="steady_pace, which must have it: the size of a sub-order in quantity_currency, less "
            "than the quantity."
        ),
    ] = None
    interval: Annotated[
        Minutes | None,
        msgspec.Meta(description="steady_pace, which must have it: interval_units between two sub-orders."),
    ] = None
    interval_unit: Annotated[
        IntervalUnit | None, msgspec.Meta(description="steady_pace: null is minute.")
    ] = None
    variance: Annotated[
        Amount | None,
        msgspec.Meta(
            description="steady_pace: how much the sub-orders' sizes vary, 0 to 1 with at most two decimals.",
            examples=["0.20"],
        ),
    ] = None
    trigger_price: Annotated[
        Amount | None,
        msgspec.Meta(
            description="stop, which must have it: the price at which it is activated. At most the limit of "
            "a buy, at least that of a sale."
        ),
    ] = None
    scheduled_at: Annotated[
        Time | None, msgspec.Meta(description="twap, steady_pace: when to begin, in the future; null: now.")
    ] = None
    slippage_bps_max: Annotated[
        Amount | None,
        msgspec.Meta(
            description="How far beyond the quote a market order may trade, basis points. "
            "Narrows the router's setting, never widens it."
        ),
    ] = None
    connections: ConnectionIds | None = None
    on_credit_failure: OnCreditFailure | None = None


class RfqBody(Body, frozen=True):
    """A request for quotes; nothing is executed."""

    product: ProductName
    side: Side
    quantity: Amount
    quantity_currency: Annotated[
        str, msgspec.Meta(description="The product's base or quote currency.", examples=["BTC"])
    ]
    connections: ConnectionIds | None = None


class AcceptBody(Body, frozen=True):
    """An RFQ's acceptance; without a connection, the best quote is taken."""

    client_order_id: ClientOrderId
    connection: Annotated[
        Annotated[str, msgspec.Meta(pattern=ID_PATTERN)] | None,
        msgspec.Meta(description="A connection among the RFQ's entries; null: the best."),
    ] = None
    on_credit_failure: OnCreditFailure | None = None


class FindingBody(Body, frozen=True):
    """What a person found out of an order in doubt. The last four are for `executed` alone."""

    finding: Found
    operator: Annotated[
        str, msgspec.Meta(pattern=OPERATOR_PATTERN, description="Who found it out.", examples=["J. Doe"])
    ]
    reason: Annotated[
        str, msgspec.Meta(pattern=REASON_PATTERN, description="How, and why that can be relied on.")
    ]
    venue_order_id: Annotated[
        Annotated[str, msgspec.Meta(pattern=ID_PATTERN)] | None,
        msgspec.Meta(description="The counterparty's id of the order; `executed` must have it."),
    ] = None
    filled_quantity: Annotated[
        Amount | None,
        msgspec.Meta(description="What was traded, in base; `executed` must have it, 0 if nothing was."),
    ] = None
    average_price: Annotated[
        Amount | None, msgspec.Meta(description="Quote per base; must be there where something was traded.")
    ] = None
    final_status: Annotated[
        OrderStatus | None,
        msgspec.Meta(description="`filled` or `canceled`; null: `filled` where all was traded."),
    ] = None
