"""What the adapter through ccxt decides without a network: evidence, amounts, books, turns, settings."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from router.core.errors import Code
from router.core.model import Product, VenueState
from router.ports import Lane, NeverSent, OffWireError, Refused, Unanswered
from router.settings import CcxtSettings, parse
from router.settings_error import SettingsError
from tests.contract.venue_kit import TIMING, Clock
from tests.unit.venues.ccxt_kit import settings
from venues.ccxt_venue.book import BadBookError, book_of
from venues.ccxt_venue.exchanges import KNOWN, RISK, wire_id
from venues.ccxt_venue.judging import judge, said
from venues.ccxt_venue.library import DECIMAL_PLACES, TICK_SIZE
from venues.ccxt_venue.making import make
from venues.ccxt_venue.parse import amount, fill_of, product_of, report_of, with_fills
from venues.ccxt_venue.turn import Turn
from venues.ccxt_venue.wire import Trail, numbers_as_text
from venues.transport.session import Answered, Exchange, Lost, NotSent

D = Decimal
KRAKEN = KNOWN["kraken"]
JSON = b'{"error":["EOrder:Insufficient funds"]}'


class BaseError(Exception):
    """Named as ccxt's are, which are told by name."""


class ExchangeError(BaseError):
    pass


class InsufficientFunds(ExchangeError):  # noqa: N818 - ccxt's name
    pass


class InvalidOrder(ExchangeError):  # noqa: N818 - ccxt's name
    pass


class DuplicateOrderId(InvalidOrder):
    pass


class RateLimitExceeded(BaseError):  # noqa: N818 - ccxt's name
    pass


async def _never() -> Any:
    raise AssertionError("nothing is asked here")


def trail(*steps: tuple[str, Exchange]) -> Trail:
    return Trail(0, _never, list(steps))


def answered(status: int = 200, body: bytes = JSON) -> Answered:
    return Answered(status, {}, body)


@pytest.mark.parametrize(
    ("error", "steps", "expected"),
    [
        (ExchangeError(), [], NeverSent),
        (InvalidOrder(), [], Code.VENUE_REJECTED),
        (ExchangeError(), [("POST", NotSent("no connection"))], NeverSent),
        (InsufficientFunds(), [("POST", Lost("timeout", "none came"))], Unanswered),
        (InsufficientFunds(), [("POST", answered())], Code.INSUFFICIENT_FUNDS),
        (InsufficientFunds(), [("POST", answered(502))], Unanswered),
        (InsufficientFunds(), [("POST", answered(200, b"<html>"))], Unanswered),
        (InsufficientFunds(), [("POST", answered(200, b""))], Unanswered),
        # Something was sent before the request that was refused: it may be the order.
        (InsufficientFunds(), [("POST", answered(200, b"{}")), ("POST", answered())], Unanswered),
        (InsufficientFunds(), [("POST", answered()), ("GET", answered())], Unanswered),
        (InsufficientFunds(), [("GET", answered(200, b"{}")), ("POST", answered())], Code.INSUFFICIENT_FUNDS),
        (InsufficientFunds(), [("POST", answered()), ("GET", NotSent("no connection"))], Unanswered),
        (ExchangeError(), [("POST", answered(400, b"{}"))], Unanswered),
        (DuplicateOrderId(), [("POST", answered(400, b"{}"))], Unanswered),
        (RateLimitExceeded(), [("POST", answered(429, b"{}"))], Code.VENUE_UNAVAILABLE),
        (RateLimitExceeded(), [("POST", answered(200, b"{}"))], Unanswered),
        (ExchangeError(), [("POST", answered(200, b'["EAPI:Invalid nonce"]'))], Code.VENUE_UNAVAILABLE),
        (KeyError("id"), [("POST", answered(200, b"{}"))], Unanswered),
    ],
)
def test_an_exception_is_judged_by_what_happened_on_the_wire(
    error: Exception, steps: list[tuple[str, Exchange]], expected: Code | type
) -> None:
    found = trail(*steps)
    result = judge(error, found, KRAKEN, "kraken-spot", said(error, found))
    if isinstance(expected, Code):
        assert isinstance(result, Refused), result
        assert result.error.code is expected
    else:
        assert type(result) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", D(1)),
        ("0.10", D("0.10")),
        ("1e-8", D("1E-8")),
        ("1E-08", D("1E-8")),
        (7, D(7)),
        ("2.5e3", D(2500)),
    ],
)
def test_amounts_are_read_from_text(text: object, expected: Decimal) -> None:
    assert amount(text, "x") == expected


