"""Records as the desk would answer them: the contract's sample order and its competition."""

from decimal import Decimal

from msgspec.structs import replace

from router.core.attempt import Attempt
from router.core.errors import Code, OrderError, VenueError
from router.core.model import (
    Connection,
    Fill,
    OrderRequest,
    OrderStatus,
    OrderType,
    OutboundOrder,
    Outcome,
    Product,
    Reason,
    Side,
    Source,
    TimeInForce,
)
from router.core.order import Order, Phase
from router.core.record import CompetitionRecord, Doubt, EntryRecord, LookUp, RfqRecord
from router.ports import ConnectionState, ConnectionView, Health

NOW = 1_767_323_045_678_901_234
"""2026-01-02T03:04:05.678901234Z."""
NOW_TEXT = "2026-01-02T03:04:05.678901Z"

SPOT = Connection(
    "bitgo-spot", "BitGo Treasury", pts=False, counterparty="bitgo_prime", taker_fee_bps=Decimal(10)
)
PTS = Connection("bitgo-pts", "BitGo Margin", pts=True, counterparty="bitgo_prime", taker_fee_bps=Decimal(20))
CB = Connection(
    "cb-spot", "Coinbase Spot", pts=False, counterparty="coinbase_prime", taker_fee_bps=Decimal(5)
)

PRODUCT = Product(
    name="BTC-USD",
    base="BTC",
    quote="USD",
    base_increment=Decimal("0.00000001"),
    base_size_min=Decimal("0.0001"),
    base_size_max=Decimal(1000),
    quote_increment=Decimal("0.01"),
    quote_size_min=Decimal(1),
    quote_size_max=Decimal(10_000_000),
    price_increment=Decimal("0.01"),
    enabled=True,
    margin_supported=True,
)
REQUEST = OrderRequest(
    client_order_id="desk-7-000123",
    product="BTC-USD",
    side=Side.BUY,
    type=OrderType.MARKET,
    quantity=Decimal("0.5"),
    quantity_currency="BTC",
)
BODY = {
    "client_order_id": "desk-7-000123",
    "product": "BTC-USD",
    "side": "buy",
    "type": "market",
    "quantity": "0.5",
    "quantity_currency": "BTC",
    "limit_price": None,
    "time_in_force": None,
    "slippage_bps_max": None,
    "connections": None,
    "on_credit_failure": None,
}
RFQ_BODY = {name: BODY[name] for name in ("product", "side", "quantity", "quantity_currency")}


def attempt_on(connection: Connection = SPOT, time_in_force: TimeInForce = TimeInForce.IOC) -> Attempt:
    return Attempt(
        number=1,
        connection=connection,
        outbound=OutboundOrder(
            connection_id=connection.id,
            venue_client_order_id=f"o-1-1-{connection.id}",
            product="BTC-USD",
            side=Side.BUY,
            type=OrderType.LIMIT,
            quantity=Decimal("0.5"),
            quantity_currency="BTC",
            limit_price=Decimal("100.50"),
            time_in_force=time_in_force,
        ),
        product=PRODUCT,
        quoted_price=Decimal("100.00"),
        quoted_all_in_price=Decimal("100.10"),
        cover_price=Decimal("100.40"),
        claim=None,
        routed_at=NOW,
    )


def entry(connection: Connection, outcome: Outcome, **changes: object) -> EntryRecord:
    blank = EntryRecord(
        connection=connection,
        outcome=outcome,
        reason=None,
        source=None,
        firm=False,
        price=None,
        price_worst=None,
        all_in_price=None,
        fee=None,
        quantity_base=None,
        complete=False,
        rank=None,
        late=False,
        asked_at=None,
        answered_at=None,
        valid_until=None,
        quote_id=None,
        detail=None,
    )
    return replace(blank, **changes)


def quoted(
    connection: Connection, outcome: Outcome, price: str, all_in: str, **changes: object
) -> EntryRecord:
    return entry(
        connection,
        outcome,
        **{
            "source": Source.BOOK,
            "price": Decimal(price),
            "price_worst": Decimal(price),
            "all_in_price": Decimal(all_in),
            "fee": Decimal("0.0500"),
            "quantity_base": Decimal("0.5"),
            "complete": True,
            "asked_at": NOW,
            "answered_at": NOW + 12_345,
            **changes,
        },
    )


