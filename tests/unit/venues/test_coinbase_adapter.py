"""The connection as a whole: what makes it ready, what it states, what it tells, and what it never shows."""

import asyncio

import pytest
from msgspec.structs import replace

from router.core.model import Side, TimeInForce, VenueState
from router.ports import ConnectionState, NeverSent, Taken, Unanswered, VenueUnreachableError
from router.ports.quotes import FirmQuote
from tests.unit.build import D
from tests.unit.venues.coinbase_kit import (
    ACCESS_KEY,
    BELOW,
    OUR_ORDER,
    PASSPHRASE,
    SIGNING_KEY,
    TIMING,
    VENUE_ORDER,
    Prime,
    ask,
    fixture,
    listed,
    order_row,
    outbound,
    portfolio,
)
from venues.coinbase.chase import PAUSES_MS

QUOTE = fixture("quote") | {"expiration_time": ""}


def quoting() -> Prime:
    """One that quotes, takes the quote, and has filled it."""
    prime = Prime()
    prime.says(f"{BELOW}/rfq", QUOTE, method="POST")
    prime.says(f"{BELOW}/accept_quote", {"order_id": VENUE_ORDER}, method="POST")
    prime.says(f"{BELOW}/orders/{VENUE_ORDER}", fixture("order"))
    prime.says(f"{BELOW}/orders/{VENUE_ORDER}/fills", fixture("fills"))
    return prime


async def test_it_is_ready_without_a_feed_once_products_and_balances_are_known() -> None:
    async with portfolio(Prime()) as found:
        health = found.venue.health()
        assert (health.state, health.feed_up) == (ConnectionState.READY, False)
        assert found.listener.reconciled == 1
        assert found.listener.statements[0][0] == {"USD": D("800.25"), "BTC": D(2)}
        assert [product.name for product in found.venue.products()] == ["BTC-USD"]
        assert found.venue.book("BTC-USD") is None
        with pytest.raises(VenueUnreachableError, match="quotes on request"):
            await found.venue.request_book("BTC-USD", 0)


async def test_a_portfolio_on_credit_reads_neither_balances_nor_credit() -> None:
    async with portfolio(quoting(), pts=True) as found:
        await found.venue.request_quote(ask(), 2**62)
        await found.venue.read_balances()
        assert found.venue.take_order_budget()
        assert found.listener.statements == []
        assert found.prime.count("GET balances") == 0
        assert found.prime.count("GET credit") == 0


async def test_a_quote_is_asked_for_accepted_and_its_fill_read_from_the_order() -> None:
    async with portfolio(quoting()) as found:
        quote = await found.venue.request_quote(ask(), 2**62)
        assert isinstance(quote, FirmQuote)
        result = await found.submit(outbound(quote_id=quote.quote_id))
        await found.listener.until(lambda: bool(found.listener.reports))
    assert isinstance(result, Taken)
    assert (result.report.venue_order_id, result.report.state) == (VENUE_ORDER, VenueState.PENDING)
    (report,) = found.listener.reports
    assert (report.state, report.filled_base, report.filled_quote) == (VenueState.DONE, D("0.5"), D(50))
    assert [(fill.id, fill.fee) for fill in report.fills] == [("fill-1", D("0.05"))]
    assert found.prime.posted("accept_quote") == [
        {
            "portfolio_id": "e8bbed13-fa33-41de-86d5-4335d8f08166",
            "product_id": "BTC-USD",
            "side": "BUY",
            "client_order_id": OUR_ORDER,
            "quote_id": QUOTE["quote_id"],
        }
    ]


async def test_an_order_that_is_not_done_yet_is_read_until_it_is() -> None:
    prime = quoting()
    states = iter(["PENDING", "OPEN", "FILLED"])
    prime.answers(
        f"{BELOW}/orders/{VENUE_ORDER}", lambda _: (200, {"order": order_row(status=next(states))}, {})
    )
    async with portfolio(prime) as found:
        await found.submit(outbound(quote_id="q"))
        await found.listener.until(lambda: len(found.listener.reports) == 3)
    assert [report.state for report in found.listener.reports] == [
        VenueState.PENDING,
        VenueState.WORKING,
        VenueState.DONE,
    ]


async def test_an_order_that_rests_is_left_to_who_follows_it() -> None:
    prime = quoting()
    for name in ("rests", "at-once"):
        prime.says(f"{BELOW}/orders/{name}", {"order": order_row(id=name, status="OPEN")})
    async with portfolio(prime) as found:
        for name, time_in_force in (("rests", TimeInForce.GTC), ("at-once", TimeInForce.IOC)):
            prime.says(f"{BELOW}/order", {"order_id": name}, method="POST")
            await found.submit(outbound(time_in_force=time_in_force))
        # Whatever is read of the one that came first would have been read by then.
        await found.listener.until(lambda: prime.count("GET orders/at-once") == len(PAUSES_MS))
    assert prime.count("GET orders/rests") == 1


