"""HTTP to the router: one connection a request, no redirects, no retries, no proxies.

ClientError               there is no answer to show
├── UnreachableError      nothing was sent: no connection came about
└── UnansweredError       it was sent, and whether it was taken is not known
"""

import http.client
import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from router.secrets import Secret

ANSWER_BYTES_MAX: Final = 16 * 1024 * 1024
"""A page of a hundred orders with all their fills is far below; what is longer is no answer of a router."""

_READ_BYTES: Final = 64 * 1024


class ClientError(Exception):
    """There is no answer to show."""


class UnreachableError(ClientError):
    """No connection came about; nothing was sent."""


class UnansweredError(ClientError):
    """The request was sent, or a part of it, and no answer came."""


class Reply(msgspec.Struct, frozen=True):
    """An answer, whatever its status."""

    status: int
    media_type: str
    body: bytes
    headers: Mapping[str, str]

    @property
    def is_problem(self) -> bool:
        """Whether it is an error that the router itself explains."""
        return self.media_type == "application/problem+json"


class Client:
    """Requests to one router. `timeout_s`: for connecting, and between two bytes of an answer."""

    def __init__(self, url: str, key: Secret | None = None, timeout_s: float = 30.0) -> None:
        parts = urlsplit(url)
        self._https = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port
        self._prefix = parts.path.rstrip("/")
        self._key = key
        self._timeout_s = timeout_s

    def get(self, *path: str, query: Mapping[str, str] | None = None) -> Reply:
        """Read a resource. Raises `ClientError`."""
        return self._request("GET", path, query, None)

    def post(
        self,
        *path: str,
        body: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Post a body of JSON; once. `headers` go out besides the client's own. Raises `ClientError`."""
        return self._request("POST", path, None, {} if body is None else body, headers)

    def patch(self, *path: str, body: Mapping[str, object]) -> Reply:
        """Change a resource by what of it is to be another. Raises `ClientError`."""
        return self._request("PATCH", path, None, body)

    def delete(self, *path: str) -> Reply:
        """Remove a resource. Raises `ClientError`."""
        return self._request("DELETE", path, None, None)

    def put(self, *path: str, body: Mapping[str, object]) -> Reply:
        """Put a body of JSON. Raises `ClientError`."""
        return self._request("PUT", path, None, body)

    @contextmanager
    def stream(
        self, *path: str, query: Mapping[str, str], headers: Mapping[str, str], silence_s: float
    ) -> Iterator[tuple[Reply | None, Iterator[str]]]:
        """Read a resource line by line as it comes: the lines, or the reply where it is not of `Accept`.

        `silence_s`: how long the router may say nothing. Raises `ClientError`, also between two lines.
        """
        target, own = self._target(path, query), self._headers()
        connection = self._connect()
        refused: Reply | None = None
        try:
            try:
                connection.request("GET", target, headers={**own, **headers})
                if connection.sock is not None:
                    connection.sock.settimeout(max(silence_s, self._timeout_s))
                answer = connection.getresponse()
                if answer.headers.get_content_type() != headers.get("Accept"):
                    refused = self._reply(answer, answer.read(ANSWER_BYTES_MAX))
            except (OSError, http.client.HTTPException) as error:
                raise UnansweredError(f"{self._where}: asked, and no answer came: {_said(error)}") from error
            yield refused, self._lines(answer)
        finally:
            connection.close()

    def _lines(self, answer: http.client.HTTPResponse) -> Iterator[str]:
        """An answer's lines, without their ends. Raises `UnansweredError` where it ends before its end.

        `readline` looks ahead with `HTTPResponse.peek`, which lets an `IncompleteRead` pass and takes a
        chunked answer that broke off for one that ended; `read1` raises. Of a length that was stated,
        `read1` says nothing either, so what is missing of it is looked at here.
        """
        rest = b""
        while True:
            try:
                came = answer.read1(_READ_BYTES)
                if not came and answer.length:
                    raise http.client.IncompleteRead(rest, answer.length)
            except (OSError, http.client.HTTPException) as error:
                raise UnansweredError(
                    f"{self._where}: the answer broke off, what came is a part of it: {_said(error)}"
                ) from error
            *lines, rest = (rest + came).split(b"\n")
            for line in lines:
                yield line.decode(errors="replace").rstrip("\r")
            if len(rest) > ANSWER_BYTES_MAX:
                raise UnansweredError(f"{self._where}: expected lines of a length to read, was a longer one")
            if not came:
                break
        if rest:
            yield rest.decode(errors="replace")

    def _request(
        self,
        method: str,
        path: tuple[str, ...],
        query: Mapping[str, str] | None,
        body: Mapping[str, object] | None,
        more: Mapping[str, str] | None = None,
    ) -> Reply:
        target, headers = self._target(path, query), self._headers() | dict(more or {})
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        connection = self._connect()
        try:
            connection.request(method, target, body=data, headers=headers)
            answer = connection.getresponse()
            content = answer.read(ANSWER_BYTES_MAX + 1)
        except (OSError, http.client.HTTPException) as error:
            raise UnansweredError(f"{self._where}: sent, and no answer came: {_said(error)}") from error
        finally:
            connection.close()
        if len(content) > ANSWER_BYTES_MAX:
            raise UnansweredError(f"{self._where}: expected at most {ANSWER_BYTES_MAX} bytes, were more")
        return self._reply(answer, content)

    def _target(self, path: tuple[str, ...], query: Mapping[str, str] | None) -> str:
        target = f"{self._prefix}/{'/'.join(quote(part, safe='') for part in path)}"
        return target + "?" + urlencode(query) if query else target

    def _headers(self) -> dict[str, str]:
        headers = {"Accept": "application/json", "User-Agent": "caas-router-cli"}
        if self._key is not None:
            headers["Authorization"] = f"Bearer {self._key.reveal()}"
        return headers

    @staticmethod
    def _reply(answer: http.client.HTTPResponse, content: bytes) -> Reply:
        return Reply(
            status=answer.status,
            media_type=(answer.headers.get_content_type()),
            body=content,
            headers=dict(answer.headers.items()),
        )

    def _connect(self) -> http.client.HTTPConnection:
        if self._https:
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                self._host, self._port, timeout=self._timeout_s, context=ssl.create_default_context()
            )
        else:
            connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            raise UnreachableError(f"{self._where}: no connection: {_said(error)}") from error
        return connection

    @property
    def _where(self) -> str:
        port = "" if self._port is None else f":{self._port}"
        return f"{'https' if self._https else 'http'}://{self._host}{port}{self._prefix}"


def _said(error: Exception) -> str:
    """What an exception says, without a number that means nothing to people."""
    told = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return told or type(error).__name__
