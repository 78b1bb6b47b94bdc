"""Answers as the router gives them, written down from the wire's shapes."""

import json

TREASURY = {"id": "bitgo-spot", "name": "BitGo Treasury", "pts": False}
MARGIN = {"id": "bitgo-pts", "name": "BitGo Margin", "pts": True}
COINBASE = {"id": "cb-spot", "name": "Coinbase Spot", "pts": False}

NO_QUOTE = {"price": None, "all_in_price": None, "quantity": None, "source": None, "latency_us": None}
ENTRIES = [
    {"connection": COINBASE, "outcome": "excluded", "reason": "insufficient_balance", **NO_QUOTE},
    {
        "connection": MARGIN,
        "outcome": "lost",
        "reason": None,
        "price": "100.20",
        "all_in_price": "100.40",
        "quantity": "0.5",
        "source": "book",
        "latency_us": 12,
    },
    {
        "connection": TREASURY,
        "outcome": "won",
        "reason": None,
        "price": "100.00",
        "all_in_price": "100.10",
        "quantity": "0.5",
        "source": "request",
        "latency_us": 48_000,
    },
]
FILLED = {
    "id": "o-1",
    "client_order_id": "desk-7-000123",
    "product": "BTC-USD",
    "side": "buy",
    "type": "market",
    "quantity": "0.5",
    "quantity_currency": "BTC",
    "status": "filled",
    "in_doubt": False,
    "connection": TREASURY,
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
    "created_at": "2026-01-02T03:04:05.678901Z",
    "updated_at": "2026-01-02T03:04:05.688901Z",
    "fills": [],
    "error": None,
    "competition": {"id": "c-1", "entries": ENTRIES},
}
NOTHING_TRADED = {
    "filled_quantity": "0",
    "average_price": None,
    "all_in_price": None,
    "fee": "0",
    "slippage_bps": None,
    "price_improvement_bps": None,
    "venue_order_id": None,
}
IN_DOUBT = FILLED | NOTHING_TRADED | {"status": "pending_new", "in_doubt": True}
WORKING = FILLED | NOTHING_TRADED | {"type": "limit", "status": "new", "venue_order_id": "v-1"}
CANCELED = FILLED | NOTHING_TRADED | {"status": "canceled"}
CANCELED_IN_PART = FILLED | {"status": "canceled", "filled_quantity": "0.2"}

CREDIT = {
    "type": "urn:caas-router:problem:credit_long_limit",
    "title": "No credit: long limit",
    "status": 422,
    "detail": "the counterparty refused: Long limit reached",
    "code": "credit_long_limit",
    "retryable": False,
    "order_id": "o-1",
    "connection": MARGIN,
    "venue_error": {
        "name": "backend:trade:marginLongNOP",
        "message": "Long limit reached",
        "request_id": "unk-7",
        "http_status": 400,
    },
}
REJECTED = FILLED | NOTHING_TRADED | {"status": "rejected", "connection": MARGIN, "error": CREDIT}
INVALID = {
    "type": "urn:caas-router:problem:invalid_request",
    "title": "The request is not valid",
    "status": 400,
    "detail": 'quantity: expected a decimal string, was "many"',
    "code": "invalid_request",
    "retryable": False,
    "errors": [{"field": "quantity", "expected": "a decimal string", "was": '"many"'}],
}
FAILED = {
    "type": "urn:caas-router:problem:internal_error",
    "title": "The router failed",
    "status": 500,
    "detail": "expected an answer, was a failure of the router; it is logged under f00",
    "code": "internal_error",
    "retryable": False,
}
SHUTTING_DOWN = FAILED | {"code": "shutting_down", "status": 503, "title": "The router is shutting down"}
NOT_FOUND = FAILED | {"code": "not_found", "status": 404, "title": "There is no such resource"}
NO_QUOTES = FAILED | {
    "code": "no_quotes",
    "status": 422,
    "title": "No counterparty gave a usable price",
    "detail": "expected a usable quote from one of 3 connections, was none",
}
RFQ = {
    "id": "r-1",
    "product": "BTC-USD",
    "side": "buy",
    "quantity": "0.5",
    "quantity_currency": "BTC",
    "connections": None,
    "created_at": "2026-01-02T03:04:05.678901Z",
    "valid_until": "2026-01-02T03:04:10.678901Z",
    "competition_id": "c-1",
    "best": ENTRIES[2] | {"outcome": "lost"},
    "entries": [ENTRIES[0], ENTRIES[1], ENTRIES[2] | {"outcome": "lost"}],
}
CONNECTIONS = {
    "data": [
        TREASURY
        | {
            "counterparty": "bitgo_prime",
            "type": "exchange",
            "enabled": True,
            "state": "ready",
            "health": {"state": "ready", "detail": None, "feed_up": True, "latency_us": 2500},
            "products": ["BTC-USD"],
        },
        MARGIN
        | {
            "counterparty": "bitgo_prime",
            "type": "exchange",
            "enabled": True,
            "state": "down",
            "health": {"state": "down", "detail": "no answer", "feed_up": False, "latency_us": None},
            "products": [],
        },
    ],
    "next_cursor": None,
}


def page(*orders: object) -> dict[str, object]:
    return {"data": list(orders), "next_cursor": None}


def encoded(answer: object) -> bytes:
    """As bytes, with a space that no encoder of ours writes: what is printed must be what came."""
    return json.dumps(answer, separators=(", ", ":")).encode()
