"""What can go wrong, as data: the same shape in the settings and on the control endpoint."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from .money import AMOUNT_PATTERN

Operation = Literal[
    "any",
    "order",
    "order_lookup",
    "cancel",
    "book",
    "balances",
    "products",
    "trades",
    "margin",
    "margin_read",
    "margin_move",
    "collateral_transfer",
    "position_transfer",
    "cover",
    "close",
    "withdrawal",
    "withdrawal_cancel",
    "wallets",
    "wallet",
    "wallet_balances",
    "transfers",
    "transfer",
]
RestKind = Literal[
    "lost_before",
    "lost_after",
    "hang_before",
    "hang_after",
    "late_after",
    "late_before",
    "reset",
    "status",
    "html",
    "truncated",
    "garbage",
    "refuse",
]
FeedKind = Literal[
    "silent",
    "stale",
    "crossed",
    "garbage",
    "wrong_product",
    "off_tick",
    "disconnect",
    "refuse",
    "unordered",
]
Channel = Literal["level2", "orders"]
Count = Annotated[int, Meta(ge=1, le=1_000_000_000)]
Millis = Annotated[float, Meta(ge=0, le=3_600_000)]
Fraction = Annotated[str, Meta(pattern=rf"\A{AMOUNT_PATTERN}\Z")]


class Latency(Struct, forbid_unknown_fields=True, frozen=True):
    """A round trip that takes time: half before the request is processed, half after."""

    distribution: Literal["fixed", "uniform", "lognormal", "pareto"]
    operation: Operation = "any"
    ms: Millis | None = None
    min_ms: Millis | None = None
    max_ms: Millis | None = None
    median_ms: Millis | None = None
    sigma: Annotated[float, Meta(ge=0, le=10)] | None = None
    scale_ms: Millis | None = None
    alpha: Annotated[float, Meta(gt=0, le=100)] | None = None
    cap_ms: Millis | None = None
    count: Count | None = None

    def problem(self) -> str | None:
        """Say which field the distribution lacks."""
        needed = {
            "fixed": ("ms",),
            "uniform": ("min_ms", "max_ms"),
            "lognormal": ("median_ms", "sigma"),
            "pareto": ("scale_ms", "alpha"),
        }[self.distribution]
        lacking = [name for name in needed if getattr(self, name) is None]
        return (
            f"latency: expected {', '.join(lacking)} for {self.distribution}, was absent" if lacking else None
        )


class RestFault(Struct, forbid_unknown_fields=True, frozen=True):
    """A REST call that does not go as it should; `count` null means until cleared."""

    kind: RestKind
    operation: Operation = "any"
    count: Count | None = None
    probability: Annotated[float, Meta(ge=0, le=1)] = 1.0
    ms: Millis | None = None
    status: Annotated[int, Meta(ge=200, le=599)] | None = None
    body: Literal["json", "html", "empty"] = "json"
    processed: bool = False
    error_name: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    http_status: Annotated[int, Meta(ge=400, le=599)] | None = None

    def problem(self) -> str | None:
        """Say which field the kind lacks."""
        needed = {"late_after": "ms", "late_before": "ms", "status": "status", "refuse": "error_name"}.get(
            self.kind
        )
        if needed is not None and getattr(self, needed) is None:
            return f"rest: expected {needed} for {self.kind}, was absent"
        return None


class OrderFault(Struct, forbid_unknown_fields=True, frozen=True):
    """An order that is taken and then takes a turn."""

    partial_fill: Fraction | None = None
    late_failure: Literal["error", "canceled_internalError", "canceled_insufficientFunds"] | None = None
    late_failure_after_fill: Fraction | None = None
    delay_ms: Millis | None = None
    duplicate_messages: bool = False
    reorder_messages: bool = False
    drop_messages: bool = False
    count: Count | None = None


class FeedFault(Struct, forbid_unknown_fields=True, frozen=True):
    """A feed that misbehaves; without a channel, on both."""

    kind: FeedKind
    channel: Channel | None = None


class CreditFault(Struct, forbid_unknown_fields=True, frozen=True):
    """Credit that is used up: every margin order is refused."""

    exhausted: bool
    error_name: Annotated[str, Meta(min_length=1, max_length=200)] = (
        "backend:trade:marginInsufficientCollateral"
    )


class FaultSet(Struct, forbid_unknown_fields=True, frozen=True):
    """All faults of an account; an empty one is a healthy counterparty."""

    latency: Latency | list[Latency] | None = None
    rest: list[RestFault] = []
    orders: OrderFault | None = None
    feed: FeedFault | list[FeedFault] | None = None
    credit: CreditFault | None = None

    def latencies(self) -> list[Latency]:
        """Give the latencies as a list, however they were written."""
        if self.latency is None:
            return []
        return self.latency if isinstance(self.latency, list) else [self.latency]

    def feeds(self) -> list[FeedFault]:
        """Give the feed faults as a list, however they were written."""
        if self.feed is None:
            return []
        return self.feed if isinstance(self.feed, list) else [self.feed]

    def problems(self) -> list[str]:
        """Say what the faults lack that their kinds need."""
        found = [one.problem() for one in self.latencies()] + [one.problem() for one in self.rest]
        return [problem for problem in found if problem is not None]
