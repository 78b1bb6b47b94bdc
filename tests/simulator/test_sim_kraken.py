"""The simulated Kraken: what it refuses, how orders go there, and that published clients can trade on it."""

import asyncio
import base64
import hashlib
import hmac
import itertools
import json
import time
import zlib
from collections.abc import AsyncIterator, Coroutine
from typing import Any
from urllib.parse import urlencode

import aiohttp
import ccxt.async_support
import ccxt.pro
import pytest
import pytest_asyncio

from venues.simulator.app import Simulator
from venues.simulator.settings import SettingsError, build

KEY, SECRET = "the-key", base64.b64encode(b"the-secret").decode()
NEVER_MS = 3_600_000


def raw(**kraken: Any) -> dict[str, Any]:
    account = {"id": "desk", "api_key": KEY, "secret": SECRET, "balances": {"USD": "1000", "BTC": "3"}}
    return {
        "seed": 7,
        "products": [
            {
                "name": "BTC-USD",
                "base_currency": "BTC",
                "quote_currency": "USD",
                "mid": "100.00",
                "tick_ms": NEVER_MS,
                "bids": [["99.90", "5"], ["99.80", "5"]],
                "asks": [["100.10", "5"], ["100.20", "5"]],
            },
            {
                "name": "SOL-USD",
                "base_currency": "SOL",
                "quote_currency": "USD",
                "mid": "20.00",
                "tick_ms": NEVER_MS,
            },
        ],
        "accounts": [{"id": "unused", "name": "Unused", "token": "unused"}],
        "kraken": {"requests_per_second": 1000, "accounts": [account], **kraken},
    }


class Client:
    """A client written from the published description, which shares nothing with the simulator."""

    def __init__(self, session: aiohttp.ClientSession, base: str) -> None:
        self.session, self.base = session, base
        self.nonces = itertools.count(time.time_ns() // 1_000_000)

    async def public(self, name: str, **query: str) -> Any:
        async with self.session.get(f"{self.base}/0/public/{name}", params=query) as answer:
            return await answer.json()

    async def private(self, name: str, **fields: Any) -> Any:
        nonce = str(fields.pop("nonce", None) or next(self.nonces))
        secret, key = fields.pop("secret", SECRET), fields.pop("key", KEY)
        body, path = urlencode({"nonce": nonce, **fields}), f"/0/private/{name}"
        inner = hashlib.sha256((nonce + body).encode()).digest()
        signed = hmac.new(base64.b64decode(secret), path.encode() + inner, hashlib.sha512).digest()
        headers = {
            "API-Key": key,
            "API-Sign": base64.b64encode(signed).decode(),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        async with self.session.post(self.base + path, data=body, headers=headers) as answer:
            assert answer.status == 200
            return await answer.json()

    async def add(self, **changed: Any) -> Any:
        fields = {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "volume": "1", "price": "100.20"}
        return await self.private("AddOrder", **fields | changed)

    async def order(self, name: str) -> Any:
        return (await self.private("QueryOrders", txid=name, trades="true"))["result"][name]

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        async with self.session.request(method, f"{self.base}/_simulator/kraken/{path}", json=body) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()


@pytest_asyncio.fixture
async def client() -> AsyncIterator[Client]:
    simulator = Simulator(build(raw()))
    host, port = await simulator.start()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
        yield Client(session, f"http://{host}:{port}")
    await simulator.stop()
    await asyncio.sleep(0)


async def test_pairs_and_assets_have_kraken_s_names(client: Client) -> None:
    pairs = (await client.public("AssetPairs"))["result"]
    assert [(name, one["altname"], one["wsname"]) for name, one in pairs.items()] == [
        ("XXBTZUSD", "XBTUSD", "XBT/USD"),
        ("SOLUSD", "SOLUSD", "SOL/USD"),
    ]
    assets = (await client.public("Assets"))["result"]
    assert {name: one["altname"] for name, one in assets.items()} == {
        "SOL": "SOL",
        "XXBT": "XBT",
        "ZUSD": "USD",
    }


async def test_the_depth_is_the_book_by_any_of_the_pair_s_names(client: Client) -> None:
    for name in ("XXBTZUSD", "XBTUSD", "XBT/USD"):
        book = (await client.public("Depth", pair=name, count="1"))["result"]["XXBTZUSD"]
        assert [row[:2] for row in book["asks"]] == [["100.10", "5.00000000"]]
    assert (await client.public("Depth", pair="NONE"))["error"] == ["EQuery:Unknown asset pair"]
    assert (await client.public("Depth", pair="XBTUSD", deep="1"))["error"] == [
        "EGeneral:Invalid arguments:deep"
    ]


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"key": "another"}, "EAPI:Invalid key"),
        ({"secret": base64.b64encode(b"another").decode()}, "EAPI:Invalid signature"),
        ({"nonce": "no-number"}, "EAPI:Invalid nonce"),
        ({"nonce": str(2**64)}, "EAPI:Invalid nonce"),
        ({"unheard": "of"}, "EGeneral:Invalid arguments:unheard"),
        ({"pair": "NONE"}, "EQuery:Unknown asset pair"),
        ({"volume": "-1"}, "EGeneral:Invalid arguments:volume"),
        ({"volume": "1e3"}, "EGeneral:Invalid arguments:volume"),
        ({"volume": "0.00001"}, "EOrder:Order minimum not met"),
        ({"volume": "0.005"}, "EOrder:Cost minimum not met"),
        ({"volume": "100"}, "EOrder:Insufficient funds"),
        ({"price": ""}, "EGeneral:Invalid arguments:price"),
        ({"price": "100.201"}, "EOrder:Invalid price:XBT/USD price can only be specified up to 2 decimals."),
        ({"timeinforce": "NOW"}, "EGeneral:Invalid arguments:timeinforce"),
        ({"cl_ord_id": "longer-than-eighteen"}, "EGeneral:Invalid arguments:cl_ord_id"),
        ({"cl_ord_id": "mine", "userref": "1"}, "EGeneral:Invalid arguments:cl_ord_id"),
        ({"oflags": "viqc"}, "EGeneral:Invalid arguments:oflags"),
    ],
)
async def test_what_kraken_refuses_is_refused(client: Client, changed: dict[str, str], error: str) -> None:
    assert (await client.add(**changed))["error"] == [error]
    assert (await client.private("OpenOrders"))["result"] == {"open": {}}
    assert (await client.private("ClosedOrders"))["result"]["count"] == 0


