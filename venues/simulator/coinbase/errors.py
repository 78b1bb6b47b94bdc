"""Refusals: a status that is no success, and a `message` for people.  No machine code is documented.

What is wrong is in the status and in the state of the resource; the sentences here are made up, and whoever
matches them matches nothing that the real one has promised.
"""

from dataclasses import dataclass

import msgspec

from venues.simulator.delivery import Voice
from venues.simulator.errors import Answer, RefusedError


@dataclass(slots=True, eq=False)
class PrimeError(Exception):
    """A definite no."""

    message: str
    status: int = 400

    def answer(self) -> Answer:
        """Build the body."""
        return Answer(self.status, msgspec.json.encode({"message": self.message}))


def translated(refused: RefusedError) -> PrimeError:
    """Give the refusal of a field or a parameter, which is read by what all of the simulator reads with."""
    if refused.message is not None:
        return PrimeError(refused.message)
    match refused.name:
        case "backend:common:required":
            return PrimeError(f"{refused.key} is required.")
        case "backend:common:positiveIntegerRequired":
            return PrimeError(f"{refused.key} must be above zero.")
        case "backend:common:malformedJSON":
            return PrimeError("The body is no JSON.")
        case _:
            return PrimeError("The request is not valid.")


def _refusal(name: str, status: int | None, _request_id: str) -> Answer:
    return PrimeError(name, status if status is not None else 400).answer()


def _failure(status: int, _request_id: str) -> bytes:
    text = "Too many requests." if status == 429 else "Internal error."
    return msgspec.json.encode({"message": text})


VOICE = Voice(_refusal, _failure)
