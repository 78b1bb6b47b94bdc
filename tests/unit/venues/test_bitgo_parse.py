"""Orders, trades, products and balances: recorded payloads, old and new forms, and what is refused."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.core.errors import AmountError, Code
from router.core.model import Fill, OrderReport, Product, VenueState
from router.core.money import parse_amount
from router.ports import OffWireError
from tests.unit.build import D, connection
from tests.unit.venues.support import payload
from venues.bitgo import wire
from venues.bitgo.parse import (
    balance_of,
    fill_of,
    lacks_reason,
    product_of,
    readable,
    report_of_message,
    report_of_order,
)
from venues.transport.reader import decode
from venues.transport.times import parse_time

SPOT, PTS = connection(), connection("bitgo-pts", pts=True)
NOW = 42
GTD: dict[str, Any] = {
    "status": "canceled",
    "timeInForce": "GTD",
    "duration": 5,
    "creationDate": "2026-07-01T10:00:00Z",
    "completionDate": "2026-07-01T10:05:00Z",
    "canceledByUserId": None,
}


def order(pts: bool = False, **changed: Any) -> OrderReport:
    body = json.dumps(payload("order", **changed)).encode()
    return report_of_order(decode(body, wire.Order), PTS if pts else SPOT, NOW)


def message(name: str, pts: bool = False, **changed: Any) -> tuple[wire.OrderMessage, OrderReport | None]:
    found = decode(json.dumps(payload(name, **changed)).encode(), wire.OrderMessage)
    return found, report_of_message(found, PTS if pts else SPOT, NOW)


def raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())


@pytest.mark.parametrize("price", [None, "", "0", "NaN"])
def test_the_average_price_of_nothing_is_none(price: str | None) -> None:
    for _ in range(2):
        assert order(filledQuantity="0", averagePrice=price).average_price is None
    _, told = message("feed_order_canceled", cumulativeQuantity="", averagePrice=price)
    assert told is not None
    assert (told.filled_base, told.average_price) == (0, None)


def test_the_published_order() -> None:
    expected = OrderReport(
        venue_client_order_id="myorderid1",
        venue_order_id="67fd640c-cb6c-4218-80ae-49e79ec15646",
        state=VenueState.DONE,
        filled_base=D("0.02457152"),
        filled_quote=D(1000),
        average_price=D("40697.32"),
        fills=(),
        error=None,
        at=NOW,
    )
    assert order() == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("scheduled", VenueState.WORKING),
        ("pending_open", VenueState.PENDING),
        ("opened", VenueState.PENDING),
        ("open", VenueState.WORKING),
        ("pending_cancel", VenueState.PENDING_CANCEL),
        ("completed", VenueState.DONE),
        ("canceled", VenueState.CANCELED),
        ("error", VenueState.FAILED),
    ],
)
def test_every_status(status: str, expected: VenueState) -> None:
    assert order(status=status).state is expected


def test_an_unknown_status_is_quarantined() -> None:
    with pytest.raises(OffWireError, match="status"):
        order(status="halted")


@pytest.mark.parametrize(
    ("status", "reason", "pts", "code"),
    [
        ("canceled", "insufficientFunds", True, Code.CREDIT_UNAVAILABLE),
        ("canceled", "insufficientFunds", False, Code.INSUFFICIENT_FUNDS),
        ("canceled", "internalError", True, Code.VENUE_REJECTED),
        ("error", "insufficientFunds", True, Code.CREDIT_UNAVAILABLE),
        ("error", None, True, Code.VENUE_REJECTED),
    ],
)
def test_an_order_that_failed_after_it_was_taken_keeps_its_fills(
    status: str, reason: str | None, pts: bool, code: Code
) -> None:
    found = order(pts=pts, status=status, reason=reason)
    assert found.error is not None
    assert found.error.code is code
    assert found.filled_base == D("0.02457152")


def test_a_cancelled_order_without_a_reason_has_no_error() -> None:
    assert order(status="canceled").error is None


def test_an_order_whose_time_was_over_expired() -> None:
    assert order(**GTD).state is VenueState.EXPIRED
    # A duration makes it GTD whatever else is said, so old orders may say nothing.
    assert order(**GTD | {"timeInForce": None}).state is VenueState.EXPIRED
    # The dates do not decide: the last slice of a TWAP is before the end, and a schedule begins it late.
    assert order(**GTD | {"completionDate": "2026-07-01T10:04:00Z"}).state is VenueState.EXPIRED


@pytest.mark.parametrize("time_in_force", [None, "GTC", "IOC"])
def test_a_twap_that_ended_with_a_remainder_expired_whatever_its_time_in_force(
    time_in_force: str | None,
) -> None:
    ended = GTD | {"type": "twap", "timeInForce": time_in_force}
    assert order(**ended).state is VenueState.EXPIRED
    assert order(**ended | {"canceledByUserId": "1203c28030c4320a4b90255b4683ecq6"}).state is (
        VenueState.CANCELED
    )


def test_a_scheduled_order_works_as_asked() -> None:
    found = order(status="scheduled", filledQuantity="0", averagePrice=None)
    assert (found.state, found.filled_base) == (VenueState.WORKING, 0)


@pytest.mark.parametrize(
    "changed",
    [
        {"canceledByUserId": "1203c28030c4320a4b90255b4683ecq6"},
        {"cancelledByUserId": "1203c28030c4320a4b90255b4683ecq6"},
        {"duration": None},
        {"timeInForce": "IOC"},
        {"reason": "internalError"},
    ],
)
def test_any_other_cancelled_order_did_not_expire(changed: dict[str, Any]) -> None:
    assert order(**GTD | changed).state is VenueState.CANCELED


@pytest.mark.parametrize("bad", ["NaN", "1e5", "-1", "1_000", "0x10", "", " 1", "9" * 65, 1000])
def test_an_amount_that_is_none_is_quarantined(bad: Any) -> None:
    if bad == "":
        assert order(filledQuantity=bad).filled_base == 0
    else:
        with pytest.raises(OffWireError):
            order(filledQuantity=bad)


@pytest.mark.parametrize("field", ["id", "clientOrderId", "status", "product", "side", "filledQuantity"])
def test_an_order_without_what_decides_is_quarantined(field: str) -> None:
    with pytest.raises(OffWireError):
        order(**{field: ...})


def test_an_order_with_neither_more_nor_all_fields_is_read() -> None:
    found = order(reason=..., reasonDescription=..., duration=..., futureField={"deep": [1]})
    assert found.state is VenueState.DONE


def test_a_fill_on_the_feed() -> None:
    _, found = message("feed_order_fill")
    assert found is not None
    assert found.state is VenueState.WORKING
    assert (found.filled_base, found.filled_quote) == (D("0.4"), D("2801.02"))
    assert found.fills == (
        Fill(
            "7e0c768e-2d16-4c1e-b39d-06fa20009397",
            D("7002.55"),
            D("0.4"),
            D("2801.020"),
            parse_time("2026-07-01T09:35:27.1Z"),
        ),
    )


@pytest.mark.parametrize(
    ("status", "execution", "expected"),
    [
        ("pending_open", "A", VenueState.PENDING),
        ("opened", "A", VenueState.PENDING),
        ("open", "0", VenueState.WORKING),
        ("open", "F", VenueState.WORKING),
        ("pending_cancel", "6", VenueState.PENDING_CANCEL),
        ("completed", "I", VenueState.DONE),
        ("canceled", "4", VenueState.CANCELED),
        ("error", "8", VenueState.FAILED),
        (None, "0", VenueState.WORKING),
        (None, "I", VenueState.DONE),
        ("open", None, VenueState.WORKING),
    ],
)
def test_the_pairs_of_status_and_execution_type(
    status: str | None, execution: str | None, expected: VenueState
) -> None:
    _, found = message("feed_order_canceled", status=status, execType=execution)
    assert found is not None
    assert found.state is expected
    assert found.fills == ()


def test_a_message_about_the_other_funding_type_is_not_ours() -> None:
    assert message("feed_order_fill", pts=True)[1] is None
    assert message("feed_order_fill", fundingType="margin")[1] is None
    assert message("feed_order_fill", pts=True, fundingType="margin")[1] is not None
    assert message("feed_order_fill", fundingType=...)[1] is not None


def test_a_message_without_our_id_is_about_nothing_of_ours() -> None:
    assert message("feed_order_fill", clientOrderId="")[1] is None


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, True),
        ({"status": "error", "execType": "8"}, True),
        ({"reason": None}, True),
        ({"reason": "internalError"}, True),
        ({"reason": "insufficientFunds"}, False),
        ({"status": "completed", "execType": "I"}, False),
        ({"status": "open", "execType": "0"}, False),
    ],
)
def test_an_end_on_the_feed_is_to_be_explained_unless_it_says_why(
    changed: dict[str, Any], expected: bool
) -> None:
    found, report = message("feed_order_canceled", **changed)
    assert report is not None
    assert lacks_reason(found, report) is expected


def test_an_unreadable_fill_quarantines_the_message() -> None:
    with pytest.raises(OffWireError, match="fillPrice"):
        message("feed_order_fill", fillPrice="7e3")


def test_the_published_trade() -> None:
    trade = decode(json.dumps(payload("trades")).encode(), wire.Trades).data[0]
    expected = Fill(
        "7e0c768e-2d16-4c1e-b39d-06fa20009397",
        D("22333.33"),
        D("0.0045"),
        D("100.50"),
        parse_time("2025-11-26T15:27:35.1234Z"),
    )
    assert fill_of(trade, "d50ec984-77a8-460a-b958-66f114b0de9b") == expected
    with pytest.raises(OffWireError, match="another"):
        fill_of(trade, "another")


def test_the_published_product() -> None:
    expected = Product(
        name="BTC-USD",
        base="BTC",
        quote="USD",
        base_increment=D("0.00000001"),
        base_size_min=D("0.00001"),
        base_size_max=D("10000.00"),
        quote_increment=D("0.00000001"),
        quote_size_min=D("0.01"),
        quote_size_max=D("100000000.00"),
        price_increment=D("0.01"),
        enabled=True,
        margin_supported=True,
    )
    assert product_of(raw(payload("products")["data"][0])) == expected


@pytest.mark.parametrize(
    "changed",
    [
        {"baseIncrement": "0"},
        {"baseIncrement": "1e-8"},
        {"quoteDisplayPrecision": -1},
        {"quoteDisplayPrecision": 400},
        {"quoteDisplayPrecision": "2"},
        {"name": "ETH-USD"},
        {"name": "BTC-USD" * 20, "quoteCurrency": "USD" + "BTC-USD" * 19},
        {"baseMinSize": "20000"},
        {"quoteMaxSize": None},
        {"isTradeDisabled": "no"},
    ],
)
def test_a_product_that_cannot_be_read_leaves_the_others(changed: dict[str, Any]) -> None:
    good = payload("products")["data"][0]
    found = list(readable([raw(good | changed), raw(good)]))
    assert isinstance(found[0], OffWireError)
    assert isinstance(found[1], Product)


def test_the_published_balance_and_one_below_zero() -> None:
    row = payload("balances")["data"][0]
    assert balance_of(raw(row)) == ("BTC", D("90.0"))
    assert balance_of(raw(row | {"tradableBalance": "-5.5"})) == ("BTC", D("-5.5"))
    with pytest.raises(OffWireError, match="tradableBalance"):
        balance_of(raw(row | {"tradableBalance": "lots"}))


@given(
    st.one_of(
        st.from_regex(r"[0-9]{1,6}(\.[0-9]{1,9})?", fullmatch=True),
        st.sampled_from(["0", "0.00", "-1", "1e3", "NaN", "\u0661", "1_0", " 1", "1.", "01"]),
        st.sampled_from(["9" * 64, "9" * 65]),
        st.text(max_size=6),
    )
)
def test_an_amount_is_read_as_strictly_the_second_time_as_the_first(text: str) -> None:
    try:
        plain = parse_amount(text)
    except AmountError:
        plain = None
    for _ in range(2):
        for field in ("fillPrice", "fillQuantity"):
            if plain is None or plain == 0:
                with pytest.raises(OffWireError):
                    message("feed_order_fill", **{field: text})
            else:
                _, report = message("feed_order_fill", **{field: text})
                assert report is not None
                fill = report.fills[0]
                assert str(fill.price if field == "fillPrice" else fill.quantity_base) == str(plain)
        if text and plain is None:
            with pytest.raises(OffWireError):
                message("feed_order_fill", cumulativeQuantity=text)
        elif text:
            _, report = message("feed_order_fill", cumulativeQuantity=text)
            assert report is not None
            assert report.filled_base == plain
