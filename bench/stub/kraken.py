"""The paths of Kraken that a loop over ccxt asks for: assets, pairs, a book, an order.

Source: Kraken Spot REST API, the answers of Assets, AssetPairs, Depth and AddOrder.
"""

from typing import Final

from bench.stub.wire import LEVELS, answer

_AT: Final = 1_760_000_000


def _told(result: bytes) -> bytes:
    return answer(b'{"error":[],"result":%b}' % result)


def _asset(name: str, altname: str, decimals: int) -> str:
    return (
        f'"{name}":{{"aclass":"currency","altname":"{altname}","decimals":{decimals},'
        '"display_decimals":2,"status":"enabled"}'
    )


_ASSETS: Final = "{" + _asset("XXBT", "XBT", 10) + "," + _asset("ZUSD", "USD", 4) + "}"
_PAIRS: Final = (
    '{"XXBTZUSD":{"altname":"XBTUSD","wsname":"XBT/USD","aclass_base":"currency","base":"XXBT",'
    '"aclass_quote":"currency","quote":"ZUSD","lot":"unit","cost_decimals":5,"pair_decimals":2,'
    '"lot_decimals":8,"lot_multiplier":1,"leverage_buy":[],"leverage_sell":[],"fees":[[0,0.04]],'
    '"fees_maker":[[0,0.04]],"fee_volume_currency":"ZUSD","margin_call":80,"margin_stop":40,'
    '"ordermin":"0.0001","costmin":"0.5","tick_size":"0.01","status":"online"}}'
)


def _depth() -> str:
    asks = ",".join(f'["{(10_000 + n) / 100:.2f}","1000.00000000",{_AT}]' for n in range(LEVELS))
    bids = ",".join(f'["{(9_990 - n) / 100:.2f}","1000.00000000",{_AT}]' for n in range(LEVELS))
    return f'{{"XXBTZUSD":{{"asks":[{asks}],"bids":[{bids}]}}}}'


class KrakenPaths:
    """The answers, made once but for an order's, which has an id of its own."""

    def __init__(self) -> None:
        self._known = {
            b"Assets": _told(_ASSETS.encode()),
            b"AssetPairs": _told(_PAIRS.encode()),
            b"Depth": _told(_depth().encode()),
        }
        self._orders = 0

    def answer(self, target: bytes) -> bytes:
        """The answer to a request, by the last step of its path."""
        operation = target.rpartition(b"/")[2].partition(b"?")[0]
        if operation == b"AddOrder":
            self._orders += 1
            return _told(
                b'{"descr":{"order":"buy 0.5 XBTUSD @ limit 100.50"},"txid":["O%05d-%05d-BENCH0"]}'
                % divmod(self._orders, 100_000)
            )
        return self._known.get(operation) or answer(b'{"error":["EGeneral:Unknown method"]}')