@pytest.mark.parametrize(
    "text", [0.1, None, "", "NaN", "-1", "1E+1000000", "1e99", "1_000", "Infinity", True]
)
def test_what_is_no_amount_is_off_the_wire_and_a_float_is_none(text: object) -> None:
    with pytest.raises(OffWireError, match="x: expected"):
        amount(text, "x")


def test_json_numbers_keep_every_digit_that_came() -> None:
    assert numbers_as_text('{"a": 0.1234567890123456789, "b": 12, "c": 1e-7}') == {
        "a": "0.1234567890123456789",
        "b": 12,
        "c": "1e-7",
    }


def market(**changed: Any) -> dict[str, Any]:
    return {
        "spot": True,
        "base": "BTC",
        "quote": "USD",
        "active": True,
        "precision": {"amount": "0.00000001", "price": "0.1"},
        "limits": {"amount": {"min": "0.0001", "max": None}, "cost": {"min": "0.5"}},
    } | changed


def test_a_precision_is_a_step_or_a_number_of_decimals() -> None:
    by_step = product_of(market(), TICK_SIZE, "0.01")
    by_places = product_of(market(precision={"amount": "8", "price": 1}), DECIMAL_PLACES, 2)
    assert by_step == by_places
    assert by_step is not None
    assert (by_step.price_increment, by_step.base_increment) == (D("0.1"), D("1E-8"))
    assert (by_step.quote_increment, by_step.base_size_min, by_step.quote_size_min) == (
        D("0.01"),
        D("0.0001"),
        D("0.5"),
    )


def test_only_spot_markets_are_products() -> None:
    assert product_of(market(spot=False), TICK_SIZE, None) is None
    assert product_of(market(contract=True), TICK_SIZE, None) is None
    found = product_of(market(active=False), TICK_SIZE, None)
    assert found is not None
    assert not found.enabled


@pytest.mark.parametrize(
    "changed",
    [
        {"base": "B/C"},
        {"precision": {"amount": None, "price": "0.1"}},
        {"precision": {"amount": "0", "price": "0.1"}},
        {"limits": {"amount": {"min": "2", "max": "1"}}},
    ],
)
def test_a_market_that_makes_no_sense_is_no_product(changed: dict[str, Any]) -> None:
    with pytest.raises(OffWireError):
        product_of(market(**changed), TICK_SIZE, None)


def product() -> Product:
    found = product_of(market(), TICK_SIZE, None)
    assert found is not None
    return found


def test_a_book_is_sorted_by_number_and_not_by_text() -> None:
    found = {"bids": [["99.9", "1", 5], ["100.0", "2", 5]], "asks": [["1000.0", "1"], ["101.0", "2"]]}
    book = book_of(found, product(), 10)
    assert [level.price for level in book.bids] == [D("100.0"), D("99.9")]
    assert [level.price for level in book.asks] == [D("101.0"), D("1000.0")]


@pytest.mark.parametrize(
    ("bids", "what"),
    [
        ([["101.0", "1"]], "crossed"),
        ([["99.95", "1"]], "off_tick"),
        ([["99.9", "1"], ["99.9", "2"]], "unsorted"),
        ([[99.9, "1"]], "unreadable"),
        ([["99.9"]], "unreadable"),
        (["x"], "unreadable"),
    ],
)
def test_a_book_that_cannot_be_true_is_none(bids: list[Any], what: str) -> None:
    with pytest.raises(BadBookError) as raised:
        book_of({"bids": bids, "asks": [["100.5", "1"]]}, product(), 10)
    assert raised.value.what == what


def test_a_streamed_number_with_more_digits_than_a_float_keeps_is_none() -> None:
    fine = {"bids": [[D("99.9"), D("1.23456789012345")]], "asks": []}
    assert book_of(fine, product(), 10, streamed=True).bids[0].size == D("1.23456789012345")
    for size in (D("1.234567890123456"), D("NaN"), "1"):
        with pytest.raises(BadBookError):
            book_of({"bids": [[D("99.9"), size]], "asks": []}, product(), 10, streamed=True)


def test_an_old_book_is_as_old_as_the_exchange_says() -> None:
    found = {"bids": [["99.9", "1"]], "asks": [], "timestamp": 1_000}
    assert book_of(found, product(), 5_000_000_000).at == 1_000_000_000
    assert book_of(found, product(), 1_200_000_000).at == 1_200_000_000


