"""When requests are due: as many as the rate's integral says, in order, alike for a seed."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.load.arrivals import SECOND_NS, Arrivals, Stage, drawing, due_times


def stage(rate: float, ramp_to: float, duration_s: float) -> Stage:
    return Stage(name="s", rate=rate, ramp_to=ramp_to, duration_s=duration_s)


RATES = st.floats(0, 500).map(lambda rate: round(rate, 2))
STAGES = st.builds(
    stage,
    RATES,
    RATES,
    st.floats(0.1, 5).map(lambda duration_s: round(duration_s, 2)),
)


def due_by(each: Stage, seconds: float) -> float:
    """How many requests are due in a stage's first seconds: the integral of its rate."""
    return seconds * (each.rate + (each.ramp_to - each.rate) * seconds / (2 * each.duration_s))


def times(stages: list[Stage], arrivals: Arrivals = Arrivals.CONSTANT, seed: int = 1) -> list[int]:
    return [arrival.at_ns for arrival in due_times(stages, arrivals, drawing(seed, "arrivals"))]


def test_a_constant_rate_is_due_at_equal_distances_from_the_beginning() -> None:
    assert times([stage(4, 4, 1)]) == [0, SECOND_NS // 4, SECOND_NS // 2, 3 * SECOND_NS // 4]


def test_a_ramp_from_nothing_is_denser_toward_its_end() -> None:
    # 0 to 8 a second in a second: after t seconds 4 t² are due.
    assert times([stage(0, 8, 1)]) == [0, *(round(math.sqrt(n / 4) * SECOND_NS) for n in (1, 2, 3))]


def test_a_ramp_down_to_nothing_is_the_mirror_of_one_up() -> None:
    assert times([stage(8, 0, 1)]) == [round((1 - math.sqrt(1 - n / 4)) * SECOND_NS) for n in range(4)]


def test_a_pause_has_no_requests_and_takes_its_time() -> None:
    assert times([stage(1, 1, 1), stage(0, 0, 3), stage(1, 1, 1)]) == [0, 4 * SECOND_NS]


def test_a_fraction_of_a_request_goes_on_into_the_next_stage() -> None:
    assert len(times([stage(1, 1, 0.5), stage(1, 1, 0.5), stage(1, 1, 0.5), stage(1, 1, 0.5)])) == 2


def test_each_request_knows_its_stage() -> None:
    stages = [stage(2, 2, 1), stage(3, 3, 1)]
    found = [arrival.stage for arrival in due_times(stages, Arrivals.CONSTANT, drawing(1, "arrivals"))]
    assert found == [0, 0, 1, 1, 1]


@given(st.lists(STAGES, min_size=1, max_size=5))
def test_as_many_are_due_as_the_rate_adds_up_to(stages: list[Stage]) -> None:
    found = times(stages)
    assert abs(len(found) - sum(each.requests for each in stages)) <= 1
    assert found == sorted(found)
    assert not found or 0 <= found[0] <= found[-1] <= sum(each.duration_s for each in stages) * SECOND_NS + 1


@given(STAGES, st.floats(0, 1))
def test_so_many_are_due_when_it_says(each: Stage, share: float) -> None:
    wanted = each.requests * share
    assert due_by(each, each.when(wanted)) == pytest.approx(wanted, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("ramp_to", [200.0, 1000.0])
def test_poisson_arrivals_have_the_rate_and_the_spread_of_one(ramp_to: float) -> None:
    each = stage(200, ramp_to, 50)
    found = times([each], Arrivals.POISSON)
    # Five standard deviations of a Poisson count; the seed is fixed, so that it never fails by chance.
    assert abs(len(found) - each.requests) < 5 * math.sqrt(each.requests)
    half = due_by(each, 25)
    assert abs(sum(at < 25 * SECOND_NS for at in found) - half) < 5 * math.sqrt(half)
    # Gaps in units of what is due between: exponential, so the mean of their squares is 2.
    gaps = [
        due_by(each, later / SECOND_NS) - due_by(each, earlier / SECOND_NS)
        for earlier, later in pairwise(found)
    ]
    assert sum(gap * gap for gap in gaps) / len(gaps) == pytest.approx(2, rel=0.1)


def test_a_seed_gives_the_same_times_again_and_another_seed_others() -> None:
    stages = [stage(100, 300, 2)]
    assert times(stages, Arrivals.POISSON, 7) == times(stages, Arrivals.POISSON, 7)
    assert times(stages, Arrivals.POISSON, 7) != times(stages, Arrivals.POISSON, 8)
