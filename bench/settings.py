"""The settings of a router that is measured: as in production, but that no budget of requests holds it."""

import msgspec

from bench.stub import account_id

_ROUTER = """
[server]
port = 0
[store]
url = "{store}"
[competition]
balance_age_ms_max = 3600000
[execution]
answer_deadline_ms = {answer_ms}
{extra}
"""
_CONNECTION = """
[[connections]]
id = "c{index}"
name = "Account {index}"
counterparty = "bitgo_prime"
pts = {pts}
account_id = "{account}"
base_url = "http://127.0.0.1:{port}"
token = {{ env = "BENCH_TOKEN" }}
taker_fee_bps = "4"
requests_per_second = {rate}
"""


class RouterConfig(msgspec.Struct, frozen=True):
    """How a router is set up: `store` its URL, `ports` the stub of each connection; every other is PTS."""

    store: str
    ports: tuple[int, ...]
    requests_per_second: int = 100_000
    extra: str = ""
    answer_deadline_ms: int = 5000

    def text(self) -> str:
        """The settings file."""
        connections = (
            _CONNECTION.format(
                index=index,
                pts="true" if index % 2 else "false",
                account=account_id(index),
                port=port,
                rate=self.requests_per_second,
            )
            for index, port in enumerate(self.ports)
        )
        head = _ROUTER.format(store=self.store, extra=self.extra, answer_ms=self.answer_deadline_ms)
        return head + "".join(connections)
