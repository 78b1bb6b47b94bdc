"""The tables that bound how the router runs, and the one that says how much it logs."""

import enum
from typing import Annotated

import msgspec

from router.core.model import OnCreditFailure

Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]
Milliseconds = Annotated[int, msgspec.Meta(ge=1, le=600_000)]


class ServerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the router listens. `port` 0: any free one, told by the log event `listening`."""

    host: str = "127.0.0.1"
    port: Port = 8080
    request_bytes_max: Annotated[int, msgspec.Meta(ge=1024, le=1_048_576)] = 65_536
    shutdown_deadline_ms: Milliseconds = 10_000
    in_flight_max: Annotated[int, msgspec.Meta(ge=1, le=65_536)] = 2048


class StoreSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the journal is: `sqlite:///absolute/path.db`, `sqlite:relative.db`, `postgresql://user@host/name`."""

    url: str = "sqlite:///var/lib/caas-router/router.db"


class CompetitionSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How prices are collected; the contract says what each means."""

    quote_deadline_ms: Annotated[int, msgspec.Meta(ge=1, le=60_000)] = 250
    book_age_ms_max: Annotated[int, msgspec.Meta(ge=1, le=60_000)] = 2000
    balance_refresh_ms: Annotated[int, msgspec.Meta(ge=100, le=600_000)] = 5000
    balance_age_ms_max: Annotated[int, msgspec.Meta(ge=100, le=3_600_000)] = 60_000
    rfq_ttl_ms: Annotated[int, msgspec.Meta(ge=100, le=60_000)] = 5000
    collar_bps: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 500


class ExecutionSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the winner is traded with; the contract says what each means."""

    slippage_bps_max: Annotated[int, msgspec.Meta(ge=0, le=5000)] = 50
    answer_deadline_ms: Annotated[int, msgspec.Meta(ge=1, le=120_000)] = 5000
    on_credit_failure: OnCreditFailure = OnCreditFailure.FAIL
    in_doubt_alert_ms: Annotated[int, msgspec.Meta(ge=1, le=86_400_000)] = 60_000


class LogLevel(enum.StrEnum):
    """How much is logged."""

    INFO = "info"
    """One line an order, when it ends, and whatever is not routine."""
    DEBUG = "debug"
    """Every step of every order, too: for who looks for a fault."""


class LogSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is written to stderr."""

    level: LogLevel = LogLevel.INFO
