"""What the fields of a request must be, and of a query: one function a request."""

import re
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from decimal import Decimal
from typing import Final, cast

import msgspec
from multidict import MultiMapping

from router.core.errors import FieldError, InvalidRequestError, shown
from router.core.model import OnCreditFailure, OrderRequest, OrderType, Side
from router.http import bodies, wire
from router.http.decode import ERRORS_MAX, Fields, cut, decode_object
from router.http.instructions import read_instructions
from router.http.quick import quick_order, quick_quote

ID: Final = re.compile(wire.ID_PATTERN)
_PRODUCT: Final = re.compile(wire.PRODUCT_PATTERN)
_LIMIT: Final = re.compile("[1-9][0-9]{0,2}", re.ASCII)
ID_EXPECTED: Final = "1 to 64 of A-Za-z0-9._:-"

PAGE_LENGTH_MAX: Final = 100
PAGE_LENGTH: Final = 50
CURSOR_LENGTH_MAX: Final = 512

_ORDER_FIELDS: Final = frozenset(bodies.OrderBody.__struct_fields__)
_RFQ_FIELDS: Final = frozenset(bodies.RfqBody.__struct_fields__)
_ACCEPT_FIELDS: Final = frozenset(bodies.AcceptBody.__struct_fields__)


class Acceptance(msgspec.Struct, frozen=True):
    """What an RFQ is accepted with."""

    client_order_id: str
    connection_id: str | None
    on_credit_failure: OnCreditFailure | None


class PageQuery(msgspec.Struct, frozen=True):
    """Which orders are asked for."""

    client_order_id: str | None
    limit: int
    cursor: str | None
    in_doubt: bool = False


def order_request(
    raw: bytes, slippage_bps_max: int, connection_ids: Callable[[], AbstractSet[str]]
) -> OrderRequest:
    """An order from a body; `slippage_bps_max` is the setting, in basis points.

    `connection_ids` tells what a request may name, and is asked only where one names something. Raises
    `InvalidRequestError` with every field error, `RouterError` for what is no JSON.
    """
    return quick_order(raw, slippage_bps_max) or careful_order(raw, slippage_bps_max, connection_ids)


def careful_order(
    raw: bytes, slippage_bps_max: int, connection_ids: Callable[[], AbstractSet[str]]
) -> OrderRequest:
    """As `order_request`, field by field: every type, and everything that is wrong."""
    fields = Fields(decode_object(raw), _ORDER_FIELDS)
    client_order_id = fields.text("client_order_id", ID, ID_EXPECTED, required=True)
    product = _product(fields)
    side = fields.choice("side", tuple(Side), required=True)
    kind = fields.choice("type", tuple(OrderType), required=True)
    quantity = fields.amount("quantity", positive=True, required=True)
    currency = _quantity_currency(fields, product)
    told = read_instructions(fields, kind, side, quantity, slippage_bps_max)
    connections = _connections(fields, connection_ids)
    on_credit_failure = _on_credit_failure(fields)
    fields.raise_if_any()
    # Nothing was refused, so what is required is there.
    return OrderRequest(
        client_order_id=cast("str", client_order_id),
        product=cast("str", product),
        side=cast("Side", side),
        type=cast("OrderType", kind),
        quantity=cast("Decimal", quantity),
        quantity_currency=cast("str", currency),
        limit_price=told.limit_price,
        time_in_force=told.time_in_force,
        duration_minutes=told.duration_minutes,
        slippage_bps_max=told.slippage_bps_max,
        connections=connections,
        on_credit_failure=on_credit_failure,
        instruction=told.instruction,
    )


def quote_request(raw: bytes, connection_ids: Callable[[], AbstractSet[str]]) -> OrderRequest:
    """What an RFQ asks for: a market order without a client order id. Raises as `order_request` does."""
    return quick_quote(raw) or careful_quote(raw, connection_ids)


def careful_quote(raw: bytes, connection_ids: Callable[[], AbstractSet[str]]) -> OrderRequest:
    """As `quote_request`, field by field."""
    fields = Fields(decode_object(raw), _RFQ_FIELDS)
    product = _product(fields)
    side = fields.choice("side", tuple(Side), required=True)
    quantity = fields.amount("quantity", positive=True, required=True)
    currency = _quantity_currency(fields, product)
    connections = _connections(fields, connection_ids)
    fields.raise_if_any()
    return OrderRequest(
        client_order_id="",
        product=cast("str", product),
        side=cast("Side", side),
        type=OrderType.MARKET,
        quantity=cast("Decimal", quantity),
        quantity_currency=cast("str", currency),
        connections=connections,
    )


