"""The request budget, as a machine fed with times."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.ports import Lane
from tests.unit.venues.support import SECOND
from venues.transport.slots import COOL_NS, Slots, leaves

MS = SECOND // 1000


def taken(slots: Slots, lane: Lane, now: int = 0) -> int:
    count = 0
    while slots.try_take(lane, now):
        count += 1
    return count


@pytest.mark.parametrize(
    ("lane", "expected"),
    [(Lane.CANCEL, 10), (Lane.ORDER, 8), (Lane.LOOK_UP, 9), (Lane.BALANCES, 7), (Lane.REST, 6)],
)
def test_each_lane_leaves_slots_to_those_before_it(lane: Lane, expected: int) -> None:
    assert expected == taken(Slots(10), lane)


@pytest.mark.parametrize("size", range(1, 12))
@pytest.mark.parametrize("lane", list(Lane))
def test_no_size_shuts_a_lane_out(lane: Lane, size: int) -> None:
    assert Slots(size).try_take(lane, 0)
    assert leaves(lane, size) < size


def test_one_request_a_second_leaves_nothing_to_others() -> None:
    assert [leaves(lane, 1) for lane in Lane] == [0] * 5


def test_a_slot_is_free_a_second_after_the_answer_and_not_after_the_request() -> None:
    slots = Slots(1)
    assert slots.try_take(Lane.CANCEL, 0)
    slots.answered(5 * SECOND)
    assert not slots.try_take(Lane.CANCEL, 5 * SECOND + COOL_NS - 1)
    assert slots.try_take(Lane.CANCEL, 5 * SECOND + COOL_NS)


def test_an_unused_slot_is_free_at_once() -> None:
    slots = Slots(1)
    slots.try_take(Lane.CANCEL, 0)
    slots.unused()
    assert slots.free(0) == 1


def test_a_lower_remaining_is_believed_until_its_reset() -> None:
    slots = Slots(10)
    slots.told(2, 400, 0)
    assert slots.free(0) == 2
    slots.try_take(Lane.CANCEL, 0)
    assert slots.free(399 * MS) == 1
    assert slots.free(400 * MS) == 9


def test_a_higher_remaining_than_ours_is_not_believed() -> None:
    slots = Slots(3)
    taken(slots, Lane.CANCEL)
    slots.told(1000, 400, 0)
    assert slots.free(0) == 0


def test_a_reset_far_away_is_believed_for_five_seconds() -> None:
    slots = Slots(10)
    slots.told(0, 999_999_999, 0)
    assert slots.free(5 * SECOND - 1) == 0
    assert slots.free(5 * SECOND) == 10


def test_a_block_is_believed_for_a_minute_at_most() -> None:
    slots = Slots(10)
    slots.block(86_400, 0)
    assert slots.free(60 * SECOND - 1) == 0
    assert slots.changes_at(0) == 60 * SECOND
    assert slots.free(60 * SECOND) == 10


def test_another_limit_holds_at_once_and_what_rests_goes_on_resting() -> None:
    slots = Slots(4)
    taken(slots, Lane.CANCEL)
    slots.answered(0)
    slots.resize(10)
    assert (slots.size, slots.free(0)) == (10, 6)
    slots.resize(2)
    assert (slots.size, slots.free(0)) == (2, 0)
    slots.resize(5)
    assert (slots.free(COOL_NS - 1), slots.free(COOL_NS)) == (1, 2)


def test_another_limit_leaves_as_many_to_others_as_its_size_wants() -> None:
    slots = Slots(1)
    slots.resize(10)
    assert taken(slots, Lane.REST) == 6


@pytest.mark.parametrize(("reset_ms", "expected"), [(400, 400 * MS), (2000, COOL_NS)])
def test_what_is_in_the_way_changes_with_the_first_that_ends(reset_ms: int, expected: int) -> None:
    slots = Slots(2)
    assert slots.changes_at(0) is None
    slots.try_take(Lane.CANCEL, 0)
    slots.answered(0)
    assert slots.changes_at(0) == COOL_NS
    slots.told(0, reset_ms, 0)
    assert slots.changes_at(0) == expected


def test_a_limit_of_none_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Slots(0)


@given(
    size=st.integers(1, 12),
    steps=st.lists(
        st.tuples(st.integers(0, 400), st.integers(0, 900), st.integers(0, 900)), min_size=1, max_size=60
    ),
)
def test_no_window_of_a_second_at_the_counterparty_ever_holds_more_than_allowed(
    size: int, steps: list[tuple[int, int, int]]
) -> None:
    """Whenever a request arrives between its being sent and its answer, however long either takes."""
    slots, now = Slots(size), 0
    arrivals: list[int] = []
    answers: list[int] = []
    for pause_ms, way_ms, back_ms in steps:
        now += pause_ms * MS
        for at in sorted(at for at in answers if at <= now):
            slots.answered(at)
            answers.remove(at)
        if slots.try_take(Lane.CANCEL, now):
            arrivals.append(now + way_ms * MS)
            answers.append(now + (way_ms + back_ms) * MS)
    arrivals.sort()
    for first, beyond in zip(arrivals, arrivals[size:], strict=False):
        assert beyond - first > SECOND


EVENTS = st.sampled_from(["take", "answered", "unused", "told", "block", "resize", "look"])


@given(
    st.integers(1, 12), st.lists(st.tuples(EVENTS, st.integers(0, 12), st.integers(0, SECOND)), max_size=40)
)
def test_what_is_plenty_without_the_time_can_be_taken_at_any_time(
    size: int, events: list[tuple[str, int, int]]
) -> None:
    slots, now, busy = Slots(size), 0, 0
    for event, number, later in events:
        now += later
        if event == "take":
            busy += slots.try_take(Lane(number % len(Lane)), now)
        elif event in {"answered", "unused"} and busy:
            busy -= 1
            slots.answered(now) if event == "answered" else slots.unused()
        elif event == "told":
            slots.told(number, 400, now)
        elif event == "block" and number == 0:
            slots.block(1, now)
        elif event == "resize":
            slots.resize(max(1, number))
        elif event == "look":
            slots.free(now)
        known = [lane for lane in Lane if slots.plenty(lane)]
        # A copy is asked, for asking is a look.
        assert [lane for lane in known if not copy.deepcopy(slots).can_take(lane, now)] == []


def test_a_look_shows_plenty_until_it_is_taken() -> None:
    slots = Slots(4)
    assert not slots.plenty(Lane.CANCEL)

    assert slots.free(0) == 4

    assert slots.plenty(Lane.CANCEL)
    assert taken(slots, Lane.CANCEL) == 4
    assert not slots.plenty(Lane.CANCEL)
