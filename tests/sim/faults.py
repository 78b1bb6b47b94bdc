"""How badly a schedule's world behaves, drawn from its seed: the list of faults is the specification.

Each schedule has a few kinds of them and not all at once: two faults that hide each other are found by no
run, and neither is one that drowns in the rest.
"""

import msgspec

from tests.sim.world import World


class Faults(msgspec.Struct):
    """Probabilities, each of one event; delays in seconds. All zero: a calm world."""

    # on the way to the counterparty, and back
    unsent: float = 0
    lost_before: float = 0
    lost_after: float = 0
    late: float = 0
    garbage: float = 0
    conflict: float = 0
    slow_answer: float = 0
    read_fails: float = 0
    no_budget: float = 0
    # what the counterparty says and does
    refused: float = 0
    no_credit: float = 0
    no_credit_later: float = 0
    contradicts: float = 0
    shown_late: float = 0
    slow_fill: float = 0
    no_trades: float = 0
    cancel_lost: float = 0
    cancel_refused: float = 0
    # the prices that it is asked for
    quote_lost: float = 0
    quote_slow: float = 0
    quote_refused: float = 0
    quote_garbage: float = 0
    quote_short: float = 0
    quote_clock: float = 0
    quote_gone: float = 0
    # its feed
    feed_lost: float = 0
    feed_twice: float = 0
    feed_late: float = 0
    fills_missing: float = 0
    tells_less: float = 0
    # callers
    leaves: float = 0
    other_body: float = 0
    other_key: float = 0


KINDS = Faults.__struct_fields__
_OF_QUOTES = tuple(kind for kind in KINDS if kind.startswith("quote_"))
_OTHERS = tuple(kind for kind in KINDS if kind not in _OF_QUOTES)
_RARE = frozenset({"contradicts", "other_body"})


def draw(world: World) -> Faults:
    """A few faults, some of them likely."""
    rng = world.rng
    faults = Faults()
    if rng.random() < 0.05:
        return faults
    kinds = rng.sample(_OTHERS, rng.randrange(2, 9)) + rng.sample(_OF_QUOTES, rng.choice((0, 0, 1, 1, 2, 3)))
    for kind in kinds:
        likely = rng.choice((0.15, 0.4, 0.8))
        setattr(faults, kind, likely / 2 if kind in _RARE else likely)
    return faults
