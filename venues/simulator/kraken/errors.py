"""Kraken's errors: HTTP 200 with `{"error": ["ESeverity:Message"]}`, and no `result`.

Source: Kraken Spot REST API, "Errors" (general, account, trading), and the messages that its published
clients match.
"""

from dataclasses import dataclass

import msgspec

from venues.simulator.delivery import Voice
from venues.simulator.errors import Answer

INVALID_KEY = "EAPI:Invalid key"
INVALID_SIGNATURE = "EAPI:Invalid signature"
INVALID_NONCE = "EAPI:Invalid nonce"
RATE_LIMIT = "EAPI:Rate limit exceeded"
ORDER_RATE_LIMIT = "EOrder:Rate limit exceeded"
PERMISSION_DENIED = "EGeneral:Permission denied"
INVALID_ARGUMENTS = "EGeneral:Invalid arguments"
UNKNOWN_METHOD = "EGeneral:Unknown method"
INTERNAL = "EGeneral:Internal error"
UNKNOWN_PAIR = "EQuery:Unknown asset pair"
UNKNOWN_ORDER = "EOrder:Unknown order"
INVALID_ORDER = "EOrder:Invalid order"
INVALID_PRICE = "EOrder:Invalid price"
MINIMUM = "EOrder:Order minimum not met"
COST_MINIMUM = "EOrder:Cost minimum not met"
FUNDS = "EOrder:Insufficient funds"
DUPLICATE = "EOrder:Duplicate cl_ord_id"
CANCEL_ONLY = "EService:Market in cancel_only mode"


@dataclass(slots=True, eq=False)
class KrakenError(Exception):
    """A definite no, in Kraken's words."""

    text: str

    def answer(self, status: int = 200) -> Answer:
        """Build the body."""
        return Answer(status, msgspec.json.encode({"error": [self.text]}))


def invalid(field: str) -> KrakenError:
    """Give the refusal of a parameter: the field stands behind the message."""
    return KrakenError(f"{INVALID_ARGUMENTS}:{field}")


def _refusal(name: str, status: int | None, _request_id: str) -> Answer:
    return KrakenError(name).answer(200 if status is None else status)


def _failure(status: int, _request_id: str) -> bytes:
    return msgspec.json.encode({"error": [RATE_LIMIT if status == 429 else INTERNAL]})


VOICE = Voice(_refusal, _failure)
