"""The margin operations that move money: collateral in, positions transferred, covered and closed.

Source: bitgo-prime OpenAPI, POST margin/collateral/transfer, margin/positions/transfer,
margin/positions/cover, margin/positions/close and the close requests.
"""

from decimal import Decimal

from .account import Account
from .closing import Closer
from .desk import Desk
from .errors import INVALID_ARGUMENT, NOT_FOUND, RefusedError, invalid_argument
from .fields import Fields
from .gate import Call, Handler, Route
from .health import Health
from .margin_wire import close_order_of, close_request_of, moved_of
from .money import ZERO, AmountError, parse_amount
from .query import path_id
from .rest import ACCOUNT, currencies
from .transfers import cover, not_supported, transfer_collateral, transfer_position
from .world import World

_STATUSES = ("pending", "in_progress", "completed", "failed", "cancelled")
_CLOSE_ID = "closePositionRequestID"


def amount_of(call: Call) -> tuple[str, Decimal]:
    """Read the body `{currency, quantity}` of a move."""
    fields = Fields.from_json(call.body)
    fields.only(("currency", "quantity"))
    fields.require(("currency", "quantity"))
    currency, text = fields.text("currency") or "", fields.text("quantity") or ""
    try:
        quantity = parse_amount(text)
    except AmountError as error:
        raise _invalid_quantity() from error
    if quantity == ZERO:
        raise _invalid_quantity()
    return currency, quantity


def _invalid_quantity() -> RefusedError:
    return RefusedError(INVALID_ARGUMENT, text="invalid quantity")


def _selection(call: Call) -> list[str] | None:
    """Read the body `{currencies}` or `{all}`, one of the two; None is all."""
    fields = Fields.from_json(call.body)
    fields.only(("currencies", "all"))
    named, every = fields.texts("currencies"), fields.flag("all")
    if (named is None) == (every is None) or every is False or named == []:
        raise RefusedError(INVALID_ARGUMENT, key="currencies")
    if named is not None and len(set(named)) < len(named):
        raise invalid_argument("currencies", "currencies must name each currency once.")
    return named


class Moves:
    """The handlers; what they change may change how the account stands."""

    def __init__(self, health: Health, closer: Closer) -> None:
        self._health = health
        self._closer = closer

    def routes(self) -> tuple[Route, ...]:
        """Give the operations."""
        requests = ACCOUNT + "/margin/positions/close/requests"
        return (
            _move("collateral/transfer", "collateral_transfer", self._collateral),
            _move("positions/transfer", "position_transfer", self._position),
            _move("positions/cover", "cover", self._cover),
            _move("positions/close", "close", self._close, status=202),
            Route(
                "GET",
                requests,
                "margin_read",
                _requests,
                queries=("offset", "limit", "status", "dateGte", "dateLt"),
                margin=True,
            ),
            Route("GET", requests + "/{request}", "margin_read", _request, margin=True),
            Route("GET", requests + "/{request}/orders", "margin_read", _request_orders, margin=True),
        )

    def _collateral(self, world: World, _desk: Desk, call: Call) -> object:
        moved = transfer_collateral(world, call.account, *amount_of(call))
        self._health.look(call.account)
        return moved_of(world, call.account, moved)

    def _position(self, world: World, _desk: Desk, call: Call) -> object:
        currency, quantity = amount_of(call)
        _check_known(world, call.account, [currency])
        moved = transfer_position(world, call.account, currency, quantity)
        self._health.look(call.account)
        return {"balances": [moved_of(world, call.account, moved)]}

    def _cover(self, world: World, _desk: Desk, call: Call) -> object:
        wanted = _selection(call)
        _check_known(world, call.account, wanted or [])
        covered = cover(world, call.account, wanted)
        self._health.look(call.account)
        rows = [moved_of(world, call.account, one) for one in covered]
        for row in rows:
            # Documented for the transfers, and not for what covers.
            del row["transferId"]
        return {"balances": rows}

    def _close(self, _world: World, _desk: Desk, call: Call) -> object:
        return close_request_of(call.account, self._closer.request(call.account, _selection(call)))


def _move(path: str, operation: str, handler: Handler, status: int = 200) -> Route:
    url = f"{ACCOUNT}/margin/{path}"
    return Route("POST", url, operation, handler, scope="trade_trade", margin=True, status=status)


def _check_known(world: World, account: Account, named: list[str]) -> None:
    known = {*currencies(world, account), *account.margin_file.accepted, *account.margin.positions}
    if not known.issuperset(named):
        raise not_supported()


def _requests(_world: World, _desk: Desk, call: Call) -> object:
    query = call.query
    given = query.text("status")
    statuses = given.split(",") if given is not None else list(_STATUSES)
    if not set(statuses) <= set(_STATUSES):
        raise invalid_argument("status", f"status must be of {', '.join(_STATUSES)}.")
    since, before = query.time("dateGte"), query.time("dateLt")
    rows = [
        one
        for one in reversed(call.account.margin_file.closes.values())
        if one.status in statuses
        and (since is None or one.created >= since)
        and (before is None or one.created < before)
    ]
    return {"data": [close_request_of(call.account, one) for one in query.page(rows)]}


def _request(_world: World, _desk: Desk, call: Call) -> object:
    found = call.account.margin_file.closes.get(path_id(call.params["request"], _CLOSE_ID))
    if found is None:
        raise RefusedError(NOT_FOUND, key=_CLOSE_ID)
    return close_request_of(call.account, found)


def _request_orders(_world: World, _desk: Desk, call: Call) -> object:
    """List the orders; "this endpoint does not validate that the close-position request itself exists"."""
    found = call.account.margin_file.closes.get(path_id(call.params["request"], _CLOSE_ID))
    return {"orders": [close_order_of(found, one) for one in found.orders] if found is not None else []}
