"""One connection to the stub: HTTP until it is a feed."""

import asyncio
import base64
import hashlib
from typing import TYPE_CHECKING, Final

from bench.stub.wire import answer, between, frame

if TYPE_CHECKING:
    from bench.stub.server import Stub

_ACCEPT_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_ACCOUNTS: Final = b"/accounts/"
_NOTHING: Final = answer(b'{"data":[]}')


class Connection(asyncio.Protocol):
    """What a client sends, and what it is answered."""

    transport: asyncio.Transport

    def __init__(self, stub: "Stub") -> None:
        self._stub = stub
        self._rest = b""
        self._feed = False
        self.names: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio's."""
        self.transport = transport  # type: ignore[assignment]  # a stream's
        self._stub.opened += 1
        self._stub.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's
        """Asyncio's: a feed that is gone is told nothing."""
        self._stub.connections.discard(self)
        if self._feed:
            for sockets in self._stub.sockets.values():
                sockets.discard(self)

    def abort(self) -> None:
        """Close it."""
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Answer every request, or take every frame, that is whole."""
        if self._rest:
            data = self._rest + data
        while data:
            used = self._frame(data) if self._feed else self._request(data)
            if not used:
                break
            data = data[used:]
        self._rest = data

    def _request(self, data: bytes) -> int:
        """Answer one request; how many bytes it had, 0 where it is not whole yet."""
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return 0
        end += 4
        whole = end
        if not data.startswith(b"GET"):
            at = data.find(b"ontent-", 0, end)
            # Clients write the header in their own way; only this one matters, and only its digits.
            length = between(data[at - 1 : end].lower(), b"content-length:", b"\r\n")
            whole += int(length) if length else 0
            if len(data) < whole:
                return 0
        stub = self._stub
        stub.requests += 1
        target = data[: data.find(b" HTTP/", 0, end)]
        begin = target.find(_ACCOUNTS)
        if begin < 0:
            if target.endswith(b"/ws"):
                self.transport.write(self._upgrade(data[:end]))
            else:
                self.transport.write(stub.kraken.answer(target) if b" /0/" in target else _NOTHING)
            return whole
        begin += len(_ACCOUNTS)
        account, what = target[begin : begin + 32], target[begin + 32 :]
        if what == b"/orders" and data.startswith(b"POST"):
            stub.take(account, data[end:whole], self.transport.write)
        else:
            self.transport.write(self._read(account, what))
        return whole

    def _read(self, account: bytes, what: bytes) -> bytes:
        stub = self._stub
        if what.endswith(b"/level2"):
            return stub.book(account)
        if what == b"/products":
            return stub.products
        if what == b"/balances":
            return stub.balances
        if what.startswith(b"/orders/"):
            return stub.look_up(account, what[8:], listed=False)
        wanted = between(what + b"&", b"clientOrderId=", b"&")
        if wanted:
            return stub.look_up(account, wanted, listed=True)
        if what.startswith(b"/trades"):
            order_id = between(what + b"&", b"orderId=", b"&")
            return stub.trades(account, order_id, first_page=b"offset=0" in what)
        return _NOTHING

    def _upgrade(self, head: bytes) -> bytes:
        at = head.lower().find(b"sec-websocket-key:") + len(b"sec-websocket-key:")
        key = head[at : head.find(b"\r\n", at)].strip()
        accept = base64.b64encode(hashlib.sha1(key + _ACCEPT_GUID).digest())  # noqa: S324 - RFC 6455 says so
        self._feed = True
        return (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: %b\r\n\r\n" % accept
        )

    def _frame(self, data: bytes) -> int:
        """Take one frame of the feed; a client's are masked and short."""
        if len(data) < 6:
            return 0
        length, at = data[1] & 127, 2
        if length == 126:
            length, at = int.from_bytes(data[2:4], "big"), 4
        whole = at + 4 + length
        if len(data) < whole:
            return 0
        mask, masked = data[at : at + 4], data[at + 4 : whole]
        payload = bytes(byte ^ mask[index % 4] for index, byte in enumerate(masked))
        kind = data[0] & 15
        if kind == 9:
            self.transport.write(bytes((0x8A, len(payload))) + payload)
        elif kind == 8:
            self.transport.close()
        elif kind == 1:
            self._subscribe(payload)
        return whole

    def _subscribe(self, payload: bytes) -> None:
        account, channel = between(payload, b'"accountId":"'), between(payload, b'"channel":"')
        product = between(payload, b'"productId":"').decode()
        if b'"unsubscribe"' in payload:
            if product in self.names:
                self.names.remove(product)
            return
        self.transport.write(
            frame(
                b'{"type":"subscription_response","channel":"%b","accountId":"%b","productId":"%b",'
                b'"status":"subscribed"}' % (channel, account, product.encode())
            )
        )
        if channel == b"orders":
            self._stub.sockets.setdefault(account, set()).add(self)
        else:
            self.names.append(product)
            self.transport.write(self._stub.snapshot(account, product))