def test_what_was_paid_is_the_sum_of_the_executions_and_never_ccxt_s_cost() -> None:
    order = {"id": "O1", "status": "closed", "filled": "6", "average": "100.116666", "cost": "600.699996"}
    trades = [
        {"id": "T1", "price": "100.10", "amount": "5", "cost": None, "timestamp": 1, "symbol": "BTC/USD"},
        {
            "id": "T2",
            "price": "100.20",
            "amount": "1",
            "cost": "100.20",
            "timestamp": 1,
            "symbol": "BTC/USD",
            "fee": {"cost": "0.26", "currency": "USD"},
        },
    ]
    report = report_of(order, "o-1", 9)
    assert (report.state, report.filled_quote) == (VenueState.DONE, None)
    fills = [fill_of(trade) for trade in trades]
    assert with_fills(report, fills).filled_quote == D("600.70")
    assert [fill.fee for fill in fills] == [None, D("0.26")]
    assert with_fills(report, fills[:1]).filled_quote is None


def test_our_id_becomes_a_uuid_that_is_a_function_of_it() -> None:
    long = "0b2d0f0e-8a55-4a0c-9f39-3f6d6ad0b1c2-1-kraken-spot"
    assert wire_id(long) == wire_id(long)
    assert wire_id(long) != wire_id(long.replace("-1-", "-2-"))
    assert len(wire_id(long)) == 32
    assert int(wire_id(long), 16)


async def test_a_turn_goes_by_importance_and_is_given_up_in_time() -> None:
    turn, order = Turn(), []

    async def have(lane: Lane) -> None:
        async with turn.hold(lane, 5):
            order.append(lane)

    async with turn.hold(Lane.REST, 5):
        with pytest.raises(TimeoutError):
            await turn.hold(Lane.ORDER, 0.001).__aenter__()
        waiting = [asyncio.create_task(have(lane)) for lane in (Lane.REST, Lane.LOOK_UP, Lane.ORDER)]
        await asyncio.sleep(0)
        waiting[1].cancel()
        await asyncio.sleep(0)
    await asyncio.gather(*waiting, return_exceptions=True)
    assert order == [Lane.ORDER, Lane.REST]
    await have(Lane.CANCEL)


def table(**changed: Any) -> dict[str, Any]:
    connection = {
        "id": "kraken-spot",
        "name": "Kraken",
        "type": "exchange",
        "counterparty": "ccxt",
        "exchange": "kraken",
        "taker_fee_bps": "26",
        "api_key": {"env": "KEY"},
        "secret": {"env": "SECRET"},
    }
    return {"connections": [connection | changed]}


def test_a_connection_through_ccxt_is_read_from_the_settings() -> None:
    found = parse(table(), "router.toml", {"KEY": "k", "SECRET": "s"}).connections[0]
    assert isinstance(found, CcxtSettings)
    assert (found.exchange, found.base_url, found.connection.pts) == ("kraken", "", False)
    assert "k" not in found.account_id.removeprefix("kraken-")


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"pts": True}, "pts"),
        ({"exchange": "../kraken"}, "exchange"),
        ({"base_url": "http://example.com"}, "base_url"),
        ({"accept_risk": "whatever"}, "accept_risk"),
        ({"taker_fee_bps": "x"}, "taker_fee_bps"),
        ({"password": {"env": "NONE"}}, "password"),
        ({"token": {"env": "KEY"}}, "token"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_named(changed: dict[str, Any], key: str) -> None:
    with pytest.raises(SettingsError) as raised:
        parse(table(**changed), "router.toml", {"KEY": "k", "SECRET": "s"})
    assert f"connections[0].{key}" in raised.value.key


def test_the_same_key_twice_is_one_account() -> None:
    both = table()["connections"] + table(id="other")["connections"]
    with pytest.raises(SettingsError, match="expected an account that no other connection"):
        parse({"connections": both}, "router.toml", {"KEY": "k", "SECRET": "s"})


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"exchange": "nowhere"}, "exchange"),
        # Its prices are cut to significant digits: they have no tick.
        ({"exchange": "bitfinex"}, "exchange"),
        ({"exchange": "gemini"}, "accept_risk"),
        ({"exchange": "okx"}, "password"),
    ],
)
def test_an_exchange_that_cannot_be_traded_on_safely_is_refused_at_start_up(
    changed: dict[str, str], key: str
) -> None:
    with pytest.raises(SettingsError) as raised:
        make(settings("", **changed), Clock(), TIMING)
    assert raised.value.key == key


async def test_the_risk_can_be_accepted_by_name() -> None:
    made = make(settings("", exchange="gemini", accept_risk=RISK), Clock(), TIMING)
    assert made.known.find.value == "none"