COMPETITION = CompetitionRecord(
    id="c-1",
    order_id="o-1",
    rfq_id=None,
    request=REQUEST,
    slippage_bps_max=Decimal(50),
    collar_bps=Decimal(500),
    opened_at=NOW,
    deadline_at=NOW + 250_000_000,
    closed_at=NOW + 20_000,
    arrival_price=Decimal("99.90"),
    cover_price=Decimal("100.40"),
    winner=SPOT.id,
    entries=(
        quoted(SPOT, Outcome.WON, "100.00", "100.10", rank=1),
        quoted(PTS, Outcome.LOST, "100.20", "100.40", rank=2),
        # Asked and then left out: the whole record knows its price, the order's summary does not tell it.
        quoted(CB, Outcome.EXCLUDED, "100.05", "100.10", reason=Reason.INSUFFICIENT_BALANCE),
    ),
)
NOBODY = replace(
    COMPETITION,
    cover_price=None,
    winner=None,
    entries=(entry(CB, Outcome.EXCLUDED, reason=Reason.INSUFFICIENT_BALANCE),),
)
ACCEPTED = Order(id="o-1", request=REQUEST, candidates=(), created_at=NOW, updated_at=NOW)
ROUTED = replace(
    ACCEPTED,
    phase=Phase.ROUTED,
    attempts=(attempt_on(),),
    competition_id="c-1",
    arrival_price=Decimal("99.90"),
)
IN_DOUBT = replace(ROUTED, phase=Phase.IN_DOUBT)
DOUBT = Doubt(since=NOW, overdue_ns=1_500_000_000, last_look_up=LookUp(NOW, "HTTP 503"))
FILLED = replace(
    ROUTED,
    phase=Phase.FINAL,
    status=OrderStatus.FILLED,
    venue_order_id="v-1",
    filled_base=Decimal("0.50000000"),
    filled_quote=Decimal("50.00"),
    fills=(Fill("t-1", Decimal("100.00"), Decimal("0.5"), Decimal("50.00"), NOW),),
)
RESTING = replace(
    ROUTED,
    request=replace(REQUEST, type=OrderType.LIMIT, limit_price=Decimal("100.00")),
    attempts=(attempt_on(time_in_force=TimeInForce.GTC),),
    phase=Phase.WORKING,
    status=OrderStatus.NEW,
    venue_order_id="v-1",
)
CREDIT_ERROR = OrderError(
    Code.CREDIT_LONG_LIMIT,
    "expected credit for the order, was refused",
    connection_id=PTS.id,
    venue_error=VenueError("backend:trade:marginLongNOP", "Long limit", "unk-1", 400),
)


def refused(error: OrderError) -> Order:
    """An order that ended with an error, at the PTS account where the error names it."""
    attempts = (attempt_on(PTS),) if error.connection_id else ()
    return replace(ROUTED, phase=Phase.FINAL, status=OrderStatus.REJECTED, attempts=attempts, error=error)


RFQ = RfqRecord(
    id="r-1",
    competition=replace(
        COMPETITION,
        order_id=None,
        rfq_id="r-1",
        winner=None,
        entries=(
            quoted(SPOT, Outcome.LOST, "100.00", "100.10", rank=1),
            quoted(PTS, Outcome.LOST, "100.20", "100.40", rank=2),
            entry(CB, Outcome.EXCLUDED, reason=Reason.INSUFFICIENT_BALANCE),
        ),
    ),
    created_at=NOW,
    valid_until=NOW + 5_000_000_000,
)


def view(connection: Connection, **changes: object) -> ConnectionView:
    health = Health(
        state=ConnectionState.READY,
        detail=None,
        feed_up=True,
        feed_at=NOW - 12_000_000,
        budget_left=9,
        error_rate=Decimal("0.10"),
        latency_ns=2_500_000,
        changed_at=NOW,
    )
    return ConnectionView(
        connection=connection,
        type="exchange",
        enabled=True,
        health=replace(health, **changes),
        products=("BTC-USD", "ETH-USD"),
    )


VIEWS = (
    view(SPOT),
    view(PTS, state=ConnectionState.DOWN, detail="no answer", feed_up=False, feed_at=None, latency_ns=None),
)
FILLED_ANSWER = {
    "id": "o-1",
    "client_order_id": "desk-7-000123",
    "product": "BTC-USD",
    "side": "buy",
    "type": "market",
    "quantity": "0.5",
    "quantity_currency": "BTC",
    "terms": {},
    "status": "filled",
    "in_doubt": False,
    "connection": {"id": "bitgo-spot", "name": "BitGo Treasury", "pts": False},
    "filled_quantity": "0.5",
    "leaves_quantity": "0",
    "average_price": "100.00",
    "all_in_price": "100.10",
    "fee": "0.05",
    "fee_currency": "USD",
    "quoted_price": "100.00",
    "arrival_price": "99.90",
    "cover_price": "100.40",
    "slippage_bps": "0",
    "price_improvement_bps": "29.88",
    "venue_order_id": "v-1",
    "competition_id": "c-1",
    "created_at": NOW_TEXT,
    "updated_at": NOW_TEXT,
    "fills": [
        {
            "id": "t-1",
            "price": "100.00",
            "quantity": "0.5",
            "quote_quantity": "50.00",
            "time": NOW_TEXT,
        }
    ],
    "attempts": [
        {
            "connection": {"id": "bitgo-spot", "name": "BitGo Treasury", "pts": False},
            "error": None,
            "executed_quantity": "0.5",
            "average_price": "100.00",
            "fills": [
                {
                    "id": "t-1",
                    "price": "100.00",
                    "quantity": "0.5",
                    "quote_quantity": "50.00",
                    "time": NOW_TEXT,
                }
            ],
        }
    ],
    "doubt": None,
    "finding": None,
    "error": None,
    "competition": {
        "id": "c-1",
        "indicative": False,
        "entries": [
            {
                "connection": {"id": "bitgo-spot", "name": "BitGo Treasury", "pts": False},
                "outcome": "won",
                "reason": None,
                "price": "100.00",
                "all_in_price": "100.10",
                "quantity": "0.5",
                "source": "book",
                "latency_us": 12,
            },
            {
                "connection": {"id": "bitgo-pts", "name": "BitGo Margin", "pts": True},
                "outcome": "lost",
                "reason": None,
                "price": "100.20",
                "all_in_price": "100.40",
                "quantity": "0.5",
                "source": "book",
                "latency_us": 12,
            },
            {
                "connection": {"id": "cb-spot", "name": "Coinbase Spot", "pts": False},
                "outcome": "excluded",
                "reason": "insufficient_balance",
                "price": None,
                "all_in_price": None,
                "quantity": None,
                "source": None,
                "latency_us": None,
            },
        ],
    },
}