async def test_a_nonce_may_neither_go_back_nor_come_twice(client: Client) -> None:
    high = str(time.time_ns())
    assert (await client.private("BalanceEx", nonce=high))["error"] == []
    assert (await client.private("BalanceEx", nonce=high))["error"] == ["EAPI:Invalid nonce"]
    assert (await client.private("BalanceEx", nonce=str(int(high) - 1)))["error"] == ["EAPI:Invalid nonce"]
    assert (await client.private("BalanceEx", nonce=str(int(high) + 1)))["error"] == []


async def test_a_forged_call_uses_no_nonce_up(client: Client) -> None:
    forged = base64.b64encode(b"another").decode()
    await client.private("BalanceEx", nonce=str(2**60), secret=forged)
    assert (await client.private("BalanceEx"))["error"] == []


async def test_a_nonce_window_takes_each_late_nonce_once() -> None:
    account = {"id": "desk", "api_key": KEY, "secret": SECRET, "nonce_window": 10}
    simulator = Simulator(build(raw(accounts=[account])))
    host, port = await simulator.start()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
        client = Client(session, f"http://{host}:{port}")
        said = [
            (await client.private("BalanceEx", nonce=nonce))["error"] for nonce in ("100", "95", "95", "89")
        ]
    await simulator.stop()
    assert said == [[], [], ["EAPI:Invalid nonce"], ["EAPI:Invalid nonce"]]


async def test_a_key_without_the_permission_is_refused(client: Client) -> None:
    await client.control("PUT", "accounts/desk/settings", {"permissions": ["query_funds"]})
    assert (await client.add())["error"] == ["EGeneral:Permission denied"]
    assert (await client.private("BalanceEx"))["error"] == []


async def test_an_order_that_crosses_is_closed_with_its_trades(client: Client) -> None:
    added = (await client.add(volume="6", timeinforce="IOC", cl_ord_id="mine"))["result"]
    assert added["descr"]["order"] == "buy 6.00000000 XBTUSD @ limit 100.20"
    order = await client.order(added["txid"][0])
    assert (order["status"], order["vol_exec"], order["cost"], order["cl_ord_id"]) == (
        "closed",
        "6.00000000",
        "600.7",
        "mine",
    )
    trades = (await client.private("QueryTrades", txid=",".join(order["trades"])))["result"]
    assert [(one["price"], one["vol"]) for one in trades.values()] == [
        ("100.10", "5.00000000"),
        ("100.20", "1.00000000"),
    ]
    balances = (await client.private("BalanceEx"))["result"]
    assert balances["XXBT"]["balance"] == "9"
    assert balances["ZUSD"] == {"balance": "399.3", "hold_trade": "0"}


