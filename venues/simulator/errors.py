"""The catalogue of documented refusals, and the one exception that carries one to the seam.

Source: bitgo-prime OpenAPI, the error examples of POST orders, of the look-ups, of cancel, and the shared
responses UnauthorizedError1, ForbiddenError1, MalformedJSONError, RateLimitError, internalServerError1.
"""

from dataclasses import dataclass, field
from decimal import Decimal

import msgspec

from .money import to_wire

INVALID_QUANTITY = "backend:trade:invalidQuantity"
INVALID_ARGUMENT = "backend:common:invalidArgument"
FORBIDDEN = "backend:common:forbidden"
RATE_LIMITED = "backend:common:rateLimitExceeded"
NOT_FOUND = "backend:common:notFound"


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer that was decided and not yet sent."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """How a documented refusal looks: its status, and its text where that is not just its name."""

    status: int = 400
    key: str | None = None
    text: str | None = None
    message: str | None = None


# One row a documented error; the keys, texts and messages are those of the published examples.
CATALOGUE: dict[str, Entry] = {
    "Error": Entry(status=401, text="Unauthorized"),
    FORBIDDEN: Entry(status=403),
    "backend:common:internalServerError": Entry(status=500),
    "backend:common:malformedJSON": Entry(status=422),
    RATE_LIMITED: Entry(status=429),
    NOT_FOUND: Entry(status=404, key="orderID"),
    "backend:common:inUse": Entry(status=409, key="clientOrderId"),
    "backend:common:invalidRequest": Entry(),
    INVALID_ARGUMENT: Entry(key="type"),
    "backend:common:required": Entry(key="duration"),
    "backend:common:positiveIntegerRequired": Entry(),
    INVALID_QUANTITY: Entry(),
    "backend:trade:invalidUserIntent": Entry(text="sell orders must be placed in base quantity"),
    "backend:trade:invalidClientOrderID": Entry(),
    "backend:trade:unsupportedProduct": Entry(),
    "backend:trade:invalidLimitPrice": Entry(
        key="limitPrice", message="limitPrice exceeds maximum decimal precision of 2"
    ),
    "backend:trade:invalidStopTriggerPrice": Entry(key="triggerPrice"),
    "backend:trade:tradingDisabled": Entry(),
    "backend:trade:productTradingDisabled": Entry(),
    "backend:trade:productSideTradingDisabled": Entry(),
    "backend:trade:productMarginTradingDisabled": Entry(),
    "backend:trade:productAlgoStrategyDisabled": Entry(),
    "backend:trade:KYCNotApproved": Entry(),
    "backend:trade:insufficientFunds": Entry(),
    "backend:trade:marginShortNOP": Entry(),
    "backend:trade:marginLongNOP": Entry(),
    "backend:trade:marginTotalShortNOP": Entry(),
    "backend:trade:willTriggerLiquidation": Entry(),
    "backend:trade:velocityLimitBreached": Entry(),
    "backend:trade:marginInsufficientCollateral": Entry(),
    "backend:trade:orderNotCancelable": Entry(),
    "backend:externalAPI:invalidParameters": Entry(text="invalid UUID length: 10"),
}


@dataclass(frozen=True, slots=True)
class QuantityDetail:
    """The object that stands in `error` of `invalidQuantity` (ValidationError1)."""

    currency: str
    message: str
    minimum: Decimal | None = None
    maximum: Decimal | None = None

    def to_json(self) -> dict[str, str]:
        """Give the object as the published example writes it."""
        found = {"currencySymbol": self.currency, "message": self.message}
        if self.minimum is not None:
            found["minQuantity"] = to_wire(self.minimum)
        if self.maximum is not None:
            found["maxQuantity"] = to_wire(self.maximum)
        return found


@dataclass(slots=True, eq=False)
class RefusedError(Exception):
    """A definite no, with all that its documented body needs."""

    name: str
    key: str | None = None
    message: str | None = None
    detail: QuantityDetail | None = None
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = field(default=())
    # What stands in `error` where the published example of the operation has a sentence of its own.
    text: str | None = None

    def answer(self, req_id: str) -> Answer:
        """Build the documented body under this request id."""
        entry = CATALOGUE.get(self.name, Entry())
        status = self.status if self.status is not None else entry.status
        body: dict[str, object] = {"errorName": self.name, "reqId": req_id}
        if self.detail is not None:
            body["error"] = self.detail.to_json()
        elif self.text is not None:
            body["error"] = self.text
        elif self.name == FORBIDDEN:
            body["error"] = f"Forbidden, reqId={req_id}"
        else:
            stem = entry.text if entry.text is not None else self.name
            body["error"] = f"{stem} key={self.key}" if self.key is not None else stem
        if self.message is not None:
            context = {"errorName": self.name, "message": self.message}
            if self.key is not None:
                context["field"] = self.key
            body["context"] = context
        return Answer(status, msgspec.json.encode(body), headers=self.headers)


def documented(name: str, status: int | None = None) -> RefusedError:
    """Give the refusal as its published example has it; a name outside the catalogue goes out as it is."""
    entry = CATALOGUE.get(name, Entry())
    detail = None
    if name == INVALID_QUANTITY:
        detail = QuantityDetail("USD", "Amount must be at least 10 USD.", minimum=Decimal(10))
    return RefusedError(name, key=entry.key, message=entry.message, detail=detail, status=status)


def invalid_argument(key: str, message: str) -> RefusedError:
    """Give the refusal of a value, with the field and a sentence in `context`."""
    return RefusedError(INVALID_ARGUMENT, key=key, message=message)


def required(key: str) -> RefusedError:
    """Give the refusal of a request that lacks a field."""
    return RefusedError("backend:common:required", key=key)
