"""A counterparty and its ledger of truth: it takes orders or refuses them, executes, cancels, holds balances.

It knows nothing of the router. What it did stands in `deals`, `arrived` and `short`, and the checker believes
these and nothing else.
"""

from collections import Counter, defaultdict
from collections.abc import Callable
from decimal import Decimal

from router.core.errors import Code, OrderError
from router.core.model import Connection, Fill, OrderReport, OutboundOrder, Side, TimeInForce, VenueState
from tests.sim.deal import Deal, claim_of, price_for
from tests.sim.faults import Faults
from tests.sim.quotes import BASE_INCREMENT, BPS, HeldQuote, Quotes
from tests.sim.world import EPOCH_NS, World

CREDIT_CODES = (Code.CREDIT_LONG_LIMIT, Code.CREDIT_SHORT_LIMIT, Code.CREDIT_FROZEN, Code.CREDIT_UNAVAILABLE)
PLAIN_CODES = (Code.VENUE_REJECTED, Code.INVALID_LIMIT_PRICE, Code.TRADING_DISABLED, Code.VELOCITY_LIMIT)
Heard = Callable[[Deal, Fill | None], None]


class Counterparty:
    """One account. `window_s`: how long an order may take to show; `dedupes`: it refuses an id twice.

    `quotes_on_request`: it shows no book and holds the prices that it is asked for; `careful`: its adapter
    counts their time from the question and not from the answer.
    """

    def __init__(
        self,
        world: World,
        connection: Connection,
        faults: Faults,
        *,
        window_s: float,
        dedupes: bool,
        quotes_on_request: bool = False,
        careful: bool = False,
    ) -> None:
        self.world = world
        self.connection = connection
        self.faults = faults
        self.window_s = window_s
        self.dedupes = dedupes
        self.quotes_on_request = quotes_on_request
        self.careful = careful
        self.quotes = Quotes(world, connection, faults)
        self.down = False
        self.deals: defaultdict[str, list[Deal]] = defaultdict(list)
        self.refusals: dict[str, OrderError] = {}
        self.arrived: Counter[str] = Counter()
        self.short: list[str] = []
        """Orders that the balance did not cover: the router must never send one."""
        self.total: defaultdict[str, Decimal] = defaultdict(Decimal)
        self.told: Heard = lambda _deal, _fill: None
        self._numbers = 0

    def free(self, asset: str) -> Decimal:
        """What may be taken: the balance less what open orders hold."""
        held = (d.held for deals in self.deals.values() for d in deals if d.asset == asset)
        return self.total[asset] - sum(held, Decimal(0))

    def balances(self) -> dict[str, Decimal]:
        """A statement."""
        return {asset: self.free(asset) for asset in sorted(self.total)}

    def take(self, order: OutboundOrder) -> OrderReport | OrderError | None:
        """An order arrives: what it is, a refusal, or None (an id that exists: 409)."""
        world, own_id = self.world, order.venue_client_order_id
        self.arrived[own_id] += 1
        world.tell(
            self.connection.id,
            "got",
            own_id,
            order.side,
            order.quantity,
            order.time_in_force,
            order.quote_id or "",
        )
        if self.deals[own_id] and self.dedupes:
            return None
        refusal = self._refusal(order)
        if refusal is not None:
            self.refusals[own_id] = refusal
            world.tell(self.connection.id, "refuses", own_id, refusal.code)
            if refusal.code.is_credit and world.chance(self.faults.contradicts):
                world.count("contradiction")
                deal = self._enter(order, VenueState.WORKING)
                world.after(world.between(0, 2), lambda: self._execute(deal, 1, 1, None))
            return refusal
        deal = self._enter(order, VenueState.WORKING)
        self._plan(deal)
        return self.report(deal)

    def find(self, own_id: str) -> Deal | None:
        """What a look-up by the client's id finds: nothing, until the order is shown."""
        for deal in self.deals.get(own_id, ()):
            if self.world.now >= deal.visible_at:
                return deal
            self.world.count("not shown yet")
        return None

    def report(self, deal: Deal, fills: tuple[Fill, ...] = ()) -> OrderReport:
        """What it says of an order."""
        return deal.report(EPOCH_NS + self.world.now, fills)

    def cancel(self, own_id: str) -> OrderError | None:
        """A request to cancel arrives; a refusal, or None: it was taken."""
        world = self.world
        deal = next(iter(self.deals[own_id]), None)
        if deal is None or deal.state.is_final:
            world.count("cancel came too late")
            return OrderError(Code.ORDER_NOT_CANCELABLE, "expected an open order")
        if world.chance(self.faults.cancel_refused):
            world.count("cancel refused")
            return OrderError(Code.TRADING_DISABLED, "not now")
        self._say(deal, VenueState.PENDING_CANCEL)
        world.after(world.between(0, 0.5), lambda: self._end(deal, VenueState.CANCELED))
        return None

    def expire(self) -> None:
        """Everything that rests ends."""
        for deals in self.deals.values():
            for deal in deals:
                self._end(deal, VenueState.EXPIRED)

    def _refusal(self, order: OutboundOrder) -> OrderError | None:
        world, pts = self.world, self.connection.pts
        if order.quote_id is not None and (ended := self.quotes.refusal(order)) is not None:
            return ended
        asset, amount = self._claim(order)
        if not pts and self.free(asset) < amount:
            self.short.append(f"{order.venue_client_order_id}: {amount} {asset} of {self.free(asset)}")
            return OrderError(Code.INSUFFICIENT_FUNDS, "expected a balance that covers it")
        if pts and world.chance(self.faults.no_credit):
            world.count("refused for credit")
            return OrderError(world.rng.choice(CREDIT_CODES), "no credit", connection_id=self.connection.id)
        if world.chance(self.faults.refused):
            world.count("refused")
            return OrderError(world.rng.choice(PLAIN_CODES), "no", connection_id=self.connection.id)
        return None

    def _quote_of(self, order: OutboundOrder) -> HeldQuote | None:
        return None if order.quote_id is None else self.quotes.given[order.quote_id]

    def _claim(self, order: OutboundOrder) -> tuple[str, Decimal]:
        """What an order takes of the account: the currency given up, and how much of it."""
        asset, amount = claim_of(order, self.connection.taker_fee_bps)
        quote = self._quote_of(order)
        return asset, amount if quote is None else quote.cost

    def _price(self, deal: Deal) -> Decimal:
        if deal.quote is not None:
            return deal.quote.price
        return deal.fills[0].price if deal.fills else price_for(deal.order, self.world.rng.randrange(3))

    def denied(self, own_id: str) -> None:
        """A living router was told that it refused; it may have the order all the same."""
        for deal in self.deals[own_id]:
            deal.denied = True

    def _enter(self, order: OutboundOrder, state: VenueState) -> Deal:
        world = self.world
        self._numbers += 1
        shown_s = 0.0
        if world.chance(self.faults.shown_late):
            shown_s = self.window_s * 0.35 * world.rng.random()
        asset, held = self._claim(order)
        if self.connection.pts:
            held = Decimal(0)
        quote = self._quote_of(order)
        if quote is not None:
            quote.accepted_by = order.venue_client_order_id
            world.count("quote accepted")
        deal = Deal(
            order=order,
            venue_order_id=f"{self.connection.id}-{self._numbers}",
            taken_at=world.now,
            visible_at=world.now + int(shown_s * 1e9),
            asset=asset,
            held=held,
            state=state,
            quote=quote,
        )
        self.deals[order.venue_client_order_id].append(deal)
        return deal

    def _plan(self, deal: Deal) -> None:
        """Decide how the order ends, and when."""
        world = self.world
        rng = world.rng
        parts = rng.choice((1, 1, 1, 2, 3)) if deal.quote is None else 1
        executed = rng.choice((parts, parts, parts, parts - 1, 0)) if deal.quote is None else 1
        if deal.order.time_in_force is TimeInForce.FOK and executed < parts:
            executed = 0
        error: OrderError | None = None
        if self.connection.pts and world.chance(self.faults.no_credit_later):
            executed = 0 if deal.order.time_in_force is TimeInForce.FOK else rng.randrange(parts)
            world.count("no credit after part" if executed else "no credit after 200")
            error = OrderError(Code.CREDIT_UNAVAILABLE, "no credit left", connection_id=self.connection.id)
        slow = world.chance(self.faults.slow_fill)
        if rng.random() < 0.4 and not slow:
            self._execute(deal, parts, executed, error)
            return
        world.count("slow execution" if slow else "execution after the answer")
        longest = 8.0 if slow else 0.2
        if deal.order.time_in_force is TimeInForce.FOK:
            # Its parts are executed at one instant: nothing comes between them, a cancel neither.
            world.after(longest * rng.random(), lambda: self._execute(deal, parts, executed, error))
            return
        for part in range(executed):
            world.after(longest * rng.random(), lambda done=part: self._one_more(deal, parts, done))
        if error is not None or not deal.rests:
            world.after(longest, lambda: self._execute(deal, parts, executed, error))

    def _execute(self, deal: Deal, parts: int, executed: int, error: OrderError | None) -> None:
        """Execute what is left of it, and end it unless it rests."""
        while len(deal.fills) < executed and not deal.state.is_final:
            self._one_more(deal, parts, len(deal.fills))
        if error is not None and not deal.state.is_final:
            deal.error = error
            self._end(deal, VenueState.FAILED)
        elif not deal.rests:
            self._end(deal, VenueState.CANCELED)

    def _one_more(self, deal: Deal, parts: int, _number: int) -> None:
        if deal.state.is_final or len(deal.fills) >= parts:
            return
        world = self.world
        if deal.state is VenueState.PENDING_CANCEL:
            world.count("fill overtakes cancel")
        price = self._price(deal)
        whole = deal.size_at(price)
        last = len(deal.fills) == parts - 1
        size = whole - deal.filled_base if last else (whole / parts).quantize(BASE_INCREMENT)
        self._numbers += 1
        fill = Fill(f"{self.connection.id}-t{self._numbers}", price, size, price * size, EPOCH_NS + world.now)
        self._settle(deal, fill)
        deal.fills = (*deal.fills, fill)
        if last:
            deal.held = Decimal(0)
            deal.state = VenueState.DONE
        world.tell(self.connection.id, "executes", deal.order.venue_client_order_id, fill.id, size, price)
        self.told(deal, fill)

    def _settle(self, deal: Deal, fill: Fill) -> None:
        base, quote = deal.order.product.split("-")
        fee = (
            fill.quantity_quote * self.connection.taker_fee_bps * BPS
            if deal.quote is None
            else deal.quote.fee
        )
        bought = deal.order.side is Side.BUY
        self.total[base] += fill.quantity_base if bought else -fill.quantity_base
        self.total[quote] += -fill.quantity_quote - fee if bought else fill.quantity_quote - fee
        if deal.held:
            deal.held -= min(deal.held, fill.quantity_quote + fee if bought else fill.quantity_base)

    def _say(self, deal: Deal, state: VenueState) -> None:
        deal.state = state
        self.told(deal, None)

    def _end(self, deal: Deal, state: VenueState) -> None:
        if deal.state.is_final:
            return
        deal.held = Decimal(0)
        self.world.tell(self.connection.id, "ends", deal.order.venue_client_order_id, state)
        self._say(deal, state)
