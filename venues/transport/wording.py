"""What a counterparty says, made fit to be shown: cut, printable, without our own secret in it."""

from typing import Final

import msgspec

from router.core.errors import VenueError
from router.secrets import Secret

NAME_LENGTH_MAX: Final = 128
MESSAGE_LENGTH_MAX: Final = 512
_MASK: Final = "…"


def plain(value: object, length_max: int) -> str | None:
    """A text of at most `length_max` characters, none of them a control character; None where it is none."""
    if not isinstance(value, str) or not value:
        return None
    kept = "".join(character if character.isprintable() else " " for character in value[:length_max])
    return kept if len(value) <= length_max else kept[:-1] + "…"


def masked(error: VenueError, secret: Secret) -> VenueError:
    """The same without the secret, should the counterparty repeat it.

    Texts are cut before they come here, so that a secret at the end of one may have lost its tail: what is
    left of it goes too.
    """
    return msgspec.structs.replace(
        error,
        name=_without(error.name, secret.reveal()),
        message=_without(error.message, secret.reveal()),
        request_id=_without(error.request_id, secret.reveal()),
    )


def _without(text: str | None, secret: str) -> str | None:
    if text is None or not secret:
        return text
    text = text.replace(secret, _MASK)
    end = text.removesuffix("…")
    for length in range(min(len(secret) - 1, len(end)), _TAIL_LENGTH_MIN - 1, -1):
        if end.endswith(secret[:length]):
            return end[:-length] + _MASK
    return text


_TAIL_LENGTH_MIN: Final = 4
"""Fewer characters of a secret than this tell nothing, and would be found in any text."""
