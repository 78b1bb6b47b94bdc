"""What a test sees and sets of custody from outside; no part of the counterparty's wire."""

from datetime import datetime

from aiohttp import web
from msgspec import Struct, to_builtins

from venues.simulator import clock
from venues.simulator.clock import parse_time, to_wire_time
from venues.simulator.control_http import Body, read, served
from venues.simulator.custody.model import Holding, Transfer, Wallet, holding
from venues.simulator.custody.settings import (
    BaseUnits,
    CoinName,
    HoldingSettings,
    Moment,
    PerMinute,
    ReadFaults,
    TransferSettings,
    TransferState,
    WalletSettings,
)
from venues.simulator.custody.users import User
from venues.simulator.custody.wire import holding_of, tokens_of, transfer_of, wallet_of
from venues.simulator.fault_model import FaultSet
from venues.simulator.world import World

_USER = "/_simulator/custody/{user}"
_WALLET = _USER + "/wallets/{wallet}"
_FORGET = FaultSet()


class UserChange(Struct, forbid_unknown_fields=True, frozen=True):
    """What can be changed about a user; null or absent leaves it as it is."""

    requests_per_minute: PerMinute | None = None


class BalanceChange(Struct, forbid_unknown_fields=True, frozen=True):
    """A wallet's new amounts in base units; tokens that are not named keep theirs."""

    balance: BaseUnits | None = None
    confirmed: BaseUnits | None = None
    spendable: BaseUnits | None = None
    tokens: dict[CoinName, HoldingSettings] = {}


class StateChange(Struct, forbid_unknown_fields=True, frozen=True):
    """A transfer's new state, and when it came to it: now, unless given."""

    state: TransferState
    date: Moment | None = None


class CustodyControl:
    """The handlers; each is synchronous and answers JSON."""

    def __init__(self, world: World) -> None:
        self._world = world

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Put the paths on a router."""
        for method, path, handler in (
            ("GET", _USER, self._show),
            ("GET", _USER + "/requests", self._requests),
            ("POST", _USER + "/requests/clear", self._clear),
            ("PUT", _USER + "/faults", self._set_faults),
            ("DELETE", _USER + "/faults", self._clear_faults),
            ("PUT", _USER + "/settings", self._settings),
            ("POST", _USER + "/wallets", self._add_wallet),
            ("PUT", _WALLET + "/balances", self._balances),
            ("POST", _WALLET + "/transfers", self._add_transfer),
            ("PUT", _WALLET + "/transfers/{transfer}", self._move),
        ):
            router.add_route(method, path, served(handler))

    def _show(self, request: web.Request, _body: Body) -> object:
        user = self._user(request)
        return {
            "id": user.id,
            "enterprise": user.enterprise,
            "wallets": len(user),
            "requests_per_minute": user.window.limit,
            "faults_applied": dict(user.faults.applied),
        }

    def _requests(self, request: web.Request, _body: Body) -> object:
        return {
            "data": [
                {
                    "time": to_wire_time(call.time),
                    "method": call.method,
                    "path": call.path,
                    "query": call.query,
                    "status": call.status,
                }
                for call in self._user(request).log
            ]
        }

    def _clear(self, request: web.Request, _body: Body) -> object:
        self._user(request).log.clear()
        return {}

    def _set_faults(self, request: web.Request, body: Body) -> object:
        user = self._user(request)
        faults = read(body, ReadFaults)
        problems = faults.as_set().problems()
        if problems:
            raise web.HTTPBadRequest(text="; ".join(problems))
        user.faults.replace(faults.as_set())
        return to_builtins(faults)

    def _clear_faults(self, request: web.Request, _body: Body) -> object:
        self._user(request).faults.replace(_FORGET)
        return {}

    def _settings(self, request: web.Request, body: Body) -> object:
        user = self._user(request)
        change = read(body, UserChange)
        if change.requests_per_minute is not None:
            user.window.limit = change.requests_per_minute
        return {"requests_per_minute": user.window.limit}

    def _add_wallet(self, request: web.Request, body: Body) -> object:
        user = self._user(request)
        asked = read(body, WalletSettings)
        if asked.id is not None and user.place(asked.id) is not None:
            raise web.HTTPBadRequest(text="expected an id that no wallet has")
        return _shown(user.add_wallet(asked))

    def _balances(self, request: web.Request, body: Body) -> object:
        user, wallet = self._wallet(request)
        change = read(body, BalanceChange)
        if change.balance is not None:
            wallet.holding = holding(change.balance, change.confirmed, change.spendable)
        else:
            now = wallet.holding
            wallet.holding = Holding(
                now.balance,
                int(change.confirmed) if change.confirmed is not None else now.confirmed,
                int(change.spendable) if change.spendable is not None else now.spendable,
            )
        for token, one in change.tokens.items():
            wallet.tokens[token] = holding(one.balance, one.confirmed, one.spendable)
        user.touch(wallet)
        return _shown(wallet)

    def _add_transfer(self, request: web.Request, body: Body) -> object:
        user, wallet = self._wallet(request)
        asked = read(body, TransferSettings)
        if asked.id is not None and user.book(wallet).find(asked.id) is not None:
            raise web.HTTPBadRequest(text="expected an id that no transfer of the wallet has")
        if asked.date is not None:
            _moment(asked.date)
        return transfer_of(user.add_transfer(wallet, asked), wallet)

    def _move(self, request: web.Request, body: Body) -> object:
        """Bring a transfer to another state, whatever state that is: a re-org removes what was confirmed."""
        user, wallet = self._wallet(request)
        change = read(body, StateChange)
        transfer: Transfer | None = user.book(wallet).find(request.match_info["transfer"])
        if transfer is None:
            raise web.HTTPNotFound(text="expected the id of a transfer of the wallet")
        transfer.move_to(change.state, _moment(change.date) if change.date is not None else clock.now())
        user.keep_book(wallet).keep(transfer)
        return transfer_of(transfer, wallet)

    def _wallet(self, request: web.Request) -> tuple[User, Wallet]:
        user = self._user(request)
        wallet = user.wallet(request.match_info["wallet"])
        if wallet is None:
            raise web.HTTPNotFound(text="expected the id of a wallet of the user")
        return user, wallet

    def _user(self, request: web.Request) -> User:
        user = self._world.custody.by_id.get(request.match_info["user"])
        if user is None:
            raise web.HTTPNotFound(text="expected the id of a custody user of the settings")
        return user


def _moment(text: str) -> datetime:
    try:
        return parse_time(text)
    except ValueError as error:
        raise web.HTTPBadRequest(text=str(error)) from error


def _shown(wallet: Wallet) -> dict[str, object]:
    return {**wallet_of(wallet), **holding_of(wallet.holding), "tokens": tokens_of(wallet)}
