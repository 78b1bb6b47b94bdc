"""The WebSocket: acknowledgements, snapshots, order events, and feeds that misbehave."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from sim_harness import PREFIX, PTS, SPOT, TOKENS, Client, Feed, limit, raw_settings, running

PIN = {"bids": [["99.90", "1"]], "asks": [["100.10", "2"]]}


async def level2(feed: Feed, **fields: Any) -> Any:
    """Subscribe to BTC-USD; give the acknowledgement and the first snapshot."""
    return await feed.ask("subscribe", "level2", productId="BTC-USD", **fields), await feed.next()


async def test_a_subscription_is_acknowledged_and_answered_with_a_whole_snapshot(sim: Client) -> None:
    async with sim.feed() as feed:
        reply, snapshot = await level2(feed)
    session_id = reply.pop("session_id")
    assert session_id
    assert reply == {
        "type": "subscription_response",
        "channel": "level2",
        "status": "subscribed",
        "accountId": SPOT,
        "productId": "BTC-USD",
    }
    assert set(snapshot) == {"channel", "type", "product", "time", "bids", "asks"}
    assert (snapshot["channel"], snapshot["type"], snapshot["product"]) == ("level2", "snapshot", "BTC-USD")
    assert snapshot["bids"] == [["99.90", "5"], ["99.80", "5"]]
    assert datetime.now(UTC) - datetime.fromisoformat(snapshot["time"]) < timedelta(seconds=5)


async def test_cumulative_sizes_come_on_request(sim: Client) -> None:
    async with sim.feed() as feed:
        _, snapshot = await level2(feed, includeCumulative=True)
    assert snapshot["asks"] == [["100.10", "5", "5"], ["100.20", "5", "10"]]


async def test_a_product_with_a_star_has_a_feed(sim: Client) -> None:
    async with sim.feed() as feed:
        reply = await feed.ask("subscribe", "level2", productId="TBTC-TUSD*")
        assert (reply["status"], reply["productId"]) == ("subscribed", "TBTC-TUSD*")
        assert (await feed.next())["product"] == "TBTC-TUSD*"


async def test_a_second_subscription_to_a_book_is_an_error_and_to_orders_is_not(sim: Client) -> None:
    async with sim.feed() as feed:
        await level2(feed)
        again = await feed.ask("subscribe", "level2", productId="BTC-USD")
        assert (again["type"], again["error"], again["productId"]) == (
            "error",
            "already subscribed",
            "BTC-USD",
        )
        assert (await feed.ask("subscribe", "orders"))["status"] == "subscribed"
        assert (await feed.ask("subscribe", "orders"))["status"] == "already_subscribed"


async def test_unsubscribing_ends_the_messages_and_twice_is_an_error(sim: Client) -> None:
    async with sim.feed() as feed:
        await level2(feed)
        assert (await feed.ask("unsubscribe", "level2", productId="BTC-USD"))["status"] == "unsubscribed"
        await sim.account("PUT", "books/BTC-USD", PIN)
        again = await feed.ask("unsubscribe", "level2", productId="BTC-USD")
        assert (again["type"], again["error"]) == ("error", "not subscribed")


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("{", "backend:common:malformedJSON"),
        ("[]", "backend:common:invalidRequest"),
        ('{"type":"hello"}', "backend:common:invalidArgument"),
        ('{"type":"subscribe","channel":"orders","accountId":"nobody"}', "backend:common:forbidden"),
        (f'{{"type":"subscribe","channel":"orders","accountId":"{PTS}"}}', "backend:common:forbidden"),
        (f'{{"type":"subscribe","channel":"trades","accountId":"{SPOT}"}}', "backend:common:invalidArgument"),
        (
            f'{{"type":"subscribe","channel":"level2","accountId":"{SPOT}","productId":"XRP-USD"}}',
            "backend:trade:unsupportedProduct",
        ),
        (
            f'{{"type":"subscribe","channel":"orders","accountId":"{SPOT}","productId":"BTC-USD"}}',
            "backend:common:invalidArgument",
        ),
    ],
)
async def test_a_wrong_request_is_answered_with_an_error_and_the_socket_lives_on(
    sim: Client, asked: str, name: str
) -> None:
    async with sim.feed() as feed:
        await feed.socket.send_str(asked)
        reply = await feed.next()
        assert ("error", name) == (reply["type"], reply["errorName"])
        assert (await feed.ask("subscribe", "orders"))["status"] == "subscribed"


async def test_a_pinned_book_is_published_at_once(sim: Client) -> None:
    async with sim.feed() as feed:
        await level2(feed)
        await sim.account("PUT", "books/BTC-USD", PIN)
        assert (await feed.next())["asks"] == [["100.10", "2"]]


async def test_the_book_is_published_at_every_tick_even_if_it_stands_still() -> None:
    raw = raw_settings()
    raw["products"][0]["tick_ms"] = 5
    async with running(raw) as sim, sim.feed() as feed:
        _, first = await level2(feed)
        later = [await feed.next() for _ in range(3)]
        assert all(one["bids"] == first["bids"] for one in later)
        assert len({one["time"] for one in later}) == 3


async def test_accounts_of_one_token_share_a_socket_and_have_their_own_books() -> None:
    raw = raw_settings()
    raw["accounts"][1]["token"] = raw["accounts"][0]["token"]
    async with running(raw) as sim, sim.feed() as feed:
        books = {}
        for account in (SPOT, PTS):
            await feed.ask("subscribe", "level2", account=account, productId="TBTC-TUSD*")
            books[account] = (await feed.next())["asks"][0]
        assert books == {SPOT: ["100.05", "2"], PTS: ["100.26", "2"]}


async def test_order_messages_tell_an_orders_life(sim: Client) -> None:
    async with sim.feed() as feed:
        await feed.ask("subscribe", "orders")
        order = (await sim.place(clientOrderId="a", quantity="6")).json
        seen = await feed.until(status="completed")
    assert [(one["status"], one["execType"]) for one in seen] == [
        ("pending_open", "A"),
        ("open", "0"),
        ("open", "F"),
        ("open", "F"),
        ("completed", "I"),
    ]
    trades = (await sim.get("trades")).json["data"][::-1]
    assert ["", "", trades[0]["id"], trades[1]["id"], ""] == [one["tradeId"] for one in seen]
    assert [one["fillQuantity"] for one in seen] == ["", "", "5", "1", ""]
    assert [one["fillPrice"] for one in seen] == ["", "", "100.1", "100.2", ""]
    assert [one["cumulativeQuantity"] for one in seen] == ["0", "0", "5", "6", "6"]
    assert [one["leavesQuantity"] for one in seen] == ["6", "6", "1", "0", "0"]
    assert all(one["orderId"] == order["id"] and one["clientOrderId"] == "a" for one in seen)
    assert all(one["leavesQuoteQuantity"] is None for one in seen)
    documented = {
        "channel",
        "time",
        "creationDate",
        "scheduledDate",
        "lastFillDate",
        "completionDate",
        "settleDate",
        "accountId",
        "orderId",
        "clientOrderId",
        "product",
        "fundingType",
        "status",
        "execType",
        "type",
        "side",
        "quantity",
        "quantityCurrency",
        "cumulativeQuantity",
        "cumulativeQuoteQuantity",
        "leavesQuantity",
        "leavesQuoteQuantity",
        "averagePrice",
        "tradeId",
        "fillQuantity",
        "fillPrice",
    }
    assert all(documented <= set(one) for one in seen)


async def test_order_messages_go_to_those_who_subscribed(sim: Client) -> None:
    async with sim.feed() as mine, sim.feed(TOKENS[PTS]) as other:
        await mine.ask("subscribe", "orders")
        await other.ask("subscribe", "orders", account=PTS)
        await sim.place(clientOrderId="spot")
        await sim.place(PTS, clientOrderId="pts")
        assert {"pts"} == {one["clientOrderId"] for one in await other.until(status="completed")}
        assert {"spot"} == {one["clientOrderId"] for one in await mine.until(status="completed")}


@pytest.mark.parametrize("token", [None, "wrong"])
async def test_a_handshake_without_the_right_token_is_refused(sim: Client, token: str | None) -> None:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await sim.session.ws_connect(f"{sim.base}{PREFIX}/ws", headers=headers)
    assert refused.value.status == 401


async def test_a_disconnect_drops_the_sockets_of_the_account(sim: Client) -> None:
    async with sim.feed() as mine, sim.feed(TOKENS[PTS]) as other:
        await other.ask("subscribe", "orders", account=PTS)
        assert await sim.account("POST", "disconnect") == {"dropped": 1}
        assert (await mine.socket.receive(timeout=5)).type in {
            aiohttp.WSMsgType.CLOSED,
            aiohttp.WSMsgType.ERROR,
        }
        await sim.place(PTS)
        await other.until(status="completed")
        counters = (await sim.control("GET", "state"))["counters"]
        assert counters["ws_connects"] == 2


async def spoiled(sim: Client, kind: str) -> Any:
    """Give what a subscriber receives as text when a book is published under a feed fault."""
    async with sim.feed() as feed:
        await level2(feed)
        await sim.faults(feed={"kind": kind, "channel": "level2"})
        await sim.account(
            "PUT", "books/BTC-USD", {"bids": [["99.90", "1"], ["99.80", "1"]], "asks": [["100.10", "2"]]}
        )
        return await feed.socket.receive_str(timeout=5)


async def test_a_stale_feed_sends_old_times(sim: Client) -> None:
    book = json.loads(await spoiled(sim, "stale"))
    assert datetime.now(UTC) - datetime.fromisoformat(book["time"]) > timedelta(minutes=30)


async def test_a_crossed_feed_bids_above_its_asks(sim: Client) -> None:
    book = json.loads(await spoiled(sim, "crossed"))
    assert (book["bids"], book["asks"]) == ([["100.30", "1"], ["100.20", "1"]], [["100.10", "2"]])


async def test_a_feed_of_garbage_cannot_be_parsed(sim: Client) -> None:
    with pytest.raises(json.JSONDecodeError):
        json.loads(await spoiled(sim, "garbage"))


async def test_a_feed_can_name_the_wrong_product(sim: Client) -> None:
    assert json.loads(await spoiled(sim, "wrong_product"))["product"] == "WRONG-PRODUCT"


async def test_a_feed_can_be_off_tick(sim: Client) -> None:
    assert json.loads(await spoiled(sim, "off_tick"))["bids"][0][0] == "99.90123"


async def test_a_feed_can_be_out_of_order(sim: Client) -> None:
    assert json.loads(await spoiled(sim, "unordered"))["bids"] == [["99.80", "1"], ["99.90", "1"]]


async def test_a_silent_feed_keeps_the_socket_and_the_other_channel(sim: Client) -> None:
    async with sim.feed() as feed:
        await level2(feed)
        await feed.ask("subscribe", "orders")
        await sim.faults(feed={"kind": "silent", "channel": "level2"})
        await sim.account("PUT", "books/BTC-USD", PIN)
        await sim.place(clientOrderId="a")
        seen = await feed.until(status="completed")
        assert {"orders"} == {one["channel"] for one in seen}
        await sim.account("DELETE", "faults")
        await sim.account("PUT", "books/BTC-USD", PIN)
        assert (await feed.next())["channel"] == "level2"


async def test_a_silent_order_channel_leaves_orders_to_look_ups(sim: Client) -> None:
    async with sim.feed() as feed:
        await level2(feed)
        await feed.ask("subscribe", "orders")
        await sim.faults(feed=[{"kind": "silent", "channel": "orders"}])
        order = (await sim.place(**limit("100.10"))).json
        await sim.account("PUT", "books/BTC-USD", PIN)
        assert (await feed.next())["channel"] == "level2"
        assert (await sim.order(order["id"]))["status"] == "completed"


async def test_a_feed_that_refuses_answers_503_until_it_is_cleared(sim: Client) -> None:
    await sim.faults(feed={"kind": "refuse"})
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await sim.session.ws_connect(
            f"{sim.base}{PREFIX}/ws", headers={"Authorization": f"Bearer {TOKENS[SPOT]}"}
        )
    assert refused.value.status == 503
    await sim.account("DELETE", "faults")
    async with sim.feed() as feed:
        assert (await feed.ask("subscribe", "orders"))["status"] == "subscribed"


async def test_a_feed_that_disconnects_does_so_once(sim: Client) -> None:
    async with sim.feed() as feed:
        await level2(feed)
        await sim.faults(feed={"kind": "disconnect"})
        kinds = {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}
        assert (await feed.socket.receive(timeout=5)).type in kinds
    async with sim.feed() as feed:
        await level2(feed)


async def test_a_client_that_is_gone_leaves_nothing_behind(sim: Client) -> None:
    async with sim.feed() as feed:
        await level2(feed)
    # The closing handshake is over, so the next call is served after the session has been let go of.
    assert await sim.account("POST", "disconnect") == {"dropped": 0}