async def test_a_losing_quote_leaves_nothing_behind() -> None:
    async with portfolio(quoting()) as found:
        before = len(found.prime.lines())
        await found.venue.request_quote(ask(), 2**62)
        after = found.prime.lines()[before:]
    assert [line for line in after if not line.startswith("GET")] == [f"POST {BELOW}/rfq"]


async def test_the_answer_to_a_caller_that_left_is_told() -> None:
    prime = quoting()
    gate = prime.hold("accept_quote")
    async with portfolio(prime) as found:
        sending = asyncio.create_task(found.submit(outbound(quote_id="q")))
        await prime.held.wait()
        sending.cancel()
        await asyncio.wait({sending})
        assert found.listener.reports == []
        gate.set()
        await found.listener.until(lambda: bool(found.listener.reports))
    assert sending.cancelled()
    assert found.listener.reports[0].state is VenueState.PENDING


async def test_an_order_that_is_unanswered_when_it_stops_is_in_doubt() -> None:
    prime = quoting()
    gate = prime.hold("accept_quote")
    async with portfolio(prime, timing=replace(TIMING, stop_ms=1)) as found:
        sending = asyncio.create_task(found.submit(outbound(quote_id="q")))
        await prime.held.wait()
    gate.set()
    assert isinstance(await sending, Unanswered)


async def test_products_of_every_page_are_read_and_what_cannot_be_read_is_told() -> None:
    prime = Prime()
    row = fixture("products")["products"][0]
    pages = {
        "": listed(row, row | {"id": "BIP-20DEC30-CDE"}, cursor="next", name="products"),
        "next": listed(
            row | {"id": "ETH-USD"}, row | {"id": "LTC-USD", "base_increment": "0"}, name="products"
        ),
    }
    prime.answers(f"{BELOW}/products", lambda asked: (200, pages[asked.query.get("cursor", "")], {}))
    async with portfolio(prime) as found:
        assert [each.name for each in found.venue.products()] == ["BTC-USD", "ETH-USD"]
    assert found.listener.bad == [("", "product")]


async def test_a_balance_that_cannot_be_read_counts_as_none_and_one_said_twice_spoils_all() -> None:
    prime = Prime()
    usd = {"symbol": "USD", "amount": "5", "holds": "1"}
    prime.says(f"{BELOW}/balances", {"balances": [usd, {"symbol": "BTC", "amount": "1e3"}]})
    async with portfolio(prime) as found:
        assert found.listener.statements[0][0] == {"USD": D(4)}
        assert ("", "balance") in found.listener.bad
        prime.says(f"{BELOW}/balances", {"balances": [usd, usd]})
        with pytest.raises(VenueUnreachableError, match="once"):
            await found.venue.read_balances()


async def test_it_goes_down_when_nothing_answers_and_comes_back_by_itself() -> None:
    prime = Prime()
    async with portfolio(prime) as found:
        prime.says(f"{BELOW}/balances", b"<html>", 502)
        prime.says(f"{BELOW}/products", b"<html>", 502)
        for _ in range(5):
            with pytest.raises(VenueUnreachableError):
                await found.venue.read_balances()
        await found.listener.until(lambda: ConnectionState.DOWN in found.listener.states)
        prime.says(f"{BELOW}/products", fixture("products"))
        prime.says(f"{BELOW}/balances", fixture("balances"))
        await found.listener.until(lambda: found.venue.health().state is ConnectionState.READY)
        assert found.listener.reconciled == 2


async def test_no_credential_is_in_what_is_told_or_raised() -> None:
    prime = Prime()
    secrets = (ACCESS_KEY, PASSPHRASE, SIGNING_KEY)
    async with portfolio(prime) as found:
        for secret in secrets:
            prime.says(f"{BELOW}/balances", {"message": f"bad {secret}"}, 403)
            with pytest.raises(VenueUnreachableError) as raised:
                await found.venue.read_balances()
            prime.refuses("order", f"no {secret} here")
            result = await found.submit(outbound())
            said = f"{raised.value!s} {raised.value!r} {raised.value.venue_error!r} {result!r}"
            assert not any(each in said for each in secrets), said
        told = f"{found.venue.health()!r} {found.listener.requests!r}"
        assert not any(each in told for each in secrets)


async def test_what_did_not_run_never_sends() -> None:
    async with portfolio(Prime()) as found:
        found.prime.asked.clear()
    assert isinstance(await found.submit(outbound()), NeverSent)
    assert found.venue.health().state is ConnectionState.STOPPED
    with pytest.raises(VenueUnreachableError, match="not running"):
        await found.venue.request_quote(ask(side=Side.SELL), 2**62)
    assert found.prime.asked == []
