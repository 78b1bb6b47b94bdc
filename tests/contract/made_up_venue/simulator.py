"""Tern, played: one account, one market, over real HTTP, with the faults that every simulator here has.

It is written from Tern's description and uses none of the adapter's code. What a test sets and sees is below
`/_simulator`, in the words of the other simulators.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import Any

import msgspec
from aiohttp import web

from venues.simulator.control_http import Body, read, served
from venues.simulator.delivery import Patience, Voice, deliver
from venues.simulator.errors import Answer
from venues.simulator.fault_model import FaultSet
from venues.simulator.faults import Faults
from venues.simulator.gate import drop
from venues.simulator.limiter import Window
from venues.simulator.money import exact, is_multiple, parse_amount, to_wire

LOT, TICK, LEAST, MOST = Decimal("0.00000001"), Decimal("0.01"), Decimal("0.0001"), Decimal(1000)
SYMBOL, BASE, QUOTE = "BTC/USD", "BTC", "USD"
Levels = list[list[str]]


@dataclass
class TernError(Exception):
    """A definite no."""

    fault: str
    status: int = 400

    def answer(self) -> Answer:
        return Answer(self.status, msgspec.json.encode({"fault": self.fault, "text": "Tern says no."}))


VOICE = Voice(
    lambda name, status, _: TernError(name, status or 400).answer(),
    lambda status, _: TernError("too_fast" if status == 429 else "internal", status).answer().body,
)


@dataclass
class Order:
    id: str
    ref: str
    side: str
    left: Decimal
    price: Decimal
    made_ms: int
    state: str = "live"
    deals: list[dict[str, str]] = field(default_factory=list)

    def shown(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "ref": self.ref,
            "symbol": SYMBOL,
            "side": self.side,
            "state": self.state,
            "deals": self.deals,
        }


class Tern:
    """The account, its market and its orders."""

    def __init__(self, token: str, free: dict[str, str], requests_per_second: int) -> None:
        self.free = {asset: Decimal(text) for asset, text in free.items()}
        self.orders: dict[str, Order] = {}
        self.book: dict[str, Levels] = {"bids": [], "asks": []}
        self.counters: Counter[str] = Counter()
        self.log: list[dict[str, Any]] = []
        self.faults = Faults(FaultSet(), Random(7))  # noqa: S311 - draws which faults hit, keeps no secret
        self._token = token
        self._window = Window(requests_per_second)
        self._stopping = asyncio.Event()
        self._patience = Patience(self._stopping)
        self._runner: web.AppRunner | None = None

    async def start(self) -> str:
        """Listen on a free port of loopback; give the address."""
        app = web.Application()
        for method, path, operation, handler in (
            ("GET", "/v1/instruments", "products", self._instruments),
            ("GET", "/v1/depth", "book", self._depth),
            ("GET", "/v1/funds", "balances", self._funds),
            ("GET", "/v1/orders", "order_lookup", self._list),
            ("POST", "/v1/orders", "order", self._make),
            ("GET", "/v1/orders/by-ref/{ref}", "order_lookup", self._by_ref),
            ("GET", "/v1/orders/{id}", "order_lookup", self._by_id),
            ("DELETE", "/v1/orders/{id}", "cancel", self._cancel),
        ):
            app.router.add_route(method, path, self._gate(operation, handler))
        for method, path, control in (
            ("GET", "/_simulator/state", lambda _request, _body: {"counters": self._counted()}),
            ("GET", "/_simulator/tern/requests", lambda _request, _body: {"data": self.log}),
            ("PUT", "/_simulator/tern/faults", self._set_faults),
            ("DELETE", "/_simulator/tern/faults", self._set_faults),
            ("PUT", "/_simulator/tern/book", self._set_book),
        ):
            app.router.add_route(method, path, served(control))
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}"

    async def stop(self) -> None:
        self._stopping.set()
        if self._runner is not None:
            await self._runner.cleanup()

    def _gate(
        self, operation: str, handler: Callable[[web.Request, bytes], tuple[int, object]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """What every call passes: the count, the key, the limit, the faults; and the log."""

        def process(request: web.Request, body: bytes) -> Answer:
            try:
                status, answer = handler(request, body)
            except TernError as no:
                return no.answer()
            return Answer(status, msgspec.json.encode(answer))

        def barred(request: web.Request) -> TernError | None:
            if request.headers.get("Authorization") != f"Bearer {self._token}":
                return TernError("key_unknown", 401)
            if not self._window.take(time.monotonic()).allowed:
                self.counters["429"] += 1
                return TernError("too_fast", 429)
            return None

        async def handle(request: web.Request) -> web.StreamResponse:
            self.counters[f"{request.method} {request.path}"] += 1
            body = await request.read()
            call = {"method": request.method, "path": request.path, "status": 0, "body": body.decode()}
            self.log.append(call)
            no = barred(request)
            with exact():
                answer = (
                    no.answer()
                    if no is not None
                    else await deliver(
                        self.faults,
                        operation,
                        lambda: process(request, body),
                        request,
                        self._patience,
                        lambda: "",
                        VOICE,
                    )
                )
            if not isinstance(answer, Answer):
                return drop(request, answer)
            call["status"] = answer.status
            return web.Response(
                status=answer.status,
                body=answer.body,
                content_type=answer.content_type,
                headers=dict(answer.headers),
            )

        return handle

    def _counted(self) -> dict[str, object]:
        calls = {name: count for name, count in self.counters.items() if name != "429"}
        return {"requests": calls, "rate_limited": self.counters["429"]}

    def _set_faults(self, request: web.Request, body: Body) -> object:
        self.faults.replace(read(body, FaultSet) if request.method == "PUT" else FaultSet())
        return {}

    def _set_book(self, _request: web.Request, body: Body) -> object:
        self.book = read(body, dict[str, Levels])
        for order in self.orders.values():
            if order.state == "live":
                self._match(order)
        return {}

    def _instruments(self, _request: web.Request, _body: bytes) -> tuple[int, object]:
        row = {"symbol": SYMBOL, "lot": to_wire(LOT), "tick": to_wire(TICK), "open": True}
        return 200, {"instruments": [row | {"min": to_wire(LEAST), "max": to_wire(MOST)}]}

    def _depth(self, request: web.Request, _body: bytes) -> tuple[int, object]:
        if request.query.get("symbol") != SYMBOL:
            raise TernError("bad_request")
        return 200, {"symbol": SYMBOL, **self.book, "time": datetime.now(UTC).isoformat()}

    def _funds(self, _request: web.Request, _body: bytes) -> tuple[int, object]:
        return 200, {"free": {asset: to_wire(amount) for asset, amount in self.free.items()}}

    def _list(self, request: web.Request, _body: bytes) -> tuple[int, object]:
        since = int(request.query["since"])
        return 200, {"orders": [order.shown() for order in self.orders.values() if order.made_ms >= since]}

    def _make(self, _request: web.Request, body: bytes) -> tuple[int, object]:
        new = msgspec.json.decode(body, type=dict[str, str])
        if set(new) != {"ref", "symbol", "side", "qty", "price", "policy"} or new["symbol"] != SYMBOL:
            raise TernError("bad_request")
        size, price = parse_amount(new["qty"]), parse_amount(new["price"])
        if not (LEAST <= size <= MOST and is_multiple(size, LOT)):
            raise TernError("bad_size")
        if not is_multiple(price, TICK):
            raise TernError("bad_price")
        if new["ref"] in {order.ref for order in self.orders.values()}:
            raise TernError("ref_in_use", 409)
        needed = (QUOTE, size * price) if new["side"] == "B" else (BASE, size)
        if self.free[needed[0]] < needed[1]:
            raise TernError("no_funds")
        name = f"T-{len(self.orders) + 1}"
        order = Order(name, new["ref"], new["side"], size, price, time.time_ns() // 1_000_000)
        offered = sum((Decimal(at[1]) for at in self._within(order)), Decimal(0))
        self.orders[order.id] = order
        if new["policy"] != "FOK" or offered >= size:
            self._match(order)
        if new["policy"] != "GTC" and order.state == "live":
            order.state = "gone"
        return 201, order.shown()

    def _within(self, order: Order) -> Levels:
        """The levels that an order's price reaches."""
        if order.side == "B":
            return [level for level in self.book["asks"] if Decimal(level[0]) <= order.price]
        return [level for level in self.book["bids"] if Decimal(level[0]) >= order.price]

    def _match(self, order: Order) -> None:
        for level in self._within(order):
            price, size = Decimal(level[0]), min(Decimal(level[1]), order.left)
            if size == 0:
                continue
            order.left -= size
            level[1] = to_wire(Decimal(level[1]) - size)
            sign = 1 if order.side == "B" else -1
            self.free[BASE] += sign * size
            self.free[QUOTE] -= sign * size * price
            deal = {"id": f"{order.id}.{len(order.deals) + 1}", "price": to_wire(price), "qty": to_wire(size)}
            order.deals.append(deal | {"time": datetime.now(UTC).isoformat()})
        for side in self.book.values():
            side[:] = [level for level in side if Decimal(level[1]) > 0]
        if order.left == 0:
            order.state = "done"

    def _by_ref(self, request: web.Request, _body: bytes) -> tuple[int, object]:
        found = [order for order in self.orders.values() if order.ref == request.match_info["ref"]]
        if not found:
            raise TernError("order_unknown", 404)
        return 200, found[0].shown()

    def _by_id(self, request: web.Request, _body: bytes) -> tuple[int, object]:
        return 200, self._known(request).shown()

    def _cancel(self, request: web.Request, _body: bytes) -> tuple[int, object]:
        order = self._known(request)
        if order.state != "live":
            raise TernError("order_over", 409)
        order.state = "gone"
        return 202, order.shown()

    def _known(self, request: web.Request) -> Order:
        order = self.orders.get(request.match_info["id"])
        if order is None:
            raise TernError("order_unknown", 404)
        return order
