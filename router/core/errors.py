"""The whole error tree.

The type answers one question: what may the caller do next?

    RouterError                     what the router says no with; carries a `Code`
    ├── InvalidRequestError         mend the request: names each field, what was expected, what came
    ├── NotFoundError               there is no such resource
    ├── ConflictError               it clashes with what is already there
    │   └── ConnectionExistsError   names the connection that is there
    ├── AccountRefusedError         mend the connection's credentials or its account at the counterparty
    ├── RfqExpiredError             ask for a new price
    └── UnavailableError            nothing was accepted: try again later
    AmountError                     a text is no amount (money.py); its caller knows the field

What an order can end with is a value, not an exception: `OrderError`. The core knows nothing of HTTP: the
one table from code to status stands in `router/http/problems.py`.
"""

import enum

import msgspec

SHOWN_LENGTH_MAX = 80
"""Characters of an offending value that a message repeats."""


class Code(enum.StrEnum):
    """Every code of the contract, by name."""

    INVALID_REQUEST = "invalid_request"
    MALFORMED_JSON = "malformed_json"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    CLIENT_ORDER_ID_REUSED = "client_order_id_reused"
    NOT_A_PTS_CONNECTION = "not_a_pts_connection"
    ORDER_NOT_CANCELABLE = "order_not_cancelable"
    ORDER_NOT_IN_DOUBT = "order_not_in_doubt"
    OPERATION_NOT_IN_DOUBT = "operation_not_in_doubt"
    OPERATION_IN_DOUBT = "operation_in_doubt"
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused"
    NOT_A_TRADING_CONNECTION = "not_a_trading_connection"
    NOT_A_CUSTODY_CONNECTION = "not_a_custody_connection"
    CONNECTION_EXISTS = "connection_exists"
    CONNECTION_IN_SETTINGS = "connection_in_settings"
    CONNECTION_BUSY = "connection_busy"
    RFQ_EXPIRED = "rfq_expired"
    REQUEST_TOO_LARGE = "request_too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    TOO_MANY_REQUESTS = "too_many_requests"
    INTERNAL_ERROR = "internal_error"
    # before a send
    NO_ELIGIBLE_COUNTERPARTY = "no_eligible_counterparty"
    NO_QUOTES = "no_quotes"
    PRICE_MOVED = "price_moved"
    LIMIT_EXCEEDED = "limit_exceeded"
    TRADING_HALTED = "trading_halted"
    INTERRUPTED = "interrupted"
    # refused by the counterparty for want of credit (PTS)
    CREDIT_SHORT_LIMIT = "credit_short_limit"
    CREDIT_LONG_LIMIT = "credit_long_limit"
    CREDIT_TOTAL_SHORT_LIMIT = "credit_total_short_limit"
    CREDIT_INSUFFICIENT_COLLATERAL = "credit_insufficient_collateral"
    CREDIT_LIQUIDATION = "credit_liquidation"
    CREDIT_MARGIN_DISABLED = "credit_margin_disabled"
    CREDIT_FROZEN = "credit_frozen"
    CREDIT_UNAVAILABLE = "credit_unavailable"
    # refused by the counterparty for another reason
    INSUFFICIENT_FUNDS = "insufficient_funds"
    VELOCITY_LIMIT = "velocity_limit"
    TRADING_DISABLED = "trading_disabled"
    INVALID_QUANTITY = "invalid_quantity"
    INVALID_LIMIT_PRICE = "invalid_limit_price"
    KYC_NOT_APPROVED = "kyc_not_approved"
    VENUE_REJECTED = "venue_rejected"
    NOT_TAKEN = "not_taken"
    # a connection failed its test at the counterparty
    CREDENTIALS_REFUSED = "credentials_refused"
    SCOPE_MISSING = "scope_missing"
    ACCOUNT_NOT_FOUND = "account_not_found"
    MARGIN_NOT_ENABLED = "margin_not_enabled"
    WRONG_ACCOUNT_TYPE = "wrong_account_type"
    # nothing was done
    VAULT_UNAVAILABLE = "vault_unavailable"
    VENUE_UNAVAILABLE = "venue_unavailable"
    OVERLOADED = "overloaded"
    SHUTTING_DOWN = "shutting_down"
    STORE_UNAVAILABLE = "store_unavailable"

    @property
    def is_credit(self) -> bool:
        """Whether it says that a PTS account had no credit for the order."""
        return self.value.startswith("credit_")


class VenueError(msgspec.Struct, frozen=True):
    """What the counterparty said, word for word, for the caller and for its support desk."""

    name: str | None = None
    message: str | None = None
    request_id: str | None = None
    http_status: int | None = None


class OrderError(msgspec.Struct, frozen=True):
    """Why an order was refused: a value of the order's record."""

    code: Code
    detail: str
    retryable: bool = False
    connection_id: str | None = None
    venue_error: VenueError | None = None


class FieldError(msgspec.Struct, frozen=True):
    """One field of a request: its path (`quantity`, `connections[1]`), what was expected, what came."""

    field: str
    expected: str
    was: str | None


class RouterError(Exception):
    """The router says no; nothing was accepted and nothing was sent."""

    def __init__(self, code: Code, detail: str, *, retryable: bool = False) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.retryable = retryable


class InvalidRequestError(RouterError):
    """The request cannot be understood or breaks a rule of its fields; `errors` names each."""

    def __init__(self, *errors: FieldError) -> None:
        said = "; ".join(
            f"{error.field}: expected {error.expected}" + ("" if error.was is None else f", was {error.was}")
            for error in errors
        )
        super().__init__(Code.INVALID_REQUEST, said)
        self.errors = errors


class NotFoundError(RouterError):
    """There is no such resource."""

    def __init__(self, what: str) -> None:
        super().__init__(Code.NOT_FOUND, f"expected {what}, found none")


class ConflictError(RouterError):
    """The request clashes with what is already there; the code says how."""


class ConnectionExistsError(ConflictError):
    """There is such a connection already: the one named."""

    def __init__(self, detail: str, connection_id: str, name: str, *, pts: bool) -> None:
        super().__init__(Code.CONNECTION_EXISTS, detail)
        self.connection_id = connection_id
        self.name = name
        self.pts = pts


class AccountRefusedError(RouterError):
    """A connection failed its test at the counterparty: nothing was kept."""

    def __init__(self, code: Code, detail: str, venue_error: VenueError | None) -> None:
        super().__init__(code, detail)
        self.venue_error = venue_error


class RfqExpiredError(RouterError):
    """The prices of an RFQ no longer stand."""

    def __init__(self, detail: str) -> None:
        super().__init__(Code.RFQ_EXPIRED, detail)


class UnavailableError(RouterError):
    """The router cannot take the request now; nothing was accepted."""

    def __init__(self, code: Code, detail: str) -> None:
        super().__init__(code, detail, retryable=True)


class AmountError(ValueError):
    """A text that is no amount: what was expected, and what came."""

    def __init__(self, expected: str, was: object) -> None:
        super().__init__(f"expected {expected}, was {shown(was)}")
        self.expected = expected
        self.was = was


def shown(value: object) -> str:
    """A value as a message repeats it: its JSON where it has one, cut to `SHOWN_LENGTH_MAX` characters."""
    try:
        text = msgspec.json.encode(value).decode()
    except (TypeError, ValueError, OverflowError, RecursionError):
        text = repr(value)
    return text if len(text) <= SHOWN_LENGTH_MAX else text[: SHOWN_LENGTH_MAX - 1] + "…"
