"""A feed that fails costs its connection nothing but freshness: prices are asked for until it is back."""

from itertools import count
from typing import Any

import pytest

from tests.e2e.system import PTS, Client, entries


@pytest.mark.parametrize(
    "kind", ["silent", "stale", "crossed", "garbage", "wrong_product", "off_tick", "unordered"]
)
async def test_a_feed_that_lies_never_becomes_a_quote(client: Client, kind: str) -> None:
    request = {"product": "BTC-USD", "side": "buy", "quantity": "0.01", "quantity_currency": "BTC"}

    async def entry() -> Any:
        _, rfq = await client.call("POST", "/v1/rfqs", {**request, "connections": ["pts"]})
        return next(entry for entry in rfq["entries"] if entry["connection"]["id"] == "pts")

    async def without_the_book() -> Any:
        found = await entry()
        assert found["price"] in (None, "100.10")
        return found if found["source"] == "request" or found["reason"] else None

    await client.faults(PTS, feed={"kind": kind, "channel": "level2"})
    found = await client.eventually(without_the_book)
    assert (found["source"], found["reason"]) == ("request", None)


async def test_while_a_feed_is_down_prices_are_asked_for(client: Client) -> None:
    await client.faults(PTS, feed={"kind": "refuse"})
    await client.control("POST", f"/accounts/{PTS}/disconnect")

    async def degraded() -> bool:
        _, connection = await client.call("GET", "/v1/connections/pts")
        return bool(connection["state"] == "degraded")

    async def asked() -> Any:
        _, order = await client.order(f"feed-down-{next(number)}", connections=["pts"], quantity="0.01")
        assert order["status"] == "filled"
        return entries(order)["pts"]["source"] == "request"

    number = count()
    await client.eventually(degraded)
    # The last book is a quote until it is too old.
    await client.eventually(asked)
