"""A limit a minute, spread: no minute holds more, and none is left idle."""

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.ports import Lane
from tests.unit.venues.support import SECOND
from venues.bitgo_custody.client import PROBE_LANE, REPORT_LANE
from venues.transport.pace import pace
from venues.transport.slots import Slots

MINUTE = 60 * SECOND


@pytest.mark.parametrize(
    ("requests_per_minute", "expected"),
    [(360, (6, SECOND)), (60, (1, SECOND)), (120, (2, SECOND)), (20, (1, 3 * SECOND)), (1, (1, MINUTE))],
)
def test_a_limit_a_minute_as_slots_in_a_window(requests_per_minute: int, expected: tuple[int, int]) -> None:
    assert pace(requests_per_minute) == expected


@pytest.mark.parametrize("requests_per_minute", [0, -1])
def test_less_than_one_is_no_limit(requests_per_minute: int) -> None:
    with pytest.raises(ValueError, match="expected at least one request a minute"):
        pace(requests_per_minute)


def greedy(slots: Slots, lane: Lane, until: int) -> list[int]:
    """When requests went out of somebody who always wants one; each is answered at once."""
    now, sent = 0, []
    while now < until:
        if slots.try_take(lane, now):
            sent.append(now)
            slots.answered(now)
            continue
        at = slots.changes_at(now)
        assert at is not None
        assert at > now
        now = at
    return sent


@given(st.integers(min_value=1, max_value=900))
def test_no_minute_holds_more_than_the_limit(requests_per_minute: int) -> None:
    window: deque[int] = deque()
    for at in greedy(Slots(*pace(requests_per_minute)), PROBE_LANE, 3 * MINUTE):
        window.append(at)
        while window[0] <= at - MINUTE:
            window.popleft()
        assert len(window) <= requests_per_minute


def test_a_report_has_all_but_the_probes_share() -> None:
    sent = greedy(Slots(*pace(360)), REPORT_LANE, MINUTE)
    assert 290 <= len(sent) <= 300


def test_a_slot_rests_for_its_window_and_not_for_a_second() -> None:
    slots = Slots(*pace(20))
    assert slots.try_take(PROBE_LANE, 0)
    slots.answered(0)
    assert not slots.try_take(PROBE_LANE, 3 * SECOND)
    assert slots.try_take(PROBE_LANE, 3 * SECOND + SECOND // 50)


def test_another_limit_holds_from_the_next_request_on() -> None:
    slots = Slots(*pace(360))
    slots.resize(*pace(20))
    assert len(greedy(slots, PROBE_LANE, MINUTE)) <= 20
    slots = Slots(*pace(20))
    slots.resize(*pace(360))
    assert 20 < len(greedy(slots, PROBE_LANE, MINUTE)) <= 360