async def test_fees_are_charged_in_the_quote_currency() -> None:
    account = {"id": "desk", "api_key": KEY, "secret": SECRET, "fee_bps": "26", "balances": {"USD": "1000"}}
    simulator = Simulator(build(raw(accounts=[account])))
    host, port = await simulator.start()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
        client = Client(session, f"http://{host}:{port}")
        added = await client.add(price="100.10")
        assert (await client.order(added["result"]["txid"][0]))["fee"] == "0.27"
        assert (await client.private("BalanceEx"))["result"]["ZUSD"]["balance"] == "899.63"
    await simulator.stop()


async def test_what_an_order_leaves_goes_by_its_time_in_force(client: Client) -> None:
    immediate = (await client.add(volume="7", price="100.10", timeinforce="IOC"))["result"]["txid"][0]
    assert (await client.order(immediate))["vol_exec"] == "5.00000000"
    assert (await client.order(immediate))["status"] == "canceled"
    killed = (await client.add(volume="1", price="100.10", timeinforce="FOK"))["result"]["txid"][0]
    assert ((await client.order(killed))["status"], (await client.order(killed))["vol_exec"]) == (
        "canceled",
        "0.00000000",
    )
    resting = (await client.add(volume="1", price="90.00"))["result"]["txid"][0]
    assert (await client.private("BalanceEx"))["result"]["ZUSD"]["hold_trade"] == "90"
    assert list((await client.private("OpenOrders"))["result"]["open"]) == [resting]
    await client.control("PUT", "books/BTC-USD", {"bids": [["80.00", "1"]], "asks": [["85.00", "3"]]})
    order = await client.order(resting)
    assert (order["status"], order["price"]) == ("closed", "85.000000")


async def test_a_cancel_takes_only_what_is_open(client: Client) -> None:
    name = (await client.add(price="90.00", cl_ord_id="mine"))["result"]["txid"][0]
    assert (await client.add(price="90.00", cl_ord_id="mine"))["error"] == ["EOrder:Duplicate cl_ord_id"]
    assert (await client.private("CancelOrder", cl_ord_id="mine"))["result"] == {"count": 1}
    assert (await client.private("CancelOrder", txid=name))["error"] == ["EOrder:Unknown order"]
    closed = (await client.private("ClosedOrders", cl_ord_id="mine"))["result"]
    assert [one["status"] for one in closed["closed"].values()] == ["canceled"]


async def test_lists_are_paged_by_fifty_and_by_time(client: Client) -> None:
    for _ in range(51):
        await client.add(volume="0.01", timeinforce="IOC")
    first = (await client.private("ClosedOrders"))["result"]
    rest = (await client.private("ClosedOrders", ofs="50"))["result"]
    assert (len(first["closed"]), len(rest["closed"]), first["count"]) == (50, 1, 51)
    assert len((await client.private("TradesHistory", ofs="50"))["result"]["trades"]) == 1
    later = (await client.private("ClosedOrders", start=str(int(time.time()) + 60)))["result"]
    assert later["count"] == 0


async def test_a_check_sends_nothing(client: Client) -> None:
    assert "txid" not in (await client.add(validate="true"))["result"]
    assert (await client.private("ClosedOrders"))["result"]["count"] == 0


async def test_past_the_limit_calls_are_refused() -> None:
    simulator = Simulator(build(raw(requests_per_second=2)))
    host, port = await simulator.start()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
        client = Client(session, f"http://{host}:{port}")
        said = [(await client.private("BalanceEx"))["error"] for _ in range(3)]
        assert said == [[], [], ["EAPI:Rate limit exceeded"]]
        assert (await client.add())["error"] == ["EOrder:Rate limit exceeded"]
    await simulator.stop()


async def test_an_order_whose_answer_is_lost_is_there(client: Client) -> None:
    fault = {"rest": [{"kind": "lost_after", "operation": "order", "count": 1}]}
    await client.control("PUT", "faults", fault)
    with pytest.raises(aiohttp.ClientError):
        await client.add(cl_ord_id="lost", timeinforce="IOC")
    found = (await client.private("ClosedOrders", cl_ord_id="lost"))["result"]["closed"]
    assert [one["vol_exec"] for one in found.values()] == ["1.00000000"]


async def test_an_order_can_fail_after_it_was_taken(client: Client) -> None:
    await client.control("PUT", "faults", {"orders": {"late_failure_after_fill": "0.5", "count": 1}})
    name = (await client.add(volume="2"))["result"]["txid"][0]
    order = await client.order(name)
    assert (order["status"], order["reason"], order["vol_exec"]) == ("canceled", "Out of funds", "1.00000000")


async def test_the_log_keeps_no_secret(client: Client) -> None:
    await client.add()
    log = json.dumps(await client.control("GET", "requests"))
    assert "AddOrder" in log
    assert KEY not in log
    assert "nonce" not in log


