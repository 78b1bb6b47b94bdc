"""One counterparty tried for an order: what is sent to it, and under which id it is found there."""

from decimal import Decimal
from typing import Final

import msgspec

from router.core.errors import OrderError
from router.core.model import (
    Claim,
    Connection,
    Fill,
    OrderRequest,
    OrderType,
    OutboundOrder,
    Product,
    Route,
    TimeInForce,
)
from router.core.money import ZERO
from router.core.pricing import fee_on

# Looked up once: the name of an enumeration's member costs as much as an addition.
_MARKET: Final = OrderType.MARKET
_LIMIT: Final = OrderType.LIMIT
_GTD: Final = TimeInForce.GTD


class Attempt(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One counterparty tried for an order, and what is needed to find the order there."""

    number: int
    connection: Connection
    outbound: OutboundOrder
    product: Product
    quoted_price: Decimal
    quoted_all_in_price: Decimal
    cover_price: Decimal | None
    claim: Claim | None
    routed_at: int
    sent_at: int | None = None
    error: OrderError | None = None
    quote_valid_until: int | None = None
    executed_base: Decimal = ZERO
    executed_quote: Decimal = ZERO
    executed_fills: tuple[Fill, ...] = ()
    """What was executed here although it had been refused, and the order went on to another counterparty."""
    quoted_fee: Decimal | None = None
    """The fee of the firm quote that it accepts, in quote currency; None: the connection's fee is charged."""

    @property
    def connection_id(self) -> str:
        """The connection's id."""
        return self.connection.id

    def fee_paid(self, filled_quote: Decimal, stated: Decimal | None = None) -> Decimal:
        """The fee on what was filled, in quote currency: what the fills state, where all of them do.

        Else what is known beforehand: an accepted quote trades whole, at its own fee.
        """
        if stated is not None:
            return stated
        if self.quoted_fee is not None and filled_quote > 0:
            return self.quoted_fee
        return fee_on(filled_quote, self.connection.taker_fee_bps)


def venue_client_order_id(order_id: str, connection_id: str, attempt: int) -> str:
    """The id that the counterparty knows the order by: a function of order, connection and attempt.

    So that after a crash the accepted row alone tells where to look, and under which id.
    """
    return f"{order_id}-{attempt}-{connection_id}"


def order_id_in(own_id: str, connection_id: str) -> str | None:
    """The order's id in what `venue_client_order_id` made; None where it made no such text.

    That such an order is there, and was sent to the connection, only the journal knows.
    """
    rest = own_id.removesuffix(f"-{connection_id}")
    order_id, dash, number = rest.rpartition("-")
    known = rest != own_id and dash and number.isascii() and number.isdigit()
    return order_id if known and order_id else None


def make_attempt(
    order_id: str,
    request: OrderRequest,
    number: int,
    route: Route,
    connection: Connection,
    product: Product,
    cover_price: Decimal | None,
    now: int,
) -> Attempt:
    """The `number`th attempt of an order, from 1, on a route that was reserved for."""
    own_id = venue_client_order_id(order_id, route.connection_id, number)
    priced, limit, time_in_force = route.priced, route.limit_price, route.time_in_force
    quote, kind = priced.quote, request.type
    if kind is _MARKET and limit is not None:
        # An indicative market order goes out as a limit: a price is never left open.
        kind = _LIMIT
    # By their place: names take a struct several times as long, and every order has both.
    outbound = OutboundOrder(
        route.connection_id,
        own_id,
        request.product,
        request.side,
        kind,
        request.quantity,
        request.quantity_currency,
        limit,
        time_in_force,
        request.duration_minutes if time_in_force is _GTD else None,
        quote.quote_id,
        request.instruction,
    )
    made = Attempt(
        number, connection, outbound, product, quote.price, priced.all_in_price, cover_price, route.claim, now
    )
    if quote.quote_id is None and quote.valid_until is None:
        return made
    fee = None if quote.quote_id is None else priced.fee
    return msgspec.structs.replace(made, quote_valid_until=quote.valid_until, quoted_fee=fee)
