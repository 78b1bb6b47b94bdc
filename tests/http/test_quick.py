"""Requests that are read in one go are read as field by field, and what is refused never is."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.core.errors import RouterError
from router.core.model import OrderRequest, OrderType
from router.http import bodies
from router.http.quick import quick_order, quick_quote
from router.http.requests import careful_order, careful_quote, order_request
from tests.http import samples

BOUNDED = settings(max_examples=500, deadline=None, derandomize=True)
SLIPPAGE_BPS_MAX = 50
IDS = frozenset({"bitgo-spot", "bitgo-pts"})
MARKET = samples.BODY
LEAN = {name: value for name, value in MARKET.items() if value is not None}
LIMIT = MARKET | {"type": "limit", "limit_price": "100.00"}
USUAL = [
    MARKET,
    LEAN,
    MARKET | {"time_in_force": "FOK", "slippage_bps_max": "50", "on_credit_failure": "next_best"},
    LEAN | {"slippage_bps_max": "0", "quantity_currency": "USD", "side": "sell"},
    LIMIT,
    LEAN | {"type": "limit", "limit_price": "0.00000001"},
    LIMIT | {"time_in_force": "GTC"},
    LIMIT | {"time_in_force": "IOC", "client_order_id": "A:._-9" * 10},
]
# Near enough to what is right that every check is met from both sides.
VALUES = st.sampled_from(
    [
        *(
            "0.5",
            "0",
            "0.0",
            "00.5",
            "1e3",
            "-1",
            "50",
            "50.01",
            "9" * 65,
            "",
            " ",
            "null",
            "a:b",
            "a\n",
            "é",
        ),
        *("BTC-USD", "BTC-BTC", "BTC", "USD", "EUR", "buy", "sell", "Buy", *OrderType, '"', "\\", "\x00"),
        *("IOC", "FOK", "GTC", "GTD", "fail", "next_best", "bitgo-spot", "side", "x" * 64, "x" * 65),
        *(None, True, False, 0, 1, 1.5, [], ["bitgo-spot"], {}, {"side": "buy"}),
    ]
)
NAMES = st.sampled_from([*bodies.OrderBody.__struct_fields__, "connection", "Side"])
BODIES = st.builds(
    lambda base, changes: base | changes, st.sampled_from(USUAL), st.dictionaries(NAMES, VALUES, max_size=3)
)


@st.composite
def raw_bodies(draw: st.DrawFn) -> bytes:
    """A body as callers write it: spaced or not, escaped or not, now and then with a field twice."""
    members = list(draw(BODIES).items())
    if draw(st.booleans()):
        members.insert(draw(st.integers(0, len(members))), (draw(NAMES), draw(VALUES)))
    gap = draw(st.sampled_from(["", " ", "\n\t"]))
    ascii_only = draw(st.booleans())
    written = [
        f"{json.dumps(name)}:{gap}{json.dumps(value, ensure_ascii=ascii_only)}" for name, value in members
    ]
    if draw(st.booleans()):
        written = [text.replace("side", "s\\u0069de") for text in written]
    return f"{{{f',{gap}'.join(written)}}}".encode()


def carefully(read: Callable[..., OrderRequest], raw: bytes, *rest: Any) -> OrderRequest | None:
    try:
        return read(raw, *rest, lambda: IDS)
    except RouterError:
        return None


@BOUNDED
@given(raw=raw_bodies())
def test_an_order_that_is_read_in_one_go_is_what_field_by_field_gives(raw: bytes) -> None:
    quick = quick_order(raw, SLIPPAGE_BPS_MAX)
    if quick is not None:
        assert quick == carefully(careful_order, raw, SLIPPAGE_BPS_MAX)


@BOUNDED
@given(raw=raw_bodies())
def test_an_rfq_likewise(raw: bytes) -> None:
    quick = quick_quote(raw)
    if quick is not None:
        assert quick == carefully(careful_quote, raw)


@BOUNDED
@given(raw=st.binary(max_size=60), at=st.integers(0, 260), body=st.sampled_from(USUAL))
def test_a_body_that_was_spoilt_likewise(raw: bytes, at: int, body: dict[str, Any]) -> None:
    good = json.dumps(body).encode()
    spoilt = good[:at] + raw + good[at:]
    quick = quick_order(spoilt, SLIPPAGE_BPS_MAX)
    if quick is not None:
        assert quick == carefully(careful_order, spoilt, SLIPPAGE_BPS_MAX)


@pytest.mark.parametrize("body", USUAL)
def test_the_usual_orders_are_read_in_one_go(body: dict[str, Any]) -> None:
    raw = json.dumps(body).encode()
    quick = quick_order(raw, SLIPPAGE_BPS_MAX)
    assert quick is not None
    assert quick == careful_order(raw, SLIPPAGE_BPS_MAX, frozenset)


def test_the_usual_rfq_is_read_in_one_go() -> None:
    raw = json.dumps(samples.RFQ_BODY).encode()
    quick = quick_quote(raw)
    assert quick is not None
    assert quick == careful_quote(raw, frozenset)


@pytest.mark.parametrize(
    "body",
    [
        LIMIT | {"time_in_force": "GTD"},
        LIMIT | {"slippage_bps_max": "1"},
        LIMIT | {"limit_price": "0"},
        LIMIT | {"limit_price": None},
        MARKET | {"limit_price": "100"},
        MARKET | {"time_in_force": "GTC"},
        MARKET | {"slippage_bps_max": "50.01"},
        MARKET | {"product": "BTC-BTC"},
        MARKET | {"product": "BTCUSD"},
        MARKET | {"quantity": "0.0"},
        MARKET | {"quantity_currency": "EUR"},
        MARKET | {"client_order_id": "a b"},
        MARKET | {"type": "stop"},
        MARKET | {"connections": []},
    ],
)
def test_what_is_refused_is_not_read_in_one_go(body: dict[str, Any]) -> None:
    raw = json.dumps(body).encode()
    assert quick_order(raw, SLIPPAGE_BPS_MAX) is None
    assert carefully(careful_order, raw, SLIPPAGE_BPS_MAX) is None


GOOD = json.dumps(LEAN).encode()[:-1]


@pytest.mark.parametrize(
    "raw",
    [
        GOOD + b',"side":"buy"}',
        GOOD + b',"limit_price":null,"limit_price":null}',
        GOOD + b',"connections":null,"connections":null}',
        GOOD.replace(b"desk-7", b"null") + b',"limit_price":null,"limit_price":null}',
        # Six colons fewer in the text than in what it means, and a field more.
        GOOD.replace(b"desk-7", b"a\\u003ab") + b',"side":"buy"}',
    ],
)
def test_a_field_that_stands_twice_is_never_read_in_one_go(raw: bytes) -> None:
    assert quick_order(raw, SLIPPAGE_BPS_MAX) is None
    with pytest.raises(RouterError, match="a field once"):
        order_request(raw, SLIPPAGE_BPS_MAX, frozenset)


def test_connections_are_enumerated_only_where_one_is_named() -> None:
    asked: list[str] = []

    def ids() -> frozenset[str]:
        asked.append("ids")
        return IDS

    order_request(json.dumps(MARKET).encode(), SLIPPAGE_BPS_MAX, ids)
    assert asked == []
    named = order_request(json.dumps(MARKET | {"connections": ["bitgo-pts"]}).encode(), SLIPPAGE_BPS_MAX, ids)
    assert (named.connections, asked) == (("bitgo-pts",), ["ids"])