async def test_the_feed_gives_a_snapshot_then_changes_with_a_checksum(client: Client) -> None:
    async with client.session.ws_connect(client.base + "/v2") as socket:
        await socket.send_json(
            {"method": "subscribe", "params": {"channel": "book", "symbol": ["BTC/USD"]}, "req_id": 7}
        )
        assert (await socket.receive_json())["channel"] == "status"
        assert (await socket.receive_json())["req_id"] == 7
        text = await socket.receive_str()
        entry = json.loads(text)["data"][0]
        assert '{"price":100.10,"qty":5.00000000}' in text
        digits = "10010500000000" + "10020500000000" + "9990500000000" + "9980500000000"
        assert entry["checksum"] == zlib.crc32(digits.encode())
        await client.control("PUT", "books/BTC-USD", {"bids": [["99.90", "5"]], "asks": [["100.10", "4"]]})
        update = json.loads(await socket.receive_str())
        assert update["type"] == "update"
        assert update["data"][0]["bids"] == [{"price": 99.8, "qty": 0}]
        assert update["data"][0]["asks"] == [{"price": 100.2, "qty": 0}, {"price": 100.1, "qty": 4}]


def test_settings_that_contradict_are_refused() -> None:
    account = {"id": "desk", "api_key": KEY, "secret": "no-base64!"}
    with pytest.raises(SettingsError, match=r"kraken.accounts\[0\].secret: expected base64"):
        build(raw(accounts=[account]))
    twice = {"id": "desk", "api_key": KEY, "secret": SECRET}
    with pytest.raises(SettingsError, match="expected unique ids"):
        build(raw(accounts=[twice, twice]))


async def test_ccxt_s_own_client_trades_unmodified_but_for_its_address(client: Client) -> None:
    exchange = ccxt.async_support.kraken({"apiKey": KEY, "secret": SECRET, "enableRateLimit": False})
    exchange.urls["api"] |= {"public": client.base, "private": client.base}
    exchange.timeout_on_exit = 0

    async def apart(call: Coroutine[Any, Any, Any]) -> Any:
        # Its nonce is the millisecond, and no wire is as fast as loopback: one call a millisecond.
        await asyncio.sleep(0.002)
        return await call

    try:
        assert sorted(await exchange.load_markets()) == ["BTC/USD", "SOL/USD"]
        book = await exchange.fetch_order_book("BTC/USD")
        assert (book["bids"][0][:2], book["asks"][0][:2]) == ([99.9, 5.0], [100.1, 5.0])
        assert (await apart(exchange.fetch_balance()))["free"]["USD"] == 1000
        own_id = "0123456789abcdef0123456789abcdef"
        params = {"clientOrderId": own_id, "timeInForce": "IOC"}
        sent = await apart(exchange.create_order("BTC/USD", "limit", "buy", 2, 100.1, params))
        read = await apart(exchange.fetch_order(sent["id"]))
        assert (read["status"], read["filled"], read["clientOrderId"]) == ("closed", 2.0, own_id)
        [trade] = await apart(exchange.fetch_my_trades("BTC/USD"))
        assert (trade["order"], trade["price"], trade["amount"]) == (sent["id"], 100.1, 2.0)
        resting = await apart(exchange.create_order("BTC/USD", "limit", "sell", 1, 110))
        assert [one["id"] for one in await apart(exchange.fetch_open_orders("BTC/USD"))] == [resting["id"]]
        await apart(exchange.cancel_order(resting["id"]))
        with pytest.raises(ccxt.async_support.OrderNotFound):
            await apart(exchange.cancel_order(resting["id"]))
        with pytest.raises(ccxt.async_support.InsufficientFunds):
            await apart(exchange.create_order("BTC/USD", "limit", "buy", 100, 100))
    finally:
        await exchange.close()


async def test_ccxt_s_own_streams_follow_the_book(client: Client) -> None:
    exchange = ccxt.pro.kraken({"enableRateLimit": False})
    exchange.urls["api"] |= {"public": client.base, "private": client.base}
    exchange.urls["api"]["ws"]["publicV2"] = "ws" + client.base.removeprefix("http") + "/v2"
    exchange.timeout_on_exit = 0
    try:
        assert (await exchange.watch_order_book("BTC/USD"))["bids"][0] == [99.9, 5.0]
        change = {"bids": [["98.00", "1"]], "asks": [["99.00", "2"]]}
        await client.control("PUT", "books/BTC-USD", change)
        book = await exchange.watch_order_book("BTC/USD")
        assert (list(book["bids"]), list(book["asks"])) == ([[98.0, 1.0]], [[99.0, 2.0]])
    finally:
        await exchange.close()
