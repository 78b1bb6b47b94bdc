"""What a test sets of an account's margin from outside: positions, prices, risk, liquidation, requests."""

from decimal import Decimal
from typing import Literal

import msgspec
from aiohttp import web
from msgspec import Struct

from .account import Account
from .closing import Closer
from .control_http import Body, read, served
from .control_view import account_view
from .desk import Desk
from .feed import Feed
from .health import Health
from .margin_wire import close_order_of, close_request_of, withdrawal_of
from .settings import Amount, MarginDialect, Price, ProductName, SignedAmount, StepMillis, Symbol
from .transfers import decide_withdrawal, set_position
from .world import World

_ACCOUNT = "/_simulator/accounts/{account}"


class RiskChange(Struct, forbid_unknown_fields=True, frozen=True):
    """Risk settings to change; the names are those of the settings, null or absent leaves one as it is."""

    total_short_position_limit: Amount | None = None
    margin_call: Amount | None = None
    liquidation: Amount | None = None
    margin_requirement: Amount | None = None
    minimum_transferred_collateral: Amount | None = None


class MarginChange(Struct, forbid_unknown_fields=True, frozen=True):
    """How the margin is shown and how fast it is closed; null or absent leaves it as it is."""

    margin_dialect: MarginDialect | None = None
    utilization_as_number: bool | None = None
    position_value_currency: Symbol | None = None
    position_value_usd: Price | None = None
    close_step_ms: StepMillis | None = None
    liquidation_step_ms: StepMillis | None = None

    def apply(self, account: Account) -> None:
        """Change the account."""
        file = account.margin_file
        if self.margin_dialect is not None:
            file.dialect = self.margin_dialect
        if self.utilization_as_number is not None:
            file.utilization_as_number = self.utilization_as_number
        if self.position_value_currency is not None:
            file.value_currency = self.position_value_currency
        if self.position_value_usd is not None:
            file.value_usd = Decimal(self.position_value_usd)
        if self.close_step_ms is not None:
            file.close_step_ms = self.close_step_ms
        if self.liquidation_step_ms is not None:
            file.liquidation_step_ms = self.liquidation_step_ms


class LiquidationRequest(Struct, forbid_unknown_fields=True, frozen=True):
    """In or out of liquidation; `close` closes the positions at once, otherwise it lasts until taken back."""

    active: bool
    close: bool = False


class Decision(Struct, forbid_unknown_fields=True, frozen=True):
    """What becomes of a withdrawal request."""

    status: Literal["approved", "rejected", "completed"]


class MarginControl:
    """The handlers; each is synchronous and answers JSON."""

    def __init__(self, world: World, desk: Desk, feed: Feed, health: Health, closer: Closer) -> None:
        self._world = world
        self._desk = desk
        self._feed = feed
        self._health = health
        self._closer = closer

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Put the paths on a router."""
        for method, path, handler in (
            ("PUT", "/positions", self._positions),
            ("PUT", "/prices", self._prices),
            ("PUT", "/risk", self._risk),
            ("PUT", "/margin", self._margin),
            ("POST", "/liquidation", self._liquidation),
            ("GET", "/closes", self._closes),
            ("POST", "/closes/{request}/advance", self._advance),
            ("GET", "/withdrawals", self._withdrawals),
            ("POST", "/withdrawals/{request}", self._decide),
        ):
            router.add_route(method, _ACCOUNT + path, served(handler))

    def _positions(self, request: web.Request, body: Body) -> object:
        account = self._account(request)
        for asset, quantity in read(body, dict[Symbol, SignedAmount]).items():
            set_position(self._world, account, asset, Decimal(quantity))
        return self._seen(account)

    def _prices(self, request: web.Request, body: Body) -> object:
        """Set the middle of products for this account alone; null gives it back to the walk."""
        account = self._account(request)
        asked = read(body, dict[ProductName, Price | None])
        products = self._world.products
        if not set(asked) <= set(products):
            raise web.HTTPNotFound(text="expected names of products of the settings")
        for name, price in asked.items():
            account.maker.pins.pop(name, None)
            account.maker.mids.pop(name, None)
            if price is not None:
                account.maker.mids[name] = Decimal(price)
            account.maker.forget(name)
            self._desk.on_book(products[name])
            self._feed.publish_book(products[name], account)
        return self._seen(account)

    def _risk(self, request: web.Request, body: Body) -> object:
        account = self._account(request)
        for name, value in msgspec.structs.asdict(read(body, RiskChange)).items():
            if value is not None:
                setattr(account.margin.risk, name, Decimal(value))
        return self._seen(account)

    def _margin(self, request: web.Request, body: Body) -> object:
        account = self._account(request)
        read(body, MarginChange).apply(account)
        return account_view(self._world, account)

    def _liquidation(self, request: web.Request, body: Body) -> object:
        account = self._account(request)
        asked = read(body, LiquidationRequest)
        if not asked.active:
            self._health.end(account)
            return account_view(self._world, account)
        current = account.margin.liquidation
        if current is None:
            self._health.begin(account, forced=True, closes=asked.close)
        elif not asked.close:
            current.forced = True
        if asked.close:
            self._health.close_now(account)
        return account_view(self._world, account)

    def _closes(self, request: web.Request, _body: Body) -> object:
        account = self._account(request)
        return {
            "data": [
                {
                    **close_request_of(account, one),
                    "orders": [close_order_of(one, order) for order in one.orders],
                }
                for one in account.margin_file.closes.values()
            ]
        }

    def _advance(self, request: web.Request, _body: Body) -> object:
        account = self._account(request)
        found = account.margin_file.closes.get(request.match_info["request"])
        if found is None:
            raise web.HTTPNotFound(text="expected the id of a close request of the account")
        self._closer.advance(account, found)
        return close_request_of(account, found)

    def _withdrawals(self, request: web.Request, _body: Body) -> object:
        account = self._account(request)
        return {"data": [withdrawal_of(account, one) for one in account.margin_file.withdrawals.values()]}

    def _decide(self, request: web.Request, body: Body) -> object:
        account = self._account(request)
        found = account.margin_file.withdrawals.get(request.match_info["request"])
        if found is None:
            raise web.HTTPNotFound(text="expected the id of a withdrawal request of the account")
        wrong = decide_withdrawal(account, found, read(body, Decision).status)
        if wrong is not None:
            raise web.HTTPBadRequest(text=wrong)
        self._health.look(account)
        return withdrawal_of(account, found)

    def _seen(self, account: Account) -> object:
        self._health.look(account)
        return account_view(self._world, account)

    def _account(self, request: web.Request) -> Account:
        account = self._world.accounts.get(request.match_info["account"])
        if account is None:
            raise web.HTTPNotFound(text="expected the id of an account of the settings")
        return account
