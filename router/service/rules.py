"""What the desk is run by: the settings that its parts decide with."""

from decimal import Decimal

import msgspec

from router.core.model import OnCreditFailure


class DeskRules(msgspec.Struct, frozen=True):
    """What the desk is run by; durations in nanoseconds."""

    quote_deadline_ns: int
    rfq_ttl_ns: int
    collar_bps: Decimal
    slippage_bps_max: Decimal
    answer_deadline_ns: int
    on_credit_failure: OnCreditFailure
    in_doubt_alert_ns: int = 60_000_000_000