def acceptance(raw: bytes) -> Acceptance:
    """What an RFQ is accepted with. Raises as `order_request` does."""
    fields = Fields(decode_object(raw), _ACCEPT_FIELDS)
    client_order_id = fields.text("client_order_id", ID, ID_EXPECTED, required=True)
    connection = fields.text("connection", ID, "a connection's id", required=False)
    on_credit_failure = _on_credit_failure(fields)
    fields.raise_if_any()
    return Acceptance(cast("str", client_order_id), connection, on_credit_failure)


def refuse_fields(raw: bytes) -> None:
    """Take an empty body or an empty object, where a request has no fields."""
    if raw.strip():
        Fields(decode_object(raw), frozenset()).raise_if_any()


def page_query(query: MultiMapping[str]) -> PageQuery:
    """Which orders are asked for. Raises `InvalidRequestError`."""
    errors: list[FieldError] = []

    def refuse(name: str, expected: str, was: str) -> None:
        errors.append(FieldError(name, expected, shown(was)))

    limit, cursor = query.get("limit"), query.get("cursor")
    client_order_id, in_doubt = query.get("client_order_id"), query.get("in_doubt")
    if in_doubt not in (None, "true", "false"):
        refuse("in_doubt", "true or false", in_doubt)
    if limit is not None and (_LIMIT.fullmatch(limit) is None or int(limit) > PAGE_LENGTH_MAX):
        refuse("limit", f"a whole number from 1 to {PAGE_LENGTH_MAX}", limit)
    if cursor is not None and not 0 < len(cursor) <= CURSOR_LENGTH_MAX:
        refuse("cursor", "a next_cursor of an answer", cursor)
    if client_order_id is not None:
        if ID.fullmatch(client_order_id) is None:
            refuse("client_order_id", ID_EXPECTED, client_order_id)
        if cursor is not None:
            refuse("cursor", "no cursor beside client_order_id", cursor)
        if in_doubt == "true":
            refuse("in_doubt", "no in_doubt beside client_order_id", in_doubt)
    if errors:
        raise InvalidRequestError(*errors)
    return PageQuery(
        client_order_id, PAGE_LENGTH if limit is None else int(limit), cursor, in_doubt == "true"
    )


def check_query(query: MultiMapping[str], known: AbstractSet[str]) -> None:
    """Refuse parameters that a route does not take, and any that stands twice."""
    errors = [
        FieldError(cut(name), "no parameter of this name", shown(query[name]))
        for name in dict.fromkeys(query)
        if name not in known
    ]
    errors += [
        FieldError(name, "a parameter once", "more than once")
        for name in sorted(known)
        if len(query.getall(name, [])) > 1
    ]
    if errors:
        raise InvalidRequestError(*errors[:ERRORS_MAX])


def _product(fields: Fields) -> str | None:
    expected = "base and quote currency, such as BTC-USD"
    product = fields.text("product", _PRODUCT, expected, required=True)
    if product is not None:
        base, _, quote = product.partition("-")
        if base == quote:
            fields.refuse("product", "two currencies", product)
            return None
    return product


def _quantity_currency(fields: Fields, product: str | None) -> str | None:
    value = fields.get("quantity_currency")
    base, _, quote = (product or "").partition("-")
    # Without a product that can be read, any text may be right.
    expected = f'"{base}" or "{quote}"' if product else "the product's base or quote currency"
    if value is None:
        fields.missing("quantity_currency", expected)
    elif not isinstance(value, str) or (product and value not in (base, quote)):
        fields.refuse("quantity_currency", expected, value)
    else:
        return value
    return None


def _connections(fields: Fields, connection_ids: Callable[[], AbstractSet[str]]) -> tuple[str, ...] | None:
    value = fields.get("connections")
    if value is None:
        return None
    if not isinstance(value, list) or not value:
        fields.refuse("connections", "null or a list of connection ids", value)
        return None
    known = connection_ids()
    chosen: dict[str, None] = {}
    for index, member in enumerate(value):
        if not isinstance(member, str) or member not in known:
            fields.refuse(f"connections[{index}]", "the id of a connection", member)
        elif member in chosen:
            fields.refuse(f"connections[{index}]", "an id once", member)
        else:
            chosen[member] = None
    return tuple(chosen)


def _on_credit_failure(fields: Fields) -> OnCreditFailure | None:
    return fields.choice("on_credit_failure", tuple(OnCreditFailure), required=False)
