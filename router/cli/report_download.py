"""A download that is whole or an error.

`http.client` looks ahead before it reads a line, and takes a chunked answer that broke off for one that ended
(`HTTPResponse.peek` lets an `IncompleteRead` pass, after which nothing is left to read). A report must not
look whole when it is not, so it is read by chunks here, which do raise, and cut into lines.
"""

import http.client
from collections.abc import Iterator
from typing import Final, Self

from router.cli.client import ANSWER_BYTES_MAX, Client, UnansweredError

_READ_BYTES: Final = 64 * 1024


class DownloadClient(Client):
    """A client whose streams end where the router ended them."""

    @classmethod
    def like(cls, client: Client) -> Self:
        """One that goes where another goes, with its key."""
        made = cls.__new__(cls)
        vars(made).update(vars(client))
        return made

    def _lines(self, answer: http.client.HTTPResponse) -> Iterator[str]:
        rest = b""
        while True:
            try:
                read = answer.read1(_READ_BYTES)
            except (OSError, http.client.HTTPException) as error:
                raise UnansweredError(
                    f"{self._where}: the report broke off: what was written is a part of it"
                ) from error
            *lines, rest = (rest + read).split(b"\n")
            for line in lines:
                yield line.decode(errors="replace").rstrip("\r")
            if len(rest) > ANSWER_BYTES_MAX:
                raise UnansweredError(f"{self._where}: expected lines of a length to read, was a longer one")
            if not read:
                break
        if rest:
            yield rest.decode(errors="replace")
