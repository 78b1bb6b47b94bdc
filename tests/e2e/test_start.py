"""A router that cannot do its work says why in one line, and does not start."""

import asyncio
import socket
from pathlib import Path

from tests.e2e.system import CONNECTION, ROUTER, SPOT, TOKENS, Process


async def test_an_address_that_is_taken_is_named_and_ends_the_start(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        config = tmp_path / "router.toml"
        config.write_text(
            ROUTER.format(store_url=f"sqlite://{tmp_path}/router.db", extra="").replace(
                "port = 0", f"port = {port}"
            )
            + CONNECTION.format(
                id="spot",
                pts="false",
                account=SPOT,
                url="http://127.0.0.1:1",
                token="SPOT_TOKEN",
                requests_per_second=10,
            )
        )
        router = Process("serve", "--config", str(config), environment=TOKENS)
        said = await asyncio.to_thread(router.until, "text")
        assert said["text"].startswith(f"caas-router: expected to listen on 127.0.0.1:{port}, was: ")
        assert "address already in use" in said["text"]
        assert await asyncio.to_thread(router.ended) == 2
        assert [line["text"] for line in router.log if line["event"] == "text"] == [said["text"]]
